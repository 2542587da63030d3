/** Where the flight recorder of each thread is: written by the thread, read by the control plane. */
import { join } from 'node:path'

/** The recorder file of a thread. */
export function recorderFile(folder: string, thread: number): string {
  return join(folder, `thread-${thread}`)
}
