import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { openFlightRecorder } from '../../../src/engine/flight-recorder.ts'
import { recorderFile } from '../../../src/engine/recorder-files.ts'
import { createNoteWatch } from '../../../src/supervisor/note-watch.ts'
import { suite } from '../../support/suite.ts'

const it = suite('note watch')

it('sees scripts grow old by its own clock, one call at a time', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-notes-'))
  let clock = 0
  const watch = createNoteWatch(folder, 2, () => clock)
  watch.clear()
  assert.equal(watch.read(), [])
  const recorder = openFlightRecorder(recorderFile(folder, 1))
  const script = recorder.recorderFor(7, 'connection')
  const place = script.enter('js')
  const [note] = watch.read()
  assert.equal(
    { ...note, since: 0 },
    {
      thread: 1,
      shard: 7,
      connectionId: 'connection',
      definition: 'js',
      since: 0,
      ageMs: 0,
    },
  )
  clock = 900
  assert.is(watch.read()[0]?.ageMs, 900)
  script.leave(place)
  assert.equal(watch.read(), [])
  script.enter('js')
  assert.is(watch.read()[0]?.ageMs, 0)
  watch.clear()
  assert.equal(watch.read(), [])
  recorder.close()
  rmSync(folder, { recursive: true })
})
