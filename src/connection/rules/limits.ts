/** How many of everything a connection may have. */
import type { Config } from '../../config.ts'
import { failConfiguration } from '../errors.ts'
import type { Connection } from '../types.ts'

/** The limits, by their names in config.toml. */
export type ConnectionLimits = Pick<
  Config['connections'],
  'max_sources' | 'max_targets' | 'max_payload_mappings' | 'max_clients' | 'max_consumers'
>

/** Checks the number of sources, targets, clients and consumers. */
export function checkCounts(connection: Connection, limits: ConnectionLimits): void {
  const { id, sources, targets, clientCount } = connection
  for (const [kind, { length }, limit] of [
    ['sources', sources, limits.max_sources],
    ['targets', targets, limits.max_targets],
  ] as const) {
    if (length > limit) {
      failConfiguration(
        'The number of configured sources or targets within a connection exceeded.',
        `The number of configured ${kind} for connection: ${id} is above the limit of ${limit}.`,
      )
    }
  }
  checkCount('clients', clientCount, limits.max_clients)
  for (const { consumerCount } of sources) {
    checkCount('consumers', consumerCount, limits.max_consumers)
  }
}

/** Checks the number of payload mappings of each source and target. */
export function checkPayloadMappingCounts(connection: Connection, limits: ConnectionLimits): void {
  const limit = limits.max_payload_mappings
  for (const { payloadMapping, addresses } of connection.sources) {
    if (payloadMapping.length > limit) failMappings('source', addresses.join(','), limit)
  }
  for (const { payloadMapping, address } of connection.targets) {
    if (payloadMapping.length > limit) failMappings('target', address, limit)
  }
}

function failMappings(kind: string, address: string, limit: number): never {
  failConfiguration(
    'The number of configured payload mappings exceeded the limit.',
    `The number of configured payload mappings for the ${kind} with address ${address} is above ` +
      `the limit of ${limit}.`,
  )
}

function checkCount(what: string, count: number, limit: number): void {
  if (count > limit) {
    failConfiguration(
      `The number of ${what} exceeded the limit.`,
      `The number of configured ${what} is ${count}, the limit is ${limit}.`,
    )
  }
}
