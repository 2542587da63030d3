import * as assert from 'uvu/assert'
import type { DittoException } from '../../../src/protocol/errors.ts'
import type { ClientStatus, ShardStatus } from '../../../src/shard/description.ts'
import { ClientGroup } from '../../../src/supervisor/client-group.ts'
import type { AddressStatus } from '../../../src/transport/transport.ts'
import { testConnection } from '../../support/connection.ts'
import { suite } from '../../support/suite.ts'

const it = suite('supervisor/client-group')

const OPEN: ClientStatus = { status: 'open', recovery: 'unknown', details: '', since: 1 }

function status(...addresses: readonly AddressStatus[]): ShardStatus {
  return { client: OPEN, addresses: addresses.map((address) => ({ ...address, since: 1 })) }
}

const FINE = { kind: 'source', index: 0, address: 'in', status: 'open', details: 'ok' } as const
const MISSING = {
  kind: 'target',
  index: 1,
  address: 'nowhere/key',
  status: 'misconfigured',
  details: 'no exchange, said s%C3%ACcret',
} as const

const connection = testConnection({ uri: 'tcp://me:s%C3%ACcret@broker:1883' })

it('a dry run fails when an address cannot be used, and names it', async () => {
  const group = new ClientGroup(connection, true, 0)
  const outcome = group.outcome(1000).then(
    () => undefined,
    (error: DittoException) => error.error,
  )
  const connecting = { ...OPEN, status: 'unknown' } as const
  group.report(group.slots[0]!, { ...status(MISSING), client: connecting })
  group.report(group.slots[0]!, status({ ...FINE, status: 'failed', details: 'no queue' }, MISSING))
  const error = await outcome
  assert.match(error?.description ?? '', 'source 0, address in: no queue')
  assert.is(error?.error, 'connectivity:connection.failed')
  assert.match(error?.description ?? '', 'target 1, address nowhere/key: no exchange')
  assert.not.match(JSON.stringify(error), 'cret')
})

it('a dry run succeeds when all addresses can be used', async () => {
  const group = new ClientGroup(connection, true, 0)
  const outcome = group.outcome(1000)
  group.report(group.slots[0]!, status(FINE, { ...FINE, status: 'unknown' }))
  await outcome
})

it('a connection is open, whatever its addresses', async () => {
  const group = new ClientGroup(connection, false, 0)
  const outcome = group.outcome(1000)
  group.report(group.slots[0]!, status(FINE, MISSING))
  await outcome
})
