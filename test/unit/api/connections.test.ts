import * as assert from 'uvu/assert'
import type { JsonObject } from '../../../src/json/types.ts'
import { suite } from '../../support/suite.ts'
import { BODY, createHarness, GENERATED_ID, INSTANT, ORIGIN } from './fake-service.ts'

const it = suite('connections resource')

const PATH = '/api/2/connections'
const OPEN = { ...BODY, connectionStatus: 'open' }

const NOT_FOUND = {
  status: 404,
  error: 'connectivity:connection.notfound',
  message:
    "The Connection with ID 'nope' could not be found or requester had insufficient permissions " +
    'to access it.',
  description:
    'Check if the ID of your requested Connection was correct and you have sufficient permissions.',
}

const RENDERED = {
  id: GENERATED_ID,
  name: 'demo',
  connectionType: 'mqtt',
  connectionStatus: 'unknown',
  uri: 'tcp://user:*****@broker:1883',
  sources: [
    {
      addresses: ['in/#'],
      consumerCount: 1,
      authorizationContext: ['integration:demo'],
      headerMapping: {},
      replyTarget: {
        address: '{{header:reply-to}}',
        headerMapping: {},
        expectedResponseTypes: ['response', 'error'],
        enabled: true,
      },
    },
  ],
  targets: [],
  clientCount: 1,
  failoverEnabled: true,
  validateCertificates: true,
  processorPoolSize: 1,
  tags: [],
}

it('creates with a generated id, and shows no secret', async () => {
  const { call, service } = createHarness()
  const created = await call('POST', PATH, { body: BODY })
  assert.is(created.status, 201)
  assert.is(created.headers.get('location'), `${ORIGIN}${PATH}/${GENERATED_ID}`)
  assert.equal(created.json, RENDERED)
  assert.match(service.retrieve(GENERATED_ID).connection.uri, 'canary-password')
})

it('leaves query and trailing slash out of the location', async () => {
  for (const path of [`${PATH}/`, `${PATH}?timeout=10`, `${PATH}/?dry-run=no&x=/y/`]) {
    const created = await createHarness().call('POST', path, { body: BODY })
    assert.is(created.headers.get('location'), `${ORIGIN}${PATH}/${GENERATED_ID}`, path)
  }
})

it('refuses an id in the body of a new connection', async () => {
  const refused = await createHarness().call('POST', PATH, { body: { ...BODY, id: 'mine' } })
  assert.is(refused.status, 400)
  assert.equal(refused.json, {
    status: 400,
    error: 'connectivity:id.notsettable',
    message: 'It is not allowed to provide an explicit ID for a connection.',
    description: 'Remove the ID from the connection as it will be generated.',
  })
})

it('answers a dry run with an empty body, in every spelling', async () => {
  for (const path of [`${PATH}?dry-run=true`, `${PATH}/?dry-run=TRUE`, `${PATH}&dry-run=true`]) {
    const { call, service } = createHarness()
    const tried = await call('POST', path, { body: OPEN })
    assert.is(tried.status, 200, path)
    assert.is(tried.text, '')
    assert.equal(service.calls, ['dryRun'])
    assert.is(service.stored.size, 0)
  }
})

it('tells why a dry run failed', async () => {
  const { call, service } = createHarness()
  service.failure = { status: 504, error: 'connectivity:connection.failed', message: 'm' }
  const failed = await call('POST', `${PATH}?dry-run=true`, { body: OPEN })
  assert.is(failed.status, 504)
  assert.equal(failed.json, service.failure)
})

it('shows a connection with its revision as entity tag', async () => {
  const { call, service } = createHarness()
  service.put('c1')
  for (const path of [`${PATH}/c1`, `${PATH}/c1/`]) {
    const shown = await call('GET', path)
    assert.is(shown.status, 200)
    assert.is(shown.headers.get('etag'), '"rev:1"')
    assert.equal(shown.json, { ...RENDERED, id: 'c1', connectionStatus: 'open' })
  }
})

it('shows only the fields that are asked for', async () => {
  const { call, service } = createHarness()
  service.put('c1')
  const shown = await call('GET', `${PATH}/c1?fields=id,_revision,sources,uri,__lifecycle,_created`)
  assert.equal(shown.json, {
    id: 'c1',
    _revision: 1,
    sources: RENDERED.sources,
    uri: 'tcp://user:*****@broker:1883',
    __lifecycle: 'ACTIVE',
    _created: INSTANT,
  })
  const wrong = await call('GET', `${PATH}/c1?fields=a(b`)
  assert.is(wrong.status, 400)
  assert.is((wrong.json as JsonObject).error, 'json.fieldselector.invalid')
})

