import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { parseTargetTopic, type TargetTopic, TOPIC_TYPES } from '../../../src/connection/topics.ts'
import { DittoException } from '../../../src/protocol/errors.ts'
import { suite } from '../../support/suite.ts'

const it = suite('target topics')

const TWIN = '_/_/things/twin/events'

const topics: readonly [text: string, topic: TargetTopic][] = [
  [TWIN, { type: 'twin-events', namespaces: [], text: TWIN }],
  [
    '_/_/things/live/messages',
    { type: 'live-messages', namespaces: [], text: '_/_/things/live/messages' },
  ],
  [
    '_/_/things/live/events',
    { type: 'live-events', namespaces: [], text: '_/_/things/live/events' },
  ],
  [
    '_/_/things/live/commands',
    { type: 'live-commands', namespaces: [], text: '_/_/things/live/commands' },
  ],
  [`${TWIN}?foo=1`, { type: 'twin-events', namespaces: [], text: TWIN }],
  [`${TWIN}?`, { type: 'twin-events', namespaces: [], text: TWIN }],
  [`${TWIN}?namespaces=,&extraFields=`, { type: 'twin-events', namespaces: [], text: TWIN }],
  [`${TWIN}?foo`, { type: 'twin-events', namespaces: [], text: TWIN }],
  [`${TWIN}?foo=1&bar&&`, { type: 'twin-events', namespaces: [], text: TWIN }],
  [
    // Refused as RQL: a target with an empty filter must not let everything through.
    `${TWIN}?filter=`,
    { type: 'twin-events', namespaces: [], filter: '', text: `${TWIN}?filter=` },
  ],
  [
    `${TWIN}?namespaces=a, b,a.*`,
    { type: 'twin-events', namespaces: ['a', ' b', 'a.*'], text: `${TWIN}?namespaces=a, b,a.*` },
  ],
  [
    `${TWIN}?%66ilter=eq(thingId,'a=b?c')`,
    {
      type: 'twin-events',
      namespaces: [],
      filter: "eq(thingId,'a=b?c')",
      text: `${TWIN}?filter=eq(thingId,'a=b?c')`,
    },
  ],
  [
    '_/_/things/live/messages?extraFields=attributes(a,b),features/{{ feature:id }}/properties',
    {
      type: 'live-messages',
      namespaces: [],
      extraFields: 'attributes(a,b),features/{{ feature:id }}/properties',
      text: '_/_/things/live/messages?extraFields=attributes(a,b),features/{{ feature:id }}/properties',
    },
  ],
  [
    `${TWIN}?extraFields=attributes/vin&filter=gt(attributes/a,1)&namespaces=a,b.c`,
    {
      type: 'twin-events',
      namespaces: ['a', 'b.c'],
      filter: 'gt(attributes/a,1)',
      extraFields: 'attributes/vin',
      text: `${TWIN}?namespaces=a,b.c&filter=gt(attributes/a,1)&extraFields=attributes/vin`,
    },
  ],
  [
    `${TWIN}?filter=eq(attributes%2Fname%2C%22a+b%3F%22)`,
    {
      type: 'twin-events',
      namespaces: [],
      filter: 'eq(attributes/name,"a b?")',
      text: `${TWIN}?filter=eq(attributes/name,"a b?")`,
    },
  ],
  [
    `${TWIN}?filter=eq(attributes/x,%22a%26b%2B%25%22)`,
    {
      type: 'twin-events',
      namespaces: [],
      filter: 'eq(attributes/x,"a&b+%")',
      text: `${TWIN}?filter=eq(attributes/x,"a%26b%2B%25")`,
    },
  ],
  [
    '_/_/policies/announcements?namespaces=a&filter=x&extraFields=y',
    {
      type: 'policy-announcements',
      namespaces: ['a'],
      text: '_/_/policies/announcements?namespaces=a',
    },
  ],
  [
    '_/_/connections/announcements?namespaces=a',
    { type: 'connection-announcements', namespaces: [], text: '_/_/connections/announcements' },
  ],
]

