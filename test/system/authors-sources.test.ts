/**
 * What an author writes for a source: header mapping, authorization, enforcement, conditions, where answers
 * go and which, and which acknowledgements are requested.
 */
import * as assert from 'uvu/assert'
import { authors, type Desk } from '../support/authors.ts'
import { suite } from '../support/suite.ts'

const each = authors(suite('sources as authors write them'))

/** A template, and what it resolves to when a device says `Lamp_7` and when it says nothing. */
type Case = readonly [template: string, said: string | undefined, unsaid: string | undefined]

/** MQTT 3.1.1 allows no more than this in the header mapping of a source. */
const headerCases = (said: string): Readonly<Record<string, Case>> => ({
  constant: ['as it is', 'as it is', 'as it is'],
  said: [`{{ ${said} }}`, 'Lamp_7', undefined],
  legacy: [`\${${said}}`, 'Lamp_7', undefined],
  partly: [`{{ ${said} }} of many`, 'Lamp_7 of many', undefined],
  upper: [`{{ ${said} | fn:upper() }}`, 'LAMP_7', undefined],
  before: [`{{ ${said} | fn:substring-before('_') | fn:lower() }}`, 'lamp', undefined],
  after: [`no. {{ ${said} | fn:substring-after("_") }}`, 'no. 7', undefined],
  'not-contained': [`{{ ${said} | fn:substring-before('?') }}`, undefined, undefined],
  replaced: [`{{ ${said} | fn:replace('_', '|') }}`, 'Lamp|7', undefined],
  split: [`{{ ${said} | fn:split('_') }}`, 'Lamp', undefined],
  joined: [`{{ ${said} | fn:split('_') | fn:join('+') }}`, 'Lamp+7', undefined],
  defaulted: [`{{ ${said} | fn:default('none') }}`, 'Lamp_7', 'none'],
  filtered: [`{{ ${said} | fn:filter('like', 'Lamp*') }}`, 'Lamp_7', undefined],
  'filtered-out': [`{{ ${said} | fn:filter('ne', 'Lamp_7') }}`, undefined, undefined],
  deleted: [`{{ ${said} | fn:delete() }}`, undefined, undefined],
  'partly-deleted': [`rest {{ ${said} | fn:delete() }}`, 'rest ', 'rest '],
  encoded: [`{{ ${said} | fn:replace('_', ' ') | fn:url-encode() }}`, 'Lamp+7', undefined],
  decoded: ["{{ fn:default('a+b%2Bc') | fn:url-decode() }}", 'a b+c', 'a b+c'],
  base64: [`{{ ${said} | fn:base64-encode() }}`, 'TGFtcF83', undefined],
  unbase64: ["{{ fn:default('TGFtcF83') | fn:base64-decode() }}", 'Lamp_7', 'Lamp_7'],
  trimmed: ["{{ fn:default('  x ') | fn:trim() }}", 'x', 'x'],
})

const always = (template: string, value: string): Case => [template, value, value]

const signalCases = ({ namespace }: Desk): Readonly<Record<string, Case>> => ({
  thing: always('{{ thing:name }} of {{ thing:namespace }}', `desk of ${namespace}`),
  entity: always('{{entity:id}}', `${namespace}:desk`),
  feature: always('{{ feature:id }}', 'light'),
  topic: always('{{ topic:full }}', `${namespace}/desk/things/twin/commands/modify`),
  parts: always(
    '{{ topic:channel }} {{ topic:criterion }} {{ topic:action }}',
    'twin commands modify',
  ),
  resource: always(
    '{{ resource:type }} {{ resource:path }}',
    'thing /features/light/properties/on',
  ),
  subjects: always('{{ request:subjectId | fn:join(" and ") }}', 'test:one and test:two'),
  'first-subject': always('{{ request:subjectId }}', 'test:one'),
  unknown: ['{{ header:nothing }}', undefined, undefined],
  'defaulted-to': always('{{ header:nothing | fn:default(thing:name) }}', 'desk'),
  either: always("{{ topic:action | fn:filter('eq', 'create') | fn:default('other') }}", 'other'),
})

