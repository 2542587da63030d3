/**
 * The topics a target subscribes to (Ditto documentation, "Target topics and filtering"):
 * `_/_/things/twin/events?namespaces=a,b&filter=..&extraFields=..`. Whether a filter or a selector
 * makes sense is checked elsewhere; this file knows only the text around them.
 */
import { nearestHint } from '../json/nearest.ts'
import { topicInvalid } from '../protocol/connectivity-errors.ts'
import { fail } from './errors.ts'

/** What a target can subscribe to. */
export type StreamingType =
  | 'twin-events'
  | 'live-events'
  | 'live-commands'
  | 'live-messages'
  | 'policy-announcements'
  | 'connection-announcements'

/** A parsed topic of a target. */
export interface TargetTopic {
  readonly type: StreamingType
  /** Exact namespaces; empty: all. */
  readonly namespaces: readonly string[]
  /** RQL. */
  readonly filter?: string
  /** A field selector, possibly with placeholders. */
  readonly extraFields?: string
  /** Normalised: arguments in fixed order, only what parsing would change is encoded. */
  readonly text: string
}

/** Each topic's name with what it subscribes to. */
export const TOPIC_TYPES: Readonly<Record<string, StreamingType>> = {
  '_/_/things/twin/events': 'twin-events',
  '_/_/things/live/messages': 'live-messages',
  '_/_/things/live/events': 'live-events',
  '_/_/things/live/commands': 'live-commands',
  '_/_/policies/announcements': 'policy-announcements',
  '_/_/connections/announcements': 'connection-announcements',
}

const ARGUMENTS = ['namespaces', 'filter', 'extraFields'] as const

type Argument = (typeof ARGUMENTS)[number]

/** As in Ditto, an argument that a kind of signal cannot use is dropped. */
const USABLE: Readonly<Record<StreamingType, readonly Argument[]>> = {
  'twin-events': ARGUMENTS,
  'live-events': ARGUMENTS,
  'live-commands': ARGUMENTS,
  'live-messages': ARGUMENTS,
  'policy-announcements': ['namespaces'],
  'connection-announcements': [],
}

/**
 * Parses a topic as written by the user or as normalised before; parsing its own `text` gives the
 * same topic again. Throws 400 `connectivity:topic.invalid`. As in Ditto, arguments that do not exist
 * are ignored; unlike there, those that look like a misspelt one, or have no `=`, are refused: without
 * its `filter` a target would let everything through.
 */
export function parseTargetTopic(text: string): TargetTopic {
  const mark = text.indexOf('?')
  const name = mark < 0 ? text : text.slice(0, mark)
  const type = Object.hasOwn(TOPIC_TYPES, name) ? TOPIC_TYPES[name] : undefined
  if (type === undefined) fail(topicInvalid(text, unknownTopic(name)))
  const given = mark < 0 ? new Map<Argument, string>() : parseArguments(text, mark + 1)
  const usableValue = (argument: Argument) =>
    USABLE[type].includes(argument) ? given.get(argument) || undefined : undefined
  const namespaces = (usableValue('namespaces') ?? '')
    .split(',')
    .filter((namespace) => namespace !== '')
  const filter = usableValue('filter')
  const extraFields = usableValue('extraFields')
  const query = [
    ...(namespaces.length > 0 ? [`namespaces=${encodeValue(namespaces.join(','))}`] : []),
    ...(filter === undefined ? [] : [`filter=${encodeValue(filter)}`]),
    ...(extraFields === undefined ? [] : [`extraFields=${encodeValue(extraFields)}`]),
  ]
  return {
    type,
    namespaces,
    ...(filter !== undefined && { filter }),
    ...(extraFields !== undefined && { extraFields }),
    text: query.length === 0 ? name : `${name}?${query.join('&')}`,
  }
}

function parseArguments(text: string, start: number): Map<Argument, string> {
  const given = new Map<Argument, string>()
  for (const part of text.slice(start).split('&')) {
    if (part === '') continue
    const equals = part.indexOf('=')
    if (equals < 0) {
      fail(topicInvalid(text, `Argument without a value: ${part} (inside a value write & as %26)`))
    }
    const name = decodeValue(text, part.slice(0, equals))
    const argument = ARGUMENTS.find((known) => known === name)
    if (argument === undefined) {
      const nearest = nearestHint(name, ARGUMENTS)
      if (nearest === '') continue
      fail(topicInvalid(text, `Unknown argument: ${name}. ${nearest}`))
    }
    if (given.has(argument)) fail(topicInvalid(text, `Duplicate argument: ${name}`))
    given.set(argument, decodeValue(text, part.slice(equals + 1)))
  }
  return given
}

function unknownTopic(name: string): string {
  const nearest = nearestHint(name, Object.keys(TOPIC_TYPES))
  return `Unknown topic: ${name}${nearest === '' ? '' : `. ${nearest}`}`
}

/** Form encoding, as Ditto decodes it: `+` is a space. */
function decodeValue(topic: string, value: string): string {
  try {
    return decodeURIComponent(value.replaceAll('+', ' '))
  } catch {
    return fail(topicInvalid(topic, `Not URL-encoded: ${value} (write % as %25)`))
  }
}

/** Encodes what would not survive being parsed again, and nothing else. */
function encodeValue(value: string): string {
  return value.replace(/[%&+]/g, encodeURIComponent)
}
