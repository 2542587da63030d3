/**
 * What the functions of pipelines do (Ditto documentation, "Placeholders – function library"). The
 * longer ones have files of their own: filter, split, format. Signatures are checked before.
 */
import type { ExpressionContext } from './context.ts'
import { compileFilter } from './filter.ts'
import { compileFormat } from './format.ts'
import type { Source } from './placeholders.ts'
import type { FunctionName } from './signatures.ts'
import { compileSplit } from './split.ts'
import { DELETE, each, otherwise, type Step, whole } from './step.ts'
import { MAX_VALUE_CHARS, UNRESOLVED } from './values.ts'

/** An argument: its values, and the text when it is a constant. */
export interface Argument extends Source {
  readonly constant: string | undefined
}

/**
 * The step of a function with these arguments. Throws {@link Error} with the reason when a constant
 * argument is none that the function can use.
 */
export function compileFunction(name: string, args: readonly Argument[]): Step {
  return COMPILERS[name as FunctionName](args)
}

type Compiler = (args: readonly Argument[]) => Step

const LOWER = each((value) => value.toLowerCase())
const UPPER = each((value) => value.toUpperCase())
const TRIM = each(trim)
const URL_ENCODE = each(urlEncode)
const URL_DECODE = each(urlDecode)
const BASE64_ENCODE = each((value) => Buffer.from(value, 'utf8').toString('base64'))
const BASE64_DECODE = each(base64Decode)

const COMPILERS: Readonly<Record<FunctionName, Compiler>> = {
  default: ([fallback]) => otherwise(fallback!),
  delete: () => DELETE,
  filter: compileFilter,
  'substring-before': ([separator]) => substringBefore(separator!.constant!),
  'substring-after': ([separator]) => substringAfter(separator!.constant!),
  lower: () => LOWER,
  upper: () => UPPER,
  trim: () => TRIM,
  replace: ([from, to]) => each((value, context) => replace(value, from!, to!, context)),
  split: ([separator]) => compileSplit(separator!.constant!),
  join: ([delimiter]) => join(delimiter!.constant!),
  'url-encode': () => URL_ENCODE,
  'url-decode': () => URL_DECODE,
  'base64-encode': () => BASE64_ENCODE,
  'base64-decode': () => BASE64_DECODE,
  format: ([template]) => compileFormat(template!.constant!),
}

function substringBefore(separator: string): Step {
  return each((value) => {
    const at = value.indexOf(separator)
    return at < 0 ? undefined : value.slice(0, at)
  })
}

function substringAfter(separator: string): Step {
  return each((value) => {
    const at = value.indexOf(separator)
    return at < 0 ? undefined : value.slice(at + separator.length)
  })
}

function join(delimiter: string): Step {
  return whole(false, (values) => {
    let chars = delimiter.length * (values.length - 1)
    for (const value of values) chars += value.length
    return chars > MAX_VALUE_CHARS ? UNRESOLVED : [values.join(delimiter)]
  })
}

/**
 * An unresolved `to` leaves nothing to put in; Ditto calls that an error of the signature, which no
 * message can be blamed for.
 */
function replace(
  value: string,
  from: Source,
  to: Source,
  context: ExpressionContext,
): string | undefined {
  const wanted = from.first(context) ?? ''
  const replacement = to.first(context)
  if (replacement === undefined) return undefined
  // An empty text is found before, between and after all characters.
  const parts = wanted === '' ? ['', ...value.split(''), ''] : value.split(wanted)
  const growth = (parts.length - 1) * (replacement.length - wanted.length)
  return value.length + growth > MAX_VALUE_CHARS ? undefined : parts.join(replacement)
}

const SPACE = 0x20

/** Java's trim: everything up to the space is white, and nothing above it. */
function trim(value: string): string {
  let start = 0
  let end = value.length
  while (start < end && value.charCodeAt(start) <= SPACE) start++
  while (end > start && value.charCodeAt(end - 1) <= SPACE) end--
  return value.slice(start, end)
}

/** `application/x-www-form-urlencoded` (WHATWG URL, section 5.2), without the `=` and `&`. */
function urlEncode(value: string): string {
  return encodeURIComponent(value.toWellFormed())
    .replace(/[!'()~]/g, percentEncode)
    .replaceAll('%20', '+')
}

function percentEncode(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`
}

/** Bytes that are no UTF-8 become U+FFFD; a `%` without two hexadecimal digits spoils the value. */
function urlDecode(value: string): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(value)) return undefined
  return value.replaceAll('+', ' ').replace(/(?:%..)+/g, decodeBytes)
}

function decodeBytes(escapes: string): string {
  return Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8')
}

/** RFC 4648, section 4; the padding may be missing. */
function base64Decode(value: string): string | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(value)) return undefined
  const padded = value.endsWith('=')
  const rest = value.length % 4
  if (padded ? rest !== 0 : rest === 1) return undefined
  return Buffer.from(value, 'base64').toString('utf8')
}
