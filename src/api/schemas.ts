/**
 * The shapes that the OpenAPI document shows, apart from the connection itself, which has its
 * schema where it is validated. Knows no operation.
 */
import { z } from '@hono/zod-openapi'
import { INBOUND_METRICS, OUTBOUND_METRICS } from '../monitoring/counters.ts'
import { LOG_CATEGORIES, LOG_LEVELS, LOG_TYPES } from '../monitoring/log-entry.ts'

const STATUSES = ['open', 'closed', 'failed', 'misconfigured', 'unknown'] as const
const RECOVERY_STATUSES = ['ongoing', 'succeeded', 'backOffLimitReached', 'unknown'] as const

const instant = z.string().openapi({ format: 'date-time', example: '2026-01-01T00:00:00Z' })

/** Ditto's error JSON. */
export const errorSchema = z
  .object({
    status: z.int().min(400).max(599).describe('The HTTP status.'),
    error: z.string().describe('A stable identifier.'),
    message: z.string().describe('What was wrong, and where.'),
    description: z.string().optional().describe('What to do next.'),
    href: z.string().optional().describe('Where to read more.'),
  })
  .openapi('Error', {
    example: {
      status: 404,
      error: 'connectivity:connection.notfound',
      message:
        "The Connection with ID 'x' could not be found or requester had insufficient permissions " +
        'to access it.',
      description:
        'Check if the ID of your requested Connection was correct and you have sufficient permissions.',
    },
  })

const resourceStatus = z
  .object({
    type: z.enum(['client', 'source', 'target', 'ssh']),
    client: z.string().describe('The client that reports.'),
    address: z.string().optional().describe('Of a source or target.'),
    status: z.enum(STATUSES),
    recoveryStatus: z.enum(RECOVERY_STATUSES).optional().describe('Of a client.'),
    statusDetails: z.string().optional(),
    inStateSince: instant.optional(),
  })
  .openapi('ResourceStatus')

/** The status resource. */
export const statusSchema = z
  .object({
    type: z.literal('connectivity.responses:retrieveConnectionStatus'),
    status: z.literal(200),
    connectionId: z.string(),
    connectionStatus: z.enum(STATUSES).describe('What is wanted.'),
    liveStatus: z.enum(STATUSES).describe('What is.'),
    recoveryStatus: z.enum(RECOVERY_STATUSES),
    connectedSince: instant.optional(),
    clientStatus: z.array(resourceStatus).optional(),
    sourceStatus: z.array(resourceStatus).optional(),
    targetStatus: z.array(resourceStatus).optional(),
    sshTunnelStatus: z.array(resourceStatus).optional(),
  })
  .openapi('ConnectionStatus')

const count = z.int().min(0)
const windows = z
  .object({
    PT1M: count.describe('Within the last minute.'),
    PT1H: count.describe('Within the last hour.'),
    PT24H: count.describe('Within the last day.'),
    lastMessageAt: instant.nullable(),
  })
  .openapi('MetricWindows')
const outcomes = z.object({ success: windows, failure: windows }).openapi('MetricOutcomes')
const inboundMetrics = metricsSchema(INBOUND_METRICS).openapi('InboundMetrics')
const outboundMetrics = metricsSchema(OUTBOUND_METRICS).openapi('OutboundMetrics')

/** The metrics resource. */
export const connectionMetricsSchema = z
  .object({
    type: z.literal('connectivity.responses:retrieveConnectionMetrics'),
    status: z.literal(200),
    connectionId: z.string(),
    connectionMetrics: z.object({
      inbound: inboundMetrics.nullable(),
      outbound: outboundMetrics.nullable(),
    }),
    containsFailures: z.boolean(),
    sourceMetrics: z.object({ addressMetrics: z.record(z.string(), inboundMetrics).nullable() }),
    targetMetrics: z.object({ addressMetrics: z.record(z.string(), outboundMetrics).nullable() }),
  })
  .openapi('ConnectionMetrics')

const logEntry = z
  .object({
    correlationId: z.string().describe('`<not-provided>` when the message carried none.'),
    timestamp: instant,
    category: z.enum(LOG_CATEGORIES),
    type: z.enum(LOG_TYPES),
    level: z.enum(LOG_LEVELS),
    message: z.string(),
    address: z.string().optional(),
    entityType: z.enum(['thing', 'policy']).optional(),
    entityId: z.string().optional(),
  })
  .openapi('LogEntry')

/** The logs resource. */
export const logsSchema = z
  .object({
    connectionId: z.string(),
    connectionLogs: z.array(logEntry),
    enabledSince: instant.nullable().describe('null while logging is off.'),
    enabledUntil: instant.nullable().describe('null while logging is off.'),
  })
  .openapi('ConnectionLogs')

/** The fleet resource. */
export const fleetSchema = z
  .object({
    total: count,
    states: z.record(z.string(), count).describe('How many are in which live status.'),
    connections: z.array(
      z.object({
        id: z.string(),
        name: z.string().nullable(),
        connectionType: z.string(),
        connectionStatus: z.enum(STATUSES).describe('What is wanted.'),
        liveStatus: z.enum(STATUSES).describe('What is.'),
        since: instant,
        failures: z.object({ PT1M: count, PT1H: count }),
        rates: z
          .object({ inbound: z.number(), outbound: z.number() })
          .describe('Messages consumed and published per second, over the last minute.'),
      }),
    ),
  })
  .openapi('Fleet')

/** The health resource. */
export const healthSchema = z
  .object({
    status: z.enum(['UP', 'DOWN']).describe('`UP` when requests and messages are served.'),
    live: z.literal(true),
    ready: z.boolean(),
    engine: z.enum(['up', 'starting', 'down']),
    engineDetails: z
      .string()
      .optional()
      .describe('How the last engine ended and when the next one starts, while there is none.'),
    store: z.enum(['writable', 'read-only']).describe('Of the connections.'),
    twins: z
      .enum(['writable', 'read-only'])
      .optional()
      .describe(
        '`read-only` while commands wait for their store. Absent until an engine has told.',
      ),
    twinsDetails: z
      .string()
      .optional()
      .describe('What is wrong with the twins and what to do, while they are not writable.'),
  })
  .openapi('Health')

function metricsSchema(metrics: readonly string[]) {
  return z.object(Object.fromEntries(metrics.map((metric) => [metric, outcomes])))
}
