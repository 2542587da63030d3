/** Mapping definitions tried on sample messages, of a connection and without one. */
import * as assert from 'uvu/assert'
import { type Sluice, startSluice } from '../../bench/support/sluice.ts'
import { CONNECTIONS, create, enginePid, look } from '../support/gateway.ts'
import { suite } from '../support/suite.ts'

const it = suite('mapping test')

let sluice: Sluice
it.before(async () => {
  sluice = await startSluice()
})
it.after(async () => {
  await sluice.stop()
})

const INCOMING = `function mapToDittoProtocolMsg(headers, textPayload, bytePayload, contentType) {
  console.log('got', contentType);
  const reading = textPayload === null
    ? { id: 'b', t: new Uint8Array(bytePayload)[0] }
    : JSON.parse(textPayload);
  if (reading.t === undefined) return null;
  return Ditto.buildDittoProtocolMsg('ns', reading.id, 'things', 'twin', 'commands', 'modify',
    reading.path || '/attributes/t', headers, reading.t);
}`
const OUTGOING = `
function mapFromDittoProtocolMsg(ns, name, group, channel, criterion, action, path, headers, value) {
  return Ditto.buildExternalMsg({ name: name }, null, new Uint8Array([value]).buffer, 'x/y');
}`

const js = {
  mappingEngine: 'JavaScript',
  options: { incomingScript: INCOMING, outgoingScript: OUTGOING },
}

