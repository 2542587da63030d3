import * as assert from 'uvu/assert'
import { MqttPublisher } from '../../../../src/transport/mqtt/publisher.ts'
import type { OutboundMessage, PublishOutcome } from '../../../../src/transport/transport.ts'
import { suite } from '../../../support/suite.ts'

const it = suite('transport/mqtt/publisher')

const PUBLISHED: PublishOutcome = { ok: true, status: 200 }

it('QoS 0 is published when the socket took it', async () => {
  const rig = startRig()
  assert.equal(await rig.publisher.publish([outbound(0), outbound(0)]), [PUBLISHED, PUBLISHED])
  rig.full = true
  const publishing = rig.publisher.publish([outbound(0)])
  assert.is(await soon(publishing), undefined)
  rig.publisher.drained()
  assert.equal(await publishing, [PUBLISHED])
})

it('QoS 1 and 2 are published when the broker has confirmed', async () => {
  const rig = startRig()
  const publishing = rig.publisher.publish([outbound(1), outbound(2)])
  rig.publisher.confirm('puback', 1)
  rig.publisher.confirm('pubrec', 2)
  assert.equal([...rig.written.at(-1)!], [0x62, 2, 0, 2])
  assert.is(await soon(publishing), undefined)
  rig.publisher.confirm('pubcomp', 2)
  assert.equal(await publishing, [PUBLISHED, PUBLISHED])
})

it('a batch is one write', () => {
  const rig = startRig()
  void rig.publisher.publish(Array.from({ length: 100 }, () => outbound(1)))
  assert.is(rig.written.length, 1)
})

it('large payloads are written apart, and arrive whole', () => {
  const rig = startRig()
  const payload = 'x'.repeat(50_000)
  void rig.publisher.publish(Array.from({ length: 4 }, () => outbound(0, { payload })))
  assert.is(rig.written.length, 2)
  assert.is(Buffer.concat(rig.written).toString('latin1').split(payload).length, 5)
})

it('headers override topic, quality of service and retain', () => {
  const rig = startRig()
  const headers = { 'mqtt.topic': 'b', 'mqtt.qos': '1', 'mqtt.retain': 'true' }
  void rig.publisher.publish([outbound(0, { headers, payload: '' })])
  assert.equal([...rig.written[0]!], [0x33, 5, 0, 1, 0x62, 0, 1])
})

it('what cannot be published fails by itself, with 400', async () => {
  const cases: readonly [headers: Record<string, string>, mentions: string][] = [
    [{ 'mqtt.qos': '3' }, "'mqtt.qos' is '3'"],
    [{ 'mqtt.qos': '' }, "'mqtt.qos' is ''"],
    [{ 'mqtt.retain': 'yes' }, "'mqtt.retain' is 'yes'"],
    [{ 'mqtt.topic': '' }, "topic ''"],
    [{ 'mqtt.topic': 'a/#' }, "topic 'a/#'"],
    [{ 'mqtt.topic': 'a/+/b' }, "topic 'a/+/b'"],
    [{ 'mqtt.topic': 'a\0b' }, 'null'],
    [{ 'mqtt.topic': 'é'.repeat(40_000) }, '65535'],
  ]
  for (const [headers, mentions] of cases) {
    const rig = startRig()
    const [good, bad] = await rig.publisher.publish([outbound(0), outbound(0, { headers })])
    assert.equal(good, PUBLISHED)
    if (bad?.ok !== false) throw new Error(`${mentions} was published`)
    assert.equal([bad.error.status, bad.error.error], [400, 'connectivity:message.sending.failed'])
    assert.ok(bad.error.message.includes(mentions), bad.error.message)
  }
})

it('what is not confirmed in time fails; a late confirmation is nobody else’s', async () => {
  const rig = startRig({ timeoutMs: 20 })
  const [late] = await rig.publisher.publish([outbound(1)])
  assert.is(late?.ok, false)
  rig.nextId = 0
  const publishing = rig.publisher.publish([outbound(1)])
  rig.publisher.confirm('puback', 1)
  assert.is(await soon(publishing), undefined)
  rig.publisher.confirm('puback', 2)
  assert.equal(await publishing, [PUBLISHED])
})

