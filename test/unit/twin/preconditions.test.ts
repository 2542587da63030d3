import * as assert from 'uvu/assert'
import type { JsonValue } from '../../../src/json/types.ts'
import { suite } from '../../support/suite.ts'
import { apply, command, errorIdOf, stored } from './support.ts'

const it = suite('twin/preconditions')

const FAILED = 'things:precondition.failed'
const THING = { attributes: { a: 1, b: { c: 2 } } }

function etagAt(path: string): JsonValue | undefined {
  return apply(stored(THING), command('retrieve', path)).outcome.response.headers.etag
}

it('gives a part the same entity tag when it is written and when it is read', () => {
  for (const [path, value] of [
    ['/attributes/a', 5],
    ['/attributes/b', { c: 3 }],
    ['/attributes', { x: 'y' }],
  ] as const) {
    const { outcome, after } = apply(stored(THING), command('modify', path, value))
    const read = apply(after, command('retrieve', path)).outcome.response
    assert.is(outcome.response.headers.etag, read.headers.etag)
    assert.match(String(read.headers.etag), /^"hash:[0-9a-f]+"$/)
    assert.is.not(read.headers.etag, etagAt(path))
  }
})

it('gives no entity tag to what was deleted', () => {
  const { outcome } = apply(stored(THING), command('delete', '/attributes/a'))
  assert.is(outcome.response.headers.etag, undefined)
})

/** Headers, action, path, value; whether something is stored; the error, undefined for success. */
type Case = [Record<string, string>, string, string, JsonValue | undefined, boolean, string?]

const CASES: readonly Case[] = [
  [{ 'if-match': '"rev:6"' }, 'modify', '/', {}, true],
  [{ 'if-match': '"rev:5", "rev:6"' }, 'delete', '/', undefined, true],
  [{ 'if-match': '"rev:5"' }, 'modify', '/', {}, true, FAILED],
  [{ 'if-match': 'W/"rev:6"' }, 'modify', '/', {}, true, FAILED],
  [{ 'if-match': '*' }, 'modify', '/', {}, true],
  [{ 'if-match': '*' }, 'modify', '/', {}, false, FAILED],
  [{ 'if-match': '*' }, 'modify', '/attributes/new', 1, true, FAILED],
  [{ 'if-match': '*' }, 'modify', '/attributes/a', 1, true],
  [{ 'if-match': '*' }, 'modify', '/attributes/a', 1, false, 'things:thing.notfound'],
  [{ 'if-match': '*' }, 'delete', '/attributes/none', undefined, true, 'things:attribute.notfound'],
  [{ 'if-match': '*' }, 'retrieve', '/', undefined, false, 'things:thing.notfound'],
  [{ 'if-none-match': '*' }, 'create', '/', {}, false],
  [{ 'if-none-match': '*' }, 'create', '/', {}, true, FAILED],
  [{ 'if-none-match': '*' }, 'modify', '/', {}, false],
  [{ 'if-none-match': '*' }, 'modify', '/', {}, true, FAILED],
  [{ 'if-none-match': '*' }, 'modify', '/attributes/new', 1, true],
  [{ 'if-none-match': '*' }, 'modify', '/attributes/a', 1, true, FAILED],
  [{ 'if-none-match': '"rev:5"' }, 'retrieve', '/', undefined, true],
  [
    { 'if-none-match': '"rev:6"' },
    'retrieve',
    '/',
    undefined,
    true,
    'things:precondition.notmodified',
  ],
  [{ 'if-equal': 'skip' }, 'modify', '/attributes/a', 1, true, FAILED],
  [{ 'if-equal': 'skip' }, 'modify', '/attributes/a', 2, true],
  [{ 'if-equal': 'update' }, 'modify', '/attributes/a', 1, true],
  [{ 'if-equal': 'skip' }, 'merge', '/attributes', { b: { c: 2 } }, true, FAILED],
  [{ 'if-equal': 'skip' }, 'merge', '/attributes', { none: null }, true, FAILED],
  [{ 'if-equal': 'skip' }, 'delete', '/attributes/a', undefined, true],
  [{ 'if-equal': 'skip-minimizing-merge' }, 'merge', '/', THING, true, FAILED],
  [{ condition: 'eq(attributes/a,1)' }, 'modify', '/attributes/a', 2, true],
  [
    { condition: 'gt(attributes/a,1)' },
    'modify',
    '/attributes/a',
    2,
    true,
    'things:condition.failed',
  ],
  [
    { condition: 'gt(attributes/a,1)' },
    'retrieve',
    '/',
    undefined,
    true,
    'things:condition.failed',
  ],
  [{ condition: 'eq(_revision,6)' }, 'delete', '/', undefined, true],
  [{ condition: 'eq(' }, 'delete', '/', undefined, true, 'rql.expression.invalid'],
  [{ condition: 'gt(attributes/a,1)' }, 'modify', '/', {}, false],
]

for (const [headers, action, path, value, exists, error] of CASES) {
  const state = exists ? 'a thing at revision 6' : 'nothing'
  it(`${JSON.stringify(headers)}: ${action} ${path} on ${state} gives ${error ?? 'success'}`, () => {
    const before = exists ? stored(THING) : undefined
    const { outcome, after } = apply(before, command(action, path, value, { headers }))
    assert.is(errorIdOf(outcome.response), error)
    if (error !== undefined) assert.is(after, before)
  })
}

it('tells which header failed, and the tag that there is', () => {
  const headers = { 'if-match': '"rev:1"' }
  const { response } = apply(stored(THING), command('delete', '/', undefined, { headers })).outcome
  assert.is(response.status, 412)
  assert.match(JSON.stringify(response.value), 'Header value: \'\\"rev:1\\"\'')
  assert.match(JSON.stringify(response.value), 'actual entity-tag: \'\\"rev:6\\"\'')
})

it('minimizes a merge patch to what it changes', () => {
  const headers = { 'if-equal': 'skip-minimizing-merge' }
  const patch = { a: 1, b: { c: 3, d: null }, e: null }
  const given = command('merge', '/attributes', patch, { headers })
  const { outcome, after } = apply(stored(THING), given)
  assert.equal(outcome.event?.value, { b: { c: 3 } })
  assert.equal(after?.thing?.attributes, { a: 1, b: { c: 3 } })
})
