/**
 * The mapping engines that exist here, by name. A new one is its file and its line here. Loading
 * this file loads no native code: the JavaScript mapper does so when it compiles its first
 * script.
 */
import { guardMapper } from './conditions.ts'
import type { EngineName, ResolvedDefinition } from './definitions.ts'
import { dittoEngine } from './ditto.ts'
import { javaScriptEngine } from './javascript.ts'
import type { Mapper, MapperEngine, MapperEnvironment } from './mapper.ts'

const ENGINES: Readonly<Partial<Record<EngineName, MapperEngine>>> = {
  Ditto: dittoEngine,
  JavaScript: javaScriptEngine,
}

/** The engine of that name; undefined for one that Ditto has and Sluice does not have yet. */
export function engineOf(name: EngineName): MapperEngine | undefined {
  return ENGINES[name]
}

/** Names of the engines that exist here. */
export function availableEngines(): readonly string[] {
  return Object.keys(ENGINES)
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
  const { contentTypeBlocklist, create } = ENGINES[engine]!
  const mapper = create(id, definition, environment)
  return guardMapper(id, mapper, definition, contentTypeBlocklist, environment)
}
