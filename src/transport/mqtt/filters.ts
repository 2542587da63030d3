/**
 * Which configured source address a received message belongs to: the first whose topic filter matches
 * (MQTT 3.1.1, section 4.7). Whether a filter is well-formed was checked before.
 */
import type { Source } from '../../connection/types.ts'

/** A source address that a topic matched. */
export interface SourceMatch {
  readonly source: number
  readonly sourceAddress: string
}

interface CompiledFilter extends SourceMatch {
  readonly matches: (topic: string) => boolean
}

/** Finds the first source address, in configured order, that matches a topic. */
export type SourceMatcher = (topic: string) => SourceMatch | undefined

/** Compiles the addresses of all sources. */
export function compileSources(sources: readonly Source[]): SourceMatcher {
  const filters: CompiledFilter[] = sources.flatMap(({ addresses }, source) =>
    addresses.map((sourceAddress) => ({
      source,
      sourceAddress,
      matches: compileFilter(withoutShare(sourceAddress)),
    })),
  )
  return (topic) => {
    for (const filter of filters) {
      if (filter.matches(topic)) return filter
    }
    return undefined
  }
}

/** The filter inside a shared subscription `$share/{group}/{filter}`; other filters as they are. */
export function withoutShare(filter: string): string {
  return filter.replace(/^\$share\/[^/]+\//, '')
}

/** Compiles one filter without `$share`. */
export function compileFilter(filter: string): (topic: string) => boolean {
  if (!/[+#]/.test(filter)) return (topic) => topic === filter
  // Wildcards at the first level do not match topics that begin with $ [MQTT-4.7.2-1].
  const startsWild = filter.startsWith('+') || filter.startsWith('#')
  const levels = filter.split('/')
  return (topic) => {
    if (startsWild && topic.charCodeAt(0) === DOLLAR) return false
    return matchLevels(levels, topic)
  }
}

const DOLLAR = 0x24

function matchLevels(levels: readonly string[], topic: string): boolean {
  let start = 0
  for (let index = 0; index < levels.length; index++) {
    const level = levels[index]!
    if (level === '#') return true
    // `a/#` matches `a` too [section 4.7.1.2]; otherwise the topic is too short.
    if (start > topic.length) return false
    const slash = topic.indexOf('/', start)
    const end = slash === -1 ? topic.length : slash
    if (level !== '+' && (end - start !== level.length || !topic.startsWith(level, start))) {
      return false
    }
    start = end + 1
  }
  return start > topic.length
}
