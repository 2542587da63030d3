/**
 * What an author writes for a target: its address, header mapping, conditions, topics with their filters
 * and extra fields, and the acknowledgement that it issues.
 */
import * as assert from 'uvu/assert'
import { authors, type Desk } from '../support/authors.ts'
import { CONNECTIONS, untilStatus } from '../support/gateway.ts'
import { suite } from '../support/suite.ts'

const each = authors(suite('targets as authors write them'))

/** What each template shows of the event of a new thing; undefined where nothing is resolved. */
const shownOfEvent = ({ namespace }: Desk): Readonly<Record<string, string>> => ({
  'as it is': 'as it is',
  '{{ header:device }}': 'Lamp_7',
  '{{ header:DEVICE | fn:lower() }}': 'lamp_7',
  '{{ header:number }}/{{ header:flag }}/{{ header:list }}': '5/true/["x"]',
  '{{ thing:name }}.{{ thing:namespace }}': `shown.${namespace}`,
  '{{ thing:id }}': `${namespace}:shown`,
  '{{ entity:id }}': `${namespace}:shown`,
  '${thing:name}': 'shown',
  '{{ topic:full }}': `${namespace}/shown/things/twin/events/created`,
  '{{ topic:entityName }} {{ topic:group }} {{ topic:channel }}': 'shown things twin',
  '{{ topic:action-subject }} of {{ topic:criterion }}': 'created of events',
  '{{ topic:subject | fn:default("no subject") }}': 'no subject',
  '{{ resource:type }}{{ resource:path }}': 'thing/',
  '{{ request:subjectId }}': 'test:author',
  '{{ feature:id }}': 'light',
  '{{ feature:id | fn:join("-") }}': 'light-sound',
  '{{ feature:id | fn:filter("ne", "light") }}': 'sound',
  '{{ thing-json:attributes/place/floor }}': '2',
  '{{ thing-json:attributes/tags | fn:join(" ") }}': 'a b',
  "{{ thing-json:attributes/place | fn:format('{room}, floor {floor}') }}": 'bath, floor 2',
  "{{ header:device | fn:split('_') | fn:upper() | fn:join(':') }}": 'LAMP:7',
  "{{ header:device | fn:substring-before('_') }}{{ header:device | fn:delete() }}": 'Lamp',
  "{{ header:none | fn:default(header:neither) | fn:default('last') }}": 'last',
  "{{ thing:name | fn:filter(header:device, 'like', 'Lamp*') }}": 'shown',
  "{{ thing:name | fn:filter(header:none, 'exists') | fn:default('not there') }}": 'not there',
})

each('placeholders and functions say of an event what an author wants to see', async (desk) => {
  const cases = Object.entries(shownOfEvent(desk))
  await desk.consume('things')
  const id = await desk.open({
    targets: [
      ...cases.map(([template], index) =>
        desk.target(`case-${index}`, desk.showing(`case-${index}`, template)),
      ),
      desk.target('connection', desk.showing('connection', '{{ connection:id }}')),
      desk.target('time', desk.showing('time', '{{ time:now_epoch_millis }}')),
    ],
  })
  const place = { floor: 2, room: 'bath' }
  const thing = { attributes: { place, tags: ['a', 'b'] }, features: { light: {}, sound: {} } }
  const before = Date.now()
  const headers = { device: 'Lamp_7', number: 5, flag: true, list: ['x'] }
  await desk.send('things', desk.modify('shown', '/', thing, headers))
  for (const [index, [template, expected]] of cases.entries()) {
    assert.is((await desk.next(`case-${index}`)).shown, expected, template)
  }
  assert.is((await desk.next('connection')).shown, id)
  const millis = Number((await desk.next('time')).shown)
  assert.ok(millis >= before && millis <= Date.now(), `${millis}`)
})

each('a header that cannot be resolved is left out, its message is not', async (desk) => {
  const template = "for {{ header:device | fn:filter('like', 'Lamp*') }}"
  await desk.consume('things')
  await desk.publish('events', { headerMapping: desk.mapping('events', template) })
  for (const headers of [{ device: 'Lamp_7' }, {}, { device: 'Fan_1' }, { device: 'Lamp_8' }]) {
    await desk.send('things', desk.modify('headers', '/', {}, headers))
  }
  const events = await desk.take('events', 4)
  assert.equal(
    events.map(({ shown }) => shown),
    ['for Lamp_7', undefined, undefined, 'for Lamp_8'],
  )
})

