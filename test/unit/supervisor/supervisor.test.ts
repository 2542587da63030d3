import { setImmediate as nextTurn } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { DittoException, dittoError } from '../../../src/protocol/errors.ts'
import { EngineGoneError } from '../../../src/supervisor/engine-process.ts'
import { suite } from '../../support/suite.ts'
import { Bench, bodyFor, WEDGED_AFTER_MS } from './bench.ts'
import { HOSTS } from './fake-engine.ts'

const it = suite('supervisor')

async function withBench(test: (bench: Bench) => Promise<void>): Promise<void> {
  const bench = new Bench()
  try {
    await test(bench)
  } finally {
    await bench.stop()
  }
}

async function rejection(promise: Promise<unknown>): Promise<{ status: number; error: string }> {
  try {
    await promise
  } catch (thrown) {
    assert.instance(thrown, DittoException)
    return (thrown as DittoException).error
  }
  throw new Error('should have been rejected')
}

/** Resolves as soon as it holds; the test's deadline ends the wait otherwise. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await nextTurn()
}

async function opened(bench: Bench): Promise<string> {
  const { connection } = await bench.supervisor.create(bodyFor(HOSTS.good))
  await bench.supervisor.open(connection.id)
  return connection.id
}

it('creates, opens, closes and removes', () =>
  withBench(async ({ supervisor, engine }) => {
    const { connection, revision } = await supervisor.create(
      bodyFor(HOSTS.good, { connectionStatus: 'closed' }),
    )
    const { id } = connection
    assert.is(revision, 1)
    assert.is(supervisor.status(id).liveStatus, 'closed')
    await supervisor.open(id)
    assert.is(supervisor.status(id).liveStatus, 'open')
    assert.is(supervisor.retrieve(id).connection.connectionStatus, 'open')
    assert.equal(engine.connections(), [id])
    await supervisor.close(id)
    await supervisor.close(id)
    assert.equal(engine.connections(), [])
    assert.is(supervisor.status(id).liveStatus, 'closed')
    await supervisor.remove(id)
    assert.equal(supervisor.list(), [])
    assert.is((await rejection(supervisor.open(id))).status, 404)
  }))

it('tells why a broker cannot be reached, and keeps the desired status', () =>
  withBench(async ({ supervisor }) => {
    const { connection } = await supervisor.create(bodyFor(HOSTS.refusing))
    const error = await rejection(supervisor.open(connection.id))
    assert.is(error.error, 'connectivity:connection.failed')
    assert.match(String(Reflect.get(error, 'description')), 'Connection refused.')
    assert.is(supervisor.status(connection.id).liveStatus, 'failed')
    assert.is(supervisor.retrieve(connection.id).connection.connectionStatus, 'open')
  }))

it('answers 401 when the broker denies the credentials', () =>
  withBench(async ({ supervisor }) => {
    const { connection } = await supervisor.create(bodyFor(HOSTS.denying))
    const error = await rejection(supervisor.open(connection.id))
    assert.is(error.error, 'connectivity:connection.unauthorized')
  }))

it('answers with the outcome of the attempt that an open causes, not of an earlier one', () =>
  withBench(async ({ supervisor, engine, dataPlane }) => {
    const { connection } = await supervisor.create(bodyFor(HOSTS.silent))
    await until(() => engine.calls.includes('open'))
    const [shard] = dataPlane.running.shards(connection.id)
    engine.report(shard!, { status: 'failed', recovery: 'ongoing', details: 'earlier' })
    const opening = supervisor.open(connection.id)
    await until(() => engine.calls.includes('retry'))
    await nextTurn()
    engine.report(shard!, {})
    await opening
  }))

it('lets a close overtake whoever waits for a broker', () =>
  withBench(async ({ supervisor, engine }) => {
    const { connection } = await supervisor.create(bodyFor(HOSTS.silent))
    const opening = rejection(supervisor.open(connection.id))
    await until(() => engine.calls.includes('open'))
    await supervisor.close(connection.id)
    assert.is((await opening).status, 409)
    assert.equal(engine.connections(), [])
  }))

it('changes nothing when the new definition is bad', () =>
  withBench(async (bench) => {
    const { supervisor, engine } = bench
    const id = await opened(bench)
    const before = supervisor.retrieve(id)
    const calls = engine.calls.length
    const error = await rejection(supervisor.modify(id, { ...bodyFor(HOSTS.good), uri: 'x' }))
    assert.is(error.status, 400)
    assert.is(supervisor.retrieve(id), before)
    assert.is(engine.calls.length, calls)
  }))

it('keeps the sessions when only name or tags change', () =>
  withBench(async (bench) => {
    const { supervisor, engine, dataPlane } = bench
    const id = await opened(bench)
    const shards = dataPlane.running.shards(id)
    const { revision } = await supervisor.modify(
      id,
      bodyFor(HOSTS.good, { name: 'new', tags: ['t'] }),
    )
    assert.is(revision, 2)
    assert.equal(dataPlane.running.shards(id), shards)
    assert.not(engine.calls.includes('park'))
  }))

it('parks signals while it replaces the clients of a changed definition', () =>
  withBench(async (bench) => {
    const { supervisor, engine, dataPlane } = bench
    const id = await opened(bench)
    const shards = dataPlane.running.shards(id)
    const sources = [{ addresses: ['other/#'], qos: 1, authorizationContext: ['test:subject'] }]
    await supervisor.modify(id, bodyFor(HOSTS.good, { sources }))
    assert.not.equal(dataPlane.running.shards(id), shards)
    assert.equal(engine.calls.slice(-3), ['park', 'close', 'open'])
    assert.is(engine.parked.size, 0)
    assert.equal(engine.faults, [])
  }))

it('stores a change although opening it fails', () =>
  withBench(async (bench) => {
    const { supervisor } = bench
    const id = await opened(bench)
    assert.is((await rejection(supervisor.modify(id, bodyFor(HOSTS.refusing)))).status, 504)
    assert.is(supervisor.retrieve(id).connection.uri, 'tcp://refusing:1883')
  }))

it('refuses a type without a binding and says which there are', () =>
  withBench(async ({ supervisor }) => {
    const error = await rejection(
      supervisor.create({
        connectionType: 'kafka',
        connectionStatus: 'closed',
        uri: 'tcp://broker:9092',
        specificConfig: { bootstrapServers: 'broker:9092' },
        targets: [
          {
            address: 'topic',
            topics: ['_/_/things/twin/events'],
            authorizationContext: ['test:subject'],
          },
        ],
      }),
    )
    assert.is(error.error, 'connectivity:connection.configuration.invalid')
    assert.match(String(Reflect.get(error, 'description')), 'mqtt')
  }))

it('tries out without a trace', () =>
  withBench(async ({ supervisor, engine }) => {
    await supervisor.dryRun(bodyFor(HOSTS.good))
    assert.is((await rejection(supervisor.dryRun(bodyFor(HOSTS.refusing)))).status, 504)
    assert.equal(engine.connections(), [])
    assert.equal(supervisor.list(), [])
  }))

it('opens everything again after the engine died, without being asked', () =>
  withBench(async (bench) => {
    const ids = [await opened(bench), await opened(bench)].sort()
    const closed = await opened(bench)
    await bench.supervisor.close(closed)
    const [first] = bench.engines
    first!.die({ code: null, signal: 'SIGKILL' })
    await until(() => bench.supervisor.health().engine !== 'up')
    assert.is(bench.supervisor.status(ids[0]!).liveStatus, 'failed')
    await until(() => bench.engines.length === 2 && bench.engine.calls.includes('open'))
    await bench.supervisor.open(ids[0]!)
    assert.equal(bench.engine.connections(), ids)
  }))

it('is not ready while commands wait for the store of the twins, and says so', () =>
  withBench(async ({ supervisor, engine }) => {
    await until(() => supervisor.health().ready)
    assert.is(supervisor.health().twins, undefined, 'nobody has told')
    engine.pulse(false, false)
    assert.equal(supervisor.health(), {
      ready: true,
      engine: 'up',
      store: 'writable',
      twins: 'writable',
    })
    engine.pulse(false, true)
    const { ready, store, twins, twinsDetails } = supervisor.health()
    assert.equal([ready, store, twins], [false, 'writable', 'read-only'])
    assert.match(String(twinsDetails), 'make room')
    engine.pulse(false, false)
    assert.is(supervisor.health().ready, true)
    assert.is(supervisor.health().twinsDetails, undefined)
  }))

it('takes what it is told while there is no engine', () =>
  withBench(async (bench) => {
    const { supervisor } = bench
    const gone = await opened(bench)
    bench.engine.die({ code: 1, signal: null })
    await until(() => supervisor.health().engine !== 'up')
    await supervisor.close(gone)
    const { connection } = await supervisor.create(bodyFor(HOSTS.good))
    await supervisor.open(connection.id)
    assert.equal(bench.engine.connections(), [connection.id])
  }))

it('puts the connection in quarantine whose script ended the engine, for good', async () => {
  const bench = new Bench()
  const [guilty, innocent] = [await opened(bench), await opened(bench)]
  const note = {
    thread: 0,
    shard: 1,
    definition: 'js',
    since: Date.now(),
    ageMs: 5,
  }
  bench.notes = [{ ...note, connectionId: guilty }]
  bench.engine.die({ code: null, signal: 'SIGSEGV' })
  await until(() => bench.engines.length === 2 && bench.engine.connections().length > 0)
  assert.equal(bench.engine.connections(), [innocent])
  const status = bench.supervisor.status(guilty)
  assert.is(status.liveStatus, 'misconfigured')
  assert.match(JSON.stringify(status), '<js>')
  const { entries } = await bench.supervisor.logs(guilty)
  assert.ok(entries.some(({ message }) => message.includes('open the connection by command')))
  await bench.stop()

  const next = new Bench(bench)
  await until(() => next.supervisor.health().ready && next.engine.connections().length > 0)
  assert.equal(next.engine.connections(), [innocent])
  assert.is(next.supervisor.status(guilty).liveStatus, 'misconfigured')
  const { entries: told } = await next.supervisor.logs(guilty)
  assert.ok(told.some(({ message }) => message.includes('open the connection by command')))
  await next.supervisor.open(guilty)
  assert.equal(next.engine.connections(), [guilty, innocent].sort())
  assert.is(next.store.quarantineMarks().size, 0)
  await next.stop()
})

it('of several in a script, opens one after the other, and bans the one that does it again', () =>
  withBench(async (bench) => {
    const [guilty, also, innocent] = [await opened(bench), await opened(bench), await opened(bench)]
    const note = { thread: 0, shard: 1, definition: 'js', since: Date.now(), ageMs: 5 }
    const older = { ...note, since: note.since - 1 }
    bench.notes = [
      { ...note, connectionId: also },
      { ...older, connectionId: guilty },
    ]
    bench.engine.die({ code: null, signal: 'SIGSEGV' })
    await until(() => bench.engines.length === 2 && bench.engine.connections().length === 2)
    assert.equal(bench.engine.connections(), [guilty, innocent].sort(), 'the likelier one first')
    for (const id of [guilty, also]) {
      const { entries } = await bench.supervisor.logs(id)
      assert.ok(entries.some(({ message }) => message.includes('scripts of 2 connections')))
    }
    bench.notes = [{ ...note, connectionId: guilty }]
    bench.engine.die({ code: null, signal: 'SIGSEGV' })
    await until(() => bench.engines.length === 3 && bench.engine.connections().length === 2)
    assert.equal(bench.engine.connections(), [also, innocent].sort())
    assert.is(bench.supervisor.status(guilty).liveStatus, 'misconfigured')
  }))

it('of several in a script, opens all in the end when nothing happens any more', () =>
  withBench(async (bench) => {
    const ids = [await opened(bench), await opened(bench)]
    const note = { thread: 0, shard: 1, definition: 'js', since: Date.now(), ageMs: 5 }
    bench.notes = ids.map((connectionId) => ({ ...note, connectionId }))
    bench.engine.die({ code: null, signal: 'SIGSEGV' })
    bench.notes = []
    await until(() => bench.engines.length === 2 && bench.engine.connections().length === 2)
    assert.equal(bench.engine.connections(), ids.toSorted())
  }))

it('tells who opens a connection whose script ends the engine meanwhile', () =>
  withBench(async (bench) => {
    const body = bodyFor(HOSTS.good, { connectionStatus: 'closed' })
    const { id } = (await bench.supervisor.create(body)).connection
    await until(() => bench.supervisor.health().ready)
    const { engine } = bench
    const note = { thread: 0, shard: 1, definition: 'js', since: Date.now(), ageMs: 5 }
    engine.open = async () => {
      bench.notes = [{ ...note, connectionId: id }]
      engine.die({ code: null, signal: 'SIGSEGV' })
      await until(() => bench.supervisor.status(id).liveStatus === 'misconfigured')
      throw new EngineGoneError()
    }
    const refusal = await rejection(bench.supervisor.open(id))
    assert.is(refusal.error, 'connectivity:connection.failed')
    await until(() => bench.engines.length === 2)
  }))

it('does not restart an engine in a tight loop that nobody can be accused of, and says so', () =>
  withBench(async (bench) => {
    const id = await opened(bench)
    for (let death = 1; death <= 3; death++) {
      await until(() => bench.engines.length === death && bench.supervisor.health().ready)
      bench.engine.die({ code: null, signal: 'SIGSEGV' })
    }
    await until(() => bench.supervisor.health().engine === 'down')
    const told = 'It ended so often that the next one starts only after 1 s.'
    assert.match(String(bench.supervisor.health().engineDetails), told)
    assert.match(JSON.stringify(bench.supervisor.status(id)), told)
    await until(() => bench.engines.length === 4 && bench.supervisor.health().ready)
    assert.is(bench.supervisor.health().engineDetails, undefined)
  }))

/** A body whose scripts have to be compiled. */
const scripted = (): object =>
  bodyFor(HOSTS.good, {
    sources: [
      { addresses: ['in/#'], qos: 1, authorizationContext: ['t:s'], payloadMapping: ['js'] },
    ],
    mappingDefinitions: { js: { mappingEngine: 'JavaScript', options: { incomingScript: '' } } },
  })

