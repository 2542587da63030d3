/** Base64 (RFC 4648, section 4) as Ditto reads it: padding may be missing, nothing else may be wrong. */

const SHAPE = /^[A-Za-z0-9+/]*={0,2}$/
/** Characters that stand for three bytes. */
const UNIT = 4

/** The bytes that the text stands for; undefined for what is no Base64. */
export function bytesOfBase64(text: string): Buffer | undefined {
  if (!SHAPE.test(text)) return undefined
  const rest = text.length % UNIT
  const isWhole = text.endsWith('=') ? rest === 0 : rest !== 1
  return isWhole ? Buffer.from(text, 'base64') : undefined
}
