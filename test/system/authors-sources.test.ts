/**
 * What an author writes for a source: header mapping, authorization, enforcement, conditions, where answers
 * go and which, and which acknowledgements are requested.
 */
import * as assert from 'uvu/assert'
import { authors, type Desk } from '../support/authors.ts'
import { CONNECTIONS, look } from '../support/gateway.ts'
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

each('errors before mapping find the reply target by the header mapping', async (desk) => {
  const { said } = desk.protocol
  await desk.consume('unreadable', {
    headerMapping: { 'reply-to': `{{ ${said} }}`, 'correlation-id': `of-{{ ${said} }}` },
    replyTarget: {
      address: 'out/{{ header:reply-to }}',
      headerMapping: desk.mapping('someone', 'not {{ header:correlation-id }}'),
    },
  })
  await desk.send('unreadable', 'no Ditto Protocol', 'someone')
  const { shown, json } = await desk.next('someone')
  assert.is(shown, 'not of-someone')
  const { topic, status, value, headers } = json
  assert.equal([topic, status], ['unknown/unknown/things/twin/errors', 400])
  assert.is(value.error, 'json.invalid')
  assert.is(headers['correlation-id'], 'of-someone')
})

each('a device speaks for those that the enforcement lets it speak for', async (desk) => {
  const { saidToEnforcement, namespace } = desk.protocol
  const id = await desk.consume('enforced', {
    enforcement: {
      input: `{{ ${saidToEnforcement} }}`,
      filters: ['{{ thing:name }}', '{{ entity:id }}', 'gateway-of-{{ thing:namespace }}'],
    },
    replyTarget: desk.replyTo('replies'),
  })
  await desk.publish('messages', { topics: ['_/_/things/live/messages'] })
  const command = desk.modify('lamp', '/', {})
  for (const speaker of ['lamp', `${namespace}:lamp`, `gateway-of-${namespace}`]) {
    await desk.send('enforced', command, speaker)
    assert.ok((await desk.next('replies')).json.status < 400, speaker)
  }
  for (const speaker of ['lam', 'other', `${namespace}`]) {
    await desk.send('enforced', command, speaker)
    const { topic, status, value, headers } = (await desk.next('replies')).json
    assert.equal([status, value.error], [400, 'connectivity:connection.id.enforcement.failed'])
    assert.match(value.message, `${namespace}:lamp`)
    assert.is(topic, `${namespace}/lamp/things/twin/errors`)
    assert.is(headers['correlation-id'], 'of-lamp')
  }
  await desk.send('enforced', command)
  assert.is((await desk.next('replies')).json.value.error, 'placeholder:unresolved')
  await desk.send('enforced', desk.message('lamp', 'refused', 'x'), 'other')
  await desk.send('enforced', desk.message('lamp', 'accepted', 'x'), 'lamp')
  assert.match((await desk.next('messages')).json.topic, /\/accepted$/)
  await desk.counted(id, 'inbound.enforced.success', 4)
  await desk.counted(id, 'inbound.enforced.failure', 5)
  await desk.logged(id, 'Ran into a failure when enforcing incoming signal')
  await desk.send('enforced', desk.command('lamp', 'retrieve', '/'), 'lamp')
  await desk.next('replies')
  assert.equal((await desk.next('replies')).json.value.thingId, `${namespace}:lamp`)
})

