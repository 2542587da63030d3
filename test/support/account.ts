/**
 * Accounting of messages: what was sent and promised against what arrived. A stream is whatever keeps
 * an order, such as a device; its items are named and sent in that order. Knows no protocol.
 */

/** What is wrong, as `stream/item`, in the order it was sent or noticed. */
export interface Verdict {
  /** Promised, and never arrived. */
  readonly lost: readonly string[]
  /** Every arrival after the first. */
  readonly duplicated: readonly string[]
  /** Arrived for the first time after a later item of its stream had. */
  readonly overtaken: readonly string[]
  /** Arrived without having been sent. */
  readonly unexpected: readonly string[]
}

/** The verdict on a flawless run. */
export const FLAWLESS: Verdict = { lost: [], duplicated: [], overtaken: [], unexpected: [] }

interface Stream {
  readonly items: Map<string, Item>
  /** Position of the latest item that arrived. */
  furthest: number
}

interface Item {
  readonly position: number
  promised: boolean
  arrived: boolean
}

/** The books of one run. */
export class Account {
  readonly #streams = new Map<string, Stream>()
  readonly #duplicated: string[] = []
  readonly #overtaken: string[] = []
  readonly #unexpected: string[] = []
  #promised = 0
  #missing = 0

  /** How many items somebody has taken responsibility for. */
  get promised(): number {
    return this.#promised
  }

  /** How many of those have not arrived. */
  get missing(): number {
    return this.#missing
  }

  /** The item is on its way; it may arrive, and may get lost. */
  send(stream: string, item: string): void {
    const { items } = this.#stream(stream)
    if (items.has(item)) throw new Error(`${stream}/${item} is sent twice`)
    items.set(item, { position: items.size, promised: false, arrived: false })
  }

  /** Somebody has taken responsibility for an item that was sent: it must arrive. */
  promise(stream: string, item: string): void {
    const sent = this.#stream(stream).items.get(item)
    if (sent === undefined) throw new Error(`${stream}/${item} is promised before it is sent`)
    if (sent.promised) return
    sent.promised = true
    this.#promised += 1
    if (!sent.arrived) this.#missing += 1
  }

  /** The item has arrived at its destination. */
  arrive(stream: string, item: string): void {
    const books = this.#stream(stream)
    const sent = books.items.get(item)
    if (sent === undefined) this.#unexpected.push(`${stream}/${item}`)
    else if (sent.arrived) this.#duplicated.push(`${stream}/${item}`)
    else {
      sent.arrived = true
      if (sent.promised) this.#missing -= 1
      if (sent.position < books.furthest) this.#overtaken.push(`${stream}/${item}`)
      else books.furthest = sent.position
    }
  }

  verdict(): Verdict {
    const lost = [...this.#streams].flatMap(([stream, { items }]) =>
      [...items].flatMap(([item, { promised, arrived }]) =>
        promised && !arrived ? `${stream}/${item}` : [],
      ),
    )
    return {
      lost,
      duplicated: [...this.#duplicated],
      overtaken: [...this.#overtaken],
      unexpected: [...this.#unexpected],
    }
  }

  #stream(name: string): Stream {
    let stream = this.#streams.get(name)
    if (stream === undefined) {
      stream = { items: new Map(), furthest: -1 }
      this.#streams.set(name, stream)
    }
    return stream
  }
}
