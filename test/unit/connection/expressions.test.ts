import * as assert from 'uvu/assert'
import type { ConnectionType } from '../../../src/connection/types.ts'
import type { JsonObject } from '../../../src/json/types.ts'
import type { DittoError } from '../../../src/protocol/errors.ts'
import { suite } from '../../support/suite.ts'
import { errorOf, source, target, validate } from './bodies.ts'

const it = suite('expressions in connections')

const TYPES = ['mqtt', 'mqtt-5', 'amqp-091', 'amqp-10'] as const
const CONFIGURATION = 'connectivity:connection.configuration.invalid'

/** One placeholder of every family. */
const FAMILIES = {
  header: 'header:device',
  entity: 'entity:id',
  thing: 'thing:namespace',
  policy: 'policy:name',
  'thing-json': 'thing-json:attributes/a',
  feature: 'feature:id',
  topic: 'topic:action-subject',
  resource: 'resource:path',
  time: 'time:now-1h[h]',
  request: 'request:subjectId',
  connection: 'connection:id',
  source: 'source:address',
} as const

type Family = keyof typeof FAMILIES

const NONE: readonly Family[] = []
const ALL: readonly Family[] = (Object.keys(FAMILIES) as Family[]).filter(
  (family) => family !== 'policy' && family !== 'source',
)

/** Where expressions stand. */
interface Place {
  readonly pointer: string
  /** The connection with an expression, which has no braces yet. */
  put(expression: string, type: ConnectionType, legacy?: boolean): JsonObject
  allowed(type: ConnectionType): readonly Family[]
  /** Of a placeholder in the wrong place. */
  readonly error: string
  /** Conditions and filters have no braces; what is literal knows no expressions. */
  readonly kind: 'template' | 'pipeline' | 'literal'
}

function isMqtt(type: ConnectionType): boolean {
  return type === 'mqtt' || type === 'mqtt-5'
}

/** MQTT 3.1.1 writes no other header. */
const HEADER = 'mqtt.topic'

/** The source with what its type needs; it answers nobody unless it says where. */
function sourceOf(type: ConnectionType, changes: JsonObject): JsonObject {
  const replyTarget = { enabled: false }
  return { sources: [source({ ...(isMqtt(type) && { qos: 1 }), replyTarget, ...changes })] }
}

function targetOf(type: ConnectionType, changes: JsonObject): JsonObject {
  return { targets: [target({ address: 'a/b', ...(isMqtt(type) && { qos: 1 }), ...changes })] }
}

function template(
  pointer: string,
  allowed: Place['allowed'],
  put: (text: string, type: ConnectionType) => JsonObject,
  error = CONFIGURATION,
): Place {
  return {
    pointer,
    allowed,
    error,
    kind: 'template',
    put: (text, type, legacy) => put(legacy ? `\u0024{${text}}` : `{{ ${text} }}`, type),
  }
}

function literal(pointer: string, put: Place['put']): Place {
  const braced: Place['put'] = (text, type, legacy) =>
    put(legacy ? `a/\u0024{ ${text} }` : `a/{{ ${text} }}`, type)
  return { pointer, allowed: () => NONE, error: CONFIGURATION, kind: 'literal', put: braced }
}

function pipeline(pointer: string, put: Place['put']): Place {
  return { pointer, allowed: () => ALL, error: CONFIGURATION, kind: 'pipeline', put }
}

const ESCAPED = 'mine~1x'

function definitionWith(kind: string, name: string, text: string): JsonObject {
  const definition = { mappingEngine: 'Ditto', options: {}, [kind]: { [name]: text } }
  return { mappingDefinitions: { mine: definition } }
}

const TWIN = '_/_/things/twin/events'

