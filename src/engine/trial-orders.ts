/** The words between the control plane and the process in which scripts are tried out. Plain data. */
import type { Connection } from '../connection/types.ts'
import type { ResolvedDefinition } from '../mapping/definitions.ts'
import type { ScriptLimits } from '../mapping/mapper.ts'
import type { MappingTrial, TrialMapping } from '../mapping/trial-schema.ts'
import type { DittoError } from '../protocol/errors.ts'
import type { ShardSettings } from '../shard/description.ts'

/** What is to be tried. Orders are carried out one at a time. */
export type TrialOrder =
  /** Compiles everything that a connection needs, and connects to nothing. */
  | {
      readonly kind: 'check'
      readonly recorderFile: string
      readonly connection: Connection
      readonly settings: ShardSettings
    }
  /** Maps sample messages. */
  | {
      readonly kind: 'map'
      readonly recorderFile: string
      readonly connectionId: string
      readonly definitions: readonly ResolvedDefinition[]
      readonly trial: MappingTrial
      readonly limits: ScriptLimits
    }

/** What the process tells while it maps messages; each is sent before the next mapper runs. */
export type TrialProgress =
  /** There are mappers; from now on they get messages. */
  | { readonly kind: 'compiled' }
  /** Message by message, and mapper by mapper for each. */
  | { readonly kind: 'mapped'; readonly mapping: TrialMapping }

/** What the process answers. */
export type TrialAnswer =
  | { readonly kind: 'ready' }
  /** The connection can be made, or all messages were tried. */
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly error: DittoError }
