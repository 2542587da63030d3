import * as assert from 'uvu/assert'
import type { JsonObject } from '../../../src/json/types.ts'
import { suite } from '../../support/suite.ts'
import { errorOf, source, target, validate } from './bodies.ts'

const it = suite('acknowledgement labels')

const OWN = '{{connection:id}}:one'

/** All places of labels, with whether they must belong to the connection. */
const places: readonly [pointer: string, own: boolean, put: (label: string) => JsonObject][] = [
  [
    '/sources/0/declaredAcks/1',
    true,
    (label) => ({ sources: [source({ declaredAcks: [OWN, label] })] }),
  ],
  [
    '/targets/0/issuedAcknowledgementLabel',
    true,
    (label) => ({ targets: [target({ issuedAcknowledgementLabel: label })] }),
  ],
  [
    '/sources/0/acknowledgementRequests/includes/0',
    false,
    (label) => ({ sources: [source({ acknowledgementRequests: { includes: [label] } })] }),
  ],
]

const LONGEST = 165

const good: readonly string[] = [
  'my-id:two',
  'my-id:a_B-9:x',
  '{{connection:id}}:three',
  '{{  connection:id  }}:four',
  `my-id:${'x'.repeat(LONGEST - 'my-id:'.length)}`,
]

const INVALID = 'acknowledgement:label.invalid'

/** No labels, wherever they stand. */
const bad: readonly string[] = [
  '',
  'ab',
  'my-id:a b',
  'my-id:ä',
  'my-id:a/b',
  'foo:{{connection:id}}',
  '{{connection:id}}',
  '{{connection:id}}-one',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a placeholder of Ditto's, not of this language.
  '${connection:id}:one',
  '{{ connection:id | fn:upper() }}:one',
  '{{ fn:default(connection:id) }}:one',
  '{{ thing-json:attributes }}:one',
  'x'.repeat(LONGEST + 1),
]

for (const [pointer, own, put] of places) {
  const ends = (text: string | undefined) => text?.endsWith(`It stands at <${pointer}>.`)

  it(`accepts labels at ${pointer}`, () => {
    for (const label of good) validate('amqp-10', put(label))
  })

  it(`refuses what is no label at ${pointer}`, () => {
    for (const label of bad) {
      const error = errorOf(() => validate('amqp-10', put(label)))
      const expected = own ? INVALID : 'acknowledgement:request.parsing.failed'
      assert.is(error.error, expected, label)
      assert.ok(error.message.includes(`<${label}>`), error.message)
      assert.ok(ends(error.description), error.description)
    }
  })

  it(`refuses what the id of the connection makes too long at ${pointer}`, () => {
    const label = 'x'.repeat(LONGEST - 'my-id:'.length + 1)
    const error = errorOf(() => validate('amqp-10', put(`{{connection:id}}:${label}`)))
    assert.equal([error.status, error.error], [400, INVALID])
    assert.ok(error.message.includes(`<my-id:${label}>`), error.message)
    assert.ok(ends(error.description), error.description)
  })

  it(`refuses other placeholders than the id of the connection at ${pointer}`, () => {
    for (const placeholder of ['thing:id', 'header:id', 'connection:name', 'time:now', 'a:b']) {
      const error = errorOf(() => validate('amqp-10', put(`{{ ${placeholder} }}:one`)))
      assert.is(error.status, 400)
      assert.is(error.error, 'placeholder:unresolved')
      assert.is(error.message, `The placeholder '${placeholder}' could not be resolved.`)
      assert.ok(ends(error.description), error.description)
    }
  })

  it(`${own ? 'refuses' : 'accepts'} labels of others at ${pointer}`, () => {
    for (const label of ['other:one', 'one', 'my-id-one', 'twin-persisted', 'my-ID:one']) {
      if (!own) {
        validate('amqp-10', put(label))
        continue
      }
      const error = errorOf(() => validate('amqp-10', put(label)))
      assert.equal(error, {
        status: 400,
        error: INVALID,
        message:
          'Declared acknowledgement labels of a connection must have the form ' +
          'my-id:<alphanumeric-suffix>',
        description:
          'An acknowledgement label must conform to the regular expression of Ditto ' +
          `documentation. This one is <${label}>. It stands at <${pointer}>.`,
      })
    }
  })
}

it('measures a label with the id in it', () => {
  const suffix = 'x'.repeat(LONGEST - 'my-id:'.length)
  validate('amqp-10', { sources: [source({ declaredAcks: [`{{connection:id}}:${suffix}`] })] })
  const changes = { sources: [source({ declaredAcks: [`{{connection:id}}:${suffix}x`] })] }
  const error = errorOf(() => validate('amqp-10', changes))
  assert.is(error.error, INVALID)
  assert.is(error.message, `Acknowledgement label <my-id:${suffix}x> is invalid.`)
})

it('lets only targets issue the response to live messages, and any number of them', () => {
  const answering = target({ issuedAcknowledgementLabel: 'live-response' })
  validate('amqp-10', { targets: [answering, answering] })
  const declaring = { sources: [source({ declaredAcks: ['live-response'] })] }
  assert.is(errorOf(() => validate('amqp-10', declaring)).error, INVALID)
})

it('refuses a label that two targets issue, however it is written, as a conflict', () => {
  const issuing = ['my-id:label', 'my-id:other', '{{ connection:id }}:label'].map((label) =>
    target({ issuedAcknowledgementLabel: label }),
  )
  assert.equal(
    errorOf(() => validate('amqp-10', { targets: issuing })),
    {
      status: 409,
      error: 'acknowledgement:label.not.unique',
      message: 'An issued acknowledgement label may only be used for one target of the connection.',
      description:
        'Please choose unique suffixes for your configured issued acknowledgement labels. It ' +
        'stands at </targets/2/issuedAcknowledgementLabel>.',
    },
  )
})

it('lets several sources declare a label, which a target may issue, too', () => {
  const declaring = source({ declaredAcks: ['my-id:label'] })
  const issuing = target({ issuedAcknowledgementLabel: 'my-id:label' })
  validate('amqp-10', { sources: [declaring, declaring], targets: [issuing] })
})

it('tells of a label of another connection rather than of one that is there twice', () => {
  const foreign = target({ issuedAcknowledgementLabel: 'other:label' })
  assert.is(errorOf(() => validate('amqp-10', { targets: [foreign, foreign] })).error, INVALID)
})
