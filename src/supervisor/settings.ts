/** From the keys of config.toml to what shards and engines are told. Reads no file. */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Config } from '../config.ts'
import type { EngineSettings } from '../engine/messages.ts'
import type { ScriptLimits } from '../mapping/mapper.ts'
import type { CollectorSettings } from '../monitoring/log-collector.ts'
import type { ShardSettings } from '../shard/description.ts'

/** What each engine is started with. */
export function engineSettings({ workers, store, monitoring }: Config): EngineSettings {
  return {
    threads: workers.threads === 0 ? availableParallelism() : workers.threads,
    maxHeapMb: workers.max_heap_mb,
    twinFolder: join(store.path, 'twin'),
    recorderFolder: join(store.path, 'flight-recorder'),
    ...(monitoring.logs.publisher.enabled
      ? { publishedLogs: collectorSettings(monitoring.logs) }
      : {}),
  }
}

function collectorSettings({ publisher }: Config['monitoring']['logs']): CollectorSettings {
  return {
    levels: publisher.levels,
    withMessage: publisher.log_headers_and_payload,
    maxEntries: publisher.max_entries_per_client,
    maxBytes: publisher.max_bytes_per_thread,
  }
}

/** Where the process that tries out scripts keeps its note. */
export function trialFolder({ store }: Config): string {
  return join(store.path, 'trials')
}

/** What each shard is told. */
export function shardSettings({ connections, monitoring, mapping }: Config): ShardSettings {
  return {
    maxUnsettled: connections.max_in_flight,
    maxRedeliveries: connections.max_redeliveries,
    maxOutboundQueue: connections.target_buffer,
    messagesPerSecond: connections.messages_per_second,
    sourceMessagesPerSecond: connections.source_messages_per_second,
    connectTimeoutMs: connections.connect_timeout_ms,
    publishTimeoutMs: connections.publish_timeout_ms,
    ackTimeoutMs: connections.ack_timeout_ms,
    backoffMinMs: connections.backoff_min_ms,
    backoffMaxMs: connections.backoff_max_ms,
    drainTimeoutMs: connections.shutdown_timeout_ms,
    logCapacity: monitoring.logs.max_entries,
    script: scriptLimits(mapping),
  }
}

/** The limits on scripts. */
export function scriptLimits({ javascript }: Config['mapping']): ScriptLimits {
  return {
    maxScriptBytes: javascript.max_script_bytes,
    maxExecutionMs: javascript.max_execution_ms,
    memoryMb: javascript.memory_mb,
    commonJsPath: javascript.commonjs_path,
  }
}

/** A thread that sits in a script for longer will not come back, in milliseconds. */
export function wedgedAfterMs({ mapping, workers }: Config): number {
  const limitMs = mapping.javascript.max_execution_ms
  // Two scripts may be compiled one after the other, each with its full time.
  return Math.max(limitMs + workers.script_grace_ms, 2 * limitMs + workers.script_grace_ms / 2)
}
