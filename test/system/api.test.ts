/** The API of the real service with a real broker: every line of it, and what it refuses. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { type Sluice, startSluice } from '../../bench/support/sluice.ts'
import { type Mosquitto, startMosquitto } from '../support/broker.ts'
import { CONNECTIONS, command, create, eventually, look, open } from '../support/gateway.ts'
import { freePort } from '../support/ports.ts'
import { suite } from '../support/suite.ts'

const it = suite('api')

const CONFIGURATION = 'connectivity:connection.configuration.invalid'

/** Must appear in no answer, no log, no file. */
const CANARY = 'c4n4ry-p4ssw0rd'

let broker: Mosquitto
let sluice: Sluice
const answers: string[] = []

it.before(async () => {
  broker = await startMosquitto({ users: { sluice: CANARY, tester: 'tester' }, verbose: true })
  const started = await startSluice({ config: { workers: { threads: 1 } } })
  sluice = {
    ...started,
    async request(...args) {
      const answer = await started.request(...args)
      answers.push(answer.text)
      return answer
    },
  }
})
it.after(async () => {
  await sluice.stop()
  await broker.stop()
})

const uri = () => broker.url(`sluice:${CANARY}`)

const target = (fields: object = {}): object => ({
  name: 'events',
  connectionType: 'mqtt',
  connectionStatus: 'closed',
  uri: uri(),
  targets: [
    {
      address: 'out',
      qos: 0,
      topics: ['_/_/things/twin/events'],
      authorizationContext: ['test:api'],
    },
  ],
  ...fields,
})

const scripted = (incomingScript: string): object =>
  target({
    targets: [],
    sources: [
      { addresses: ['in/+'], qos: 1, authorizationContext: ['test:api'], payloadMapping: ['js'] },
    ],
    mappingDefinitions: { js: { mappingEngine: 'JavaScript', options: { incomingScript } } },
  })

it('creates with a generated id and a location', async () => {
  const answer = await sluice.request('POST', CONNECTIONS, target())
  assert.is(answer.status, 201)
  assert.match(answer.json.id, /^[0-9a-f-]{36}$/)
  assert.is(answer.headers.get('location'), `${sluice.url}${CONNECTIONS}/${answer.json.id}`)
  assert.is(answer.json.uri, broker.url('sluice:*****'))
  assert.is(answer.json.clientCount, 1)
})

const refusals: readonly [title: string, body: () => unknown, error: string, text: RegExp][] = [
  [
    "an id of one's own",
    () => target({ id: 'mine' }),
    'connectivity:id.notsettable',
    /explicit ID/,
  ],
  ['no source and no target', () => target({ targets: [] }), CONFIGURATION, /Either a source or/],
  [
    'a type that Ditto does not know',
    () => target({ connectionType: 'mqqt' }),
    'json.invalid',
    /mqqt/,
  ],
  [
    'a type without a binding yet',
    () =>
      target({
        connectionType: 'kafka',
        uri: 'tcp://h:9092',
        specificConfig: { bootstrapServers: 'h:9092' },
        targets: [{ address: 'x/y', topics: [], authorizationContext: ['a:b'] }],
      }),
    CONFIGURATION,
    /kafka/,
  ],
  ['a field that no Ditto knows', () => target({ clientCont: 2 }), CONFIGURATION, /clientCont/],
  [
    'a topic that does not exist',
    () =>
      target({
        targets: [
          {
            address: 'x',
            qos: 0,
            topics: ['_/_/things/twin/evnts'],
            authorizationContext: ['a:b'],
          },
        ],
      }),
    'connectivity:topic.invalid',
    /evnts/,
  ],
  [
    'a filter that is no RQL',
    () =>
      target({
        targets: [
          {
            address: 'x',
            qos: 0,
            topics: ['_/_/things/twin/events?filter=eq(attributes/a'],
            authorizationContext: ['a:b'],
          },
        ],
      }),
    'rql.expression.invalid',
    /position/,
  ],
  [
    'a script that does not compile',
    () => scripted('function mapToDittoProtocolMsg( {'),
    CONFIGURATION,
    /line\/column #\d+\/\d+/,
  ],
  [
    'a mapper that is not defined',
    () =>
      target({
        targets: [
          {
            address: 'x',
            qos: 0,
            topics: [],
            authorizationContext: ['a:b'],
            payloadMapping: ['nope'],
          },
        ],
      }),
    CONFIGURATION,
    /nope/,
  ],
  [
    'several clients on one subscription',
    () =>
      target({
        targets: [],
        clientCount: 2,
        sources: [{ addresses: ['a'], qos: 0, authorizationContext: ['a:b'] }],
      }),
    CONFIGURATION,
    /copy/,
  ],
  [
    "a scheme that is not MQTT's",
    () => target({ uri: 'amqp://localhost:1883' }),
    'connectivity:connection.uri.invalid',
    /amqp/,
  ],
]

