/**
 * The words of a mapping trial: its body and its answer. Runs nothing, so that the control plane may
 * use it.
 */
import { z } from 'zod'
import { mappingDefinitionSchema } from '../connection/schema.ts'
import { errorOfIssues, known } from '../connection/schema-tools.ts'
import { parseAdaptable } from '../protocol/adaptable.ts'
import { DittoException } from '../protocol/errors.ts'
import { MAPPERS_MAX } from './limits.ts'

/** Sample messages of one trial. */
const MESSAGES_MAX = 100
/** Mappings of one trial: each mapper gets each message. */
export const TRIAL_MAPPINGS_MAX = MESSAGES_MAX * MAPPERS_MAX

const NO_MAPPERS = 'The payloadMapping names no mapper.'
const TOO_MANY_MAPPERS = `The payloadMapping names more than ${MAPPERS_MAX} mappers.`
const NO_MESSAGES = 'The messages to try are missing.'
const TOO_MANY_MESSAGES = `There are more than ${MESSAGES_MAX} messages to try.`

const base64 = z.base64({ error: 'The bytePayload of a message must be Base64.' })

/** An external message, as the JSON of a trial has it. */
export const externalMessageSchema = known({
  headers: z.record(z.string(), z.string()).default({}),
  textPayload: z.string().nullish(),
  bytePayload: base64.nullish(),
}).meta({
  description:
    'An external message. With a bytePayload alone scripts see no text, as with AMQP; with both they see ' +
    'both, as with MQTT.',
})

const common = {
  payloadMapping: z
    .array(z.string())
    .min(1, NO_MAPPERS)
    .max(MAPPERS_MAX, TOO_MANY_MAPPERS)
    .exactOptional()
    .meta({
      description: 'Ids of mapping definitions or aliases of mappers, tried one by one.',
      example: ['js'],
    }),
  mappingDefinitions: z.record(z.string(), mappingDefinitionSchema).exactOptional().meta({
    description: 'Definitions to try; of a connection they are added to its own, and win.',
  }),
}

/** The body of a trial. */
export const mappingTrialSchema = z.discriminatedUnion(
  'direction',
  [
    known({
      direction: z.literal('inbound'),
      ...common,
      messages: z
        .array(externalMessageSchema)
        .min(1, NO_MESSAGES)
        .max(MESSAGES_MAX, TOO_MANY_MESSAGES),
    }),
    known({
      direction: z.literal('outbound'),
      ...common,
      messages: z
        .array(z.record(z.string(), z.json()))
        .min(1, NO_MESSAGES)
        .max(MESSAGES_MAX, TOO_MANY_MESSAGES)
        .meta({ description: 'Messages of the Ditto Protocol.' }),
    }),
  ],
  { error: 'The direction must be <inbound> or <outbound>.' },
)

/** What is to be tried. */
export type MappingTrial = z.output<typeof mappingTrialSchema>

/**
 * Reads the body of a trial; `direction` is `inbound` unless given. Throws 400 `json.invalid`,
 * `json.field.missing` or `connectivity:connection.configuration.invalid`.
 */
export function readTrial(body: unknown): MappingTrial {
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body)
  const given = isObject ? { direction: 'inbound', ...body } : body
  const parsed = mappingTrialSchema.safeParse(given)
  if (!parsed.success) throw new DittoException(errorOfIssues(parsed.error.issues, given))
  if (parsed.data.direction === 'outbound') parsed.data.messages.forEach(parseAdaptable)
  return parsed.data
}

const line = z.object({ level: z.enum(['info', 'warn', 'error']), text: z.string() })

const mappingSchema = z.object({
  mapper: z.string(),
  outcome: z.enum(['mapped', 'dropped', 'failed']),
  durationMs: z.number().describe('Time in the mapper; the first includes its warming up.'),
  console: z.array(line).describe('What the script wrote.'),
  signals: z.array(z.record(z.string(), z.json())).optional().describe('Inbound: Ditto Protocol.'),
  messages: z.array(externalMessageSchema).optional().describe('Outbound: external messages.'),
  error: z
    .object({
      status: z.int(),
      error: z.string(),
      message: z.string(),
      description: z.string().optional(),
      script: z.enum(['incomingScript', 'outgoingScript']).optional(),
      line: z.int().optional().describe('In the script, from 1.'),
      column: z.int().optional(),
    })
    .optional(),
})

/** What came of a trial: an entry for each message, and in it one for each mapper. */
export const trialResultSchema = z
  .object({
    direction: z.enum(['inbound', 'outbound']),
    results: z.array(z.object({ mappings: z.array(mappingSchema) })),
  })
  .meta({ description: 'What each mapper made of each message.' })

/** What one mapper made of one message. */
export type TrialMapping = z.output<typeof mappingSchema>

/** An external message in JSON. */
export type ExternalMessageJson = z.output<typeof externalMessageSchema>

/** What came of a trial. */
export type TrialResult = z.output<typeof trialResultSchema>
