import * as assert from 'uvu/assert'
import { type Adaptable, parseAdaptable } from '../../../src/protocol/adaptable.ts'
import { signalKindOf } from '../../../src/protocol/classify.ts'
import type { SignalKind } from '../../../src/protocol/signal.ts'
import { errorOf } from '../../support/ditto-error.ts'
import { suite } from '../../support/suite.ts'

const it = suite('protocol/classify')

it('tells the kind of every signal', () => {
  const cases: readonly (readonly [string, string, SignalKind, number?])[] = [
    ['ns/t/things/twin/commands/create', '/', 'twin-command'],
    ['ns/t/things/twin/commands/modify', '/features/f/properties/on', 'twin-command'],
    ['ns/t/things/twin/commands/merge', '/attributes/a/b', 'twin-command'],
    ['ns/t/things/twin/commands/delete', '/features/f', 'twin-command'],
    ['ns/t/things/twin/commands/retrieve', '/policyId', 'twin-command'],
    ['_/_/things/twin/commands/retrieve', '/', 'twin-command'],
    ['ns/p/policies/commands/modify', '/entries/owner/subjects/a:b', 'twin-command'],
    ['ns/t/things/live/commands/modify', '/attributes/a', 'live-command'],
    ['ns/t/things/twin/commands/modify', '/attributes/a', 'response', 204],
    ['_/_/things/twin/commands/retrieve', '/', 'response', 200],
    ['ns/t/things/live/commands/retrieve', '/', 'response', 200],
    ['ns/t/things/twin/events/modified', '/attributes/a', 'twin-event'],
    ['ns/t/things/live/events/deleted', '/', 'live-event'],
    ['ns/t/things/live/messages/ask', '/inbox/messages/ask', 'message'],
    ['ns/t/things/live/messages/a/b', '/outbox/messages/a/b', 'message'],
    ['ns/t/things/live/messages/on', '/features/f/inbox/messages/on', 'message'],
    ['ns/t/things/live/messages/ask', '/inbox/messages/ask', 'response', 200],
    ['ns/t/things/twin/errors', '/', 'response', 404],
    ['unknown/unknown/things/twin/errors', '/', 'response', 400],
    ['ns/t/things/twin/acks/mine:audit', '/', 'acknowledgement', 200],
    ['ns/t/things/twin/acks', '/', 'acknowledgement', 424],
    ['ns/p/policies/announcements/subjectDeletion', '/', 'announcement'],
    ['_/c/connections/announcements/opened', '/', 'announcement'],
  ]
  for (const [topic, path, kind, status] of cases) {
    assert.is(signalKindOf(adaptable(topic, path, status)), kind, `${topic} ${path}`)
  }
})

it('refuses what no signal is, and says why', () => {
  const cases: readonly (readonly [string, string, string, string])[] = [
    [
      'ns/t/things/twin/commands/modify',
      '/nowhere',
      'protocoladapter:unknown.path',
      "The path '/nowhere' does not correspond to any known command, response or event.",
    ],
    [
      'ns/p/policies/commands/modify',
      '/attributes',
      'protocoladapter:unknown.path',
      "The path '/attributes' does not correspond to any known command, response or event.",
    ],
    [
      'ns/t/things/twin/commands/create',
      '/attributes',
      'protocoladapter:unknown.command',
      "The command 'things.commands:createAttributes' is not supported by the adapter.",
    ],
    [
      'ns/t/things/twin/commands/delete',
      '/policyId',
      'protocoladapter:unknown.command',
      "The command 'things.commands:deletePolicyId' is not supported by the adapter.",
    ],
    [
      'ns/t/things/twin/commands/created',
      '/',
      'protocoladapter:unknown.command',
      "The command 'things.commands:createdThing' is not supported by the adapter.",
    ],
    [
      'ns/t/things/twin/events/modify',
      '/',
      'protocoladapter:unknown.event',
      "The event 'things.events:thingModify' is not supported by the adapter.",
    ],
    [
      'ns/t/things/twin/commands/migrate',
      '/',
      'signal.unsupported',
      "The provided signal 'things.commands:migrateThing' is not supported.",
    ],
    [
      '_/_/things/twin/search/subscribe',
      '/',
      'signal.unsupported',
      "The provided signal 'things.search:subscribe' is not supported.",
    ],
    ['_/_/things/twin/commands/modify', '/', 'things:id.invalid', "Thing ID '_:_' is not valid!"],
    ['1/t/things/twin/commands/modify', '/', 'things:id.invalid', "Thing ID '1:t' is not valid!"],
    ['1/p/policies/commands/modify', '/', 'policies:id.invalid', "Policy ID '1:p' is not valid!"],
    ['ns/t/things/live/messages', '/', 'messages:subject.invalid', "Subject '' is not valid!"],
    [
      'ns/t/things/live/messages/ask',
      '/inbox/messages/tell',
      'protocoladapter:unknown.topicpath',
      "The topic 'ns/t/things/live/messages/ask' is not supported in combination with the path " +
        "'/inbox/messages/tell'",
    ],
    [
      'ns/t/things/twin/messages/ask',
      '/inbox/messages/ask',
      'protocoladapter:unknown.topicpath',
      "The topic path 'ns/t/things/twin/messages/ask' is not supported.",
    ],
    [
      '_/c/connections/commands/modify',
      '/',
      'protocoladapter:unknown.topicpath',
      "The topic path '_/c/connections/commands/modify' is not supported.",
    ],
    [
      'ns/t/things/twin/acks/mine:audit',
      '/',
      'json.field.missing',
      'JSON did not include required </status> field!',
    ],
  ]
  for (const [topic, path, code, message] of cases) {
    const error = errorOf(() => signalKindOf(adaptable(topic, path)))
    assert.equal([error.status, error.error, error.message], [400, code, message])
  }
})

function adaptable(topic: string, path: string, status?: number): Adaptable {
  return parseAdaptable(status === undefined ? { topic, path } : { topic, path, status })
}
