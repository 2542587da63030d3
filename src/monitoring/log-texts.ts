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
  /** For an error that nobody expected. */
  readonly exception?: string
  /** True: what the message brought is told behind the text. */
  readonly showsMessage?: true
}

/** What a text tells of an error. */
type LoggedError = Pick<DittoError, 'message' | 'description'> & Partial<Pick<DittoError, 'error'>>

/** The id of errors that nobody expected. */
const UNEXPECTED = 'connectivity:internalerror'

const SHOWN = { showsMessage: true } as const

const MAPPED_TO_NOTHING = 'Payload mapping returned null, message is dropped.'
const RESPONSE_FAILED =
  'Response was not successful. This may be the case for when a thing could not be found or the ' +
  'authorization subject of the consuming source was not allowed to write a thing.'

const TEXTS: Readonly<Record<LogCategory, Partial<Readonly<Record<LogType, Texts>>>>> = {
  source: {
    consumed: {
      success: 'Received signal.',
      failure: 'Ran into a failure when parsing an input command: {error}',
      exception: 'Ran into an unexpected failure when parsing an input command: {error}',
      ...SHOWN,
    },
    mapped: {
      success: 'Mapped incoming signal.',
      ...failing('when mapping incoming signal'),
      ...SHOWN,
    },
    dropped: { success: MAPPED_TO_NOTHING },
    enforced: {
      success: 'Successfully applied enforcement on incoming signal.',
      ...failing('when enforcing incoming signal'),
      ...SHOWN,
    },
    acknowledged: {
      success: 'Successfully acknowledged incoming signal.',
      ...failing('when acknowledging incoming signal'),
      ...SHOWN,
    },
  },
  target: {
    dispatched: { success: 'Successfully dispatched signal.', ...SHOWN },
    filtered: { success: 'Signal successfully passed possible filters.' },
    mapped: {
      success: 'Successfully mapped outgoing signal.',
      ...failing('when mapping outgoing signal'),
    },
    dropped: { success: MAPPED_TO_NOTHING, ...SHOWN },
    published: {
      success: 'Successfully published signal.',
      ...failing('when publishing signal'),
      ...SHOWN,
    },
    acknowledged: {
      success: 'Received successful acknowledgement for published signal.',
      ...failing('for expected acknowledgement of published signal'),
      ...SHOWN,
    },
  },
  response: {
    dispatched: {
      success: 'Received response.',
      failure: RESPONSE_FAILED,
      exception: RESPONSE_FAILED,
      ...SHOWN,
    },
    filtered: {
      success:
        'Dropped response since requester did not require response via Header response-required',
    },
    mapped: {
      success: 'Successfully mapped outbound response.',
      ...failing('when mapping outgoing signal'),
    },
    dropped: {
      success: MAPPED_TO_NOTHING,
      failure: 'Response dropped, missing replyTo address.',
      ...SHOWN,
    },
    published: {
      success: 'Successfully published response.',
      ...failing('when publishing response'),
      ...SHOWN,
    },
    acknowledged: {
      success: 'Received successful acknowledgement for published response.',
      ...failing('for expected acknowledgement of published response'),
      ...SHOWN,
    },
  },
  connection: {},
}

/** Whether entries of a kind tell what the message brought, its headers and its payload. */
export function showsMessage(category: LogCategory, type: LogType): boolean {
  return TEXTS[category][type]?.showsMessage === true
}

/** The text of a success entry. */
export function successText(category: LogCategory, type: LogType): string {
  return TEXTS[category][type]?.success ?? `Message was ${type}`
}

/** The text of a failure entry; says `not specified` where no error is known. */
export function failureText(category: LogCategory, type: LogType, error?: LoggedError): string {
  const texts = TEXTS[category][type]
  const text =
    error?.error === UNEXPECTED
      ? (texts?.exception ?? `Unexpected failure while message was ${type}: {error}`)
      : (texts?.failure ?? `Failure while message was ${type}: {error}`)
  // A function as replacement: `$&` in an error's text is no pattern.
  return text.replace('{error}', () => errorText(error))
}

function errorText(error: LoggedError | undefined): string {
  if (error === undefined) return 'not specified'
  return error.description === undefined ? error.message : `${error.message} ${error.description}`
}

function failing(when: string): Required<Pick<Texts, 'failure' | 'exception'>> {
  return {
    failure: `Ran into a failure ${when}: {error}`,
    exception: `Unexpected failure ${when}: {error}`,
  }
}
