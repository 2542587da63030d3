/** Which mappers a trial is about: those that its body names, else all that the connection uses. */
import type { Connection } from '../connection/types.ts'
import {
  checkDefinition,
  type ResolvedDefinition,
  resolveDefinition,
} from '../mapping/definitions.ts'
import type { ScriptLimits } from '../mapping/mapper.ts'
import { type MappingTrial, TRIAL_MAPPINGS_MAX } from '../mapping/trial-schema.ts'
import { connectionConfigurationInvalid } from '../protocol/connectivity-errors.ts'
import { DittoException } from '../protocol/errors.ts'
import { jsonFieldMissing } from '../protocol/json-errors.ts'

/** Ids are told with each message, in characters. */
const ID_CHARS_MAX = 1_000

/**
 * The definitions in the order in which they are tried, checked like those of a connection. `stored`:
 * the connection whose definitions may be named. Throws 400 `json.field.missing` when there is nothing
 * to try, or `connectivity:connection.configuration.invalid`.
 */
export function trialDefinitions(
  trial: MappingTrial,
  stored: Connection | undefined,
  limits: ScriptLimits,
): readonly ResolvedDefinition[] {
  const mappingDefinitions = { ...stored?.mappingDefinitions, ...trial.mappingDefinitions }
  const ids = [...new Set(trial.payloadMapping ?? defaultIds(trial, stored))]
  if (ids.length === 0) throw new DittoException(jsonFieldMissing('/payloadMapping'))
  checkSize(trial, ids)
  return ids.map((id) => {
    const definition = resolveDefinition({ mappingDefinitions }, id)
    checkDefinition(definition, limits)
    return definition
  })
}

function defaultIds(
  { direction, mappingDefinitions = {} }: MappingTrial,
  stored: Connection | undefined,
): readonly string[] {
  if (stored === undefined) return Object.keys(mappingDefinitions)
  const users = direction === 'inbound' ? stored.sources : stored.targets
  return users.flatMap(({ payloadMapping }) => payloadMapping)
}

function checkSize({ messages }: MappingTrial, ids: readonly string[]): void {
  const mappings = ids.length * messages.length
  if (mappings > TRIAL_MAPPINGS_MAX) {
    throw new DittoException(
      connectionConfigurationInvalid(
        `Each of <${ids.length}> mappers would get <${messages.length}> messages, which are more than ` +
          `<${TRIAL_MAPPINGS_MAX}> mappings.`,
        'Try fewer messages, or name fewer mappers in the payloadMapping.',
      ),
    )
  }
  const long = ids.find(({ length }) => length > ID_CHARS_MAX)
  if (long === undefined) return
  throw new DittoException(
    connectionConfigurationInvalid(
      `The id of a mapping definition has <${long.length}> characters; one that is tried may have ` +
        `<${ID_CHARS_MAX}>.`,
      `Give a shorter name to the mapping definition <${long.slice(0, 50)}…>.`,
    ),
  )
}
