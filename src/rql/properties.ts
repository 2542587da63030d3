/**
 * Properties of RQL expressions (Ditto documentation, "RQL expressions – query property"): which
 * names there are, and what each one stands for. Reads no things.
 */

import {
  compilePlaceholder,
  type PlaceholderPrefix,
  type Source,
} from '../expression/placeholders.ts'
import { nearestHint } from '../json/nearest.ts'
import { parsePointer } from '../json/pointer.ts'
import { DittoException } from '../protocol/errors.ts'
import { rqlInvalid } from '../protocol/placeholder-errors.ts'

/** The placeholders that can be used as properties. */
export const RQL_PLACEHOLDERS: ReadonlySet<PlaceholderPrefix> = new Set<PlaceholderPrefix>([
  'topic',
  'entity',
  'thing',
  'feature',
  'resource',
  'time',
])

/** What a property stands for. */
export type Property =
  | {
      readonly kind: 'field'
      /** Where it is in the JSON of the thing. */
      readonly pointer: readonly string[]
      /** Ditto keeps these out of sight of `exists` and `empty`. */
      readonly special: boolean
      /** A feature as such, which `empty` looks into. */
      readonly feature: boolean
    }
  | { readonly kind: 'placeholder'; readonly source: Source }

/** `value`: to compare its value; `presence`: to ask for its presence, also of whole features. */
export type Purpose = 'value' | 'presence'

/** What a property name stands for; undefined for names that do not exist, or not for this purpose. */
export function findProperty(name: string, purpose: Purpose): Property | undefined {
  const path = name.startsWith('/') ? name.slice(1) : name
  // Ditto's pointers know no empty names.
  if (path.includes('//')) return undefined
  return SIMPLE.get(path) ?? featureProperty(path, purpose) ?? openField(path) ?? placeholder(path)
}

/**
 * What a property name stands for. Throws 400 `rql.expression.invalid` where {@link findProperty}
 * finds nothing.
 */
export function resolveProperty(name: string, purpose: Purpose): Property {
  const property = findProperty(name, purpose)
  if (property === undefined) throw new DittoException(rqlInvalid(unknownProperty(name)))
  return property
}

/** What to say of a name that does not exist; Ditto's words, and the one that was probably meant. */
export function unknownProperty(name: string): string {
  const isLong = name.length > MAX_SHOWN_CHARS
  const shown = isLong ? `${name.slice(0, MAX_SHOWN_CHARS).toWellFormed()}…` : name.toWellFormed()
  const hint = nearestHint(name, SIMPLE.keys())
  return `Unknown property name: ${shown}${hint === '' ? '' : `. ${hint}`}`
}

/** Characters of an unknown name that an error shows. */
const MAX_SHOWN_CHARS = 100

/** The names that can stand where a property is expected. */
export const PROPERTY_NAMES: Readonly<Record<Purpose, string>> = {
  value: namesWith(''),
  presence: namesWith('features/<id>, features/<id>/properties, features/<id>/desiredProperties, '),
}

function namesWith(wholeFeatures: string): string {
  return (
    'thingId, policyId, definition, _namespace, _revision, _created, _modified, _metadata/<path>, ' +
    `attributes/<path>, ${wholeFeatures}features/<id>/definition, ` +
    'features/<id>/properties/<path>, features/<id>/desiredProperties/<path> or a placeholder ' +
    '(topic:<name>, entity:<name>, thing:<name>, feature:id, resource:<name>, time:<name>)'
  )
}

const SIMPLE: ReadonlyMap<string, Property> = new Map([
  ['thingId', field(['thingId'])],
  ['policyId', field(['policyId'])],
  ['definition', field(['definition'])],
  ['namespace', special('_namespace')],
  ['_namespace', special('_namespace')],
  ['_revision', special('_revision')],
  ['_created', special('_created')],
  ['_modified', special('_modified')],
  ['_metadata', special('_metadata')],
])

function field(pointer: readonly string[]): Property {
  return { kind: 'field', pointer, special: false, feature: false }
}

function special(name: string): Property {
  return { kind: 'field', pointer: [name], special: true, feature: false }
}

/** `features/<id>[/definition|/properties[/…]|/desiredProperties[/…]]`. */
function featureProperty(path: string, purpose: Purpose): Property | undefined {
  const [root, id, part, ...rest] = path.split('/')
  if (root !== 'features' || id === undefined || id === '') return undefined
  const inPart = rest.length > 0 && rest[0] !== ''
  switch (part) {
    case undefined:
      return purpose === 'presence'
        ? { kind: 'field', pointer: parsePointer(path), special: false, feature: true }
        : undefined
    case 'definition':
      return inPart ? undefined : field(parsePointer(path))
    case 'properties':
    case 'desiredProperties':
      return inPart || purpose === 'presence' ? field(parsePointer(path)) : undefined
    default:
      return undefined
  }
}

/** Fields below which anything may be. */
function openField(path: string): Property | undefined {
  const isOpen = path.startsWith('attributes/') || path.startsWith('_metadata/')
  return isOpen ? field(parsePointer(path)) : undefined
}

function placeholder(path: string): Property | undefined {
  const colon = path.indexOf(':')
  const prefix = path.slice(0, Math.max(colon, 0))
  if (!RQL_PLACEHOLDERS.has(prefix as PlaceholderPrefix)) return undefined
  const source = compilePlaceholder(prefix, path.slice(colon + 1))
  return source === undefined ? undefined : { kind: 'placeholder', source }
}
