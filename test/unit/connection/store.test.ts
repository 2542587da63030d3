import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import * as assert from 'uvu/assert'
import { parseConnection } from '../../../src/connection/model.ts'
import {
  DATA_FILE,
  DEVOPS_PASSWORD_HASH,
  KEY_FILE,
  openConnectionStore,
  type StoredConnection,
  StoreError,
} from '../../../src/connection/store.ts'
import { DittoException } from '../../../src/protocol/errors.ts'
import { suite } from '../../support/suite.ts'

const it = suite('connection store')

const GENERATED = { encryptionKey: '' }
const CANARIES = ['canary-uri', 'canary-key', 'canary-tunnel', 'canary-hmac']

const folders: string[] = []

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-store-'))
  folders.push(folder)
  return folder
}

it.after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true })
})

function stored(id: string, revision = 1): StoredConnection {
  const body = {
    connectionType: 'http-push',
    connectionStatus: 'open',
    uri: 'https://user:canary-uri@host:443',
    targets: [{ address: 'POST:/', authorizationContext: ['x'] }],
    credentials: {
      type: 'hmac',
      algorithm: 'az-sasl',
      parameters: { sharedKeyName: 'visible-name', sharedKey: 'canary-hmac' },
    },
    sshTunnel: {
      enabled: true,
      credentials: { type: 'plain', username: 'tunneler', password: 'canary-tunnel' },
      validateHost: false,
      uri: 'ssh://host:22',
    },
  }
  const instant = '2026-01-01T00:00:00.000Z'
  const connection = parseConnection(body, { mode: 'modify', id })
  return { connection, revision, created: instant, modified: instant }
}

async function storeErrorOf(action: () => Promise<unknown>): Promise<string> {
  try {
    await action()
  } catch (error) {
    assert.instance(error, StoreError)
    return (error as StoreError).message
  }
  throw new Error('the store was opened')
}

it('gives back what was put, with its secrets, ordered by id, also when opened again', async () => {
  const folder = newFolder()
  const first = await openConnectionStore(folder, GENERATED)
  await first.put(stored('b'))
  await first.put(stored('a'))
  await first.put(stored('b', 2))
  assert.equal(first.get('b'), stored('b', 2))
  await first.close()

  const second = await openConnectionStore(folder, GENERATED)
  assert.equal(second.list(), [stored('a'), stored('b', 2)])
  assert.is(second.get('c'), undefined)
  await second.close()
})

it('removes a connection together with its quarantine mark', async () => {
  const store = await openConnectionStore(newFolder(), GENERATED)
  const mark = { reason: 'killed the engine', definition: 'js', since: '2026-01-01T00:00:00Z' }
  await store.put(stored('a'))
  await store.quarantine('a', mark)
  await store.quarantine('b', mark)
  assert.equal(
    [...store.quarantineMarks()],
    [
      ['a', mark],
      ['b', mark],
    ],
  )
  assert.is(await store.remove('a'), true)
  assert.is(await store.remove('a'), false)
  assert.is(store.quarantineMark('a'), undefined)
  assert.equal(store.quarantineMark('b'), mark)
  await store.release('b')
  assert.is(store.quarantineMarks().size, 0)
  await store.close()
})

it('keeps named values', async () => {
  const folder = newFolder()
  const store = await openConnectionStore(folder, GENERATED)
  await store.setMeta(DEVOPS_PASSWORD_HASH, 'scrypt$…')
  // Names of its own bookkeeping are another thing.
  await store.setMeta('format', 'mine')
  await store.close()
  const again = await openConnectionStore(folder, GENERATED)
  assert.is(again.meta(DEVOPS_PASSWORD_HASH), 'scrypt$…')
  assert.is(again.meta('format'), 'mine')
  assert.is(again.meta('salt'), undefined)
  await again.close()
})

it('writes no secret in clear, in no file of its folder', async () => {
  const folder = newFolder()
  const store = await openConnectionStore(folder, { encryptionKey: 'canary-key-of-16-chars' })
  await store.put(stored('a'))
  await store.close()
  const contents = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'latin1'))
  const all = contents.join('\n')
  assert.ok(all.includes('visible-name'), 'the connection itself is there')
  for (const canary of CANARIES) assert.not.ok(all.includes(canary), canary)
})

