/**
 * The load generator, a process of its own: sends numbered readings of many devices, receives what the
 * gateway makes of them, and keeps account of every one. Talks as messages.ts says.
 */
import { once } from 'node:events'
import type { Load } from '../scenarios/scenario.ts'
import type { ArrivalSink, EndOrder, Inlet, Outlet } from './ends/end.ts'
import { ends } from './ends/registry.ts'
import { Ledger } from './ledger.ts'
import { forDevice, type LetterOrder, Letters } from './letters.ts'
import type { GeneratorCommand, GeneratorReport } from './messages.ts'
import { readNumber } from './readings.ts'

/** What the generator is started with. */
export interface LoadOrder extends LetterOrder {
  /** Where it sends. */
  readonly from: EndOrder
  /** Where it receives. */
  readonly to: EndOrder
  readonly load: Load
  /** Sent once for each device before all; each causes one event. `{device}` stands for the name. */
  readonly setup: { readonly address: string; readonly payload: string } | undefined
}

/** Devices set up at once; everybody's queues hold so many. */
const SETUP_WINDOW = 100
const SETUP_LIMIT_MS = 60_000
const REPORT_INTERVAL_MS = 200
/** How often an open loop looks what is due. */
const TICK_MS = 1
/** A message that takes longer is counted as lost, unless it arrives all the same. */
const LOST_AFTER_MS = 5_000

/** Sends and receives; one per process. */
class Generator implements ArrivalSink {
  readonly #order: LoadOrder
  readonly #ledger: Ledger
  #outlet: Outlet | undefined
  #inlet: Inlet | undefined
  #phase: 'opening' | 'setup' | 'sending' | 'draining' = 'opening'
  #setUp = 0
  #setUpSent = 0
  #beganAtUs = 0
  #onSetUp = (): void => {}

  constructor(order: LoadOrder) {
    this.#order = order
    this.#ledger = new Ledger(order.devices)
  }

  async prepare(): Promise<void> {
    const { from, to, setup } = this.#order
    const onEnd = (reason: string): void => this.onEnd(reason)
    this.#inlet = await ends[to.protocol].openInlet(to, this)
    const letters = new Letters(this.#order)
    this.#outlet = await ends[from.protocol].openOutlet(from, letters, onEnd)
    if (setup === undefined) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#onSetUp = resolve
    this.#phase = 'setup'
    const timer = setTimeout(() => {
      reject(new Error(`${this.#setUp} of ${this.#order.devices} devices could be set up`))
    }, SETUP_LIMIT_MS)
    this.#setUpMore()
    await promise
    clearTimeout(timer)
  }

  begin(): void {
    this.#phase = 'sending'
    this.#beganAtUs = nowUs()
    this.#pump()
    if (this.#order.load.kind === 'open') this.#tick()
    setInterval(() => {
      this.#ledger.giveUp(nowUs() - LOST_AFTER_MS * 1_000)
      if (this.#phase === 'sending') this.#pump()
      report({ kind: 'progress', sent: this.#ledger.sent, received: this.#ledger.received })
    }, REPORT_INTERVAL_MS)
  }

  measure(): void {
    this.#ledger.beginWindow()
  }

  /** Resolves when everything arrived or was given up. */
  async finish(): Promise<void> {
    report({ kind: 'window', ...this.#ledger.window() })
    this.#phase = 'draining'
    while (this.#ledger.inFlight > 0) {
      await new Promise((resolve) => setTimeout(resolve, REPORT_INTERVAL_MS / 4))
    }
    report({ kind: 'result', account: this.#ledger.account() })
    this.#outlet?.close()
    this.#inlet?.close()
  }

  onMessage(packet: Buffer, start: number, end: number): void {
    if (this.#phase === 'setup') this.#setUp += 1
    else this.#ledger.receive(readNumber(packet, start, end), nowUs())
  }

  onBurst(): void {
    if (this.#phase === 'sending') this.#pump()
    else if (this.#phase === 'setup') this.#setUpMore()
  }

  onEnd(reason: string): void {
    fail(`the session of the load generator ended: ${reason}`)
  }

  #tick(): void {
    if (this.#phase !== 'sending') return
    this.#pump()
    setTimeout(() => this.#tick(), TICK_MS)
  }

  #setUpMore(): void {
    const { setup, devices } = this.#order
    if (this.#setUp >= devices) this.#onSetUp()
    while (setup && this.#setUpSent < Math.min(devices, this.#setUp + SETUP_WINDOW)) {
      const payload = Buffer.from(forDevice(setup.payload, this.#setUpSent++))
      this.#outlet?.post(setup.address, payload)
    }
  }

  #pump(): void {
    if (this.#outlet!.isFull) return
    const { load } = this.#order
    const count =
      load.kind === 'closed'
        ? load.window - this.#ledger.inFlight
        : Math.floor(((nowUs() - this.#beganAtUs) * load.rate) / 1e6) - this.#ledger.sent
    if (count > 0) this.#send(count)
  }

  /** In an open loop a message counts from when it was due, however late it could be sent. */
  #send(count: number): void {
    const { load } = this.#order
    const first = this.#ledger.sent
    const sentAtUs = nowUs()
    for (let number = first; number < first + count; number++) {
      const isClosed = load.kind === 'closed'
      const dueAtUs = isClosed ? sentAtUs : this.#beganAtUs + ((number + 1) / load.rate) * 1e6
      this.#ledger.send(dueAtUs)
    }
    this.#outlet!.send(first, count)
  }
}

function nowUs(): number {
  return performance.now() * 1_000
}

function report(message: GeneratorReport): void {
  process.send?.(message)
}

function fail(message: string): void {
  report({ kind: 'failed', message })
  process.disconnect()
  process.exitCode = 1
}

const [order] = (await once(process, 'message')) as [LoadOrder]
const load = new Generator(order)
process.on('disconnect', () => process.exit())
process.on('message', (command: GeneratorCommand) => {
  if (command.kind === 'begin') load.begin()
  else if (command.kind === 'measure') load.measure()
  else void load.finish()
})
await load.prepare().then(
  () => report({ kind: 'ready' }),
  (error: Error) => fail(error.message),
)
