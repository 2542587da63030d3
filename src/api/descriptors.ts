/**
 * Tells when the process has no file descriptor left. Then nobody can connect to the API any more, and
 * nothing else would say so: the system lets clients wait, and Node hears nothing of them.
 */
import { closeSync, openSync } from 'node:fs'
import { devNull } from 'node:os'
import { isOutOfDescriptors, OUT_OF_DESCRIPTORS } from '../transport/descriptors.ts'

/** Where it is told. */
export interface DescriptorLog {
  info(fields: object, message: string): void
  error(fields: object, message: string): void
}

const CHECK_INTERVAL_MS = 2_000

const EXHAUSTED = `${OUT_OF_DESCRIPTORS} Nobody can connect to the API; connections go on as they are.`

/** Looks now and then, and tells when it changes; answers what ends that. */
export function watchDescriptors(log: DescriptorLog, intervalMs = CHECK_INTERVAL_MS): () => void {
  let exhausted = false
  const timer = setInterval(() => {
    const were = exhausted
    exhausted = !isOneLeft()
    if (exhausted && !were) log.error({}, EXHAUSTED)
    if (!exhausted && were) log.info({}, 'There are file descriptors again.')
  }, intervalMs)
  timer.unref()
  return () => clearInterval(timer)
}

function isOneLeft(): boolean {
  try {
    closeSync(openSync(devNull, 'r'))
    return true
  } catch (error) {
    return !isOutOfDescriptors(error)
  }
}
