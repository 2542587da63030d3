import * as assert from 'uvu/assert'
import type { ClientStatus, ShardStatus } from '../../../src/shard/description.ts'
import { renderStatus } from '../../../src/supervisor/status.ts'
import { testConnection, testSource, testTarget } from '../../support/connection.ts'
import { suite } from '../../support/suite.ts'

const it = suite('status')

type Live = ClientStatus['status']

const AT = Date.parse('2026-01-01T00:00:00.000Z')

const connection = testConnection({ sources: [testSource(['in'])], targets: [testTarget('out')] })

function client(status: Live, fields: Partial<ClientStatus> = {}): ClientStatus {
  const recovery = status === 'open' ? 'succeeded' : 'ongoing'
  return { status, recovery, details: 'details', since: AT, ...fields }
}

function shard(of: Live, source?: Live, target?: Live): ShardStatus {
  const address = { index: 0, details: 'told', since: AT } as const
  return {
    client: client(of),
    addresses: [
      ...(source === undefined
        ? []
        : [{ ...address, kind: 'source' as const, address: 'in', status: source }]),
      ...(target === undefined
        ? []
        : [{ ...address, kind: 'target' as const, address: 'out', status: target }]),
    ],
  }
}

function render(clients: readonly ShardStatus[]) {
  return renderStatus({ connection, instance: 'sluice', clients, closedAt: AT })
}

/** Clients, the live status of the whole, its recovery status. */
const CASES: readonly [readonly ShardStatus[], string, string][] = [
  [[shard('open', 'open', 'open')], 'open', 'succeeded'],
  [[shard('open', 'failed', 'open')], 'failed', 'succeeded'],
  [[shard('open', 'misconfigured', 'open')], 'misconfigured', 'succeeded'],
  [[shard('open', 'misconfigured', 'failed')], 'failed', 'succeeded'],
  [[shard('open', 'open', 'unknown')], 'open', 'succeeded'],
  [[shard('open', 'open')], 'open', 'succeeded'],
  [[shard('unknown')], 'unknown', 'ongoing'],
  [[shard('failed')], 'failed', 'ongoing'],
  [[shard('misconfigured', 'closed', 'closed')], 'misconfigured', 'ongoing'],
  [[shard('open', 'open', 'open'), shard('failed')], 'failed', 'ongoing'],
  [[shard('open', 'open', 'open'), shard('unknown')], 'unknown', 'ongoing'],
  [[], 'closed', 'unknown'],
]

for (const [clients, live, recovery] of CASES) {
  const told = clients.map((one) =>
    [one.client, ...one.addresses].map(({ status }) => status).join('/'),
  )
  it(`is ${live}, ${recovery} for [${told.join(', ')}]`, () => {
    const { liveStatus, recoveryStatus } = render(clients)
    assert.equal([liveStatus, recoveryStatus], [live, recovery])
  })
}

it('has the closed form of Ditto when no client is to run', () => {
  const closed = testConnection({ ...connection, connectionStatus: 'closed' })
  assert.equal(
    renderStatus({ connection: closed, instance: 'sluice', clients: [], closedAt: AT }),
    {
      connectionStatus: 'closed',
      liveStatus: 'closed',
      recoveryStatus: 'unknown',
      clientStatus: [
        {
          type: 'client',
          client: 'sluice',
          status: 'closed',
          recoveryStatus: 'unknown',
          statusDetails: '[DISCONNECTED] connection is closed',
          inStateSince: '2026-01-01T00:00:00.000Z',
        },
      ],
    },
  )
})

it('closes the addresses of a client that has not told of them', () => {
  const { sourceStatus, targetStatus, connectedSince } = render([shard('failed')])
  assert.is(connectedSince, undefined)
  assert.equal(sourceStatus, [
    {
      type: 'source',
      client: 'sluice',
      address: 'in',
      status: 'closed',
      statusDetails: 'Closed because of failure status in client.',
      inStateSince: '2026-01-01T00:00:00.000Z',
    },
  ])
  assert.is((targetStatus as unknown[]).length, 1)
})

it('has an entry of each address for each client, and the earliest connection', () => {
  const later = { ...shard('open', 'open', 'open'), client: client('open', { since: AT + 1000 }) }
  const body = render([later, shard('open', 'open', 'open')])
  assert.is(body.connectedSince, '2026-01-01T00:00:00.000Z')
  assert.equal(
    (body.sourceStatus as { client: string }[]).map((entry) => entry.client),
    ['sluice-0', 'sluice-1'],
  )
})

it('says what the state machine of Ditto would be in', () => {
  const details = (status: ClientStatus): unknown => {
    const { clientStatus } = render([{ client: status, addresses: [] }])
    return (clientStatus as { statusDetails: string }[])[0]!.statusDetails
  }
  assert.is(details(client('open', { details: 'CONNECTED' })), '[CONNECTED] CONNECTED')
  assert.is(details(client('failed')), '[CONNECTING] details')
  assert.is(details(client('misconfigured', { recovery: 'unknown' })), '[DISCONNECTED] details')
})
