/**
 * The connections themselves: create, try, change, delete, show (Ditto documentation, "Manage
 * connections via HTTP API"). What is shown is always masked. Knows no supervisor behind the
 * service.
 */
import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { renderConnection } from '../connection/render.ts'
import { parseFieldSelector, selectFields } from '../json/field-selector.ts'
import type { JsonObject } from '../json/types.ts'
import type { StoredConnection } from '../supervisor/service.ts'
import { readJson } from './body.ts'
import { entityTag, isConditional, isNotModified } from './conditional.ts'
import { reference } from './connection-schemas.ts'
import {
  ACCEPTED,
  CONNECTION_PATH,
  CONNECTIONS_PATH,
  changeParameters,
  conditionHeaders,
  failures,
  fieldsParameter,
  idParameter,
  json,
} from './describe.ts'
import type { Endpoint, ResourceOptions } from './endpoint.ts'
import { listParameters, pageOf } from './listing.ts'
import { connectionId } from './resource.ts'

const TAGS = ['connections']
const CONNECTION = reference('Connection')

/** The operations on the collection and on its items. */
export function connectionEndpoints(options: ResourceOptions): readonly Endpoint[] {
  return [create(options), list(options), retrieve(options), modify(options), remove(options)]
}

function create({ service, maxBodyBytes }: ResourceOptions): Endpoint {
  return {
    route: {
      method: 'post',
      path: CONNECTIONS_PATH,
      summary: 'Create a connection, or try one out',
      description:
        'The id is generated. With `dry-run=true` the connection is really established, and nothing ' +
        'is stored. The spelling `/api/2/connections&dry-run=true` does the same.',
      tags: TAGS,
      request: {
        query: changeParameters.extend({ 'dry-run': z.enum(['true', 'false']).optional() }),
        body: { required: true, ...json(reference('NewConnection'), 'The connection.') },
      },
      responses: {
        200: { description: 'Dry run: the connection can be established.' },
        201: {
          ...json(CONNECTION, 'Created. Clients of an open connection start now.'),
          headers: z.object({ Location: z.string().describe('Where the connection is.') }),
        },
        ...ACCEPTED,
        ...failures(400, 409, 413, 415, 503, 504),
      },
    },
    aliases: [`${CONNECTIONS_PATH}/`, DRY_RUN_PATH],
    handle: async (c) => {
      const body = await readJson(c, maxBodyBytes)
      if (isDryRun(c)) {
        await service.dryRun(body)
        return c.body(null, 200)
      }
      const { connection } = await service.create(body)
      c.header('Location', `${c.req.url.replace(/\/?(\?.*)?$/, '')}/${connection.id}`)
      return c.json(renderConnection(connection), 201)
    },
  }
}

/** As some descriptions of the API print it: no query, but a path of its own. */
const DRY_RUN_PATH = `${CONNECTIONS_PATH}&dry-run=true`

function isDryRun(c: Context): boolean {
  return c.req.query('dry-run')?.toLowerCase() === 'true' || c.req.path === DRY_RUN_PATH
}

function list({ service }: ResourceOptions): Endpoint {
  return {
    route: {
      method: 'get',
      path: CONNECTIONS_PATH,
      summary: 'List all connections',
      description:
        'Ordered by id; all of them, unless parameters say otherwise. With `ids-only=true` or ' +
        '`fields=id` a list of ids.',
      tags: TAGS,
      request: {
        query: fieldsParameter.extend({
          'ids-only': z.enum(['true', 'false']).optional(),
          ...listParameters,
        }),
      },
      responses: {
        200: json(
          {
            anyOf: [
              { type: 'array', items: CONNECTION },
              { type: 'array', items: { type: 'string' } },
            ],
          },
          'All connections.',
        ),
        ...failures(400),
      },
    },
    aliases: [`${CONNECTIONS_PATH}/`],
    handle: (c) => {
      const fields = c.req.query('fields')
      const page = pageOf(c, service.list(), (id) => service.liveStatus(id))
      if (c.req.query('ids-only')?.toLowerCase() === 'true' || fields?.trim() === 'id') {
        return c.json(page.map(({ connection }) => connection.id))
      }
      const show = projection(fields)
      return c.json(page.map(show))
    },
  }
}

function retrieve({ service }: ResourceOptions): Endpoint {
  return {
    route: {
      method: 'get',
      path: CONNECTION_PATH,
      summary: 'Retrieve a connection',
      description: 'Passwords and other secrets are shown as `*****`.',
      tags: TAGS,
      request: { params: idParameter, query: fieldsParameter, headers: conditionHeaders },
      responses: {
        200: {
          ...json(CONNECTION, 'The connection.'),
          headers: z.object({ ETag: z.string().describe('The revision, as `"rev:3"`.') }),
        },
        304: { description: 'Not modified.' },
        ...failures(400, 404, 412),
      },
    },
    aliases: [`${CONNECTION_PATH}/`],
    handle: (c) => {
      const show = projection(c.req.query('fields'))
      const stored = service.retrieve(connectionId(c))
      const tag = entityTag(stored.revision)
      const notModified = isNotModified(c, tag)
      c.header('ETag', tag)
      return notModified ? c.body(null, 304) : c.json(show(stored))
    },
  }
}

function modify({ service, maxBodyBytes }: ResourceOptions): Endpoint {
  return {
    route: {
      method: 'put',
      path: CONNECTION_PATH,
      summary: 'Change a connection',
      description:
        'Replaces the whole connection, which must exist. A secret that is sent as `*****` keeps ' +
        'its value. The change stays stored when opening fails.',
      tags: TAGS,
      request: {
        params: idParameter,
        query: changeParameters,
        headers: conditionHeaders,
        body: { required: true, ...json(reference('ChangedConnection'), 'The connection.') },
      },
      responses: {
        ...ACCEPTED,
        204: { description: 'Changed.' },
        ...failures(400, 404, 409, 412, 413, 415, 503, 504),
      },
    },
    aliases: [`${CONNECTION_PATH}/`],
    handle: async (c) => {
      const id = connectionId(c)
      const body = await readJson(c, maxBodyBytes)
      checkConditions(c, () => service.retrieve(id))
      await service.modify(id, body)
      return c.body(null, 204)
    },
  }
}

function remove({ service }: ResourceOptions): Endpoint {
  return {
    route: {
      method: 'delete',
      path: CONNECTION_PATH,
      summary: 'Delete a connection',
      description: 'Its clients are closed first.',
      tags: TAGS,
      request: { params: idParameter, query: changeParameters, headers: conditionHeaders },
      responses: {
        ...ACCEPTED,
        204: { description: 'Deleted.' },
        ...failures(400, 404, 412, 503),
      },
    },
    aliases: [`${CONNECTION_PATH}/`],
    handle: async (c) => {
      const id = connectionId(c)
      checkConditions(c, () => service.retrieve(id))
      await service.remove(id)
      return c.body(null, 204)
    },
  }
}

function checkConditions(c: Context, retrieveStored: () => StoredConnection): void {
  if (isConditional(c)) isNotModified(c, entityTag(retrieveStored().revision))
}

/** What is shown of a connection; the selector is parsed once for a whole list. */
function projection(selector: string | undefined): (stored: StoredConnection) => JsonObject {
  if (selector === undefined) return ({ connection }) => renderConnection(connection)
  const fields = parseFieldSelector(selector)
  return ({ connection, revision, created, modified }) =>
    selectFields(
      {
        ...renderConnection(connection),
        _revision: revision,
        _created: created,
        _modified: modified,
        __lifecycle: 'ACTIVE',
      },
      fields,
    )
}
