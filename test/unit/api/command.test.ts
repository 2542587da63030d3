import * as assert from 'uvu/assert'
import { suite } from '../../support/suite.ts'
import { createHarness } from './fake-service.ts'

const it = suite('command resource')

const PATH = '/api/2/connections/c1/command'

const COMMANDS = [
  ['connectivity.commands:openConnection', 'open c1'],
  ['connectivity.commands:closeConnection', 'close c1'],
  ['connectivity.commands:resetConnectionMetrics', 'resetMetrics c1'],
  ['connectivity.commands:enableConnectionLogs', 'enableLogs c1'],
  ['connectivity.commands:resetConnectionLogs', 'resetLogs c1'],
] as const

for (const [command, call] of COMMANDS) {
  it(`takes ${command}`, async () => {
    const harness = createHarness()
    harness.service.put('c1')
    for (const type of ['text/plain', 'text/plain; charset=utf-8', 'application/octet-stream']) {
      const done = await harness.call('POST', PATH, {
        headers: { 'content-type': type },
        body: command,
      })
      assert.is(done.status, 200, type)
      assert.is(done.text, '')
    }
    assert.equal(harness.service.calls, [call, call, call])
  })
}

it('takes a command without content type', async () => {
  const { call, service } = createHarness()
  service.put('c1')
  const body = new TextEncoder().encode('connectivity.commands:openConnection')
  assert.is((await call('POST', PATH, { body })).status, 200)
})

it('refuses what is no command, to the letter', async () => {
  const { call, service } = createHarness()
  service.put('c1')
  for (const body of ['openConnection', 'connectivity.commands:openConnection ', '', '"x"']) {
    const refused = await call('POST', PATH, { headers: { 'content-type': 'text/plain' }, body })
    assert.is(refused.status, 400)
    assert.equal(refused.json, {
      status: 400,
      error: 'connectivity:command.invalid',
      message: `The command <${body}> is invalid or unknown.`,
      description:
        'Choose from one of the valid commands, e.g. <connectivity.commands:openConnection>.',
    })
  }
  assert.equal(service.calls, [])
})

it('refuses JSON', async () => {
  const { call, service } = createHarness()
  service.put('c1')
  const refused = await call('POST', PATH, { body: ['connectivity.commands:openConnection'] })
  assert.is(refused.status, 415)
  assert.equal(refused.json, {
    status: 415,
    error: 'mediatype.unsupported',
    message: 'The Media-Type <application/json> is not supported for this resource.',
    description: 'Allowed Media-Types are: <text/plain,application/octet-stream>.',
  })
})

it('passes on why opening failed, and that there is no such connection', async () => {
  const { call, service } = createHarness()
  const open = { headers: { 'content-type': 'text/plain' }, body: COMMANDS[0][0] }
  assert.is((await call('POST', PATH, open)).status, 404)
  service.put('c1')
  service.failure = { status: 504, error: 'connectivity:connection.failed', message: 'm' }
  const failed = await call('POST', PATH, open)
  assert.is(failed.status, 504)
  assert.equal(failed.json, service.failure)
})
