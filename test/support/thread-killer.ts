/** Lets a worker thread of the engine run out of its own heap, through the inspector. */

import type { Sluice } from '../../bench/support/sluice.ts'
import { enginePid, eventually } from './gateway.ts'

const INSPECTOR = /Debugger listening on (ws:[^"]+)/
const HOARD = 'const hoard = []; for (;;) hoard.push(new Array(10_000).fill(0).map(() => ({})))'

/** Resolves when one thread of this engine is on its way to its end; once in the life of an engine. */
export async function exhaustThread(sluice: Sluice): Promise<void> {
  process.kill(enginePid(sluice)!, 'SIGUSR1')
  const output = await eventually(sluice.output, (text) => INSPECTOR.test(text))
  const socket = new WebSocket(INSPECTOR.exec(output)![1]!)
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve)
    socket.addEventListener('error', reject)
  })
  const attached = new Promise<string>((resolve) => {
    socket.addEventListener('message', ({ data }) => {
      const { method, params } = JSON.parse(String(data))
      if (method === 'NodeWorker.attachedToWorker') resolve(params.sessionId)
    })
  })
  const send = (id: number, method: string, params: object): void =>
    socket.send(JSON.stringify({ id, method, params }))
  send(1, 'NodeWorker.enable', { waitForDebuggerOnStart: false })
  const evaluate = { id: 1, method: 'Runtime.evaluate', params: { expression: HOARD } }
  const message = JSON.stringify(evaluate)
  send(2, 'NodeWorker.sendMessageToWorker', { sessionId: await attached, message })
  // What closes at once may not have been sent.
  socket.addEventListener('message', () => socket.close())
}
