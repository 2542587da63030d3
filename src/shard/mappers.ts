/** The mappers of a shard: each mapping definition that is referenced gets one instance. */
import type { Connection } from '../connection/types.ts'
import { conditionsWantSubjects } from '../mapping/conditions.ts'
import { DEFAULT_MAPPER, resolveDefinition } from '../mapping/definitions.ts'
import type { Mapper, MapperEnvironment } from '../mapping/mapper.ts'
import { createMapper, engineOf } from '../mapping/registry.ts'
import type { DittoError } from '../protocol/errors.ts'

/** A mapper with the id under which the connection references it. */
export interface NamedMapper {
  readonly id: string
  readonly mapper: Mapper
  /** Whether its incoming messages need the subjects that they are authorized with. */
  readonly wantsSubjects: boolean
  readonly texts: MapperTexts
}

/** Log texts about one mapper, made once. */
export interface MapperTexts {
  readonly mappedIn: string
  readonly droppedIn: string
  readonly failedIn: (error: DittoError) => string
  readonly mappedOut: string
  readonly droppedOut: string
}

/** Makes mappers on first use and frees them together. */
export class ShardMappers {
  readonly #connection: Connection
  readonly #environment: MapperEnvironment
  readonly #mappers = new Map<string, NamedMapper>()

  constructor(connection: Connection, environment: MapperEnvironment) {
    this.#connection = connection
    this.#environment = environment
  }

  /** The mappers of one `payloadMapping`, in its order. Throws what the mapper's constructor throws. */
  of(payloadMapping: readonly string[]): readonly NamedMapper[] {
    const ids = payloadMapping.length === 0 ? [DEFAULT_MAPPER] : payloadMapping
    return ids.map((id) => this.#get(id))
  }

  close(): void {
    for (const { mapper } of this.#mappers.values()) mapper.close()
  }

  #get(id: string): NamedMapper {
    const known = this.#mappers.get(id)
    if (known !== undefined) return known
    const resolved = resolveDefinition(this.#connection, id)
    const { wantsSubjects = false } = engineOf(resolved.engine)
    const named: NamedMapper = {
      id,
      mapper: createMapper(resolved, this.#environment),
      wantsSubjects: wantsSubjects || conditionsWantSubjects(resolved.definition),
      texts: textsOf(id),
    }
    this.#mappers.set(id, named)
    return named
  }
}

function textsOf(id: string): MapperTexts {
  const dropped = `Payload mapping of mapper <${id}> returned null`
  return {
    failedIn: ({ error, message, description }) =>
      `Got exception <${error}> when processing external message with mapper <${id}>: ` +
      `${message} ${description ?? ''}`.trimEnd(),
    mappedIn: `Successfully mapped incoming signal with mapper <${id}>`,
    droppedIn: `${dropped}, incoming message is dropped`,
    mappedOut: `Mapped outgoing signal with mapper <${id}>`,
    droppedOut: `${dropped}, outgoing message is dropped`,
  }
}
