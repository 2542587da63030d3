import { setImmediate as nextTurn } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import type { ShardStatus } from '../../../src/shard/description.ts'
import { Session, type SessionOptions } from '../../../src/shard/session.ts'
import {
  ConnectError,
  type PublishOutcome,
  type Transport,
  type TransportEvents,
} from '../../../src/transport/transport.ts'
import { suite } from '../../support/suite.ts'

const it = suite('session')

/** A transport that does what the test says. */
class FakeTransport implements Transport {
  readonly events: TransportEvents
  readonly opening = Promise.withResolvers<void>()
  closing: Promise<void> = Promise.resolve()
  closed = 0
  stopped = 0
  signal: AbortSignal | undefined

  constructor(events: TransportEvents) {
    this.events = events
  }

  open(signal: AbortSignal): Promise<void> {
    this.signal = signal
    return this.opening.promise
  }

  async stopConsuming(): Promise<void> {
    this.stopped += 1
  }

  close(): Promise<void> {
    this.closed += 1
    return this.closing
  }

  async publish(): Promise<readonly PublishOutcome[]> {
    return []
  }

  pause(): void {}
  resume(): void {}
}

const REFUSED = new ConnectError('unreachable', 'failed', 'refused')
const LOST = new ConnectError('lost', 'failed', 'lost')
/** Longer than any test. */
const LONG_MS = 3_600_000

/** A session, the transports it made and what it told. */
class Bench {
  nowMs = 1000
  readonly transports: FakeTransport[] = []
  readonly statuses: ShardStatus[] = []
  readonly logs: string[] = []
  readonly opened: Transport[] = []
  closed = 0
  /** Thrown instead of making a transport. */
  defect: Error | undefined
  readonly session: Session
  #known = 0

  constructor(options: Partial<SessionOptions> = {}) {
    this.session = new Session({
      createTransport: (events) => {
        if (this.defect !== undefined) throw this.defect
        const transport = new FakeTransport(events)
        this.transports.push(transport)
        return transport
      },
      onDeliveries: () => undefined,
      onUndecodable: () => undefined,
      onOpen: (transport) => this.opened.push(transport),
      onClosed: () => {
        this.closed += 1
      },
      onStatus: (status) => this.statuses.push(status),
      onLog: (level, message) => this.logs.push(`${level}: ${message}`),
      backoffMinMs: 2,
      backoffMaxMs: LONG_MS,
      now: () => this.nowMs,
      monotonicMs: () => this.nowMs,
      ...options,
    })
  }

  get last(): FakeTransport {
    return this.transports.at(-1)!
  }

  get client() {
    return this.session.status.client
  }

  /** The pause that the last failure announced, in milliseconds. */
  get pauseMs(): number {
    const text = this.logs.findLast((line) => line.includes('Will reconnect'))
    return Number(/after (\d+) ms/.exec(text ?? '')![1])
  }

  start(): void {
    this.session.start()
    this.#known = this.transports.length
  }

  async open(): Promise<void> {
    this.start()
    this.last.opening.resolve()
    await nextTurn()
  }

  async refuse(error: Error = REFUSED): Promise<void> {
    this.last.opening.reject(error)
    await nextTurn()
  }

