/**
 * Bodies of requests: media type, size, encoding, JSON; in this order, so that nothing is read that
 * will be refused anyway. Knows no resource.
 */
import type { Context } from 'hono'
import { parseJsonStrict } from '../json/guard.ts'
import type { JsonValue } from '../json/types.ts'
import { DittoException } from '../protocol/errors.ts'
import { jsonInvalid } from '../protocol/json-errors.ts'
import { mediaTypeUnsupported } from '../protocol/protocol-errors.ts'
import { requestIncomplete, requestTooLarge } from './errors.ts'

/** What a body without content type is taken for, and what every resource takes. */
const FALLBACK_TYPE = 'application/octet-stream'

/**
 * The JSON of the body. Throws 415 for another media type, 413 when it is larger than `maxBytes`
 * and 400 `json.invalid` when it is no JSON in UTF-8.
 */
export async function readJson(c: Context, maxBytes: number): Promise<JsonValue> {
  return parseJsonStrict(await readBodyText(c, 'application/json', maxBytes))
}

/** The text of a body of this media type. Throws as {@link readJson} does. */
export async function readBodyText(
  c: Context,
  mediaType: string,
  maxBytes: number,
): Promise<string> {
  checkMediaType(c.req.header('content-type'), [mediaType, FALLBACK_TYPE])
  return decode(await readBytes(c, maxBytes))
}

function checkMediaType(header: string | undefined, allowed: readonly string[]): void {
  const given = (header ?? FALLBACK_TYPE).split(';', 1)[0]!.trim()
  if (allowed.includes(given.toLowerCase())) return
  throw new DittoException(mediaTypeUnsupported(given, allowed))
}

async function readBytes(c: Context, maxBytes: number): Promise<Uint8Array> {
  if (Number(c.req.header('content-length') ?? 0) > maxBytes) throw tooLarge(c, maxBytes)
  const { body } = c.req.raw
  if (body === null) return new Uint8Array(0)
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  const reader = body.getReader()
  for (;;) {
    const { done, value } = await reader.read().catch((cause: unknown) => {
      throw new DittoException(requestIncomplete(), { cause })
    })
    if (done) return Buffer.concat(chunks, sizeBytes)
    sizeBytes += value.byteLength
    if (sizeBytes > maxBytes) throw tooLarge(c, maxBytes)
    chunks.push(value)
  }
}

function tooLarge(c: Context, maxBytes: number): DittoException {
  // The rest of the body is not waited for.
  c.header('Connection', 'close')
  return new DittoException(requestTooLarge(maxBytes))
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new DittoException(jsonInvalid('The body is not encoded in UTF-8.'), { cause })
  }
}
