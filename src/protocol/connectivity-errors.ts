/**
 * The errors of connections (Ditto documentation, "Manage connections"): ids, texts and statuses of
 * Eclipse Ditto, one factory per error. Placeholders, acknowledgements and JSON have their own files.
 */
import { type DittoError, dittoError } from './errors.ts'

/** 404 `connectivity:connection.notfound`. */
export function connectionNotFound(id: string): DittoError {
  return dittoError(
    404,
    'connectivity:connection.notfound',
    `The Connection with ID '${id}' could not be found or requester had insufficient permissions ` +
      'to access it.',
    'Check if the ID of your requested Connection was correct and you have sufficient permissions.',
  )
}

/** 409 `connectivity:connection.conflict`. */
export function connectionConflict(id: string): DittoError {
  return dittoError(
    409,
    'connectivity:connection.conflict',
    `The Connection with ID '${id}' was already created.`,
    'If you need to update it, remove it first before creating it again.',
  )
}

/** 400 `connectivity:connection.configuration.invalid`: the message says which property and why. */
export function connectionConfigurationInvalid(message: string, description?: string): DittoError {
  return dittoError(
    400,
    'connectivity:connection.configuration.invalid',
    message,
    description ?? 'Make sure all required properties are set and valid in the configuration.',
  )
}

/** 400 `connectivity:connection.uri.invalid`. The caller masks the password of the URI. */
export function connectionUriInvalid(uri: string): DittoError {
  return dittoError(
    400,
    'connectivity:connection.uri.invalid',
    `The Connection URI '${uri}' has an invalid format.`,
    'The accepted format is {protocol}://{username}:{password}@{hostname}:{port}/{path}',
  )
}

/** 400 `connectivity:connection.id.invalid`. */
export function connectionIdInvalid(id: string): DittoError {
  return dittoError(
    400,
    'connectivity:connection.id.invalid',
    `The Connection ID '${id}' is not valid.`,
    'It must be conform to the regular expression: <[a-zA-Z0-9-_:]{1,100}>.',
  )
}

/** 400 `connectivity:id.notsettable`. */
export function idNotSettable(): DittoError {
  return dittoError(
    400,
    'connectivity:id.notsettable',
    'It is not allowed to provide an explicit ID for a connection.',
    'Remove the ID from the connection as it will be generated.',
  )
}

/** 400 `connectivity:connection.id.enforcement.failed`. */
export function idEnforcementFailed(entityId: string): DittoError {
  return dittoError(
    400,
    'connectivity:connection.id.enforcement.failed',
    `The configured filters could not be matched against the given target with ID '${entityId}'.`,
    'Either modify the configured filter or ensure that the message is sent via the correct ID.',
  )
}

/** 504 `connectivity:connection.failed`; the description is the driver's text, when there is one. */
export function connectionFailed(id: string, description?: string): DittoError {
  return dittoError(
    504,
    'connectivity:connection.failed',
    `The Connection with ID '${id}' failed to connect.`,
    description ??
      'The requested Connection could not be connected due to an internal failure of the ' +
        'underlying driver.',
  )
}

/** 401 `connectivity:connection.unauthorized`; `driver` is what the driver reported. */
export function connectionUnauthorized(id: string, driver: string): DittoError {
  return dittoError(
    401,
    'connectivity:connection.unauthorized',
    `The Connection with ID <${id}> could not authenticate successfully. ` +
      `The underlying driver reported: <${driver}>`,
    'Please verify that the credentials were configured correctly in the connection.',
  )
}

/** 503 `connectivity:connection.unavailable`. */
export function connectionUnavailable(id: string): DittoError {
  return dittoError(
    503,
    'connectivity:connection.unavailable',
    `The Connection with ID '${id}' is not available, please try again later.`,
    'The requested Connection is temporarily not available, please retry the performed action in ' +
      'order to improve resiliency.',
  )
}

/** 500 `connectivity:connection.damaged`, not in Ditto: what the store has of it cannot be read. */
export function connectionDamaged(id: string, reason: string): DittoError {
  return dittoError(
    500,
    'connectivity:connection.damaged',
    `The Connection with ID '${id}' cannot be read from the store: ${reason}`,
    'Delete it and create it again, or restore the store from a backup. The others are not affected.',
  )
}

