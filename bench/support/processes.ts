/**
 * What processes cost: CPU time and resident memory of a process and its descendants, from /proc
 * (proc(5)), and how busy the machine is. Knows nothing of what the processes do.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'

/** Ticks of /proc in a second: USER_HZ is 100 on every architecture that Node runs on. */
const US_PER_TICK = 1e6 / 100

/** What one process has used since it started. */
export interface Usage {
  readonly pid: number
  readonly parent: number
  readonly cpuUs: number
  readonly rssBytes: number
}

/** CPU time between two readings: of the first process of the tree, and of its descendants. */
export interface TreeCpu {
  readonly rootUs: number
  readonly descendantsUs: number
}

/** A process and all its descendants, that process first; undefined where there is no /proc. */
export function usageOfTree(root: number): readonly Usage[] | undefined {
  const all = usageOfAll()
  const first = all?.find(({ pid }) => pid === root)
  if (all === undefined || first === undefined) return undefined
  const tree = [first]
  for (const member of tree) tree.push(...all.filter(({ parent }) => parent === member.pid))
  return tree
}

/**
 * What a tree used between two readings. Throws when one of its processes ended in between, because
 * what that one used is not known any more.
 */
export function cpuBetween(before: readonly Usage[], after: readonly Usage[]): TreeCpu {
  const ended = before.find(({ pid }) => !after.some((other) => other.pid === pid))
  if (ended !== undefined) throw new Error(`process ${ended.pid} ended while it was measured`)
  const [root, ...descendants] = after.map(({ pid, cpuUs }) => {
    return cpuUs - (before.find((other) => other.pid === pid)?.cpuUs ?? 0)
  })
  return { rootUs: root ?? 0, descendantsUs: descendants.reduce((sum, us) => sum + us, 0) }
}

/** CPU time that the whole machine has spent not idle since it started, in microseconds. */
export function machineBusyUs(): number {
  const times = cpus().map(({ times: { user, nice, sys, irq } }) => user + nice + sys + irq)
  return times.reduce((sum, ms) => sum + ms, 0) * 1_000
}

/**
 * Reads the line of /proc/<pid>/stat: `pid (name) state ppid …`, where `utime` and `stime` are the
 * fields 14 and 15 and `rss` is the field 24, in pages. The name may contain spaces and parentheses.
 */
export function parseStat(line: string, pageBytes: number): Usage {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  const field = (number: number): number => Number(fields[number - 3])
  return {
    pid: Number.parseInt(line, 10),
    parent: field(4),
    cpuUs: (field(14) + field(15)) * US_PER_TICK,
    rssBytes: field(24) * pageBytes,
  }
}

function usageOfAll(): readonly Usage[] | undefined {
  try {
    const pageBytes = readPageBytes()
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => usageOf(pid, pageBytes))
  } catch {
    return undefined
  }
}

/** None, when the process has just ended. */
function usageOf(pid: string, pageBytes: number): readonly Usage[] {
  try {
    return [parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'), pageBytes)]
  } catch {
    return []
  }
}

/** From our own memory, which /proc tells in pages and in kilobytes. */
function readPageBytes(): number {
  const smaps = readFileSync('/proc/self/smaps', 'utf8')
  return Number(/^KernelPageSize:\s+(\d+) kB/m.exec(smaps)?.[1] ?? 4) * 1_024
}
