/**
 * The options of the JavaScript mapper (Ditto documentation, "JavaScript mapper", configuration
 * options).
 */
import { z } from 'zod'
import type { JsonObject } from '../json/types.ts'
import { mapperConfigFailed } from '../protocol/connectivity-errors.ts'
import { DittoException } from '../protocol/errors.ts'
import type { ScriptLimits } from './mapper.ts'
import { readOptions } from './options.ts'
import type { LibraryName } from './sandbox/libraries.ts'
import type { Scripts } from './sandbox/script-error.ts'

const script = z
  .string('must be a string')
  .nullish()
  .transform((text) => text ?? '')

/** Ditto's own examples write these as text. */
const library = z
  .union([z.boolean(), z.stringbool({ truthy: ['true'], falsy: ['false'] })], 'must be a boolean')
  .nullish()
  .transform((wanted) => wanted === true)

const schema = z.object({
  incomingScript: script,
  outgoingScript: script,
  loadBytebufferJS: library,
  loadLongJS: library,
})

/** The scripts of checked options; an empty one means plain Ditto Protocol in that direction. */
export function readScripts(options: JsonObject): Scripts {
  const { incomingScript, outgoingScript, loadLongJS, loadBytebufferJS } = schema.parse(options)
  const libraries: LibraryName[] = []
  if (loadLongJS) libraries.push('long')
  if (loadBytebufferJS) libraries.push('bytebuffer')
  return { incomingScript, outgoingScript, libraries }
}

/**
 * Judges options without compiling anything. Throws a DittoException
 * (`connectivity:message.mapper.config.failed`).
 */
export function checkScripts(options: JsonObject, limits: ScriptLimits): void {
  const { incomingScript, outgoingScript } = readOptions(schema, options)
  // Ditto measures characters and calls them bytes.
  const max = limits.maxScriptBytes
  if (incomingScript.length <= max && outgoingScript.length <= max) return
  const text =
    `The script size was bigger than the allowed <${max}> bytes: ` +
    `incoming script size was <${incomingScript.length}> bytes, ` +
    `outgoing script size was <${outgoingScript.length}> bytes`
  throw new DittoException(mapperConfigFailed(text))
}