for (const [text, topic] of topics) {
  it(`reads ${text}`, () => {
    assert.equal(parseTargetTopic(text), topic)
  })
}

const refusals: readonly [text: string, description: string][] = [
  ['x', "'Unknown topic: x' - check if the format is the expected one."],
  ['', "'Unknown topic: ' - check if the format is the expected one."],
  ['constructor', "'Unknown topic: constructor' - check if the format is the expected one."],
  [
    '_/_/things/twin/event',
    "'Unknown topic: _/_/things/twin/event. Did you mean <_/_/things/twin/events>?' - check if " +
      'the format is the expected one.',
  ],
  [
    `${TWIN}?filer=x`,
    "'Unknown argument: filer. Did you mean <filter>?' - check if the format is the expected one.",
  ],
  [
    `${TWIN}?filter=eq(a,"x&y")`,
    `'Argument without a value: y") (inside a value write & as %26)' - check if the format is the ` +
      'expected one.',
  ],
  [
    `${TWIN}?filter`,
    "'Argument without a value: filter (inside a value write & as %26)' - check if the format is " +
      'the expected one.',
  ],
  [
    `${TWIN}?namespace`,
    "'Unknown argument: namespace. Did you mean <namespaces>?' - check if the format is the " +
      'expected one.',
  ],
  [
    `${TWIN}/`,
    `'Unknown topic: ${TWIN}/. Did you mean <${TWIN}>?' - check if the format is ` +
      'the expected one.',
  ],
  [
    ` ${TWIN}`,
    `'Unknown topic:  ${TWIN}. Did you mean <${TWIN}>?' - check if the format is ` +
      'the expected one.',
  ],
  [
    '_/_/things/twin/commands',
    "'Unknown topic: _/_/things/twin/commands. Did you mean <_/_/things/live/commands>?' - check " +
      'if the format is the expected one.',
  ],
  [
    `${TWIN}?namespaces=a&namespaces=b`,
    "'Duplicate argument: namespaces' - check if the format is the expected one.",
  ],
  [
    `${TWIN}?filter=%ff`,
    "'Not URL-encoded: %ff (write % as %25)' - check if the format is the expected one.",
  ],
  [
    `${TWIN}?filter=a&filter=b`,
    "'Duplicate argument: filter' - check if the format is the expected one.",
  ],
  [
    `${TWIN}?filter=like(a,"5%")`,
    `'Not URL-encoded: like(a,"5%") (write % as %25)' - check if the format is the expected one.`,
  ],
]

for (const [text, description] of refusals) {
  it(`refuses ${text}`, () => {
    const message = `The topic '${text}' could not be parsed.`
    assert.throws(
      () => parseTargetTopic(text),
      (thrown: unknown) => {
        assert.instance(thrown, DittoException)
        assert.equal((thrown as DittoException).error, {
          status: 400,
          error: 'connectivity:topic.invalid',
          message,
          description,
        })
        return true
      },
    )
  })
}

it('keeps the meaning of every topic it normalises', () => {
  const value = fc.string({ unit: 'grapheme', maxLength: 20 })
  const anyTopic = fc.record({
    name: fc.constantFrom(...Object.keys(TOPIC_TYPES)),
    filter: value,
    extraFields: value,
    namespaces: fc.array(fc.stringMatching(/^[a-z.]{1,5}$/), { maxLength: 3 }),
  })
  fc.assert(
    fc.property(anyTopic, ({ name, filter, extraFields, namespaces }) => {
      const encoded = [
        `filter=${encodeURIComponent(filter)}`,
        `extraFields=${encodeURIComponent(extraFields)}`,
        `namespaces=${namespaces.join(',')}`,
      ].join('&')
      const topic = parseTargetTopic(`${name}?${encoded}`)
      assert.equal(parseTargetTopic(topic.text), topic)
      if (topic.type === 'twin-events') {
        assert.is(topic.filter, filter)
        assert.is(topic.extraFields ?? '', extraFields)
        assert.equal(topic.namespaces, namespaces)
      }
    }),
  )
})
