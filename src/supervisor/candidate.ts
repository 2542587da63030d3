/**
 * Whether a connection may be stored or tried: parsed, completed with stored secrets, validated, and
 * its scripts compiled where foreign code may run. Nothing changes here.
 */
import type { Config } from '../config.ts'
import { type ParseOptions, parseConnection } from '../connection/model.ts'
import { restoreSecrets } from '../connection/secrets.ts'
import type { Connection } from '../connection/types.ts'
import { validateConnection } from '../connection/validate.ts'
import { CHECK_SHARD, type EngineControl } from '../engine/messages.ts'
import { checkPayloadMappings, mapperIdsOf, resolveDefinition } from '../mapping/definitions.ts'
import { connectionConfigurationInvalid } from '../protocol/connectivity-errors.ts'
import { type DittoError, DittoException } from '../protocol/errors.ts'
import type { ShardSettings } from '../shard/description.ts'
import { isSupported, transports } from '../transport/registry.ts'
import { EngineGoneError } from './engine-process.ts'

/** What a check needs. */
export interface CheckOptions {
  readonly limits: Config['connections']
  readonly settings: ShardSettings
  /** The engine, waited for; throws 503 when there is none in time. */
  readonly engine: (connectionId: string) => Promise<EngineControl>
}

/**
 * The connection that a body describes, ready to be stored. `stored`: the connection whose secrets
 * its masks stand for. Throws the first thing that is wrong with it.
 */
export async function checkedConnection(
  body: unknown,
  parse: ParseOptions,
  stored: Connection | undefined,
  options: CheckOptions,
): Promise<Connection> {
  const connection = restoreSecrets(parseConnection(body, parse), stored)
  checkStatically(connection, options)
  if (runsScripts(connection)) await checkScripts(connection, options)
  return connection
}

/** Everything that can be known without the engine. */
export function checkStatically(
  connection: Connection,
  { limits, settings }: Pick<CheckOptions, 'limits' | 'settings'>,
): void {
  validateConnection(connection, limits)
  if (!isSupported(connection.connectionType)) {
    throw new DittoException(typeNotSupported(connection.connectionType))
  }
  checkPayloadMappings(connection, settings.script)
}

async function checkScripts(connection: Connection, options: CheckOptions): Promise<void> {
  const engine = await options.engine(connection.id)
  const error = await engine
    .check({
      shard: CHECK_SHARD,
      connection,
      clientIndex: 0,
      dryRun: true,
      logsActive: false,
      settings: options.settings,
    })
    .catch((thrown: unknown) => {
      if (thrown instanceof EngineGoneError) return scriptsEndedEngine()
      throw thrown
    })
  if (error !== null) throw new DittoException(error)
}

function runsScripts(connection: Connection): boolean {
  return mapperIdsOf(connection).some(
    (id) => resolveDefinition(connection, id).engine === 'JavaScript',
  )
}

function typeNotSupported(type: string): DittoError {
  const supported = Object.keys(transports).join(', ')
  return connectionConfigurationInvalid(
    `Connections of type <${type}> cannot be opened yet.`,
    `This version has bindings for [${supported}].`,
  )
}

/** The error for scripts that took the whole engine with them while they were compiled. */
export function scriptsEndedEngine(): DittoError {
  return connectionConfigurationInvalid(
    'The engine ended while the scripts of the connection were compiled.',
    'Check what the scripts do at their top level: it must end, and must not exhaust the memory. ' +
      'If they do nothing unusual, try again: another connection may have ended the engine.',
  )
}
