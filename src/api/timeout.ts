/**
 * How long a caller waits, and for what: the parameters `timeout` and `response-required`, as query
 * parameter or header. The work itself goes on when the caller has got an answer.
 */
import type { Context } from 'hono'
import { parseDurationMs } from '../protocol/duration.ts'
import { DittoException } from '../protocol/errors.ts'
import { commandTimeout, headerInvalid, timeoutZero } from '../protocol/protocol-errors.ts'
import { timeoutInvalid } from './errors.ts'

/** The longest time that a caller may ask for. */
export const TIMEOUT_MS_MAX = 60_000
/** How long a caller who wants no response waits for an error. */
export const FIRE_AND_FORGET_MS = 3_000

const NEGATIVE = /^-(\d+[a-z]*)$/

/**
 * The answer of `handle`, in time: 408 `command.timeout` after `timeout` (else `defaultMs`), and
 * 202 without a body for `response-required=false`, unless an error comes soon.
 */
export async function answerInTime(
  c: Context,
  defaultMs: number,
  handle: () => Response | Promise<Response>,
): Promise<Response> {
  const quiet = isChange(c.req.method) && parameter(c, 'response-required') === 'false'
  const timeoutMs = requestedTimeoutMs(c, quiet) ?? defaultMs
  if (!quiet) {
    return await withDeadline(handle(), timeoutMs, () => {
      throw new DittoException(commandTimeout(timeoutMs))
    })
  }
  const accepted = (): Response => c.body(null, 202)
  return await withDeadline(Promise.resolve(handle()).then(accepted), FIRE_AND_FORGET_MS, accepted)
}

function isChange(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD'
}

/** The query parameter goes before the header of the same name. */
function parameter(c: Context, name: string): string | undefined {
  return c.req.query(name) ?? c.req.header(name)
}

function requestedTimeoutMs(c: Context, quiet: boolean): number | undefined {
  const text = parameter(c, 'timeout')
  if (text === undefined) return undefined
  const negative = NEGATIVE.exec(text)?.[1]
  const timeoutMs = parseDurationMs(negative ?? text)
  if (timeoutMs === undefined) throw new DittoException(headerInvalid('timeout', text, 'duration'))
  if (negative !== undefined && timeoutMs > 0) {
    throw new DittoException(timeoutInvalid(-timeoutMs, TIMEOUT_MS_MAX))
  }
  if (timeoutMs > TIMEOUT_MS_MAX)
    throw new DittoException(timeoutInvalid(timeoutMs, TIMEOUT_MS_MAX))
  if (timeoutMs === 0 && !quiet) throw new DittoException(timeoutZero())
  return timeoutMs
}

async function withDeadline(
  answer: Response | Promise<Response>,
  deadlineMs: number,
  onDeadline: () => Response,
): Promise<Response> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<'late'>((resolve) => {
    timer = setTimeout(resolve, deadlineMs, 'late')
    // Nobody waits any more when the sockets are gone.
    timer.unref()
  })
  try {
    const first = await Promise.race([answer, deadline])
    return first === 'late' ? onDeadline() : first
  } finally {
    clearTimeout(timer)
  }
}
