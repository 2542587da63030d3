/** The parts that OpenAPI descriptions of operations share. Knows no operation and no handler. */
import type { RouteConfig } from '@hono/zod-openapi'
import { z } from '@hono/zod-openapi'
import { errorSchema } from './schemas.ts'

/** Where connections live. */
export const CONNECTIONS_PATH = '/api/2/connections'
/** One connection. */
export const CONNECTION_PATH = `${CONNECTIONS_PATH}/{id}`

const ERROR_TEXTS = {
  400: 'The request is not valid.',
  401: 'The credentials of the DevOps user are missing or wrong.',
  404: 'There is no such connection.',
  408: 'The operation took longer than the timeout.',
  409: 'The operation does not fit the state of the connection.',
  412: 'The precondition of the request is not met.',
  413: 'The body is too large.',
  415: 'The media type is not supported.',
  500: 'Something unexpected happened.',
  503: 'The connection or the engine is not available now.',
  504: 'The broker could not be reached.',
} as const

/** A status that an operation may fail with. */
export type FailureStatus = keyof typeof ERROR_TEXTS

type Responses = RouteConfig['responses']

/** Error responses in Ditto's shape; 401, 408 and 500 may come from every operation. */
export function failures(...statuses: readonly FailureStatus[]): Responses {
  const all = new Set<FailureStatus>([...statuses, 401, 408, 500])
  return Object.fromEntries(
    [...all].sort().map((status) => [
      status,
      {
        description: ERROR_TEXTS[status],
        content: { 'application/json': { schema: errorSchema } },
      },
    ]),
  )
}

/** JSON, as body or response; the schema is one of zod or a reference to a component. */
export function json<Schema>(schema: Schema, description: string) {
  return { description, content: { 'application/json': { schema } } }
}

/** The path parameter of one connection. */
export const idParameter = z.object({
  id: z.string().openapi({
    description: 'The id of the connection.',
    pattern: '^[a-zA-Z0-9-_:]{1,100}$',
    example: 'plant-7:mqtt',
  }),
})

/** Query parameters of operations that change something. */
export const changeParameters = z.object({
  timeout: z.string().optional().openapi({
    description: 'How long to wait for the result: `10`, `10s`, `500ms`, `1m`; at most `1m`.',
    example: '10s',
  }),
  'response-required': z.enum(['true', 'false']).optional().openapi({
    description: 'With `false` the answer is 202 as soon as no error is in sight.',
  }),
})

/** Query parameter of operations that only read. */
export const readParameters = z.object({ timeout: changeParameters.shape.timeout })

/** Query parameter that selects a part of a connection. */
export const fieldsParameter = readParameters.extend({
  fields: z
    .string()
    .optional()
    .openapi({
      description:
        'A field selector. `_revision`, `_created`, `_modified` and `__lifecycle` are shown only ' +
        'when they are named.',
      example: 'id,name,sources(addresses)',
    }),
})

/** Request headers that make an operation conditional. */
export const conditionHeaders = z.object({
  'if-match': z.string().optional().openapi({ example: '"rev:3"' }),
  'if-none-match': z.string().optional().openapi({ example: '"rev:3"' }),
})

/** 202, for callers who want no response. */
export const ACCEPTED = { 202: { description: 'Accepted; no response was wanted.' } }
