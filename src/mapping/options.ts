/** Reads the options of mapping definitions, and says which one is wrong. */
import { z } from 'zod'
import { hasExpressions } from '../expression/template.ts'
import type { JsonObject } from '../json/types.ts'
import { mapperConfigFailed } from '../protocol/connectivity-errors.ts'
import { isValidThingId } from '../protocol/entity-id.ts'
import { type DittoError, DittoException } from '../protocol/errors.ts'

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

/**
 * What is made of an option. A DittoException that it throws becomes one that names the option
 * (`connectivity:message.mapper.config.failed`).
 */
export function ofOption<T>(option: string, make: () => T): T {
  try {
    return make()
  } catch (cause) {
    if (!(cause instanceof DittoException)) throw cause
    throw new DittoException(optionInvalid(option, cause.error), { cause })
  }
}

/**
 * Checks an id, as far as that can be done before there is a message: with expressions it may become
 * anything. `invalid` makes the error that the one thrown tells.
 */
export function checkOptionId(
  option: string,
  id: unknown,
  invalid: (id: string) => DittoError,
): void {
  if (typeof id === 'string' && (hasExpressions(id) || isValidThingId(id))) return
  const text = typeof id === 'string' ? id : JSON.stringify(id)
  throw new DittoException(optionInvalid(option, invalid(text)))
}

function optionInvalid(option: string, { message, description }: DittoError): DittoError {
  return mapperConfigFailed(`The option <${option}> is not valid. ${message}`, description)
}
