/**
 * Placeholders (Ditto documentation, "Placeholders"): which prefixes and names there are, and where
 * in a message each one looks. Knows nothing of functions, templates and braces.
 */
import { getAt, parsePointer } from '../json/pointer.ts'
import type { JsonValue } from '../json/types.ts'
import type { Adaptable } from '../protocol/adaptable.ts'
import { entityIdOf } from '../protocol/entity-id.ts'
import type { Group, TopicPath } from '../protocol/topic-path.ts'
import type { ExpressionContext } from './context.ts'
import { featureIdsOf } from './feature-ids.ts'
import { parseTime, timeText } from './time.ts'
import { UNRESOLVED, type Values, valuesOf } from './values.ts'

export type PlaceholderPrefix =
  | 'header'
  | 'entity'
  | 'thing'
  | 'policy'
  | 'thing-json'
  | 'feature'
  | 'topic'
  | 'resource'
  | 'time'
  | 'request'
  | 'connection'
  | 'source'

/** Addresses, header mappings, extra fields and mapper conditions. */
export const ALL_PLACEHOLDERS: ReadonlySet<PlaceholderPrefix> = new Set<PlaceholderPrefix>([
  'header',
  'entity',
  'thing',
  'thing-json',
  'feature',
  'topic',
  'resource',
  'time',
  'request',
  'connection',
])

/** Authorization contexts. */
export const HEADER_ONLY: ReadonlySet<PlaceholderPrefix> = new Set<PlaceholderPrefix>(['header'])

/** Filters of an enforcement. */
export const ENFORCEMENT_FILTER: ReadonlySet<PlaceholderPrefix> = new Set<PlaceholderPrefix>([
  'entity',
  'thing',
  'policy',
  'feature',
])

/** Enforcement inputs of MQTT 3 sources, whose messages have no headers of their own. */
export const SOURCE_ADDRESS: ReadonlySet<PlaceholderPrefix> = new Set<PlaceholderPrefix>(['source'])

/** Enforcement inputs, where the validation of a protocol's sources allows no more than it has. */
export const ENFORCEMENT_INPUT: ReadonlySet<PlaceholderPrefix> = new Set<PlaceholderPrefix>([
  'header',
  'source',
])

/** Acknowledgement labels and group ids. */
export const CONNECTION_ONLY: ReadonlySet<PlaceholderPrefix> = new Set<PlaceholderPrefix>([
  'connection',
])

/** Where values come from. */
export interface Source {
  /** False when it never has more than one value and is never deleted. */
  readonly multiple: boolean
  /** Whether it may be deleted. */
  readonly deletes: boolean
  /** The first value; undefined when there is none. */
  first(context: ExpressionContext): string | undefined
  all(context: ExpressionContext): Values
}

/**
 * What a placeholder stands for; undefined when the prefix has no such name, or is none. Which
 * prefixes may be used in a place is for the caller to check.
 */
export function compilePlaceholder(prefix: string, name: string): Source | undefined {
  const compile = COMPILERS.get(prefix)
  return compile?.(name)
}

/** A source of exactly one value, whatever the message. */
export function constantSource(value: string): Source {
  const values: Values = Object.freeze([value])
  return { multiple: false, deletes: false, first: () => value, all: () => values }
}

/** A source that never has a value. */
export const NO_SOURCE: Source = {
  multiple: false,
  deletes: false,
  first: () => undefined,
  all: () => UNRESOLVED,
}

