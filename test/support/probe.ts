/** Stands where a shard would: opens a transport and remembers everything it says. */
import type { Connection } from '../../src/connection/types.ts'
import { payloadText } from '../../src/protocol/external-message.ts'
import type {
  AddressStatus,
  ConnectError,
  Delivery,
  PublishOutcome,
  Settlement,
  Transport,
  TransportFactory,
  TransportOptions,
} from '../../src/transport/transport.ts'

const UNTIL_LIMIT_MS = 8000

/** One transport under observation. */
export class Probe {
  readonly transport: Transport
  readonly deliveries: Delivery[] = []
  readonly batches: number[] = []
  readonly lost: ConnectError[] = []
  readonly statuses: AddressStatus[] = []
  readonly logs: string[] = []
  /** Settles at once what is delivered; undefined: the test does. */
  settlement: Settlement | undefined
  #changed = Promise.withResolvers<void>()

  constructor(
    factory: TransportFactory,
    connection: Connection,
    options: Partial<TransportOptions> = {},
  ) {
    this.transport = factory({
      connection,
      clientIndex: 0,
      dryRun: false,
      maxUnsettled: 1000,
      connectTimeoutMs: 5000,
      publishTimeoutMs: 5000,
      backoffMinMs: 50,
      backoffMaxMs: 400,
      ...options,
      events: {
        onDeliveries: (batch) => this.#deliver(batch),
        onUndecodable: (_source, address, error) =>
          this.#log(`${address}: ${error.message} ${error.description ?? ''}`),
        onAddressStatus: (status) => this.statuses.push(status),
        onLost: (error) => {
          this.lost.push(error)
          this.#wake()
        },
        onLog: (level, message) => this.#log(`${level}: ${message}`),
      },
    })
  }

  /** Opens a transport of the connection. */
  static async open(
    factory: TransportFactory,
    connection: Connection,
    options: Partial<TransportOptions> = {},
  ): Promise<Probe> {
    const probe = new Probe(factory, connection, options)
    await probe.transport.open(new AbortController().signal)
    return probe
  }

  /** Payloads in the order of delivery. */
  get payloads(): readonly string[] {
    return this.deliveries.map(({ message }) => payloadText(message) ?? '')
  }

  /** Resolves when the condition holds; looked at whenever something happens. */
  async until(condition: () => boolean, what: string): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const state = `${this.deliveries.length} deliveries, lost: ${this.lost[0]?.message}`
        reject(new Error(`not within ${UNTIL_LIMIT_MS} ms: ${what} (${state})`))
      }, UNTIL_LIMIT_MS)
    })
    try {
      while (!condition()) await Promise.race([this.#changed.promise, late])
    } finally {
      clearTimeout(timer)
      late.catch(() => undefined)
    }
  }

  async delivered(count: number): Promise<void> {
    await this.until(() => this.deliveries.length >= count, `${count} deliveries`)
  }

  /** Waits until nothing has been delivered for a while: for what must not happen. */
  async quiet(ms = 200): Promise<void> {
    for (let seen = -1; seen !== this.deliveries.length; ) {
      seen = this.deliveries.length
      await new Promise((resolve) => setTimeout(resolve, ms))
    }
  }

  publish(
    address: string,
    payloads: readonly string[],
    qos = 1,
  ): Promise<readonly PublishOutcome[]> {
    return this.transport.publish(
      payloads.map((payload) => ({ address, qos, message: { headers: {}, payload } })),
    )
  }

  #deliver(batch: readonly Delivery[]): void {
    this.batches.push(batch.length)
    this.deliveries.push(...batch)
    if (this.settlement !== undefined)
      for (const delivery of batch) delivery.settle(this.settlement)
    this.#wake()
  }

  #log(line: string): void {
    this.logs.push(line)
    this.#wake()
  }

  #wake(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }
}