each('each signal of a message is enforced, and each mapper fails for itself', async (desk) => {
  const script = (body: string): object => ({
    mappingEngine: 'JavaScript',
    options: { incomingScript: `function mapToDittoProtocolMsg(headers, text) { ${body} }` },
  })
  const twice = `const message = JSON.parse(text);
    return [message, { ...message, topic: message.topic.replace('mine', 'yours') }]`
  const id = await desk.consume(
    'several',
    {
      payloadMapping: ['bad', 'twice'],
      enforcement: {
        input: `{{ ${desk.protocol.saidToEnforcement} }}`,
        filters: ['{{ thing:name }}'],
      },
      replyTarget: desk.replyTo('replies'),
    },
    { mappingDefinitions: { bad: script('throw new Error("bad")'), twice: script(twice) } },
  )
  await desk.publish('events')
  await desk.send('several', desk.modify('mine', '/', {}), 'mine')
  assert.is((await desk.next('events')).json.value.thingId, `${desk.namespace}:mine`)
  const replies = (await desk.take('replies', 3)).map(({ json }) => json)
  assert.equal(replies.map(({ status, value }) => [status, value.error]).toSorted(), [
    [201, undefined],
    [400, 'connectivity:connection.id.enforcement.failed'],
    [400, 'connectivity:message.mapping.failed'],
  ])
  await desk.counted(id, 'inbound.enforced.success', 1)
  await desk.counted(id, 'inbound.enforced.failure', 1)
  await desk.counted(id, 'inbound.mapped.failure', 1)
  await desk.logged(id, 'processing external message with mapper <bad>')
})

each('what a device says makes its authorization context', async (desk) => {
  const { said, hasHeaders } = desk.protocol
  const id = await desk.consume('authorized', {
    authorizationContext: [`device:{{ ${said} | fn:split('_') | fn:lower() }}`, 'test:everybody'],
    headerMapping: hasHeaders ? { who: '{{ request:subjectId }}' } : {},
    replyTarget: desk.replyTo('replies'),
  })
  await desk.publish('events', desk.showing('events', '{{ request:subjectId | fn:join(" ") }}'))
  await desk.send('authorized', desk.modify('authorized', '/', {}), 'Lamp_Fan')
  const { shown, json } = await desk.next('events')
  assert.is(shown, 'device:lamp device:fan test:everybody')
  const { headers } = json
  assert.is(headers['ditto-originator'], 'device:lamp')
  if (hasHeaders) assert.is(headers.who, 'device:lamp')
  assert.is((await desk.next('replies')).json.status, 201)
  await desk.send('authorized', desk.modify('authorized', '/attributes/a', 1))
  const { status, value } = (await desk.next('replies')).json
  assert.equal([status, value.error], [400, 'placeholder:unresolved'])
  assert.match(value.message, 'device:')
  await desk.logged(id, 'Got exception <placeholder:unresolved>')
  await desk.send('authorized', desk.command('authorized', 'retrieve', '/attributes'), 'Lamp')
  assert.is((await desk.next('replies')).json.status, 404)
})

each('conditions say which mapper sees a message', async (desk) => {
  const { saidIn } = desk.protocol
  const says = (pattern: string, tag: string): object => ({
    mappingEngine: 'JavaScript',
    incomingConditions: { said: `fn:filter(${saidIn},'like','*${pattern}')` },
    options: {
      incomingScript: `function mapToDittoProtocolMsg(headers, textPayload) {
        const message = JSON.parse(textPayload);
        message.headers.tag = '${tag}';
        return message;
      }`,
    },
  })
  const id = await desk.consume(
    'conditional',
    { payloadMapping: ['plain', 'both'], replyTarget: desk.replyTo('replies') },
    { mappingDefinitions: { plain: says('plain', 'plain'), both: says('plain|*other', 'both') } },
  )
  await desk.publish('events')
  const tags = async (count: number) =>
    (await desk.take('events', count)).map(({ json }) => json.headers.tag)
  await desk.send('conditional', desk.modify('conditional', '/', {}), 'plain')
  assert.equal(await tags(2), ['plain', 'both'])
  await desk.send('conditional', 'never looked at', 'neither')
  await desk.send('conditional', desk.modify('conditional', '/', {}), 'other')
  assert.equal(await tags(1), ['both'])
  await desk.counted(id, 'inbound.consumed.success', 3)
  await desk.counted(id, 'inbound.mapped.success', 3)
  await desk.counted(id, 'inbound.dropped.success', 3)
  await desk.logged(id, 'Payload mapping of mapper <plain> returned null')
  assert.equal(
    (await desk.take('replies', 3)).map(({ json }) => json.status),
    [201, 204, 204],
  )
})

