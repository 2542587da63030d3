/** The rules of Kafka (Ditto documentation, "Apache Kafka protocol binding"). */
import { ALL_PLACEHOLDERS, ENFORCEMENT_FILTER, HEADER_ONLY } from '../../expression/placeholders.ts'
import { failConfiguration } from '../errors.ts'
import type { Connection } from '../types.ts'
import { parseBrokerUri } from '../uri.ts'
import { withConnectionId } from './ack-labels.ts'
import {
  atPointer,
  checkEnforcement,
  checkHeaderMapping,
  checkTemplate,
  type TypeRules,
  withoutExpressions,
} from './rule.ts'

const MAX_TOPIC_CHARS = 249
const MAX_PORT = 65_535

const TOPIC = /^[a-zA-Z0-9._-]+$/
const GROUP_ID = /^[a-zA-Z0-9._-]+$/
const BOOTSTRAP_SERVER = /^[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9.])?:(\d{1,5})$/

const SASL_MECHANISMS: readonly string[] = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']
const OFFSET_RESETS: readonly string[] = ['EARLIEST', 'LATEST']

/** Stands for a placeholder while an address is taken apart. */
const PLACEHOLDER = '\0'

export const kafkaRules: TypeRules = {
  protocol: 'Kafka 2.1.1',
  schemes: { accepted: ['tcp', 'ssl'], secure: ['ssl'] },
  checkSource(source, place) {
    checkEnforcement(source, place, HEADER_ONLY, ENFORCEMENT_FILTER)
    checkHeaderMapping(source.headerMapping, place.pointer)
    for (const address of source.addresses) checkTopic(address)
    const { qos } = source
    if (qos !== undefined && qos !== 0 && qos !== 1) {
      failConfiguration(
        "Invalid 'qos' value for Kafka source, supported are: <0> or <1>. " +
          `Configured 'qos' value was: <${qos}>`,
      )
    }
  },
  checkTarget(target, { pointer }) {
    checkTemplate(target.address, ALL_PLACEHOLDERS, [...pointer, 'address'])
    checkAddress(withoutExpressions(target.address, PLACEHOLDER))
    checkHeaderMapping(target.headerMapping, pointer)
  },
  checkSpecificConfig(connection) {
    checkSaslMechanism(connection)
    checkBootstrapServers(connection)
    checkGroupId(connection)
    checkOffsetReset(connection)
  },
}

/** `topic`, `topic/key` or `topic#partition`. */
function checkAddress(address: string): void {
  const separator = address.includes('/') ? '/' : '#'
  const index = address.indexOf(separator)
  checkTopic(index < 0 ? address : address.slice(0, index))
  if (index < 0) return
  const rest = address.slice(index + 1)
  if (rest === '') failEmpty(separator === '/' ? 'key' : 'partition')
  if (separator === '#' && !/^[+-]?\d{1,10}$/.test(rest.replaceAll(PLACEHOLDER, '3'))) {
    const shown = rest.replaceAll(PLACEHOLDER, '<placeholder>')
    failConfiguration(`Can not parse partition number from ${shown}.`)
  }
}

function checkTopic(text: string): void {
  if (text === '') failEmpty('topic')
  const topic = text.replaceAll(PLACEHOLDER, 'placeholder')
  const error = topicError(topic)
  if (error !== undefined) failConfiguration(`The provided topic '${topic}' is not valid: ${error}`)
}

function topicError(topic: string): string | undefined {
  if (topic === '.' || topic === '..') return "it must not be '.' or '..'."
  if (topic.length > MAX_TOPIC_CHARS) {
    return `it must not be longer than ${MAX_TOPIC_CHARS} characters.`
  }
  return TOPIC.test(topic)
    ? undefined
    : "it must consist of ASCII letters and digits, '.', '_' and '-'."
}

function failEmpty(part: string): never {
  failConfiguration(`The provided ${part} in your target address may not be empty.`)
}

/** Of no use, and so not checked, without a user. */
function checkSaslMechanism({ uri, specificConfig }: Connection): void {
  const mechanism = specificConfig.saslMechanism
  if (mechanism === undefined || parseBrokerUri(uri).username === undefined) return
  if (!SASL_MECHANISMS.includes(mechanism.toUpperCase())) {
    failConfiguration(
      'The connection configuration contains an invalid value for SASL mechanisms: ' +
        `<${mechanism}>. Allowed mechanisms are: <${SASL_MECHANISMS.join(', ')}>`,
    )
  }
}

function checkBootstrapServers({ specificConfig }: Connection): void {
  const servers = specificConfig.bootstrapServers ?? ''
  const valid = servers.split(',').every((server) => {
    const port = Number(BOOTSTRAP_SERVER.exec(server.trim())?.[1])
    return port >= 1 && port <= MAX_PORT
  })
  if (!valid) {
    failConfiguration(
      `The provided list of bootstrap servers '${servers}' is not valid`,
      'Set bootstrapServers in specificConfig to host:port[,host:port].',
    )
  }
}

function checkGroupId(connection: Connection): void {
  const { groupId } = connection.specificConfig
  if (groupId === undefined) return
  const resolved = atPointer(['specificConfig', 'groupId'], () =>
    withConnectionId(groupId, connection.id),
  )
  if (!GROUP_ID.test(resolved)) {
    failConfiguration(
      'The connection configuration contains an invalid value for the consumer group ID. ' +
        'Allowed Characters are: <[a-zA-Z0-9\\._\\-]>',
    )
  }
}

function checkOffsetReset({ specificConfig }: Connection): void {
  const reset = specificConfig.consumerOffsetReset
  if (reset !== undefined && !OFFSET_RESETS.includes(reset.toUpperCase())) {
    failConfiguration(
      'The connection configuration contains an invalid value for the consumer offset reset. ' +
        `Allowed values are: <[${OFFSET_RESETS.join(', ')}]>`,
    )
  }
}