  /** Resolves when the attempt that follows the last known one has begun. */
  async nextAttempt(): Promise<void> {
    while (this.transports.length <= this.#known) {
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    this.#known = this.transports.length
  }
}

it('tells when it is open', async () => {
  const bench = new Bench()
  await bench.open()
  assert.equal(bench.opened, [bench.last])
  assert.equal(bench.client, {
    status: 'open',
    recovery: 'succeeded',
    details: 'CONNECTED',
    since: 1000,
  })
  assert.equal(bench.logs, ['success: Connection successful.'])
  await bench.session.stop(undefined)
  await bench.session.close()
})

it('tells why it could not open, closes the transport and tries again', async () => {
  const bench = new Bench()
  bench.start()
  await bench.refuse(new ConnectError('authentication', 'misconfigured', 'bad password'))
  assert.is(bench.client.status, 'misconfigured')
  assert.is(bench.client.recovery, 'ongoing')
  assert.is(bench.client.failure, 'authentication')
  assert.match(bench.client.details, /^bad password At \d{4}-/)
  assert.is(bench.transports[0]!.closed, 1)
  await bench.nextAttempt()
  bench.last.opening.resolve()
  await nextTurn()
  assert.is(bench.client.status, 'open')
  assert.is(bench.client.failure, undefined)
  await bench.session.close()
})

it('waits longer after each failure, up to a limit', async () => {
  const bench = new Bench({ backoffMinMs: 4, backoffMaxMs: 20 })
  bench.start()
  for (const ceiling of [4, 8, 16, 20, 20]) {
    await bench.refuse()
    assert.ok(bench.pauseMs >= ceiling / 2, `${bench.pauseMs} of ${ceiling}`)
    assert.ok(bench.pauseMs <= ceiling, `${bench.pauseMs} of ${ceiling}`)
    await bench.nextAttempt()
  }
  const stopped = bench.session.stop(undefined)
  await bench.refuse()
  await stopped
})

it('spreads the pauses, so that not everybody comes back at once', async () => {
  const pauses: number[] = []
  for (let index = 0; index < 50; index++) {
    const bench = new Bench({ backoffMinMs: 1000 })
    bench.start()
    await bench.refuse()
    pauses.push(bench.pauseMs)
    await bench.session.stop(undefined)
  }
  assert.ok(Math.min(...pauses) >= 500 && Math.max(...pauses) <= 1000)
  assert.ok(Math.max(...pauses) - Math.min(...pauses) > 200, String(pauses))
})

it('starts over with short pauses after a session that lasted', async () => {
  for (const lastedMs of [10, 50_000, 90_000]) {
    const bench = new Bench({ backoffMinMs: 8, backoffMaxMs: 40_000 })
    bench.start()
    await bench.refuse()
    await bench.nextAttempt()
    bench.last.opening.resolve()
    await nextTurn()
    bench.nowMs += lastedMs
    bench.last.events.onLost(LOST)
    if (lastedMs > 80_000) assert.ok(bench.pauseMs <= 8, 'the broker is well again')
    else assert.ok(bench.pauseMs >= 8, 'the broker may be flapping')
    await bench.session.stop(undefined)
  }
})

it('tells when the broker ends session after session, until one has lasted', async () => {
  const taken = new ConnectError('lost', 'failed', 'closed', { ifRepeated: 'Another client!' })
  const bench = new Bench({ backoffMinMs: 1, backoffMaxMs: 4 })
  const reopen = async (): Promise<void> => {
    await bench.nextAttempt()
    bench.last.opening.resolve()
    await nextTurn()
  }
  await bench.open()
  for (const end of ['opened', 'refused', 'opened', 'opened'] as const) {
    bench.last.events.onLost(taken)
    assert.is(bench.client.status, 'failed')
    assert.match(bench.client.details, /^closed At /)
    if (end === 'refused') {
      await bench.nextAttempt()
      await bench.refuse()
    }
    await reopen()
    assert.is(bench.client.details, 'CONNECTED')
  }
  bench.last.events.onLost(taken)
  assert.is(bench.client.status, 'misconfigured')
  assert.is(bench.client.recovery, 'ongoing')
  const told = 'The broker has ended 3 sessions in a row. Another client!'
  assert.match(bench.client.details, `closed ${told} At `)
  assert.match(bench.logs.at(-1)!, told)
  await reopen()
  assert.is(bench.client.status, 'open')
  assert.is(bench.client.details, `CONNECTED, but: ${told}`)
  const { since } = bench.client
  bench.nowMs += 9
  const reports = bench.statuses.length
  while (bench.statuses.length === reports) await new Promise((resolve) => setTimeout(resolve, 1))
  assert.equal(bench.client, { status: 'open', recovery: 'succeeded', details: 'CONNECTED', since })
  bench.last.events.onLost(taken)
  assert.is(bench.client.status, 'failed', 'it is looked at afresh')
  await bench.session.stop(undefined)
})

it('comes back when the binding says so, which is no failed attempt', async () => {
  const bench = new Bench({ backoffMinMs: 1000 })
  await bench.open()
  const redelivery = new ConnectError('lost', 'failed', 'redelivery', { reconnectAfterMs: 1 })
  for (let round = 0; round < 3; round++) {
    bench.last.events.onLost(redelivery)
    assert.is(bench.pauseMs, 1)
    await bench.nextAttempt()
    bench.last.opening.resolve()
    await nextTurn()
  }
  bench.last.events.onLost(LOST)
  assert.ok(bench.pauseMs <= 1000, 'the first failed attempt')
  await bench.session.stop(undefined)
})

it('tries at once when asked to, and starts over with short pauses', async () => {
  const bench = new Bench({ backoffMinMs: 1000 })
  bench.start()
  await bench.refuse()
  bench.session.retry()
  assert.is(bench.transports.length, 2)
  bench.session.retry()
  assert.is(bench.transports.length, 2, 'an attempt is under way')
  await bench.refuse()
  assert.ok(bench.pauseMs <= 1000)
  await bench.session.stop(undefined)
  bench.session.retry()
  assert.is(bench.transports.length, 2, 'it was told to stop')
})

it('loses a session once, closes it and opens another', async () => {
  const bench = new Bench()
  await bench.open()
  const first = bench.last
  first.events.onAddressStatus({
    kind: 'source',
    index: 0,
    address: 'in',
    status: 'open',
    details: '',
  })
  first.events.onLost(LOST)
  assert.is(bench.closed, 1)
  assert.is(first.closed, 1)
  assert.is(bench.client.status, 'failed')
  assert.is(bench.session.status.addresses[0]!.status, 'closed')
  await bench.nextAttempt()
  bench.last.opening.resolve()
  await nextTurn()
  first.events.onLost(LOST)
  assert.is(bench.client.status, 'open', 'what the old one says does not matter')
  await bench.session.close()
  assert.is(bench.closed, 2)
})

it('does not miss that a session ended before it was known to be open', async () => {
  const bench = new Bench()
  bench.start()
  bench.last.opening.resolve()
  bench.last.events.onLost(LOST)
  await nextTurn()
  assert.is(bench.client.status, 'failed')
  assert.equal(bench.opened, [])
  assert.is(bench.last.closed, 1)
  await bench.session.stop(undefined)
})

it('survives bindings that throw', async () => {
  const bench = new Bench()
  bench.defect = new Error('no such binding')
  bench.start()
  await nextTurn()
  assert.match(bench.client.details, /^no such binding/)
  bench.defect = undefined
  await bench.nextAttempt()
  bench.last.closing = Promise.reject(new Error('cannot close'))
  bench.last.closing.catch(() => undefined)
  await bench.refuse(new Error('oops'))
  assert.match(bench.client.details, /^oops/)
  assert.ok(bench.logs.some((line) => line.includes('cannot close')))
  await bench.nextAttempt()
  bench.last.opening.resolve()
  await nextTurn()
  bench.last.closing = Promise.reject(new Error('cannot close either'))
  await bench.session.close()
  assert.is(bench.client.status, 'closed')
})

it('stops while it connects, without leaving anything behind', async () => {
  for (const outcome of ['opens', 'fails'] as const) {
    const bench = new Bench()
    bench.start()
    const stopped = bench.session.stop(undefined)
    assert.ok(bench.last.signal?.aborted)
    if (outcome === 'opens') bench.last.opening.resolve()
    else bench.last.opening.reject(REFUSED)
    await stopped
    assert.is(bench.last.closed, 1, outcome)
    assert.equal(bench.opened, [])
    await bench.session.close()
    assert.is(bench.client.status, 'closed')
    assert.equal(bench.logs, ['success: Disconnected successfully.'])
  }
})

it('stops consuming first and stays usable until it is closed', async () => {
  const bench = new Bench()
  await bench.open()
  await bench.session.stop(undefined)
  assert.is(bench.last.stopped, 1)
  assert.is(bench.last.closed, 0)
  assert.is(bench.closed, 0)
  await bench.session.close()
  assert.is(bench.last.closed, 1)
  assert.is(bench.closed, 1)
  assert.equal(bench.session.status.addresses, [])
})

it('does not come back when it is lost while stopping', async () => {
  const bench = new Bench({ backoffMinMs: 1, backoffMaxMs: 1 })
  await bench.open()
  await bench.session.stop(undefined)
  bench.last.events.onLost(LOST)
  assert.is(bench.closed, 1)
  assert.not.ok(bench.logs.some((line) => line.includes('reconnect')))
  await new Promise((resolve) => setTimeout(resolve, 5))
  assert.is(bench.transports.length, 1)
  await bench.session.close()
})

it('tells of many addresses together, and of each latest state', async () => {
  const bench = new Bench()
  await bench.open()
  const before = bench.statuses.length
  for (let index = 0; index < 100; index++) {
    const address = `a${index % 50}`
    const status = index < 50 ? 'unknown' : 'open'
    bench.last.events.onAddressStatus({ kind: 'source', index: 0, address, status, details: '' })
  }
  await nextTurn()
  await nextTurn()
  assert.is(bench.statuses.length, before + 1)
  const { addresses } = bench.statuses.at(-1)!
  assert.is(addresses.length, 50)
  assert.ok(addresses.every(({ status }) => status === 'open'))
  await bench.session.close()
  await nextTurn()
  assert.is(bench.statuses.at(-1)!.client.status, 'closed', 'nothing is told after the end')
})