function tried(body: object, id?: string) {
  const path = id === undefined ? CONNECTIONS : `${CONNECTIONS}/${id}`
  return sluice.request('POST', `${path}/mapping/test`, body)
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into, not typed.
async function mappings(body: object, id?: string): Promise<any[]> {
  const { status, json, text } = await tried(body, id)
  assert.is(status, 200, text)
  return json.results.map(({ mappings: [mapping] }: { mappings: unknown[] }) => mapping)
}

it('tells what comes of each message, what was written, and where a script failed', async () => {
  const [mapped, dropped, failed, bytes, wrong] = await mappings({
    mappingDefinitions: { js },
    messages: [
      { headers: { 'content-type': 'application/json' }, textPayload: '{"id":"a","t":21}' },
      { textPayload: '{"id":"a"}' },
      { textPayload: 'no json' },
      { bytePayload: 'Kg==', headers: { 'content-type': 'application/octet-stream' } },
      { textPayload: '{"id":"a","t":21,"path":"/nowhere"}' },
    ],
  })
  assert.is(mapped.outcome, 'mapped')
  assert.is(mapped.mapper, 'js')
  assert.ok(mapped.durationMs > 0)
  assert.equal(mapped.console, [{ level: 'info', text: 'got application/json' }])
  assert.equal(mapped.signals, [
    {
      topic: 'ns/a/things/twin/commands/modify',
      headers: { 'content-type': 'application/json' },
      path: '/attributes/t',
      value: 21,
    },
  ])
  assert.is(dropped.outcome, 'dropped')
  assert.is(dropped.error, undefined)
  assert.is(failed.outcome, 'failed')
  const { error, script, line, column } = failed.error
  assert.equal([error, script, line], ['connectivity:message.mapping.failed', 'incomingScript', 5])
  assert.ok(column > 0)
  assert.is(bytes.signals[0].value, 42)
  assert.is(wrong.error.error, 'protocoladapter:unknown.path')
})

it('maps signals to what would be published', async () => {
  const topic = 'ns/pump/things/twin/events/modified'
  const [mapped] = await mappings({
    direction: 'outbound',
    mappingDefinitions: { js },
    messages: [{ topic, path: '/attributes/t', value: 7 }],
  })
  const headers = { name: 'pump', 'content-type': 'x/y' }
  assert.equal(mapped.messages, [{ headers, bytePayload: 'Bw==' }])
})

it('knows the definitions of a connection, and others in their place; nothing is dispatched', async () => {
  const id = await create(sluice, {
    connectionType: 'mqtt',
    connectionStatus: 'closed',
    uri: 'tcp://127.0.0.1:1',
    sources: [
      { addresses: ['in'], qos: 0, authorizationContext: ['a:b'], payloadMapping: ['js', 'Ditto'] },
    ],
    mappingDefinitions: { js },
  })
  const messages = [{ textPayload: '{"id":"a","t":1}' }]
  const { json } = await tried({ messages }, id)
  const used = json.results[0].mappings.map(({ mapper }: { mapper: string }) => mapper)
  assert.equal(used, ['js', 'Ditto'])
  const incomingScript = 'function mapToDittoProtocolMsg() { return null }'
  const changed = { js: { ...js, options: { incomingScript } } }
  const own = { payloadMapping: ['js'], mappingDefinitions: changed, messages }
  assert.is((await mappings(own, id))[0].outcome, 'dropped')
  assert.is((await mappings({ payloadMapping: ['js'], messages }, id))[0].outcome, 'mapped')
  const { connectionMetrics } = await look(sluice, id, 'metrics')
  assert.equal(connectionMetrics, { inbound: null, outbound: null })
})

it('the limits of production hold, and a script that ends its process harms nobody', async () => {
  const engine = enginePid(sluice)
  const script = (code: string) => ({
    mappingDefinitions: {
      bad: {
        mappingEngine: 'JavaScript',
        options: { incomingScript: `function mapToDittoProtocolMsg(h, text) { ${code} }` },
      },
    },
  })
  const messages = [{ textPayload: 'x' }]
  const [overdue] = await mappings({ ...script('for (;;);'), messages })
  assert.match(overdue.error.description, 'Maximum execution time of <500>ms was exceeded')
  const deadly = `if (text === 'x') 'x'.repeat(5e8).split(''); return null`
  const three = ['a', 'x', 'b'].map((textPayload) => ({ textPayload }))
  const [before, ended, after] = await mappings({ ...script(deadly), messages: three })
  assert.is(before.outcome, 'dropped')
  assert.match(ended.error.message, 'mapping definition <bad> ended its process')
  assert.match(ended.error.description, '</messages/1>')
  assert.match(after.error.description, 'was not tried')
  const [stuck] = await mappings({ ...script('new Array(2 ** 31).fill(1)'), messages })
  assert.match(stuck.error.message, 'mapping definition <bad>')
  const atTopLevel = `} 'x'.repeat(5e8).split(''); {`
  const unusable = await tried({ ...script(atTopLevel), messages })
  assert.is(unusable.status, 400)
  assert.match(unusable.json.message, 'mapping definition <bad> ended its process')
  assert.is((await mappings({ ...script('return null'), messages }))[0].outcome, 'dropped')
  assert.is(enginePid(sluice), engine)
})

it('an answer has an end: what does not fit into it is told, message by message', async () => {
  const incomingScript = `function mapToDittoProtocolMsg(h, text) {
    return Array(10).fill(Ditto.buildDittoProtocolMsg('ns', 'a', 'things', 'twin', 'commands', 'modify',
      '/attributes/t', {}, 'x'.repeat(Number(text))));
  }`
  const large = Array.from({ length: 8 }, () => ({ textPayload: '100000' }))
  const { status, json, text } = await tried({
    mappingDefinitions: { js: { mappingEngine: 'JavaScript', options: { incomingScript } } },
    messages: [...large, { textPayload: '1' }],
  })
  assert.is(status, 200)
  assert.ok(text.length < 5_000_000, `${text.length} characters`)
  const told = json.results.map(
    // biome-ignore lint/suspicious/noExplicitAny: answers are looked into, not typed.
    ({ mappings: [{ outcome, error }] }: any) => error?.description ?? outcome,
  )
  assert.is(told[0], 'mapped')
  assert.match(told[7], '<4194304> characters')
  assert.is(told[8], 'mapped')
})

it('what cannot be tried is refused with the reason', async () => {
  const messages = [{ textPayload: 'x' }]
  const broken = { ...js, options: { incomingScript: 'function (' } }
  for (const [body, status, text] of [
    [{ mappingDefinitions: { js }, messages: [] }, 400, 'messages'],
    [{ messages }, 400, 'payloadMapping'],
    [{ payloadMapping: ['nope'], messages }, 400, '<nope>'],
    [{ payloadMapping: ['Ditto'], messages: [{ text: 'x' }] }, 400, '/messages/0/text'],
    [{ payloadMapping: ['Ditto'], messages: [{ bytePayload: '!' }] }, 400, 'Base64'],
    [{ payloadMapping: ['Ditto'], direction: 'up', messages }, 400, '<inbound>'],
    [{ payloadMapping: ['Ditto'], direction: 'outbound', messages }, 400, '/topic'],
    [{ mappingDefinitions: { js: broken }, messages }, 400, 'line/column #1/'],
  ] as const) {
    const answer = await tried(body)
    assert.is(answer.status, status, answer.text)
    assert.match(answer.text, text)
    assert.type(answer.json.error, 'string')
  }
  assert.is((await tried({ payloadMapping: ['Ditto'], messages }, 'unknown')).status, 404)
})
