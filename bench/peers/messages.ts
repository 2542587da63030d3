/**
 * How the benchmark and its load generators talk. The generator gets its order as its first message;
 * from then on it does what it is told and reports.
 */
import type { Summary } from '../support/histogram.ts'

/** What a generator is told, in this order. */
export type GeneratorCommand =
  /** Send. */
  | { readonly kind: 'begin' }
  /** What arrives from now on counts. */
  | { readonly kind: 'measure' }
  /** What arrives from now on does not count any more; send no more, wait for what is on its way. */
  | { readonly kind: 'finish' }

/** What a generator reports. */
export type GeneratorReport =
  /** Connected, everything prepared. */
  | { readonly kind: 'ready' }
  /** Several times a second while sending: totals. */
  | { readonly kind: 'progress'; readonly sent: number; readonly received: number }
  /** The answer to `finish`, at once. */
  | { readonly kind: 'window'; readonly received: number; readonly latencyUs: Summary }
  /** Everything arrived or was given up; the generator ends. */
  | { readonly kind: 'result'; readonly account: Account }
  | { readonly kind: 'failed'; readonly message: string }

/** What became of all messages, from the first to the last. */
export interface Account {
  readonly sent: number
  /** Different messages that arrived. */
  readonly received: number
  readonly duplicates: number
  /** Messages that arrived after a later one of the same device. */
  readonly overtaken: number
  /** What arrived and carried no number. */
  readonly foreign: number
}
