/**
 * What networks and brokers do to AMQP connections. Across every fault numbered messages wait in a queue,
 * for each protocol (10,000 at full size); each is settled only when the event that it caused is confirmed
 * by the broker, so none may be lost; what may come twice is what was unsettled when something broke.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { ConfirmChannel, ConsumeMessage } from 'amqplib'
import * as assert from 'uvu/assert'
import { type Sluice, startSluice } from '../../bench/support/sluice.ts'
import { MAX_BATCH } from '../../src/transport/transport.ts'
import { sized } from './faults.ts'
import { eventually, logTexts, look, open, untilStatus } from './gateway.ts'
import { startProxy, type TcpProxy } from './proxy.ts'
import { type RabbitMq, startRabbitMq } from './rabbitmq.ts'
import { suite } from './suite.ts'

const MESSAGES = sized(1_000, 10_000)
const MAX_UNSETTLED = 200
/** What was taken and not settled when a session ended; admission looks at it batch by batch. */
const MAX_REPEATED = MAX_UNSETTLED + MAX_BATCH
/** So that a fault finds messages under way. */
const MESSAGES_PER_SECOND = sized(1_000, 4_000)
/** Peers that say nothing are noticed after two of them. */
const HEARTBEAT_SECONDS = sized(2, 10)
const CUTS = sized(2, 50)
const LIMIT_MS = sized(60_000, 240_000)
const FAULT_LIMIT_MS = 60_000
const DEVICES = 20
const AUTHORIZATION_CONTEXT = ['test:faults']

/** Things of one flow are of no concern to the other. */
function namespaceOf({ connectionType }: Protocol): string {
  return `load.${connectionType.replace('-', '')}`
}

function scriptOf(protocol: Protocol): string {
  return `function mapToDittoProtocolMsg(headers, textPayload, bytePayload) {
    const text = textPayload || Ditto.arrayBufferToString(bytePayload)
    const number = Number(text)
    return Ditto.buildDittoProtocolMsg('${namespaceOf(protocol)}', 'device-' + (number % ${DEVICES}),
      'things', 'twin', 'commands', 'merge', '/', { 'content-type': 'application/merge-patch+json' },
      { attributes: { number } })
  }`
}

/** How a protocol names queues and exchanges of RabbitMQ. */
export interface Protocol {
  readonly connectionType: string
  readonly queue: (name: string) => string
  readonly toQueue: (name: string) => string
  readonly toExchange: (exchange: string, key: string) => string
  /** With which a peer that says nothing is noticed in good time. */
  readonly specificConfig: Readonly<Record<string, string>>
}

/** What is special about a fault. */
interface AcrossOptions {
  /** Most messages that may come twice. */
  readonly repeats?: number
  /** Where targets publish, unless to the outgoing queue. */
  readonly targets?: (protocol: Protocol) => string
  /** Runs when the queues are there and no message is. */
  readonly onDeclared?: () => Promise<void>
}

/** Does something with all flows at once. */
type Each = (work: (flow: Flow) => Promise<unknown>) => Promise<void>

let rabbit: RabbitMq
let proxy: TcpProxy
let sluice: Sluice

