/**
 * Whether a connection can work: everything that can be known without a broker, a twin or a mapper.
 * The rules themselves are in `rules/`; here is their order, which is Ditto's, so that of several
 * mistakes the same one is reported. Payload mappings are checked where they are compiled.
 */
import { checkAckLabels } from './rules/ack-labels.ts'
import { checkAddressesAndTopics } from './rules/addresses.ts'
import { checkCertificates } from './rules/certificates.ts'
import { checkCredentials } from './rules/credentials.ts'
import { checkDiversion } from './rules/diversion.ts'
import { checkExpressions } from './rules/expressions.ts'
import { type ConnectionLimits, checkCounts, checkPayloadMappingCounts } from './rules/limits.ts'
import { RULES } from './rules/registry.ts'
import { checkUriScheme, placeOf } from './rules/rule.ts'
import { checkSshTunnel } from './rules/ssh-tunnel.ts'
import type { Connection } from './types.ts'

export type { ConnectionLimits } from './rules/limits.ts'

/**
 * Validates a parsed connection, its secrets restored. Throws the first error as a
 * `DittoException`, mostly 400 `connectivity:connection.configuration.invalid` (Ditto
 * documentation, "Connections").
 */
export function validateConnection(connection: Connection, limits: ConnectionLimits): void {
  checkCounts(connection, limits)
  checkAddressesAndTopics(connection)
  checkPayloadMappingCounts(connection, limits)
  checkAckLabels(connection)
  checkCertificates(connection)
  checkSshTunnel(connection)
  checkCredentials(connection)
  checkDiversion(connection)
  checkType(connection)
}

function checkType(connection: Connection): void {
  const rules = RULES[connection.connectionType]
  checkUriScheme(connection, rules)
  rules.checkWhole?.(connection)
  connection.sources.forEach((source, index) => {
    rules.checkSource(source, placeOf(connection, 'sources', index))
  })
  connection.targets.forEach((target, index) => {
    rules.checkTarget(target, placeOf(connection, 'targets', index))
  })
  checkExpressions(connection)
  rules.checkSpecificConfig?.(connection)
}
