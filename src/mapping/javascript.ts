/**
 * The JavaScript mapper (Ditto documentation, "Payload mapping", JavaScript mapper): writes
 * batches for the sandbox and reads what it gives back. Knows nothing of isolates; runs no
 * foreign code itself.
 */
import type { MappingDefinition } from '../connection/types.ts'
import type { JsonObject } from '../json/types.ts'
import { type Adaptable, adaptableToText, parseAdaptable } from '../protocol/adaptable.ts'
import { mappingFailed } from '../protocol/connectivity-errors.ts'
import { type DittoError, toDittoError } from '../protocol/errors.ts'
import { type ExternalMessage, payloadBytes, payloadText } from '../protocol/external-message.ts'
import { headerText, toExternalHeaders } from '../protocol/headers.ts'
import { DITTO_PROTOCOL_CONTENT_TYPE, dittoInbound } from './ditto.ts'
import { checkScripts, readScripts } from './javascript-options.ts'
import { tooManyResults } from './limits.ts'
import type {
  Mapper,
  MapperEngine,
  MapperEnvironment,
  MapResult,
  MapResults,
  ScriptLimits,
  ScriptRecorder,
} from './mapper.ts'
import { type BatchInput, BatchRunner, type Entry } from './sandbox/batch.ts'
import { Program } from './sandbox/program.ts'
import { Sandbox } from './sandbox/sandbox.ts'
import { type Scripts, scriptErrorText } from './sandbox/script-error.ts'

/** The engine `JavaScript`. */
export const javaScriptEngine: MapperEngine = {
  contentTypeBlocklist: [],
  checkOptions: checkScripts,
  create: (id, definition, environment) => new JavaScriptMapper(id, definition, environment),
}

/**
 * Compiles the scripts of a definition in an isolate of their own, runs their top level and throws
 * all of it away. Runs foreign code: call it in the data plane only.
 * Throws a DittoException (`connectivity:message.mapper.config.failed`) with line and column.
 */
export function compileScripts(
  definition: MappingDefinition,
  limits: ScriptLimits,
  id = 'javascript',
  recorder: ScriptRecorder = { enter: () => 0, leave: () => undefined },
): void {
  checkScripts(definition.options, limits)
  const sandbox = new Sandbox(limits.memoryMb)
  const program = new Program(id, readScripts(definition.options), sandbox, { limits, recorder })
  try {
    program.compile()
  } finally {
    program.close()
  }
}

/** The sandboxes of the shards: mappers made for the same environment share one. */
const sandboxes = new WeakMap<MapperEnvironment, Sandbox>()

function sandboxOf(environment: MapperEnvironment): Sandbox {
  const known = sandboxes.get(environment)
  if (known !== undefined) return known
  const sandbox = new Sandbox(environment.limits.memoryMb)
  sandboxes.set(environment, sandbox)
  return sandbox
}

class JavaScriptMapper implements Mapper {
  readonly #id: string
  readonly #scripts: Scripts
  readonly #program: Program
  readonly #runner: BatchRunner

  constructor(id: string, definition: MappingDefinition, environment: MapperEnvironment) {
    checkScripts(definition.options, environment.limits)
    this.#id = id
    this.#scripts = readScripts(definition.options)
    this.#program = new Program(id, this.#scripts, sandboxOf(environment), environment)
    this.#runner = new BatchRunner(this.#program, environment, (level, text) =>
      environment.onConsole(id, level, text),
    )
    try {
      if (this.#scripts.incomingScript + this.#scripts.outgoingScript !== '') {
        this.#program.compile()
      }
    } catch (thrown) {
      this.#program.close()
      throw thrown
    }
  }

  inbound(batch: readonly ExternalMessage[]): MapResults<Adaptable> {
    if (this.#scripts.incomingScript === '') return batch.map(dittoInbound)
    return this.#run('inbound', inboundInput(batch), (at, entry) => {
      const contentType = batch[at]!.headers['content-type']
      if (!isResults(entry)) return { ok: false, error: this.#errorOf(entry, contentType) }
      try {
        return { ok: true, values: entry.map((json) => parseAdaptable(json as JsonObject)) }
      } catch (thrown) {
        const { message } = toDittoError(thrown, mappingFailed(contentType))
        return { ok: false, error: mappingFailed(contentType, message) }
      }
    })
  }

  outbound(batch: readonly Adaptable[]): MapResults<ExternalMessage> {
    if (this.#scripts.outgoingScript === '') return batch.map(protocolMessage)
    return this.#run('outbound', outboundInput(batch), (at, entry) => {
      if (isResults(entry)) return { ok: true, values: entry.map(externalMessage) }
      const contentType = batch[at]!.headers['content-type']
      const text = contentType === undefined ? undefined : headerText(contentType)
      return { ok: false, error: this.#errorOf(entry, text) }
    })
  }

  close(): void {
    this.#program.close()
  }

  #run<T>(
    direction: 'inbound' | 'outbound',
    input: BatchInput,
    resultOf: (at: number, entry: Entry) => MapResult<T>,
  ): MapResults<T> {
    const entries = this.#runner.run(direction, input)
    const results = (all: readonly Entry[]) => all.map((entry, at) => resultOf(at, entry))
    return entries instanceof Promise ? entries.then(results) : results(entries)
  }

  #errorOf(entry: Exclude<Entry, readonly unknown[]>, contentType: string | undefined): DittoError {
    if ('l' in entry) return tooManyResults(this.#id, entry.l)
    const { e, s } = entry as { e: string; s: string }
    return mappingFailed(contentType, scriptErrorText(e, s, this.#scripts))
  }
}

function isResults(entry: Entry): entry is readonly unknown[] {
  return Array.isArray(entry)
}

const NO_BYTES = new Uint8Array(0)

/** Three cells a message, as the driver wants them; a missing payload is null, bytes are no text. */
function inboundInput(batch: readonly ExternalMessage[]): BatchInput {
  return {
    length: batch.length,
    text: (from, to, withBytes) => {
      const cells: unknown[] = []
      for (let at = from; at < to; at++) {
        const message = batch[at]!
        const length = withBytes ? (payloadBytes(message)?.length ?? -1) : -1
        const text = message.binary === true ? null : (payloadText(message) ?? null)
        cells.push(message.headers, text, length)
      }
      return JSON.stringify(cells)
    },
    bytes: (from, to) => {
      const parts = batch.slice(from, to).map((message) => payloadBytes(message) ?? NO_BYTES)
      const together = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
      let at = 0
      for (const part of parts) {
        together.set(part, at)
        at += part.length
      }
      return together
    },
  }
}

function outboundInput(batch: readonly Adaptable[]): BatchInput {
  return {
    length: batch.length,
    text: (from, to) => {
      let text = ''
      for (let at = from; at < to; at++) {
        text += `${at === from ? '' : ','}${adaptableToText(batch[at]!)}`
      }
      return `[${text}]`
    },
    bytes: () => new Uint8Array(0),
  }
}

/** A result of the driver: headers, and text or bytes. */
function externalMessage(result: unknown): ExternalMessage {
  const { h, t, b } = result as { h: Record<string, string>; t?: string; b?: Uint8Array }
  return { headers: h, payload: b ?? t }
}

/** What leaves when there is no outgoing script: protocol text, and the headers as they are. */
function protocolMessage(adaptable: Adaptable): MapResult<ExternalMessage> {
  const headers = {
    ...toExternalHeaders(adaptable.headers),
    'content-type': DITTO_PROTOCOL_CONTENT_TYPE,
  }
  return { ok: true, values: [{ headers, payload: adaptableToText(adaptable) }] }
}
