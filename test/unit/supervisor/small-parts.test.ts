import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { openFlightRecorder } from '../../../src/engine/flight-recorder.ts'
import { recorderFile } from '../../../src/engine/recorder-files.ts'
import { KeyedMutex } from '../../../src/supervisor/mutex.ts'
import { createNoteWatch } from '../../../src/supervisor/note-watch.ts'
import { RestartPolicy } from '../../../src/supervisor/restart-policy.ts'
import { suite } from '../../support/suite.ts'

const it = suite('parts of the supervisor')

it('restarts at once twice a minute, then with growing pauses', () => {
  const policy = new RestartPolicy()
  const pauses = Array.from({ length: 9 }, (_, index) => policy.died(index * 10))
  assert.equal(pauses, [0, 0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
  assert.is(policy.died(200_000), 0)
})

it('runs operations of one key in their order, whatever becomes of them, and others meanwhile', async () => {
  const mutex = new KeyedMutex()
  const order: string[] = []
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  const first = mutex.run('a', async () => {
    await gate
    order.push('a1')
    throw new Error('failed')
  })
  const second = mutex.run('a', async () => order.push('a2'))
  await mutex.run('b', async () => order.push('b'))
  open()
  assert.is((await Promise.allSettled([first, second]))[0].status, 'rejected')
  assert.equal(order, ['b', 'a1', 'a2'])
})

it('sees scripts grow old by its own clock, one call at a time', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-notes-'))
  let clock = 0
  const watch = createNoteWatch(folder, 2, () => clock)
  watch.clear()
  assert.equal(watch.read(), [])
  const recorder = openFlightRecorder(recorderFile(folder, 1))
  const script = recorder.recorderFor(7, 'connection')
  script.enter('js')
  const [note] = watch.read()
  assert.equal(
    { ...note, since: 0 },
    { thread: 1, shard: 7, connectionId: 'connection', definition: 'js', since: 0, ageMs: 0 },
  )
  clock = 900
  assert.is(watch.read()[0]?.ageMs, 900)
  script.leave()
  assert.equal(watch.read(), [])
  script.enter('js')
  assert.is(watch.read()[0]?.ageMs, 0)
  watch.clear()
  assert.equal(watch.read(), [])
  recorder.close()
  rmSync(folder, { recursive: true })
})
