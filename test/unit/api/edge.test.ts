import * as assert from 'uvu/assert'
import type { JsonObject } from '../../../src/json/types.ts'
import { suite } from '../../support/suite.ts'
import { BODY, createHarness, GENERATED_ID } from './fake-service.ts'

const it = suite('what every resource has in common')

const PATH = '/api/2/connections'
const OPEN = { ...BODY, connectionStatus: 'open' }

const errorOf = (json: unknown): unknown => (json as JsonObject).error

it('asks for credentials everywhere but at health', async () => {
  const { call, service } = createHarness()
  const paths = [
    PATH,
    `${PATH}/c1`,
    `${PATH}/c1/logs`,
    '/openapi.json',
    '/docs',
    '/nowhere',
    '/health/other',
    '/health%2flive',
    '//health',
  ]
  const wrong = [
    '',
    'Basic',
    'Basic !',
    `Basic ${btoa('devops')}`,
    `Basic ${btoa('devops:wrong')}`,
    `Basic ${btoa('other:s3cret')}`,
    `Bearer ${btoa('devops:s3cret')}`,
  ]
  for (const path of paths) {
    for (const authorization of wrong) {
      const refused = await call('GET', path, { headers: { authorization } })
      assert.is(refused.status, 401, `${path} ${authorization}`)
      assert.match(refused.headers.get('www-authenticate')!, 'Basic realm="DITTO-DEVOPS"')
      assert.is(errorOf(refused.json), 'gateway:authentication.failed')
    }
  }
  assert.equal(service.calls, [])
})

it('takes passwords with colons and in UTF-8', async () => {
  const { call } = createHarness({
    verifyDevops: (name, password) => name === 'dev' && password === 'ä:b:c',
  })
  const encoded = Buffer.from('dev:ä:b:c').toString('base64')
  assert.is(
    (await call('GET', PATH, { headers: { authorization: `basic ${encoded}` } })).status,
    200,
  )
})

it('answers unknown paths, methods and versions in JSON', async () => {
  const { call, service } = createHarness()
  service.put('c1')
  const unknown = await call('GET', `${PATH}/c1/unknown`)
  assert.is(unknown.status, 404)
  assert.equal(unknown.json, {
    status: 404,
    error: 'gateway:resource.notfound',
    message: "The requested resource '/api/2/connections/c1/unknown' could not be found.",
    description: 'Check the path against the documentation at /docs.',
  })
  for (const path of ['/api/1/connections', '/api/3/things/x', '/api/10']) {
    const version = path.split('/')[2]
    assert.equal((await call('GET', path)).json, {
      status: 404,
      error: 'api.version.notsupported',
      message: `The requested resource is not supported by version '${version}'.`,
      description: 'Check if you specified the correct version of the API.',
    })
  }
  const methods = [
    ['DELETE', PATH, 'POST, GET, HEAD'],
    ['PATCH', `${PATH}/c1`, 'GET, HEAD, PUT, DELETE'],
    ['POST', `${PATH}/c1/`, 'GET, HEAD, PUT, DELETE'],
    ['GET', `${PATH}/c1/command`, 'POST'],
    ['PUT', `${PATH}/c1/status`, 'GET, HEAD'],
    ['POST', '/health', 'GET, HEAD'],
    ['POST', '/docs', 'GET, HEAD'],
  ] as const
  for (const [method, path, allowed] of methods) {
    const refused = await call(method, path)
    assert.is(refused.status, 405, `${method} ${path}`)
    assert.is(refused.headers.get('allow'), allowed)
    assert.equal(refused.json, {
      status: 405,
      error: 'gateway:method.notallowed',
      message: `The provided HTTP method '${method}' is not allowed on this resource.`,
      description: 'Check if you used the correct resource and method combination.',
    })
  }
})

it('gives the correlation id back, or makes one', async () => {
  const { call } = createHarness()
  const cases = [
    [PATH, { 'x-correlation-id': 'x', 'correlation-id': 'c' }, 'x'],
    [PATH, { 'correlation-id': 'c' }, 'c'],
    [`${PATH}?correlation-id=q`, { 'correlation-id': 'c' }, 'q'],
    ['/nowhere', { 'correlation-id': 'c' }, 'c'],
    [`${PATH}/c1`, { 'correlation-id': 'c', authorization: '' }, 'c'],
    [`${PATH}?correlation-id=a%0d%0ab`, { 'correlation-id': 'c' }, 'c'],
  ] as const
  for (const [path, headers, expected] of cases) {
    const answer = await call('GET', path, { headers: { ...headers } })
    assert.is(answer.headers.get('correlation-id'), expected)
  }
  for (const path of [PATH, `${PATH}?correlation-id=%C3%A4`, `${PATH}?correlation-id=%20`]) {
    const id = (await call('GET', path)).headers.get('correlation-id')!
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-/)
  }
})

it('refuses other media types before it reads the body', async () => {
  const { call } = createHarness()
  for (const type of ['text/plain', 'application/xml', 'application/merge-patch+json', 'json']) {
    const refused = await call('POST', PATH, { headers: { 'content-type': type }, body: 'no json' })
    assert.is(refused.status, 415)
    assert.equal(refused.json, {
      status: 415,
      error: 'mediatype.unsupported',
      message: `The Media-Type <${type}> is not supported for this resource.`,
      description: 'Allowed Media-Types are: <application/json,application/octet-stream>.',
    })
  }
})

