/**
 * Properties of RQL expressions (Ditto documentation, "RQL expressions – query property"): which
 * names there are, and what each one stands for. Reads no things.
 */

import {
  compilePlaceholder,
  type PlaceholderPrefix,
  type Source,
} from '../expression/placeholders.ts'
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

/**
 * What a property name stands for. Throws 400 `rql.expression.invalid` for names that do not exist,
 * or not for this purpose.
 */
export function resolveProperty(name: string, purpose: Purpose): Property {
  const path = name.startsWith('/') ? name.slice(1) : name
  const property =
    SIMPLE.get(path) ?? featureProperty(path, purpose) ?? openField(path) ?? placeholder(path)
  if (property === undefined) {
    throw new DittoException(rqlInvalid(`Unknown property name: ${name}`))
  }
  return property
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
        ? { kind: 'field', pointer: pointerOf(path), special: false, feature: true }
        : undefined
    case 'definition':
      return inPart ? undefined : field(pointerOf(path))
    case 'properties':
    case 'desiredProperties':
      return inPart || purpose === 'presence' ? field(pointerOf(path)) : undefined
    default:
      return undefined
  }
}

/** Fields below which anything may be. */
function openField(path: string): Property | undefined {
  const isOpen = path.startsWith('attributes/') || path.startsWith('_metadata/')
  return isOpen ? field(pointerOf(path)) : undefined
}

function placeholder(path: string): Property | undefined {
  const colon = path.indexOf(':')
  const prefix = path.slice(0, Math.max(colon, 0))
  if (!RQL_PLACEHOLDERS.has(prefix as PlaceholderPrefix)) return undefined
  const source = compilePlaceholder(prefix, path.slice(colon + 1))
  return source === undefined ? undefined : { kind: 'placeholder', source }
}

function pointerOf(path: string): readonly string[] {
  try {
    return parsePointer(path)
  } catch (cause) {
    if (!(cause instanceof DittoException)) throw cause
    throw new DittoException(rqlInvalid(cause.error.message), { cause })
  }
}
