/**
 * The errors of commands on things and policies: ids, texts and statuses of Eclipse Ditto, one factory
 * per error. Knows no storage.
 */
import { type DittoError, dittoError } from './errors.ts'

/** 404 `things:thing.notfound`. */
export function thingNotFound(thingId: string): DittoError {
  return dittoError(
    404,
    'things:thing.notfound',
    `The Thing with ID '${thingId}' could not be found or requester had insufficient permissions ` +
      'to access it.',
    'Check if the ID of your requested Thing was correct and you have sufficient permissions.',
  )
}

/** 409 `things:thing.conflict`. */
export function thingConflict(thingId: string): DittoError {
  return dittoError(
    409,
    'things:thing.conflict',
    `The Thing with ID '${thingId}' already exists`,
    'Choose another Thing ID',
  )
}

/** 400 `things:id.notsettable`: the value's thingId is not the one of the topic path. */
export function thingIdNotSettable(): DittoError {
  return dittoError(
    400,
    'things:id.notsettable',
    'The Thing ID in the thing JSON is not equal to the Thing ID in the topic path.',
    'Either delete the Thing ID from the thing JSON or use the same Thing ID as in the topic path.',
  )
}

/** 400 `things:id.notdeletable`: a merge patch sets the thingId to null. */
export function thingIdNotDeletable(): DittoError {
  return dittoError(
    400,
    'things:id.notdeletable',
    'The Thing ID of a Thing cannot be deleted.',
    'Remove the Thing ID entry from the request body and retry the request.',
  )
}

/** 400 `things:policyId.notdeletable`: a merge patch sets the policyId to null. */
export function policyIdNotDeletable(): DittoError {
  return dittoError(
    400,
    'things:policyId.notdeletable',
    'The Policy ID of a Thing cannot be deleted.',
    'Remove Policy ID entry from the request body and retry the request.',
  )
}

/** 400 `things:policy.notallowed`: an inline policy in a command on an existing thing. */
export function inlinePolicyNotAllowed(thingId: string): DittoError {
  return dittoError(
    400,
    'things:policy.notallowed',
    `The Thing with ID '${thingId}' could not be modified as it contained an inline Policy`,
    "Once a Thing with inline Policy is created it can't be modified with another Policy. Use the " +
      'Policy resources to modify the existing Policy.',
  )
}

/** 400 `things:merge.invalid`; `reason` says why the patch does not fit its path. */
export function thingMergeInvalid(reason?: string): DittoError {
  return {
    ...dittoError(
      400,
      'things:merge.invalid',
      'The provided JSON Merge Patch is invalid, it must conform to RFC7396.',
      reason ?? 'The provided JSON Merge Patch cannot be applied at the given path.',
    ),
    href: 'https://tools.ietf.org/html/rfc7396',
  }
}

/** 404 `things:policyId.notfound`. */
export function policyIdNotFound(thingId: string): DittoError {
  return dittoError(
    404,
    'things:policyId.notfound',
    `The Policy ID of the Thing with ID <${thingId}> could not be found or requester had ` +
      'insufficient permissions to access it.',
    'Check if the ID of your requested Thing was correct and you have sufficient permissions.',
  )
}

/** 404 `things:definition.notfound`. */
export function definitionNotFound(thingId: string): DittoError {
  return dittoError(
    404,
    'things:definition.notfound',
    `The Definition of the Thing with ID <${thingId}> could not be found or the requester had ` +
      'insufficient permissions to access it.',
    'Check if the ID of the thing and the key of your requested definition was correct and you ' +
      'have sufficient permissions.',
  )
}

/** 404 `things:attributes.notfound`. */
export function attributesNotFound(thingId: string): DittoError {
  return dittoError(
    404,
    'things:attributes.notfound',
    `The Attributes of the Thing with ID '${thingId}' could not be found or the requester had ` +
      'insufficient permissions to access it.',
    THING_ADVICE,
  )
}

/** 404 `things:attribute.notfound`; the pointer below `/attributes`, with leading slash. */
export function attributeNotFound(thingId: string, pointer: string): DittoError {
  return dittoError(
    404,
    'things:attribute.notfound',
    `The attribute with key '${pointer}' on the thing with ID '${thingId}' could not be found or ` +
      'the requester had insufficient permissions to access it.',
    'Check if the ID of the thing and the key of your requested attribute was correct and you ' +
      'have sufficient permissions.',
  )
}

/** 404 `things:features.notfound`. */
export function featuresNotFound(thingId: string): DittoError {
  return dittoError(
    404,
    'things:features.notfound',
    `The Features on the Thing with ID '${thingId}' do not exist or the requester had ` +
      'insufficient permissions to access it.',
    THING_ADVICE,
  )
}