each('an event goes to the address that it resolves, or nowhere', async (desk) => {
  const address = 'out/{{ thing:name }}-{{ topic:action }}.{{ header:room }}'
  await desk.consume('things')
  const id = await desk.publish('', { address })
  const rooms = [{ room: 'hall' }, {}, { room: 'bath' }]
  for (const headers of rooms) await desk.send('things', desk.modify('door', '/', {}, headers))
  assert.is((await desk.next('door-created.hall')).json.revision, 1)
  assert.is((await desk.next('door-modified.bath')).json.revision, 3)
  await desk.counted(id, 'outbound.dispatched.success', 3)
  await desk.counted(id, 'outbound.published.success', 2)
  await desk.counted(id, 'outbound.dropped.failure', 1)
  await desk.logged(id, `Signal dropped, target address unresolved: ${address}`)
})

each('a connection does not hear what came in through itself', async (desk) => {
  await desk.consume('others')
  const own = await desk.consume('own', {}, { targets: [desk.target('events')] })
  await desk.send('own', desk.modify('heard', '/', {}))
  await desk.send('own', desk.modify('heard', '/attributes/a', 1))
  await desk.counted(own, 'inbound.acknowledged.success', 2)
  await desk.send('others', desk.modify('heard-of-others', '/', {}))
  assert.match((await desk.next('events')).json.topic, 'heard-of-others')
})

each('conditions say which mapper maps an event', async (desk) => {
  const when = (condition: string, tag: string): object => ({
    mappingEngine: 'JavaScript',
    outgoingConditions: { condition },
    options: {
      outgoingScript: `function mapFromDittoProtocolMsg(namespace, name, group, channel, criterion,
          action) {
        return Ditto.buildExternalMsg({}, JSON.stringify('${tag} ' + action), null, 'text/plain');
      }`,
    },
  })
  await desk.consume('things')
  const id = await desk.publish(
    'mapped',
    { payloadMapping: ['created', 'urgent'] },
    {
      mappingDefinitions: {
        created: when("fn:filter(topic:action,'eq','created')", 'once'),
        urgent: when("fn:filter(header:level,'eq','urgent')", 'urgent'),
      },
    },
  )
  const sent = [{ level: 'urgent' }, { level: 'low' }, {}, { level: 'urgent' }]
  for (const headers of sent) await desk.send('things', desk.modify('levels', '/', {}, headers))
  assert.equal(
    (await desk.take('mapped', 3)).map(({ json }) => json),
    ['once created', 'urgent created', 'urgent modified'],
  )
  await desk.counted(id, 'outbound.mapped.success', 3)
  await desk.counted(id, 'outbound.dropped.success', 5)
  await desk.logged(id, 'Payload mapping of mapper <urgent> returned null')
})

/** What happens to a thing, in this order; filters let through some of it, by its number. */
const HAPPENINGS: readonly (readonly [action: string, path: string, value?: unknown])[] = [
  ['modify', '/', { attributes: { n: 5, s: 'no', list: [{ id: 1 }, { id: 2 }] } }],
  ['modify', '/attributes/n', 11],
  ['modify', '/attributes/s', 'Yes & no'],
  ['merge', '/attributes', { n: 50 }],
  ['delete', '/attributes/s'],
  ['modify', '/features/lamp', { properties: { on: true } }],
  ['delete', '/'],
]

const passing = ({ namespace }: Desk): Readonly<Record<string, readonly number[]>> => ({
  'gt(attributes/n,10)': [1, 3],
  'and(exists(attributes/n),not(gt(attributes/n,10)))': [0],
  'or(eq(attributes/n,11),eq(features/lamp/properties/on,true))': [1, 5],
  'ne(attributes/n,11)': [0, 2, 3, 4, 5, 6],
  'in(attributes/n,11,50)': [1, 3],
  'eq(attributes/list/id,2)': [0],
  "eq(attributes/s,'Yes & no')": [2],
  'like(attributes/s,"Yes*")': [2],
  'ilike(attributes/s,"y?s*")': [2],
  'eq(topic:action,"deleted")': [4, 6],
  'and(in(topic:action,"created","deleted"),eq(resource:path,"/"))': [0, 6],
  'in(topic:action,"created","merged")': [0, 3, 5],
  'like(resource:path,"/features/*")': [5],
  [`and(eq(thingId,"${namespace}:rql"),gt(_revision,4))`]: [4, 5, 6],
  'gt(_modified,time:now-1m)': [0, 1, 2, 3, 4, 5, 6],
  'eq(entity:name,"other")': [],
})