/** Registers the suite: every fault strikes the flows of all protocols at once. */
export function amqpFaults(protocols: readonly Protocol[]): void {
  const it = suite('faults of AMQP')
  it.before(async () => {
    ;[rabbit, sluice] = await Promise.all([
      startRabbitMq({ config: [`heartbeat = ${HEARTBEAT_SECONDS}`] }),
      startSluice({
        config: {
          workers: { threads: 2 },
          connections: {
            backoff_min_ms: 100,
            backoff_max_ms: 500,
            max_in_flight: MAX_UNSETTLED,
            ack_timeout_ms: 20_000,
            publish_timeout_ms: 15_000,
          },
        },
      }),
    ])
    proxy = await startProxy(rabbit.port)
  })
  it.after(async () => {
    await sluice.stop()
    await proxy.stop()
    await rabbit.stop()
  })

  const across = (
    fault: string,
    strike: (all: Each) => Promise<void>,
    { repeats = MAX_REPEATED, targets, onDeclared }: AcrossOptions = {},
  ): void => {
    it(
      fault,
      async () => {
        const flows = protocols.map((protocol) => {
          const name = `${protocol.connectionType}-${fault.replaceAll(/\W+/g, '-')}`
          return new Flow(protocol, name, targets?.(protocol))
        })
        const each: Each = async (work) => {
          await Promise.all(flows.map(work))
        }
        try {
          await each((flow) => flow.declareAll())
          await onDeclared?.()
          await each((flow) => flow.begin())
          await each((flow) => flow.arrivedAtLeast(MESSAGES / 10))
          await strike(each)
          await each((flow) => flow.end(repeats))
        } finally {
          await each((flow) => flow.remove())
        }
      },
      LIMIT_MS,
    )
  }

  across(
    'the broker is killed and started again',
    async () => {
      await rabbit.kill9()
      await delay(500)
      await rabbit.restart()
    },
    {
      // RabbitMQ writes acknowledgements to the disk later: a killed one has forgotten many …
      repeats: Number.POSITIVE_INFINITY,
      // … and queues that were declared just before.
      onDeclared: async () => {
        await rabbit.ctl('eval', 'mnesia:dump_log().')
      },
    },
  )

  across(
    'the network cuts the connections',
    async (each) => {
      for (let round = 0; round < CUTS; round++) {
        proxy.cut('rst')
        await each((flow) => flow.untilMore())
      }
    },
    { repeats: CUTS * MAX_REPEATED },
  )

  across('every packet takes 300 ms', async (each) => {
    await proxy.setMode({ delayMs: 300 })
    await each((flow) => flow.untilMore())
    await proxy.setMode('pass')
  })

  across('the network swallows everything and resets nothing', async (each) => {
    await proxy.setMode('blackhole')
    await each((flow) => flow.untilLive(({ liveStatus }) => liveStatus === 'failed'))
    await proxy.setMode('pass')
    // What was connected stays dead; only new connections live.
  })

  across('the permissions are revoked and granted again', async (each) => {
    await rabbit.ctl('clear_permissions', 'guest')
    proxy.cut('rst')
    await each(async (flow) => {
      const status = await flow.untilLive(({ liveStatus }) => liveStatus === 'misconfigured')
      assert.match(JSON.stringify(status.clientStatus), /refused|permission|not allowed|access/i)
    })
    await rabbit.ctl('set_permissions', 'guest', '.*', '.*', '.*')
  })

  across('a memory alarm blocks publishers for a while', async (each) => {
    await rabbit.ctl('set_vm_memory_high_watermark', '0.00001')
    await each((flow) => flow.untilQuiet())
    await rabbit.ctl('set_vm_memory_high_watermark', '0.4')
  })

  across(
    'the exchange of the target is missing for a while',
    async (each) => {
      await each(async (flow) => {
        await withChannel((channel) => channel.deleteExchange(flow.exchange))
        await flow.untilLog(flow.target, /x-amqp|no exchange|not_found|not-found/i)
        await flow.declareExchange()
      })
    },
    {
      repeats: Number.POSITIVE_INFINITY,
      targets: (protocol) => protocol.toExchange(exchangeOf(protocol), 'any'),
    },
  )

  it(
    'the queue of a source is deleted and declared again, beside one that stays',
    async () => {
      await Promise.all(protocols.map(deleteQueueOfSource))
    },
    LIMIT_MS,
  )
}