/** 404 `things:feature.notfound`. */
export function featureNotFound(thingId: string, featureId: string): DittoError {
  return dittoError(
    404,
    'things:feature.notfound',
    `The Feature with ID '${featureId}' on the Thing with ID '${thingId}' could not be found or ` +
      'the requester had insufficient permissions to access it.',
    'Check if the ID of the Thing and the ID of your requested Feature was correct and you have ' +
      'sufficient permissions.',
  )
}

/** 404 `things:feature.definition.notfound`. */
export function featureDefinitionNotFound(thingId: string, featureId: string): DittoError {
  return dittoError(
    404,
    'things:feature.definition.notfound',
    `The Definition of the Feature with ID '${featureId}' on the Thing with ID '${thingId}' does ` +
      'not exist or the requester had insufficient permissions to access it.',
    FEATURE_ADVICE,
  )
}

/** 404 `things:feature.properties.notfound`. */
export function featurePropertiesNotFound(thingId: string, featureId: string): DittoError {
  return dittoError(
    404,
    'things:feature.properties.notfound',
    `The Properties of the Feature with ID '${featureId}' on the Thing with ID '${thingId}' do ` +
      'not exist or the requester had insufficient permissions to access it.',
    FEATURE_ADVICE,
  )
}

/** 404 `things:feature.property.notfound`; the pointer below `properties`, with leading slash. */
export function featurePropertyNotFound(
  thingId: string,
  featureId: string,
  pointer: string,
): DittoError {
  return dittoError(
    404,
    'things:feature.property.notfound',
    `The Property with JSON Pointer '${pointer}' of the Feature with ID '${featureId}' on the ` +
      `Thing with ID '${thingId}' does not exist or the requester had insufficient permissions ` +
      'to access it.',
    'Check if the ID of the Thing, the Feature ID and the key of your requested property was ' +
      'correct and you have sufficient permissions.',
  )
}

/** 404 `things:feature.desiredProperties.notfound`. */
export function featureDesiredPropertiesNotFound(thingId: string, featureId: string): DittoError {
  return dittoError(
    404,
    'things:feature.desiredProperties.notfound',
    `The desired properties of the Feature with ID '${featureId}' on the Thing with ID ` +
      `'${thingId}' do not exist or the requester had insufficient permissions to access it.`,
    FEATURE_ADVICE,
  )
}

/** 404 `things:feature.desiredProperty.notfound`; the pointer below `desiredProperties`. */
export function featureDesiredPropertyNotFound(
  thingId: string,
  featureId: string,
  pointer: string,
): DittoError {
  return dittoError(
    404,
    'things:feature.desiredProperty.notfound',
    `The desired property with JSON Pointer '${pointer}' of the Feature with ID '${featureId}' on ` +
      `the Thing with ID '${thingId}' does not exist or the requester had insufficient ` +
      'permissions to access it.',
    'Check if the ID of the Thing, the Feature ID and the key of your requested desired property ' +
      'was correct and you have sufficient permissions.',
  )
}

/** 412 `things:condition.failed`. */
export function conditionFailed(): DittoError {
  return dittoError(
    412,
    'things:condition.failed',
    'The specified condition does not match the state of the requested Thing.',
    'The provided condition did not match the actual Thing state. Please check your provided ' +
      'condition.',
  )
}

/** 412 `things:precondition.failed`. */
export function thingPreconditionFailed(
  header: string,
  expected: string,
  actual: string,
): DittoError {
  return dittoError(
    412,
    'things:precondition.failed',
    `The comparison of precondition header '${header}' for the requested Thing resource evaluated ` +
      `to false. Header value: '${expected}', actual entity-tag: '${actual}'.`,
    'The comparison of the provided precondition header with the current ETag value of the ' +
      'requested Thing resource evaluated to false. Check the value of your conditional header ' +
      'value.',
  )
}

/** 503 `things:thing.unavailable`. */
export function thingUnavailable(thingId: string): DittoError {
  return dittoError(
    503,
    'things:thing.unavailable',
    `The Thing with ID '${thingId}' is not available, please try again later.`,
    'The requested Thing is temporarily not available, please retry the performed action in order ' +
      'to improve resiliency.',
  )
}

const THING_ADVICE = 'Check if the ID of the Thing was correct and you have sufficient permissions.'
const FEATURE_ADVICE =
  'Check if the ID of the Thing and the Feature ID was correct and you have sufficient permissions.'
