/**
 * The Ditto Protocol message (Ditto documentation, "Ditto Protocol specification"): its parsed form
 * and what Sluice knows about it beside its text.
 */
import type { JsonObject, JsonValue } from '../json/types.ts'
import type { TopicPath } from './topic-path.ts'

/** Headers of the Ditto Protocol: names in lower case, values typed as in JSON. */
export type DittoHeaders = Record<string, JsonValue>

/** A parsed Ditto Protocol envelope. `status` present means response. */
export interface Adaptable {
  readonly topic: TopicPath
  readonly headers: DittoHeaders
  /** JSON pointer, `/` for the root. */
  readonly path: string
  readonly value?: JsonValue
  readonly extra?: JsonObject
  readonly status?: number
  readonly revision?: number
  /** ISO-8601 instant. */
  readonly timestamp?: string
  readonly metadata?: JsonObject
  /** Field selector of a retrieve command. */
  readonly fields?: string
}