each('a reply target gets the types of responses that it expects', async (desk) => {
  const issuer = await desk.publish('nowhere', {
    address: 'out/{{ header:nowhere }}',
    issuedAcknowledgementLabel: '{{ connection:id }}:sent',
  })
  const requested = { 'requested-acks': ['twin-persisted', `${issuer}:sent`] }
  const expected: readonly [types: readonly string[] | undefined, statuses: readonly number[]][] = [
    [undefined, [201, 404]],
    [['response'], [201]],
    [['error'], [404]],
    [['nack'], [424]],
    [
      ['response', 'error', 'nack'],
      [201, 404, 424],
    ],
  ]
  for (const [index, [types, statuses]] of expected.entries()) {
    const thing = `typed-${index}`
    const fields = types === undefined ? {} : { expectedResponseTypes: types }
    const id = await desk.consume(thing, { replyTarget: desk.replyTo(thing, fields) })
    await desk.send(thing, desk.modify(thing, '/', {}))
    await desk.send(thing, desk.command(thing, 'retrieve', '/attributes/no'))
    await desk.send(thing, desk.modify(thing, '/attributes/a', 1, requested))
    await desk.counted(id, 'outbound.published.success', statuses.length)
    await desk.counted(id, 'outbound.dropped.success', 3 - statuses.length)
    const answers = (await desk.take(thing, statuses.length)).map(({ json }) => json)
    assert.equal(
      answers.map(({ status }) => status),
      statuses,
      `${types}`,
    )
    const nack = answers.find(({ status }) => status === 424)
    if (nack === undefined) continue
    assert.match(nack.topic, /\/things\/twin\/acks$/)
    assert.is(nack.value['twin-persisted'].status, 201)
    assert.is(nack.value[`${issuer}:sent`].status, 400)
  }
})

each('nobody is answered who did not ask, or has no reply target', async (desk) => {
  const silent = await desk.consume('silent')
  const asked = await desk.consume('asked', { replyTarget: desk.replyTo('asked') })
  await desk.publish('events')
  await desk.send('silent', desk.modify('silent', '/', {}))
  await desk.send('silent', 'no Ditto Protocol')
  await desk.next('events')
  await desk.counted(silent, 'outbound.dispatched.success', 1)
  await desk.counted(silent, 'outbound.dispatched.failure', 1)
  await desk.counted(silent, 'outbound.dropped.success', 2)
  await desk.logged(silent, 'Dropped response since the source has no reply target.')
  const unasked = { 'response-required': false }
  await desk.send('asked', desk.modify('silent', '/attributes/a', 1, unasked))
  await desk.send('asked', desk.command('nobody', 'delete', '/', undefined, unasked))
  await desk.send('asked', desk.modify('silent', '/attributes/a', 2))
  const { status, path } = (await desk.next('asked')).json
  assert.equal([status, path], [204, '/attributes/a'])
  await desk.logged(asked, 'requester did not require response via Header response-required')
})

