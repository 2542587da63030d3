/**
 * From the JSON of `/api/2/connections` to a {@link Connection}: types, defaults, what Ditto fills
 * in by itself, and the checks that Ditto makes while reading. Whether a broker of that type can
 * work with it is `validate.ts`'s business.
 */
import type { z } from 'zod'
import { isJsonObject, type JsonObject, type JsonValue } from '../json/types.ts'
import { ackLabelInvalid, ackRequestParsingFailed } from '../protocol/acknowledgement-errors.ts'
import { connectionIdInvalid, idNotSettable } from '../protocol/connectivity-errors.ts'
import { jsonInvalid } from '../protocol/json-errors.ts'
import { fail, failConfiguration, tellingWhere } from './errors.ts'
import { forgive } from './leniency.ts'
import {
  type connectionSchema,
  connectionSchema as schema,
  type sourceSchema,
  type targetSchema,
} from './schema.ts'
import { errorOfIssues } from './schema-tools.ts'
import { parseTargetTopic } from './topics.ts'
import type {
  Connection,
  ConnectionType,
  HeaderMapping,
  ReplyTarget,
  Source,
  Target,
} from './types.ts'
import { parseBrokerUri } from './uri.ts'

/** What a body is parsed for. */
export interface ParseOptions {
  /**
   * `create`: the body names no id, and a missing `connectionStatus` becomes `unknown`; `modify`:
   * its id may be the one of the path; `dry-run`: its id, if any, is replaced.
   */
  readonly mode: 'create' | 'modify' | 'dry-run'
  /** The id that the connection gets. */
  readonly id: string
}

const CONNECTION_ID = /^[a-zA-Z0-9\-_:]{1,100}$/

/** Acknowledgement labels, as Ditto's documentation gives them; some begin with a placeholder. */
const ACK_LABEL = /^(\{\{\s*[a-z]+:[a-z]+\s*\}\}:)?[a-zA-Z0-9\-_:]{3,165}$/

const LABEL_FIELDS: ReadonlySet<string> = new Set([
  'declaredAcks',
  'includes',
  'issuedAcknowledgementLabel',
])

const ANNOUNCEMENTS = '_/_/connections/announcements'

const REPLY_ADDRESS = '{{header:reply-to}}'

const REPLY_HEADERS: HeaderMapping = {
  'content-type': '{{header:content-type}}',
  'correlation-id': '{{header:correlation-id}}',
}

/** Filled in at sources whose reply target Ditto fills in. */
const REPLYING_SOURCE_HEADERS: HeaderMapping = { ...REPLY_HEADERS, 'reply-to': REPLY_ADDRESS }

/**
 * Parses a connection and fills in every default. Secrets stay as they are in the body, masks
 * included (see `restoreSecrets`). Throws Ditto's errors: `json.invalid`, `json.field.missing`,
 * `connectivity:id.notsettable`, `connectivity:connection.id.invalid`, `…configuration.invalid`
 * (also for fields that Ditto does not know), `…uri.invalid`, `connectivity:topic.invalid`,
 * `acknowledgement:label.invalid`, `acknowledgement:request.parsing.failed`.
 */
export function parseConnection(body: unknown, options: ParseOptions): Connection {
  checkConnectionId(options.id)
  if (!isJsonObject(body)) fail(jsonInvalid('The connection is not a valid JSON object!'))
  const input = forgive(withId(body, options))
  const result = schema.safeParse(input)
  if (!result.success) fail(errorOfIssues(result.error.issues, input))
  const connection = complete(result.data)
  checkTogether(connection)
  if (connection.uri.trim() !== '') parseBrokerUri(connection.uri)
  return connection
}

/** Throws 400 `connectivity:connection.id.invalid` unless the text can be a connection's id. */
export function checkConnectionId(id: string): void {
  if (!CONNECTION_ID.test(id)) fail(connectionIdInvalid(id))
}

function withId(body: JsonObject, { mode, id }: ParseOptions): JsonObject {
  const given = body.id
  if (mode === 'dry-run' && typeof given === 'string') return renamed(body, given, id)
  const settable = mode === 'create' ? given === undefined : given === undefined || given === id
  if (!settable && mode !== 'dry-run') fail(idNotSettable())
  const status: JsonObject = mode === 'create' ? { connectionStatus: 'unknown' } : {}
  return { ...status, ...body, id }
}

/** Acknowledgement labels start with the id, so those of a renamed connection change with it. */
function renamed(body: JsonObject, before: string, id: string): JsonObject {
  const prefix = `${before}:`
  const relabel = (value: JsonValue, isLabel: boolean): JsonValue => {
    if (Array.isArray(value)) return value.map((item) => relabel(item, isLabel))
    if (isJsonObject(value)) {
      const members = Object.entries(value)
      return Object.fromEntries(
        members.map(([name, item]) => [name, relabel(item, LABEL_FIELDS.has(name))]),
      )
    }
    const own = isLabel && typeof value === 'string' && value.startsWith(prefix)
    return own ? `${id}:${value.slice(prefix.length)}` : value
  }
  const { sources, targets } = body
  return {
    ...body,
    id,
    ...(sources !== undefined && { sources: relabel(sources, false) }),
    ...(targets !== undefined && { targets: relabel(targets, false) }),
  }
}

