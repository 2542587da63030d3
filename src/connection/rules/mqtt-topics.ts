/**
 * Names and filters of MQTT topics (MQTT 3.1.1, section 4.7; MQTT 5, section 4.8.2 for shared
 * subscriptions): whether a text is one. Pure; for the rules and for transports.
 */

/** UTF-8 encoded strings carry their length in two bytes (MQTT 3.1.1, section 1.5.3). */
const MAX_TOPIC_BYTES = 65_535

/** Why the text is no topic that can be published to; undefined when it is one. */
export function mqttTopicError(topic: string): string | undefined {
  const wildcard = /[+#]/.exec(topic)
  if (wildcard !== null) return `must not contain the wildcard '${wildcard[0]}'.`
  return textError(topic)
}

/** Why the text is no topic filter that can be subscribed to; undefined when it is one. */
export function mqttTopicFilterError(filter: string): string | undefined {
  return (
    textError(filter) ?? (filter.startsWith('$share/') ? sharedError(filter) : levelsError(filter))
  )
}

/** Whether a filter is a shared subscription: `$share/{group}/{filter}`. */
export function isSharedFilter(filter: string): boolean {
  return filter.startsWith('$share/')
}

function textError(text: string): string | undefined {
  if (text === '') return 'must not be empty.'
  if (text.includes('\0')) return 'must not contain the null character.'
  if (!text.isWellFormed()) return 'must be well-formed Unicode.'
  const bytes = Buffer.byteLength(text)
  return bytes > MAX_TOPIC_BYTES ? `must not be longer than ${MAX_TOPIC_BYTES} bytes.` : undefined
}

function sharedError(filter: string): string | undefined {
  const [, group = '', ...rest] = filter.split('/')
  if (group === '') return 'a shared subscription needs a group: $share/{group}/{filter}.'
  if (/[+#]/.test(group)) return 'the group of a shared subscription must not contain wildcards.'
  const inner = rest.join('/')
  if (inner === '') return 'a shared subscription needs a filter: $share/{group}/{filter}.'
  return levelsError(inner)
}

function levelsError(filter: string): string | undefined {
  const levels = filter.split('/')
  for (const [index, level] of levels.entries()) {
    if (level.includes('#') && (level !== '#' || index < levels.length - 1)) {
      return "the wildcard '#' must be the whole of the last level."
    }
    if (level.includes('+') && level !== '+') return "the wildcard '+' must be a whole level."
  }
  return undefined
}