async function deleteQueueOfSource(protocol: Protocol): Promise<void> {
  const flow = new Flow(protocol, `${protocol.connectionType}-deleted`, undefined, ['beside'])
  try {
    await flow.declareAll()
    await flow.begin(MESSAGES / 2)
    await flow.arrivedAtLeast(MESSAGES / 2)
    await withChannel((channel) => channel.deleteQueue(flow.in))
    await flow.untilSource(protocol.queue(flow.in), (status) => status !== 'open')
    await flow.send(MESSAGES / 2, 100, `${flow.in}-beside`)
    await flow.arrivedAtLeast(MESSAGES / 2 + 100)
    await flow.declare(flow.in)
    await flow.untilSource(protocol.queue(flow.in), (status) => status === 'open')
    await flow.send(MESSAGES / 2 + 100, MESSAGES / 2)
    await flow.end(MAX_REPEATED)
  } finally {
    await flow.remove()
  }
}

function exchangeOf({ connectionType }: Protocol): string {
  return `x-${connectionType}`
}

/** With a connection of its own: the broker may have been killed since the last one. */
async function withChannel<T>(work: (channel: ConfirmChannel) => Promise<T>): Promise<T> {
  const connection = await rabbit.connect()
  const channel = await connection.createConfirmChannel()
  const result = await work(channel)
  await connection.close()
  return result
}

/** Numbered messages from one queue through Sluice to another. */
class Flow {
  readonly in: string
  readonly out: string
  readonly exchange: string
  source = ''
  target = ''
  readonly #protocol: Protocol
  readonly #targetAddress: string | undefined
  readonly #beside: readonly string[]
  #sent = 0

  constructor(protocol: Protocol, name: string, target?: string, beside: readonly string[] = []) {
    this.in = `in-${name}`
    this.out = `out-${name}`
    this.exchange = exchangeOf(protocol)
    this.#protocol = protocol
    this.#targetAddress = target
    this.#beside = beside.map((suffix) => `${this.in}-${suffix}`)
  }

