/**
 * Which mappers a connection may name, and whether they are configured well: Ditto's engines,
 * their aliases and class names (Ditto documentation, "Payload mapping"). Runs no foreign code
 * and loads no native code, so that the control plane may use it.
 */
import type { Connection, MappingDefinition } from '../connection/types.ts'
import { formatPointer } from '../json/pointer.ts'
import { connectionConfigurationInvalid } from '../protocol/connectivity-errors.ts'
import { type DittoError, DittoException } from '../protocol/errors.ts'
import { compileGuard } from './conditions.ts'
import { MAPPERS_MAX } from './limits.ts'
import type { ScriptLimits } from './mapper.ts'
import { engineOf } from './registry.ts'

/** Ditto's mapping engines, under the aliases that serve as their names. */
export type EngineName =
  | 'Ditto'
  | 'JavaScript'
  | 'Normalized'
  | 'RawMessage'
  | 'ConnectionStatus'
  | 'ImplicitThingCreation'
  | 'UpdateTwinWithLiveResponse'
  | 'CloudEvents'

/** A mapper as a source or target references it. */
export interface ResolvedDefinition {
  /** As it is referenced. */
  readonly id: string
  readonly engine: EngineName
  readonly definition: MappingDefinition
}

/** The mapper of sources and targets that name none. */
export const DEFAULT_MAPPER = 'Ditto'

interface EngineFacts {
  /** The Java class that older connections name. */
  readonly className: string
  /** Whether it has options without a default, so that its alias alone is not enough. */
  readonly needsDefinition: boolean
}

const PACKAGE = 'org.eclipse.ditto.connectivity.service.mapping'

const FACTS: Readonly<Record<EngineName, EngineFacts>> = {
  Ditto: engine('DittoMessageMapper'),
  JavaScript: engine('javascript.JavaScriptMessageMapperRhino', 'needs a definition'),
  Normalized: engine('NormalizedMessageMapper'),
  RawMessage: engine('RawMessageMapper'),
  ConnectionStatus: engine('ConnectionStatusMessageMapper', 'needs a definition'),
  ImplicitThingCreation: engine('ImplicitThingCreationMessageMapper', 'needs a definition'),
  UpdateTwinWithLiveResponse: engine('UpdateTwinWithLiveResponseMessageMapper'),
  CloudEvents: engine('CloudEventsMapper'),
}

const NAMES = Object.keys(FACTS) as EngineName[]
const FALLBACK_NAMES = NAMES.filter((name) => !FACTS[name].needsDefinition)

const ENGINE_BY_TEXT: ReadonlyMap<string, EngineName> = new Map(
  NAMES.flatMap((name): [string, EngineName][] => [
    [name, name],
    [FACTS[name].className, name],
  ]),
)

/** The engine of a `mappingEngine`: an alias or a class name; undefined for an unknown one. */
export function engineNameOf(mappingEngine: string): EngineName | undefined {
  return ENGINE_BY_TEXT.get(mappingEngine)
}

/** All mapper ids that sources and targets reference, each once; `Ditto` where none is named. */
export function mapperIdsOf(connection: Connection): readonly string[] {
  const users = [...connection.sources, ...connection.targets]
  return [...new Set(users.flatMap((user) => namedOrDefault(user.payloadMapping)))]
}

/**
 * What an id of a `payloadMapping` means. A definition shadows an alias of the same name.
 * Throws a DittoException (`connectivity:connection.configuration.invalid`) when it means nothing.
 */
export function resolveDefinition(
  connection: Pick<Connection, 'mappingDefinitions'>,
  id: string,
): ResolvedDefinition {
  const { mappingDefinitions } = connection
  const own = Object.hasOwn(mappingDefinitions, id) ? mappingDefinitions[id] : undefined
  const name =
    own === undefined
      ? FALLBACK_NAMES.find((alias) => alias === id)
      : engineNameOf(own.mappingEngine)
  if (name === undefined) throw notLoaded(id, choicesText(connection))
  return { id, engine: name, definition: own ?? { mappingEngine: name, options: {} } }
}

/**
 * Checks every mapper that a source or target references: how many there are, whether they exist,
 * and their options, script sizes and conditions. Whether scripts compile is checked where they
 * may run (`compileScripts`). Throws a DittoException
 * (`connectivity:connection.configuration.invalid`).
 */
export function checkPayloadMappings(connection: Connection, limits: ScriptLimits): void {
  for (const { addresses, payloadMapping } of connection.sources) {
    checkCount(payloadMapping, `source with address ${addresses.join(',')}`)
  }
  for (const { address, payloadMapping } of connection.targets) {
    checkCount(payloadMapping, `target with address ${address}`)
  }
  for (const id of mapperIdsOf(connection)) {
    checkDefinition(resolveDefinition(connection, id), limits)
  }
}

/**
 * Checks the options, script sizes and conditions of one definition. Throws as the above does; the
 * description says which definition it is.
 */
export function checkDefinition(
  { id, engine, definition }: ResolvedDefinition,
  limits: ScriptLimits,
): void {
  try {
    engineOf(engine).checkOptions(definition.options, limits)
    compileGuard(definition)
  } catch (thrown) {
    if (!(thrown instanceof DittoException)) throw thrown
    const { message, description } = asConfigurationError(thrown.error)
    const place = formatPointer(['mappingDefinitions', id])
    const advice = `${description} It stands at <${place}>.`
    throw new DittoException(connectionConfigurationInvalid(message, advice), { cause: thrown })
  }
}

/** A mapper's error as the error of the connection that names it: same text, another id. */
export function asConfigurationError({ message, description }: DittoError): DittoError {
  return connectionConfigurationInvalid(message, description)
}

function engine(className: string, needs?: 'needs a definition'): EngineFacts {
  return { className: `${PACKAGE}.${className}`, needsDefinition: needs !== undefined }
}

function namedOrDefault(payloadMapping: readonly string[]): readonly string[] {
  return payloadMapping.length === 0 ? [DEFAULT_MAPPER] : payloadMapping
}

function checkCount(payloadMapping: readonly string[], user: string): void {
  if (payloadMapping.length <= MAPPERS_MAX) return
  const message = 'The number of configured payload mappings exceeded the limit.'
  const count = `The number of configured payload mappings for the ${user}`
  const description = `${count} is above the limit of ${MAPPERS_MAX}.`
  throw new DittoException(connectionConfigurationInvalid(message, description))
}

function choicesText(connection: Pick<Connection, 'mappingDefinitions'>): string {
  const own = Object.keys(connection.mappingDefinitions).join(', ')
  return (
    `Make sure to only use either the specified mappingDefinitions names [${own}] ` +
    `or fallback mapper names [${FALLBACK_NAMES.join(', ')}].`
  )
}

function notLoaded(id: string, description: string): DittoException {
  const message = `The mapper <${id}> could not be loaded.`
  return new DittoException(connectionConfigurationInvalid(message, description))
}
