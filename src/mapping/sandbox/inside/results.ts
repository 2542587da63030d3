/**
 * Judges what mapping functions return and writes it as JSON text. Runs user code only by reading
 * properties, always within the driver's try. Sent into the isolate as text, see builtins.ts.
 */
import type { Builtins, DriverLimits } from './builtins.ts'

/** Writes what went wrong with a message as `{"e":text,"s":stack}`. */
export function makeComplaints(builtins: Builtins, limits: DriverLimits) {
  /** Thrown by identity, so that no script can imitate it. */
  const complaint = { text: '' }
  const complain = (text: string): never => {
    complaint.text = text
    throw complaint
  }
  const entry = (text: string, stack: string): string =>
    `{"e":${builtins.stringify(text)},"s":${builtins.stringify(stack)}}`
  return {
    complain,
    object(value: unknown, expected: string): Record<string, unknown> {
      if (typeof value !== 'object' || value === null) {
        const kind = value === null ? 'null' : typeof value
        return complain(`The script returned ${kind} where ${expected} was expected`)
      }
      if (typeof (value as { then?: unknown }).then === 'function') {
        return complain('The script returned a promise, mapping functions must return the result')
      }
      return value as Record<string, unknown>
    },
    size(size: number, unit: string): void {
      if (size > limits.resultCharsMax) {
        complain(`The script returned ${size} ${unit}, the limit is ${limits.resultCharsMax}`)
      }
    },
    failure(thrown: unknown): string {
      if (thrown === complaint) return entry(complaint.text, '')
      let text = 'The script threw something that cannot be shown'
      let stack = ''
      try {
        text = builtins.slice(builtins.text(thrown), 0, limits.errorCharsMax)
        const shown = (thrown as { stack?: unknown } | null | undefined)?.stack
        if (typeof shown === 'string') stack = builtins.slice(shown, 0, limits.errorCharsMax)
      } catch {
        // Whatever its own toString or stack does: the message has failed, and the text says so.
      }
      return entry(text, stack)
    },
  }
}

type Complaints = ReturnType<typeof makeComplaints>

/** Collects byte payloads of outgoing messages, for the host to fetch after the call. */
export function makeByteStore(builtins: Builtins) {
  let capacity = 256
  let bytes = new builtins.Uint8Array(capacity)
  let used = 0
  return {
    used: (): number => used,
    rollBack: (to: number): void => {
      used = to
    },
    append: (view: Uint8Array, length: number): void => {
      if (used + length > capacity) {
        capacity = (used + length) * 2
        const larger = new builtins.Uint8Array(capacity)
        for (let i = 0; i < used; i++) larger[i] = bytes[i] as number
        bytes = larger
      }
      for (let i = 0; i < length; i++) bytes[used + i] = view[i] as number
      used += length
    },
    take: (): Uint8Array => {
      const taken = new builtins.Uint8Array(used)
      for (let i = 0; i < used; i++) taken[i] = bytes[i] as number
      return taken
    },
  }
}

type ByteStore = ReturnType<typeof makeByteStore>

/** A length as it is said to be, by a proxy for instance, as the whole number that it has to be. */
export function count(length: unknown): number {
  return (length as number) >>> 0
}

/** Bytes of an ArrayBuffer, a view, an array of numbers or a ByteBuffer; else undefined. */
export function bytesOf(value: unknown, builtins: Builtins, check: Complaints) {
  if (typeof value !== 'object' || value === null) return undefined
  if (builtins.isView(value)) {
    const { buffer, byteOffset, byteLength } = value
    return new builtins.Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength)
  }
  if (builtins.isArray(value)) {
    const length = count(value.length)
    check.size(length, 'bytes')
    const view = new builtins.Uint8Array(length)
    for (let i = 0; i < length; i++) view[i] = value[i] as number
    return view
  }
  const byteBuffer = value as { toArrayBuffer?: () => unknown }
  const isByteBuffer = typeof byteBuffer.toArrayBuffer === 'function'
  const buffer = isByteBuffer ? byteBuffer.toArrayBuffer?.() : value
  try {
    builtins.byteLength(buffer)
  } catch {
    return undefined
  }
  return new builtins.Uint8Array(buffer as ArrayBuffer)
}

/**
 * Headers as the members of a JSON object, all values as text; `contentType` sets `content-type`.
 */
export function headersText(
  headers: unknown,
  contentType: unknown,
  builtins: Builtins,
  check: Complaints,
): string {
  let text = ''
  const names = typeof headers === 'object' && headers !== null ? builtins.keys(headers) : ''
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string
    const header = (headers as Record<string, unknown>)[name]
    const isObject = typeof header === 'object' && header !== null
    // What has no JSON text, such as a `toJSON` of undefined, is written as null, too.
    const json: string | undefined = isObject ? builtins.stringify(header) : undefined
    const value = json ?? builtins.text(isObject ? null : (header ?? null))
    if (name === 'content-type' && contentType !== undefined) continue
    text += `${text === '' ? '' : ','}${builtins.stringify(name)}:${builtins.stringify(value)}`
  }
  if (contentType === undefined) return text
  if (typeof contentType !== 'string') {
    const kind = contentType === null ? 'null' : typeof contentType
    return check.complain(`<contentType> must be a string or undefined but was ${kind}`)
  }
  return `${text}${text === '' ? '' : ','}"content-type":${builtins.stringify(contentType)}`
}

/**
 * Writes results as an entry of the report: `[result…]`, or `{"l":count}` when there are too
 * many.
 */
export function makeResults(
  builtins: Builtins,
  limits: DriverLimits,
  check: Complaints,
  store: ByteStore,
) {
  const protocolMessage = (value: unknown): string => {
    const message = check.object(value, 'a Ditto Protocol message, an array of them or null')
    const text: unknown = builtins.stringify(message)
    if (typeof text !== 'string' || text[0] !== '{') {
      return check.complain('The script returned something that is no JSON object')
    }
    check.size(text.length, 'characters')
    return text
  }
  const externalMessage = (value: unknown): string => {
    const message = check.object(value, 'an external message, an array of them or null')
    const headers = headersText(message.headers, message.contentType, builtins, check)
    check.size(headers.length, 'characters of headers')
    const view = bytesOf(message.bytePayload, builtins, check)
    if (view !== undefined) {
      const length = builtins.lengthOf(view)
      check.size(length, 'bytes')
      store.append(view, length)
      return `{"h":{${headers}},"b":${length}}`
    }
    const text = message.textPayload
    if (text === undefined || text === null) {
      return check.complain(
        'Neither <bytePayload> nor <textPayload> were defined in the outgoing script',
      )
    }
    if (typeof text !== 'string') {
      return check.complain(`<textPayload> must be a string but was ${typeof text}`)
    }
    check.size(text.length, 'characters')
    return `{"h":{${headers}},"t":${builtins.stringify(text)}}`
  }
  const entry = (result: unknown, one: (value: unknown) => string): string => {
    if (result === null) return '[]'
    if (!builtins.isArray(result)) return `[${one(result)}]`
    const length = count(result.length)
    if (length > limits.resultsMax) return `{"l":${length}}`
    let text = ''
    for (let i = 0; i < length; i++) text += (i === 0 ? '' : ',') + one(result[i])
    return `[${text}]`
  }
  return {
    inbound: (result: unknown): string => entry(result, protocolMessage),
    outbound: (result: unknown): string => entry(result, externalMessage),
  }
}
