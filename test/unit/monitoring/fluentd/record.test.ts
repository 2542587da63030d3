import * as assert from 'uvu/assert'
import { recordOf, sizeOf } from '../../../../src/monitoring/fluentd/record.ts'
import type { LogEntry } from '../../../../src/monitoring/log-entry.ts'
import { suite } from '../../../support/suite.ts'

const it = suite('record of a published log entry')

const ORIGIN = { connectionId: 'c1', instanceId: 'sluice-host-1' }
const SETTINGS = { tag: '', additionalContext: {} }
const ENTRY: LogEntry = {
  correlationId: 'cid',
  at: 1_700_000_000_123,
  category: 'source',
  type: 'consumed',
  level: 'success',
  message: 'Received signal.',
  address: 'in/a',
  entityType: 'thing',
  entityId: 'ns:a',
}

it('has the fields of the entry under the names that Ditto gives them', () => {
  assert.equal(recordOf(ORIGIN, ENTRY, SETTINGS), {
    tag: 'connection:c1',
    at: 1_700_000_000_123,
    fields: {
      connectionId: 'c1',
      level: 'success',
      category: 'source',
      type: 'consumed',
      correlationId: 'cid',
      address: 'in/a',
      entityType: 'thing',
      entityId: 'ns:a',
      instanceId: 'sluice-host-1',
      message: 'Received signal.',
    },
  })
})

it('leaves out what is not known', () => {
  const { address, entityType, entityId, ...rest } = ENTRY
  for (const correlationId of ['', '<not-provided>']) {
    const { fields } = recordOf(ORIGIN, { ...rest, correlationId }, SETTINGS)
    assert.equal(Object.keys(fields), [
      'connectionId',
      'level',
      'category',
      'type',
      'instanceId',
      'message',
    ])
  }
})

it('takes the configured tag, and the configured context in place of its own fields', () => {
  const additionalContext = { region: 'north', instanceId: 'gateway-7' }
  const { tag, fields } = recordOf(ORIGIN, ENTRY, { tag: 'logs', additionalContext })
  assert.is(tag, 'logs')
  assert.is(fields.region, 'north')
  assert.is(fields.instanceId, 'gateway-7')
})

it('knows its size by the bytes of its texts', () => {
  const short = sizeOf(recordOf(ORIGIN, ENTRY, SETTINGS))
  const long = sizeOf(recordOf(ORIGIN, { ...ENTRY, message: `${ENTRY.message}äöü` }, SETTINGS))
  assert.is(long - short, 6)
})
