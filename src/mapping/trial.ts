/**
 * Trying mapping definitions on sample messages: every mapper sees every message by itself, and what
 * came of it is told with the time it took and what the script wrote. Runs foreign code: call
 * {@link prepareTrial} only in a process that may die of it. Dispatches nothing.
 */
import type { JsonObject } from '../json/types.ts'
import { type Adaptable, adaptableToJson, parseAdaptable } from '../protocol/adaptable.ts'
import { signalKindOf } from '../protocol/classify.ts'
import { mappingFailed } from '../protocol/connectivity-errors.ts'
import { type DittoError, toDittoError } from '../protocol/errors.ts'
import type { ExternalMessage } from '../protocol/external-message.ts'
import type { ResolvedDefinition } from './definitions.ts'
import type {
  Mapper,
  MapperEnvironment,
  MapResult,
  ScriptLimits,
  ScriptRecorder,
} from './mapper.ts'
import { createMapper } from './registry.ts'
import { positionIn } from './sandbox/script-error.ts'
import type { ExternalMessageJson, MappingTrial, TrialMapping } from './trial-schema.ts'

/** Time for all messages of a trial together, in milliseconds. */
export const TRIAL_BUDGET_MS = 10_000
/** What all mappings of a trial together may tell, in characters of JSON. */
export const TRIAL_ANSWER_CHARS_MAX = 4_194_304

/** What a trial is run with. */
export interface TrialEnvironment {
  readonly connectionId: string
  readonly limits: ScriptLimits
  readonly recorder: ScriptRecorder
}

/**
 * Makes the mappers, and answers what comes of the messages: message by message, and mapper by mapper
 * for each. Mappings that make the answer too long are told in an error. Throws a DittoException when a
 * definition cannot be made into a mapper.
 */
export function prepareTrial(
  trial: MappingTrial,
  definitions: readonly ResolvedDefinition[],
  given: TrialEnvironment,
): AsyncGenerator<TrialMapping> {
  const lines: TrialMapping['console'] = []
  const environment: MapperEnvironment = {
    ...given,
    maxHoldMs: Number.POSITIVE_INFINITY,
    onConsole: (_, level, text) => lines.push({ level, text }),
  }
  const mappers: NamedMapper[] = []
  try {
    for (const definition of definitions) {
      mappers.push([definition.id, createMapper(definition, environment)])
    }
  } catch (thrown) {
    closeAll(mappers)
    throw thrown
  }
  return mapAll(trial, mappers, () => lines.splice(0))
}

type NamedMapper = readonly [id: string, mapper: Mapper]

function closeAll(mappers: readonly NamedMapper[]): void {
  for (const [, mapper] of mappers) mapper.close()
}

/** `written`: takes what was written to the console since it was last asked. */
async function* mapAll(
  trial: MappingTrial,
  mappers: readonly NamedMapper[],
  written: () => TrialMapping['console'],
): AsyncGenerator<TrialMapping> {
  const deadlineMs = performance.now() + TRIAL_BUDGET_MS
  let charsLeft = TRIAL_ANSWER_CHARS_MAX
  try {
    for (const message of trial.messages) {
      for (const [id, mapper] of mappers) {
        const startMs = performance.now()
        const told = startMs > deadlineMs ? OUT_OF_TIME : await mapOne(trial, mapper, message)
        const durationMs = Math.round((performance.now() - startMs) * 1_000) / 1_000
        const mapping = { mapper: id, ...told, durationMs, console: written() }
        const chars = JSON.stringify(mapping).length
        if (chars > charsLeft) yield { mapper: id, ...TOO_LONG, durationMs, console: [] }
        else {
          charsLeft -= chars
          yield mapping
        }
      }
    }
  } finally {
    closeAll(mappers)
  }
}

type Told = Omit<TrialMapping, 'mapper' | 'durationMs' | 'console'>

async function mapOne(
  { direction }: MappingTrial,
  mapper: Mapper,
  message: MappingTrial['messages'][number],
): Promise<Told> {
  if (direction === 'inbound') {
    const external = toExternal(message as ExternalMessageJson)
    const [result] = await mapper.inbound([external])
    return tell(result!, (adaptables) => ({ signals: adaptables.map(signalJson) }))
  }
  const [result] = await mapper.outbound([parseAdaptable(message as JsonObject)])
  return tell(result!, (messages) => ({ messages: messages.map(externalJson) }))
}

function tell<T>(result: MapResult<T>, show: (values: readonly T[]) => Partial<Told>): Told {
  if (!result.ok) return failed(result.error)
  if (result.values.length === 0) return { outcome: 'dropped' }
  try {
    return { outcome: 'mapped', ...show(result.values) }
  } catch (thrown) {
    return failed(toDittoError(thrown, mappingFailed(undefined)))
  }
}

/** How an error is told in place of what a mapper made. */
export function failed(error: DittoError): Told {
  const { status, error: code, message, description } = error
  const shown = description === undefined ? {} : { description }
  const position = positionIn(description ?? '')
  return { outcome: 'failed', error: { status, error: code, message, ...shown, ...position } }
}

const OUT_OF_TIME: Told = failed({
  ...mappingFailed(undefined),
  description:
    `The message was not tried: the mappers had used up the <${TRIAL_BUDGET_MS}>ms of a trial. ` +
    'Try fewer messages.',
})

const TOO_LONG: Told = failed({
  ...mappingFailed(undefined),
  description:
    `What came of this message is left out: all of a trial may have <${TRIAL_ANSWER_CHARS_MAX}> characters ` +
    'of JSON, console output included. Try fewer messages, or such of which less comes.',
})

/**
 * The signal with all headers that it is executed with, also those that no signal leaves with, such as
 * `if-match`; not with credentials. Throws what would keep it from being executed.
 */
function signalJson(adaptable: Adaptable): JsonObject {
  signalKindOf(adaptable)
  const { authorization: _, ...headers } = adaptable.headers
  return { ...adaptableToJson(adaptable), headers }
}

function toExternal({ headers, textPayload, bytePayload }: ExternalMessageJson): ExternalMessage {
  if (bytePayload == null) return { headers, payload: textPayload ?? undefined }
  const payload = Buffer.from(bytePayload, 'base64')
  return textPayload == null ? { headers, payload, binary: true } : { headers, payload }
}

function externalJson({ headers, payload }: ExternalMessage): ExternalMessageJson {
  if (payload === undefined) return { headers }
  if (typeof payload === 'string') return { headers, textPayload: payload }
  return { headers, bytePayload: Buffer.from(payload).toString('base64') }
}
