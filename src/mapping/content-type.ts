/** How Ditto reads payloads by their content type (its class `ContentType`). */

const TEXT = /^(?:text\/.*|application\/(?:(?:vnd\.)?.+\+)?(?:javascript|ecmascript))$/
const JSON_TYPE = /^application\/(?:(?:vnd\.)?.+\+)?json$/

/** A JSON merge patch counts as neither. */
const MERGE_PATCH = 'application/merge-patch+json'

/** Whether a payload of this content type is text, JSON, or bytes. */
export function formOf(contentType: string): 'text' | 'json' | 'bytes' {
  const mediaType = mediaTypeOf(contentType)
  if (TEXT.test(mediaType)) return 'text'
  return JSON_TYPE.test(mediaType) && mediaType !== MERGE_PATCH ? 'json' : 'bytes'
}

/** In lower case, without parameters. */
export function mediaTypeOf(contentType: string): string {
  return contentType.toLowerCase().split(';', 1)[0]!
}
