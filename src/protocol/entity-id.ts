/**
 * Ids of things and policies, `namespace:name` (Ditto documentation, "Namespaces and names"), and which
 * id a topic path is about.
 */
import { type DittoError, DittoException, dittoError } from './errors.ts'
import type { TopicPath } from './topic-path.ts'

/** Namespace and name together, with the colon. */
export const MAX_ENTITY_ID_CHARS = 256

/** Stands for an unknown namespace or name in a topic path. */
const ANY = '_'
/** Namespace and name in the topic path of errors about no known entity. */
const UNKNOWN = 'unknown'

const NAMESPACE = /^(?:[a-zA-Z]\w*(?:[.-][a-zA-Z]\w*)*)?$/

/**
 * The entity a topic path is about: `namespace:name`, for connections their id; the empty string when
 * it is about none or many (`_/_`, `unknown/unknown`).
 */
export function entityIdOf(topic: TopicPath): string {
  const { namespace, name } = topic
  if (name === ANY || (name === UNKNOWN && namespace === UNKNOWN)) return ''
  if (namespace === ANY) return topic.group === 'connections' ? name : ''
  return `${namespace}:${name}`
}

/** Whether the parts of a topic path or an id make a valid entity id. */
export function isValidEntity(namespace: string, name: string): boolean {
  return (
    namespace.length + name.length < MAX_ENTITY_ID_CHARS &&
    NAMESPACE.test(namespace) &&
    isValidName(name)
  )
}

/** Whether the text is a valid thing id. */
export function isValidThingId(text: string): boolean {
  const colon = text.indexOf(':')
  return colon !== -1 && isValidEntity(text.slice(0, colon), text.slice(colon + 1))
}

/** Splits a thing id at its first colon. Throws 400 `things:id.invalid`. */
export function parseThingId(text: string): { namespace: string; name: string } {
  if (!isValidThingId(text)) throw new DittoException(thingIdInvalid(text))
  return splitAtColon(text)
}

/** Splits a policy id at its first colon. Throws 400 `policies:id.invalid`. */
export function parsePolicyId(text: string): { namespace: string; name: string } {
  if (!isValidThingId(text)) throw new DittoException(policyIdInvalid(text))
  return splitAtColon(text)
}

/** 400 `things:id.invalid`. */
export function thingIdInvalid(id: string): DittoError {
  return dittoError(400, 'things:id.invalid', `Thing ID '${id}' is not valid!`, NOTATION)
}

/** 400 `policies:id.invalid`. */
export function policyIdInvalid(id: string): DittoError {
  return dittoError(400, 'policies:id.invalid', `Policy ID '${id}' is not valid!`, NOTATION)
}

const NOTATION = 'It must conform to the namespaced entity ID notation (see Ditto documentation)'

function splitAtColon(id: string): { namespace: string; name: string } {
  const colon = id.indexOf(':')
  return { namespace: id.slice(0, colon), name: id.slice(colon + 1) }
}

/** Not empty, no slash, none of the characters 00–1F and 7F–FF. */
function isValidName(name: string): boolean {
  for (let index = 0; index < name.length; index++) {
    const code = name.charCodeAt(index)
    if (code < 0x20 || code === 0x2f || (code >= 0x7f && code <= 0xff)) return false
  }
  return name.length > 0
}
