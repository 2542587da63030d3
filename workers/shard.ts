/**
 * What the pool's threads run: a task is either the thread itself (its twins, its routing, its end of
 * the mesh) or one shard on it. Both live until they are told to end.
 */

import type { WorkerTask } from '../src/engine/messages.ts'
import { EngineThread } from '../src/engine/thread.ts'

/** The thread's one inhabitant; its task is the first that a thread gets. */
let thread: EngineThread | undefined

export default async function run(task: WorkerTask): Promise<void> {
  if (task.kind === 'thread') {
    thread = new EngineThread(task)
    await thread.run()
    return
  }
  if (thread === undefined) throw new Error('a shard was sent to a thread that is not up')
  await thread.runShard(task)
}
