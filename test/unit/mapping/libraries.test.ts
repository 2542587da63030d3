/** ByteBuffer and Long as scripts find them: the globals that Ditto documents, loaded on demand. */
import * as assert from 'uvu/assert'
import type { JsonObject } from '../../../src/json/types.ts'
import { suite } from '../../support/suite.ts'
import {
  adaptable,
  external,
  javaScript,
  outcomes,
  type PromptMapper,
  promptMapper,
  values,
} from './support.ts'

const it = suite('mapping/libraries')

const BOTH = { loadBytebufferJS: 'true', loadLongJS: true }

function mapperWith(options: JsonObject): PromptMapper {
  return promptMapper({ id: 'js', engine: 'JavaScript', definition: javaScript(options) })
}

/** What an expression over the byte payload is, as the value of a signal. */
function evaluate(expression: string, bytes: readonly number[], options: JsonObject): unknown {
  const mapper = mapperWith({
    ...options,
    incomingScript: `function mapToDittoProtocolMsg(headers, text, bytes) {
      return Ditto.buildDittoProtocolMsg(
        'a', 'b', 'things', 'twin', 'commands', 'modify', '/', {}, ${expression})
    }`,
  })
  const [result] = values(mapper.inbound([external(new Uint8Array(bytes))]))
  mapper.close()
  return Array.isArray(result) ? result[0] : result
}

const READING: readonly (readonly [string, unknown])[] = [
  ['Ditto.asByteBuffer(bytes).toHex()', '09ef03f72a'],
  ['Ditto.asByteBuffer(bytes).readInt16() / 100', 25.43],
  ['parseInt(Ditto.asByteBuffer(bytes).toHex(0, 2), 16)', 0x09ef],
  ['dcodeIO.ByteBuffer.fromBase64(Ditto.asByteBuffer(bytes).toBase64()).remaining()', 5],
  ['dcodeIO.ByteBuffer.wrap(bytes).readUint8(4)', 42],
  ["dcodeIO.ByteBuffer.fromUTF8('grün').readUTF8String(4)", 'grün'],
  ["new dcodeIO.ByteBuffer().writeInt64(Long.fromString('123456789012')).flip().limit", 8],
  ['Ditto.asByteBuffer(new ArrayBuffer(8)).readLong().toString()', '0'],
  ["Long.fromString('9223372036854775807').add(1).toString()", '-9223372036854775808'],
  ['new Long(0xFFFFFFFF, 0x7FFFFFFF).toString()', '9223372036854775807'],
  ['dcodeIO.Long === Long && dcodeIO.ByteBuffer.Long === Long', true],
  ["require('long') === Long && require('bytebuffer') === dcodeIO.ByteBuffer", true],
]
for (const [expression, expected] of READING) {
  it(`both libraries: ${expression.slice(0, 60)}`, () => {
    assert.equal(evaluate(expression, [0x09, 0xef, 0x03, 0xf7, 0x2a], BOTH), expected)
  })
}

it('a ByteBuffer works on bytes of its own', () => {
  const expression = `(() => {
    Ditto.asByteBuffer(bytes).writeByte(7)
    return Array.from(new Uint8Array(bytes))
  })()`
  assert.equal(evaluate(expression, [1, 2], BOTH), [1, 2])
})

const PARTS: readonly (readonly [JsonObject, readonly string[]])[] = [
  [{}, ['undefined', 'undefined', 'undefined']],
  [{ loadBytebufferJS: 'false', loadLongJS: false }, ['undefined', 'undefined', 'undefined']],
  [{ loadLongJS: 'true' }, ['function', 'function', 'undefined']],
  [{ loadBytebufferJS: true }, ['undefined', 'undefined', 'function']],
]
for (const [options, expected] of PARTS) {
  it(`only what is asked for is there: ${JSON.stringify(options)}`, () => {
    const parts =
      '[typeof Long, typeof (globalThis.dcodeIO || {}).Long, typeof (globalThis.dcodeIO || {}).ByteBuffer]'
    assert.equal(evaluate(parts, [], options), expected)
  })
}

it('what needs a library that is not loaded says which option loads it', () => {
  assert.match(evaluate('Ditto.asByteBuffer(bytes)', [], {}) as string, 'option loadBytebufferJS')
  const long = evaluate("require('long')", [], { loadBytebufferJS: true }) as string
  assert.match(long, /^Error: Cannot find module 'long': .*the mapper's option loadLongJS loads it/)
  assert.match(evaluate("require('bytebuffer')", [], {}) as string, 'option loadBytebufferJS')
})

it('scripts may name their own variables like the globals', () => {
  const mapper = mapperWith({
    ...BOTH,
    incomingScript: `const Long = dcodeIO.Long; let { ByteBuffer } = dcodeIO
      function mapToDittoProtocolMsg() {
        return Ditto.buildDittoProtocolMsg('a', 'b', 'things', 'twin', 'commands', 'modify', '/', {},
          ByteBuffer.fromHex('0a').toHex() + Long.ONE)
      }`,
  })
  assert.equal(values(mapper.inbound([external('x')])), [['0a1']])
  mapper.close()
})

const WRITING: readonly (readonly [string, readonly number[]])[] = [
  ['new dcodeIO.ByteBuffer(4).writeInt16(2543).writeInt16(1015).flip()', [9, 0xef, 3, 0xf7]],
  ['new dcodeIO.ByteBuffer(4).writeInt16(2543).flip().toArrayBuffer()', [9, 0xef]],
  ["dcodeIO.ByteBuffer.fromHex('0a0b0c').slice(1)", [0x0b, 0x0c]],
  ["dcodeIO.ByteBuffer.fromUTF8('ü')", [0xc3, 0xbc]],
]
for (const [code, expected] of WRITING) {
  it(`bytes leave: ${code}`, () => {
    const mapper = mapperWith({
      ...BOTH,
      outgoingScript: `function mapFromDittoProtocolMsg() {
        return Ditto.buildExternalMsg({}, null, ${code}, 'application/octet-stream')
      }`,
    })
    const shown = outcomes(mapper.outbound([adaptable(), adaptable()]), ({ payload }) =>
      Array.from(payload as Uint8Array),
    )
    assert.equal(shown, [[expected], [expected]])
    mapper.close()
  })
}

it('mappers of one shard have libraries of their own', () => {
  const script = (value: string) => `function mapToDittoProtocolMsg() {
    return Ditto.buildDittoProtocolMsg('a', 'b', 'things', 'twin', 'commands', 'modify', '/', {}, ${value})
  }`
  const spoiler = mapperWith({ ...BOTH, incomingScript: script('(Long.ONE = 7, Long.ONE)') })
  const other = mapperWith({ ...BOTH, incomingScript: script('Long.ONE.toString()') })
  assert.equal(values(spoiler.inbound([external('x')])), [[7]])
  assert.equal(values(other.inbound([external('x')])), [['1']])
  spoiler.close()
  other.close()
})
