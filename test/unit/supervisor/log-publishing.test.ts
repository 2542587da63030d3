import * as assert from 'uvu/assert'
import { DEFAULT_CONFIG } from '../../../src/config.ts'
import type { LogEntry } from '../../../src/monitoring/log-entry.ts'
import { createLogPublishing } from '../../../src/supervisor/log-publishing.ts'
import { engineSettings } from '../../../src/supervisor/settings.ts'
import { startFluentd } from '../../support/fluentd.ts'
import { eventually } from '../../support/gateway.ts'
import { suite } from '../../support/suite.ts'

const it = suite('publishing of logs, put together')

const QUIET = { info: () => {}, warn: () => {}, error: () => {} }

function configured(publisher: object) {
  const { logs } = DEFAULT_CONFIG.monitoring
  const monitoring = {
    ...DEFAULT_CONFIG.monitoring,
    logs: { ...logs, publisher: { ...logs.publisher, ...publisher } },
  }
  return { ...DEFAULT_CONFIG, monitoring }
}

function entry(message: string): LogEntry {
  const kind = { category: 'connection', type: 'other', level: 'success' } as const
  return { ...kind, at: 1_000, correlationId: '', message }
}

it('does nothing and asks shards for nothing unless it is enabled', () => {
  assert.is(createLogPublishing(DEFAULT_CONFIG, 'sluice', QUIET), undefined)
  assert.is(engineSettings(DEFAULT_CONFIG).publishedLogs, undefined)
  assert.equal(engineSettings(configured({ enabled: true, levels: ['failure'] })).publishedLogs, {
    levels: ['failure'],
    withMessage: false,
    maxEntries: 1_000,
    maxBytes: 4_194_304,
  })
})

it('names the client that wrote, when there are several', async () => {
  const endpoint = await startFluentd()
  const config = configured({ enabled: true, host: '127.0.0.1', port: endpoint.port })
  const publishing = createLogPublishing(config, 'sluice-host', QUIET)!
  const report = { connectionId: 'c', dropped: 0 }
  publishing.report({ ...report, clientIndex: 0, clientCount: 1, entries: [entry('alone')] })
  publishing.report({ ...report, clientIndex: 1, clientCount: 2, entries: [entry('second')] })
  publishing.entry('c', entry('gateway'))
  await publishing.close()
  await eventually(
    () => endpoint.published.length,
    (count) => count === 3,
  )
  assert.equal(
    endpoint.published.map(({ fields }) => [fields.message, fields.instanceId]),
    [
      ['alone', 'sluice-host'],
      ['second', 'sluice-host-1'],
      ['gateway', 'sluice-host'],
    ],
  )
  await endpoint.stop()
})
