/** What placeholders may look at. Made once per message, by whoever resolves. */
import type { JsonObject, JsonValue } from '../json/types.ts'
import type { Adaptable } from '../protocol/adaptable.ts'

/** Everything a placeholder can resolve from; what is absent is unresolved. */
export interface ExpressionContext {
  readonly connectionId: string
  /**
   * Inbound: external headers; outbound: Ditto headers of the signal. Looked up by exact name
   * first, then ignoring case.
   */
  readonly headers: Readonly<Record<string, JsonValue>>
  /** The signal, once there is one: source of entity, thing, policy, feature, topic, resource. */
  readonly adaptable?: Adaptable | undefined
  /** Subjects of the authorization context, for `request:subjectId`. */
  readonly subjects?: readonly string[] | undefined
  /** The actual address a message arrived on, for `source:address`. */
  readonly sourceAddress?: string | undefined
  /** The thing that `thing-json:` reads: event payload merged with extra fields. */
  readonly thing?: JsonObject | undefined
  /** Milliseconds since the epoch, for `time:`. */
  readonly now: () => number
}
