/** What a broker delivered or is about to receive. Knows no protocol and no mapper. */

/**
 * An external message (Ditto's term). `headers` carry the names the binding documents
 * (`mqtt.topic`, `content-type`, …) and string values; `payload` is text or bytes as the binding or
 * mapper made it, undefined when there is none.
 */
export interface ExternalMessage {
  readonly headers: Readonly<Record<string, string>>
  readonly payload: string | Uint8Array | undefined
  /** The authorization subjects of its source, where a mapper wants them. */
  readonly subjects?: readonly string[]
  /** True: the sender says that the payload is bytes, and no text. */
  readonly binary?: boolean
}

const utf8 = new TextDecoder()
const CHARSET = /;\s*charset\s*=\s*"?([^\s;"]+)/i

/**
 * The payload as text; bytes are read in the charset of the content type, which is UTF-8 unless it names
 * a known one; invalid sequences become U+FFFD.
 */
export function payloadText({ payload, headers }: ExternalMessage): string | undefined {
  if (payload === undefined || typeof payload === 'string') return payload
  const charset = CHARSET.exec(headers['content-type'] ?? '')?.[1]
  if (charset !== undefined) return decode(payload, charset)
  // Buffer#utf8Slice is several times faster than TextDecoder for the short payloads of devices.
  return Buffer.isBuffer(payload) ? payload.toString('utf8') : utf8.decode(payload)
}

function decode(payload: Uint8Array, charset: string): string {
  try {
    return new TextDecoder(charset).decode(payload)
  } catch {
    return utf8.decode(payload)
  }
}

/** The payload as bytes; text is written as UTF-8. */
export function payloadBytes(message: ExternalMessage): Uint8Array | undefined {
  const { payload } = message
  return typeof payload === 'string' ? Buffer.from(payload, 'utf8') : payload
}
