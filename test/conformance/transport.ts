/**
 * What every transport must do, whatever its protocol. A binding joins with a rig: a broker of its own
 * and a few ways to act on it from the other side.
 */
import * as assert from 'uvu/assert'
import type { Connection } from '../../src/connection/types.ts'
import {
  ConnectError,
  type ConnectFailure,
  MAX_BATCH,
  type TransportFactory,
} from '../../src/transport/transport.ts'
import { Probe } from '../support/probe.ts'
import { suite } from '../support/suite.ts'

/** A broker with its other side. */
export interface Rig {
  readonly factory: TransportFactory
  /**
   * A connection of its own, with durable consumption: one source and one target with the addresses
   * below; a message settled with `retry` must come again, if need be after a reconnect. What it
   * needs at the broker is there when it resolves.
   */
  connection(id: string): Connection | Promise<Connection>
  /** Puts messages where the connection's source finds them; resolves when the broker has them. */
  send(id: string, payloads: readonly string[]): Promise<void>
  /** Runs `act` and returns the first `count` payloads that arrive at the connection's target. */
  receive(id: string, count: number, act: () => Promise<unknown>): Promise<readonly string[]>
  /** Most messages the broker delivers without a settlement. */
  readonly window: number
  /** Ends the broker without warning. */
  kill(): Promise<void>
  /** Starts it again. */
  restart(): Promise<void>
  /** The broker stays connected and answers nothing. */
  freeze(): void
  thaw(): void
  /** Connections that cannot be opened, and how that must be classified. */
  refusals(): Promise<readonly Refusal[]>
  stop(): Promise<void>
}

export interface Refusal {
  readonly title: string
  readonly connection: Connection
  readonly failure: ConnectFailure
  readonly status: ConnectError['status']
  /** Must not appear in the error. */
  readonly secret?: string
}

const IN_FLIGHT = 200

/** Address of the connection's target. */
export function targetOf(connection: Connection): string {
  return connection.targets[0]!.address
}

