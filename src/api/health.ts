/**
 * Whether the process lives and whether it is ready, for whoever restarts it or sends it traffic.
 * The only resource that needs no credentials. Brokers that cannot be reached do not count.
 */
import { json } from './describe.ts'
import type { Endpoint, ResourceOptions } from './endpoint.ts'
import { healthSchema } from './schemas.ts'

const HEALTH_PATH = '/health'
const LIVENESS_PATH = '/health/live'

/** Whether a path may be read without credentials. */
export function isPublic(path: string): boolean {
  return path === HEALTH_PATH || path === LIVENESS_PATH
}

/** The operations that tell about the process. */
export function healthEndpoints({ service }: ResourceOptions): readonly Endpoint[] {
  return [
    {
      route: {
        method: 'get',
        path: HEALTH_PATH,
        summary: 'Whether the gateway is ready',
        tags: ['health'],
        security: [],
        responses: {
          200: json(healthSchema, 'Ready.'),
          503: json(healthSchema, 'Not ready; the body says which part is not.'),
        },
      },
      handle: (c) => {
        const health = service.health()
        const { ready } = health
        const body = { status: ready ? 'UP' : 'DOWN', live: true, ...health }
        return c.json(body, ready ? 200 : 503)
      },
    },
    {
      route: {
        method: 'get',
        path: LIVENESS_PATH,
        summary: 'Whether the gateway answers at all',
        tags: ['health'],
        security: [],
        responses: { 200: json(healthSchema.pick({ status: true }), 'It does.') },
      },
      handle: (c) => c.json({ status: 'UP' }),
    },
  ]
}
