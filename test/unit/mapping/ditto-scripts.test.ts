/**
 * Scripts of the kinds that Ditto's documentation, examples and tests show, in words of our own: what
 * they are given, what they may leave undone, and what becomes of what they return.
 */
import * as assert from 'uvu/assert'
import type { JsonObject } from '../../../src/json/types.ts'
import { suite } from '../../support/suite.ts'
import {
  adaptable,
  external,
  incoming,
  javaScript,
  outcomes,
  outgoing,
  type PromptMapper,
  promptMapper,
  values,
} from './support.ts'

const it = suite('mapping/ditto-scripts')

const PROTOCOL = 'application/vnd.eclipse.ditto+json'
const OCTETS = { 'content-type': 'application/octet-stream' }
const COMMAND = {
  topic: 'org.acme/valve/things/twin/commands/modify',
  headers: { 'response-required': false },
  path: '/attributes/open',
  value: true,
}

function bothWays(incomingScript: string, outgoingScript: string): PromptMapper {
  const definition = javaScript({ incomingScript, outgoingScript })
  return promptMapper({ id: 'js', engine: 'JavaScript', definition })
}

/** What leaves, as text. */
function left(mapper: PromptMapper, json: JsonObject): unknown {
  const [messages] = outcomes(mapper.outbound([adaptable(json)]), ({ headers, payload }) => ({
    headers,
    text: typeof payload === 'string' ? payload : Buffer.from(payload ?? []).toString(),
  }))
  mapper.close()
  return messages
}

it('readings with units become the properties of several features', () => {
  const mapper = incoming(`
    function mapToDittoProtocolMsg(headers, textPayload, bytePayload, contentType) {
      if (contentType !== 'application/json') return null // nothing else is for us
      var reading = JSON.parse(textPayload)
      var features = {}
      for (var name in reading) {
        features[name] = { properties: { value: parseFloat(String(reading[name]).split(' ')[0]) } }
      }
      return Ditto.buildDittoProtocolMsg('org.acme', headers['device_id'], 'things', 'twin', 'commands',
        'modify', '/features', headers, features)
    }`)
  const headers = { 'content-type': 'application/json', device_id: 'boiler' }
  const [result, dropped] = mapper.inbound([
    external('{"temp":"81.5 °C","pressure":2}', headers),
    external('{"temp":1}', { device_id: 'boiler' }),
  ])
  assert.ok(result?.ok && dropped?.ok)
  const [signal] = result.values
  assert.is(signal?.topic.full, 'org.acme/boiler/things/twin/commands/modify')
  assert.equal(signal?.headers, headers)
  assert.equal(signal?.value, {
    temp: { properties: { value: 81.5 } },
    pressure: { properties: { value: 2 } },
  })
  assert.equal(dropped.values, [])
  mapper.close()
})

const BYTES = '0b1803e81e'
const READERS: readonly string[] = [
  `var view = new DataView(bytePayload)
   var list = [view.getInt16(0) / 100, view.getUint16(2), view.getUint8(4)]`,
  `var bytes = new Uint8Array(bytePayload)
   var list = [((bytes[0] << 8) | bytes[1]) / 100, bytes[2] * 256 + bytes[3], bytes[4]]`,
  `var text = Ditto.arrayBufferToString(bytePayload), code = (at) => text.charCodeAt(at)
   var list = [(code(0) * 256 + code(1)) / 100, code(2) * 256 + code(3), code(4)]`,
  `var text = String.fromCharCode.apply(null, new Uint8Array(bytePayload))
   var list = [0, 2, 4].map(at => at === 4 ? text.charCodeAt(4) : parseInt(
     Array.from(text.slice(at, at + 2), c => c.charCodeAt(0).toString(16).padStart(2, '0')).join(''), 16))
   list[0] /= 100`,
]
for (const [at, reader] of READERS.entries()) {
  it(`fixed-width fields of a byte payload, way ${at + 1} of reading`, () => {
    const mapper = incoming(`function mapToDittoProtocolMsg(headers, textPayload, bytePayload) {
        ${reader}
        return Ditto.buildDittoProtocolMsg('a', 'b', 'things', 'twin', 'commands', 'modify', '/', {}, list)
      }`)
    const message = { ...external(Buffer.from(BYTES, 'hex'), OCTETS), binary: true }
    assert.equal(values(mapper.inbound([message])), [[[28.4, 1000, 30]]])
    mapper.close()
  })
}

