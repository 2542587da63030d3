/** Which mappers a trial is about: those that its body names, else all that the connection uses. */
import type { Connection } from '../connection/types.ts'
import {
  checkDefinition,
  type ResolvedDefinition,
  resolveDefinition,
} from '../mapping/definitions.ts'
import type { ScriptLimits } from '../mapping/mapper.ts'
import type { MappingTrial } from '../mapping/trial-schema.ts'
import { DittoException } from '../protocol/errors.ts'
import { jsonFieldMissing } from '../protocol/json-errors.ts'

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
  const ids = trial.payloadMapping ?? defaultIds(trial, stored)
  if (ids.length === 0) throw new DittoException(jsonFieldMissing('/payloadMapping'))
  return [...new Set(ids)].map((id) => {
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
