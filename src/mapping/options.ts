/** Reads the options of mapping definitions, and says which one is wrong. */
import type { z } from 'zod'
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
