/**
 * A process that writes to a store until that fails, and prints what it saw. Argument: the folder.
 */
import { parseConnection } from '../../../src/connection/model.ts'
import { openConnectionStore } from '../../../src/connection/store.ts'
import { type DittoError, DittoException } from '../../../src/protocol/errors.ts'

const MAX_WRITES = 1000
const body = {
  connectionType: 'mqtt',
  connectionStatus: 'closed',
  uri: 'tcp://host:1883',
  targets: [{ address: 'a', authorizationContext: ['x'], qos: 0 }],
  tags: ['x'.repeat(4000)],
}

const store = await openConnectionStore(process.argv[2]!, { encryptionKey: '' })
let error: DittoError | undefined
let written = 0
while (error === undefined && written < MAX_WRITES) {
  error = await failureOf(`c-${written}`)
  if (error === undefined) written += 1
}
const second = await failureOf('another')
const seen = {
  ...error,
  writable: store.writable,
  readable: store.list().length === written,
  secondStatus: second?.status,
}
process.stdout.write(`${JSON.stringify(seen)}\n`)
await store.close()

async function failureOf(id: string): Promise<DittoError | undefined> {
  const instant = new Date().toISOString()
  const connection = parseConnection(body, { mode: 'modify', id })
  try {
    await store.put({ connection, revision: 1, created: instant, modified: instant })
    return undefined
  } catch (thrown) {
    if (thrown instanceof DittoException) return thrown.error
    throw thrown
  }
}
