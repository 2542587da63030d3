/**
 * The mapping engines, by name. A new one is its file and its line here. Loading
 * this file loads no native code: the JavaScript mapper does so when it compiles its first
 * script.
 */
import { cloudEventsEngine } from './cloud-events.ts'
import { guardMapper } from './conditions.ts'
import { connectionStatusEngine } from './connection-status.ts'
import type { EngineName, ResolvedDefinition } from './definitions.ts'
import { dittoEngine } from './ditto.ts'
import { implicitThingCreationEngine } from './implicit-thing-creation.ts'
import { javaScriptEngine } from './javascript.ts'
import type { Mapper, MapperEngine, MapperEnvironment } from './mapper.ts'
import { normalizedEngine } from './normalized.ts'
import { rawMessageEngine } from './raw-message.ts'
import { updateTwinWithLiveResponseEngine } from './update-twin-with-live-response.ts'

const ENGINES: Readonly<Record<EngineName, MapperEngine>> = {
  Ditto: dittoEngine,
  JavaScript: javaScriptEngine,
  Normalized: normalizedEngine,
  RawMessage: rawMessageEngine,
  ConnectionStatus: connectionStatusEngine,
  ImplicitThingCreation: implicitThingCreationEngine,
  UpdateTwinWithLiveResponse: updateTwinWithLiveResponseEngine,
  CloudEvents: cloudEventsEngine,
}

/** The engine of that name. */
export function engineOf(name: EngineName): MapperEngine {
  return ENGINES[name]
}

/**
 * Makes the mapper of a definition, with its conditions, its blocklist and Ditto's limit on
 * results. The definition has been checked (`checkPayloadMappings`). Throws a DittoException when
 * its scripts do not compile. Mappers made for the same environment share one isolate.
 */
export function createMapper(
  { id, engine, definition }: ResolvedDefinition,
  environment: MapperEnvironment,
): Mapper {
  const { contentTypeBlocklist, create } = ENGINES[engine]
  const mapper = create(id, definition, environment)
  return guardMapper(id, mapper, definition, contentTypeBlocklist, environment)
}
