/**
 * Whether a connection may be stored or tried: parsed, completed with stored secrets, validated, and
 * its scripts compiled where foreign code may run. Nothing changes here.
 */
import type { Config } from '../config.ts'
import { type ParseOptions, parseConnection } from '../connection/model.ts'
import { restoreSecrets } from '../connection/secrets.ts'
import type { Connection } from '../connection/types.ts'
import { validateConnection } from '../connection/validate.ts'
import { checkPayloadMappings, mapperIdsOf, resolveDefinition } from '../mapping/definitions.ts'
import { connectionConfigurationInvalid } from '../protocol/connectivity-errors.ts'
import { type DittoError, DittoException } from '../protocol/errors.ts'
import type { ShardSettings } from '../shard/description.ts'
import { isSupported, transports } from '../transport/registry.ts'

/** What a check needs. */
export interface CheckOptions {
  readonly limits: Config['connections']
  readonly settings: ShardSettings
  /** Compiles where foreign code may run; the error, or null. Throws 503 when that cannot be tried. */
  readonly compile: (connection: Connection) => Promise<DittoError | null>
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

/** Everything that can be known without running a script. */
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

async function checkScripts(connection: Connection, { compile }: CheckOptions): Promise<void> {
  const error = await compile(connection)
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