it('refuses a change whose scripts cannot be used, and lets the stored definition run on', () =>
  withBench(async (bench) => {
    const id = await opened(bench)
    bench.checkError = dittoError(400, 'connectivity:connection.configuration.invalid', 'no script')
    const refusal = await rejection(bench.supervisor.modify(id, scripted()))
    assert.is(refusal.error, bench.checkError.error)
    assert.equal(bench.checked, [id])
    assert.is(bench.supervisor.retrieve(id).revision, 1)
    assert.equal(bench.engine.connections(), [id])
    bench.checkError = null
    assert.is((await bench.supervisor.modify(id, scripted())).revision, 2)
  }))

it('ends an engine whose thread sits in a script for too long, and starts the next at once', () =>
  withBench(async (bench) => {
    const id = await opened(bench)
    const note = { thread: 0, shard: 1, connectionId: id, definition: 'js', since: Date.now() }
    bench.notes = [{ ...note, ageMs: WEDGED_AFTER_MS + 1 }]
    const [first] = bench.engines
    assert.equal(await first!.exited, { code: null, signal: 'SIGKILL', killedFor: 'wedged' })
    await until(() => bench.engines.length === 2)
    assert.is(bench.supervisor.status(id).liveStatus, 'misconfigured')
  }))

it('opens the shards of a dead thread again and nothing else', () =>
  withBench(async (bench) => {
    const { dataPlane, engine, supervisor } = bench
    const [lost, kept] = [await opened(bench), await opened(bench)]
    const before = dataPlane.running.shards(kept)
    const [shard] = dataPlane.running.shards(lost)
    engine.loseThread([shard!])
    await until(() => engine.connections().length === 2)
    await supervisor.open(lost)
    assert.equal(dataPlane.running.shards(kept), before)
    assert.not.equal(dataPlane.running.shards(lost), [shard])
    assert.equal(engine.faults, [])
  }))

