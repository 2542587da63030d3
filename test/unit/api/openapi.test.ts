import * as assert from 'uvu/assert'
import { connectionSchema, sourceSchema, targetSchema } from '../../../src/connection/schema.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../../src/json/types.ts'
import { suite } from '../../support/suite.ts'
import { createHarness } from './fake-service.ts'

const it = suite('OpenAPI document')

const OPERATIONS: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>> = {
  '/api/2/connections': {
    post: [200, 201, 202, 400, 401, 408, 409, 413, 415, 500, 503, 504],
    get: [200, 400, 401, 408, 500],
  },
  '/api/2/connections/{id}': {
    get: [200, 304, 400, 401, 404, 408, 412, 500],
    put: [202, 204, 400, 401, 404, 408, 409, 412, 413, 415, 500, 503, 504],
    delete: [202, 204, 400, 401, 404, 408, 412, 500, 503],
  },
  '/api/2/connections/{id}/command': {
    post: [200, 202, 400, 401, 404, 408, 409, 413, 415, 500, 503, 504],
  },
  '/api/2/connections/{id}/mapping/test': {
    post: [200, 400, 401, 404, 408, 413, 415, 500, 503],
  },
  '/api/2/connections/mapping/test': {
    post: [200, 400, 401, 404, 408, 413, 415, 500, 503],
  },
  '/api/2/connections/{id}/status': { get: [200, 400, 401, 404, 408, 500, 503] },
  '/api/2/connections/{id}/metrics': { get: [200, 400, 401, 404, 408, 500, 503] },
  '/api/2/connections/{id}/logs': { get: [200, 400, 401, 404, 408, 500, 503] },
  '/api/2/connections/status': { get: [200, 401, 408, 500] },
  '/metrics': { get: [200, 401, 408, 500] },
  '/health': { get: [200, 503] },
  '/health/live': { get: [200] },
}

async function fetchDocument(): Promise<JsonObject> {
  const answer = await createHarness().call('GET', '/openapi.json')
  assert.is(answer.status, 200)
  return answer.json as JsonObject
}

function at(value: JsonValue | undefined, ...path: readonly string[]): JsonValue | undefined {
  return path.reduce(
    (inner: JsonValue | undefined, name) => (isJsonObject(inner) ? inner[name] : undefined),
    value,
  )
}

function* valuesIn(value: JsonValue): Generator<JsonObject> {
  if (Array.isArray(value)) for (const item of value) yield* valuesIn(item)
  if (!isJsonObject(value)) return
  yield value
  for (const item of Object.values(value)) yield* valuesIn(item)
}

it('describes every operation with every status', async () => {
  const document = await fetchDocument()
  assert.is(document.openapi, '3.1.0')
  assert.is(at(document, 'info', 'version'), '1.2.3')
  const described = Object.fromEntries(
    Object.entries(document.paths as JsonObject).map(([path, item]) => [
      path,
      Object.fromEntries(
        Object.entries(item as JsonObject).map(([method, operation]) => [
          method,
          Object.keys(at(operation, 'responses') as JsonObject).map(Number),
        ]),
      ),
    ]),
  )
  assert.equal(described, OPERATIONS)
})

it('describes what the application serves, and no more', async () => {
  const { app } = createHarness()
  const served = new Set(
    app.routes
      .filter(({ method }) => method !== 'ALL')
      .map(({ method, path }) => `${method.toLowerCase()} ${path.replace(':id', '{id}')}`)
      .filter((route) => !route.endsWith('/') && !route.includes('&')),
  )
  const described = Object.entries(OPERATIONS).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  )
  assert.equal([...served].sort(), [...described, 'get /docs', 'get /openapi.json'].sort())
})

it('refers only to what it contains', async () => {
  const document = await fetchDocument()
  const references = [...valuesIn(document)].flatMap(({ $ref }) =>
    typeof $ref === 'string' ? [$ref] : [],
  )
  assert.ok(references.length > 20)
  for (const reference of references) {
    const [root, ...path] = reference.split('/')
    assert.is(root, '#')
    assert.ok(isJsonObject(at(document, ...path)), reference)
  }
})

it('gives every response a description, and every path its parameters', async () => {
  const document = await fetchDocument()
  for (const [path, item] of Object.entries(document.paths as JsonObject)) {
    for (const [method, operation] of Object.entries(item as JsonObject)) {
      const where = `${method} ${path}`
      assert.type(at(operation, 'summary'), 'string', where)
      for (const response of Object.values(at(operation, 'responses') as JsonObject)) {
        assert.type(at(response, 'description'), 'string', where)
      }
      const named = ((at(operation, 'parameters') ?? []) as JsonObject[])
        .filter((parameter) => parameter.in === 'path')
        .map(({ name, required }) => [name, required])
      assert.equal(named, path.includes('{id}') ? [['id', true]] : [], where)
    }
  }
})

it('has every field of a connection', async () => {
  const schemas = at(await fetchDocument(), 'components', 'schemas')
  const fields = (name: string) => Object.keys(at(schemas, name, 'properties') as JsonObject).sort()
  const all = Object.keys(connectionSchema.shape).sort()
  assert.equal(fields('Connection'), all)
  assert.equal(fields('ChangedConnection'), all)
  assert.equal(
    fields('NewConnection'),
    all.filter((name) => name !== 'id'),
  )
  assert.equal(fields('Source'), Object.keys(sourceSchema.shape).sort())
  assert.equal(fields('Target'), Object.keys(targetSchema.shape).sort())
  const required = at(schemas, 'NewConnection', 'required')
  assert.equal(required, ['connectionType', 'uri'])
})

it('shows itself as a page that needs nothing else', async () => {
  const { call } = createHarness()
  const page = await call('GET', '/docs')
  assert.is(page.status, 200)
  assert.match(page.headers.get('content-type')!, 'text/html')
  assert.match(page.headers.get('content-security-policy')!, "default-src 'none'")
  assert.not.match(page.text, /<script|<link|<img|src=|https?:\/\/(?!gateway)/)
  for (const path of Object.keys(OPERATIONS)) assert.match(page.text, `<code>${path}</code>`)
  for (const name of [...Object.keys(connectionSchema.shape), ...Object.keys(targetSchema.shape)]) {
    assert.match(page.text, `<code>${name}</code>`)
  }
  const anchors = [...page.text.matchAll(/href="#([^"]+)"/g)].map(([, name]) => name!)
  for (const name of anchors) assert.match(page.text, `id="${name}"`)
})
