/** What the tests of mappers share: an environment, definitions and messages. */
import type { MappingDefinition } from '../../../src/connection/types.ts'
import type { JsonObject } from '../../../src/json/types.ts'
import type { EngineName, ResolvedDefinition } from '../../../src/mapping/definitions.ts'
import type {
  Mapper,
  MapperEnvironment,
  MapResult,
  MapResults,
  ScriptLimits,
} from '../../../src/mapping/mapper.ts'
import { createMapper, engineOf } from '../../../src/mapping/registry.ts'
import { type Adaptable, parseAdaptable } from '../../../src/protocol/adaptable.ts'
import { DittoException } from '../../../src/protocol/errors.ts'
import type { ExternalMessage } from '../../../src/protocol/external-message.ts'

export const LIMITS: ScriptLimits = { maxScriptBytes: 50_000, maxExecutionMs: 100, memoryMb: 16 }

/** An environment that keeps what it is told. */
export interface TestEnvironment extends MapperEnvironment {
  readonly lines: string[]
  readonly recorded: string[]
}

export function testEnvironment(limits: Partial<ScriptLimits> = {}): TestEnvironment {
  const lines: string[] = []
  const recorded: string[] = []
  return {
    connectionId: 'test:connection',
    limits: { ...LIMITS, ...limits },
    maxHoldMs: Number.POSITIVE_INFINITY,
    recorder: {
      enter: (definition) => {
        recorded.push(`enter ${definition}`)
        return 0
      },
      leave: () => recorded.push('leave'),
    },
    onConsole: (definition, level, text) => lines.push(`${definition} ${level} ${text}`),
    lines,
    recorded,
  }
}

export function javaScript(options: JsonObject): MappingDefinition {
  return { mappingEngine: 'JavaScript', options }
}

/** A mapper that answers at once, whatever it costs. */
export interface PromptMapper {
  inbound(batch: readonly ExternalMessage[]): readonly MapResult<Adaptable>[]
  outbound(batch: readonly Adaptable[]): readonly MapResult<ExternalMessage>[]
  close(): void
}

/** Makes a mapper, with its conditions and limits. */
export function promptMapper(
  definition: ResolvedDefinition,
  environment: MapperEnvironment = testEnvironment(),
): PromptMapper {
  return prompt(createMapper(definition, environment))
}

/** Insists on an answer at once. */
export function prompt(mapper: Mapper): PromptMapper {
  const known = <T>(results: MapResults<T>): readonly MapResult<T>[] => {
    if (results instanceof Promise) throw new Error('the results come later')
    return results
  }
  return {
    inbound: (batch) => known(mapper.inbound(batch)),
    outbound: (batch) => known(mapper.outbound(batch)),
    close: () => mapper.close(),
  }
}

/** A mapper with an incoming script, under the id `js`. */
export function incoming(script: string, environment = testEnvironment()): PromptMapper {
  const definition = javaScript({ incomingScript: script })
  return promptMapper({ id: 'js', engine: 'JavaScript', definition }, environment)
}

/** A mapper with an outgoing script, under the id `js`. */
export function outgoing(script: string, environment = testEnvironment()): PromptMapper {
  const definition = javaScript({ outgoingScript: script })
  return promptMapper({ id: 'js', engine: 'JavaScript', definition }, environment)
}

export function external(
  payload: string | Uint8Array | undefined,
  headers: Record<string, string> = {},
): ExternalMessage {
  return { headers, payload }
}

export function adaptable(json: JsonObject = {}): Adaptable {
  return parseAdaptable({
    topic: 'demo/pump/things/twin/events/modified',
    headers: { 'correlation-id': 'c-1' },
    path: '/attributes/on',
    value: true,
    revision: 42,
    ...json,
  })
}

/** Values of each result, or its description; for comparing at a glance. */
export function outcomes<T>(
  results: readonly MapResult<T>[],
  show: (value: T) => unknown,
): unknown[] {
  return results.map((result) =>
    result.ok ? result.values.map(show) : (result.error.description ?? result.error.message),
  )
}

/** The values of the signals of each message, or what went wrong. */
export function values(results: readonly MapResult<Adaptable>[]): unknown[] {
  return outcomes(results, ({ value }) => value)
}

/** What the signals of each message say, or what went wrong. */
export function signals(results: readonly MapResult<Adaptable>[]): unknown[] {
  return outcomes(results, ({ topic, path, value, headers }) => ({
    topic: topic.full,
    path,
    value,
    headers,
  }))
}

/** Why options of an engine are refused when a connection is created. */
export function refusal(engine: EngineName, options: JsonObject): string {
  try {
    engineOf(engine).checkOptions(options, LIMITS)
  } catch (thrown) {
    if (thrown instanceof DittoException) return thrown.error.message
    throw thrown
  }
  throw new Error('the options should have been refused')
}
