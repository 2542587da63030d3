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
  /** RQL; an empty one is none that RQL knows, and is left for its parser to refuse. */
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
 * or have no `=` are ignored; unlike there, those are refused that look like a misspelt one, or like
 * the rest of the value before them: without its whole `filter` a target would let too much through.
 */
export function parseTargetTopic(text: string): TargetTopic {
  const mark = text.indexOf('?')
  const name = mark < 0 ? text : text.slice(0, mark)
  const type = Object.hasOwn(TOPIC_TYPES, name) ? TOPIC_TYPES[name] : undefined
  if (type === undefined) fail(topicInvalid(text, unknownTopic(name)))
  const given = mark < 0 ? new Map<Argument, string>() : parseArguments(text, mark + 1)
  const usableValue = (argument: Argument) =>
    USABLE[type].includes(argument) ? given.get(argument) : undefined
  const namespaces = (usableValue('namespaces') ?? '')
    .split(',')
    .filter((namespace) => namespace !== '')
  const filter = usableValue('filter')
  const extraFields = usableValue('extraFields') || undefined
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
    const equals = part.indexOf('=')
    const name = equals < 0 ? part : decodeValue(text, part.slice(0, equals))
    const argument = ARGUMENTS.find((known) => known === name)
    if (equals < 0 && part !== '' && (given.size > 0 || argument !== undefined)) {
      fail(topicInvalid(text, `Argument without a value: ${part} (inside a value write & as %26)`))
    }
    if (argument === undefined) {
      const nearest = nearestHint(name, ARGUMENTS)
      if (nearest !== '') fail(topicInvalid(text, `Unknown argument: ${name}. ${nearest}`))
      continue
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
