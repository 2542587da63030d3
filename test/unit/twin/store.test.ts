import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { open } from 'lmdb'
import * as assert from 'uvu/assert'
import type { Partition } from '../../../src/twin/partition.ts'
import { MAX_COMMANDS_PER_TURN, openPartition } from '../../../src/twin/store.ts'
import { suite } from '../../support/suite.ts'
import { command, errorIdOf, NOW } from './support.ts'

const it = suite('twin/store')

const folder = mkdtempSync(join(tmpdir(), 'sluice-twin-'))
const opened: Partition[] = []
let folders = 0

it.after(async () => {
  for (const partition of opened) await partition.close()
  rmSync(folder, { recursive: true, force: true })
})

function newPath(): string {
  folders += 1
  return join(folder, `partition.${folders}`)
}

function openAt(path: string, options = {}): Partition {
  const partition = openPartition(path, { now: () => Date.parse(NOW), ...options })
  opened.push(partition)
  return partition
}

function modify(thingId: string, value: number) {
  return command('modify', '/attributes/n', value, { thingId })
}

async function numberOf(partition: Partition, thingId: string) {
  const [outcome] = await partition.execute([
    command('retrieve', '/attributes/n', undefined, { thingId }),
  ])
  return outcome!.response.value
}

it('lets the commands of a batch see each other, and answers in their order', async () => {
  const partition = openAt(newPath())
  const outcomes = await partition.execute([
    command('retrieve', '/'),
    command('create', '/', {}),
    modify('ns:t1', 1),
    command('retrieve', '/attributes/n'),
    modify('ns:t1', 2),
    command('retrieve', '/', undefined, { fields: 'attributes,_revision,_created' }),
    command('delete', '/'),
    command('retrieve', '/'),
  ])
  assert.equal(
    outcomes.map(({ response }) => response.status),
    [404, 201, 201, 200, 204, 200, 204, 404],
  )
  assert.is(outcomes[3]!.response.value, 1)
  assert.equal(outcomes[5]!.response.value, {
    attributes: { n: 2 },
    _revision: 3,
    _created: NOW,
  })
  assert.equal(
    outcomes.map(({ event }) => event?.revision),
    [undefined, 1, 2, undefined, 3, undefined, 4, undefined],
  )
})

it('finds after a new start what it had answered', async () => {
  const path = newPath()
  const first = openAt(path)
  await first.execute([command('create', '/', { attributes: { n: 1 } })])
  await first.execute([modify('ns:t1', 2), command('create', '/', {}, { thingId: 'ns:t2' })])
  await first.execute([command('delete', '/', undefined, { thingId: 'ns:t2' })])
  await first.close()

  const second = openAt(path)
  assert.is(await numberOf(second, 'ns:t1'), 2)
  const [created] = await second.execute([command('create', '/', {}, { thingId: 'ns:t2' })])
  assert.is(created!.event?.revision, 3, 'the revision of a deleted thing survives too')
})

it('applies 1,000 commands of interleaved calls to a thing in the order of the calls', async () => {
  const partition = openAt(newPath())
  await partition.execute([
    command('create', '/', { attributes: { n: -1 } }),
    command('create', '/', { attributes: { n: -1 } }, { thingId: 'ns:t2' }),
  ])
  const calls = []
  for (let n = 0; n < 1000; n += 4) {
    calls.push(partition.execute([modify('ns:t1', n), modify('ns:t2', n), modify('ns:t1', n + 1)]))
    calls.push(partition.execute([modify('ns:t1', n + 2), command('retrieve', '/attributes/n')]))
    calls.push(partition.execute([modify('ns:t1', n + 3)]))
    if (n % 100 === 0) await calls.at(-1)
  }
  const outcomes = (await Promise.all(calls)).flat()
  const events = outcomes.filter(({ event }) => event?.topic.name === 't1')
  assert.equal(
    events.map(({ event }) => event?.value),
    Array.from({ length: 1000 }, (_, n) => n),
  )
  assert.equal(
    events.map(({ event }) => event?.revision),
    Array.from({ length: 1000 }, (_, n) => n + 2),
  )
  const reads = outcomes.filter(({ event }) => event === undefined)
  assert.equal(
    reads.map(({ response }) => response.value),
    Array.from({ length: 250 }, (_, n) => n * 4 + 2),
  )
})

it('answers a retrieve after the write that was given before it, without waiting for it', async () => {
  const partition = openAt(newPath())
  await partition.execute([command('create', '/', {})])
  for (let n = 0; n < 50; n++) {
    const written = partition.execute([modify('ns:t1', n)])
    assert.is(await numberOf(partition, 'ns:t1'), n)
    await written
  }
})

