/**
 * The seam of payload mapping: external messages to Ditto Protocol messages and back, in batches.
 * A mapper knows nothing of connections, brokers or twins.
 */
import type { MappingDefinition } from '../connection/types.ts'
import type { JsonObject } from '../json/types.ts'
import type { Adaptable } from '../protocol/adaptable.ts'
import type { DittoError } from '../protocol/errors.ts'
import type { ExternalMessage } from '../protocol/external-message.ts'

/** What became of one message of a batch: zero, one or many results, or an error. */
export type MapResult<T> =
  | { readonly ok: true; readonly values: readonly T[] }
  | { readonly ok: false; readonly error: DittoError }

/**
 * What became of a batch: one result per message, in order. A promise when finding out takes so long
 * that the thread must not wait for it; it never rejects.
 */
export type MapResults<T> = readonly MapResult<T>[] | Promise<readonly MapResult<T>[]>

/**
 * A payload mapper, constructed once per shard and mapping definition. Never throws. A batch that is
 * handed over while an earlier one is still being mapped is mapped after it.
 */
export interface Mapper {
  inbound(batch: readonly ExternalMessage[]): MapResults<Adaptable>
  outbound(batch: readonly Adaptable[]): MapResults<ExternalMessage>
  /** Frees what the mapper holds outside the heap. */
  close(): void
}

/** Nothing comes of the message: it is dropped. */
export const DROPPED: MapResult<never> = Object.freeze({ ok: true, values: [] })

/** A mapper that looks at one message at a time and holds nothing. */
export function perMessage(
  inbound: (message: ExternalMessage) => MapResult<Adaptable>,
  outbound: (adaptable: Adaptable) => MapResult<ExternalMessage>,
): Mapper {
  return {
    inbound: (batch) => batch.map(inbound),
    outbound: (batch) => batch.map(outbound),
    close: () => undefined,
  }
}

/** What foreign scripts may use, from `[mapping.javascript]` of the configuration. */
export interface ScriptLimits {
  readonly maxScriptBytes: number
  readonly maxExecutionMs: number
  readonly memoryMb: number
  /** Folder of the CommonJS modules that they may require; none if empty or not given. */
  readonly commonJsPath?: string
}

/**
 * Notes which mapping definition is about to run foreign code for this thread, so that a death of
 * the process can be attributed. The note must have reached the kernel when `enter` returns.
 */
export interface ScriptRecorder {
  /** Answers the place of the note, which is kept until `leave` gives it back. */
  enter(definition: string): number
  leave(place: number): void
}

/** What a mapper may use of its shard. */
export interface MapperEnvironment {
  /** For `connection:id` in the conditions of definitions. */
  readonly connectionId?: string
  readonly limits: ScriptLimits
  /** How long scripts may hold the thread before they run beside it, in milliseconds; 10 if not given. */
  readonly maxHoldMs?: number
  readonly recorder: ScriptRecorder
  /** Takes a line that a script wrote with `console.log` and friends. */
  readonly onConsole: (definition: string, level: 'info' | 'warn' | 'error', text: string) => void
}

/** A mapping engine: what the registry knows of it. */
export interface MapperEngine {
  /** Content types that the engine's mappers drop when the definition names no others. */
  readonly contentTypeBlocklist: readonly string[]
  /** Whether incoming messages need the subjects that they are authorized with. */
  readonly wantsSubjects?: boolean
  /**
   * Judges the options of a definition without running anything. Throws a DittoException
   * (`connectivity:message.mapper.config.failed` or `.invalid`).
   */
  checkOptions(options: JsonObject, limits: ScriptLimits): void
  /** Throws a DittoException like `checkOptions`, and for scripts that do not compile. */
  readonly create: MapperFactory
}

/** Makes a mapper of one engine from a definition, under the id it is referenced by. */
export type MapperFactory = (
  id: string,
  definition: MappingDefinition,
  environment: MapperEnvironment,
) => Mapper