it('refuses secrets that were moved to another connection', async () => {
  const folder = newFolder()
  const store = await openConnectionStore(folder, GENERATED)
  await store.put(stored('aaaa'))
  await store.put(stored('cccc'))
  await store.close()
  const file = join(folder, DATA_FILE)
  const bytes = readFileSync(file, 'latin1')
  writeFileSync(file, bytes.replaceAll('aaaa', 'bbbb'), 'latin1')
  const again = await openConnectionStore(folder, GENERATED)
  assert.equal([...again.unreadable.keys()], ['bbbb'])
  assert.is(again.get('bbbb'), undefined)
  assert.equal(
    again.list().map(({ connection }) => connection.id),
    ['cccc'],
  )
  assert.ok(await again.remove('bbbb'), 'it can be deleted')
  assert.is(again.unreadable.size, 0)
  await again.close()
})

it('generates a key that only its owner can read, and takes no other', async () => {
  const folder = newFolder()
  const keyFile = join(folder, KEY_FILE)
  await (await openConnectionStore(folder, GENERATED)).close()
  assert.is(statSync(keyFile).mode & 0o777, 0o600)

  const generated = readFileSync(keyFile, 'utf8')
  const other = { encryptionKey: 'another-key-of-the-user' }
  assert.match(await storeErrorOf(() => openConnectionStore(folder, other)), /another key/)

  chmodSync(keyFile, 0o644)
  const readable = await storeErrorOf(() => openConnectionStore(folder, GENERATED))
  assert.match(readable, /can be read by others.*chmod 600/)

  rmSync(keyFile)
  assert.match(await storeErrorOf(() => openConnectionStore(folder, GENERATED)), /is missing/)

  writeFileSync(keyFile, 'no-key-of-this-store', { mode: 0o600 })
  assert.match(await storeErrorOf(() => openConnectionStore(folder, GENERATED)), /another key/)

  writeFileSync(keyFile, generated)
  await (await openConnectionStore(folder, GENERATED)).close()
})

it('refuses a damaged file with a clear message, and leaves it as it is', async () => {
  const folder = newFolder()
  const file = join(folder, DATA_FILE)
  const store = await openConnectionStore(folder, GENERATED)
  for (let index = 0; index < 50; index++) await store.put(stored(`connection-${index}`))
  await store.close()
  const good = readFileSync(file)

  const damages: readonly [string, () => void][] = [
    ['garbage', () => writeFileSync(file, randomBytes(good.length))],
    ['truncated', () => truncateSync(file, Math.floor(good.length / 2))],
    ['its first page only', () => truncateSync(file, 4096)],
    ['empty', () => truncateSync(file, 0)],
  ]
  for (const [title, damage] of damages) {
    writeFileSync(file, good)
    damage()
    const damaged = readFileSync(file)
    const message = await storeErrorOf(() => openConnectionStore(folder, GENERATED))
    assert.match(message, file, title)
    assert.match(message, /Restore it/, title)
    assert.ok(readFileSync(file).equals(damaged), title)
  }

  writeFileSync(file, good)
  const healed = await openConnectionStore(folder, GENERATED)
  assert.is(healed.list().length, 50)
  await healed.close()
})

it('becomes read-only when a write fails, and still reads', async () => {
  const program = fileURLToPath(new URL('full-disk-store.ts', import.meta.url))
  // A limit on file sizes fails like a full disk does, and needs no disk of its own.
  const command = `ulimit -f 128; exec "${process.execPath}" "${program}" "${newFolder()}"`
  const { stdout } = await promisify(execFile)('bash', ['-c', command])
  const seen = JSON.parse(stdout.trim().split('\n').at(-1)!)
  assert.is(seen.status, 503)
  assert.match(seen.description, /cannot be written.*File too large/)
  assert.is(seen.writable, false)
  assert.is(seen.readable, true)
  assert.is(seen.secondStatus, 503)
})

it('refuses writes once it is closed', async () => {
  const store = await openConnectionStore(newFolder(), GENERATED)
  await store.close()
  try {
    await store.put(stored('a'))
    assert.unreachable()
  } catch (error) {
    assert.instance(error, DittoException)
    assert.match((error as DittoException).error.description!, /it is closed/)
  }
})
