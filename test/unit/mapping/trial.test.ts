/** What a trial shows of each message, and how much of it. Scripts run in this process. */
import * as assert from 'uvu/assert'
import type { JsonObject } from '../../../src/json/types.ts'
import { resolveDefinition } from '../../../src/mapping/definitions.ts'
import { prepareTrial, TRIAL_ANSWER_CHARS_MAX } from '../../../src/mapping/trial.ts'
import { readTrial, type TrialMapping } from '../../../src/mapping/trial-schema.ts'
import { suite } from '../../support/suite.ts'
import { testEnvironment } from './support.ts'

const it = suite('trial')

async function tried(body: JsonObject, ids = ['it']): Promise<TrialMapping[]> {
  const trial = readTrial(body)
  const { mappingDefinitions = {} } = trial
  const definitions = ids.map((id) => resolveDefinition({ mappingDefinitions }, id))
  const { limits, recorder } = testEnvironment({ maxExecutionMs: 1_000, memoryMb: 64 })
  const environment = { connectionId: 'test:connection', limits, recorder }
  const mappings: TrialMapping[] = []
  for await (const mapping of prepareTrial(trial, definitions, environment)) mappings.push(mapping)
  return mappings
}

function incoming(code: string): JsonObject {
  const incomingScript = `function mapToDittoProtocolMsg(headers, text) { ${code} }`
  return { mappingEngine: 'JavaScript', options: { incomingScript } }
}

const SIZED = incoming(`
  const chars = Number(text);
  if (headers.to === 'console') for (let at = 0; at < 100; at++) console.log('x'.repeat(chars));
  const value = headers.to === 'signals' ? 'x'.repeat(chars) : chars;
  const signal = Ditto.buildDittoProtocolMsg('ns', 'a', 'things', 'twin', 'commands', 'modify',
    '/attributes/t', {}, value);
  return Array(Number(headers.times)).fill(signal);`)

const message = (chars: number, to = 'signals', times = 1) => ({
  headers: { to, times: String(times) },
  textPayload: String(chars),
})

it('what is beyond the limit of a trial is told in errors, and smaller results still fit', async () => {
  const large = Array.from({ length: 3 }, () => message(500_000, 'signals', 4))
  const small = message(10)
  const messages = [...large, small]
  const mappings = await tried({ mappingDefinitions: { it: SIZED }, messages })
  assert.equal(
    mappings.map(({ outcome }) => outcome),
    ['mapped', 'mapped', 'failed', 'mapped'],
  )
  const { error, signals, mapper } = mappings[2]!
  assert.is(mapper, 'it')
  assert.is(signals, undefined)
  assert.is(error!.error, 'connectivity:message.mapping.failed')
  assert.match(error!.description!, `<${TRIAL_ANSWER_CHARS_MAX}> characters`)
  assert.match(error!.description!, 'Try fewer messages')
})

it('a message alone may be too much, and its console goes with it', async () => {
  const messages = [message(1_000_000, 'signals', 5), message(900, 'console')]
  const mappings = await tried({ mappingDefinitions: { it: SIZED }, messages })
  assert.equal(
    mappings.map(({ outcome, console }) => [outcome, console.length]),
    [
      ['failed', 0],
      ['mapped', 100],
    ],
  )
})

it('what scripts write to the console counts', async () => {
  const messages = Array.from({ length: 60 }, () => message(900, 'console'))
  const mappings = await tried({ mappingDefinitions: { it: SIZED }, messages })
  assert.ok(JSON.stringify(mappings).length < TRIAL_ANSWER_CHARS_MAX + 60 * 1_000)
  assert.is(mappings[0]!.outcome, 'mapped')
  assert.is(mappings.at(-1)!.outcome, 'failed')
  assert.equal(mappings.at(-1)!.console, [])
})

it('signals have all headers that a mapper set and that take effect', async () => {
  const effective = {
    'if-match': '*',
    'if-none-match': '"rev:1"',
    condition: 'eq(attributes/a,1)',
    'put-metadata': [{ key: '*/a', value: 1 }],
    'live-channel-condition': 'eq(attributes/a,2)',
    'correlation-id': 'c',
    'x-own': 'y',
  }
  const others = { authorization: 'Basic YTpi', 'ditto-sudo': true, 'ditto-originator': 'n:o' }
  const it = incoming(`return Ditto.buildDittoProtocolMsg('ns', 'a', 'things', 'twin', 'commands',
    'modify', '/attributes/t', ${JSON.stringify({ ...effective, ...others })}, 1)`)
  const messages = [{ textPayload: '' }]
  const [mapped] = await tried({ mappingDefinitions: { it }, messages })
  assert.equal(mapped!.signals![0]!.headers, effective)
})

it('headers that mappers set by themselves show', async () => {
  const creation = {
    mappingEngine: 'ImplicitThingCreation',
    options: { thing: { thingId: 'ns:{{ header:device }}' } },
  }
  const [created] = await tried({
    mappingDefinitions: { it: creation },
    messages: [{ headers: { device: 'a' } }],
  })
  assert.is((created!.signals![0]!.headers as JsonObject)['if-none-match'], '*')
  const textPayload = JSON.stringify({
    topic: 'ns/a/things/live/commands/retrieve',
    path: '/attributes',
    value: { a: 1 },
    status: 200,
  })
  const [merged] = await tried({ messages: [{ textPayload }] }, ['UpdateTwinWithLiveResponse'])
  assert.is((merged!.signals![0]!.headers as JsonObject)['if-match'], '*')
})
