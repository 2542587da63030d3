import * as assert from 'uvu/assert'
import type { JsonObject } from '../../../src/json/types.ts'
import { suite } from '../../support/suite.ts'
import { createHarness } from './fake-service.ts'

const it = suite('monitoring resources')

const PATH = '/api/2/connections/c1'

it('shows the status in its envelope', async () => {
  const { call, service } = createHarness()
  service.put('c1')
  const shown = await call('GET', `${PATH}/status`)
  assert.is(shown.status, 200)
  assert.equal(shown.json, {
    type: 'connectivity.responses:retrieveConnectionStatus',
    status: 200,
    connectionId: 'c1',
    connectionStatus: 'open',
    liveStatus: 'open',
    recoveryStatus: 'succeeded',
  })
})

it('shows the metrics in their envelope', async () => {
  const { call, service } = createHarness()
  service.put('c1')
  assert.equal((await call('GET', `${PATH}/metrics`)).json, {
    type: 'connectivity.responses:retrieveConnectionMetrics',
    status: 200,
    connectionId: 'c1',
    connectionMetrics: { inbound: null, outbound: null },
    containsFailures: false,
  })
})

it('shows the log', async () => {
  const { call, service } = createHarness()
  service.put('c1')
  assert.equal((await call('GET', `${PATH}/logs`)).json, {
    connectionId: 'c1',
    connectionLogs: [],
    enabledSince: null,
    enabledUntil: null,
  })
  service.logsNow = {
    entries: [
      {
        correlationId: 'x',
        at: 0,
        category: 'connection',
        type: 'other',
        level: 'success',
        message: 'Connection successful',
      },
    ],
    enabledSince: '2026-01-01T00:00:00Z',
    enabledUntil: '2026-01-02T00:00:00Z',
  }
  assert.equal((await call('GET', `${PATH}/logs`)).json, {
    connectionId: 'c1',
    connectionLogs: [
      {
        correlationId: 'x',
        timestamp: '1970-01-01T00:00:00.000Z',
        category: 'connection',
        type: 'other',
        level: 'success',
        message: 'Connection successful',
      },
    ],
    enabledSince: '2026-01-01T00:00:00Z',
    enabledUntil: '2026-01-02T00:00:00Z',
  })
})

it('knows no connection that is not there', async () => {
  const { call } = createHarness()
  for (const name of ['status', 'metrics', 'logs']) {
    const missing = await call('GET', `${PATH}/${name}`)
    assert.is(missing.status, 404)
    assert.is((missing.json as JsonObject).error, 'connectivity:connection.notfound')
  }
})

it('takes no trailing slash', async () => {
  const { call, service } = createHarness()
  service.put('c1')
  for (const name of ['status', 'metrics', 'logs']) {
    assert.is((await call('GET', `${PATH}/${name}/`)).status, 404)
  }
})

it('tells whether the gateway is ready, to everyone', async () => {
  const { call, service } = createHarness()
  const anonymous = { headers: { authorization: '' } }
  const ready = await call('GET', '/health', anonymous)
  assert.is(ready.status, 200)
  assert.equal(ready.json, {
    status: 'UP',
    live: true,
    ready: true,
    engine: 'up',
    store: 'writable',
  })
  service.healthNow = { ready: false, engine: 'starting', store: 'writable' }
  const notReady = await call('GET', '/health', anonymous)
  assert.is(notReady.status, 503)
  assert.equal(notReady.json, {
    status: 'DOWN',
    live: true,
    ready: false,
    engine: 'starting',
    store: 'writable',
  })
  const live = await call('GET', '/health/live', anonymous)
  assert.is(live.status, 200)
  assert.equal(live.json, { status: 'UP' })
})