each('a source requests acknowledgements, as far as its filter lets it', async (desk) => {
  const { saidIn } = desk.protocol
  const issuer = await desk.publish('events', {
    issuedAcknowledgementLabel: '{{ connection:id }}:sent',
  })
  const label = `${issuer}:sent`
  await desk.consume('requesting', {
    acknowledgementRequests: {
      includes: [label, 'twin-persisted'],
      filter: `fn:filter(${saidIn},'like','*sure')`,
    },
    replyTarget: desk.replyTo('replies'),
  })
  const modified = async (value: number, said: string | undefined, headers = {}) => {
    await desk.send('requesting', desk.modify('requesting', '/attributes/a', value, headers), said)
    const event = (await desk.next('events')).json
    return { event, reply: (await desk.next('replies')).json }
  }
  await desk.send('requesting', desk.modify('requesting', '/', {}))
  await desk.take('events', 1)
  await desk.take('replies', 1)

  const sure = await modified(1, 'sure')
  assert.equal(sure.event.headers['requested-acks'], [label])
  assert.match(sure.reply.topic, /\/things\/twin\/acks$/)
  assert.is(sure.reply.status, 200)
  assert.is(sure.reply.value[label].status, 200)
  assert.is(sure.reply.value['twin-persisted'].status, 201)

  const unsure = await modified(2, 'uncertain')
  assert.equal(unsure.event.headers['requested-acks'], [])
  assert.match(unsure.reply.topic, /\/commands\/modify$/)
  assert.is(unsure.reply.status, 204)

  const none = await modified(3, 'sure', { 'requested-acks': [] })
  assert.equal(none.event.headers['requested-acks'], [])
  assert.is(none.reply.status, 204)

  const both = await modified(4, 'sure', { 'requested-acks': ['twin-persisted'] })
  assert.equal(Object.keys(both.reply.value).toSorted(), [label, 'twin-persisted'].toSorted())
})

each('without a reply target of its own a source answers to the header reply-to', async (desk) => {
  const id = await desk.consume('legacy', { replyTarget: undefined })
  await desk.send('legacy', desk.modify('legacy', '/', {}, { 'reply-to': 'out/default' }))
  const { json } = await desk.next('default')
  assert.equal([json.status, json.headers['correlation-id']], [201, 'of-legacy'])
  const { sources } = (await desk.sluice.request('GET', `${CONNECTIONS}/${id}`)).json
  assert.is(sources[0].replyTarget.address, '{{header:reply-to}}')
})

each('the mapper of a request maps its answers, when its conditions hold', async (desk) => {
  const onlyErrors = {
    mappingEngine: 'Ditto',
    options: {},
    outgoingConditions: { error: "fn:filter(topic:criterion,'eq','errors')" },
  }
  const id = await desk.consume(
    'strict',
    { payloadMapping: ['onlyErrors'], replyTarget: desk.replyTo('replies') },
    { mappingDefinitions: { onlyErrors } },
  )
  await desk.send('strict', desk.modify('strict', '/', {}))
  await desk.send('strict', desk.command('strict', 'retrieve', '/attributes'))
  assert.is((await desk.next('replies')).json.status, 404)
  await desk.counted(id, 'outbound.dropped.success', 1)
  await desk.logged(id, 'Payload mapping of mapper <onlyErrors> returned null')
})

each('each source of a connection has settings of its own', async (desk) => {
  const { protocol, namespace } = desk
  const sourceOf = (stream: string): object => ({
    addresses: [protocol.sourceAddress(stream)],
    ...protocol.fields,
    authorizationContext: [`test:${stream}`],
    headerMapping: { through: stream },
    replyTarget: desk.replyTo(`replies-of-${stream}`),
  })
  const streams = ['first', 'second']
  for (const stream of streams) await protocol.prepare(stream)
  const id = await desk.open({ sources: streams.map(sourceOf) })
  await desk.publish('events')
  for (const stream of streams) {
    await desk.send(stream, desk.modify(stream, '/', {}))
    const { headers } = (await desk.next('events')).json
    assert.equal([headers.through, headers['ditto-originator']], [stream, `test:${stream}`])
    const { value } = (await desk.next(`replies-of-${stream}`)).json
    assert.is(value.thingId, `${namespace}:${stream}`)
  }
  const { sourceMetrics } = await look(desk.sluice, id, 'metrics')
  assert.equal(
    streams.map((stream) => {
      const { mapped } = sourceMetrics.addressMetrics[protocol.sourceAddress(stream)]
      return mapped.success.PT1H
    }),
    [1, 1],
  )
})