each('placeholders and functions make headers of a signal', async (desk) => {
  const { said, hasHeaders } = desk.protocol
  const cases = { ...headerCases(said), ...(hasHeaders ? signalCases(desk) : {}) }
  await desk.consume('mapped', {
    authorizationContext: ['test:one', 'test:two'],
    headerMapping: Object.fromEntries(
      Object.entries(cases).map(([name, [template]]) => [name, template]),
    ),
  })
  await desk.publish('events')
  await desk.send('mapped', desk.modify('desk', '/', { features: { light: {} } }))
  await desk.next('events')
  const command = desk.modify('desk', '/features/light/properties/on', true)
  await desk.send('mapped', command, 'Lamp_7')
  await desk.send('mapped', command)
  const [said1, unsaid] = await desk.take('events', 2)
  for (const [name, [template, withIt, withoutIt]] of Object.entries(cases)) {
    assert.is(said1!.json.headers[name], withIt, template)
    assert.is(unsaid!.json.headers[name], withoutIt, `${template} of nothing said`)
  }
})

each('the connection and the time are placeholders, too', async (desk) => {
  if (!desk.protocol.hasHeaders) return
  const before = Date.now()
  const id = await desk.consume('timed', {
    headerMapping: {
      connection: '{{ connection:id }}',
      now: '{{ time:now }}',
      millis: '{{ time:now_epoch_millis }}',
      hour: '{{ time:now-1h[h] }}',
    },
  })
  await desk.publish('events')
  await desk.send('timed', desk.modify('timed', '/', {}))
  const { headers } = (await desk.next('events')).json
  assert.is(headers.connection, id)
  for (const instant of [Date.parse(headers.now), Number(headers.millis)]) {
    assert.ok(instant >= before - 1 && instant <= Date.now(), `${instant}`)
  }
  assert.match(headers.hour, /T\d\d:00:00Z$/)
})

each('headers in the payload win over the mapping, reserved ones are not for it', async (desk) => {
  await desk.consume('reserved', {
    replyTarget: desk.replyTo('replies'),
    headerMapping: {
      own: 'mapped',
      'correlation-id': 'mapped',
      'ditto-originator': 'test:forged',
      'ditto-origin': 'forged',
      'ditto-reply-target': '7',
      timeout: `{{ ${desk.protocol.said} }}`,
    },
  })
  await desk.publish('events')
  const command = desk.modify('reserved', '/', {}, { own: 'of the payload' })
  await desk.send('reserved', command, '5s')
  const { headers } = (await desk.next('events')).json
  assert.is(headers.own, 'of the payload')
  assert.is(headers['correlation-id'], 'of-reserved')
  assert.is.not(headers['ditto-originator'], 'test:forged')
  assert.not('ditto-origin' in headers)
  assert.not('ditto-reply-target' in headers)
  assert.is((await desk.next('replies')).json.status, 201)
  await desk.send('reserved', command, 'soon')
  const refused = (await desk.next('replies')).json
  assert.is(refused.status, 400)
  assert.is(refused.value.error, 'header.invalid')
  assert.match(refused.value.message, "'soon'")
  assert.equal(desk.left('events'), [])
})

each('answers go where the request says', async (desk) => {
  const address = 'out/{{ header:reply-to }}.{{ header:correlation-id }}'
  const id = await desk.consume('asking', {
    headerMapping: { 'reply-to': `{{ ${desk.protocol.said} }}` },
    replyTarget: { address },
  })
  await desk.send('asking', desk.modify('asker', '/', {}), 'me')
  assert.is((await desk.next('me.of-asker')).json.status, 201)
  await desk.send('asking', desk.command('nobody', 'retrieve', '/'), 'me')
  assert.is((await desk.next('me.of-nobody')).json.status, 404)
  await desk.send('asking', desk.modify('silent', '/', {}))
  await desk.counted(id, 'outbound.dropped.failure', 1)
  await desk.logged(id, 'Response dropped, missing replyTo address.')
  const inPayload = desk.modify('asker', '/attributes/a', 1, { 'reply-to': 'us' })
  await desk.send('asking', inPayload)
  const created = (await desk.next('us.of-asker')).json
  assert.is(created.status, 201)
  assert.is(created.path, '/attributes/a')
  await desk.counted(id, 'outbound.dropped.failure', 1)
})
