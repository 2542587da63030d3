/** Trying mapping definitions on sample messages before they are used. Knows no mapper. */
import type { Context } from 'hono'
import { readJson } from './body.ts'
import { reference } from './connection-schemas.ts'
import {
  CONNECTION_PATH,
  CONNECTIONS_PATH,
  failures,
  idParameter,
  json,
  readParameters,
} from './describe.ts'
import type { Endpoint, ResourceOptions } from './endpoint.ts'
import { connectionId } from './resource.ts'

const DESCRIPTION =
  'Each mapper gets each message by itself, within the limits of production. The answer tells what ' +
  'it made of the message, how long that took, what the script wrote to its console, and errors with ' +
  'line and column. Nothing is dispatched, and no connection is touched: the scripts run in a process ' +
  'of their own. A message that ends it is told so; those after it are not tried. What makes the ' +
  'answer too long is left out and told.'

/** With and without a connection. */
export function mappingTestEndpoints(options: ResourceOptions): readonly Endpoint[] {
  return [
    endpoint(options, {
      path: `${CONNECTION_PATH}/mapping/test`,
      summary: 'Try the mapping definitions of a connection',
      params: { params: idParameter },
      idOf: connectionId,
    }),
    endpoint(options, {
      path: `${CONNECTIONS_PATH}/mapping/test`,
      summary: 'Try mapping definitions without a connection',
      params: {},
      idOf: () => undefined,
    }),
  ]
}

function endpoint(
  { service, maxBodyBytes }: ResourceOptions,
  { path, summary, params, idOf }: Variant,
): Endpoint {
  return {
    route: {
      method: 'post',
      path,
      summary,
      description: DESCRIPTION,
      tags: ['connections'],
      request: {
        ...params,
        query: readParameters,
        body: {
          required: true,
          ...json(reference('MappingTrial'), 'Mappers and sample messages.'),
        },
      },
      responses: {
        200: json(reference('MappingTrialResult'), 'What came of each message.'),
        ...failures(400, 404, 413, 415, 503),
      },
    },
    handle: async (c) => {
      const id = idOf(c)
      return c.json(await service.testMapping(id, await readJson(c, maxBodyBytes)))
    },
  }
}

interface Variant {
  readonly path: string
  readonly summary: string
  readonly params: { readonly params?: typeof idParameter }
  readonly idOf: (c: Context) => string | undefined
}
