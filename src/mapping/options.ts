/** Reads the options of mapping definitions, and says which one is wrong. */
import { z } from 'zod'
import type { JsonObject } from '../json/types.ts'
import { mapperConfigFailed } from '../protocol/connectivity-errors.ts'
import { DittoException } from '../protocol/errors.ts'

/**
 * The options as the schema has them; its messages complete the sentence "The option <name> …".
 * Throws a DittoException (`connectivity:message.mapper.config.failed`) that names the option.
 */
export function readOptions<T>(schema: z.ZodType<T>, options: JsonObject): T {
  const parsed = schema.safeParse(options)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const text = `The option <${issue?.path.join('/')}> ${issue?.message}.`
  throw new DittoException(mapperConfigFailed(text))
}

/** A text. */
export const optionText = z.string('must be a string')

/** Ditto's own examples write booleans as text. */
export const optionBoolean = z.union(
  [z.boolean(), z.stringbool({ truthy: ['true'], falsy: ['false'] })],
  'must be a boolean',
)

/** A JSON object. */
export const optionObject = z.record(z.string(), z.json(), 'must be an object')
