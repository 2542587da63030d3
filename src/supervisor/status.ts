/**
 * The body of the status resource, from what the clients said last (Ditto documentation, "Retrieve
 * connection status"). Pure; knows neither engine nor store.
 */
import type { Connection } from '../connection/types.ts'
import type { JsonObject } from '../json/types.ts'
import type { ClientStatus, ShardStatus } from '../shard/description.ts'
import type { AddressStatus } from '../transport/transport.ts'

type LiveStatus = ClientStatus['status']
type RecoveryStatus = ClientStatus['recovery']

/** What the status of a connection is made from. */
export interface StatusInput {
  readonly connection: Connection
  /** Name of this gateway, as the `client` of the entries. */
  readonly instance: string
  /** By client index; empty when no client is to run. */
  readonly clients: readonly ShardStatus[]
  /** When the connection was closed, in milliseconds since the epoch. */
  readonly closedAt: number
}

/** One entry of the lists. */
interface Entry {
  readonly type: 'client' | 'source' | 'target' | 'ssh'
  readonly client: string
  readonly address?: string
  readonly status: LiveStatus
  readonly recovery?: RecoveryStatus
  readonly details?: string
  readonly since: number
}

const CLOSED_BECAUSE: Readonly<Record<LiveStatus, string>> = {
  open: 'Not reported by the client.',
  closed: 'Closed because the client is closed.',
  unknown: 'Closed because of unknown status in client.',
  failed: 'Closed because of failure status in client.',
  misconfigured: 'Closed because of misconfiguration status in client.',
}

/** The body without the envelope; lists that would be empty are left out. */
export function renderStatus(input: StatusInput): JsonObject {
  const clients = clientEntries(input)
  const sources = addressEntries(input, 'source')
  const targets = addressEntries(input, 'target')
  const tunnels = tunnelEntries(input)
  // Of an address that nobody configured nothing can be wrong: empty lists do not count.
  const lists = [clients, sources, targets, tunnels].filter(({ length }) => length > 0)
  const live = lists.map(listStatusOf)
  const connectedSince = Math.min(
    ...clients.filter(({ status }) => status === 'open').map(({ since }) => since),
  )
  return {
    connectionStatus: input.connection.connectionStatus,
    liveStatus: liveStatusOf(live),
    recoveryStatus: recoveryOf(clients),
    ...(Number.isFinite(connectedSince) ? { connectedSince: instant(connectedSince) } : {}),
    clientStatus: clients.map(renderEntry),
    ...(sources.length === 0 ? {} : { sourceStatus: sources.map(renderEntry) }),
    ...(targets.length === 0 ? {} : { targetStatus: targets.map(renderEntry) }),
    ...(tunnels.length === 0 ? {} : { sshTunnelStatus: tunnels.map(renderEntry) }),
  }
}

/** The live status alone, and since when at least one entry has been in it, in milliseconds. */
export function liveStateOf(input: StatusInput): {
  readonly status: string
  readonly since: number
} {
  const lists = [
    clientEntries(input),
    addressEntries(input, 'source'),
    addressEntries(input, 'target'),
    tunnelEntries(input),
  ].filter(({ length }) => length > 0)
  const status = liveStatusOf(lists.map(listStatusOf))
  const all = lists.flat()
  const alike = all.filter((entry) => entry.status === status)
  const since = Math.max(...(alike.length === 0 ? all : alike).map((entry) => entry.since))
  return { status, since }
}

function clientEntries({ instance, clients, closedAt }: StatusInput): readonly Entry[] {
  if (clients.length === 0) {
    return [
      {
        type: 'client',
        client: instance,
        status: 'closed',
        recovery: 'unknown',
        details: '[DISCONNECTED] connection is closed',
        since: closedAt,
      },
    ]
  }
  return clients.map(({ client }, index) => ({
    type: 'client',
    client: clientName(instance, index, clients.length),
    status: client.status,
    recovery: client.recovery,
    details: `[${stateName(client)}] ${client.details}`,
    since: client.since,
  }))
}

/** Ditto names the state of the client's state machine in front of its details. */
function stateName({ status, recovery }: ClientStatus): string {
  if (status === 'open') return 'CONNECTED'
  return recovery === 'ongoing' ? 'CONNECTING' : 'DISCONNECTED'
}

/** Every configured address of every client: as it was reported, or closed together with its client. */
function addressEntries(input: StatusInput, kind: AddressStatus['kind']): readonly Entry[] {
  const { connection, instance, clients } = input
  const configured =
    kind === 'source'
      ? connection.sources.map(({ addresses }) => addresses)
      : connection.targets.map(({ address }) => [address])
  return clients.flatMap(({ client, addresses: reported }, clientIndex) =>
    configured.flatMap((addresses, index) =>
      addresses.map((address): Entry => {
        const known = reported.find(
          (status) => status.kind === kind && status.index === index && status.address === address,
        )
        return {
          type: kind,
          client: clientName(instance, clientIndex, clients.length),
          address,
          status: known?.status ?? (client.status === 'open' ? 'unknown' : 'closed'),
          details: known?.details ?? CLOSED_BECAUSE[client.status],
          since: known?.since ?? client.since,
        }
      }),
    ),
  )
}

function tunnelEntries({ connection, instance, clients }: StatusInput): readonly Entry[] {
  if (connection.sshTunnel?.enabled !== true) return []
  return clients.map(({ client }, index) => ({
    type: 'ssh',
    client: clientName(instance, index, clients.length),
    status: client.status === 'open' ? 'open' : 'closed',
    ...(client.status === 'open' ? {} : { details: CLOSED_BECAUSE[client.status] }),
    since: client.since,
  }))
}

/** What a client of a connection is called: by its number when there are several. */
export function clientName(instance: string, index: number, count: number): string {
  return count === 1 ? instance : `${instance}-${index}`
}

/**
 * An address of which nothing is known yet, such as a target that is resolved message by message, is
 * no reason to doubt the whole, as in Ditto; a client is.
 */
function listStatusOf(entries: readonly Entry[]): LiveStatus {
  const live = liveStatusOf(entries.map(({ status }) => status))
  const ofClients = entries[0]?.type === 'client'
  return live === 'unknown' && !ofClients ? 'open' : live
}

/** Ditto's precedence: one failed address makes the whole failed. */
function liveStatusOf(statuses: readonly LiveStatus[]): LiveStatus {
  const [first] = statuses
  if (first !== undefined && statuses.every((status) => status === first)) return first
  return statuses.includes('failed')
    ? 'failed'
    : statuses.includes('misconfigured')
      ? 'misconfigured'
      : 'unknown'
}

function recoveryOf(entries: readonly Entry[]): RecoveryStatus {
  const recoveries = entries.map(({ recovery }) => recovery)
  if (recoveries.every((recovery) => recovery === 'succeeded')) return 'succeeded'
  return recoveries.includes('ongoing') ? 'ongoing' : 'unknown'
}

function renderEntry({ since, details, recovery, ...entry }: Entry): JsonObject {
  return {
    ...entry,
    ...(recovery === undefined ? {} : { recoveryStatus: recovery }),
    ...(details === undefined ? {} : { statusDetails: details }),
    inStateSince: instant(since),
  }
}

function instant(ms: number): string {
  return new Date(ms).toISOString()
}