/** 503 `connectivity:connection.timeout`. */
export function connectionTimeout(operation: string, id: string): DittoError {
  return dittoError(
    503,
    'connectivity:connection.timeout',
    `The operation '${operation}' on connection '${id}' timed out.`,
    'The Connection did not answer within timeout.',
  )
}

/** 409 `connectivity:signal.illegal`: the command does not fit the state, such as `closed`. */
export function signalIllegal(id: string, signal: string, state: string): DittoError {
  return dittoError(
    409,
    'connectivity:signal.illegal',
    `The message '${signal}' is illegal for the ${state} Connection with ID '${id}'`,
    'Please retry later.',
  )
}

/** 412 `connectivity:precondition.failed`. */
export function connectionPreconditionFailed(
  header: string,
  expected: string,
  actual: string,
): DittoError {
  return dittoError(
    412,
    'connectivity:precondition.failed',
    `The comparison of precondition header '${header}' for the requested connection resource ` +
      `evaluated to false. Header value: '${expected}', actual entity-tag: '${actual}'.`,
    'The comparison of the provided precondition header with the current ETag value of the ' +
      'requested connection resource evaluated to false. Check the value of your conditional ' +
      'header value.',
  )
}

/** 400 `connectivity:command.invalid`. */
export function commandInvalid(command: string): DittoError {
  return dittoError(
    400,
    'connectivity:command.invalid',
    `The command <${command}> is invalid or unknown.`,
    'Choose from one of the valid commands, e.g. <connectivity.commands:openConnection>.',
  )
}

/** 500 `connectivity:internalerror`. */
export function connectivityInternalError(description?: string): DittoError {
  return dittoError(
    500,
    'connectivity:internalerror',
    'There was a rare case of an unexpected internal error.',
    description ?? 'Please contact the service team.',
  )
}

/** 400 `connectivity:message.mapping.failed`. */
export function mappingFailed(contentType: string | undefined, description?: string): DittoError {
  const known = contentType !== undefined && contentType !== ''
  return dittoError(
    400,
    'connectivity:message.mapping.failed',
    `The external message with content-type '${known ? contentType : '<unspecified>'}' could not ` +
      'be mapped.',
    description ??
      (known
        ? 'Check if you are sending the correct content-type/payload combination an that you have ' +
          'registered a mapper which transforms your payload to Ditto Protocol'
        : "Make sure you specify the 'Content-Type' when sending your message"),
  )
}

/** 400 `connectivity:message.mapper.config.invalid`: a property is missing. */
export function mapperConfigInvalid(property: string): DittoError {
  return dittoError(
    400,
    'connectivity:message.mapper.config.invalid',
    `The message mapper was not configured correctly as property '${property}' was missing from ` +
      "the mapper's configuration.",
    "Make sure to add the missing property to the mapper's configuration.",
  )
}

/** 400 `connectivity:message.mapper.config.failed`. */
export function mapperConfigFailed(text: string, description?: string): DittoError {
  return dittoError(
    400,
    'connectivity:message.mapper.config.failed',
    `The message mapper configuration failed due to: ${text}`,
    description ?? 'Check the configuration options of your mapper for errors.',
  )
}

/** 503 `connectivity:message.sending.failed`, or the status that says more. */
export function messageSendingFailed(text: string, description?: string, status = 503): DittoError {
  return dittoError(
    status,
    'connectivity:message.sending.failed',
    `Failed to send message: ${text}`,
    description ??
      'Sending the message to an external system failed, please check if your connection is ' +
        'configured properly and the target system is available and consuming messages.',
  )
}

/** 400 `connectivity:topic.invalid`: a target's topic; `hint` such as `Unknown topic: x`. */
export function topicInvalid(topic: string, hint?: string): DittoError {
  return dittoError(
    400,
    'connectivity:topic.invalid',
    `The topic '${topic}' could not be parsed.`,
    hint === undefined
      ? 'Check if the format is the expected one.'
      : `'${hint}' - check if the format is the expected one.`,
  )
}