it('answers conditional requests', async () => {
  const { call, service } = createHarness()
  service.put('c1')
  const path = `${PATH}/c1`
  const cases = [
    ['GET', { 'if-none-match': '"rev:1"' }, 304],
    ['GET', { 'if-none-match': 'W/"rev:1"' }, 304],
    ['GET', { 'if-none-match': '*' }, 304],
    ['GET', { 'if-none-match': '"rev:2", "rev:3"' }, 200],
    ['GET', { 'if-match': '"rev:9", "rev:1"' }, 200],
    ['GET', { 'if-match': 'W/"rev:1"' }, 412],
    ['GET', { 'if-match': '"rev:2"' }, 412],
    ['PUT', { 'if-match': '"rev:2"' }, 412],
    ['PUT', { 'if-none-match': '*' }, 412],
    ['DELETE', { 'if-match': '"rev:2"' }, 412],
    ['PUT', { 'if-match': '"rev:1"' }, 204],
    ['DELETE', { 'if-match': '"rev:2"' }, 204],
  ] as const
  for (const [method, headers, status] of cases) {
    const body = method === 'PUT' ? { body: OPEN } : {}
    const answer = await call(method, path, { headers: { ...headers }, ...body })
    assert.is(answer.status, status, `${method} ${JSON.stringify(headers)}`)
    if (status === 304) assert.is(answer.text, '')
    if (status === 304) assert.is(answer.headers.get('etag'), '"rev:1"')
  }
})

it('says which precondition failed', async () => {
  const { call, service } = createHarness()
  service.put('c1')
  const failed = await call('GET', `${PATH}/c1`, { headers: { 'if-match': '"rev:2"' } })
  const { error, message } = failed.json as JsonObject
  assert.is(error, 'connectivity:precondition.failed')
  assert.is(
    message,
    "The comparison of precondition header 'if-match' for the requested connection resource " +
      `evaluated to false. Header value: '"rev:2"', actual entity-tag: '"rev:1"'.`,
  )
})

it('changes a connection', async () => {
  const { call, service } = createHarness()
  service.put('c1')
  for (const path of [`${PATH}/c1`, `${PATH}/c1/`]) {
    const changed = await call('PUT', path, { body: { ...OPEN, name: path } })
    assert.is(changed.status, 204)
    assert.is(changed.text, '')
    assert.is(service.retrieve('c1').connection.name, path)
  }
  assert.is(service.retrieve('c1').revision, 3)
})

it('does not create by PUT', async () => {
  const { call, service } = createHarness()
  const missing = await call('PUT', `${PATH}/nope`, { body: OPEN })
  assert.is(missing.status, 404)
  assert.equal(missing.json, NOT_FOUND)
  assert.is(service.stored.size, 0)
})

it('deletes a connection, once', async () => {
  const { call, service } = createHarness()
  service.put('nope')
  const deleted = await call('DELETE', `${PATH}/nope`)
  assert.is(deleted.status, 204)
  assert.is(deleted.text, '')
  const again = await call('DELETE', `${PATH}/nope/`)
  assert.is(again.status, 404)
  assert.equal(again.json, NOT_FOUND)
})

it('lists more than a hundred connections, ordered by id', async () => {
  const { call, service } = createHarness()
  for (let index = 250; index > 0; index--) service.put(`c${String(index).padStart(3, '0')}`)
  const listed = await call('GET', PATH)
  assert.is(listed.status, 200)
  assert.is(listed.text.includes('canary'), false)
  const ids = (listed.json as JsonObject[]).map(({ id }) => id)
  assert.is(ids.length, 250)
  assert.equal(ids, [...ids].sort())
  assert.equal((listed.json as JsonObject[])[0], {
    ...RENDERED,
    id: 'c001',
    connectionStatus: 'open',
  })
})

it('lists ids and fields', async () => {
  const { call, service } = createHarness()
  service.put('b')
  service.put('a', { name: null })
  const cases = [
    ['?ids-only=true', ['a', 'b']],
    ['/?ids-only=True', ['a', 'b']],
    ['?fields=id', ['a', 'b']],
    [
      '?fields=id,name',
      [
        { id: 'a', name: null },
        { id: 'b', name: 'demo' },
      ],
    ],
    ['?fields=name&ids-only=false', [{ name: null }, { name: 'demo' }]],
  ] as const
  for (const [query, expected] of cases) {
    assert.equal((await call('GET', PATH + query)).json, expected, query)
  }
  assert.equal((await createHarness().call('GET', PATH)).json, [])
})

it('refuses ids that cannot be', async () => {
  const { call, service } = createHarness()
  const wrong = ['a$b', 'a.b', 'x'.repeat(101), '%C3%A4', 'a%2Fb', '%00']
  for (const id of wrong) {
    for (const [method, suffix] of [
      ['GET', ''],
      ['PUT', ''],
      ['DELETE', ''],
      ['GET', '/status'],
      ['GET', '/metrics'],
      ['GET', '/logs'],
      ['POST', '/command'],
    ] as const) {
      const body = method === 'PUT' ? { body: OPEN } : {}
      const refused = await call(method, `${PATH}/${id}${suffix}`, body)
      assert.is(refused.status, 400, `${method} ${id}${suffix}`)
      assert.equal(refused.json, {
        status: 400,
        error: 'connectivity:connection.id.invalid',
        message: `The Connection ID '${decodeURIComponent(id)}' is not valid.`,
        description: 'It must be conform to the regular expression: <[a-zA-Z0-9-_:]{1,100}>.',
      })
    }
  }
  assert.equal(service.calls, [])
})
