import * as assert from 'uvu/assert'
import * as acknowledgements from '../../../src/protocol/acknowledgement-errors.ts'
import * as connectivity from '../../../src/protocol/connectivity-errors.ts'
import { type DittoError, DittoException, toDittoError } from '../../../src/protocol/errors.ts'
import * as json from '../../../src/protocol/json-errors.ts'
import * as placeholders from '../../../src/protocol/placeholder-errors.ts'
import * as protocol from '../../../src/protocol/protocol-errors.ts'
import * as things from '../../../src/protocol/things-errors.ts'
import { suite } from '../../support/suite.ts'

const it = suite('protocol/errors')

type Factory = (...parts: unknown[]) => DittoError

it('every factory names what was wrong and what to do', () => {
  const rooms = [acknowledgements, connectivity, json, placeholders, protocol, things]
  const seen = new Set<string>()
  const lists = ['mediaTypeUnsupported', 'placeholderUnknown']
  const times = ['ackRequestTimeout', 'commandTimeout']
  for (const [name, factory] of rooms.flatMap((room) => Object.entries(room))) {
    const second = lists.includes(name) ? ['second'] : 'second'
    const first = times.includes(name) ? 123 : 'first'
    const parts = [first, second, 'third'].slice(0, factory.length)
    const error = (factory as Factory)(...parts)
    assert.ok(error.status >= 400 && error.status < 600, name)
    assert.match(error.error, /^([a-z]+:)?[a-zA-Z]+([.-][a-zA-Z-]+)*$/, name)
    const said = `${error.message} ${error.description}`
    for (const part of parts) assert.ok(said.includes(String(part)), name)
    assert.not.match(said, /undefined|NaN|\[object/, name)
    assert.ok(error.description, name)
    seen.add(error.error)
  }
  assert.ok(seen.size > 50, `${seen.size} kinds of error`)
})

it('words errors as Ditto does', () => {
  const cases: readonly (readonly [DittoError, number, string, string, string])[] = [
    [
      acknowledgements.ackRequestTimeout(60_000),
      408,
      'acknowledgement:request.timeout',
      'The acknowledgement request reached the specified timeout of 60,000ms.',
      'Try increasing the timeout and make sure that the requested acknowledgement is sent back ' +
        'in time.',
    ],
    [
      connectivity.mappingFailed(undefined),
      400,
      'connectivity:message.mapping.failed',
      "The external message with content-type '<unspecified>' could not be mapped.",
      "Make sure you specify the 'Content-Type' when sending your message",
    ],
    [
      connectivity.topicInvalid('x', 'Unknown topic: x'),
      400,
      'connectivity:topic.invalid',
      "The topic 'x' could not be parsed.",
      "'Unknown topic: x' - check if the format is the expected one.",
    ],
    [
      connectivity.messageSendingFailed('queue is gone', undefined, 400),
      400,
      'connectivity:message.sending.failed',
      'Failed to send message: queue is gone',
      'Sending the message to an external system failed, please check if your connection is ' +
        'configured properly and the target system is available and consuming messages.',
    ],
    [
      placeholders.functionSignatureInvalid('default', '()', "('value')"),
      400,
      'placeholder:function.signature.invalid',
      'The function signature <fn:default()> could not be parsed.',
      "Ensure to conform to the function's signature: <fn:default('value')>",
    ],
    [
      protocol.mediaTypeUnsupported('text/html', ['application/json', 'text/plain']),
      415,
      'mediatype.unsupported',
      'The Media-Type <text/html> is not supported for this resource.',
      'Allowed Media-Types are: <application/json,text/plain>.',
    ],
    [
      things.featurePropertyNotFound('ns:t', 'lamp', '/on'),
      404,
      'things:feature.property.notfound',
      "The Property with JSON Pointer '/on' of the Feature with ID 'lamp' on the Thing with ID " +
        "'ns:t' does not exist or the requester had insufficient permissions to access it.",
      'Check if the ID of the Thing, the Feature ID and the key of your requested property was ' +
        'correct and you have sufficient permissions.',
    ],
  ]
  for (const [error, status, code, message, description] of cases) {
    assert.equal(error, { status, error: code, message, description })
  }
})

it('makes an error of whatever was thrown', () => {
  const fallback = { status: 500, error: 'connectivity:internalerror', message: 'oh' }
  const own = json.jsonFieldMissing('/x')
  assert.is(toDittoError(new DittoException(own), fallback), own)
  assert.equal(toDittoError(new Error('disk'), fallback), { ...fallback, description: 'disk' })
  assert.equal(toDittoError('text', fallback), { ...fallback, description: 'text' })
})
