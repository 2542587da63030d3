/**
 * What the rules of the connection types are written with: the shape of a type's rules, and the
 * checks that several types share (Ditto documentation, "Connections"). Knows no type itself.
 */

import { ALL_PLACEHOLDERS, type PlaceholderPrefix } from '../../expression/placeholders.ts'
import { compileTemplate, type Template } from '../../expression/template.ts'
import { connectionUriInvalid } from '../../protocol/connectivity-errors.ts'
import { DittoException } from '../../protocol/errors.ts'
import { placeholderUnresolved } from '../../protocol/placeholder-errors.ts'
import { fail, failConfiguration, standsAt } from '../errors.ts'
import type { Connection, HeaderMapping, Source, Target } from '../types.ts'
import { parseBrokerUri } from '../uri.ts'

/** The rules of one connection type. Every check throws a `DittoException` for the user. */
export interface TypeRules {
  /** As it is called in errors: `MQTT 3.1.1`. */
  readonly protocol: string
  /** URI schemes; undefined when the URI is not used. */
  readonly schemes?: { readonly accepted: readonly string[]; readonly secure: readonly string[] }
  /** What concerns the connection as a whole, before its sources and targets. */
  readonly checkWhole?: (connection: Connection) => void
  readonly checkSource: (source: Source, place: Place) => void
  readonly checkTarget: (target: Target, place: Place) => void
  readonly checkSpecificConfig?: (connection: Connection) => void
}

/** Where a source or target stands. */
export interface Place {
  /** In Ditto's words: `Source of index 0 of connection 'x'`. */
  readonly description: string
  readonly pointer: readonly string[]
}

/** What to call the source or target with that index. */
export function placeOf(connection: Connection, kind: 'sources' | 'targets', index: number): Place {
  const what =
    kind === 'sources'
      ? `Source of index ${index}`
      : `Target of address '${connection.targets[index]!.address}'`
  return {
    description: `${what} of connection '${connection.id}'`,
    pointer: [kind, String(index)],
  }
}

/** Checks the scheme of the URI, and that trusted certificates are not given in vain. */
export function checkUriScheme({ uri, ca }: Connection, rules: TypeRules): void {
  const { protocol, schemes } = rules
  if (schemes === undefined) return
  const scheme = uri.trim() === '' ? '' : parseBrokerUri(uri).scheme
  if (!schemes.accepted.includes(scheme)) {
    fail({
      ...connectionUriInvalid(''),
      message: `The URI scheme '${scheme}' is not valid for ${protocol}.`,
      description: `Accepted URI schemes are: ${schemes.accepted.join(', ')}`,
    })
  }
  if (ca !== undefined && !schemes.secure.includes(scheme)) {
    fail({
      ...connectionUriInvalid(''),
      message: 'The connection has trusted certificates configured but uses an insecure protocol.',
      description:
        `Either switch to a secure protocol ([${schemes.secure.join(', ')}]) or remove the ` +
        'trusted certificates.',
    })
  }
}

/**
 * Compiles a template to see whether it is right; its error becomes one of the configuration and
 * says where the template stands.
 */
export function checkTemplate(
  text: string,
  allowed: ReadonlySet<PlaceholderPrefix>,
  pointer: readonly string[],
): Template {
  return atPointer(pointer, () => compileTemplate(text, allowed))
}

/** Runs what compiles an expression; its error says where the expression stands. */
export function atPointer<T>(pointer: readonly string[], compile: () => T): T {
  try {
    return compile()
  } catch (thrown) {
    if (!(thrown instanceof DittoException)) throw thrown
    const { message, description } = thrown.error
    const advice = description ?? 'Check the spelling and syntax of the placeholder.'
    return failConfiguration(message, `${advice} ${standsAt(pointer)}`)
  }
}

/** Refuses an expression where text is taken as it is written. */
export function checkLiteral(text: string, pointer: readonly string[]): void {
  for (const [opening, closing] of BRACES) {
    const start = text.indexOf(opening)
    const end = start < 0 ? -1 : text.indexOf(closing, start)
    if (end < 0) continue
    const { message } = placeholderUnresolved(text.slice(start + opening.length, end).trim())
    failConfiguration(message, `No placeholders can be used here. ${standsAt(pointer)}`)
  }
}

const BRACES = [
  ['{{', '}}'],
  ['${', '}'],
] as const

/** The text of a template that compiles, with something else in the place of each expression. */
export function withoutExpressions(template: string, standIn: string): string {
  return template.replace(EXPRESSION, () => standIn)
}

/** What stands between the braces of a template that compiles. */
export function expressionsIn(template: string): readonly string[] {
  return [...template.matchAll(EXPRESSION)].map(([, braces, legacy]) => braces ?? legacy ?? '')
}

const EXPRESSION = /\{\{(.*?)\}\}|\$\{(.*?)\}/gs

/** Checks the values of a header mapping. */
export function checkHeaderMapping(
  mapping: HeaderMapping,
  pointer: readonly string[],
  allowed = ALL_PLACEHOLDERS,
): void {
  for (const [name, text] of Object.entries(mapping)) {
    checkTemplate(text, allowed, [...pointer, 'headerMapping', name])
  }
}

/** Checks the enforcement of a source against the placeholders that its two parts may use. */
export function checkEnforcement(
  { enforcement }: Source,
  { pointer }: Place,
  input: ReadonlySet<PlaceholderPrefix>,
  filters: ReadonlySet<PlaceholderPrefix>,
): void {
  if (enforcement === undefined) return
  const at = [...pointer, 'enforcement']
  checkTemplate(enforcement.input, input, [...at, 'input'])
  enforcement.filters.forEach((filter, index) => {
    checkTemplate(filter, filters, [...at, 'filters', String(index)])
  })
}
