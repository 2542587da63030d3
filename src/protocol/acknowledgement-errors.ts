/** The errors of acknowledgements, as Eclipse Ditto words them. */
import { type DittoError, dittoError } from './errors.ts'
import { grouped } from './grouped.ts'

/** 400 `acknowledgement:label.invalid`. */
export function ackLabelInvalid(label: string): DittoError {
  return dittoError(
    400,
    'acknowledgement:label.invalid',
    `Acknowledgement label <${label}> is invalid.`,
    'An acknowledgement label must conform to the regular expression of Ditto documentation.',
  )
}

/** 400 `acknowledgement:label.not.declared`. */
export function ackLabelNotDeclared(label: string): DittoError {
  return dittoError(
    400,
    'acknowledgement:label.not.declared',
    `Cannot send acknowledgement with label <${label}>, which is not declared.`,
    'Each connection may only send acknowledgements whose label matches one declared for the ' +
      'connection.',
  )
}

/** 409 `acknowledgement:label.not.unique`. */
export function ackLabelNotUnique(): DittoError {
  return dittoError(
    409,
    'acknowledgement:label.not.unique',
    'One or more declared acknowledgement labels are taken by other subscribers.',
    'Please ensure all other subscribers with the declared acknowledgement labels are offline.',
  )
}

/** 400 `acknowledgement:ditto.acklabel.forbidden`, for `twin-persisted` and its like. */
export function ackLabelForbidden(label: string): DittoError {
  return dittoError(
    400,
    'acknowledgement:ditto.acklabel.forbidden',
    `The Ditto internal Acknowledgement label <${label}> is not allowed to be issued externally!`,
    'Make sure to not issue an Ditto internal Acknowledgement label.',
  )
}

/** 422 `acknowledgement:request.parsing.failed`. */
export function ackRequestParsingFailed(text: string): DittoError {
  return dittoError(
    422,
    'acknowledgement:request.parsing.failed',
    `<${text}> cannot be parsed to an acknowledgement request!`,
    'The string to be parsed must be a valid representation of an acknowledgement request.',
  )
}

/** 408 `acknowledgement:request.timeout`. */
export function ackRequestTimeout(timeoutMs: number): DittoError {
  return dittoError(
    408,
    'acknowledgement:request.timeout',
    `The acknowledgement request reached the specified timeout of ${grouped(timeoutMs)}ms.`,
    'Try increasing the timeout and make sure that the requested acknowledgement is sent back in ' +
      'time.',
  )
}

/** 409 `acknowledgement:request.duplicate.correlation-id`. */
export function ackCorrelationIdDuplicate(correlationId: string): DittoError {
  return dittoError(
    409,
    'acknowledgement:request.duplicate.correlation-id',
    `Correlation-id <${correlationId}> for acknowledgement request was already used very recently.`,
    'Please provide unique correlation-ids when requesting acknowledgements, at least unique ' +
      'within at least several minutes.',
  )
}

/** 400 `acknowledgement:correlation-id.missing`. */
export function ackCorrelationIdMissing(): DittoError {
  return dittoError(
    400,
    'acknowledgement:correlation-id.missing',
    'Correlation-id header for acknowledgement is missing.',
    "Please provide the mandatory header 'correlation-id' as part of your acknowledgement",
  )
}
