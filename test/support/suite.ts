/**
 * uvu with deadlines: `suite('twin')` gives an `it` whose tests fail when they take too long, and
 * runs itself, so that no file can forget to.
 */
import { suite as uvuSuite } from 'uvu'

const DEFAULT_LIMIT_MS = 20_000

/** uvu tells of failures when a suite is through; one that is ended before has told nothing. */
const failures: string[] = []
process.once('SIGTERM', () => {
  process.stderr.write(`\n${failures.join('\n')}\n`)
  process.exit(1)
})

/** One suite of a test file. */
export interface Suite {
  /** Registers a test; it fails after `limitMs`, 20 s unless given. */
  (name: string, test: () => void | Promise<void>, limitMs?: number): void
  before(hook: () => void | Promise<void>): void
  after(hook: () => void | Promise<void>): void
  beforeEach(hook: () => void | Promise<void>): void
  afterEach(hook: () => void | Promise<void>): void
}

/** Opens a suite; it runs by itself once the file has been read. */
export function suite(name: string): Suite {
  const uvu = uvuSuite(name)
  const it = (
    title: string,
    test: () => void | Promise<void>,
    limitMs = DEFAULT_LIMIT_MS,
  ): void => {
    uvu(title, () => withDeadline(title, test, limitMs))
  }
  setImmediate(() => uvu.run())
  return Object.assign(it, {
    before: (hook: () => void | Promise<void>) => uvu.before(hook),
    after: (hook: () => void | Promise<void>) => uvu.after(hook),
    beforeEach: (hook: () => void | Promise<void>) => uvu.before.each(hook),
    afterEach: (hook: () => void | Promise<void>) => uvu.after.each(hook),
  })
}

async function withDeadline(
  title: string,
  test: () => void | Promise<void>,
  limitMs: number,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`"${title}" took longer than ${limitMs} ms`)),
      limitMs,
    )
  })
  try {
    await Promise.race([test(), deadline])
  } catch (error) {
    failures.push(`${title}: ${error instanceof Error ? error.stack : String(error)}`)
    throw error
  } finally {
    clearTimeout(timer)
  }
}
