/** How a connection is doing: its status, metrics and logs (Ditto documentation, "Monitoring"). */
import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type { JsonObject } from '../json/types.ts'
import { renderLogs } from '../monitoring/logs-json.ts'
import { CONNECTION_PATH, failures, idParameter, json, readParameters } from './describe.ts'
import type { Endpoint, ResourceOptions } from './endpoint.ts'
import { EVENT_STREAM, lastEventId, streamLog, wantsEvents } from './log-stream.ts'
import { connectionId } from './resource.ts'
import { connectionMetricsSchema, logsSchema, statusSchema } from './schemas.ts'

/** The operations that tell about one connection. */
export function monitoringEndpoints(options: ResourceOptions): readonly Endpoint[] {
  const { service } = options
  return [
    read('status', 'Retrieve the status of a connection and its clients', statusSchema, (id) =>
      envelope('retrieveConnectionStatus', id, service.status(id)),
    ),
    read('metrics', 'Retrieve the metrics of a connection', connectionMetricsSchema, async (id) =>
      envelope('retrieveConnectionMetrics', id, await service.metrics(id)),
    ),
    logs(options),
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

function logs({ service, logStreamTimes }: ResourceOptions): Endpoint {
  const { description, content } = json(logsSchema, 'The log.')
  const events = { [EVENT_STREAM]: { schema: z.string() } }
  return {
    route: {
      method: 'get',
      path: `${CONNECTION_PATH}/logs`,
      summary: 'Retrieve the log of a connection, or watch it',
      description: EVENTS_DESCRIPTION,
      tags: ['monitoring'],
      request: { params: idParameter, query: readParameters },
      responses: {
        200: { description, content: { ...content, ...events } },
        ...failures(400, 404, 503),
      },
    },
    handle: async (c) => {
      const id = connectionId(c)
      if (wantsEvents(c)) return streamLog(c, service.tailLogs(id, lastEventId(c)), logStreamTimes)
      return c.json(renderLogs(id, await service.logs(id)))
    },
  }
}

const EVENTS_DESCRIPTION =
  'With `Accept: text/event-stream` the entries come as server-sent events: those that are kept, then ' +
  'each as it is written. The data of an event is a LogEntry, its id goes into `Last-Event-ID` to go on ' +
  'behind it. An event `missed` tells the number of entries that were too many to be kept or shown. ' +
  'Reading and watching prolong the time that the log stays enabled.'

function envelope(response: string, id: string, body: JsonObject): JsonObject {
  return { type: `connectivity.responses:${response}`, status: 200, connectionId: id, ...body }
}
