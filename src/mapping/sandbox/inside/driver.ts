/**
 * The driver: takes a batch of messages through the mapping functions one by one, inside the
 * isolate, and keeps what they gave where neither a timeout nor the next message can spoil it.
 * Sent into the isolate as text, see builtins.ts.
 *
 * It answers a report, JSON text:
 * `{"r":[entry…],"c":[["info","line"]…],"b":bytes,"a":0|1,"n":0|1}`
 *   r  one entry per finished message: an array of results, `{"e":text,"s":stack}` of what was
 *      thrown, `{"l":count}` for too many results, or `{"t":entry}` for one that took too long
 *   c  lines written to the console
 *   b  length of all byte payloads, to be fetched with `takeBytes`
 *   a  1 when the report was taken while a message was being mapped
 *   n  1 when the next message needs byte payloads, and the call gave none
 */
import { type Builtins, type DriverLimits, usesByteParameter } from './builtins.ts'
import { installConsole } from './console.ts'
import { installDefaultMapping, installDittoHelpers } from './ditto.ts'
import { makeByteStore, makeComplaints, makeResults } from './results.ts'

/** The global functions that a script may define anew; resolved at each call. */
declare const mapToDittoProtocolMsg: unknown
declare const mapToDittoProtocolMsgWrapper: (message: unknown) => unknown
declare const mapFromDittoProtocolMsgWrapper: (message: unknown) => unknown

/** What the host calls; strings in and out, bytes as copies. */
export type Driver = ReturnType<typeof makeDriver>

/**
 * Answers whether the mapping function of the moment may look at byte payloads; judged once per
 * function, since a script may replace it while it runs.
 */
export function makeByteJudge(builtins: Builtins, defaultWrapper: unknown): () => boolean {
  let judged: unknown
  let verdict = true
  return () => {
    if (mapToDittoProtocolMsgWrapper !== defaultWrapper) return true
    if (mapToDittoProtocolMsg !== judged) {
      judged = mapToDittoProtocolMsg
      verdict = true
      try {
        verdict = usesByteParameter(builtins.source(judged))
      } catch {
        // No function, or a script that broke what the judgement needs: that, too, is a doubt.
      }
    }
    return verdict
  }
}

/** What the loop needs of its surroundings. */
interface LoopParts {
  readonly builtins: Builtins
  readonly limits: DriverLimits
  readonly check: ReturnType<typeof makeComplaints>
  readonly store: ReturnType<typeof makeByteStore>
  readonly takeConsole: () => string
  /** Cell 0: messages finished in this call. */
  readonly progress: Int32Array
}

/**
 * Takes messages through a mapping one by one until all are finished, the slice is over, or the
 * mapping answers undefined because it needs byte payloads. Its state survives being interrupted.
 */
export function makeLoop(parts: LoopParts) {
  const { builtins, limits, check, store, takeConsole, progress } = parts
  let entries = ''
  let finished = 0
  let active = 0
  let needsBytes = 0
  let bytesBefore = 0
  const report = (): string => {
    if (active === 1) store.rollBack(bytesBefore)
    const state = `"b":${store.used()},"a":${active},"n":${needsBytes}`
    return `{"r":[${entries}],"c":[${takeConsole()}],${state}}`
  }
  const begin = (): void => {
    entries = ''
    finished = 0
    progress[0] = 0
    active = 0
    needsBytes = 0
    store.rollBack(0)
  }
  const run = (count: number, limitMs: number, map: (at: number) => string | undefined): string => {
    const sliceStart = builtins.now()
    let began = sliceStart
    while (finished < count) {
      active = 1
      bytesBefore = store.used()
      let entry: string | undefined
      try {
        entry = map(finished)
      } catch (thrown) {
        store.rollBack(bytesBefore)
        entry = check.failure(thrown)
      }
      active = 0
      if (entry === undefined) {
        needsBytes = 1
        break
      }
      const now = builtins.now()
      if (now - began > limitMs) entry = `{"t":${entry}}`
      entries += finished === 0 ? entry : `,${entry}`
      finished++
      progress[0] = finished
      if (now - sliceStart >= limits.sliceMs) break
      began = now
    }
    return report()
  }
  return { begin, run, report }
}

/** JSON text, in an array: see the host's side. */
type Text = readonly [string]

/**
 * Makes the functions that the host calls. `progress[0]` counts the messages finished in a call.
 */
export function makeDriver(builtins: Builtins, limits: DriverLimits, progress: Int32Array) {
  const takeConsole = installConsole(builtins, limits)
  const defaults = installDefaultMapping(builtins, installDittoHelpers(builtins))
  const check = makeComplaints(builtins, limits)
  const store = makeByteStore(builtins)
  const results = makeResults(builtins, limits, check, store)
  const wantsBytes = makeByteJudge(builtins, defaults.mapToDittoProtocolMsgWrapper)
  const loop = makeLoop({ builtins, limits, check, store, takeConsole, progress })
  return {
    report: loop.report,
    takeBytes: store.take,
    /** Three cells a message: headers, text, length of its bytes (-1: none). */
    inbound: (input: Text, limitMs: number, bytes: Uint8Array | undefined): string => {
      loop.begin()
      const cells = builtins.parse(input[0])
      let bytesAt = 0
      const bytePayload = (length: number): ArrayBuffer | null => {
        if (bytes === undefined || length < 0) return null
        const view = new builtins.Uint8Array(builtins.bufferOf(bytes), bytesAt, length)
        bytesAt += length
        return builtins.bufferOf(new builtins.Uint8Array(view))
      }
      return loop.run(cells.length / 3, limitMs, (at) => {
        if (bytes === undefined && wantsBytes()) return undefined
        const cell = at * 3
        const headers = cells[cell]
        const message = {
          headers,
          textPayload: cells[cell + 1],
          bytePayload: bytePayload(cells[cell + 2]),
          contentType: headers['content-type'] ?? null,
        }
        return results.inbound(mapToDittoProtocolMsgWrapper(message))
      })
    },
    /** Ditto Protocol messages as a JSON array. */
    outbound: (input: Text, limitMs: number): string => {
      loop.begin()
      const messages = builtins.parse(input[0])
      return loop.run(messages.length, limitMs, (at) =>
        results.outbound(mapFromDittoProtocolMsgWrapper(messages[at])),
      )
    },
  }
}