const places: readonly Place[] = [
  literal('/sources/0/addresses/1', (text, type) =>
    sourceOf(type, { addresses: ['in', text.replaceAll('+', '-')] }),
  ),
  literal('/targets/0/authorizationContext/1', (text, type) =>
    targetOf(type, { authorizationContext: ['a', text] }),
  ),
  template(
    '/sources/0/authorizationContext/1',
    () => ['header'],
    (text, type) => sourceOf(type, { authorizationContext: ['a', `b:${text}`] }),
  ),
  template(
    '/sources/0/headerMapping/mine~1x',
    (type) => (type === 'mqtt' ? NONE : ALL),
    (text, type) => sourceOf(type, { headerMapping: { 'mine/x': text } }),
  ),
  template(
    '/sources/0/enforcement/input',
    (type) =>
      type === 'mqtt' ? ['source'] : type === 'mqtt-5' ? ['header', 'source'] : ['header'],
    (text, type) => sourceOf(type, { enforcement: { input: text, filters: ['x'] } }),
  ),
  template(
    '/sources/0/enforcement/filters/1',
    (type) => ['entity', 'thing', 'policy', ...(isMqtt(type) ? NONE : (['feature'] as const))],
    (text, type) => sourceOf(type, { enforcement: { input: 'x', filters: ['x', `a/${text}`] } }),
  ),
  template(
    '/sources/0/replyTarget/address',
    () => ALL,
    (text, type) => sourceOf(type, { replyTarget: { address: `a/${text}` } }),
  ),
  template(
    `/sources/0/replyTarget/headerMapping/${HEADER}`,
    (type) => (type === 'mqtt' ? ['header'] : ALL),
    (text, type) =>
      sourceOf(type, { replyTarget: { address: 'a/b', headerMapping: { [HEADER]: text } } }),
  ),
  template(
    '/targets/0/address',
    () => ALL,
    (text, type) => targetOf(type, { address: `a/${text.replaceAll('+', '-')}` }),
  ),
  template(
    `/targets/0/headerMapping/${HEADER}`,
    (type) => (type === 'mqtt' ? ['header'] : ALL),
    (text, type) => targetOf(type, { headerMapping: { [HEADER]: `a ${text}` } }),
  ),
  template(
    '/targets/0/topics/1',
    () => ALL,
    (text, type) => {
      const extraFields = encodeURIComponent(`thingId,attributes/${text}`)
      return targetOf(type, { topics: [TWIN, `${TWIN}?extraFields=${extraFields}`] })
    },
    'placeholder:unresolved',
  ),
  pipeline('/sources/0/acknowledgementRequests/filter', (filter, type) =>
    sourceOf(type, { acknowledgementRequests: { includes: [], filter } }),
  ),
  ...['incomingConditions', 'outgoingConditions'].map((kind) =>
    pipeline(`/mappingDefinitions/mine/${kind}/${ESCAPED}`, (text, type) => ({
      ...targetOf(type, {}),
      ...definitionWith(kind, 'mine/x', text),
    })),
  ),
]

function assertTells(error: DittoError, pointer: string, words: string, given: string): void {
  const text = `${error.message} ${error.description}`
  assert.is(error.status, 400)
  assert.ok(text.includes(words), `${given}: no <${words}> in <${text}>`)
  assert.ok(error.description?.endsWith(`It stands at <${pointer}>.`), `${given}: ${text}`)
}

for (const type of TYPES) {
  for (const place of places) {
    const { pointer, kind } = place
    const allowed = place.allowed(type)
    // Pipelines have placeholders in the arguments of their functions only.
    const using = (placeholder: string): string =>
      kind === 'pipeline' ? `fn:filter(${placeholder},'ne','x')` : placeholder

    for (const [family, placeholder] of Object.entries(FAMILIES)) {
      const isAllowed = allowed.includes(family as Family)
      it(`${type}: ${isAllowed ? 'accepts' : 'refuses'} ${placeholder} at ${pointer}`, () => {
        const legacy = kind === 'template' || kind === 'literal' ? [false, true] : [false]
        for (const isLegacy of legacy) {
          const changes = place.put(using(placeholder), type, isLegacy)
          if (isAllowed) {
            validate(type, changes)
            continue
          }
          const error = errorOf(() => validate(type, changes))
          assert.is(error.error, place.error)
          assertTells(error, pointer, `'${placeholder}'`, placeholder)
        }
      })
    }

    if (kind === 'template') {
      it(`${type}: refuses ${pointer} as a function's argument, too`, () => {
        const wrong = Object.keys(FAMILIES).filter((family) => !allowed.includes(family as Family))
        const placeholder = FAMILIES[wrong[0] as Family]
        const changes = place.put(`fn:default('a') | fn:default(${placeholder})`, type)
        assertTells(
          errorOf(() => validate(type, changes)),
          pointer,
          `'${placeholder}'`,
          placeholder,
        )
      })
    }
  }
}

const LOWER = 'fn:lower()'

