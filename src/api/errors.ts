/**
 * Everything that goes wrong in the HTTP API becomes Ditto's error JSON here, and nothing else
 * leaves: no text of a library, no stack trace. Knows no resource.
 */
import type { Context, ErrorHandler, NotFoundHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { createRedactor } from '../monitoring/redaction.ts'
import { connectivityInternalError } from '../protocol/connectivity-errors.ts'
import { type DittoError, DittoException, dittoError } from '../protocol/errors.ts'
import { grouped } from '../protocol/grouped.ts'

/** The status of an answer that carries an error. */
export type ErrorStatus = 400 | 401 | 404 | 408 | 409 | 412 | 413 | 415 | 500 | 503 | 504

/** Where unexpected errors are told; shaped like pino. */
export interface ApiLog {
  error(details: Readonly<Record<string, unknown>>, message: string): void
}

const VERSIONED_PATH = /^\/api\/(\d+)(\/|$)/
const SUPPORTED_VERSION = '2'

const redact = createRedactor([])

/** Ditto's error JSON as an answer with the same status. */
export function renderError(c: Context, error: DittoError): Response {
  return c.json(error, error.status as ErrorStatus)
}

/** Answers what a handler threw; what nobody expected is logged and shown as an internal error. */
export function createErrorHandler(log: ApiLog | undefined): ErrorHandler {
  return (thrown, c) => {
    if (thrown instanceof DittoException) return renderError(c, thrown.error)
    if (thrown instanceof HTTPException) return renderError(c, fromHttpException(thrown))
    log?.error(
      { method: c.req.method, path: c.req.path, err: redact(thrown.stack ?? String(thrown)) },
      'unexpected error in the HTTP API',
    )
    return renderError(c, connectivityInternalError())
  }
}

/** Answers a request that no resource takes. */
export const handleNotFound: NotFoundHandler = (c) => {
  const version = VERSIONED_PATH.exec(c.req.path)?.[1]
  return renderError(
    c,
    version === undefined || version === SUPPORTED_VERSION
      ? resourceNotFound(c.req.path)
      : versionNotSupported(version),
  )
}

/** 405 with the methods that the resource does take. */
export function renderMethodNotAllowed(c: Context, methods: readonly string[]): Response {
  c.header('Allow', methods.join(', '))
  const error = dittoError(
    405,
    'gateway:method.notallowed',
    `The provided HTTP method '${c.req.method}' is not allowed on this resource.`,
    'Check if you used the correct resource and method combination.',
  )
  return c.json(error, 405)
}

/** 401 `gateway:authentication.failed`. */
export function authenticationFailed(message: string): DittoError {
  return dittoError(
    401,
    'gateway:authentication.failed',
    message,
    'Check if your credentials were correct.',
  )
}

/** 413 `gateway:request.toolarge`. */
export function requestTooLarge(maxBytes: number): DittoError {
  return dittoError(
    413,
    'gateway:request.toolarge',
    `The body of the request is larger than the allowed ${maxBytes} bytes.`,
    'Send a smaller body, or raise http.max_body_bytes in the configuration.',
  )
}

/** 400 `gateway:request.incomplete`: the client went away, or broke the framing of its body. */
export function requestIncomplete(): DittoError {
  return dittoError(
    400,
    'gateway:request.incomplete',
    'The body of the request ended before it was complete.',
    'Send the whole body.',
  )
}

/** 400 `gateway:timeout.invalid`. */
export function timeoutInvalid(timeoutMs: number, maxMs: number): DittoError {
  return dittoError(
    400,
    'gateway:timeout.invalid',
    `The timeout <${grouped(timeoutMs)}ms> is not inside its allowed bounds ` +
      `<0ms - ${grouped(maxMs)}ms>`,
    'Please choose a valid timeout.',
  )
}

function resourceNotFound(path: string): DittoError {
  return dittoError(
    404,
    'gateway:resource.notfound',
    `The requested resource '${path}' could not be found.`,
    'Check the path against the documentation at /docs.',
  )
}

function versionNotSupported(version: string): DittoError {
  return dittoError(
    404,
    'api.version.notsupported',
    `The requested resource is not supported by version '${version}'.`,
    'Check if you specified the correct version of the API.',
  )
}

function fromHttpException({ status, message }: HTTPException): DittoError {
  return dittoError(status, 'gateway:request.invalid', message || `The request failed: ${status}.`)
}
