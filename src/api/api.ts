/**
 * The HTTP control plane: middleware in its order, the resources, and the document about them.
 * Knows the service and no supervisor, store or transport behind it; a new resource is one line
 * here.
 */
import { OpenAPIHono } from '@hono/zod-openapi'
import { methodNotAllowed } from 'hono/method-not-allowed'
import type { ConnectionService } from '../supervisor/service.ts'
import { requireDevops, type VerifyDevops } from './auth.ts'
import { commandEndpoints } from './command.ts'
import { connectionEndpoints } from './connections.ts'
import { answerHeaders } from './correlation.ts'
import { mount } from './endpoint.ts'
import {
  type ApiLog,
  createErrorHandler,
  handleNotFound,
  renderMethodNotAllowed,
} from './errors.ts'
import { type Exposition, fleetEndpoints, METRICS_PATH } from './fleet.ts'
import { healthEndpoints, isPublic } from './health.ts'
import type { LogStreamTimes } from './log-stream.ts'
import { mappingTestEndpoints } from './mapping-test.ts'
import { monitoringEndpoints } from './monitoring.ts'
import { mountOpenApi } from './openapi.ts'

/** Largest body of a request: a connection with its scripts and certificates. */
export const DEFAULT_MAX_BODY_BYTES = 1_048_576
/** How long an operation may take when the caller says nothing. */
export const DEFAULT_REQUEST_TIMEOUT_MS = 60_000

/** What the API is made from. */
export interface ApiOptions {
  readonly service: ConnectionService
  readonly verifyDevops: VerifyDevops
  /** The version of the gateway, for the OpenAPI document. */
  readonly version: string
  /** What Prometheus scrapes. */
  readonly exposition: Exposition
  /** Whether it may be scraped without credentials. */
  readonly publicMetrics?: boolean
  readonly maxBodyBytes?: number
  readonly requestTimeoutMs?: number
  readonly logStreamTimes?: LogStreamTimes
  /** Where unexpected errors are told. */
  readonly log?: ApiLog
}

/** The application; `serveApi` puts it on a socket, tests call its `request`. */
export function createApi(options: ApiOptions): OpenAPIHono {
  const { service, verifyDevops, version, log } = options
  const maxBodyBytes = options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES
  const requestTimeoutMs = options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS
  const resource = { service, maxBodyBytes, logStreamTimes: options.logStreamTimes }
  const endpoints = [
    // Before single connections: no connection can have the id `status`.
    ...fleetEndpoints(resource, options.exposition),
    ...connectionEndpoints(resource),
    ...commandEndpoints(resource),
    ...mappingTestEndpoints(resource),
    ...monitoringEndpoints(resource),
    ...healthEndpoints(resource),
  ]
  const app = new OpenAPIHono()
  app.onError(createErrorHandler(log))
  app.notFound(handleNotFound)
  app.use(answerHeaders)
  const isOpen = (path: string): boolean =>
    isPublic(path) || (options.publicMetrics === true && path === METRICS_PATH)
  app.use(requireDevops(verifyDevops, isOpen))
  app.use(methodNotAllowed({ app, onMethodNotAllowed: renderMethodNotAllowed }))
  mount(app, endpoints, requestTimeoutMs)
  mountOpenApi(app, version)
  return app
}
