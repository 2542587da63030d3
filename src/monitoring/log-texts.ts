/**
 * The texts of a connection's log, as Eclipse Ditto words them (Ditto documentation, "Connection
 * logs"). Texts that belong to one event of one room stay in that room.
 */
import type { DittoError } from '../protocol/errors.ts'
import type { LogCategory, LogType } from './log-entry.ts'

/** `{error}` stands for message and description of the error. */
interface Texts {
  readonly success?: string
  readonly failure?: string
}

const MAPPED_TO_NOTHING = 'Payload mapping returned null, message is dropped.'
const OUTGOING_MAPPING_FAILED = 'Ran into a failure when mapping outgoing signal: {error}'

const TEXTS: Readonly<Record<LogCategory, Partial<Readonly<Record<LogType, Texts>>>>> = {
  source: {
    consumed: {
      success: 'Received signal.',
      failure: 'Ran into a failure when parsing an input command: {error}',
    },
    mapped: {
      success: 'Mapped incoming signal.',
      failure: 'Ran into a failure when mapping incoming signal: {error}',
    },
    dropped: { success: MAPPED_TO_NOTHING },
    enforced: {
      success: 'Successfully applied enforcement on incoming signal.',
      failure: 'Ran into a failure when enforcing incoming signal: {error}',
    },
    acknowledged: {
      success: 'Successfully acknowledged incoming signal.',
      failure: 'Ran into a failure when acknowledging incoming signal: {error}',
    },
  },
  target: {
    dispatched: { success: 'Successfully dispatched signal.' },
    filtered: { success: 'Signal successfully passed possible filters.' },
    mapped: { success: 'Successfully mapped outgoing signal.', failure: OUTGOING_MAPPING_FAILED },
    dropped: { success: MAPPED_TO_NOTHING },
    published: {
      success: 'Successfully published signal.',
      failure: 'Ran into a failure when publishing signal: {error}',
    },
    acknowledged: {
      success: 'Received successful acknowledgement for published signal.',
      failure: 'Ran into a failure for expected acknowledgement of published signal: {error}',
    },
  },
  response: {
    dispatched: {
      success: 'Received response.',
      failure:
        'Response was not successful. This may be the case for when a thing could not be found or ' +
        'the authorization subject of the consuming source was not allowed to write a thing.',
    },
    filtered: {
      success:
        'Dropped response since requester did not require response via Header response-required',
    },
    mapped: {
      success: 'Successfully mapped outbound response.',
      failure: OUTGOING_MAPPING_FAILED,
    },
    dropped: {
      success: MAPPED_TO_NOTHING,
      failure: 'Response dropped, missing replyTo address.',
    },
    published: {
      success: 'Successfully published response.',
      failure: 'Ran into a failure when publishing response: {error}',
    },
    acknowledged: {
      success: 'Received successful acknowledgement for published response.',
      failure: 'Ran into a failure for expected acknowledgement of published response: {error}',
    },
  },
  connection: {},
}

/** The text of a success entry. */
export function successText(category: LogCategory, type: LogType): string {
  return TEXTS[category][type]?.success ?? `Message was ${type}`
}

/** The text of a failure entry; says `not specified` where no error is known. */
export function failureText(
  category: LogCategory,
  type: LogType,
  error?: Pick<DittoError, 'message' | 'description'>,
): string {
  const text = TEXTS[category][type]?.failure ?? `Failure while message was ${type}: {error}`
  // A function as replacement: `$&` in an error's text is no pattern.
  return text.replace('{error}', () => errorText(error))
}

function errorText(error: Pick<DittoError, 'message' | 'description'> | undefined): string {
  if (error === undefined) return 'not specified'
  return error.description === undefined ? error.message : `${error.message} ${error.description}`
}
