import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { DEFAULT_CONFIG } from '../../../src/config.ts'
import { parseConnection } from '../../../src/connection/model.ts'
import { connectionToJson } from '../../../src/connection/render.ts'
import { CONNECTION_TYPES } from '../../../src/connection/schema.ts'
import { restoreSecrets } from '../../../src/connection/secrets.ts'
import { validateConnection } from '../../../src/connection/validate.ts'
import type { JsonObject, JsonValue } from '../../../src/json/types.ts'
import { DittoException } from '../../../src/protocol/errors.ts'
import { suite } from '../../support/suite.ts'
import { body, CERTIFICATE, source, target } from './bodies.ts'

const it = suite('connections that nobody should write')

const MUTATIONS = 2000
const BODIES = 1000
const HUGE = 200_000
/** Far more than each of them takes. */
const HUGE_LIMIT_MS = 2000

/** Checks a body as creating its connection would; whether it was right. */
function check(json: unknown): boolean {
  try {
    const parsed = parseConnection(json, { mode: 'modify', id: 'my-id' })
    validateConnection(restoreSecrets(parsed, undefined), DEFAULT_CONFIG.connections)
    return true
  } catch (thrown) {
    if (!(thrown instanceof DittoException)) throw thrown
    const { status, error, message, description } = thrown.error
    assert.ok([400, 409, 422].includes(status), message)
    assert.match(error, /^[a-z]+(:[a-z.-]+|\.[a-z.]+)$/)
    assert.type(message, 'string')
    assert.type(description ?? '', 'string')
    return false
  }
}

/** A connection that uses every field there is. */
const everything: JsonObject = {
  ...body('amqp-10', { uri: 'amqps://user:secret@broker:5671/host' }),
  name: 'all',
  sources: [
    source({
      consumerCount: 2,
      qos: 1,
      authorizationContext: ['a:{{ header:device }}'],
      enforcement: { input: '{{ header:device }}', filters: ['{{ entity:id }}', '{{ thing:id }}'] },
      acknowledgementRequests: {
        includes: ['twin-persisted', '{{ connection:id }}:ack'],
        filter: "fn:filter(header:qos,'ne','0')",
      },
      headerMapping: { 'a/b': '{{ header:a | fn:default("x") }}', c: '\u0024{thing:id}' },
      payloadMapping: ['mine', 'Ditto'],
      replyTarget: {
        enabled: true,
        address: 'a/{{ header:reply-to }}',
        headerMapping: { 'mqtt.qos': '{{ header:qos }}' },
        expectedResponseTypes: ['response', 'error', 'nack'],
      },
      declaredAcks: ['{{ connection:id }}:ack', 'my-id:other'],
    }),
  ],
  targets: [
    target({
      address: 'a/{{ thing:id | fn:lower() }}',
      qos: 0,
      topics: [
        '_/_/things/twin/events?namespaces=a&filter=eq(topic:action,"x")&extraFields=attributes(a,b)',
        '_/_/things/live/messages?extraFields=features/{{ feature:id }}/properties',
      ],
      issuedAcknowledgementLabel: '{{ connection:id }}:sent',
      headerMapping: { a: '{{ time:now }}' },
      payloadMapping: ['Ditto'],
    }),
  ],
  specificConfig: { keepAlive: '30s', groupId: '{{connection:id}}', 'is-diversion-source': 'true' },
  mappingDefinitions: {
    mine: {
      mappingEngine: 'JavaScript',
      options: { incomingScript: 'x' },
      incomingConditions: { a: "fn:filter(header:a,'exists')" },
      outgoingConditions: { b: "fn:filter(topic:action,'like','a*')" },
    },
  },
  credentials: { type: 'plain', username: 'u', password: 'p' },
  ca: CERTIFICATE,
  sshTunnel: {
    enabled: true,
    credentials: { type: 'plain', username: 'u', password: 'p' },
    validateHost: false,
    knownHosts: [],
    uri: 'ssh://bastion:22',
  },
  tags: ['a'],
}

it('accepts the one that is right', () => {
  assert.ok(check(everything))
})

/** Text that is right somewhere, or nearly so. */
const words = fc.constantFrom(
  ...['', ' ', '{{', '}}', '\u0024{', '{{ }}', '{{ thing:id', '{{ thing:id }}', '\u0024{header:a}'],
  ...['{{ fn:nope() }}', "{{ fn:default('a }}", '{{ header:a | fn:split("(") }}', '{{a:b}}:label'],
  ...["fn:filter('a')", 'fn:delete()', '|', "fn:format('{#a}')", '{{ time:now+99999999999y }}'],
  ...['_/_/things/twin/events?filter=', '_/_/things/twin/events?extraFields=(', '?', '%', '&='],
  ...['a/b/c', '+/#', '$share//x', 'amqp://', 'tcp://u:*****@h:1', '://', 'ssh://h', '*****'],
  ...['my-id:a b', 'other:label', 'twin-persisted', '\ud800', '\0', '1e9s', '-1', 'toString'],
)

const anyText = fc.oneof(words, fc.string({ maxLength: 12 }), fc.tuple(words, words).map(joined))

