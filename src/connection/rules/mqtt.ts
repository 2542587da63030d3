/** The rules of MQTT 3.1.1 (Ditto documentation, "MQTT 3.1.1 protocol binding"). */
import { HEADER_ONLY, SOURCE_ADDRESS } from '../../expression/placeholders.ts'
import { type ExpressionNode, parseExpression } from '../../expression/syntax.ts'
import { placeholderUnresolved } from '../../protocol/placeholder-errors.ts'
import { failConfiguration, standsAt } from '../errors.ts'
import type { Connection, HeaderMapping, Source } from '../types.ts'
import {
  checkAddresses,
  checkMqttConfig,
  checkMqttSource,
  checkMqttTarget,
  checkReplyAddress,
  MQTT_SCHEMES,
} from './mqtt-common.ts'
import { isSharedFilter } from './mqtt-topics.ts'
import { checkHeaderMapping, expressionsIn, type Place, type TypeRules } from './rule.ts'

/** All that an MQTT 3.1.1 message has besides its payload. */
const HEADERS: readonly string[] = ['mqtt.topic', 'mqtt.qos', 'mqtt.retain']

export const mqttRules: TypeRules = {
  protocol: 'MQTT 3.1.1',
  schemes: MQTT_SCHEMES,
  checkWhole(connection) {
    checkClientCount(connection)
    checkAddresses(connection)
  },
  checkSource(source, place) {
    checkMqttSource(source, place, SOURCE_ADDRESS, 'source:address')
    checkReadHeaders(source.headerMapping, place)
    checkReplyAddress(source, place)
    checkWrittenHeaders(source.replyTarget.headerMapping ?? {}, [...place.pointer, 'replyTarget'])
    checkConsumerCount(source)
  },
  checkTarget(target, place) {
    checkMqttTarget(target, place)
    checkWrittenHeaders(target.headerMapping, place.pointer)
  },
  checkSpecificConfig: checkMqttConfig,
}

/**
 * Ditto allows one client only. Shared subscriptions, which many 3.1.1 brokers know, spread
 * messages over several, and publishing does no harm from several.
 */
function checkClientCount({ clientCount, sources }: Connection): void {
  if (clientCount === 1) return
  const unshared = sources
    .flatMap(({ addresses }) => addresses)
    .filter((address) => !isSharedFilter(address))
  if (unshared.length === 0) return
  failConfiguration(
    'Client count limited to 1 for MQTT 3.1.1 connections.',
    `Each of the ${clientCount} clients would get its own copy of every message from ` +
      `${unshared.join(', ')}. Use shared subscriptions ($share/{group}/{filter}) for all source ` +
      'addresses, or client count 1.',
  )
}

function checkConsumerCount({ consumerCount }: Source): void {
  if (consumerCount > 1) {
    failConfiguration('Consumer count limited to 1 for MQTT 3.1.1 connections.')
  }
}

function checkReadHeaders(mapping: HeaderMapping, { pointer }: Place): void {
  checkHeaderMapping(mapping, pointer, HEADER_ONLY)
  for (const [key, text] of Object.entries(mapping)) {
    const unknown = headersRead(text).find((name) => !HEADERS.includes(name))
    if (unknown === undefined) continue
    failConfiguration(
      placeholderUnresolved(`header:${unknown}`).message,
      `MQTT 3.1.1 messages have only the headers ${HEADERS.join(', ')}. ` +
        standsAt([...pointer, 'headerMapping', key]),
    )
  }
}

function checkWrittenHeaders(mapping: HeaderMapping, pointer: readonly string[]): void {
  const unknown = Object.keys(mapping).find((name) => !HEADERS.includes(name))
  if (unknown !== undefined) {
    failConfiguration(
      `The header '${unknown}' is not allowed in MQTT 3.1.1 target header mapping.`,
      'The following headers are allowed and are directly applied to the published MQTT message: ' +
        `[${HEADERS.join(', ')}]. ${standsAt([...pointer, 'headerMapping', unknown])}`,
    )
  }
  checkHeaderMapping(mapping, pointer, HEADER_ONLY)
}

/** The names of all placeholders in a template that has no others than `header:`. */
function headersRead(template: string): readonly string[] {
  return expressionsIn(template).map(parseExpression).flatMap(namesRead)
}

function namesRead({ source, functions }: ExpressionNode): readonly string[] {
  const nodes = [source, ...functions.flatMap((call) => call.arguments)]
  return nodes.flatMap((node) => (node?.kind === 'placeholder' ? [node.name] : []))
}
