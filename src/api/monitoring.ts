/** How a connection is doing: its status, metrics and logs (Ditto documentation, "Monitoring"). */
import type { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type { JsonObject } from '../json/types.ts'
import { renderLogs } from '../monitoring/logs-json.ts'
import { CONNECTION_PATH, failures, idParameter, json, readParameters } from './describe.ts'
import type { Endpoint, ResourceOptions } from './endpoint.ts'
import { connectionId } from './resource.ts'
import { connectionMetricsSchema, logsSchema, statusSchema } from './schemas.ts'

/** The operations that tell about one connection. */
export function monitoringEndpoints({ service }: ResourceOptions): readonly Endpoint[] {
  return [
    read('status', 'Retrieve the status of a connection and its clients', statusSchema, (id) =>
      envelope('retrieveConnectionStatus', id, service.status(id)),
    ),
    read('metrics', 'Retrieve the metrics of a connection', connectionMetricsSchema, async (id) =>
      envelope('retrieveConnectionMetrics', id, await service.metrics(id)),
    ),
    read('logs', 'Retrieve the log of a connection', logsSchema, async (id) =>
      renderLogs(id, await service.logs(id)),
    ),
  ]
}

function read(
  name: string,
  summary: string,
  schema: z.ZodType,
  body: (id: string) => JsonObject | Promise<JsonObject>,
): Endpoint {
  return {
    route: {
      method: 'get',
      path: `${CONNECTION_PATH}/${name}`,
      summary,
      tags: ['monitoring'],
      request: { params: idParameter, query: readParameters },
      responses: { 200: json(schema, `The ${name}.`), ...failures(400, 404, 503) },
    },
    handle: async (c: Context) => c.json(await body(connectionId(c))),
  }
}

function envelope(response: string, id: string, body: JsonObject): JsonObject {
  return { type: `connectivity.responses:${response}`, status: 200, connectionId: id, ...body }
}
