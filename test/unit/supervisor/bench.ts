/** A supervisor on a memory store and fake engines. */

import { DEFAULT_CONFIG } from '../../../src/config.ts'
import type { ConnectionStore, StoredConnection } from '../../../src/connection/store.ts'
import type { DittoError } from '../../../src/protocol/errors.ts'
import { DataPlane } from '../../../src/supervisor/data-plane.ts'
import { Quarantine } from '../../../src/supervisor/quarantine.ts'
import { shardSettings } from '../../../src/supervisor/settings.ts'
import { Supervisor } from '../../../src/supervisor/supervisor.ts'
import type { ScriptNote } from '../../../src/supervisor/verdict.ts'
import { FakeEngine } from './fake-engine.ts'

export const WEDGED_AFTER_MS = 2_500

/** Everything of one control plane, without processes and disks. */
export class Bench {
  readonly engines: FakeEngine[] = []
  readonly store = memoryStore()
  /** What the threads of the present engine have noted. */
  notes: ScriptNote[] = []
  /** What compiling answers, and for which connections it was asked. */
  checkError: DittoError | null = null
  readonly checked: string[] = []
  readonly supervisor: Supervisor
  readonly dataPlane: DataPlane

  constructor(earlier?: Bench) {
    if (earlier !== undefined) this.store = earlier.store
    const settings = shardSettings(DEFAULT_CONFIG)
    const quarantine = new Quarantine(this.store)
    this.dataPlane = new DataPlane({
      startEngine: (listener) => {
        const engine = new FakeEngine(listener)
        this.engines.push(engine)
        return engine
      },
      notes: {
        read: () => this.notes,
        clear: () => {
          this.notes = []
        },
      },
      quarantine,
      settings,
      wedgedAfterMs: WEDGED_AFTER_MS,
      logDurationMs: 3_600_000,
      log: { info: () => {}, warn: () => {}, error: () => {} },
      now: Date.now,
    })
    this.supervisor = new Supervisor({
      store: this.store,
      dataPlane: this.dataPlane,
      quarantine,
      check: {
        limits: DEFAULT_CONFIG.connections,
        settings,
        compile: async ({ id }) => {
          this.checked.push(id)
          return this.checkError
        },
      },
      trials: { map: async (_id, _definitions, { direction }) => ({ direction, results: [] }) },
      config: DEFAULT_CONFIG,
      instance: 'sluice-test',
      now: Date.now,
    })
    this.supervisor.start()
  }

  /** The engine that was started last. */
  get engine(): FakeEngine {
    return this.engines.at(-1)!
  }

  async stop(): Promise<void> {
    await this.dataPlane.stop()
  }
}

/** The store's contract over a map. */
function memoryStore(): ConnectionStore {
  const connections = new Map<string, StoredConnection>()
  const marks = new Map<string, ReturnType<ConnectionStore['quarantineMark']> & object>()
  const meta = new Map<string, string>()
  return {
    writable: true,
    unreadable: new Map(),
    get: (id) => connections.get(id),
    list: () => [...connections.values()],
    put: async (stored) => void connections.set(stored.connection.id, stored),
    remove: async (id) => {
      marks.delete(id)
      return connections.delete(id)
    },
    quarantineMark: (id) => marks.get(id),
    quarantineMarks: () => marks,
    quarantine: async (id, mark) => void marks.set(id, mark),
    release: async (id) => void marks.delete(id),
    meta: (name) => meta.get(name),
    setMeta: async (name, value) => void meta.set(name, value),
    close: async () => {},
  }
}

/** A body for a connection to a broker that behaves as its name says; see `HOSTS`. */
export function bodyFor(host: string, fields: object = {}): object {
  return {
    connectionType: 'mqtt',
    connectionStatus: 'open',
    uri: `tcp://${host}:1883`,
    sources: [{ addresses: ['in/#'], qos: 1, authorizationContext: ['test:subject'] }],
    ...fields,
  }
}