/** A JSON value as placeholders show it: text as it is, everything else as JSON. */
export function jsonText(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

type Compiler = (name: string) => Source | undefined
type Read = (context: ExpressionContext) => string | undefined

const COMPILERS: ReadonlyMap<string, Compiler> = new Map<PlaceholderPrefix, Compiler>([
  ['header', compileHeader],
  ['entity', (name) => compileEntity(name, undefined)],
  ['thing', (name) => compileEntity(name, 'things')],
  ['policy', (name) => compileEntity(name, 'policies')],
  ['thing-json', compileThingJson],
  ['feature', (name) => (name === 'id' ? FEATURE_ID : undefined)],
  ['topic', compileTopic],
  ['resource', compileResource],
  ['time', compileTime],
  ['request', (name) => (name === 'subjectId' ? SUBJECT_ID : undefined)],
  ['connection', (name) => (name === 'id' ? single((context) => context.connectionId) : undefined)],
  [
    'source',
    (name) => (name === 'address' ? single((context) => context.sourceAddress) : undefined),
  ],
])

function single(first: Read): Source {
  const all = (context: ExpressionContext): Values => {
    const value = first(context)
    return value === undefined ? UNRESOLVED : [value]
  }
  return { multiple: false, deletes: false, first, all }
}

function multiple(first: Read, all: (context: ExpressionContext) => Values): Source {
  return { multiple: true, deletes: false, first, all }
}

const FEATURE_ID = multiple(
  ({ adaptable }) => (adaptable === undefined ? undefined : featureIdsOf(adaptable)[0]),
  ({ adaptable }) => (adaptable === undefined ? UNRESOLVED : valuesOf(featureIdsOf(adaptable))),
)

const SUBJECT_ID = multiple(
  ({ subjects }) => subjects?.[0],
  ({ subjects }) => valuesOf(subjects ?? UNRESOLVED),
)

function compileHeader(name: string): Source {
  const lowerCaseName = name.toLowerCase()
  return single((context) => {
    const value = headerValue(context.headers, name, lowerCaseName)
    return value === undefined || value === null ? undefined : jsonText(value)
  })
}

function headerValue(
  headers: Readonly<Record<string, JsonValue>>,
  name: string,
  lowerCaseName: string,
): JsonValue | undefined {
  if (Object.hasOwn(headers, name)) return headers[name]
  if (Object.hasOwn(headers, lowerCaseName)) return headers[lowerCaseName]
  for (const key in headers) {
    if (key.length === name.length && key.toLowerCase() === lowerCaseName) return headers[key]
  }
  return undefined
}

/** Connections are no entities in this sense; a group narrows it to things or policies. */
function compileEntity(name: string, group: Group | undefined): Source | undefined {
  if (name !== 'id' && name !== 'namespace' && name !== 'name') return undefined
  return single(({ adaptable }) => {
    const topic = adaptable?.topic
    if (topic === undefined || topic.group === 'connections') return undefined
    if (group !== undefined && topic.group !== group) return undefined
    if (name === 'id') return entityIdOf(topic) || undefined
    return namesNothing(topic) ? undefined : topic[name]
  })
}

/** Looks twice before it makes an id, which every message would pay for. */
function namesNothing(topic: TopicPath): boolean {
  const { namespace, name } = topic
  const isSuspicious = namespace === '_' || name === '_' || name === 'unknown'
  return isSuspicious && entityIdOf(topic) === ''
}

const NOT_IN_THING_JSON: ReadonlySet<string> = new Set(['id', 'name', 'namespace'])

function compileThingJson(name: string): Source | undefined {
  if (NOT_IN_THING_JSON.has(name)) return undefined
  const pointer = parsePointer(name.trim())
  return multiple(
    ({ thing }) => {
      const value = getAt(thing, pointer)
      const first = Array.isArray(value) ? value[0] : value
      return first === undefined ? undefined : jsonText(first)
    },
    ({ thing }) => {
      const value = getAt(thing, pointer)
      if (value === undefined) return UNRESOLVED
      return Array.isArray(value) ? valuesOf(value.map(jsonText)) : [jsonText(value)]
    },
  )
}

const TOPIC: ReadonlyMap<string, (topic: TopicPath) => string | undefined> = new Map([
  ['full', (topic) => topic.full],
  ['namespace', (topic) => topic.namespace],
  ['entityName', (topic) => topic.name],
  ['group', (topic) => topic.group],
  ['channel', (topic) => topic.channel],
  ['criterion', (topic) => topic.criterion],
  ['action', (topic) => topic.action],
  ['subject', (topic) => topic.subject],
  ['action-subject', (topic) => topic.subject ?? topic.action],
] satisfies [string, (topic: TopicPath) => string | undefined][])

function compileTopic(name: string): Source | undefined {
  const read = TOPIC.get(name)
  if (read === undefined) return undefined
  return single(({ adaptable }) => (adaptable === undefined ? undefined : read(adaptable.topic)))
}

function compileResource(name: string): Source | undefined {
  if (name === 'path') return single(({ adaptable }) => adaptable?.path)
  if (name !== 'type') return undefined
  return single(({ adaptable }) => (adaptable === undefined ? undefined : resourceType(adaptable)))
}

function resourceType({ topic }: Adaptable): string {
  switch (topic.criterion) {
    case 'messages':
      return 'message'
    case 'acks':
      return topic.subject === undefined ? 'acknowledgements' : 'acknowledgement'
    case 'search':
      return 'thing-search'
    case 'streaming':
      return 'streaming.subscription'
    default:
      return RESOURCE_OF_GROUP[topic.group]
  }
}

const RESOURCE_OF_GROUP: Readonly<Record<Group, string>> = {
  things: 'thing',
  policies: 'policy',
  connections: 'connectivity',
}

function compileTime(name: string): Source | undefined {
  const time = parseTime(name)
  return time === undefined ? undefined : single((context) => timeText(time, context.now()))
}
