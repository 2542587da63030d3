/**
 * Scripts that no limit of time or memory can hold, because they end or wedge the engine's process: who
 * brought them is out until somebody has looked, everybody else goes on and loses nothing.
 */
import { existsSync } from 'node:fs'
import * as assert from 'uvu/assert'
import type { Sluice } from '../../bench/support/sluice.ts'
import {
  CONNECTIONS,
  command,
  enginePid,
  eventually,
  logTexts,
  look,
  open,
  untilStatus,
} from '../support/gateway.ts'
import { type Load, READING_SCRIPT } from '../support/load.ts'
import { Rig } from '../support/rig.ts'
import { suite } from '../support/suite.ts'

const it = suite('hostile scripts')

/** Little enough that it is used up before a script's time is, on any machine. */
const rig = new Rig(it, { 'mapping.javascript': { memory_mb: 16 } })

const TEST_LIMIT_MS = 60_000

/** Does what it is told by a message; its things are none of those under load. */
const commanded = (code: string): string =>
  READING_SCRIPT.replace('return', `if (textPayload === 'do it') { ${code} } return`).replace(
    `'load'`,
    `'other'`,
  )

const DEADLY = {
  'ends its process with a fatal error of V8': `'x'.repeat(5e8).split('')`,
  'is ended by V8 for its memory, a Map':
    'const map = new Map(); for (let i = 0; ; i++) map.set(i, [i])',
  'is ended by V8 for its memory, a Set':
    'const set = new Set(); for (let i = 0; ; i++) set.add([i])',
  'does not come back from fill': 'new Array(2 ** 31).fill(1)',
  'does not come back from Array.from': 'Array.from({ length: 2 ** 31 })',
} as const

/** Where memory runs out decides whether the limit can hold it. */
const PERHAPS = 'is ended by V8 for its memory, a Set'

/**
 * Sends the fatal message until the connection is out: a crash may leave several suspects at first.
 * Answers false when the script's limits held it.
 */
async function killUntilOut(
  sluice: Sluice,
  { id, topic, load }: { id: string; topic: string; load: Load },
): Promise<boolean> {
  const device = await rig.broker.connect()
  for (let attempt = 0; attempt < 3; attempt++) {
    const engine = enginePid(sluice)!
    // Without QoS the message does not come again, and does not kill again.
    await device.publishAsync(`${topic}/x`, 'do it', { qos: 0 })
    const { connectionMetrics } = await eventually(
      () => look(sluice, id, 'metrics'),
      ({ connectionMetrics: { inbound } }) =>
        !existsSync(`/proc/${engine}`) || inbound?.mapped.failure.PT1H > 0,
      20_000,
    )
    if (connectionMetrics.inbound?.mapped.failure.PT1H > 0) return false
    load.longestSilenceMs()
    await load.flows()
    rig.assertRecovered(load)
    if ((await look(sluice, id, 'status')).liveStatus === 'misconfigured') return true
    await untilStatus(sluice, id, 'open')
  }
  return assert.unreachable(`${id} is not out after three deaths of the engine`) as never
}

it(
  'only whoever ended the engine is out, also after a restart, until opened by command',
  async () => {
    const first = await rig.start()
    await rig.openPair(first)
    const load = await rig.startLoad()
    const guilty: string[] = []
    for (const [what, code] of Object.entries(DEADLY)) {
      const topic = `deadly-${guilty.length}`
      const id = await open(first, rig.consuming(topic, commanded(code)))
      await load.flows()
      if (!(await killUntilOut(first, { id, topic, load }))) {
        assert.is(what, PERHAPS)
        await first.request('DELETE', `${CONNECTIONS}/${id}`)
        continue
      }
      guilty.push(id)
      const told = (await logTexts(first, id)).join('\n')
      assert.match(told, /mapping definition <js>, started at \d{4}-.*modify the connection/s)
    }
    assert.is(await first.stop(), 0)

    const second = await rig.start()
    await load.flows()
    for (const id of guilty) {
      const { liveStatus, clientStatus } = await look(second, id, 'status')
      assert.is(liveStatus, 'misconfigured')
      assert.match(clientStatus[0].statusDetails, /mapping definition <js>.*by command/)
      assert.is((await command(second, id, 'openConnection')).status, 200)
      assert.is((await look(second, id, 'status')).liveStatus, 'open')
    }
    await rig.assertComplete(load, 3 * guilty.length + 1)
    assert.is(await second.stop(), 0)
  },
  2 * TEST_LIMIT_MS,
)

it(
  'a message that kills comes again and kills again, until the script is corrected',
  async () => {
    const sluice = await rig.start()
    await rig.openPair(sluice)
    const [fatal] = Object.values(DEADLY)
    const id = await open(sluice, rig.consuming('poison', commanded(fatal!)))
    const load = await rig.startLoad()
    await load.flows()
    const device = await rig.broker.connect()
    await device.publishAsync('poison/x', 'do it', { qos: 1 })
    await untilStatus(sluice, id, 'misconfigured')
    // Whether the session is open for a moment, before the message is back, is a matter of luck.
    await command(sluice, id, 'openConnection')
    await untilStatus(sluice, id, 'misconfigured')
    await load.flows()
    const corrected = rig.consuming('poison', commanded(''))
    assert.is((await sluice.request('PUT', `${CONNECTIONS}/${id}`, corrected)).status, 204)
    await eventually(
      () => look(sluice, id, 'metrics'),
      ({ connectionMetrics: { inbound } }) => inbound.mapped.success.PT1H === 1,
    )
    await rig.assertComplete(load, 2)
    assert.is(await sluice.stop(), 0)
  },
  TEST_LIMIT_MS,
)

