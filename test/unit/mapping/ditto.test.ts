/** The Ditto mapper: protocol text in, protocol text out. */
import * as assert from 'uvu/assert'
import type { MappingDefinition } from '../../../src/connection/types.ts'
import { suite } from '../../support/suite.ts'
import {
  adaptable,
  external,
  outcomes,
  type PromptMapper,
  promptMapper,
  testEnvironment,
  values,
} from './support.ts'

const it = suite('mapping/ditto')

const TEXT = '{"topic":"a/b/things/twin/commands/modify","path":"/attributes/x","value":"é"}'
const ABSENT = 'As payload was absent or empty, please make sure to send payload in your messages.'

function ditto(definition: Partial<MappingDefinition> = {}): PromptMapper {
  const whole = { mappingEngine: 'Ditto', options: {}, ...definition }
  return promptMapper({ id: 'Ditto', engine: 'Ditto', definition: whole }, testEnvironment())
}

it('text and bytes are read, bytes with the charset of the content type', () => {
  const latin1 = { 'content-type': 'text/plain; charset=ISO-8859-1' }
  const batch = [
    external(TEXT),
    external(Buffer.from(TEXT)),
    external(Buffer.from(TEXT, 'latin1'), latin1),
    external(new Uint8Array(Buffer.from(TEXT)), { 'content-type': 'a/b; charset="UTF-8"' }),
    external(Buffer.from(TEXT), { 'content-type': 'text/plain; charset=klingon' }),
  ]
  assert.equal(values(ditto().inbound(batch)), [['é'], ['é'], ['é'], ['é'], ['é']])
})

it('what cannot be read fails alone, with the reason', () => {
  const batch = [
    external(undefined, { 'content-type': 'text/plain' }),
    external(''),
    external('{"topic"'),
    external(TEXT),
  ]
  const results = ditto().inbound(batch)
  assert.equal(
    results.map((result) => (result.ok ? 'ok' : result.error.error)),
    [
      'connectivity:message.mapping.failed',
      'connectivity:message.mapping.failed',
      'json.invalid',
      'ok',
    ],
  )
  const shown = values(results)
  assert.equal([shown[0], shown[1]], [ABSENT, ABSENT])
})

it('of the headers of a signal only the correlation id leaves', () => {
  const signal = adaptable({ headers: { 'correlation-id': 'c', other: 'x' } })
  const [[first], [second]] = outcomes(
    ditto().outbound([signal, adaptable({ headers: {} })]),
    (message) => message,
  ) as { headers: object; payload: string }[][] as [
    [{ headers: object; payload: string }],
    [{ headers: object }],
  ]
  const contentType = { 'content-type': 'application/vnd.eclipse.ditto+json' }
  assert.equal(first.headers, { ...contentType, 'correlation-id': 'c' })
  assert.equal(second.headers, contentType)
  const { topic, headers } = JSON.parse(first.payload)
  assert.is(topic, 'demo/pump/things/twin/events/modified')
  assert.is(headers.other, 'x')
})

it('notifications of Hono are dropped, unless the definition says otherwise', () => {
  const hono = { 'content-type': 'application/vnd.eclipse-hono-empty-notification' }
  const batch = [
    external(undefined, hono),
    external(TEXT),
    external(TEXT, { 'content-type': 'x/y' }),
  ]
  assert.equal(values(ditto().inbound(batch)), [[], ['é'], ['é']])
  const own = ditto({ options: { 'content-type-blocklist': 'a/b, x/y' } })
  assert.equal(values(own.inbound(batch)), [ABSENT, ['é'], []])
})
