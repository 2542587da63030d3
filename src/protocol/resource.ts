/**
 * Which part of a thing or a policy a path names (Ditto documentation, "Ditto Protocol – things"):
 * `/features/lamp/properties/on` is a `featureProperty`. Knows no values.
 */

export type ThingResource =
  | 'thing'
  | 'policyId'
  | 'definition'
  | 'attributes'
  | 'attribute'
  | 'features'
  | 'feature'
  | 'featureDefinition'
  | 'featureProperties'
  | 'featureProperty'
  | 'featureDesiredProperties'
  | 'featureDesiredProperty'

export type PolicyResource =
  | 'policy'
  | 'policyEntries'
  | 'policyEntry'
  | 'subjects'
  | 'subject'
  | 'resources'
  | 'resource'
  | 'policyImports'
  | 'policyImport'

/** The part of a thing that the path names; undefined when things have no such part. */
export function thingResourceOf(path: string): ThingResource | undefined {
  switch (path) {
    case '/':
      return 'thing'
    case '/policyId':
      return 'policyId'
    case '/definition':
      return 'definition'
    case '/attributes':
      return 'attributes'
    case '/features':
      return 'features'
  }
  if (path.startsWith('/attributes/')) return 'attribute'
  return path.startsWith(FEATURES) ? featureResource(path) : undefined
}

/** The part of a policy that the path names; undefined when policies have no such part. */
export function policyResourceOf(path: string): PolicyResource | undefined {
  const [root, label, part, ...rest] = path.slice(1).split('/')
  if (root === '') return 'policy'
  if (root === 'imports') {
    if (label === undefined) return 'policyImports'
    return part === undefined ? 'policyImport' : undefined
  }
  if (root !== 'entries') return undefined
  if (label === undefined) return 'policyEntries'
  if (part === undefined) return 'policyEntry'
  // Subjects and resources are named by text that holds slashes itself, such as `thing:/features`.
  if (part === 'subjects') return rest.length === 0 ? 'subjects' : 'subject'
  if (part === 'resources') return rest.length === 0 ? 'resources' : 'resource'
  return undefined
}

const FEATURES = '/features/'

function featureResource(path: string): ThingResource | undefined {
  const idEnd = path.indexOf('/', FEATURES.length)
  if (idEnd === -1) return 'feature'
  const partEnd = path.indexOf('/', idEnd + 1)
  const part = partEnd === -1 ? path.slice(idEnd + 1) : path.slice(idEnd + 1, partEnd)
  const whole = partEnd === -1
  switch (part) {
    case 'definition':
      return whole ? 'featureDefinition' : undefined
    case 'properties':
      return whole ? 'featureProperties' : 'featureProperty'
    case 'desiredProperties':
      return whole ? 'featureDesiredProperties' : 'featureDesiredProperty'
    default:
      return undefined
  }
}
