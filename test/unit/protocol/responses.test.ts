import * as assert from 'uvu/assert'
import { type Adaptable, adaptableToText, parseAdaptable } from '../../../src/protocol/adaptable.ts'
import { signalKindOf } from '../../../src/protocol/classify.ts'
import { policyIdInvalid } from '../../../src/protocol/entity-id.ts'
import { jsonInvalid } from '../../../src/protocol/json-errors.ts'
import { errorResponse } from '../../../src/protocol/responses.ts'
import { thingMergeInvalid, thingNotFound } from '../../../src/protocol/things-errors.ts'
import { suite } from '../../support/suite.ts'

const it = suite('protocol/responses')

it('answers a command with the error, on the topic of its thing', () => {
  const request = command('ns/t1/things/twin/commands/retrieve')
  assert.is(
    adaptableToText(errorResponse(request, thingNotFound('ns:t1'), request.headers)),
    '{"topic":"ns/t1/things/twin/errors",' +
      '"headers":{"correlation-id":"3","response-required":false,"content-type":"application/json"},' +
      '"path":"/","value":{"status":404,"error":"things:thing.notfound",' +
      `"message":"The Thing with ID 'ns:t1' could not be found or requester had insufficient ` +
      'permissions to access it.","description":"Check if the ID of your requested Thing was ' +
      'correct and you have sufficient permissions."},"status":404}',
  )
})

it('names the topic after what is known of the request', () => {
  const thing = jsonInvalid('no JSON')
  const policy = policyIdInvalid('x')
  const cases = [
    [command('ns/t/things/live/commands/modify'), thing, 'ns/t/things/live/errors'],
    [command('ns/p/policies/commands/modify'), thing, 'ns/p/policies/errors'],
    [command('_/c/connections/announcements/x'), thing, 'unknown/unknown/things/twin/errors'],
    [undefined, thing, 'unknown/unknown/things/twin/errors'],
    [undefined, policy, 'unknown/unknown/policies/errors'],
  ] as const
  for (const [request, error, topic] of cases) {
    const response = errorResponse(request, error, {})
    assert.is(response.topic.full, topic)
    assert.is(signalKindOf(response), 'response')
  }
})

it('keeps the headers it is given and the correlation-id of the request', () => {
  const request = command('ns/t/things/twin/commands/modify')
  const given = { 'reply-to': 'there', 'content-type': 'text/plain' }
  assert.equal(errorResponse(request, jsonInvalid('x'), given).headers, {
    'reply-to': 'there',
    'correlation-id': '3',
    'response-required': false,
    'content-type': 'application/json',
  })
  assert.is(given['content-type'], 'text/plain')
  const other = errorResponse(request, jsonInvalid('x'), { 'correlation-id': 'mapped' })
  assert.is(other.headers['correlation-id'], 'mapped')
})

it('carries the link of an error that has one', () => {
  const { value } = errorResponse(undefined, thingMergeInvalid(), {})
  assert.is((value as Record<string, unknown>).href, 'https://tools.ietf.org/html/rfc7396')
})

function command(topic: string): Adaptable {
  return parseAdaptable({ topic, path: '/', headers: { 'correlation-id': '3' } })
}
