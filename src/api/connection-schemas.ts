/**
 * The connection's own schemas as components of the OpenAPI document. OpenAPI 3.1 takes JSON Schema
 * as it is, so zod itself renders them from the schemas that validate. Knows no operation.
 */
import { z } from '@hono/zod-openapi'
import { credentialsSchema } from '../connection/credentials-schema.ts'
import {
  connectionSchema,
  mappingDefinitionSchema,
  sourceSchema,
  targetSchema,
} from '../connection/schema.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../json/types.ts'
import { mappingTrialSchema, trialResultSchema } from '../mapping/trial-schema.ts'

const COMPONENTS = {
  Connection: connectionSchema,
  NewConnection: connectionSchema.omit({ id: true }).partial({ connectionStatus: true }),
  ChangedConnection: connectionSchema.partial({ id: true }),
  Source: sourceSchema,
  Target: targetSchema,
  MappingDefinition: mappingDefinitionSchema,
  Credentials: credentialsSchema,
  MappingTrial: mappingTrialSchema,
  MappingTrialResult: trialResultSchema,
} as const

const ROOT = '#/components/schemas/'
/** Where zod puts what is recursive: here only "any JSON". */
const SHARED = `${ROOT}__shared#`

/** A reference to one of the components. */
export function reference(name: keyof typeof COMPONENTS): { readonly $ref: string } {
  return { $ref: `${ROOT}${name}` }
}

/** The components by name; they refer to each other. */
export function connectionComponents(): Readonly<Record<string, JsonObject>> {
  const registry = z.registry<{ id: string }>()
  for (const [id, schema] of Object.entries(COMPONENTS)) registry.add(schema, { id })
  const { schemas } = z.toJSONSchema(registry, {
    io: 'input',
    uri: (id) => `${ROOT}${id}`,
    metadata: z.globalRegistry,
  })
  return Object.fromEntries(
    Object.keys(COMPONENTS).map((id) => {
      const { $schema: _schema, $id: _id, ...component } = schemas[id] as JsonObject
      return [id, readable(component) as JsonObject]
    }),
  )
}

/** Without what says nothing to a reader: references to "any JSON" and the bounds of doubles. */
function readable(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(readable)
  if (!isJsonObject(value)) return value
  if (typeof value.$ref === 'string' && value.$ref.startsWith(SHARED)) return {}
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => Math.abs(Number(member)) !== Number.MAX_SAFE_INTEGER)
      .map(([name, member]) => [name, readable(member)]),
  )
}
