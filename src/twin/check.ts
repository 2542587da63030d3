/**
 * Looks at the partitions of a stored twin before they are opened. LMDB maps its files into memory, and a
 * damaged one ends the process with a signal that nobody can catch: so processes of their own read them
 * first.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { hasTwinLayout, openTwinLayout } from './layout.ts'

/** What LMDB calls its file in the folder of a partition. */
const DATA_FILE = 'data.mdb'
const PROBES_AT_ONCE = 4

/** Resolves when all partitions in the folder can be read. Rejects with what is wrong with which file. */
export async function checkTwin(folder: string): Promise<void> {
  if (!hasTwinLayout(folder)) return
  const layout = openTwinLayout(folder, 1)
  const paths = Array.from({ length: layout.count }, (_, index) => layout.pathOf(index))
  const left = paths.filter((path) => existsSync(join(path, DATA_FILE)))
  const lane = async (): Promise<void> => {
    for (let path = left.pop(); path !== undefined; path = left.pop()) await probe(path)
  }
  await Promise.all(Array.from({ length: PROBES_AT_ONCE }, lane))
}

async function probe(path: string): Promise<void> {
  const program = fileURLToPath(new URL('partition-probe.ts', import.meta.url))
  try {
    await promisify(execFile)(process.execPath, [program, path])
  } catch (cause) {
    throw new Error(
      `${join(path, DATA_FILE)} cannot be read as a partition of the twin: ${reasonOf(cause)}. Restore ` +
        'all partitions from a backup, or move the folder of the twin away to begin without things.',
      { cause },
    )
  }
}

function reasonOf(cause: unknown): string {
  const { stderr, signal } = cause as { stderr?: string; signal?: string | null }
  const text = stderr?.trim().split('\n').at(-1)
  if (text !== undefined && text !== '') return text
  return typeof signal === 'string' ? `it is damaged (${signal})` : 'it is damaged'
}
