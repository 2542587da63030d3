/**
 * The errors of Ditto Protocol messages that cannot be understood: topic, path, headers, media type.
 * Ids, texts and statuses of Eclipse Ditto, one factory per error.
 */
import { type DittoError, dittoError } from './errors.ts'
import { grouped } from './grouped.ts'

/** 400 `protocoladapter:unknown.topicpath`; `description` says which part is missing or unknown. */
export function unknownTopicPath(topic: string, description?: string): DittoError {
  return dittoError(
    400,
    'protocoladapter:unknown.topicpath',
    `The topic path '${topic}' is not supported.`,
    description ?? 'Check if the topic path is correct.',
  )
}

/** 400 `protocoladapter:unknown.topicpath`: each is known, but not together. */
export function unknownTopicAndPath(topic: string, path: string): DittoError {
  return dittoError(
    400,
    'protocoladapter:unknown.topicpath',
    `The topic '${topic}' is not supported in combination with the path '${path}'`,
    'Check if the topic path is correct.',
  )
}

/** 400 `protocoladapter:unknown.path`. */
export function unknownPath(path: string): DittoError {
  return dittoError(
    400,
    'protocoladapter:unknown.path',
    `The path '${path}' does not correspond to any known command, response or event.`,
    'Check if the path is correct.',
  )
}

/** 400 `protocoladapter:unknown.command`; a type such as `things.commands:deletePolicyId`. */
export function unknownCommand(type: string): DittoError {
  return dittoError(
    400,
    'protocoladapter:unknown.command',
    `The command '${type}' is not supported by the adapter.`,
    'Check if the command is correct.',
  )
}

/** 400 `protocoladapter:unknown.event`. */
export function unknownEvent(type: string): DittoError {
  return dittoError(
    400,
    'protocoladapter:unknown.event',
    `The event '${type}' is not supported by the adapter.`,
    'Check if the event is correct.',
  )
}

/** 400 `signal.unsupported`: Ditto knows it, Sluice does not serve it. */
export function signalUnsupported(type: string): DittoError {
  return dittoError(
    400,
    'signal.unsupported',
    `The provided signal '${type}' is not supported.`,
    'Check if you specified the correct resource/path and payload.',
  )
}

/** 400 `header.invalid`; `type` such as `boolean`. */
export function headerInvalid(name: string, value: string, type: string): DittoError {
  return dittoError(
    400,
    'header.invalid',
    `The value '${value}' of the header '${name}' is not a valid ${type}.`,
    `Verify that the value of the header '${name}' is a valid '${type}' and try again.`,
  )
}

/** 400 `header.invalid`: a zero timeout leaves no time for what was requested. */
export function timeoutZero(): DittoError {
  return dittoError(
    400,
    'header.invalid',
    "The value of the header 'timeout' must not be zero if response or acknowledgements are " +
      'requested.',
    'Please provide a positive timeout.',
  )
}

/** 408 `command.timeout`. */
export function commandTimeout(timeoutMs: number): DittoError {
  return dittoError(
    408,
    'command.timeout',
    `The Command reached the specified timeout of ${grouped(timeoutMs)}ms.`,
    'Try increasing the command timeout.',
  )
}

/** 415 `mediatype.unsupported`. */
export function mediaTypeUnsupported(type: string, allowed: readonly string[]): DittoError {
  return dittoError(
    415,
    'mediatype.unsupported',
    `The Media-Type <${type}> is not supported for this resource.`,
    allowed.length === 1
      ? `Allowed Media-Type is: <${allowed[0]}>.`
      : `Allowed Media-Types are: <${allowed.join(',')}>.`,
  )
}

/** 400 `messages:subject.invalid`. */
export function messageSubjectInvalid(subject: string): DittoError {
  return dittoError(
    400,
    'messages:subject.invalid',
    `Subject '${subject}' is not valid!`,
    'It must not be empty and conform to RFC-3986 (URI).',
  )
}
