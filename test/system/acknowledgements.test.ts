/** Messages that keep failing, and those that come too fast, on the real brokers. */
import * as assert from 'uvu/assert'
import { type Sluice, startSluice } from '../../bench/support/sluice.ts'
import { type Mosquitto, startMosquitto } from '../support/broker.ts'
import { eventually, logTexts, look, open } from '../support/gateway.ts'
import { type RabbitMq, startRabbitMq } from '../support/rabbitmq.ts'
import { suite } from '../support/suite.ts'

const it = suite('acknowledgements')

const REDELIVERIES = 2
const LIMIT_MS = 60_000

let mosquitto: Mosquitto
let rabbit: RabbitMq
let sluice: Sluice
it.before(async () => {
  ;[mosquitto, rabbit, sluice] = await Promise.all([
    startMosquitto(),
    startRabbitMq(),
    startSluice({
      config: { connections: { max_redeliveries: REDELIVERIES, backoff_min_ms: 100 } },
    }),
  ])
})
it.after(async () => {
  await sluice.stop()
  await Promise.all([mosquitto.stop(), rabbit.stop()])
})

function modify(thing: string, headers: object = {}): string {
  return JSON.stringify({
    topic: `acks/${thing}/things/twin/commands/modify`,
    headers: { 'response-required': false, ...headers },
    path: '/',
    value: { attributes: { thing } },
  })
}

/** Nobody gives this acknowledgement: it is missed again and again. */
const POISON = modify('poison', { 'requested-acks': ['nobody:there'], timeout: '100ms' })

function source(connectionType: string, uri: string, address: string, fields: object = {}) {
  const common = { addresses: [address], authorizationContext: ['test:acks'] }
  return {
    connectionType,
    connectionStatus: 'open',
    uri,
    specificConfig: { reconnectForRedelivery: 'true', reconnectForRedeliveryDelay: '1s' },
    sources: [{ ...common, replyTarget: { enabled: false }, ...fields }],
  }
}

/** How often the poison was settled, and that the message behind it is through. */
async function settlements(id: string): Promise<readonly [failures: number, successes: number]> {
  const { connectionMetrics } = await look(sluice, id, 'metrics')
  const { success, failure } = connectionMetrics.inbound.acknowledged
  return [failure.PT1H, success.PT1H]
}

async function assertGivenUp(id: string): Promise<void> {
  const counts = await eventually(
    () => settlements(id),
    ([failures, successes]) => failures > REDELIVERIES && successes > 0,
    20_000,
  )
  assert.is(counts[0], REDELIVERIES + 1)
  assert.ok((await logTexts(sluice, id)).some((text) => text.includes('max_redeliveries')))
}

for (const [type, address] of [
  ['amqp-091', (queue: string) => queue],
  ['amqp-10', (queue: string) => `/amq/queue/${queue}`],
] as const) {
  it(
    `${type}: a message that keeps failing ends where the broker puts dead letters; others pass`,
    async () => {
      const connection = await rabbit.connect()
      const channel = await connection.createConfirmChannel()
      const [queue, dead] = [`poison-${type}`, `dead-${type}`]
      await channel.assertQueue(dead)
      await channel.assertQueue(queue, { deadLetterExchange: '', deadLetterRoutingKey: dead })
      const id = await open(sluice, source(type, rabbit.url(), address(queue)))
      for (const text of [POISON, modify('good')]) channel.sendToQueue(queue, Buffer.from(text))
      await channel.waitForConfirms()
      await assertGivenUp(id)
      const letter = await eventually(
        async () => (await channel.get(dead, { noAck: true })) || undefined,
        (got) => got !== undefined,
      )
      assert.ok(letter?.content.includes('nobody:there'))
      assert.is((await channel.checkQueue(queue)).messageCount, 0)
      await connection.close()
    },
    LIMIT_MS,
  )
}

it(
  'mqtt: a message that keeps failing is given up in the end; others pass',
  async () => {
    const id = await open(sluice, source('mqtt', mosquitto.url(), 'poison', { qos: 1 }))
    const device = await mosquitto.connect()
    for (const text of [POISON, modify('good')])
      await device.publishAsync('poison', text, { qos: 1 })
    await assertGivenUp(id)
  },
  LIMIT_MS,
)

it(
  'a source takes no more messages per second than it is told to, and loses none',
  async () => {
    const [count, perSecond] = [100, 50]
    const fields = { qos: 1, messagesPerSecond: perSecond }
    const id = await open(sluice, source('mqtt', mosquitto.url(), 'fast', fields))
    const device = await mosquitto.connect()
    const startedAt = performance.now()
    const sent = Array.from({ length: count }, (_, n) => modify(`fast-${n}`))
    await Promise.all(sent.map((text) => device.publishAsync('fast', text, { qos: 1 })))
    const [failures, successes] = await eventually(
      () => settlements(id),
      ([, settled]) => settled === count,
    )
    assert.equal([failures, successes], [0, count])
    // What a tenth of a second allows may pass at once.
    const leastMs = ((count - perSecond / 10 - 1) / perSecond) * 1_000
    assert.ok(performance.now() - startedAt >= leastMs)
    const { sourceMetrics } = await look(sluice, id, 'metrics')
    assert.ok(sourceMetrics.addressMetrics.fast.throttled.success.PT1H >= 1)
  },
  LIMIT_MS,
)
