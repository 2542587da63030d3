/**
 * Finds the addresses of host names, for all sockets of a thread. The system's resolver takes a few
 * questions at a time, for all threads together, and a name that nobody knows may keep it for many seconds:
 * names that were found must not wait behind those. Knows no broker and no socket.
 *
 * - Whoever asks for a name that is being looked up shares the answer; attempts that were given up leave
 *   no further question behind.
 * - Names that were slow to be found, or not to be, are looked up one after the other.
 * - While the resolver does not answer, a name has the addresses that it had before.
 */
import { type LookupAddress, lookup as lookupInSystem } from 'node:dns'
import type { LookupFunction } from 'node:net'

type Failure = NodeJS.ErrnoException
type Answer = (error: Failure | null, addresses: LookupAddress[]) => void

/** A question to the resolver: all addresses of a name, of one family or (0) of both. */
export type Resolver = (hostname: string, family: number, answer: Answer) => void

interface Pending {
  readonly hostname: string
  readonly family: number
  readonly answers: Set<Answer>
}

/** A lookup that takes longer makes its name a slow one; then, too, known addresses have to do. */
const SLOW_MS = 500
/** Names whose addresses are remembered; the oldest go. */
const MAX_KNOWN = 10_000

/** The questions of one thread. */
export class Names {
  readonly #resolve: Resolver
  readonly #slowMs: number
  readonly #pending = new Map<string, Pending>()
  readonly #known = new Map<string, LookupAddress[]>()
  readonly #slow = new Set<string>()
  /** Slow names that wait for their turn, the first being looked up. */
  readonly #line: string[] = []

  constructor(resolve: Resolver, slowMs = SLOW_MS) {
    this.#resolve = resolve
    this.#slowMs = slowMs
  }

  /** For `net.connect` and `tls.connect`. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    const family = options.family === 'IPv4' ? 4 : options.family === 'IPv6' ? 6 : options.family
    this.#find(hostname, family ?? 0, (error, addresses) => {
      if (error !== null) callback(error, '', undefined)
      else if (options.all === true) callback(null, addresses)
      else callback(null, addresses[0]!.address, addresses[0]!.family)
    })
  }

  #find(hostname: string, family: number, onAnswer: Answer): void {
    const key = `${family} ${hostname}`
    const answer = this.#orKnown(key, onAnswer)
    const pending = this.#pending.get(key)
    if (pending !== undefined) {
      pending.answers.add(answer)
      return
    }
    this.#pending.set(key, { hostname, family, answers: new Set([answer]) })
    if (!this.#slow.has(key)) {
      this.#ask(key, () => undefined)
      return
    }
    this.#line.push(key)
    if (this.#line.length === 1) this.#askNext()
  }

  /** Answers once: what was known before when there is nothing new in time. */
  #orKnown(key: string, answer: Answer): Answer {
    const known = this.#known.get(key)
    if (known === undefined) return answer
    let isAnswered = false
    const once: Answer = (error, addresses) => {
      clearTimeout(timer)
      if (isAnswered) return
      isAnswered = true
      if (error?.code === 'EAI_AGAIN') answer(null, known)
      else answer(error, addresses)
    }
    const timer = setTimeout(once, this.#slowMs, null, known)
    return once
  }

  #askNext(): void {
    const key = this.#line[0]
    if (key === undefined) return
    this.#ask(key, () => {
      this.#line.shift()
      this.#askNext()
    })
  }

  #ask(key: string, onEnd: () => void): void {
    const { hostname, family, answers } = this.#pending.get(key)!
    const isLate = setTimeout(() => this.#slow.add(key), this.#slowMs)
    const askedAt = performance.now()
    this.#resolve(hostname, family, (error, addresses) => {
      clearTimeout(isLate)
      this.#pending.delete(key)
      if (performance.now() - askedAt < this.#slowMs) this.#slow.delete(key)
      if (error === null) this.#remember(key, addresses)
      onEnd()
      for (const answer of answers) answer(error, addresses)
    })
  }

  #remember(key: string, addresses: LookupAddress[]): void {
    this.#known.delete(key)
    this.#known.set(key, addresses)
    if (this.#known.size <= MAX_KNOWN) return
    const [oldest] = this.#known.keys()
    this.#known.delete(oldest!)
  }
}

const names = new Names((hostname, family, answer) =>
  lookupInSystem(hostname, { family, all: true }, answer),
)

/** The `lookup` of every socket to a broker. */
export const lookupName: LookupFunction = names.lookup
