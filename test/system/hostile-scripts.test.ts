/**
 * Scripts that no limit of time or memory can hold, because they end or wedge the engine's process: who
 * brought them is out until somebody has looked, everybody else goes on and loses nothing.
 */
import * as assert from 'uvu/assert'
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
import { READING_SCRIPT } from '../support/load.ts'
import { Rig, untilGone } from '../support/rig.ts'
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
  'is ended by V8 for its memory': 'const map = new Map(); for (let i = 0; ; i++) map.set(i, [i])',
  'does not come back': 'new Array(2 ** 31).fill(1)',
} as const

it(
  'only whoever ended the engine is out, also after a restart, until opened by command',
  async () => {
    const first = await rig.start()
    await rig.openPair(first)
    const load = await rig.startLoad()
    const device = await rig.broker.connect()
    const guilty: string[] = []
    for (const code of Object.values(DEADLY)) {
      const topic = `deadly-${guilty.length}`
      const id = await open(first, rig.consuming(topic, commanded(code)))
      guilty.push(id)
      await load.flows()
      const engine = enginePid(first)!
      // Without QoS the message does not come again, and does not kill again.
      await device.publishAsync(`${topic}/x`, 'do it', { qos: 0 })
      await untilGone(engine)
      load.longestSilenceMs()
      await load.flows()
      rig.assertRecovered(load)
      assert.is((await look(first, id, 'status')).liveStatus, 'misconfigured')
      const told = (await logTexts(first, id)).join('\n')
      assert.match(told, /mapping definition <js>.*modify the connection/s)
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
    await rig.assertComplete(load, guilty.length + 1)
    assert.is(await second.stop(), 0)
  },
  TEST_LIMIT_MS,
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

const HARMLESS = {
  'an endless loop': 'for (;;) {}',
  'a string that grows for ever': `let text = 'x'; for (;;) text += text`,
  'a recursion without an end': '(function again() { return again() + 1 })()',
} as const

it(
  'a script that limits can hold costs its message only',
  async () => {
    const sluice = await rig.start()
    const engine = enginePid(sluice)
    const device = await rig.broker.connect()
    for (const [what, code] of Object.entries(HARMLESS)) {
      const id = await open(sluice, rig.consuming('harmless', commanded(code)))
      for (const text of ['before', 'do it', 'after']) {
        await device.publishAsync('harmless/x', text, { qos: 1 })
      }
      const { connectionMetrics } = await eventually(
        () => look(sluice, id, 'metrics'),
        ({ connectionMetrics: { inbound } }) => inbound.acknowledged.success.PT1H === 3,
      )
      const { mapped } = connectionMetrics.inbound
      assert.is(mapped.success.PT1H, 2, what)
      assert.is(mapped.failure.PT1H, 1, what)
      assert.is((await look(sluice, id, 'status')).liveStatus, 'open', what)
      assert.is((await sluice.request('DELETE', `${CONNECTIONS}/${id}`)).status, 204)
    }
    assert.is(enginePid(sluice), engine)
    assert.is(await sluice.stop(), 0)
  },
  TEST_LIMIT_MS,
)