it('takes JSON with a charset, and what has no type', async () => {
  for (const type of [
    'application/json; charset=latin1',
    'APPLICATION/JSON',
    'application/octet-stream',
  ]) {
    const headers = { 'content-type': type }
    const created = await createHarness().call('POST', PATH, {
      headers,
      body: JSON.stringify(BODY),
    })
    assert.is(created.status, 201, type)
  }
  const body = new TextEncoder().encode(JSON.stringify(BODY))
  assert.is((await createHarness().call('POST', PATH, { body })).status, 201)
})

it('refuses what is no JSON, and says where', async () => {
  const { call, service } = createHarness()
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
  const bodies = [
    '',
    '{',
    '{"a":1,}',
    '[1',
    'nothing',
    deep,
    '{"sources":[{"__proto__":{"x":1}}]}',
    new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]),
  ]
  for (const method of ['POST', 'PUT']) {
    for (const body of bodies) {
      const path = method === 'POST' ? PATH : `${PATH}/c1`
      const headers = { 'content-type': 'application/json' }
      const refused = await call(method, path, { headers, body })
      assert.is(refused.status, 400, String(body).slice(0, 50))
      assert.is(errorOf(refused.json), 'json.invalid')
    }
  }
  const trailing = await call('POST', PATH, {
    headers: { 'content-type': 'application/json' },
    body: '{\n  "a": 1,\n}',
  })
  assert.match(String((trailing.json as JsonObject).message), 'line 3, column 1')
  assert.is(service.stored.size, 0)
})

it('refuses bodies that are too large', async () => {
  const { call, service } = createHarness({ maxBodyBytes: 1_000 })
  const body = JSON.stringify({ ...BODY, name: 'x'.repeat(1_000) })
  for (const headers of [{}, { 'content-length': String(body.length) }]) {
    const refused = await call('POST', PATH, {
      headers: { 'content-type': 'application/json', ...headers },
      body,
    })
    assert.is(refused.status, 413)
    assert.equal(refused.json, {
      status: 413,
      error: 'gateway:request.toolarge',
      message: 'The body of the request is larger than the allowed 1000 bytes.',
      description: 'Send a smaller body, or raise http.max_body_bytes in the configuration.',
    })
  }
  assert.is(service.stored.size, 0)
})

it('checks the timeout', async () => {
  const { call } = createHarness()
  const cases = [
    ['10', 200],
    ['60s', 200],
    ['1m', 200],
    ['500ms', 200],
    ['61', 400, 'gateway:timeout.invalid'],
    ['2m', 400, 'gateway:timeout.invalid'],
    ['-1', 400, 'gateway:timeout.invalid'],
    ['soon', 400, 'header.invalid'],
    ['', 400, 'header.invalid'],
    ['0', 400, 'header.invalid'],
  ] as const
  for (const [timeout, status, error] of cases) {
    for (const answer of [
      await call('GET', `${PATH}?timeout=${timeout}`),
      await call('GET', PATH, { headers: { timeout } }),
    ]) {
      assert.is(answer.status, status, timeout)
      if (error !== undefined) assert.is(errorOf(answer.json), error)
    }
  }
  const tooLong = await call('GET', `${PATH}?timeout=90`)
  assert.is(
    (tooLong.json as JsonObject).message,
    'The timeout <90,000ms> is not inside its allowed bounds <0ms - 60,000ms>',
  )
})

it('answers 408 when an operation takes too long', async () => {
  const { call, service } = createHarness()
  service.put('c1')
  const work = Promise.withResolvers<void>()
  service.delay = work.promise
  const late = await call('PUT', `${PATH}/c1?timeout=20ms`, { body: { ...OPEN, name: 'late' } })
  assert.is(late.status, 408)
  assert.equal(late.json, {
    status: 408,
    error: 'command.timeout',
    message: 'The Command reached the specified timeout of 20ms.',
    description: 'Try increasing the command timeout.',
  })
  work.resolve()
  await work.promise
  await new Promise((resolve) => setImmediate(resolve))
  assert.is(service.retrieve('c1').connection.name, 'late')
})

it('answers 202 when no response is wanted, unless it fails at once', async () => {
  const { call, service } = createHarness()
  service.put('c1')
  const quiet = 'response-required=false'
  const created = await call('POST', `${PATH}?${quiet}`, { body: BODY })
  assert.is(created.status, 202)
  assert.is(created.text, '')
  assert.ok(service.stored.has(GENERATED_ID))
  const headers = { 'response-required': 'false' }
  assert.is((await call('PUT', `${PATH}/c1`, { headers, body: OPEN })).status, 202)
  assert.is((await call('PUT', `${PATH}/c2?${quiet}`, { body: OPEN })).status, 404)
  assert.is((await call('GET', `${PATH}/c1?${quiet}`)).status, 200)
  assert.is((await call('DELETE', `${PATH}/c1?${quiet}`)).status, 202)
})

it('tells nobody but the log about unexpected errors', async () => {
  const told: string[] = []
  const { call, service } = createHarness({
    log: { error: (details, message) => told.push(`${message} ${JSON.stringify(details)}`) },
  })
  service.put('c1')
  service.failure = new Error('cannot reach tcp://user:canary@broker')
  const failed = await call('DELETE', `${PATH}/c1`)
  assert.is(failed.status, 500)
  assert.equal(failed.json, {
    status: 500,
    error: 'connectivity:internalerror',
    message: 'There was a rare case of an unexpected internal error.',
    description: 'Please contact the service team.',
  })
  assert.is(told.length, 1)
  assert.match(told[0]!, 'tcp://user:*****@broker')
  assert.not.match(told[0]!, 'canary')
})
