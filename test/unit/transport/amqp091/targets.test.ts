import * as assert from 'uvu/assert'
import { TargetStates } from '../../../../src/transport/amqp091/targets.ts'
import type { TransportEvents } from '../../../../src/transport/transport.ts'
import { testTarget } from '../../../support/connection.ts'
import { suite } from '../../../support/suite.ts'

const it = suite('transport/amqp091/targets')

const ADDRESSES = ['one/key', 'two/{{ thing:id }}', '/queue', '{{ header:x }}/key']
const MISSING = new Error(
  'Operation failed: ExchangeDeclare; 404 (NOT-FOUND) with message "no exchange \'one\'"',
)

it('looks after the exchanges that no placeholder decides', () => {
  const { states } = observed()
  assert.equal([...states.exchanges], ['one', 'two'])
})

it('tells nothing before the session is open, then everything', () => {
  const { states, current } = observed()
  states.set('one', MISSING)
  assert.equal(current(), {})
  states.begin()
  assert.equal(current(), {
    'one/key': 'misconfigured',
    'two/{{ thing:id }}': 'unknown',
    '/queue': 'open',
    '{{ header:x }}/key': 'unknown',
  })
})

it('an exchange that comes and goes changes its own targets only, and is logged at every change', () => {
  const { states, current, reports, logs } = observed()
  states.begin()
  reports.length = 0
  for (const failure of [undefined, MISSING, MISSING, undefined, undefined]) {
    states.set('one', failure)
  }
  assert.equal(new Set(reports.map(([address]) => address)), new Set(['one/key']))
  assert.is(current()['one/key'], 'open')
  assert.equal(
    logs.map((line) => line.split(' ')[0]),
    ['failure', 'success'],
  )
  assert.match(logs[0]!, /Exchange 'one' could not be published to at .*: no exchange 'one'/)
})

it('does not remember exchanges that placeholders name', () => {
  const { states, reports, logs } = observed()
  states.begin()
  reports.length = 0
  states.set('some', MISSING)
  assert.equal([reports, logs], [[], []])
})

it('an alarm of the broker concerns all targets; what is missing stays so', () => {
  const { states, current, logs } = observed()
  states.begin()
  states.set('one', MISSING)
  states.setBlocked('low on memory')
  states.setBlocked('low on disk')
  assert.equal(Object.values(current()), ['misconfigured', 'failed', 'failed', 'failed'])
  states.setBlocked(undefined)
  states.setBlocked(undefined)
  assert.equal(Object.values(current()), ['misconfigured', 'unknown', 'open', 'unknown'])
  assert.equal(logs.slice(1), [
    'failure The broker blocks publishing: low on memory.',
    'success The broker takes messages again.',
  ])
})

function observed() {
  const reports: [address: string, status: string][] = []
  const logs: string[] = []
  const events: Pick<TransportEvents, 'onAddressStatus' | 'onLog'> = {
    onAddressStatus: ({ address, status }) => void reports.push([address, status]),
    onLog: (level, message) => void logs.push(`${level} ${message}`),
  }
  const targets = ADDRESSES.map((address) => testTarget(address))
  const states = new TargetStates(targets, events as TransportEvents)
  const current = (): Record<string, string> => Object.fromEntries(reports)
  return { states, reports, logs, current }
}
