/** Topic paths of the Ditto Protocol (Ditto documentation, "Protocol specification – topic"). */

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
