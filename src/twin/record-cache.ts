/** Records kept parsed, up to a number of characters. Knows nothing of where they come from. */
import type { ThingRecord } from './thing.ts'

/** What a record costs beside the JSON of its thing, in characters: its key, its instants, the map. */
const OVERHEAD_CHARS = 512

export class RecordCache {
  /** In the order of being set, the oldest first. */
  readonly #records = new Map<string, ThingRecord>()
  readonly #maxChars: number
  #chars = 0

  /** `maxChars`: characters that all records together may have as JSON. */
  constructor(maxChars: number) {
    this.#maxChars = maxChars
  }

  get(thingId: string): ThingRecord | undefined {
    return this.#records.get(thingId)
  }

  /** Keeps a record as the newest; the oldest ones make room. */
  set(thingId: string, record: ThingRecord): void {
    const before = this.#records.get(thingId)
    if (before !== undefined) {
      this.#chars -= charsOf(before)
      this.#records.delete(thingId)
    }
    this.#records.set(thingId, record)
    this.#chars += charsOf(record)
    if (this.#chars > this.#maxChars) this.#makeRoom()
  }

  #makeRoom(): void {
    for (const [thingId, record] of this.#records) {
      if (this.#chars <= this.#maxChars) return
      this.#chars -= charsOf(record)
      this.#records.delete(thingId)
    }
  }
}

function charsOf(record: ThingRecord): number {
  return OVERHEAD_CHARS + (record.thing === undefined ? 0 : record.sizeBound)
}
