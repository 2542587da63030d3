/**
 * A clock on the wall that jumps, for a service and the processes that it starts: libfaketime, which takes
 * an offset from a file. The monotonic clock of the system goes on as it does when a machine's clock is set.
 */
import { globSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** How long an offset may be kept before the file is read again, in seconds. */
const CACHED_SECONDS = 1

/** Where Debian and others have the library. */
const LIBRARY = '/usr/lib{,64}/{*/,}faketime/libfaketimeMT.so.1'

/** The clock of one service. */
export interface JumpingClock {
  /** The environment that the service is started with. */
  readonly env: Readonly<Record<string, string>>
  /** Sets it this far from the real time, as libfaketime writes it: `-1h`, `+1y`. */
  jump(offset: string): void
}

/** A clock that is right, with its file in the folder. */
export function jumpingClock(folder: string): JumpingClock {
  const [library] = globSync(LIBRARY)
  if (library === undefined) throw new Error('libfaketime is not installed')
  const file = join(folder, 'clock')
  const jump = (offset: string): void => {
    writeFileSync(`${file}.new`, `${offset}\n`)
    renameSync(`${file}.new`, file)
  }
  jump('+0')
  return {
    jump,
    env: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_CACHE_DURATION: `${CACHED_SECONDS}`,
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      // The service gives its children an environment of their own.
      NODE_OPTIONS: `--import ${new URL('inherited-clock.ts', import.meta.url).href}`,
    },
  }
}
