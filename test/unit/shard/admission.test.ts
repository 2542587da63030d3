import * as assert from 'uvu/assert'
import { Admission } from '../../../src/shard/admission.ts'
import { suite } from '../../support/suite.ts'

const it = suite('admission')

/** Remembers what it was told. */
class FakeIntake {
  readonly calls: string[] = []

  pause(): void {
    this.calls.push('pause')
  }

  resume(): void {
    this.calls.push('resume')
  }
}

function admission(limit = 10): { admission: Admission; intake: FakeIntake } {
  const made = new Admission(limit)
  const intake = new FakeIntake()
  made.control(intake)
  return { admission: made, intake }
}

it('pauses at the limit and goes on when half of it is free', () => {
  const { admission: made, intake } = admission(10)
  made.take(9)
  assert.equal(intake.calls, [])
  made.take(1)
  assert.equal(intake.calls, ['pause'])
  made.take(5)
  made.release(9)
  assert.equal(intake.calls, ['pause'], 'six are still unsettled')
  made.release(1)
  assert.equal(intake.calls, ['pause', 'resume'])
  assert.is(made.unsettled, 5)
})

it('tells a new session at once that it is paused', () => {
  const { admission: made, intake } = admission(2)
  made.take(2)
  made.control(undefined)
  made.release(1)
  made.take(1)
  const next = new FakeIntake()
  made.control(next)
  assert.equal(intake.calls, ['pause'])
  made.take(1)
  assert.equal(next.calls, ['pause'])
  made.release(2)
  assert.equal(next.calls, ['pause', 'resume'])
})

it('pauses while the way out is congested', () => {
  const { admission: made, intake } = admission(10)
  made.congested = true
  made.take(1)
  made.release(1)
  assert.equal(intake.calls, ['pause'])
  made.congested = false
  assert.equal(intake.calls, ['pause', 'resume'])
})

it('pauses until every congested receiver is relieved, whatever is unsettled', async () => {
  const { admission: made, intake } = admission(10)
  const first = Promise.withResolvers<void>()
  const second = Promise.withResolvers<void>()
  const waits = [first, second, first].map(({ promise }) => made.waitFor(promise))
  assert.equal(intake.calls, ['pause'])
  first.resolve()
  await waits[0]
  assert.equal(intake.calls, ['pause'])
  second.resolve()
  await Promise.all(waits)
  assert.equal(intake.calls, ['pause', 'resume'])
})

it('stays paused at the limit when relief comes', async () => {
  const { admission: made, intake } = admission(4)
  made.take(4)
  await made.waitFor(Promise.resolve())
  assert.equal(intake.calls, ['pause'])
  made.release(4)
  assert.equal(intake.calls, ['pause', 'resume'])
})

it('is idle when nothing is unsettled', async () => {
  const { admission: made } = admission()
  await made.idle()
  made.take(2)
  let idle = false
  const waiting = made.idle().then(() => {
    idle = true
  })
  made.release(1)
  await Promise.resolve()
  assert.not(idle)
  made.release(1)
  await waiting
  assert.ok(idle)
})
