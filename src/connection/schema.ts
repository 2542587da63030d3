/**
 * The schema of a connection (Ditto documentation, "Connections"): its fields, their types and
 * defaults, for parsing and for the OpenAPI document. What Ditto forgives is settled before
 * (`leniency.ts`), what fields mean together is checked after (`model.ts`, `validate.ts`).
 */
import { z } from 'zod'
import { credentialsSchema } from './credentials-schema.ts'
import { known, nameText, positive } from './schema-tools.ts'

export const CONNECTION_TYPES = [
  'amqp-091',
  'amqp-10',
  'mqtt',
  'mqtt-5',
  'kafka',
  'http-push',
  'hono',
] as const

export const CONNECTIVITY_STATUSES = [
  'open',
  'closed',
  'failed',
  'misconfigured',
  'unknown',
] as const

export const RESPONSE_TYPES = ['response', 'error', 'nack'] as const

export const OVERFLOWS = ['block', 'drop'] as const

const texts = z.array(z.string())

const headerMappingSchema = z.record(z.string(), z.string()).meta({
  description: 'Header names with templates for their values.',
  example: { 'correlation-id': '{{ header:correlation-id }}' },
})

const subjects = z
  .array(z.string().min(1, { error: 'The authorization subject must not be empty!' }))
  .default([])

const sourceSubjectsSchema = subjects.meta({
  description: 'Authorization subjects; header placeholders are allowed. At least one.',
  example: ['integration:factory', 'device:{{ header:device_id }}'],
})

const targetSubjectsSchema = subjects.meta({
  description: 'Authorization subjects, without placeholders. At least one.',
  example: ['integration:factory'],
})

const payloadMappingSchema = texts.default([]).meta({
  description: 'Ids of mapping definitions or names of mappers; empty means the mapper `Ditto`.',
})

const qosSchema = z.int().exactOptional().meta({ description: 'Quality of service.' })

const messagesPerSecondSchema = positive('messages per second').exactOptional().meta({
  description: 'No more are taken; the others wait. Not in Ditto. Default: that of config.toml.',
})

const replyTargetSchema = known({
  enabled: z.boolean().default(true),
  address: z.string().exactOptional(),
  headerMapping: headerMappingSchema.exactOptional(),
  expectedResponseTypes: z.array(z.enum(RESPONSE_TYPES)).exactOptional(),
}).meta({ description: 'Where responses to commands of this source are published.' })

/** A source of a connection. */
export const sourceSchema = known({
  addresses: texts.default([]).meta({ example: ['telemetry/#'] }),
  consumerCount: positive('consumer count').default(1),
  qos: qosSchema,
  authorizationContext: sourceSubjectsSchema,
  enforcement: known({
    input: z.string().meta({ example: '{{ header:device_id }}' }),
    filters: texts.default([]).meta({ example: ['{{ entity:id }}'] }),
  }).exactOptional(),
  acknowledgementRequests: known({
    includes: texts.default([]),
    filter: z.string().exactOptional(),
  }).exactOptional(),
  headerMapping: headerMappingSchema.default({}),
  payloadMapping: payloadMappingSchema,
  replyTarget: replyTargetSchema.prefault({}),
  declaredAcks: texts.default([]).meta({ example: ['{{connection:id}}:my-ack'] }),
  messagesPerSecond: messagesPerSecondSchema,
})

/** A target of a connection. */
export const targetSchema = known({
  address: z.string().meta({ example: 'events/{{ thing:id }}' }),
  topics: texts.default([]).meta({ example: ['_/_/things/twin/events'] }),
  qos: qosSchema,
  authorizationContext: targetSubjectsSchema,
  issuedAcknowledgementLabel: z.string().exactOptional(),
  overflow: z
    .enum(OVERFLOWS, {
      error: ({ input }) => `Overflow <${nameText(input)}> is invalid! It is block or drop.`,
    })
    .exactOptional()
    .meta({
      description:
        'What a signal does for which a slow or absent broker leaves no room: `block` its source, or ' +
        '`drop`. Not in Ditto. Default: signals whose acknowledgement by the target is wanted block.',
    }),
  headerMapping: headerMappingSchema.default({}),
  payloadMapping: payloadMappingSchema,
})

const conditionsSchema = z
  .record(z.string(), z.string())
  .meta({ example: { ours: "fn:filter(header:type,'eq','ours')" } })

/** A definition of a payload mapping. */
export const mappingDefinitionSchema = known({
  mappingEngine: z.string().meta({ example: 'JavaScript' }),
  options: z.record(z.string(), z.json()),
  incomingConditions: conditionsSchema.exactOptional(),
  outgoingConditions: conditionsSchema.exactOptional(),
})

const sshTunnelSchema = known({
  enabled: z.boolean(),
  credentials: credentialsSchema,
  validateHost: z.boolean(),
  knownHosts: texts.default([]).meta({ description: 'Fingerprints.' }),
  uri: z.string().meta({ example: 'ssh://bastion.example.org:22' }),
})

/** A connection with all its fields; `id` is set by the path or by Sluice. */
export const connectionSchema = known({
  id: z.string().meta({ example: 'factory-broker' }),
  name: z.string().nullable().default(null),
  connectionType: z.enum(CONNECTION_TYPES, {
    error: ({ input }) => `Connection type <${nameText(input)}> is invalid!`,
  }),
  connectionStatus: z
    .enum(CONNECTIVITY_STATUSES, {
      error: ({ input }) => `Connection status <${nameText(input)}> is invalid!`,
    })
    .meta({ description: 'The desired status; only `open` connects.' }),
  uri: z.string().meta({
    description: 'The broker. Its password is shown as *****.',
    example: 'ssl://user:secret@broker.example.org:8883',
  }),
  sources: z.array(sourceSchema).default([]),
  targets: z.array(targetSchema).default([]),
  clientCount: positive('client count').default(1),
  failoverEnabled: z.boolean().default(true),
  validateCertificates: z.boolean().default(true),
  processorPoolSize: positive('processor pool size').default(1),
  messagesPerSecond: messagesPerSecondSchema,
  specificConfig: z.record(z.string(), z.string()).default({}),
  mappingDefinitions: z.record(z.string(), mappingDefinitionSchema).default({}),
  credentials: credentialsSchema.exactOptional(),
  ca: z.string().exactOptional().meta({ description: 'Trusted certificates, PEM.' }),
  sshTunnel: sshTunnelSchema.exactOptional(),
  tags: texts.default([]),
})
