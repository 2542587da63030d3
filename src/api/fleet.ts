/** All connections at a glance, and what Prometheus scrapes. Knows no engine behind the service. */
import { z } from '@hono/zod-openapi'
import { CONNECTIONS_PATH, failures, json, readParameters } from './describe.ts'
import type { Endpoint, ResourceOptions } from './endpoint.ts'
import { fleetSchema } from './schemas.ts'

/** Where Prometheus looks unless it is told otherwise. */
export const METRICS_PATH = '/metrics'

/** What is scraped. */
export interface Exposition {
  readonly contentType: string
  scrape(): Promise<string>
}

/** The operations about everything at once. */
export function fleetEndpoints(
  { service }: ResourceOptions,
  exposition: Exposition,
): readonly Endpoint[] {
  const fleet: Endpoint = {
    route: {
      method: 'get',
      path: `${CONNECTIONS_PATH}/status`,
      summary: 'Retrieve the status of all connections at a glance',
      description: 'How many are in which state, and a line for each: cheap for thousands of them.',
      tags: ['monitoring'],
      request: { query: readParameters },
      responses: { 200: json(fleetSchema, 'All connections.'), ...failures() },
    },
    handle: (c) => c.json(service.fleet()),
  }
  return [fleet, metrics(exposition)]
}

function metrics(exposition: Exposition): Endpoint {
  return {
    route: {
      method: 'get',
      path: METRICS_PATH,
      summary: 'What Prometheus scrapes',
      description: 'Needs the credentials of the DevOps user unless it was made public.',
      tags: ['monitoring'],
      responses: {
        200: {
          description: 'All metrics in the text format.',
          content: { 'text/plain': { schema: z.string() } },
        },
        ...failures(),
      },
    },
    handle: async (c) => {
      c.header('Content-Type', exposition.contentType)
      return c.body(await exposition.scrape())
    },
  }
}
