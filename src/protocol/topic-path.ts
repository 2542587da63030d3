/**
 * Topic paths of the Ditto Protocol (Ditto documentation, "Protocol specification – topic"): their
 * parts, parsing, and the topics that follow from another one. Knows no payload path.
 *
 * ```
 * topic = namespace "/" name "/" group [ "/" channel ] "/" criterion [ "/" ( action / subject ) ]
 * ```
 * Only things have a channel. `_` stands for an unknown namespace or name.
 */
import { DittoException } from './errors.ts'
import { unknownTopicPath } from './protocol-errors.ts'

export type Group = 'things' | 'policies' | 'connections'
/** `none` for policies and connections, which have no channel segment. */
export type Channel = 'twin' | 'live' | 'none'
export type Criterion =
  | 'commands'
  | 'events'
  | 'search'
  | 'messages'
  | 'errors'
  | 'acks'
  | 'announcements'
  | 'streaming'

/** A parsed topic path. `full` is its text; the others are its parts. */
export interface TopicPath {
  readonly full: string
  readonly namespace: string
  readonly name: string
  readonly group: Group
  readonly channel: Channel
  readonly criterion: Criterion
  /** Of commands, events, search and streaming: `modify`, `created`, … */
  readonly action?: string
  /** Of messages, acknowledgements and announcements: the rest of the path, may contain `/`. */
  readonly subject?: string
}

/** The parts of a topic path, without its text. */
export type TopicParts = Omit<TopicPath, 'full'>

const GROUPS: ReadonlySet<string> = new Set<Group>(['things', 'policies', 'connections'])
const CHANNELS: ReadonlySet<string> = new Set<Channel>(['twin', 'live'])
const SIGNAL_ACTIONS: ReadonlySet<string> = new Set([
  'create',
  'retrieve',
  'modify',
  'merge',
  'delete',
  'migrate',
  'created',
  'modified',
  'merged',
  'migrated',
  'deleted',
  'checkPermissions',
])
const SEARCH_ACTIONS: ReadonlySet<string> = new Set([
  'subscribe',
  'cancel',
  'request',
  'complete',
  'created',
  'failed',
  'next',
  'error',
])
const STREAMING_ACTIONS: ReadonlySet<string> = new Set([
  'subscribeForPersistedEvents',
  'cancel',
  'request',
  'complete',
  'created',
  'failed',
  'next',
  'error',
])

/** What follows a criterion: actions out of a set, a free subject, or nothing. */
interface Tail {
  readonly actions?: ReadonlySet<string>
  /** How Ditto's error texts call such an action: `Search action`. */
  readonly actionName?: string
  readonly hasSubject?: boolean
}

const TAILS: ReadonlyMap<string, Tail> = new Map<Criterion, Tail>([
  ['commands', { actions: SIGNAL_ACTIONS, actionName: 'Action' }],
  ['events', { actions: SIGNAL_ACTIONS, actionName: 'Action' }],
  ['search', { actions: SEARCH_ACTIONS, actionName: 'Search action' }],
  ['streaming', { actions: STREAMING_ACTIONS, actionName: 'Streaming action' }],
  ['errors', {}],
  ['messages', { hasSubject: true }],
  ['acks', { hasSubject: true }],
  ['announcements', { hasSubject: true }],
])

/** Topics kept parsed, per thread: a device repeats its topics. About 3 MB when full. */
const MAX_CACHED_TOPICS = 10_000
/** Longer ones are parsed again each time, so that the cache stays small whatever arrives. */
const MAX_CACHED_TOPIC_CHARS = 256

const cache = new Map<string, TopicPath>()

/**
 * Parses a topic path; the result is shared and must not be changed. Throws 400
 * `protocoladapter:unknown.topicpath`, whose description names the missing or unknown part.
 */
export function parseTopicPath(text: string): TopicPath {
  const cached = cache.get(text)
  if (cached !== undefined) return cached
  const topic = parse(text)
  if (text.length <= MAX_CACHED_TOPIC_CHARS) {
    if (cache.size >= MAX_CACHED_TOPICS) cache.clear()
    cache.set(text, topic)
  }
  return topic
}

/** A topic path from its parts; fills in its text. The parts are trusted. */
export function buildTopicPath(parts: TopicParts): TopicPath {
  const { namespace, name, group, channel, criterion, action, subject } = parts
  const entity = `${namespace}/${name}/${group}`
  const start = channel === 'none' ? `${entity}/${criterion}` : `${entity}/${channel}/${criterion}`
  if (action !== undefined) {
    return { full: `${start}/${action}`, namespace, name, group, channel, criterion, action }
  }
  if (subject !== undefined) {
    return { full: `${start}/${subject}`, namespace, name, group, channel, criterion, subject }
  }
  return { full: start, namespace, name, group, channel, criterion }
}

/** The topic of the event with this action (`modified`, …) about the same entity and channel. */
export function eventTopic(topic: TopicPath, action: string): TopicPath {
  const { namespace, name, group, channel } = topic
  return buildTopicPath({ namespace, name, group, channel, criterion: 'events', action })
}

/** The topic of error responses about the same entity and channel. */
export function errorTopic(topic: TopicPath): TopicPath {
  const { namespace, name, group, channel } = topic
  return buildTopicPath({ namespace, name, group, channel, criterion: 'errors' })
}

/** The topic of an acknowledgement with this label, or of aggregated ones without. */
export function acknowledgementTopic(topic: TopicPath, label?: string): TopicPath {
  const { namespace, name, group, channel } = topic
  const parts: TopicParts = { namespace, name, group, channel, criterion: 'acks' }
  return buildTopicPath(label === undefined ? parts : { ...parts, subject: label })
}

function parse(text: string): TopicPath {
  // A slash in front means an empty namespace; one at the end means nothing.
  const end = text.length > 1 && text.endsWith('/') ? text.length - 1 : text.length
  const parts = text.slice(0, end).split('/')
  let next = 0
  const take = (part: string): string => {
    const value = parts[next]
    next += 1
    if (value === undefined || (value === '' && next > 1)) {
      throw topicError(text, `The topic path has no ${part} part.`)
    }
    return value
  }
  if (text === '' || text === '/') throw topicError(text, 'The topic path has no namespace part.')
  const namespace = take('namespace')
  const name = take('entity name')
  const group = known<Group>(text, GROUPS, take('group'), 'Group')
  const channel =
    group === 'things' ? known<Channel>(text, CHANNELS, take('channel'), 'Channel') : 'none'
  const criterion = known<Criterion>(text, TAILS, take('criterion'), 'Criterion')
  const tail = TAILS.get(criterion)!
  if (tail.actions !== undefined) {
    const actionName = tail.actionName!
    const part = actionName === 'Action' ? 'action' : 'search action'
    const action = known(text, tail.actions, take(part), actionName)
    return { full: text, namespace, name, group, channel, criterion, action }
  }
  const subject = tail.hasSubject ? parts.slice(next).join('/') : ''
  return subject === ''
    ? { full: text, namespace, name, group, channel, criterion }
    : { full: text, namespace, name, group, channel, criterion, subject }
}

function known<T extends string>(
  topic: string,
  names: { has(name: string): boolean },
  name: string,
  kind: string,
): T {
  if (!names.has(name)) throw topicError(topic, `${kind} name <${name}> is unknown.`)
  return name as T
}

function topicError(topic: string, description: string): DittoException {
  return new DittoException(unknownTopicPath(topic, description))
}
