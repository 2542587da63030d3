/**
 * One operation of the API: what it is called, how it is documented, and what answers it. A
 * resource is a list of these; this file binds them to paths and to the OpenAPI document alike.
 */
import type { OpenAPIHono, RouteConfig } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type { ConnectionService } from '../supervisor/service.ts'
import type { LogStreamTimes } from './log-stream.ts'
import { answerInTime } from './timeout.ts'

/** What every resource is made from. */
export interface ResourceOptions {
  readonly service: ConnectionService
  /** Largest body of a request. */
  readonly maxBodyBytes: number
  readonly logStreamTimes?: LogStreamTimes | undefined
}

/** One operation. */
export interface Endpoint {
  /** Path parameters in braces, as OpenAPI writes them. */
  readonly route: RouteConfig
  /** Further paths that do the same. */
  readonly aliases?: readonly string[]
  readonly handle: (c: Context) => Response | Promise<Response>
}

/** Binds the operations to their paths and documents them. */
export function mount(
  app: OpenAPIHono,
  endpoints: readonly Endpoint[],
  requestTimeoutMs: number,
): void {
  for (const { route, aliases = [], handle } of endpoints) {
    app.openAPIRegistry.registerPath(route)
    app.on([route.method], [route.path, ...aliases].map(asPattern), (c) =>
      answerInTime(c, requestTimeoutMs, () => handle(c)),
    )
  }
}

function asPattern(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1')
}
