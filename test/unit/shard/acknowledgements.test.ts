import * as assert from 'uvu/assert'
import { AckCollector } from '../../../src/shard/acknowledgements.ts'
import { suite } from '../../support/suite.ts'

const it = suite('acknowledgements')

/** A collector whose clock the test sets, and what it told. */
class Bench {
  nowMs = 1000
  readonly completed: (readonly [string, Readonly<Record<string, number>>])[] = []
  #onCompleted: (() => void) | undefined
  readonly collector = new AckCollector<string>(
    () => this.nowMs,
    (waiting, answers) => {
      const statuses = [...answers].map(([label, { status }]) => [label, status] as const)
      this.completed.push([waiting, Object.fromEntries(statuses)])
      this.#onCompleted?.()
    },
  )

  nextCompletion(): Promise<void> {
    return new Promise((resolve) => {
      this.#onCompleted = resolve
    })
  }
}

it('completes a ticket when its last label has answered', () => {
  const { collector, completed } = new Bench()
  const first = collector.open(['a', 'b'], 1000, 'first')
  const second = collector.open(['a'], 1000, 'second')
  collector.resolve([
    { ticket: first, label: 'a', status: 200 },
    { ticket: second, label: 'a', status: 503 },
  ])
  assert.equal(completed, [['second', { a: 503 }]])
  collector.resolve([{ ticket: first, label: 'b', status: 404 }])
  assert.equal(completed[1], ['first', { a: 200, b: 404 }])
})

it('takes the first answer of a label and ignores what is foreign or late', () => {
  const { collector, completed } = new Bench()
  const ticket = collector.open(['a', 'b'], 1000, 'x')
  collector.resolve([
    { ticket, label: 'a', status: 200 },
    { ticket, label: 'a', status: 500 },
    { ticket, label: 'c', status: 500 },
    { ticket: ticket + 1, label: 'b', status: 500 },
    { ticket, label: 'b', status: 201 },
    { ticket, label: 'b', status: 500 },
  ])
  assert.equal(completed, [['x', { a: 200, b: 201 }]])
})

it('times out what has not answered by its deadline', async () => {
  const bench = new Bench()
  const { collector, completed } = bench
  collector.open(['a', 'b'], 100, 'impatient')
  const patient = collector.open(['a'], 10_000, 'patient')
  collector.resolve([{ ticket: 1, label: 'b', status: 200 }])
  bench.nowMs += 100
  await bench.nextCompletion()
  assert.equal(completed, [['impatient', { b: 200, a: 408 }]])
  collector.resolve([{ ticket: patient, label: 'a', status: 200 }])
  assert.is(completed.length, 2)
})

it('times out everything when it closes', () => {
  const { collector, completed } = new Bench()
  collector.open(['a'], 1000, 'one')
  collector.open(['b'], 1000, 'two')
  collector.close()
  assert.equal(completed, [
    ['one', { a: 408 }],
    ['two', { b: 408 }],
  ])
  collector.close()
  assert.is(completed.length, 2)
})

it('may be asked to wait again while it tells', () => {
  const completed: string[] = []
  const collector: AckCollector<string> = new AckCollector(Date.now, (waiting) => {
    completed.push(waiting)
    if (waiting === 'first') collector.open(['a'], 1000, 'second')
  })
  const ticket = collector.open(['a'], 1000, 'first')
  collector.resolve([{ ticket, label: 'a', status: 200 }])
  collector.close()
  assert.equal(completed, ['first', 'second'])
})
