/** Pages that a partition's file lacks are found, and nothing is found where nothing is wrong. */
import { spawnSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { openDatabase } from '../../../src/twin/database.ts'
import { checkPages } from '../../../src/twin/pages.ts'
import { suite } from '../../support/suite.ts'

const it = suite('twin/pages')

const PAGE_BYTES = 4_096
const WRITER = fileURLToPath(new URL('partition-writer.ts', import.meta.url))
const root = mkdtempSync(join(tmpdir(), 'sluice-pages-'))
let folders = 0

it.after(() => rmSync(root, { recursive: true }))

function newFolder(): string {
  folders += 1
  const folder = join(root, `partition-${folders}`)
  mkdirSync(folder)
  return folder
}

/** Sets things to values of so many characters, or removes them where there is none. */
type Transaction = readonly (readonly [thing: number, chars: number | undefined])[]

/** A partition written in these transactions; `look` is called with its file after each. */
async function write(history: readonly Transaction[], look = (_file: string) => {}) {
  const folder = newFolder()
  const file = join(folder, 'data.mdb')
  const database = openDatabase(folder)
  try {
    for (const transaction of history) {
      await database.transaction(() => {
        for (const [thing, chars] of transaction) {
          if (chars === undefined) void database.remove(`ns:t${thing}`)
          else void database.put(`ns:t${thing}`, 'x'.repeat(chars))
        }
      })
      look(file)
    }
  } finally {
    await database.close()
  }
  return file
}

const things = (count: number, charsOf: (thing: number) => number | undefined): Transaction =>
  Array.from({ length: count }, (_, thing) => [thing, charsOf(thing)])

const HISTORIES: Readonly<Record<string, readonly Transaction[]>> = {
  'small things, changed often': Array.from({ length: 30 }, (_, round) =>
    things(200, (thing) =>
      round % 7 === 3 && thing < 100 ? undefined : 130 + ((thing * round) % 300),
    ),
  ),
  'things with pages of their own': Array.from({ length: 12 }, (_, round) =>
    things(40, (thing) =>
      (thing + round) % 5 === 0 ? undefined : 100 + ((thing * round * 991) % 20_000),
    ),
  ),
  // The list of the pages that it freed has pages of its own: the last of the file.
  'all removed at last': [
    things(700, () => 3_000),
    things(700, () => 10).filter(([thing]) => thing % 10 === 1),
    things(700, () => undefined),
  ],
  'few things': [things(3, () => 200), things(2, () => 5_000)],
}

it('finds nothing wrong with whatever was written, changed and removed', () => {
  const change = fc.tuple(
    fc.nat({ max: 60 }),
    fc.option(fc.oneof(fc.integer({ min: 1, max: 900 }), fc.integer({ min: 1, max: 30_000 })), {
      nil: undefined,
    }),
  )
  const transaction = fc.array(change, { minLength: 1, maxLength: 80, size: 'max' })
  const history = fc.array(transaction, { minLength: 1, maxLength: 12, size: 'max' })
  return fc.assert(
    fc.asyncProperty(history, async (transactions) => {
      checkPages(await write(transactions, checkPages))
    }),
    { numRuns: 40 },
  )
})

/** Why a partition with other bytes is refused. Where it is not, whoever writes into it must live. */
function refusalOf(bytes: Uint8Array): string | undefined {
  const folder = newFolder()
  const file = join(folder, 'data.mdb')
  writeFileSync(file, bytes)
  try {
    checkPages(file)
  } catch (thrown) {
    return (thrown as Error).message
  }
  const { signal } = spawnSync(process.execPath, [WRITER, folder])
  assert.is(signal, null, 'it was accepted, and ended who wrote')
  return undefined
}

for (const [title, history] of Object.entries(HISTORIES)) {
  it(`a file without its last pages is refused, or can be written: ${title}`, async () => {
    const bytes = readFileSync(await write(history))
    for (let pages = 1; pages <= 4; pages++) {
      const refusal = refusalOf(bytes.subarray(0, bytes.length - pages * PAGE_BYTES))
      if (refusal !== undefined) assert.match(refusal, /^its page \d+ is missing, it has only \d+$/)
    }
  })
}

it('refuses a file without the list of the pages that were freed last: it ends who writes', async () => {
  const file = await write(HISTORIES['all removed at last']!)
  truncateSync(file, statSync(file).size - PAGE_BYTES)
  assert.throws(() => checkPages(file), /is missing/)
  assert.is(spawnSync(process.execPath, [WRITER, dirname(file)]).signal, 'SIGBUS')
})

it('a file with a page of zeros is refused, or can be written', async () => {
  const bytes = readFileSync(await write(HISTORIES['few things']!))
  const refusals = new Set<string | undefined>()
  for (let start = 2 * PAGE_BYTES; start < bytes.length; start += PAGE_BYTES) {
    refusals.add(refusalOf(Buffer.from(bytes).fill(0, start, start + PAGE_BYTES)))
  }
  refusals.delete(undefined)
  // Both trees have a root.
  assert.ok(refusals.size >= 2)
  for (const refusal of refusals) assert.match(refusal ?? '', /^its page \d+ is damaged$/)
})

it('a file whose pages lead in a circle is refused', async () => {
  const bytes = readFileSync(await write([things(200, () => 900)]))
  const pages = Array.from({ length: bytes.length / PAGE_BYTES }, (_, page) => page * PAGE_BYTES)
  const branch = pages.find((start) => bytes.readUInt16LE(start + 18) === 1)!
  const node = branch + 24 + bytes.readUInt16LE(branch + 24)
  bytes.writeUIntLE(branch / PAGE_BYTES, node, 6)
  assert.is(refusalOf(bytes), 'its pages are no tree')
})
