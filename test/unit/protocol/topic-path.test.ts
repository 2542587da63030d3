import fc from 'fast-check'
import * as assert from 'uvu/assert'
import {
  acknowledgementTopic,
  buildTopicPath,
  errorTopic,
  eventTopic,
  parseTopicPath,
  type TopicParts,
} from '../../../src/protocol/topic-path.ts'
import { errorOf } from '../../support/ditto-error.ts'
import { suite } from '../../support/suite.ts'

const it = suite('protocol/topic-path')

it('reads the topics of the documentation', () => {
  const thing = { namespace: 'org.acme', name: 'car', group: 'things' } as const
  const cases: readonly (readonly [string, TopicParts])[] = [
    [
      'org.acme/car/things/twin/commands/modify',
      { ...thing, channel: 'twin', criterion: 'commands', action: 'modify' },
    ],
    [
      'org.acme/car/things/live/events/modified',
      { ...thing, channel: 'live', criterion: 'events', action: 'modified' },
    ],
    [
      'org.acme/car/things/live/messages/ask/me/now',
      { ...thing, channel: 'live', criterion: 'messages', subject: 'ask/me/now' },
    ],
    ['org.acme/car/things/twin/errors', { ...thing, channel: 'twin', criterion: 'errors' }],
    ['org.acme/car/things/twin/acks', { ...thing, channel: 'twin', criterion: 'acks' }],
    [
      'org.acme/car/things/twin/acks/my:label',
      { ...thing, channel: 'twin', criterion: 'acks', subject: 'my:label' },
    ],
    [
      '_/_/things/twin/search/subscribe',
      {
        namespace: '_',
        name: '_',
        group: 'things',
        channel: 'twin',
        criterion: 'search',
        action: 'subscribe',
      },
    ],
    [
      'org.acme/rules/policies/commands/retrieve',
      {
        namespace: 'org.acme',
        name: 'rules',
        group: 'policies',
        channel: 'none',
        criterion: 'commands',
        action: 'retrieve',
      },
    ],
    [
      '_/mine/connections/announcements/opened',
      {
        namespace: '_',
        name: 'mine',
        group: 'connections',
        channel: 'none',
        criterion: 'announcements',
        subject: 'opened',
      },
    ],
    ['/car/things/twin/errors', { ...thing, namespace: '', channel: 'twin', criterion: 'errors' }],
  ]
  for (const [full, parts] of cases) assert.equal(parseTopicPath(full), { full, ...parts }, full)
})

it('says which part is missing or unknown', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['', 'The topic path has no namespace part.'],
    ['ns', 'The topic path has no entity name part.'],
    ['ns/', 'The topic path has no entity name part.'],
    ['ns/name', 'The topic path has no group part.'],
    ['ns/name/things', 'The topic path has no channel part.'],
    ['ns/name/things/twin', 'The topic path has no criterion part.'],
    ['ns/name/policies', 'The topic path has no criterion part.'],
    ['ns/name/things/twin/commands', 'The topic path has no action part.'],
    ['ns/name/things/twin/events/', 'The topic path has no action part.'],
    ['_/_/things/twin/search', 'The topic path has no search action part.'],
    ['ns/name/stuff/twin/commands/modify', 'Group name <stuff> is unknown.'],
    ['ns/name/things/none/commands/modify', 'Channel name <none> is unknown.'],
    ['ns/name/things/twin/orders/modify', 'Criterion name <orders> is unknown.'],
    ['ns/name/policies/twin/commands/modify', 'Criterion name <twin> is unknown.'],
    ['ns/name/things/twin/commands/explode', 'Action name <explode> is unknown.'],
    ['_/_/things/twin/search/modify', 'Search action name <modify> is unknown.'],
    ['ns/name/things/twin/streaming/modify', 'Streaming action name <modify> is unknown.'],
    ['ns/name/constructor/twin/commands/modify', 'Group name <constructor> is unknown.'],
  ]
  for (const [text, description] of cases) {
    assert.equal(
      errorOf(() => parseTopicPath(text)),
      {
        status: 400,
        error: 'protocoladapter:unknown.topicpath',
        message: `The topic path '${text}' is not supported.`,
        description,
      },
    )
  }
})

it('reads back what it builds', () => {
  fc.assert(
    fc.property(topicParts(), (parts) => {
      const topic = buildTopicPath(parts)
      assert.equal(parseTopicPath(topic.full), topic)
    }),
  )
})

it('leads from a topic to those of its event, its errors and its acknowledgements', () => {
  const command = parseTopicPath('ns/t/things/live/commands/modify')
  const ofPolicy = parseTopicPath('ns/p/policies/commands/modify')
  const cases = [
    [eventTopic(command, 'modified'), 'ns/t/things/live/events/modified'],
    [errorTopic(command), 'ns/t/things/live/errors'],
    [errorTopic(ofPolicy), 'ns/p/policies/errors'],
    [acknowledgementTopic(command), 'ns/t/things/live/acks'],
    [acknowledgementTopic(command, 'mine:audit'), 'ns/t/things/live/acks/mine:audit'],
  ] as const
  for (const [topic, full] of cases) assert.equal(topic, parseTopicPath(full))
})

it('answers the same for more topics than it remembers', () => {
  for (let round = 0; round < 2; round++) {
    for (let device = 0; device < 12_000; device++) {
      assert.is(parseTopicPath(`ns/d${device}/things/twin/commands/modify`).name, `d${device}`)
    }
  }
})

function topicParts(): fc.Arbitrary<TopicParts> {
  const word = fc.stringMatching(/^[a-zA-Z][\w.:-]{0,8}$/)
  const entity = fc.record({ namespace: fc.oneof(word, fc.constant('')), name: word })
  const place = fc.constantFrom(
    { group: 'things', channel: 'twin' } as const,
    { group: 'things', channel: 'live' } as const,
    { group: 'policies', channel: 'none' } as const,
    { group: 'connections', channel: 'none' } as const,
  )
  const subject = fc.array(word, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
  const tail = fc.oneof(
    fc.record({
      criterion: fc.constantFrom('commands', 'events'),
      action: fc.constantFrom('modify', 'retrieve', 'created', 'merged'),
    }),
    fc.record({ criterion: fc.constant('search'), action: fc.constantFrom('subscribe', 'next') }),
    fc.record({ criterion: fc.constantFrom('messages', 'acks', 'announcements'), subject }),
    fc.record({ criterion: fc.constantFrom('errors', 'acks') }),
  ) as fc.Arbitrary<Pick<TopicParts, 'criterion' | 'action' | 'subject'>>
  return fc.tuple(entity, place, tail).map(([who, where, what]) => ({ ...who, ...where, ...what }))
}
