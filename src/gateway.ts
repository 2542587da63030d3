/**
 * The composition root of the control plane: the only place where store, supervisor, engine and API
 * are put together, started and stopped. Knows no command line and no logging library.
 */
import { hostname } from 'node:os'
import { join } from 'node:path'
import { createApi } from './api/api.ts'
import { createDevopsVerifier, type VerifyDevops } from './api/auth.ts'
import { watchDescriptors } from './api/descriptors.ts'
import { serveApi } from './api/server.ts'
import type { Config } from './config.ts'
import { createPasswordVerifier, generatePassword, hashPassword } from './connection/password.ts'
import {
  type ConnectionStore,
  DEVOPS_PASSWORD_HASH,
  openConnectionStore,
  StoreError,
} from './connection/store.ts'
import { PrometheusExposition } from './monitoring/prometheus.ts'
import { DataPlane, type SupervisorLog } from './supervisor/data-plane.ts'
import { forkEngine } from './supervisor/engine-process.ts'
import { createLogPublishing, type LogPublishing } from './supervisor/log-publishing.ts'
import { MetricSnapshots } from './supervisor/metric-snapshots.ts'
import { createNoteWatch } from './supervisor/note-watch.ts'
import { Quarantine } from './supervisor/quarantine.ts'
import { engineSettings, shardSettings, trialFolder, wedgedAfterMs } from './supervisor/settings.ts'
import { Supervisor } from './supervisor/supervisor.ts'
import { Trials } from './supervisor/trials.ts'
import { checkTwin } from './twin/check.ts'

/** What a gateway is made from. */
export interface GatewayOptions {
  readonly config: Config
  readonly version: string
  readonly log: SupervisorLog
  /** Shows the DevOps user's generated password; called at the very first start only. */
  readonly showPassword: (username: string, password: string) => void
}

/** A running gateway. */
export interface Gateway {
  /** Where the API listens. */
  readonly url: string
  /**
   * Stops consuming, settles what is in flight within `shutdown_timeout_ms`, closes all sessions and
   * the stores.
   */
  stop(): Promise<void>
}

/** How long requests may go on while the gateway stops, in milliseconds. */
const REQUEST_GRACE_MS = 2_000

const HOUR_MS = 3_600_000

const DAMAGED =
  'A connection cannot be read from the store and does not run. Delete it and create it again, or ' +
  'restore the store from a backup.'

/** Starts a gateway; resolves when its API listens. Throws a `StoreError`, or what listening throws. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { config, version, log } = options
  const { http } = config
  const store = await openConnectionStore(config.store.path, {
    encryptionKey: config.store.encryption_key,
  })
  await checkTwin(engineSettings(config).twinFolder).catch(async (cause: Error) => {
    await store.close()
    throw new StoreError(cause.message, { cause })
  })
  const parts = createSupervisor(store, config, log)
  const { dataPlane, supervisor, trials, snapshots, logPublishing } = parts
  const devops = await devopsAccess(store, config)
  const exposition = new PrometheusExposition(() => supervisor.sample(version))
  const app = createApi({
    service: supervisor,
    exposition,
    publicMetrics: config.monitoring.prometheus.public,
    verifyDevops: devops.verify,
    version,
    maxBodyBytes: http.max_body_bytes,
    requestTimeoutMs: http.request_timeout_ms,
    log,
  })
  const server = await serveApi(app, {
    host: http.host,
    port: http.port,
    requestTimeoutMs: http.request_timeout_ms,
  }).catch(async (error: unknown) => {
    await store.close()
    throw error
  })
  for (const [id, reason] of store.unreadable) log.error({ connectionId: id, reason }, DAMAGED)
  await devops.keep(options.showPassword)
  await snapshots.start(store.list().map(({ connection }) => connection))
  supervisor.start()
  const stopWatching = watchDescriptors(log)
  return {
    url: `http://${http.host.includes(':') ? `[${http.host}]` : http.host}:${server.port}`,
    async stop() {
      stopWatching()
      trials.stop()
      await Promise.all([server.close(REQUEST_GRACE_MS), dataPlane.stop()])
      await logPublishing?.close()
      await snapshots.stop()
      await store.close()
    },
  }
}

interface SupervisorParts {
  readonly dataPlane: DataPlane
  readonly supervisor: Supervisor
  readonly trials: Trials
  readonly snapshots: MetricSnapshots
  readonly logPublishing: LogPublishing | undefined
}

function createSupervisor(
  store: ConnectionStore,
  config: Config,
  log: SupervisorLog,
): SupervisorParts {
  const settings = shardSettings(config)
  const forEngine = engineSettings(config)
  const quarantine = new Quarantine(store)
  const instance = `sluice-${hostname()}`
  const logPublishing = createLogPublishing(config, instance, log)
  const dataPlane = new DataPlane({
    startEngine: (listener) => forkEngine(forEngine, listener),
    notes: createNoteWatch(forEngine.recorderFolder, forEngine.threads),
    quarantine,
    settings,
    wedgedAfterMs: wedgedAfterMs(config),
    logDurationMs: config.monitoring.logs.duration_hours * HOUR_MS,
    ...(logPublishing === undefined ? {} : { logPublishing }),
    log,
    now: Date.now,
  })
  const trials = new Trials({
    folder: trialFolder(config),
    settings,
    wedgedAfterMs: wedgedAfterMs(config),
  })
  const snapshots = new MetricSnapshots({
    folder: join(config.store.path, 'metrics'),
    metrics: dataPlane.metrics,
    log,
    now: Date.now,
  })
  const supervisor = new Supervisor({
    store,
    dataPlane,
    quarantine,
    trials,
    check: {
      limits: config.connections,
      settings,
      compile: (connection) => trials.check(connection),
    },
    onMetricsReset: (id) => snapshots.flush(id),
    config,
    instance,
    now: Date.now,
  })
  return { dataPlane, supervisor, trials, snapshots, logPublishing }
}

/** Who may use the API. */
interface DevopsAccess {
  readonly verify: VerifyDevops
  /** Stores and shows a password that was just generated: once nothing can fail any more. */
  keep(show: GatewayOptions['showPassword']): Promise<void>
}

/** A configured password counts; without one, the generated one whose hash is stored. */
async function devopsAccess(store: ConnectionStore, { devops }: Config): Promise<DevopsAccess> {
  const { username, password } = devops
  const nothing = async (): Promise<void> => {}
  if (password !== '') return { verify: createDevopsVerifier(username, password), keep: nothing }
  const known = store.meta(DEVOPS_PASSWORD_HASH)
  const generated = generatePassword()
  const hash = known ?? (await hashPassword(generated))
  const matches = createPasswordVerifier(hash)
  return {
    verify: async (name, given) => (await matches(given)) && name === username,
    keep: async (show) => {
      if (known !== undefined) return
      await store.setMeta(DEVOPS_PASSWORD_HASH, hash)
      show(username, generated)
    },
  }
}
