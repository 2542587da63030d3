/**
 * The words that control plane, engine and threads speak to each other. Plain data: everything here
 * crosses a process or a thread by structured clone.
 *
 * ```
 * control plane ⇄ engine    EngineCall, EngineMessage    child_process, advanced serialization
 * engine ⇄ thread           ThreadOrder, ThreadReport    MessagePort of the thread's task
 * engine ⇄ shard            ShardOrder, ShardReport      MessagePort of the shard's task
 * thread ⇄ thread           see routing/mesh.ts
 * ```
 */
import type { MessagePort } from 'node:worker_threads'
import type { Connection } from '../connection/types.ts'
import type { CollectorSettings, LogReport } from '../monitoring/log-collector.ts'
import type { LogMark, LogNews } from '../monitoring/log-entry.ts'
import type { DittoError } from '../protocol/errors.ts'
import type { Subscription } from '../routing/router.ts'
import type { ShardDescription, ShardStatus } from '../shard/description.ts'
import type { EngineFigures, ThreadFigures } from './figures.ts'

/** What the engine needs of the configuration. */
export interface EngineSettings {
  /** Worker threads; each holds its share of the twins. */
  readonly threads: number
  /** Limit of each thread's heap, in MiB. */
  readonly maxHeapMb: number
  /** Folder of the twin partitions. */
  readonly twinFolder: string
  /** Folder of the flight recorder's files, one per thread. */
  readonly recorderFolder: string
  /** Absent when no logs are published. */
  readonly publishedLogs?: CollectorSettings
}

/** A shard that could not be made, or whose thread ended before it was. */
export interface ShardRefusal {
  readonly shard: number
  readonly error: DittoError
}

/** What the control plane can ask of the engine. Every call is answered, or the engine has died. */
export interface EngineControl {
  /**
   * Makes the shards, announces them to all threads, then starts them together, so that none
   * publishes to one that does not listen yet. Tells which could not be made.
   */
  open(shards: readonly ShardDescription[]): Promise<readonly ShardRefusal[]>
  /**
   * Closes shards of a connection gracefully; resolves when their sessions are gone and their counters
   * are read. `successor`: the definition by which the connection runs on, now or later; undefined when
   * it is deleted. Answers with the logs of the shards, unless it is.
   */
  close(shards: readonly number[], successor: Connection | undefined): Promise<readonly LogNews[]>
  /** Shards that wait after a failure try again at once. */
  retry(shards: readonly number[]): Promise<void>
  /** From the answer on, signals for the connection are kept until its next shards are open. */
  park(connectionId: string): Promise<void>
  /** Gives up on a parked connection. */
  unpark(connectionId: string): Promise<void>
  setLogs(shards: readonly number[], active: boolean): Promise<void>
  resetLogs(shards: readonly number[]): Promise<void>
  /** What the logs of shards hold beyond the marks; a shard that is gone is left out. */
  readLogs(marks: readonly LogMark[]): Promise<readonly LogNews[]>
  /** Sends the counters' latest differences ahead of the answer. */
  readCounters(): Promise<void>
  /** Stops consuming, and when everything consumed is settled closes all shards, then the twins. */
  stop(): Promise<void>
}

/** A call of one of the methods of {@link EngineControl}. */
export type EngineCall = {
  [M in keyof EngineControl]: {
    readonly request: number
    readonly method: M
    readonly args: Parameters<EngineControl[M]>
  }
}[keyof EngineControl]

/** What the counters of one shard gained since the last time, by cell. Cells without gain are absent. */
export interface CounterDeltas {
  readonly shard: number
  readonly deltas: readonly (readonly [cell: number, count: number])[]
}

/** What the control plane sends to the engine. */
export type EngineOrder = { readonly kind: 'start'; readonly settings: EngineSettings } | EngineCall

/** What the engine sends to the control plane. */
export type EngineMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'answer'; readonly request: number; readonly value: unknown }
  | { readonly kind: 'refusal'; readonly request: number; readonly error: DittoError }
  | { readonly kind: 'status'; readonly shard: number; readonly status: ShardStatus }
  /** Sent once a second after every thread has answered: the engine lives, all of it. */
  | { readonly kind: 'pulse'; readonly figures: EngineFigures }
  | { readonly kind: 'counters'; readonly counters: readonly CounterDeltas[] }
  /** Sent with the pulse: what is to be published. */
  | { readonly kind: 'published-logs'; readonly reports: readonly LogReport[] }
  /** A thread died and took these shards; it is being replaced. */
  | {
      readonly kind: 'shards-lost'
      readonly thread: number
      readonly shards: readonly number[]
      readonly reason: string
    }

/** The task that makes a worker thread what it is; runs until the thread is told to stop. */
export interface ThreadTask {
  readonly kind: 'thread'
  readonly thread: number
  readonly settings: EngineSettings
  readonly port: MessagePort
}

/** The life of one shard; the task ends when the shard has closed. */
export interface ShardTask {
  readonly kind: 'shard'
  readonly description: ShardDescription
  readonly counters: SharedArrayBuffer
  readonly port: MessagePort
}

/** A task of the pool. */
export type WorkerTask = ThreadTask | ShardTask

/** Engine to thread. */
export type ThreadOrder =
  | { readonly kind: 'link'; readonly thread: number; readonly port: MessagePort }
  | {
      readonly kind: 'subscriptions'
      readonly request: number
      readonly subscriptions: readonly Subscription[]
    }
  | { readonly kind: 'park'; readonly request: number; readonly connectionId: string }
  | { readonly kind: 'unpark'; readonly request: number; readonly connectionId: string }
  | { readonly kind: 'ping'; readonly request: number }
  | { readonly kind: 'stop' }

/** Thread to engine. */
export type ThreadReport =
  /** Precedes the answer to a ping. */
  | { readonly kind: 'published-logs'; readonly reports: readonly LogReport[] }
  | { readonly kind: 'figures'; readonly figures: ThreadFigures }
  | { readonly kind: 'ready' }
  | { readonly kind: 'answer'; readonly request: number }

/** Engine to shard. */
export type ShardOrder =
  | { readonly kind: 'start' }
  | { readonly kind: 'retry' }
  | { readonly kind: 'drain' }
  | {
      readonly kind: 'close'
      readonly successor: Connection | undefined
      readonly keepsLog: boolean
    }
  | { readonly kind: 'set-logs'; readonly active: boolean }
  | { readonly kind: 'reset-logs' }
  | { readonly kind: 'read-logs'; readonly request: number; readonly after: number }

/** Shard to engine. */
export type ShardReport =
  | { readonly kind: 'made'; readonly subscription: Subscription }
  | { readonly kind: 'refused'; readonly error: DittoError }
  | { readonly kind: 'status'; readonly status: ShardStatus }
  | { readonly kind: 'drained' }
  /** The last word of a shard that was closed: its log. */
  | { readonly kind: 'farewell'; readonly news: LogNews }
  | { readonly kind: 'logs'; readonly request: number; readonly news: LogNews }