it('counts on after close, open and the death of an engine', () =>
  withBench(async (bench) => {
    const { supervisor, dataPlane } = bench
    const id = await opened(bench)
    const count = (): void => {
      const [shard] = dataPlane.running.shards(id)
      bench.engine.count({ shard: shard!, deltas: [[0, 3]] })
    }
    count()
    await supervisor.close(id)
    assert.equal(Reflect.get(await supervisor.metrics(id), 'connectionMetrics'), {
      inbound: null,
      outbound: null,
    })
    await supervisor.open(id)
    count()
    bench.engine.die({ code: 1, signal: null })
    await until(() => bench.engines.length === 2 && bench.engine.connections().length === 1)
    count()
    assert.match(JSON.stringify(await supervisor.metrics(id)), '"PT1M":9')
    await supervisor.resetMetrics(id)
    assert.not.match(JSON.stringify(await supervisor.metrics(id)), '"PT1M":9')
  }))

it('ends a storm of operations in the state that was accepted last', () =>
  withBench(async (bench) => {
    const { supervisor, engine } = bench
    // Park and Miller's generator: the same storm every time.
    let seed = 20_261_122
    const random = (below: number): number => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed % below
    }
    const ids = await Promise.all([1, 2, 3].map(() => opened(bench)))
    const operations = Array.from({ length: 300 }, () => {
      const id = ids[random(ids.length)]!
      const kind = random(4)
      if (kind === 0) return supervisor.open(id)
      if (kind === 1) return supervisor.close(id)
      const host = random(3) === 0 ? HOSTS.refusing : HOSTS.good
      const connectionStatus = kind === 2 ? 'open' : 'closed'
      return supervisor.modify(id, bodyFor(host, { connectionStatus, name: String(random(9)) }))
    })
    await Promise.allSettled(operations)
    const open = ids.filter((id) => supervisor.retrieve(id).connection.connectionStatus === 'open')
    assert.equal(engine.connections(), open.sort())
    for (const shard of engine.shards.values()) {
      const { id, uri } = shard.connection
      assert.is(uri, supervisor.retrieve(id).connection.uri)
    }
    assert.equal(engine.faults, [])
  }))

it('keeps the log of a connection that was closed, until it is reset or deleted', () =>
  withBench(async (bench) => {
    const { supervisor } = bench
    const id = await opened(bench)
    const texts = async () => (await supervisor.logs(id)).entries.map(({ message }) => message)
    assert.equal(await texts(), [])
    await supervisor.close(id)
    assert.equal(await texts(), ['Disconnected successfully.'])
    const tail = supervisor.tailLogs(id, undefined)
    assert.equal((await tail.next())!.entries.length, 1)
    const { entries, missed } = (await tail.next())!
    assert.equal([entries, missed], [[], 0], 'once')
    tail.close()
    await supervisor.resetLogs(id)
    assert.equal(await texts(), ['Successfully reset the logs.'])
  }))
