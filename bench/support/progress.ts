/** Shows how far a run is: a bar in a terminal, otherwise a line every few seconds. */
import type { WriteStream } from 'node:tty'

const BAR_CELLS = 30
const LINE_INTERVAL_MS = 2_000

/** What it writes to: standard error, so that results can be piped. */
export type ProgressStream = Pick<WriteStream, 'write' | 'isTTY'>

export class Progress {
  readonly #stream: ProgressStream
  readonly #now: () => number
  #shownAt = Number.NEGATIVE_INFINITY

  constructor(stream: ProgressStream, now: () => number = () => performance.now()) {
    this.#stream = stream
    this.#now = now
  }

  /** A step that takes a moment. */
  step(text: string): void {
    if (this.#stream.isTTY) this.#stream.write(`\r\u001b[2K${text} …`)
    else this.#stream.write(`${text} …\n`)
  }

  /** `share` from 0 to 1. */
  show(share: number, text: string): void {
    if (this.#stream.isTTY) {
      const full = Math.round(Math.min(1, share) * BAR_CELLS)
      const bar = '█'.repeat(full) + '░'.repeat(BAR_CELLS - full)
      this.#stream.write(`\r\u001b[2K${bar} ${text}`)
      return
    }
    if (this.#now() - this.#shownAt < LINE_INTERVAL_MS) return
    this.#shownAt = this.#now()
    const percent = String(Math.round(Math.min(1, share) * 100)).padStart(3)
    this.#stream.write(`${percent} %  ${text}\n`)
  }

  /** Leaves the terminal clean for what is printed next. */
  end(): void {
    if (this.#stream.isTTY) this.#stream.write('\r\u001b[2K')
    this.#shownAt = Number.NEGATIVE_INFINITY
  }
}
