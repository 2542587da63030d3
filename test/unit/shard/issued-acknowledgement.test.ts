import * as assert from 'uvu/assert'
import type { MappingDefinition, Target } from '../../../src/connection/types.ts'
import { ConnectError } from '../../../src/transport/transport.ts'
import { testConnection, testSource, testTarget } from '../../support/connection.ts'
import { suite } from '../../support/suite.ts'
import { create, modify, type OpenOptions, type Rig, type RigShard, withRig } from './rig.ts'

const it = suite('issued acknowledgements')

const LABEL = 'audit:done'
const EVENTS = '_/_/things/twin/events'

async function openPair(
  rig: Rig,
  target: Partial<Target> & { address?: string },
  options: OpenOptions & { definitions?: Record<string, MappingDefinition> } = {},
): Promise<RigShard> {
  const acknowledgementRequests = { includes: [LABEL] }
  await rig.open(
    testConnection({ id: 'sender', sources: [testSource(['in'], { acknowledgementRequests })] }),
  )
  const { address = 'out', ...fields } = target
  return rig.open(
    testConnection({
      id: 'audit',
      targets: [testTarget(address, { issuedAcknowledgementLabel: LABEL, ...fields })],
      mappingDefinitions: options.definitions ?? {},
    }),
    options,
  )
}

/** How a message is settled whose event goes to such a target. */
async function settled(rig: Rig): Promise<string> {
  rig.send('in', [create('t')])
  await rig.settlements(1)
  return rig.settled[0]!
}

function script(body: string): Record<string, MappingDefinition> {
  const outgoingScript = `function mapFromDittoProtocolMsg() { ${body} }`
  return { js: { mappingEngine: 'JavaScript', options: { outgoingScript } } }
}

interface Case {
  readonly title: string
  readonly target: Partial<Target> & { address?: string }
  readonly script?: string
  readonly outcome: 'accept' | 'retry' | 'reject'
  readonly counts: Readonly<Record<string, number>>
}

const TWO = `return [1, 2].map(function (n) { return Ditto.buildExternalMsg({}, '' + n, null, 'x') })`

const CASES: readonly Case[] = [
  {
    title: 'what was published',
    target: {},
    outcome: 'accept',
    counts: { dispatched: 1, filtered: 1, mapped: 1, published: 1, acknowledged: 1 },
  },
  {
    title: 'by resolving the id of the connection in the label',
    target: { issuedAcknowledgementLabel: '{{ connection:id }}:done' },
    outcome: 'accept',
    counts: { dispatched: 1, filtered: 1, mapped: 1, published: 1, acknowledged: 1 },
  },
  {
    title: 'weakly what is of another type',
    target: { topics: ['_/_/things/live/messages'] },
    outcome: 'accept',
    counts: {},
  },
  {
    title: 'weakly what a filter stops',
    target: { topics: [`${EVENTS}?filter=eq(attributes/x,1)`] },
    outcome: 'accept',
    counts: { dispatched: 1 },
  },
  {
    title: 'weakly what a filter on extra fields stops',
    target: { topics: [`${EVENTS}?filter=eq(attributes/x,1)&extraFields=attributes/x`] },
    outcome: 'accept',
    counts: { dispatched: 1 },
  },
  {
    title: 'weakly what all mappers drop',
    target: { payloadMapping: ['js', 'js'] },
    script: 'return null',
    outcome: 'accept',
    counts: { dispatched: 1, filtered: 1, dropped: 2 },
  },
  {
    title: 'what one mapper drops when the other has published',
    target: { payloadMapping: ['js', 'Ditto'] },
    script: 'return null',
    outcome: 'accept',
    counts: { dispatched: 1, filtered: 1, dropped: 1, mapped: 1, published: 1, acknowledged: 1 },
  },
  {
    title: 'negatively what a mapper fails to map, though another one succeeds',
    target: { payloadMapping: ['js', 'Ditto'] },
    script: 'throw new Error("no")',
    outcome: 'reject',
    counts: {
      dispatched: 1,
      filtered: 1,
      'mapped.failure': 1,
      mapped: 1,
      published: 1,
      'acknowledged.failure': 1,
    },
  },
  {
    title: 'negatively what has no address',
    target: { address: 'out/{{ header:nobody }}' },
    outcome: 'reject',
    counts: {
      dispatched: 1,
      filtered: 1,
      mapped: 1,
      'dropped.failure': 1,
      'acknowledged.failure': 1,
    },
  },
  {
    title: 'once for several messages',
    target: { payloadMapping: ['js'] },
    script: TWO,
    outcome: 'accept',
    counts: { dispatched: 1, filtered: 1, mapped: 1, published: 2, acknowledged: 1 },
  },
]

for (const { title, target, script: body, outcome, counts } of CASES) {
  it(`acknowledges ${title}`, () =>
    withRig(async (rig) => {
      const definitions = body === undefined ? {} : script(body)
      const audit = await openPair(rig, target, { definitions })
      assert.is(await settled(rig), outcome)
      const address = target.address ?? 'out'
      assert.equal(sorted(audit.counts(address)), sorted(counts))
    }))
}

it('waits for the last of several messages, and fails when it fails', () =>
  withRig(async (rig) => {
    const audit = await openPair(
      rig,
      { payloadMapping: ['js'], overflow: 'drop' },
      {
        definitions: script(TWO),
        settings: { maxOutboundQueue: 1 },
      },
    )
    // The first message fills the queue; the second one is dropped.
    assert.is(await settled(rig), 'retry')
    const counts = audit.counts('out')
    assert.ok(counts['dropped.failure']! >= 1)
    assert.ok(counts['acknowledged.failure']! >= 1)
    assert.not('acknowledged' in counts)
  }))

it('gives a message back whose confirmation was lost with the session', () =>
  withRig(async (rig) => {
    await openPair(rig, {})
    rig.broker.withholdConfirmations(true)
    rig.send('in', [create('t')])
    await rig.publishes('out', 1)
    rig.broker.cut(new ConnectError('lost', 'failed', 'cut'))
    rig.broker.withholdConfirmations(false)
    // The sender's session was lost, too: its message comes again.
    await rig.settlements(1)
    await rig.publishes('out', 2)
    assert.is(rig.settled[0], 'accept')
  }))

it('does not acknowledge for others', () =>
  withRig(async (rig) => {
    await openPair(rig, { issuedAcknowledgementLabel: 'audit:other' })
    rig.send('in', [create('t', {}, { timeout: '5ms' })])
    await rig.settlements(1)
    assert.is(rig.settled[0], 'retry')
  }))

it('asks a receiver only for its own label', () =>
  withRig(async (rig) => {
    await openPair(rig, {})
    await rig.open(testConnection({ id: 'plain', targets: [testTarget('plain')] }))
    rig.send('in', [create('t'), modify('t', 1, { 'requested-acks': [] })])
    await rig.publishes('out', 2)
    await rig.publishes('plain', 2)
    const requested = (address: string) =>
      rig.payloads(address).map(({ headers }) => headers['requested-acks'])
    assert.equal(requested('out'), [[LABEL], []])
    assert.equal(requested('plain'), [[], []])
  }))

function sorted(counts: Readonly<Record<string, number>>): readonly (readonly [string, number])[] {
  return Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1))
}
