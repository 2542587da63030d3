/** What messages leave behind in an isolate. */
import * as assert from 'uvu/assert'
import { Program } from '../../../../src/mapping/sandbox/program.ts'
import { Sandbox } from '../../../../src/mapping/sandbox/sandbox.ts'
import { suite } from '../../../support/suite.ts'

const it = suite('mapping/sandbox/input')

const LIMITS = { maxScriptBytes: 1_000, maxExecutionMs: 500, memoryMb: 64 }
const CALLS = 5_000
const MESSAGE_CHARS = 4_000
/** Of 20 MB that are passed in; what one call needs is a fraction of it. */
const KEPT_BYTES_MAX = 1_000_000

const scripts = {
  incomingScript: 'function mapToDittoProtocolMsg() { return null }',
  outgoingScript: 'function mapFromDittoProtocolMsg() { return null }',
  libraries: [],
}

for (const [direction, input] of [
  ['inbound', JSON.stringify([{}, 'x'.repeat(MESSAGE_CHARS), -1])],
  ['outbound', JSON.stringify([{ topic: 'a/b/c', path: '/', value: 'x'.repeat(MESSAGE_CHARS) }])],
] as const) {
  it(`${direction}, texts are not kept outside of the heap, where nothing collects them`, async () => {
    const sandbox = new Sandbox(LIMITS.memoryMb)
    const recorder = { enter: () => 0, leave: () => undefined }
    const environment = { limits: LIMITS, recorder, maxHoldMs: Number.POSITIVE_INFINITY }
    const program = new Program('js', scripts, sandbox, environment)
    let keptBytes = 0
    for (let call = 0; call < CALLS; call++) {
      await program.run(() => program.call(direction, input, undefined, LIMITS.maxExecutionMs))
      const { externally_allocated_size: size } = sandbox.isolate().getHeapStatisticsSync()
      keptBytes = Math.max(keptBytes, size)
    }
    program.close()
    assert.ok(keptBytes < KEPT_BYTES_MAX, `${keptBytes} bytes were kept`)
  })
}
