/**
 * Responses that leave through another connection than the one that took the request (Ditto
 * documentation, "Response diversion"): what a source diverts, and which target of the other connection
 * takes it. Knows no way between the two.
 */
import {
  DIVERT_TO,
  DIVERTED_FROM,
  DIVERTED_TYPES,
  diversionSettings,
  listOf,
} from '../connection/diversion.ts'
import type { Connection, ResponseType } from '../connection/types.ts'
import type { DittoHeaders } from '../protocol/adaptable.ts'
import { type DittoError, dittoError } from '../protocol/errors.ts'
import type { Signal } from '../protocol/signal.ts'

/** Which source took the request; never leaves Sluice. */
const REPLY_TARGET = 'ditto-reply-target'

const DEFAULT_TYPES: readonly string[] = ['response', 'error'] satisfies ResponseType[]

/** Where a response goes instead. */
export interface Diversion {
  /** Id of the other connection. */
  readonly to: string
  readonly types: readonly string[]
  /** The response is sent to the reply target, too. */
  readonly isCopy: boolean
  /** Index of the source that took the request. */
  readonly source: number
}

/** What a source diverts. */
export class DiversionSource {
  readonly #connectionId: string
  readonly #source: number
  readonly #isCopy: boolean

  /** `source`: its index. */
  constructor(connection: Connection, source: number) {
    this.#connectionId = connection.id
    this.#source = source
    this.#isCopy = diversionSettings(connection).keepsReplies
  }

  /** Undefined: the response takes the normal way. `headers`: those of the request. */
  of(headers: DittoHeaders): Diversion | undefined {
    const to = textOf(headers[DIVERT_TO])
    if (to === '' || to === this.#connectionId || DIVERTED_FROM in headers) return undefined
    const listed = listOf(textOf(headers[DIVERTED_TYPES]))
    const types = listed.length === 0 ? DEFAULT_TYPES : listed
    return { to, types, isCopy: this.#isCopy, source: this.#source }
  }
}

/** The sources of a connection divert only when it says so. */
export function diversionSource(
  connection: Connection,
  source: number,
): DiversionSource | undefined {
  const { isSource } = diversionSettings(connection)
  return isSource ? new DiversionSource(connection, source) : undefined
}

/** The response as the other connection gets it. */
export function diverted(signal: Signal, { source }: Diversion): Signal {
  const { adaptable, origin } = signal
  const headers = { ...adaptable.headers, [DIVERTED_FROM]: origin, [REPLY_TARGET]: source }
  return { ...signal, adaptable: { ...adaptable, headers } }
}

/** What a connection takes of the responses of others. */
export class DiversionTarget<T> {
  readonly #authorized: ReadonlySet<string>
  readonly #targets: readonly T[]

  constructor(connection: Connection, targets: readonly T[]) {
    this.#authorized = new Set(diversionSettings(connection).authorizedSources)
    this.#targets = targets
  }

  /** The target that a diverted response is for: the only one, or that with the number of its source. */
  targetFor({ adaptable }: Signal): T | DittoError {
    const from = textOf(adaptable.headers[DIVERTED_FROM])
    if (!this.#authorized.has(from)) return notAuthorized(from)
    const index = this.#targets.length === 1 ? 0 : Number(adaptable.headers[REPLY_TARGET])
    return this.#targets[index] ?? noTarget(from, index)
  }
}

/** Nobody takes the response. */
export function nobodyTakes(to: string): DittoError {
  return dittoError(
    400,
    'connectivity:message.sending.failed',
    `The response was dropped: connection ${to} takes no diverted responses.`,
    `Open connection ${to}, and set 'is-diversion-target' to 'true' in its specificConfig.`,
  )
}

function notAuthorized(from: string): DittoError {
  return dittoError(
    403,
    'connectivity:message.sending.failed',
    `The diverted response was dropped: connection ${from} is not authorized to divert to this one.`,
    `Add ${from} to 'authorized-connections-as-sources' in the specificConfig.`,
  )
}

function noTarget(from: string, index: number): DittoError {
  return dittoError(
    400,
    'connectivity:message.sending.failed',
    `The diverted response was dropped: there is no target for source ${index} of ${from}.`,
    'Define one target for all responses, or one for each source of the other connection.',
  )
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.trim() : ''
}
