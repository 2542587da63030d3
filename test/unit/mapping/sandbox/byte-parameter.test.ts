/** Whether a mapping function may look at the byte payload, judged from its source. */
import * as assert from 'uvu/assert'
import { usesByteParameter } from '../../../../src/mapping/sandbox/inside/builtins.ts'
import { suite } from '../../../support/suite.ts'

const it = suite('mapping/sandbox/byte-parameter')

const CASES: readonly (readonly [string, boolean])[] = [
  ['function mapToDittoProtocolMsg(headers, text, bytes, type) { return text }', false],
  ['function mapToDittoProtocolMsg(\n  headers,\n  text,\n  bytes\n) { return text }', false],
  ['function (headers, text) { return text }', false],
  ['function f() { return null }', false],
  ['(headers, text, bytes) => text', false],
  ['text => text', true],
  ['function f(headers, text, bytes) { return bytes.byteLength }', true],
  ['function f(headers, text, e) { return null }', true],
  ['function f(headers, text, bytes) { /* bytes */ return null }', true],
  ['function f(headers, text) { return arguments[2] }', true],
  ['function f(headers, text, bytes) { return eval("b" + "ytes") }', true],
  ['function f(...all) { return all[2] }', true],
  ['function f(headers, text, { byteLength }) { return byteLength }', true],
  ['function f(headers, text, bytes = null) { return text }', true],
  ['function f(headers /* external */, text, bytes) { return text }', true],
  ['function f(headers, text, bytes) { return b\\u0079tes }', true],
  ['function f() { [native code] }', false],
  ['class Mapper {}', true],
]

for (const [source, expected] of CASES) {
  it(`${expected ? 'may use' : 'does not use'} bytes: ${source}`, () => {
    assert.is(usesByteParameter(source), expected)
  })
}