it('a status makes a response, extra fields stay, and what is undefined is left out', () => {
  const mapper = incoming(`
    function mapToDittoProtocolMsg(headers, text) {
      var extra = text === 'extra' ? { attributes: { site: 'north' } } : undefined
      return Ditto.buildDittoProtocolMsg('a', 'b', 'things', 'live', 'commands', 'retrieve', '/',
        { 'correlation-id': headers.missing }, text, 200, extra)
    }`)
  const [plain, extra] = mapper.inbound([external('plain'), external('extra')])
  assert.ok(plain?.ok && extra?.ok)
  assert.is(plain.values[0]?.status, 200)
  assert.equal(plain.values[0]?.headers, {})
  assert.is(plain.values[0]?.extra, undefined)
  assert.equal(extra.values[0]?.extra, { attributes: { site: 'north' } })
  mapper.close()
})

const DEFAULTS: readonly (readonly [
  string,
  string | Uint8Array,
  Record<string, string>,
  unknown[],
])[] = [
  ['Ditto Protocol', JSON.stringify(COMMAND), { 'content-type': PROTOCOL }, [true]],
  ['octets of Ditto Protocol', Buffer.from(JSON.stringify(COMMAND)), OCTETS, [true]],
  ['octets of something else', new Uint8Array([255, 1]), OCTETS, []],
  ['JSON of another type', JSON.stringify(COMMAND), { 'content-type': 'application/json' }, []],
  ['a message without type', JSON.stringify(COMMAND), {}, []],
]
for (const [title, payload, headers, expected] of DEFAULTS) {
  it(`a script that defines no function for it: ${title}`, () => {
    const mapper = incoming('var counter = 0')
    assert.equal(values(mapper.inbound([external(payload, headers)])), [expected])
    mapper.close()
  })
}

it('a script that defines no function for it lets signals leave as Ditto Protocol', () => {
  const sent = {
    topic: 'org.acme/valve/policies/announcements/subjectDeletion',
    headers: { 'correlation-id': 'c', 'requested-acks': ['a'], 'response-required': false },
    path: '/',
    value: { subjectIds: [] },
  }
  const [message] = left(outgoing('var counter = 0'), sent) as { headers: unknown; text: string }[]
  const { headers, text } = message!
  const { revision, ...told } = JSON.parse(text)
  assert.equal([told, revision], [sent, undefined])
  assert.equal(headers, {
    'correlation-id': 'c',
    'requested-acks': '["a"]',
    'response-required': 'false',
    'content-type': PROTOCOL,
  })
})

it("a wrapper that is a copy of Ditto's own finds what that one calls", () => {
  const mapper = outgoing(`
    function mapFromDittoProtocolMsgWrapper(msg) {
      let parts = msg.topic.split('/')
      let rest = hasChannel(parts[2]) ? parts.slice(3) : ['none'].concat(parts.slice(3))
      return mapFromDittoProtocolMsg(parts[0], parts[1], parts[2], rest[0], rest[1], rest[2],
        msg.path, msg.headers, msg.value, msg.status, msg.extra)
    }
    function mapFromDittoProtocolMsg(namespace, name, group, channel, criterion, action) {
      return Ditto.buildExternalMsg({}, [group, channel, criterion, action].join(), null, 'text/plain')
    }`)
  const texts = ['_/x/connections/announcements/opened', 'a/b/things/live/messages/ask'].map(
    (topic) => {
      const [result] = mapper.outbound([adaptable({ topic, path: '/', headers: {} })])
      return result?.ok && result.values[0]?.payload
    },
  )
  assert.equal(texts, ['connections,none,announcements,opened', 'things,live,messages,ask'])
  mapper.close()
})