it(
  'a script that ends the engine while it is compiled is refused',
  async () => {
    const sluice = await rig.start()
    const fatal = rig.consuming('in', Object.values(DEADLY)[0]!)
    const { status, json, text } = await sluice.request('POST', CONNECTIONS, fatal)
    assert.is(status, 400, text)
    assert.is(json.error, 'connectivity:connection.configuration.invalid')
    assert.equal((await sluice.request('GET', `${CONNECTIONS}?ids-only=true`)).json, [])
    assert.is(await sluice.stop(), 0)
  },
  TEST_LIMIT_MS,
)

/** Code, and whether its message is mapped all the same. */
const CONTAINED: Readonly<Record<string, readonly [code: string, mapped: boolean]>> = {
  'an endless loop': ['for (;;) {}', false],
  'an endless promise': [`(async () => { for (;;) await null })()`, true],
  'a promise that never settles': ['return new Promise(() => {})', false],
  'a thenable': ['return { then() { for (;;); } }', false],
  'a catastrophic regular expression': [`/^(a+)+$/.test('a'.repeat(40) + '!')`, false],
  'a string that grows for ever': [`let text = 'x'; for (;;) text += text`, false],
  'an array that grows for ever': [
    'const all = []; for (;;) all.push(new Array(1000).fill(7))',
    false,
  ],
  'an object that grows for ever': ['const all = {}; for (let i = 0; ; i++) all[i] = { i }', false],
  'buffers without an end': ['const all = []; for (;;) all.push(new ArrayBuffer(1e6))', false],
  'a recursion without an end': ['(function again() { return again() + 1 })()', false],
  'a prototype that is polluted': [
    `Object.prototype.polluted = 'yes'; Array.prototype.push = null; JSON.stringify = () => '{}'`,
    true,
  ],
  'a constructor of constructors': [
    `const host = Ditto.buildExternalMsg.constructor('return process')(); return host`,
    false,
  ],
  'a constructor of arguments': [
    `return headers.constructor.constructor('return require')()`,
    false,
  ],
  'an error object': [
    `try { null.x } catch (e) { return e.constructor.constructor('return process.env')() }`,
    false,
  ],
  'a stack of call sites': [
    `Error.prepareStackTrace = (e, s) => s.map((each) => each.getThis && each.getThis());
     const seen = new Error('x').stack; if (seen.some((each) => each && each.process)) return seen;
     throw new Error('nothing')`,
    false,
  ],
  'a getter in the result': [`return { get topic() { for (;;); } }`, false],
  'a proxy as the result': [`return new Proxy({}, { get() { throw new Error('no') } })`, false],
}

it(
  'a script that limits can hold costs its message only, and reaches nothing',
  async () => {
    const sluice = await rig.start()
    const engine = enginePid(sluice)
    await rig.openPair(sluice)
    const load = await rig.startLoad()
    const device = await rig.broker.connect()
    const names = Object.keys(CONTAINED)
    const cases = names.map(
      (name) => `${JSON.stringify(name)}: function () { ${CONTAINED[name]![0]} }`,
    )
    const script = READING_SCRIPT.replace(
      '{',
      `{
      const cases = { ${cases.join(', ')} };
      const result = cases[textPayload] && cases[textPayload].call(this);
      if (result) return result;`,
    )
      .replaceAll('function ()', '(headers) =>')
      .replace('.call(this)', '(headers)')
      .replace(`'load'`, `'other'`)
    const id = await open(sluice, rig.consuming('contained', script))
    let mapped = 0
    let failed = 0
    for (const name of names) {
      for (const text of ['before', name, 'after']) {
        await device.publishAsync('contained/x', text, { qos: 1 })
      }
      if (CONTAINED[name]![1]) mapped++
      else failed++
      const { connectionMetrics } = await eventually(
        () => look(sluice, id, 'metrics'),
        ({ connectionMetrics: { inbound } }) =>
          inbound.acknowledged.success.PT1H === 3 * (mapped + failed),
      )
      const { mapped: counted } = connectionMetrics.inbound
      assert.is(counted.success.PT1H, 2 * (mapped + failed) + mapped, name)
      assert.is(counted.failure.PT1H, failed, name)
    }
    assert.is((await look(sluice, id, 'status')).liveStatus, 'open')
    const told = (await logTexts(sluice, id)).join('\n')
    assert.not.match(told, /PATH=|DEVOPS|\/usr\//)
    rig.assertRecovered(load)
    await rig.assertComplete(load, 0)
    assert.is(enginePid(sluice), engine)
    assert.is(await sluice.stop(), 0)
  },
  2 * TEST_LIMIT_MS,
)