/** Registers the suite for one binding. */
export function transportConformance(name: string, startRig: () => Promise<Rig>): void {
  const it = suite(`transport: ${name}`)
  let rig: Rig
  const probes: Probe[] = []
  const open = async (connection: Connection): Promise<Probe> => {
    const probe = await Probe.open(rig.factory, connection)
    probes.push(probe)
    return probe
  }
  /** A connection whose first session has ended: its messages wait at the broker. */
  const known = async (id: string): Promise<Connection> => {
    const connection = await rig.connection(id)
    await (await open(connection)).transport.close()
    return connection
  }
  it.before(async () => {
    rig = await startRig()
  })
  it.afterEach(async () => {
    await Promise.all(probes.splice(0).map(({ transport }) => transport.close()))
  })
  it.after(() => rig.stop())

  it('opens and says so for every address', async () => {
    const probe = await open(await rig.connection('opens'))
    const last = new Map(probe.statuses.map((status) => [status.kind, status.status]))
    assert.equal(Object.fromEntries(last), { source: 'open', target: 'open' })
    assert.equal(probe.lost, [])
  })

  it('classifies why it cannot be opened, without telling secrets', async () => {
    for (const { title, connection, failure, status, secret } of await rig.refusals()) {
      const error = await Probe.open(rig.factory, connection).then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      if (!(error instanceof ConnectError)) throw new Error(`${title}: no ConnectError`)
      assert.equal([error.failure, error.status], [failure, status], `${title}: ${error.message}`)
      if (secret !== undefined) assert.not(error.message.includes(secret), title)
    }
  })

  it('gives up opening when told to, and when closed', async () => {
    for (const stop of ['signal', 'close'] as const) {
      const probe = new Probe(rig.factory, await rig.connection('cancelled'))
      const abort = new AbortController()
      const opening = probe.transport.open(abort.signal).then(
        () => 'opened',
        () => 'rejected',
      )
      if (stop === 'signal') abort.abort()
      else await probe.transport.close()
      // A binding may have been quicker; then closing must still work.
      assert.ok(['opened', 'rejected'].includes(await opening))
      await probe.transport.close()
      assert.equal(probe.lost, [])
    }
  })

  it('delivers in order, in batches, and does not deliver again what was settled', async () => {
    const connection = await rig.connection('settled')
    const probe = await open(connection)
    const payloads = numbered(300)
    probe.settlement = 'accept'
    await rig.send('settled', payloads)
    await probe.delivered(300)
    assert.equal(probe.payloads, payloads)
    assert.ok(probe.batches.every((size) => size > 0 && size <= MAX_BATCH))
    const [first] = probe.deliveries
    assert.equal(first?.source, 0)
    assert.equal(first?.sourceAddress, connection.sources[0]?.addresses[0])
    await probe.transport.close()
    const next = await open(connection)
    await next.quiet()
    assert.equal(next.payloads, [])
  })

  it('does not deliver again what was rejected', async () => {
    const connection = await rig.connection('rejected')
    const probe = await open(connection)
    probe.settlement = 'reject'
    await rig.send('rejected', ['a', 'b'])
    await probe.delivered(2)
    await probe.transport.close()
    const next = await open(connection)
    await next.quiet()
    assert.equal(next.payloads, [])
  })

  it('delivers again what was settled with retry', async () => {
    const connection = await rig.connection('retried')
    const probe = await open(connection)
    await rig.send('retried', ['a'])
    await probe.delivered(1)
    probe.deliveries[0]?.settle('retry')
    await probe.until(
      () => probe.deliveries.length > 1 || probe.lost.length > 0,
      'a second delivery, or the end of the session',
    )
    if (probe.lost.length === 0) {
      assert.equal(probe.payloads, ['a', 'a'])
      return
    }
    assert.type(probe.lost[0]?.reconnectAfterMs, 'number')
    const next = await open(connection)
    await next.delivered(1)
    assert.equal(next.payloads, ['a'])
  })

  it('leaves unsettled messages to the next session', async () => {
    const connection = await rig.connection('unsettled')
    const probe = await open(connection)
    await rig.send('unsettled', numbered(5))
    await probe.delivered(5)
    for (const index of [0, 1]) probe.deliveries[index]?.settle('accept')
    await probe.transport.close()
    // Settlements of an ended session have nowhere to go.
    probe.deliveries[2]?.settle('accept')
    const next = await open(connection)
    await next.delivered(3)
    assert.equal(next.payloads, numbered(5).slice(2))
  })

  it('stops at the window of unsettled messages and goes on when they are settled', async () => {
    const probe = await open(await rig.connection('window'))
    const count = rig.window * 2 + 50
    await rig.send('window', numbered(count))
    await probe.delivered(rig.window)
    await probe.quiet()
    assert.ok(probe.deliveries.length < count, 'nothing bounds what is in flight')
    probe.settlement = 'accept'
    for (const delivery of [...probe.deliveries]) delivery.settle('accept')
    await probe.delivered(count)
    assert.equal(probe.payloads, numbered(count))
  })

  it(`settles ${IN_FLIGHT} messages in any order`, async () => {
    const connection = await rig.connection('any-order')
    const probe = await open(connection)
    await rig.send('any-order', numbered(IN_FLIGHT))
    await probe.delivered(IN_FLIGHT)
    for (const [index, delivery] of shuffled(probe.deliveries).entries()) {
      delivery.settle('accept')
      if (index % 7 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await probe.transport.close()
    const next = await open(connection)
    await next.quiet()
    assert.equal(next.payloads, [])
  })

  it('publishes in order and tells the outcome', async () => {
    const connection = await rig.connection('published')
    const probe = await open(connection)
    const payloads = numbered(300)
    const received = await rig.receive('published', 300, async () => {
      const outcomes = await Promise.all([
        probe.publish(targetOf(connection), payloads.slice(0, 100)),
        probe.publish(targetOf(connection), payloads.slice(100)),
      ])
      assert.equal(new Set(outcomes.flat().map(({ ok }) => ok)), new Set([true]))
      assert.equal(
        outcomes.map(({ length }) => length),
        [100, 200],
      )
    })
    assert.equal(received, payloads)
  })

  it('an empty batch has no outcomes', async () => {
    const probe = await open(await rig.connection('empty'))
    assert.equal(await probe.transport.publish([]), [])
  })

  it('publishing fails where there is no session', async () => {
    const connection = await rig.connection('nowhere')
    const probe = new Probe(rig.factory, connection)
    const before = await probe.publish(targetOf(connection), ['a', 'b'])
    assert.equal(
      before.map(({ ok }) => ok),
      [false, false],
    )
    await probe.transport.open(new AbortController().signal)
    await probe.transport.close()
    const after = await probe.publish(targetOf(connection), ['a', 'b'])
    assert.equal(
      after.map(({ ok }) => ok),
      [false, false],
    )
  })

  it('holds messages back while paused and loses none', async () => {
    const probe = await open(await rig.connection('paused'))
    probe.settlement = 'accept'
    await rig.send('paused', ['0'])
    await probe.delivered(1)
    probe.transport.pause()
    probe.transport.pause()
    await rig.send('paused', ['1', '2', '3'])
    await probe.quiet()
    assert.equal(probe.payloads, ['0'])
    probe.transport.resume()
    await probe.delivered(4)
    assert.equal(probe.payloads, ['0', '1', '2', '3'])
  })

  it('paused before it is open, delivers nothing until resumed', async () => {
    const connection = await known('paused-before')
    await rig.send('paused-before', ['0', '1'])
    const probe = new Probe(rig.factory, connection)
    probes.push(probe)
    probe.transport.pause()
    await probe.transport.open(new AbortController().signal)
    await probe.quiet()
    assert.equal(probe.payloads, [])
    probe.transport.resume()
    await probe.delivered(2)
    assert.equal(probe.payloads, ['0', '1'])
  })

  it('publishes while paused', async () => {
    const connection = await rig.connection('paused-out')
    const probe = await open(connection)
    probe.transport.pause()
    await rig.send('paused-out', numbered(10))
    const received = await rig.receive('paused-out', 2, async () => {
      const outcomes = await probe.publish(targetOf(connection), ['a', 'b'])
      assert.equal(
        outcomes.map(({ ok }) => ok),
        [true, true],
      )
    })
    assert.equal(received, ['a', 'b'])
  })

  it('having stopped consuming, settles and publishes; what comes later waits', async () => {
    const connection = await rig.connection('stopped')
    const probe = await open(connection)
    await rig.send('stopped', ['0', '1'])
    await probe.delivered(2)
    await probe.transport.stopConsuming(connection)
    await rig.send('stopped', ['2'])
    for (const delivery of probe.deliveries) delivery.settle('accept')
    const received = await rig.receive('stopped', 1, () =>
      probe.publish(targetOf(connection), ['reply']),
    )
    assert.equal(received, ['reply'])
    await probe.quiet()
    assert.equal(probe.payloads, ['0', '1'])
    await probe.transport.close()
    const next = await open(connection)
    await next.delivered(1)
    assert.equal(next.payloads, ['2'])
  })

  it('finds what was sent while it was away', async () => {
    const connection = await known('away')
    await rig.send('away', numbered(50))
    const probe = await open(connection)
    await probe.delivered(50)
    assert.equal(probe.payloads, numbered(50))
  })

  it('closes with messages in flight in both directions', async () => {
    const connection = await rig.connection('in-flight')
    const probe = await open(connection)
    await rig.send('in-flight', numbered(20))
    await probe.delivered(20)
    const publishing = probe.publish(targetOf(connection), numbered(20))
    for (const delivery of probe.deliveries.slice(0, 10)) delivery.settle('accept')
    await probe.transport.close()
    await probe.transport.close()
    assert.is((await publishing).length, 20)
    assert.equal(probe.lost, [])
    const next = await open(connection)
    await next.delivered(10)
    assert.equal(next.payloads, numbered(20).slice(10))
  })

  it('reports a lost session once, fails what is outstanding, and a new one works', async () => {
    const connection = await rig.connection('lost')
    const probe = await open(connection)
    rig.freeze()
    const publishing = probe.publish(targetOf(connection), ['a', 'b'])
    await rig.kill()
    await probe.until(() => probe.lost.length > 0, 'the loss of the session')
    assert.equal(
      (await publishing).map(({ ok }) => ok),
      [false, false],
    )
    assert.equal(
      (await probe.publish(targetOf(connection), ['c'])).map(({ ok }) => ok),
      [false],
    )
    assert.equal(
      probe.lost.map(({ failure, status }) => [failure, status]),
      [['lost', 'failed']],
    )
    await probe.transport.close()
    rig.thaw()
    await rig.restart()
    const next = await open(connection)
    next.settlement = 'accept'
    await rig.send('lost', ['again'])
    await next.until(() => next.payloads.includes('again'), 'a message of the new session')
    const received = await rig.receive('lost', 1, () => next.publish(targetOf(connection), ['d']))
    assert.equal(received, ['d'])
    assert.equal(next.lost, [])
  })

  it('a publish that nobody confirms fails in time', async () => {
    const connection = await rig.connection('frozen')
    const probe = new Probe(rig.factory, connection, { publishTimeoutMs: 300 })
    probes.push(probe)
    await probe.transport.open(new AbortController().signal)
    rig.freeze()
    try {
      const outcomes = await probe.publish(targetOf(connection), ['a', 'b'])
      assert.equal(
        outcomes.map(({ ok }) => ok),
        [false, false],
      )
    } finally {
      rig.thaw()
    }
  })

  it('a dry run opens, takes no message and leaves no session', async () => {
    const connection = await known('dry')
    await rig.send('dry', ['a'])
    const dry = await Probe.open(rig.factory, connection, { dryRun: true })
    await rig.send('dry', ['b'])
    await dry.quiet()
    assert.equal(dry.payloads, [])
    await dry.transport.close()
    const probe = await open(connection)
    await probe.delivered(2)
    assert.equal(probe.payloads, ['a', 'b'])
  })
}

function numbered(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `message ${index}`)
}

/** Every element once, far from its neighbours; the same order every time. */
function shuffled<T>(elements: readonly T[]): readonly T[] {
  const stride = 73
  return elements.map((_, index) => elements[(index * stride + 31) % elements.length]!)
}
