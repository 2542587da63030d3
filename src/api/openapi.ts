/**
 * The OpenAPI 3.1 document of everything that is mounted, and a page that shows it. Both are made
 * from the schemas that validate, once, when they are first asked for.
 */
import type { OpenAPIHono } from '@hono/zod-openapi'
import { isJsonObject, type JsonObject } from '../json/types.ts'
import { connectionComponents } from './connection-schemas.ts'
import { renderDocs } from './docs.ts'

const SECURITY_SCHEME = 'DevOpsBasic'
/** The page has no script and loads nothing. */
const CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

/** Serves `/openapi.json` and `/docs`; to be called when all operations are mounted. */
export function mountOpenApi(app: OpenAPIHono, version: string): void {
  let document: JsonObject | undefined
  let page: string | undefined
  const getDocument = (): JsonObject => {
    document ??= createDocument(app, version)
    return document
  }
  app.get('/openapi.json', (c) => c.json(getDocument()))
  app.get('/docs', (c) => {
    page ??= renderDocs(getDocument())
    c.header('Content-Security-Policy', CONTENT_SECURITY_POLICY)
    return c.html(page)
  })
}

function createDocument(app: OpenAPIHono, version: string): JsonObject {
  app.openAPIRegistry.registerComponent('securitySchemes', SECURITY_SCHEME, {
    type: 'http',
    scheme: 'basic',
    description: 'The DevOps user.',
  })
  for (const [name, schema] of Object.entries(connectionComponents())) {
    app.openAPIRegistry.registerComponent('schemas', name, schema)
  }
  const document: unknown = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Sluice',
      version,
      description:
        'The connection API of a connectivity gateway: connections to message brokers, what they ' +
        'do, and how they are doing. Every error has the shape of the schema Error.',
    },
    security: [{ [SECURITY_SCHEME]: [] }],
  })
  if (!isJsonObject(document)) throw new Error('the OpenAPI document is no object')
  return document
}