each('filters let events through, and can be read and written again', async (desk) => {
  const cases = Object.entries(passing(desk))
  const topic = (filter: string) => `_/_/things/twin/events?filter=${encodeURIComponent(filter)}`
  await desk.consume('things')
  const id = await desk.open({
    targets: [
      ...cases.map(([filter], index) => desk.target(`${index}`, { topics: [topic(filter)] })),
      desk.target('all'),
    ],
  })
  const path = `${CONNECTIONS}/${id}`
  const { json: connection } = await desk.sluice.request('GET', path)
  for (const [index, [filter]] of cases.entries()) {
    const shown = `_/_/things/twin/events?filter=${filter.replace('&', '%26')}`
    assert.equal(connection.targets[index].topics, [shown])
  }
  assert.is((await desk.sluice.request('PUT', path, connection)).status, 204)
  await untilStatus(desk.sluice, id, 'open')
  for (const [action, at, value] of HAPPENINGS) {
    const headers = action === 'merge' ? { 'content-type': 'application/merge-patch+json' } : {}
    await desk.send('things', desk.command('rql', action, at, value, headers))
  }
  await desk.take('all', HAPPENINGS.length)
  for (const [index, [filter, numbers]] of cases.entries()) {
    // Each target has a way of its own: what one has published says nothing of the others.
    const events = await desk.take(`${index}`, numbers.length)
    const passed = [...events, ...desk.left(`${index}`)].map(({ json }) => json.revision - 1)
    assert.equal(passed, numbers, filter)
  }
})

each('namespaces are exact, and one of several is enough', async (desk) => {
  const { namespace } = desk
  await desk.consume('things')
  await desk.publish('events', {
    topics: [`_/_/things/twin/events?namespaces=${namespace},${namespace}.b`],
  })
  for (const suffix of ['', '.a', '.b', '.b.c', '']) {
    const topic = `${namespace}${suffix}/spaces/things/twin/commands/modify`
    await desk.send('things', { topic, headers: {}, path: '/', value: {} })
  }
  const events = await desk.take('events', 3)
  assert.equal(
    events.map(({ json }) => json.topic.split('/')[0]),
    [namespace, `${namespace}.b`, namespace],
  )
})

each('live messages, commands and events have topics and filters of their own', async (desk) => {
  await desk.consume('live')
  await desk.open({
    targets: [
      desk.target('alarms', {
        topics: ['_/_/things/live/messages?filter=like(topic:subject,"alarm/*")'],
      }),
      desk.target('lamps', {
        topics: ['_/_/things/live/messages?filter=like(resource:path,"/features/lamp/*")'],
      }),
      desk.target('commands', { topics: ['_/_/things/live/commands'] }),
      desk.target('events', { topics: ['_/_/things/live/events?filter=eq(attributes/a,1)'] }),
    ],
  })
  const topic = `${desk.namespace}/live/things/live`
  const signal = (rest: string, path: string, value: unknown): Promise<void> => {
    const headers = { 'content-type': 'application/json' }
    return desk.send('live', { topic: `${topic}/${rest}`, headers, path, value })
  }
  await signal('messages/hello', '/inbox/messages/hello', 1)
  await signal('messages/alarm/fire', '/outbox/messages/alarm/fire', 2)
  await signal('messages/blink', '/features/lamp/inbox/messages/blink', 3)
  await signal('events/modified', '/attributes/a', 0)
  await signal('events/modified', '/attributes/a', 1)
  await signal('commands/modify', '/attributes/a', 2)
  const values = async (stream: string) => (await desk.next(stream)).json.value
  assert.is(await values('commands'), 2)
  assert.is(await values('events'), 1)
  assert.is(await values('lamps'), 3)
  assert.is(await values('alarms'), 2)
  for (const stream of ['alarms', 'lamps', 'commands', 'events'])
    assert.equal(desk.left(stream), [])
})