  async declareAll(): Promise<void> {
    for (const queue of [this.in, this.out, ...this.#beside]) await this.declare(queue)
    if (this.#targetAddress !== undefined) await this.declareExchange()
  }

  /** Lets the messages wait in the queue, and opens the connections. */
  async begin(count = MESSAGES): Promise<void> {
    await this.send(0, count)
    this.target = await open(sluice, this.#publishing())
    this.source = await open(sluice, this.#consuming(`${this.target}:published`))
  }

  /** Everything sent has arrived; nothing else has, and not more often than explained. */
  async end(repeatable: number): Promise<void> {
    await this.arrivedAtLeast(this.#sent)
    await untilStatus(sluice, this.source, 'open', FAULT_LIMIT_MS)
    // The last ones unsettled may be on their way once more.
    await this.untilQuiet()
    const seen = await this.#collect()
    const lost = Array.from({ length: this.#sent }, (_, n) => n).filter((n) => !seen.has(n))
    const total = [...seen.values()].reduce((sum, count) => sum + count, 0)
    assert.equal(lost, [])
    assert.is(seen.size, this.#sent, 'only what was sent')
    assert.ok(total - seen.size <= repeatable, `${total - seen.size} came twice`)
  }

  /** Until more has arrived than now, or everything. */
  async untilMore(): Promise<void> {
    await this.arrivedAtLeast(Math.min(this.#sent, (await this.arrivals()) + 1))
  }

  /** What one fault leaves behind shall not reach the next. */
  async remove(): Promise<void> {
    await proxy.setMode('pass')
    for (const id of [this.source, this.target]) {
      if (id !== '') await sluice.request('DELETE', `/api/2/connections/${id}`)
    }
  }

  async declare(queue: string): Promise<void> {
    await withChannel((channel) => channel.assertQueue(queue, { durable: true }))
  }

  /** Whatever is published to it arrives in the outgoing queue. */
  async declareExchange(): Promise<void> {
    await withChannel(async (channel) => {
      await channel.assertExchange(this.exchange, 'fanout', { durable: true })
      await channel.bindQueue(this.out, this.exchange, '')
    })
  }

  async send(first: number, count: number, queue = this.in): Promise<void> {
    await withChannel(async (channel) => {
      for (let number = first; number < first + count; number++) {
        channel.sendToQueue(queue, Buffer.from(`${number}`), { persistent: true })
      }
      await channel.waitForConfirms()
    })
    this.#sent += count
  }

  async arrivals(): Promise<number> {
    const { messageCount } = await withChannel((channel) => channel.checkQueue(this.out))
    return messageCount
  }

  async arrivedAtLeast(count: number): Promise<void> {
    await eventually(
      async () => [await this.arrivals(), await this.#failures()] as const,
      ([arrived]) => arrived >= count,
      FAULT_LIMIT_MS,
    )
  }

  /** Until no more events arrive. */
  async untilQuiet(): Promise<void> {
    let before = -1
    await eventually(
      async () => {
        await delay(500)
        const arrived = await this.arrivals()
        const isQuiet = arrived === before
        before = arrived
        return isQuiet
      },
      (isQuiet) => isQuiet,
      FAULT_LIMIT_MS,
    )
  }

  untilLive(wanted: (status: { liveStatus: string; clientStatus: unknown }) => boolean) {
    return eventually(() => look(sluice, this.source, 'status'), wanted, FAULT_LIMIT_MS)
  }

  async untilSource(address: string, wanted: (status: string) => boolean): Promise<void> {
    await eventually(
      async () => {
        const { sourceStatus } = await look(sluice, this.source, 'status')
        return sourceStatus.find((one: { address: string }) => one.address === address)
      },
      (found) => found !== undefined && wanted(found.status),
      FAULT_LIMIT_MS,
    )
  }

  async untilLog(id: string, text: RegExp): Promise<void> {
    await eventually(
      () => logTexts(sluice, id),
      (texts) => texts.some((line) => text.test(line)),
      FAULT_LIMIT_MS,
    )
  }

  async #failures(): Promise<unknown> {
    const { connectionMetrics } = await look(sluice, this.target, 'metrics')
    return connectionMetrics.outbound
  }

  /** Takes everything out of the queue: how often each number came. */
  async #collect(): Promise<ReadonlyMap<number, number>> {
    const total = await this.arrivals()
    const seen = new Map<number, number>()
    let received = 0
    await withChannel(async (channel) => {
      const all = Promise.withResolvers<void>()
      const onMessage = (message: ConsumeMessage | null): void => {
        // RabbitMQ 3 hands a body that came over AMQP 1.0 as text to AMQP 0.9.1 still encoded.
        const key = Number(/"number":(\d+)/.exec(message!.content.toString())?.[1])
        seen.set(key, (seen.get(key) ?? 0) + 1)
        received += 1
        if (received === total) all.resolve()
      }
      await channel.consume(this.out, onMessage, { noAck: true })
      await all.promise
    })
    return seen
  }

  #base(): object {
    return {
      connectionType: this.#protocol.connectionType,
      connectionStatus: 'open',
      uri: `amqp://guest:guest@127.0.0.1:${proxy.port}`,
      specificConfig: this.#protocol.specificConfig,
    }
  }

  #consuming(label: string): object {
    const { queue } = this.#protocol
    return {
      ...this.#base(),
      messagesPerSecond: MESSAGES_PER_SECOND,
      sources: [
        {
          addresses: [queue(this.in), ...this.#beside.map(queue)],
          authorizationContext: AUTHORIZATION_CONTEXT,
          payloadMapping: ['js'],
          acknowledgementRequests: { includes: [label, 'twin-persisted'] },
          replyTarget: { enabled: false },
        },
      ],
      mappingDefinitions: {
        js: { mappingEngine: 'JavaScript', options: { incomingScript: scriptOf(this.#protocol) } },
      },
    }
  }

  #publishing(): object {
    return {
      ...this.#base(),
      targets: [
        {
          address: this.#targetAddress ?? this.#protocol.toQueue(this.out),
          topics: [`_/_/things/twin/events?namespaces=${namespaceOf(this.#protocol)}`],
          authorizationContext: AUTHORIZATION_CONTEXT,
          issuedAcknowledgementLabel: '{{ connection:id }}:published',
        },
      ],
    }
  }
}
