/**
 * What Ditto gives to mapping scripts: the helpers `Ditto.*` and the default mapping functions
 * (Ditto documentation, "Payload mapping in connectivity", JavaScript mapper). Sent into the
 * isolate as text, see builtins.ts.
 */
import type { Builtins } from './builtins.ts'

/** The global functions that a script may define anew; resolved at each call. */
declare const mapToDittoProtocolMsg: (...parts: unknown[]) => unknown
declare const mapFromDittoProtocolMsg: (...parts: unknown[]) => unknown

/** Defines the global `Ditto`, and answers its helpers. */
export function installDittoHelpers(builtins: Builtins) {
  const helpers = {
    // biome-ignore format: one parameter list of eleven names reads best as a block.
    buildDittoProtocolMsg(
      namespace: string, name: string, group: string, channel: string, criterion: string,
      action: string, path: string, headers: unknown, value: unknown, status: unknown,
      extra: unknown,
    ) {
      const segment = channel === 'none' ? '' : `/${channel}`
      const topic = `${namespace}/${name}/${group}${segment}/${criterion}/${action}`
      return { topic, path, headers, value, status, extra }
    },
    buildExternalMsg(headers: unknown, text: unknown, bytes: unknown, contentType: unknown) {
      return { headers, textPayload: text, bytePayload: bytes, contentType }
    },
    arrayBufferToString(buffer: ArrayBuffer): string {
      const bytes = new builtins.Uint8Array(buffer)
      let text = ''
      for (let i = 0; i < bytes.length; i++) text += builtins.fromCharCode(bytes[i] as number)
      return text
    },
    stringToArrayBuffer(text: string): ArrayBuffer {
      const bytes = new builtins.Uint8Array(text.length)
      for (let i = 0; i < text.length; i++) bytes[i] = builtins.charCodeAt(text, i)
      return bytes.buffer
    },
    asByteBuffer(buffer: ArrayBuffer): unknown {
      type Library = { ByteBuffer?: { wrap(buffer: ArrayBuffer): unknown } }
      const library = (globalThis as { dcodeIO?: Library }).dcodeIO?.ByteBuffer
      if (library === undefined) {
        throw new builtins.Error(
          'Ditto.asByteBuffer needs the library ByteBuffer: set the option loadBytebufferJS',
        )
      }
      const source = new builtins.Uint8Array(buffer)
      const copy = new builtins.Uint8Array(source.length)
      for (let i = 0; i < source.length; i++) copy[i] = source[i] as number
      return library.wrap(copy.buffer)
    },
  }
  builtins.define(globalThis, 'Ditto', { value: helpers, configurable: true, writable: true })
  return helpers
}

export type DittoHelpers = ReturnType<typeof installDittoHelpers>

/**
 * Defines the mapping functions as they are when a script does not define its own, and answers
 * them: Ditto Protocol is parsed, from text or from an octet stream, and anything else dropped;
 * outgoing messages become Ditto Protocol. `hasChannel` is one of Ditto's globals, too, and copies
 * of its wrapper in scripts call it.
 */
export function installDefaultMapping(builtins: Builtins, helpers: DittoHelpers) {
  type External = Record<'headers' | 'textPayload' | 'bytePayload' | 'contentType', unknown>
  const protocol = 'application/vnd.eclipse.ditto+json'
  const functions = {
    mapToDittoProtocolMsg(_: unknown, text: string, bytes: ArrayBuffer, contentType: unknown) {
      if (contentType === protocol) return builtins.parse(text)
      if (contentType !== 'application/octet-stream') return null
      try {
        return builtins.parse(helpers.arrayBufferToString(bytes))
      } catch {
        return null
      }
    },
    hasChannel: (group: unknown) => group === 'things',
    mapToDittoProtocolMsgWrapper(message: External) {
      const { headers, textPayload, bytePayload, contentType } = message
      return mapToDittoProtocolMsg(headers, textPayload, bytePayload, contentType)
    },
    // biome-ignore format: one parameter list of eleven names reads best as a block.
    mapFromDittoProtocolMsg(
      namespace: string, name: string, group: string, channel: string, criterion: string,
      action: string, path: string, headers: unknown, value: unknown, status: unknown,
      extra: unknown,
    ) {
      const segment = channel === 'none' ? '' : `/${channel}`
      const topic = `${namespace}/${name}/${group}${segment}/${criterion}/${action}`
      const textPayload = builtins.stringify({ topic, path, headers, value, status, extra })
      return { headers, textPayload, contentType: protocol }
    },
    mapFromDittoProtocolMsgWrapper(message: Record<string, unknown>) {
      const topic = builtins.split(message.topic as string, '/')
      // Only topics of things have a channel; of a subject with slashes the first segment is given.
      const isThing = topic[2] === 'things'
      const channel = isThing ? topic[3] : 'none'
      const criterion = topic[isThing ? 4 : 3]
      const action = topic[isThing ? 5 : 4]
      const { path, headers, value, status, extra } = message
      // biome-ignore format: the same block of eleven.
      return mapFromDittoProtocolMsg(
        topic[0], topic[1], topic[2], channel, criterion,
        action, path, headers, value, status, extra,
      )
    },
  }
  // Configurable, so that a script may declare these names with let and const, too.
  for (const [name, value] of Object.entries(functions)) {
    builtins.define(globalThis, name, { value, configurable: true, writable: true })
  }
  return functions
}