each('a filter sees the extra fields, which come with the event', async (desk) => {
  const filter = 'and(eq(attributes/room,"bath"),gt(features/lamp/properties/level,5))'
  await desk.consume('things')
  await desk.publish('events', {
    topics: [`_/_/things/twin/events?extraFields=attributes(room,floor),policyId&filter=${filter}`],
  })
  const lamp = (level: number) => ({ properties: { level } })
  for (const [thing, room] of [
    ['wet', 'bath'],
    ['dry', 'hall'],
  ] as const) {
    const attributes = { room, floor: 1, secret: true }
    await desk.send('things', desk.modify(thing, '/', { attributes, features: { lamp: lamp(9) } }))
  }
  const level = '/features/lamp/properties/level'
  for (const [thing, value] of [
    ['wet', 3],
    ['dry', 7],
    ['wet', 7],
  ] as const) {
    await desk.send('things', desk.modify(thing, level, value))
  }
  const [created, modified] = (await desk.take('events', 2)).map(({ json }) => json)
  const extra = { attributes: { room: 'bath', floor: 1 }, policyId: `${desk.namespace}:wet` }
  assert.match(created.topic, '/wet/things/twin/events/created')
  assert.equal(created.extra, extra)
  assert.match(modified.topic, '/wet/things/twin/events/modified')
  assert.equal([modified.path, modified.value], [level, 7])
  assert.equal(modified.extra, extra)
})

each('extra fields follow placeholders and wildcards, of messages too', async (desk) => {
  const topic = '_/_/things/twin/events'
  const inBath = 'extraFields=attributes/room&filter=eq(attributes/room,"bath")'
  const unitInside = 'features/inside/properties/unit'
  const topicOf = {
    own: `${topic}?extraFields=attributes/room,features/{{feature:id}}/properties/unit`,
    every: `${topic}?extraFields=features/*/properties/unit&filter=eq(${unitInside},"C")`,
    messages: `_/_/things/live/messages?${inBath}`,
  }
  await desk.consume('things')
  const id = await desk.open({
    targets: Object.entries(topicOf).map(([stream, text]) =>
      desk.target(stream, { topics: [text] }),
    ),
  })
  const feature = (unit: string): object => ({ properties: { unit, value: 1 } })
  const features = { inside: feature('C'), outside: feature('F') }
  const attributes = { room: 'bath' }
  await desk.send('things', desk.message('meter', 'too-early', 'x'))
  await desk.counted(id, 'outbound.filtered.failure', 1)
  await desk.logged(id, 'Signal enrichment failed.')
  await desk.send('things', desk.modify('meter', '/', { attributes, features }))
  await desk.send('things', desk.modify('meter', '/features/outside/properties/value', 2))
  await desk.send('things', desk.modify('meter', '/attributes/other', 3))
  await desk.send('things', desk.message('meter', 'in-time', 'x'))
  const extras = async (stream: string) =>
    (await desk.take(stream, 3)).map(({ json }) => json.extra)
  const inside = { properties: { unit: 'C' } }
  const outside = { properties: { unit: 'F' } }
  const all = { features: { inside, outside } }
  assert.equal(await extras('own'), [
    { attributes, ...all },
    { attributes, features: { outside } },
    { attributes },
  ])
  assert.equal(await extras('every'), [all, all, all])
  const { json } = await desk.next('messages')
  assert.match(json.topic, 'in-time')
  assert.equal(json.extra, { attributes })
})

each('the first of several matching topics gives the extra fields, once', async (desk) => {
  const twin = '_/_/things/twin/events'
  const narrow = 'and(eq(topic:action,"modified"),eq(resource:path,"/attributes/a"))'
  await desk.consume('things')
  await desk.publish('events', {
    topics: [
      `${twin}?filter=${narrow}&extraFields=features`,
      `${twin}?filter=eq(topic:action,"modified")&extraFields=definition`,
      `${twin}?filter=or(eq(topic:action,"deleted"),eq(resource:path,"/attributes/a"))`,
    ],
  })
  const definition = 'some:model:1.0.0'
  const features = { lamp: { properties: { on: true } } }
  const thing = { definition, attributes: { a: 0, b: 0 }, features }
  await desk.send('things', desk.modify('several', '/', thing))
  await desk.send('things', desk.modify('several', '/attributes/a', 1))
  await desk.send('things', desk.modify('several', '/attributes/b', 1))
  await desk.send('things', desk.command('several', 'delete', '/attributes/a'))
  await desk.send('things', desk.command('several', 'delete', '/attributes/b'))
  const events = (await desk.take('events', 4)).map(({ json }) => json)
  assert.equal(
    events.map(({ path }) => path),
    ['/attributes/a', '/attributes/b', '/attributes/a', '/attributes/b'],
  )
  // Topics with extra fields come first, in the order of what they ask for.
  assert.equal(
    events.map(({ extra }) => extra),
    [{ definition }, { definition }, undefined, undefined],
  )
})

