/**
 * Takes secrets out of texts before anyone sees them: the only formatter for what could carry
 * secrets into logs. Knows no connection; whoever has secrets hands them in.
 */

/** What stands in a text where a secret was. */
export const MASK = '*****'

/**
 * A secret shorter than this is not searched for: taking every `a` out of a log would destroy it
 * and tell the secret besides.
 */
const SECRET_CHARS_MIN = 4

/**
 * Password in the authority of a URI: after the first colon, up to the last `@` before the path.
 */
const URI_PASSWORD = /(?<=:\/\/)([^\s/?#"'<>@:]*):[^\s/?#"'<>]*@/g

/** Gives a text without secrets. */
export type Redactor = (text: string) => string

/**
 * A redactor for passwords in URIs and for these secrets wherever they stand: as they are, URI
 * encoded or decoded, and escaped in JSON.
 */
export function createRedactor(secrets: readonly string[]): Redactor {
  const hidden = [...new Set(secrets.flatMap(spellings))]
    .filter((secret) => secret.length >= SECRET_CHARS_MIN && secret !== MASK)
    // The longest first: a secret may be part of another.
    .sort((a, b) => b.length - a.length)
  return (text) => {
    let redacted = text
    for (const secret of hidden) redacted = redacted.replaceAll(secret, MASK)
    return redacted.replace(URI_PASSWORD, `$1:${MASK}@`)
  }
}

function spellings(secret: string): readonly string[] {
  return [secret, encodeUri(secret), decodeUri(secret), JSON.stringify(secret).slice(1, -1)]
}

function encodeUri(text: string): string {
  try {
    return encodeURIComponent(text)
  } catch {
    // A lone surrogate has no URI encoding, so it stands in no URI.
    return text
  }
}

function decodeUri(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // Not URI encoded.
    return text
  }
}