it('the end of the session fails what is outstanding, and everything after', async () => {
  const rig = startRig()
  rig.full = true
  const publishing = rig.publisher.publish([outbound(0), outbound(1), outbound(2)])
  rig.publisher.end('The end.')
  for (const outcome of [...(await publishing), ...(await rig.publisher.publish([outbound(0)]))]) {
    if (outcome.ok) throw new Error('published after the end')
    assert.is(outcome.error.status, 503)
    assert.match(outcome.error.message, 'The end.')
  }
})

it('keeps few QoS 2 handshakes under way, and comes to all of them', async () => {
  const rig = startRig()
  const publishing = rig.publisher.publish(Array.from({ length: 25 }, () => outbound(2)))
  assert.equal(rig.publishedIds, ids(1, 10))
  for (const id of ids(1, 25)) rig.publisher.confirm('pubcomp', id)
  assert.equal(rig.publishedIds, ids(1, 25))
  assert.equal(new Set((await publishing).map(({ ok }) => ok)), new Set([true]))
  // The window is empty again.
  void rig.publisher.publish(Array.from({ length: 11 }, () => outbound(2)))
  assert.equal(rig.publishedIds, ids(1, 35))
})

it('a QoS 2 message that waited longer than its sender is not sent any more', async () => {
  const rig = startRig({ timeoutMs: 20 })
  await rig.publisher.publish(Array.from({ length: 12 }, () => outbound(2)))
  const publishing = rig.publisher.publish([outbound(2)])
  rig.publisher.confirm('pubcomp', 1)
  assert.equal(rig.publishedIds, [...ids(1, 10), 13])
  rig.publisher.confirm('pubcomp', 13)
  assert.equal(await publishing, [PUBLISHED])
})

it('bounds what waits for the socket', async () => {
  const rig = startRig()
  rig.waitingBytes = 17 * 1024 * 1024
  const [outcome] = await rig.publisher.publish([outbound(0)])
  assert.is(outcome?.ok, false)
})

it('bounds what waits for confirmation', async () => {
  const rig = startRig({ timeoutMs: 50 })
  const publishing = rig.publisher.publish(Array.from({ length: 32_769 }, () => outbound(1)))
  const outcomes = await publishing
  const last = outcomes.at(-1)
  assert.match(last?.ok === false ? last.error.message : '', '32768 messages are unconfirmed')
})

interface PublisherRig {
  readonly publisher: MqttPublisher
  readonly written: Buffer[]
  /** Ids of the PUBLISH packets above QoS 0, in order. */
  readonly publishedIds: readonly number[]
  full: boolean
  waitingBytes: number
  nextId: number
}

function startRig({ timeoutMs = 5000 } = {}): PublisherRig {
  const publisher = new MqttPublisher({
    timeoutMs,
    nextPacketId() {
      rig.nextId += 1
      return rig.nextId
    },
    write(packets) {
      rig.written.push(packets)
      return !rig.full
    },
    waitingBytes: () => rig.waitingBytes,
  })
  const rig = {
    publisher,
    written: [] as Buffer[],
    full: false,
    waitingBytes: 0,
    nextId: 0,
    get publishedIds() {
      return idsOf(Buffer.concat(rig.written))
    },
  }
  publisher.begin()
  return rig
}

/** Reads packets of less than 128 bytes with the topic `a`. */
function idsOf(packets: Buffer): readonly number[] {
  const found: number[] = []
  for (let offset = 0; offset < packets.length; offset += 2 + packets[offset + 1]!) {
    if (packets[offset]! >> 4 === 3) found.push(packets.readUInt16BE(offset + 5))
  }
  return found
}

function ids(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
}

function outbound(
  qos: number,
  { headers = {}, payload = 'x' }: { headers?: Record<string, string>; payload?: string } = {},
): OutboundMessage {
  return { address: 'a', qos, message: { headers, payload } }
}

/** The value, if it is there after a turn of the event loop. */
function soon<T>(promise: Promise<T>): Promise<T | undefined> {
  const turn = new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined)))
  return Promise.race([promise, turn])
}