function complete(parsed: z.output<typeof connectionSchema>): Connection {
  return {
    ...parsed,
    sources: parsed.sources.map((source, index) => {
      checkLabels(source, ['sources', String(index)])
      return completeSource(source, parsed.connectionType)
    }),
    targets: parsed.targets.map((target, index) =>
      completeTarget(target, ['targets', String(index)]),
    ),
  }
}

function checkLabels(source: z.output<typeof sourceSchema>, pointer: readonly string[]): void {
  const { declaredAcks, acknowledgementRequests } = source
  declaredAcks.forEach((label, index) => {
    tellingWhere([...pointer, 'declaredAcks', String(index)], () => checkAckLabel(label))
  })
  acknowledgementRequests?.includes.forEach((label, index) => {
    const place = [...pointer, 'acknowledgementRequests', 'includes', String(index)]
    if (!ACK_LABEL.test(label)) tellingWhere(place, () => fail(ackRequestParsingFailed(label)))
  })
}

function completeTarget(target: z.output<typeof targetSchema>, pointer: readonly string[]): Target {
  const { issuedAcknowledgementLabel: label } = target
  const topics = target.topics.map((topic, index) =>
    tellingWhere([...pointer, 'topics', String(index)], () => parseTargetTopic(topic).text),
  )
  if (label !== undefined) {
    tellingWhere([...pointer, 'issuedAcknowledgementLabel'], () => checkAckLabel(label))
  }
  return { ...target, topics: [...new Set(topics)] }
}

function completeSource(source: z.output<typeof sourceSchema>, type: ConnectionType): Source {
  const { replyTarget } = source
  if (replyTarget.enabled && replyTarget.address === undefined) return replying(source, type)
  return { ...source, replyTarget: completeReplyTarget(replyTarget) }
}

/** Without an address Ditto knows only whether responses are wanted. */
function completeReplyTarget({ enabled, address, ...rest }: ReplyTarget): ReplyTarget {
  if (address === undefined) return { enabled }
  const { headerMapping = {}, expectedResponseTypes = ['response', 'error'] } = rest
  return { enabled, address, headerMapping, expectedResponseTypes }
}

/** What Ditto fills in when responses are wanted but not where. MQTT 3.1.1 has no headers. */
function replying(source: Source, type: ConnectionType): Source {
  const replyTarget: ReplyTarget = {
    enabled: true,
    address: REPLY_ADDRESS,
    headerMapping: type === 'mqtt' ? {} : REPLY_HEADERS,
    expectedResponseTypes: ['response', 'error'],
  }
  if (type === 'mqtt') return { ...source, replyTarget }
  const headerMapping = { ...REPLYING_SOURCE_HEADERS, ...source.headerMapping }
  return { ...source, headerMapping, replyTarget }
}

/** Whether the text can be the label of an acknowledgement. */
export function isAckLabel(label: string): boolean {
  return ACK_LABEL.test(label)
}

/** Throws 400 `acknowledgement:label.invalid` unless the text can be a label. */
export function checkAckLabel(label: string): void {
  if (!isAckLabel(label)) fail(ackLabelInvalid(label))
}

function checkTogether({ sources, targets, clientCount }: Connection): void {
  if (sources.length === 0 && targets.length === 0) {
    failConfiguration(
      'Either a source or a target must be specified in the configuration of a connection!',
    )
  }
  checkAuthorization(sources, targets)
  const announced = targets.some(({ topics }) => topics.includes(ANNOUNCEMENTS))
  if (clientCount > 1 && announced) {
    failConfiguration(
      `Connection announcements (topic ${ANNOUNCEMENTS}) can only be used with client count 1.`,
    )
  }
}

function checkAuthorization(sources: Connection['sources'], targets: Connection['targets']): void {
  const lacking = ({ authorizationContext }: { authorizationContext: readonly string[] }) =>
    authorizationContext.length === 0
  const withoutSources = sources.filter(lacking).flatMap(({ addresses }) => addresses)
  const withoutTargets = targets.filter(lacking).map(({ address }) => address)
  const parts = [
    ...(sources.some(lacking) ? [`Sources [${distinct(withoutSources)}]`] : []),
    ...(targets.some(lacking) ? [`Targets [${distinct(withoutTargets)}]`] : []),
  ]
  if (parts.length > 0) {
    failConfiguration(`The ${parts.join(' and ')} are missing an authorization context.`)
  }
}

function distinct(texts: readonly string[]): string {
  return [...new Set(texts)].join(', ')
}
