/** What a connection says about diverted responses (Ditto documentation, "Response diversion"). */
import type { Connection } from './types.ts'

/** Header that names the connection which a response is diverted to. */
export const DIVERT_TO = 'divert-response-to-connection'
/** Header that lists the types of responses which are diverted; by default responses and errors. */
export const DIVERTED_TYPES = 'divert-expected-response-types'
/** Header of a diverted response: the connection that took the request. */
export const DIVERTED_FROM = 'diverted-response-from-connection'

/** From the specificConfig. */
export interface DiversionSettings {
  /** Responses may leave through another connection. */
  readonly isSource: boolean
  /** Those that do are sent to the reply target, too. */
  readonly keepsReplies: boolean
  /** Others may divert their responses to this connection … */
  readonly isTarget: boolean
  /** … but only these. */
  readonly authorizedSources: readonly string[]
}

/** Reads the settings; what is absent is false or empty. */
export function diversionSettings({ specificConfig }: Connection): DiversionSettings {
  return {
    isSource: isTrue(specificConfig['is-diversion-source']),
    keepsReplies: isTrue(specificConfig['preserve-normal-response-via-source']),
    isTarget: isTrue(specificConfig['is-diversion-target']),
    authorizedSources: listOf(specificConfig['authorized-connections-as-sources']),
  }
}

/** The items of a list with commas; empty ones are left out. */
export function listOf(text: string | undefined): readonly string[] {
  const items = text?.split(',').map((item) => item.trim()) ?? []
  return items.filter((item) => item !== '')
}

function isTrue(text: string | undefined): boolean {
  return text?.trim().toLowerCase() === 'true'
}