function joined(parts: readonly string[]): string {
  return parts.join('')
}

const anyName = fc.oneof(
  fc.constantFrom('constructor', 'toString', 'hasOwnProperty', 'length', 'a/b~', ''),
  anyText.filter((text) => text !== '__proto__'),
)

const anyValue = fc.oneof(
  { weight: 4, arbitrary: anyText as fc.Arbitrary<JsonValue> },
  fc.constantFrom<JsonValue>(null, true, 0, -1, 1.5, 1e300, [], {}, [[]], ''),
  fc.array(anyText, { maxLength: 3 }),
  fc.dictionary(anyName, fc.oneof(anyText, fc.constant(null), fc.integer()), {
    maxKeys: 3,
    noNullPrototype: true,
  }),
)

interface Mutation {
  readonly at: number
  readonly kind: 'replace' | 'remove' | 'rename' | 'add'
  readonly value: JsonValue
  readonly name: string
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.nat(),
  kind: fc.constantFrom('replace', 'remove', 'rename', 'add'),
  value: anyValue,
  name: anyName,
})

type Container = Record<string, JsonValue> | JsonValue[]

/** Every member and item of a value, from the outside in. */
function slots(value: JsonValue): readonly (readonly [Container, string])[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, child]) => [
    [value as Container, name] as const,
    ...slots(child),
  ])
}

function mutate(json: JsonObject, { at, kind, value, name }: Mutation): void {
  const all = slots(json)
  if (all.length === 0) return
  const [container, key] = all[at % all.length]!
  const members = container as Record<string, JsonValue>
  const before = members[key]!
  if (kind === 'add') members[Array.isArray(container) ? container.length : name] = value
  else if (kind === 'replace') members[key] = value
  else if (Array.isArray(container)) container.splice(Number(key), 1)
  else {
    delete members[key]
    if (kind === 'rename') members[name] = before
  }
}

it('refuses a changed connection with an error of its own, or reads what it writes', () => {
  let right = 0
  fc.assert(
    fc.property(
      fc.constantFrom(...CONNECTION_TYPES),
      fc.array(mutation, { minLength: 1, maxLength: 4 }),
      (connectionType, mutations) => {
        const json: JsonObject = structuredClone({ ...everything, connectionType })
        for (const each of mutations) mutate(json, each)
        if (!check(json)) return
        right++
        const connection = parseConnection(json, { mode: 'modify', id: 'my-id' })
        assert.ok(check(JSON.parse(JSON.stringify(connectionToJson(connection)))))
      },
    ),
    { numRuns: MUTATIONS },
  )
  assert.ok(right > 0, 'nothing was ever right')
})

it('refuses names that are no text, whatever is in them', () => {
  for (const name of [{ toString: 1 }, { toString: null, valueOf: {} }, [{}], 7, true]) {
    for (const field of ['connectionType', 'connectionStatus']) {
      assert.not.ok(check({ ...everything, [field]: name }))
    }
    assert.not.ok(check({ ...everything, credentials: { type: name } }))
  }
})

it('refuses JSON that is no connection', () => {
  fc.assert(
    fc.property(
      fc.jsonValue({ maxDepth: 6 }),
      fc.constantFrom(...CONNECTION_TYPES),
      (json, type) => {
        check(json)
        const shape = {
          sources: [json],
          targets: [json],
          mappingDefinitions: json,
          specificConfig: json,
        }
        check(body(type, { ...shape, credentials: json, sshTunnel: json } as JsonObject))
        check(body(type, { sources: [source(json as JsonObject)], targets: [target()] }))
      },
    ),
    { numRuns: BODIES },
  )
})

it('takes its time from nobody, however long a text is', () => {
  const repeated = [
    '{{',
    '}}',
    '\u0024{',
    "'",
    '|',
    'a,',
    '(',
    '{{ thing:id }}',
    "\\'",
    '%',
    '/',
    ' ',
  ]
  const puts: readonly ((text: string) => JsonObject)[] = [
    (text) => ({ sources: [source({ addresses: [text] })] }),
    (text) => ({ sources: [source({ authorizationContext: [text] })] }),
    (text) => ({ sources: [source({ enforcement: { input: text, filters: [text] } })] }),
    (text) => ({ sources: [source({ headerMapping: { a: `{{ ${text} }}` } })] }),
    (text) => ({ sources: [source({ declaredAcks: [`{{${text}`] })] }),
    (text) => ({ sources: [source({ acknowledgementRequests: { filter: text } })] }),
    (text) => ({ targets: [target({ address: text })] }),
    (text) => ({ targets: [target({ topics: [`_/_/things/twin/events?extraFields=${text}`] })] }),
    (text) => ({ targets: [target({ topics: [`_/_/things/twin/events?filter=${text}`] })] }),
  ]
  for (const piece of repeated) {
    const text = piece.repeat(HUGE / piece.length)
    for (const [index, put] of puts.entries()) {
      const start = performance.now()
      check(body('mqtt', put(text)))
      check(body('amqp-091', put(text)))
      const took = performance.now() - start
      assert.ok(took < HUGE_LIMIT_MS, `${piece} in ${index} took ${took} ms`)
    }
  }
}, 60_000)