for (const [title, body, error, text] of refusals) {
  it(`refuses ${title}`, async () => {
    const before = await sluice.request('GET', `${CONNECTIONS}?ids-only=true`)
    const { status, json } = await sluice.request('POST', CONNECTIONS, body())
    assert.is(status, 400, JSON.stringify(json))
    assert.is(json.error, error, JSON.stringify(json))
    assert.match(`${json.message} ${json.description}`, text)
    const after = await sluice.request('GET', `${CONNECTIONS}?ids-only=true`)
    assert.equal(after.json, before.json)
  })
}

it('refuses what is no JSON, too large, or of another type', async () => {
  const malformed = await sluice.request('POST', CONNECTIONS, '{"name":', {
    'content-type': 'application/json',
  })
  assert.is(malformed.status, 400)
  assert.is(malformed.json.error, 'json.invalid')
  const text = await sluice.request('POST', CONNECTIONS, 'name', { 'content-type': 'text/plain' })
  assert.is(text.status, 415)
  const large = await sluice.request('POST', CONNECTIONS, target({ name: 'x'.repeat(2_000_000) }))
  assert.is(large.status, 413)
  assert.is(large.json.status, 413)
})

const dryRunPaths = [`${CONNECTIONS}?dry-run=true`, `${CONNECTIONS}&dry-run=true`]
for (const path of dryRunPaths) {
  it(`connects for a dry run and leaves nothing behind: POST ${path}`, async () => {
    const before = await sluice.request('GET', `${CONNECTIONS}?ids-only=true`)
    const answer = await sluice.request('POST', path, target())
    assert.is(answer.status, 200, answer.text)
    assert.is(answer.text, '')
    assert.match(broker.log(), /-dry-run.*\(p2, c1/)
    const after = await sluice.request('GET', `${CONNECTIONS}?ids-only=true`)
    assert.equal(after.json, before.json)
    await eventually(
      () => broker.log(),
      (log) => /Client \S*dry-run\S* disconnected/.test(log),
    )
  })
}

it('tells why a dry run failed, in the words of the broker', async () => {
  const wrong = target({ uri: broker.url('sluice:wrong') })
  const denied = await sluice.request('POST', `${CONNECTIONS}?dry-run=true`, wrong)
  assert.is(denied.status, 401, denied.text)
  assert.match(denied.text, /not authori[sz]ed|credentials|user name/i)
  const closed = await freePort()
  const nobody = target({ uri: `tcp://127.0.0.1:${closed}` })
  const unreachable = await sluice.request('POST', `${CONNECTIONS}?dry-run=true`, nobody)
  assert.is(unreachable.status, 504)
  assert.is(unreachable.json.error, 'connectivity:connection.failed')
  assert.match(unreachable.json.description, new RegExp(`127.0.0.1:${closed}`))
})

it('modifies, and keeps the secret that a mask stands for', async () => {
  const id = await create(sluice, target())
  const shown = (await sluice.request('GET', `${CONNECTIONS}/${id}`)).json
  assert.not.match(JSON.stringify(shown), CANARY)
  const changed = { ...shown, name: 'renamed', connectionStatus: 'open' }
  const put = await sluice.request('PUT', `${CONNECTIONS}/${id}`, changed)
  assert.is(put.status, 204, put.text)
  assert.is(put.text, '')
  const { json } = await sluice.request('GET', `${CONNECTIONS}/${id}`)
  assert.is(json.name, 'renamed')
  assert.is((await look(sluice, id, 'status')).liveStatus, 'open')
})

it('modifies only what exists, and only completely', async () => {
  const unknown = await sluice.request('PUT', `${CONNECTIONS}/nobody`, target())
  assert.is(unknown.status, 404)
  assert.is(unknown.json.error, 'connectivity:connection.notfound')
  const id = await create(sluice, target())
  const other = await sluice.request('PUT', `${CONNECTIONS}/${id}`, target({ id: 'other' }))
  assert.is(other.json.error, 'connectivity:id.notsettable')
  const { connectionStatus: _, ...incomplete } = target() as Record<string, unknown>
  const missing = await sluice.request('PUT', `${CONNECTIONS}/${id}`, incomplete)
  assert.is(missing.status, 400)
  assert.match(missing.json.message, /connectionStatus/)
  const { json } = await sluice.request('GET', `${CONNECTIONS}/${id}`)
  assert.is(json.name, 'events')
})

it('lists connections, ids, and chosen fields', async () => {
  const id = await create(sluice, target({ name: 'listed', tags: ['x'] }))
  const ids: string[] = (await sluice.request('GET', `${CONNECTIONS}?ids-only=true`)).json
  assert.ok(ids.includes(id))
  assert.equal(ids, [...ids].sort())
  const all = (await sluice.request('GET', CONNECTIONS)).json
  assert.equal(
    all.map((one: { id: string }) => one.id),
    ids,
  )
  const some = (await sluice.request('GET', `${CONNECTIONS}?fields=id,name,tags`)).json
  assert.equal(
    some.find((one: { id: string }) => one.id === id),
    { id, name: 'listed', tags: ['x'] },
  )
  const one = await sluice.request('GET', `${CONNECTIONS}/${id}?fields=name,_revision`)
  assert.equal(one.json, { name: 'listed', _revision: 1 })
})

it('deletes once', async () => {
  const id = await open(sluice, target())
  assert.is((await sluice.request('DELETE', `${CONNECTIONS}/${id}`)).status, 204)
  for (const [method, path] of [
    ['DELETE', ''],
    ['GET', ''],
    ['GET', '/status'],
    ['GET', '/metrics'],
    ['GET', '/logs'],
  ]) {
    const { status, json } = await sluice.request(method!, `${CONNECTIONS}/${id}${path}`)
    assert.is(status, 404)
    assert.is(json.error, 'connectivity:connection.notfound')
  }
})

it('obeys the five commands', async () => {
  const id = await create(sluice, target())
  assert.is((await look(sluice, id, 'status')).liveStatus, 'closed')
  assert.equal((await look(sluice, id, 'logs')).connectionLogs, [])
  assert.is((await look(sluice, id, 'metrics')).connectionMetrics.inbound, null)
  assert.is((await command(sluice, id, 'openConnection')).status, 200)
  const status = await look(sluice, id, 'status')
  assert.is(status.connectionStatus, 'open')
  assert.is(status.liveStatus, 'open')
  assert.is(status.targetStatus[0].address, 'out')
  const logs = await look(sluice, id, 'logs')
  assert.ok(logs.connectionLogs.length > 0)
  const until = Date.parse(logs.enabledUntil) - Date.now()
  assert.ok(until > 23 * 3_600_000 && until <= 24 * 3_600_000)
  for (const name of ['resetConnectionLogs', 'enableConnectionLogs', 'resetConnectionMetrics']) {
    assert.is((await command(sluice, id, name)).status, 200)
  }
  assert.is((await command(sluice, id, 'closeConnection')).status, 200)
  assert.is((await look(sluice, id, 'status')).liveStatus, 'closed')
  assert.is((await command(sluice, id, 'closeConnection')).status, 200)
  const invalid = await command(sluice, id, 'explode')
  assert.is(invalid.status, 400)
  assert.is(invalid.json.error, 'connectivity:command.invalid')
})

it('tells in the words of the broker why a connection cannot be opened', async () => {
  const id = await create(sluice, target({ uri: broker.url('sluice:wrong') }))
  const denied = await command(sluice, id, 'openConnection')
  assert.is(denied.status, 401, denied.text)
  const status = await look(sluice, id, 'status')
  assert.is(status.connectionStatus, 'open')
  assert.is(status.liveStatus, 'misconfigured')
  await sluice.request('DELETE', `${CONNECTIONS}/${id}`)
})

it('is open to nobody without credentials, but for its health', async () => {
  for (const path of [CONNECTIONS, '/openapi.json', '/docs', '/']) {
    const answer = await fetch(`${sluice.url}${path}`)
    assert.is(answer.status, 401, path)
    assert.match(answer.headers.get('www-authenticate') ?? '', /^Basic realm="DITTO-DEVOPS"/)
    assert.is(((await answer.json()) as { status: number }).status, 401)
  }
  const health = await fetch(`${sluice.url}/health`)
  assert.is(health.status, 200)
})

it('answers unknown routes and wrong methods in the shape of every error', async () => {
  const unknown = await sluice.request('GET', '/api/2/things')
  assert.is(unknown.status, 404)
  assert.is(unknown.json.status, 404)
  const method = await sluice.request('PATCH', CONNECTIONS, {})
  assert.is(method.status, 405)
  assert.match(method.headers.get('allow') ?? '', /POST/)
})

it('describes itself', async () => {
  const document = (await sluice.request('GET', '/openapi.json')).json
  assert.match(document.openapi, /^3\.1/)
  assert.ok(document.paths['/api/2/connections'])
  const page = await sluice.request('GET', '/docs')
  assert.match(page.text, /<html/)
})

it('keeps secrets: in no answer, no log, no file', async () => {
  await open(sluice, target())
  for (const text of [...answers, sluice.output()]) assert.not.match(text, CANARY)
  const store = join(sluice.folder, 'data')
  for (const file of readdirSync(store, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue
    const content = readFileSync(join(file.parentPath, file.name), 'latin1')
    assert.not.ok(content.includes(CANARY), `${file.name} contains the password`)
  }
})
