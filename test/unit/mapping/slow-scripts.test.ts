/** Scripts that take long run beside the thread, in order, with the same rules as on it. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import type { Mapper, MapperEnvironment } from '../../../src/mapping/mapper.ts'
import { createMapper } from '../../../src/mapping/registry.ts'
import { suite } from '../../support/suite.ts'
import { adaptable, external, javaScript, outcomes, testEnvironment, values } from './support.ts'

const it = suite('mapping/slow-scripts')

/** Burns as many milliseconds as the payload says, then answers it. */
const BURNER = `
  function burn(ms) { const end = Date.now() + ms; while (Date.now() < end); }
  function mapToDittoProtocolMsg(headers, text) {
    if (text === 'eat') { const all = []; for (;;) all.push(new Array(1000).fill(all.length)); }
    if (text === 'say') console.log('said');
    burn(Number(text) || 0);
    return Ditto.buildDittoProtocolMsg(
      'n', 't', 'things', 'twin', 'commands', 'modify', '/attributes', {}, text);
  }
  function mapFromDittoProtocolMsg(ns, name, g, c, cr, a, path, headers, value) {
    burn(Number(value) || 0);
    return Ditto.buildExternalMsg({}, null, new Uint8Array([1, 2, value]).buffer, 'x/y');
  }`

function environment(limits = {}): MapperEnvironment & { recorded: string[]; lines: string[] } {
  return { ...testEnvironment(limits), maxHoldMs: 10 }
}

/** Far above what is burned: on a busy machine a script may be kept from working for long. */
const PATIENT = { maxExecutionMs: 5_000 }

function burner(of = environment(PATIENT), id = 'js'): Mapper {
  const definition = javaScript({ incomingScript: BURNER, outgoingScript: BURNER })
  return createMapper({ id, engine: 'JavaScript', definition }, of)
}

function texts(...all: readonly string[]) {
  return all.map((text) => external(text))
}

/** Calls until the mapper is trusted: on a busy machine a single call may take long. */
async function prove(mapper: Mapper): Promise<void> {
  for (let call = 0; call < 1_000; call++) {
    const results = mapper.inbound(texts('0'))
    if (!(results instanceof Promise)) return
    await results
  }
}

it('a script that has proved to be quick answers at once', async () => {
  const mapper = burner()
  assert.ok(mapper.inbound(texts('0')) instanceof Promise, 'nothing is known of it')
  await prove(mapper)
  assert.not(mapper.inbound(texts('1', '2')) instanceof Promise)
  mapper.close()
})

it('a script that turns out to be slow leaves the thread after its first slow call', async () => {
  const mapper = burner()
  await prove(mapper)
  const results = mapper.inbound(texts('30', '30', '30'))
  assert.ok(results instanceof Promise)
  assert.equal(values(await results), [['30'], ['30'], ['30']])
  mapper.close()
})

it('the thread goes on while a slow script runs, and the results keep their order', async () => {
  const mapper = burner()
  const results = mapper.inbound(texts('40', '1', '60', '2'))
  assert.ok(results instanceof Promise)
  let turns = 0
  let isDone = false
  const later = results.then((known) => {
    isDone = true
    return known
  })
  while (!isDone) {
    await nextTurn()
    turns++
  }
  assert.ok(turns > 5, `${turns} turns`)
  assert.equal(values(await later), [['40'], ['1'], ['60'], ['2']])
  mapper.close()
})

it('a batch waits for the one before, in whatever direction and definition', async () => {
  const shared = environment(PATIENT)
  const one = burner(shared, 'one')
  const other = burner(shared, 'other')
  const seen: string[] = []
  const note = async (name: string, work: unknown) => {
    const known = await work
    seen.push(name)
    return known
  }
  const all = await Promise.all([
    note('slow', one.inbound(texts('50', '50'))),
    note('other', other.inbound(texts('quick'))),
    note('out', one.outbound([adaptable({ value: 7 })])),
  ])
  assert.equal(seen, ['slow', 'other', 'out'])
  const out = all[2] as Awaited<ReturnType<Mapper['outbound']>>
  assert.equal(
    outcomes(out, ({ payload }) => [...(payload as Uint8Array)]),
    [[[1, 2, 7]]],
  )
  one.close()
  other.close()
})

it('limits hold beside the thread as on it', async () => {
  const own = environment({ maxExecutionMs: 60 })
  const mapper = burner(own)
  const results = await mapper.inbound(texts('30', 'good', '10000', 'eat', 'say', 'good'))
  const [slow, good, overdue, eaten, said, last] = values(results)
  assert.equal([slow, good, said, last], [['30'], ['good'], ['say'], ['good']])
  assert.match(String(overdue), 'Maximum execution time of <60>ms was exceeded')
  assert.match(String(eaten), 'Maximum')
  assert.equal(own.lines, ['js info said'])
  mapper.close()
})

it('every call is noted while it runs, and no longer', async () => {
  const own = environment()
  let open = 0
  let most = 0
  const recorder = {
    enter: () => {
      open++
      most = Math.max(most, open)
      return 0
    },
    leave: () => {
      open--
    },
  }
  const mapper = burner({ ...own, recorder })
  const pending = mapper.inbound(texts('40', '40'))
  assert.is(open, 1)
  await pending
  assert.is(open, 0)
  assert.is(most, 1)
  mapper.close()
})

it('a program that has been quick for long runs on the thread again', async () => {
  const mapper = burner()
  await mapper.inbound(texts('40'))
  assert.ok(mapper.inbound(texts('0')) instanceof Promise, 'not trusted yet')
  await prove(mapper)
  assert.not(mapper.inbound(texts('0')) instanceof Promise)
  mapper.close()
})

it('closing ends what is being mapped; the rest is told so', async () => {
  const mapper = burner()
  await mapper.inbound(texts('40'))
  const pending = mapper.inbound(texts('50', '50', '50', '50'))
  const waiting = mapper.inbound(texts('1'))
  await nextTurn()
  mapper.close()
  const all = [...(await pending), ...(await waiting)]
  assert.is(all.length, 5)
  assert.ok(values(all).every((each) => typeof each === 'string' || Array.isArray(each)))
  assert.match(String(values(all).at(-1)), 'closed before the message was mapped')
})