it('takes more commands at once than a transaction may have', async () => {
  const partition = openAt(newPath())
  const calls = []
  for (let n = 0; n < 2 * MAX_COMMANDS_PER_TURN; n += 64) {
    calls.push(
      partition.execute(
        Array.from({ length: 64 }, (_, each) =>
          command('create', '/', {}, { thingId: `ns:t${n + each}` }),
        ),
      ),
    )
  }
  const outcomes = (await Promise.all(calls)).flat()
  assert.is(outcomes.length, 2 * MAX_COMMANDS_PER_TURN)
  assert.ok(outcomes.every(({ response }) => response.status === 201))
})

it('gives the same answers when nothing stays in its cache', async () => {
  const partition = openAt(newPath(), { cachedChars: 0 })
  await partition.execute([command('create', '/', { attributes: { n: 0 } })])
  for (let n = 1; n <= 20; n++) await partition.execute([modify('ns:t1', n)])
  assert.is(await numberOf(partition, 'ns:t1'), 20)
})

it('rejects what comes after closing, and closes after what came before', async () => {
  const path = newPath()
  const partition = openPartition(path)
  const last = partition.execute([command('create', '/', {})])
  await partition.close()
  assert.is((await last)[0]!.response.status, 201)
  let rejected: unknown
  await partition.execute([command('retrieve', '/')]).catch((error: unknown) => {
    rejected = error
  })
  assert.match(String(rejected), 'is closed')
})

it('answers for a damaged record with an error, and for the others as ever', async () => {
  const path = newPath()
  const raw = open({ path, noSubdir: false, encoding: 'string' })
  await raw.put('ns:t1', 'damaged')
  await raw.close()
  const told: string[] = []
  const partition = openAt(path, { onDamage: (text: string) => void told.push(text) })
  const [damaged, sound] = await partition.execute([
    modify('ns:t1', 1),
    command('create', '/', {}, { thingId: 'ns:t2' }),
  ])
  assert.is(damaged!.response.status, 500)
  assert.match(JSON.stringify(damaged!.response.value), "'ns:t1' cannot be read")
  assert.is(sound!.response.status, 201)
  await partition.execute([modify('ns:t1', 2)])
  assert.is(told.length, 1)
  assert.match(told[0]!, `'ns:t1' in the twin partition ${path} cannot be read`)
})

it('tells of a hundred damaged things, and of no more', async () => {
  const path = newPath()
  const raw = open({ path, noSubdir: false, encoding: 'string' })
  const ids = Array.from({ length: 150 }, (_, index) => `ns:t${index}`)
  await raw.transaction(() => {
    for (const id of ids) void raw.put(id, 'damaged')
  })
  await raw.close()
  const told: string[] = []
  const partition = openAt(path, { onDamage: (text: string) => void told.push(text) })
  await partition.execute(ids.map((thingId) => command('retrieve', '/', undefined, { thingId })))
  assert.is(told.length, 100)
})

const writer = fileURLToPath(new URL('./store-writer.ts', import.meta.url))

it('loses nothing that it answered when its process is killed', async () => {
  const path = newPath()
  const child = spawn(process.execPath, [writer, path, 'forever'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let answered = -1
  for await (const line of createInterface({ input: child.stdout })) {
    answered = Number(line)
    if (answered === 40) child.kill('SIGKILL')
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  assert.is(child.signalCode, 'SIGKILL')
  assert.ok(answered >= 40)

  const partition = openAt(path)
  for (let thing = 0; thing < 16; thing++) {
    const found = Number(await numberOf(partition, `ns:t${thing}`))
    assert.ok(found >= answered, `ns:t${thing} is at ${found}, but ${answered} was answered`)
  }
})

it('survives a disk that takes no more: it rejects what it cannot keep and still answers', async () => {
  const path = newPath()
  // A file size limit is met like a full disk: the write of the transaction fails.
  const child = spawn(
    '/bin/sh',
    ['-c', `ulimit -f 512; exec "${process.execPath}" "${writer}" "${path}" until-failure`],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stdout })) lines.push(line)
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  assert.is(child.exitCode, 0, lines.slice(-5).join('\n'))
  assert.match(lines.at(-3)!, /^rejected: .*cannot be written: /)
  assert.match(lines.at(-2)!, /^rejected: .*cannot be written: /)
  assert.is(lines.at(-1), 'retrieved: 200')

  const answered = Number(lines.at(-4))
  const partition = openAt(path)
  assert.is(await numberOf(partition, 'ns:t0'), answered)
  const [outcome] = await partition.execute([modify('ns:t0', -1)])
  assert.is(errorIdOf(outcome!.response), undefined, 'opened again, it takes commands again')
})