each('targets issue acknowledgements under labels of their connection', async (desk) => {
  const issuing = (stream: string, target: object = {}): Promise<string> => {
    const label = { issuedAcknowledgementLabel: '{{ connection:id }}:issued' }
    return desk.publish(stream, { ...label, ...target })
  }
  const one = await issuing('one')
  const filtered = '_/_/things/twin/events?filter=eq(topic:action,"deleted")'
  const two = await issuing('two', { topics: [filtered, '_/_/things/live/messages'] })
  const labels = [`${one}:issued`, `${two}:issued`]
  const asking = await desk.consume('asking', { replyTarget: desk.replyTo('replies') })
  const command = desk.modify('acked', '/', {}, { 'requested-acks': labels })
  await desk.send('asking', command)
  assert.equal((await desk.next('one')).json.headers['requested-acks'], [labels[0]])
  const { topic, status, value, headers } = (await desk.next('replies')).json
  assert.equal([topic, status], [`${desk.namespace}/acked/things/twin/acks`, 200])
  assert.is(headers['correlation-id'], 'of-acked')
  assert.equal(
    labels.map((label) => value[label].status),
    [200, 200],
  )
  await desk.counted(one, 'outbound.acknowledged.success', 1)
  await desk.counted(two, 'outbound.filtered.success', 0)
  assert.equal(desk.left('two'), [])

  // Messages want a live response, too, unless they say otherwise; nobody gives it here.
  const asked = { 'requested-acks': [labels[1]], 'response-required': false }
  await desk.send('asking', desk.message('acked', 'ask', 'x', asked))
  assert.equal((await desk.next('two')).json.headers['requested-acks'], [labels[1]])
  await desk.counted(two, 'outbound.acknowledged.success', 1)
  await desk.counted(one, 'outbound.acknowledged.success', 1)
  await desk.counted(asking, 'inbound.acknowledged.success', 2)
})

each('an acknowledgement is negative when mapping fails, not when it gives none', async (desk) => {
  const script = (body: string): object => ({
    mappingEngine: 'JavaScript',
    options: { outgoingScript: `function mapFromDittoProtocolMsg() { ${body} }` },
  })
  const mappingDefinitions = {
    none: script('return null'),
    bad: script('throw new Error("bad")'),
  }
  const issuedAcknowledgementLabel = '{{ connection:id }}:issued'
  const issuing = (mapper: string): Promise<string> => {
    const target = { issuedAcknowledgementLabel, payloadMapping: [mapper] }
    return desk.publish('events', target, { mappingDefinitions })
  }
  const labels = [`${await issuing('none')}:issued`, `${await issuing('bad')}:issued`]
  const headers = { 'requested-acks': labels, 'correlation-id': 'acked' }
  const expectedResponseTypes = ['response', 'nack']
  const asking = await desk.consume('asking', {
    replyTarget: desk.replyTo('replies', { expectedResponseTypes }),
  })
  await desk.send('asking', desk.modify('failing', '/', {}, headers))
  const { status, value } = (await desk.next('replies')).json
  assert.is(status, 424)
  assert.equal(
    labels.map((label) => value[label].status),
    [200, 400],
  )
  await desk.counted(asking, 'inbound.acknowledged.success', 0)
  // Neither target has a topic for live commands.
  const topic = `${desk.namespace}/failing/things/live/commands/modify`
  const live = { ...headers, 'response-required': false }
  await desk.send('asking', { topic, headers: live, path: '/attributes/a', value: 1 })
  await desk.counted(asking, 'inbound.acknowledged.success', 1)
})

each('an acknowledgement that nobody gives is missed when its time is up', async (desk) => {
  const requested = ['twin-persisted', 'nobody:there']
  await desk.consume('waiting', {
    replyTarget: desk.replyTo('replies', { expectedResponseTypes: ['nack'] }),
  })
  const headers = { 'requested-acks': requested, timeout: '100ms' }
  await desk.send('waiting', desk.modify('waiting', '/', {}, headers))
  const { status, value } = (await desk.next('replies')).json
  assert.is(status, 424)
  assert.is(value['twin-persisted'].status, 201)
  assert.is(value['nobody:there'].status, 408)
  assert.is(value['nobody:there'].payload.error, 'acknowledgement:request.timeout')
})