/** Mistakes in expressions, what Ditto calls them, and what of them an error repeats. */
const mistakes: readonly [expression: string, error: string, words: string][] = [
  ['device:id', 'placeholder:unresolved', "'device:id'"],
  ['thing:color', 'placeholder:unresolved', "'thing:color'"],
  ['time:tomorrow', 'placeholder:unresolved', "'time:tomorrow'"],
  ['thing-json:id', 'placeholder:unresolved', "'thing-json:id'"],
  ['thing', 'placeholder:unresolved', "'thing'"],
  ['', 'placeholder:unresolved', "''"],
  ['fn:lower() |', 'placeholder:unresolved', "'fn:lower() |'"],
  ["fn:default('a", 'placeholder:unresolved', "'fn:default('a'"],
  ['fn:nope()', 'placeholder:function.unknown', '<nope>'],
  ['fn:lower', 'placeholder:function.unknown', '<lower>'],
  ['fn:lower() | thing:id', 'placeholder:function.unknown', '<thing:id>'],
  ["fn:lower('a')", 'placeholder:function.signature.invalid', "<fn:lower('a')>"],
  ['fn:default()', 'placeholder:function.signature.invalid', '<fn:default()>'],
  ["fn:default('a','b')", 'placeholder:function.signature.invalid', "<fn:default('a','b')>"],
  ["fn:filter('a')", 'placeholder:function.signature.invalid', "<fn:filter('a')>"],
  [
    "fn:filter('a','eq','b','c')",
    'placeholder:function.signature.invalid',
    "<fn:filter('a','eq','b','c')>",
  ],
  ["fn:replace('a')", 'placeholder:function.signature.invalid', "<fn:replace('a')>"],
  ['fn:join(thing:id)', 'placeholder:function.signature.invalid', '<fn:join(thing:id)>'],
  ["fn:lower( | fn:default('a')", 'placeholder:function.signature.invalid', '<fn:lower(>'],
  [Array(12).fill(LOWER).join('|'), 'placeholder:function.too.complex', "'10'"],
]

for (const place of places.filter(({ kind }) => kind !== 'literal')) {
  const { pointer, kind } = place
  const keepsCode = place.error !== CONFIGURATION

  it(`refuses mistakes at ${pointer}`, () => {
    for (const [expression, error, words] of mistakes) {
      const changes = place.put(expression, 'amqp-10')
      const actual = errorOf(() => validate('amqp-10', changes))
      assert.is(actual.error, keepsCode ? error : CONFIGURATION, expression)
      assertTells(actual, pointer, words, expression)
    }
  })

  it(`accepts ten functions at ${pointer}, and one more only where the first stage is one`, () => {
    const calls = Array(10).fill(LOWER)
    validate('amqp-10', place.put(calls.join('|'), 'amqp-10'))
    const longer = place.put([...calls, LOWER].join('|'), 'amqp-10')
    if (kind === 'template') return validate('amqp-10', longer)
    assertTells(
      errorOf(() => validate('amqp-10', longer)),
      pointer,
      "'10'",
      'eleven',
    )
  })

  if (kind === 'pipeline') {
    it(`refuses a pipeline that begins with a placeholder at ${pointer}`, () => {
      for (const text of ['header:a', "header:a | fn:filter('eq','b')", '{{ fn:lower() }}']) {
        const error = errorOf(() => validate('amqp-10', place.put(text, 'amqp-10')))
        const words = text.startsWith('{{') ? "'{{ fn:lower() }}'" : '<header:a>'
        assertTells(error, pointer, words, text)
      }
    })
  } else {
    it(`refuses nested braces at ${pointer}`, () => {
      const changes = place.put('header:a {{ header:b', 'amqp-10')
      const error = errorOf(() => validate('amqp-10', changes))
      const code = 'placeholder:placeholder.notresolvable'
      assert.is(error.error, keepsCode ? code : CONFIGURATION)
      assertTells(error, pointer, '{{ header:a {{ header:b }}', 'nested')
    })
  }
}

/** Placeholders as properties of RQL, which has no braces. */
it('knows placeholders in filters of topics, and refuses others', () => {
  const known: readonly string[] = ['topic', 'entity', 'thing', 'feature', 'resource', 'time']
  for (const [family, placeholder] of Object.entries(FAMILIES)) {
    const filter = encodeURIComponent(`eq(${placeholder},'x')`)
    const changes = targetOf('amqp-10', { topics: [TWIN, `${TWIN}?filter=${filter}`] })
    if (known.includes(family)) {
      validate('amqp-10', changes)
      continue
    }
    const error = errorOf(() => validate('amqp-10', changes))
    assert.is(error.error, 'rql.expression.invalid')
    assertTells(error, '/targets/0/topics/1', placeholder, placeholder)
  }
})

it('takes what only looks like an expression as it is, where text is literal', () => {
  for (const address of ['a{b}', 'a}}b{{c', 'a{{b', '\u0024share/b', 'a\u0024b{c']) {
    validate('amqp-10', sourceOf('amqp-10', { addresses: [address] }))
    validate('amqp-10', targetOf('amqp-10', { authorizationContext: [address] }))
  }
})
