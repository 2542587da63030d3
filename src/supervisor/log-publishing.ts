/**
 * Publishing of connection logs, put together from the configuration: names who wrote what comes from
 * the engine and from the control plane, and hands it to the one publisher of the gateway.
 */
import type { Config } from '../config.ts'
import { LogPublisher, type PublisherSettings } from '../monitoring/fluentd/publisher.ts'
import { startFluentdSession } from '../monitoring/fluentd/session.ts'
import type { LogReport } from '../monitoring/log-collector.ts'
import type { LogEntry } from '../monitoring/log-entry.ts'
import type { SupervisorLog } from './data-plane.ts'
import { clientName } from './status.ts'

/** Where logs are published. */
export interface LogPublishing {
  /** What a client of a connection wrote. */
  report(report: LogReport): void
  /** What the control plane has to say about a connection. */
  entry(connectionId: string, entry: LogEntry): void
  /** Publishes what is left, within its time. */
  close(): Promise<void>
}

type PublisherConfig = Config['monitoring']['logs']['publisher']

/** Undefined when the configuration does not enable it. `instance`: name of this gateway. */
export function createLogPublishing(
  { monitoring }: Pick<Config, 'monitoring'>,
  instance: string,
  log: SupervisorLog,
): LogPublishing | undefined {
  const config = monitoring.logs.publisher
  if (!config.enabled) return undefined
  const { host, port, tls, acknowledged } = config
  const endpoint = { host, port, tls, tlsCa: config.tls_ca, acknowledged }
  const publisher = new LogPublisher({
    settings: publisherSettings(config),
    endpoint: `${host}:${port}`,
    startSession: (listener) => startFluentdSession(endpoint, listener),
    log,
    now: Date.now,
  })
  return {
    report({ connectionId, clientIndex, clientCount, entries, dropped }) {
      const instanceId = clientName(instance, clientIndex, clientCount)
      publisher.publish({ connectionId, instanceId }, entries, dropped)
    },
    entry(connectionId, entry) {
      publisher.publish({ connectionId, instanceId: instance }, [entry])
    },
    close: () => publisher.close(),
  }
}

function publisherSettings(config: PublisherConfig): PublisherSettings {
  return {
    tag: config.tag,
    additionalContext: config.additional_context,
    levels: config.levels,
    connectTimeoutMs: config.connect_timeout_ms,
    publishTimeoutMs: config.publish_timeout_ms,
    backoffMinMs: config.backoff_min_ms,
    backoffMaxMs: config.backoff_max_ms,
    maxAttempts: config.max_attempts,
    maxBufferEntries: config.max_buffer_entries,
    maxBufferBytes: config.max_buffer_bytes,
    flushTimeoutMs: config.flush_timeout_ms,
  }
}