it('variables that were never declared are globals, as in scripts that are not strict', () => {
  const mapper = outgoing(`
    function mapFromDittoProtocolMsg(namespace, id, group, channel, criterion, action, path, dittoHeaders,
        value) {
      headers = dittoHeaders
      bytePayload = Ditto.stringToArrayBuffer(value)
      textPayload = null
      return Ditto.buildExternalMsg(headers, textPayload, bytePayload, 'application/octet-stream')
    }`)
  const [message] = left(mapper, { value: 'Hello', headers: {} }) as { text: string }[]
  assert.is(message?.text, 'Hello')
})

it('headers that were undefined leave as null, typed ones as their text', () => {
  const mapper = outgoing(`
    function mapFromDittoProtocolMsg(n, i, g, c, k, a, path, dittoHeaders) {
      return Ditto.buildExternalMsg({
        acks: dittoHeaders['requested-acks'], required: dittoHeaders['response-required'],
        timeout: parseInt(dittoHeaders.timeout) * 2, nothing: dittoHeaders.nothing,
      }, '', null, 'text/plain')
    }`)
  const headers = { 'requested-acks': ['x:y'], 'response-required': false, timeout: '15s' }
  assert.equal(left(mapper, { headers }), [
    {
      headers: {
        acks: '["x:y"]',
        required: 'false',
        timeout: '30',
        nothing: 'null',
        'content-type': 'text/plain',
      },
      text: '',
    },
  ])
})

it('what one script keeps the other sees', () => {
  const mapper = bothWays(
    `var seen = []
    let last
    function mapToDittoProtocolMsg(headers, text) { seen.push(text); last = text; return null }`,
    `function mapFromDittoProtocolMsg() {
      return Ditto.buildExternalMsg({}, seen.join() + '/' + last, null, 'text/plain')
    }`,
  )
  mapper.inbound([external('a'), external('b')])
  assert.equal(left(mapper, {}), [{ headers: { 'content-type': 'text/plain' }, text: 'a,b/b' }])
})

const TWICE: readonly (readonly [string, string])[] = [
  ["let prefix = 'in'", "let prefix = 'out'"],
  ["const prefix = 'in'", "const prefix = 'out'"],
  ["let prefix = 'in'", "class prefix { static toString() { return 'out' } }"],
  ["var prefix = 'in'", "let prefix = 'out'"],
]
for (const [first, second] of TWICE) {
  it(`both scripts may declare a name: ${first}; ${second}`, () => {
    const mapper = bothWays(
      `${first}
      var shared = 0
      function mapToDittoProtocolMsg() {
        shared++
        return Ditto.buildDittoProtocolMsg('a', 'b', 'things', 'twin', 'commands', 'modify', '/', {}, 'in')
      }`,
      `${second}
      var other = 1
      function helper() { return String(prefix) + shared + other }
      function mapFromDittoProtocolMsg() {
        return Ditto.buildExternalMsg({}, helper(), null, 'text/plain')
      }`,
    )
    assert.equal(values(mapper.inbound([external('x')])), [['in']])
    assert.equal(left(mapper, {}), [{ headers: { 'content-type': 'text/plain' }, text: 'out11' }])
  })
}

it('a name that a script itself declares twice is an error, at its place', () => {
  const make = () => bothWays('let a = 1', '\nlet b = 1\nlet b = 2')
  assert.throws(make, /Identifier 'b' has already been declared - in line\/column #3\/5/)
})

it('an error of a script whose names the other has, too, is told at its place', () => {
  const make = () => bothWays('let a = 1', 'let a = 2; missing()')
  assert.throws(
    make,
    /missing is not defined - in line\/column #1\/12, source:\nlet a = 2; missing/,
  )
})
