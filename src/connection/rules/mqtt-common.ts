/**
 * What the rules of MQTT 3.1.1 and MQTT 5 share (Ditto documentation, protocol bindings for MQTT).
 */
import { ALL_PLACEHOLDERS, type PlaceholderPrefix } from '../../expression/placeholders.ts'
import { compileTemplate } from '../../expression/template.ts'
import { parseDurationMs } from '../../protocol/duration.ts'
import { DittoException } from '../../protocol/errors.ts'
import { failConfiguration } from '../errors.ts'
import type { Connection, Source, Target } from '../types.ts'
import { mqttTopicError, mqttTopicFilterError } from './mqtt-topics.ts'
import { checkTemplate, type Place } from './rule.ts'

export const MQTT_SCHEMES = { accepted: ['tcp', 'ssl'], secure: ['ssl'] }

/** Two bytes of seconds (MQTT 3.1.1, section 3.1.2.10). */
const MAX_KEEP_ALIVE_SECONDS = 65_535

const MQTT_FILTER: ReadonlySet<PlaceholderPrefix> = new Set<PlaceholderPrefix>([
  'thing',
  'policy',
  'entity',
])

/** Checks every address of the connection; wildcards are for sources only. */
export function checkAddresses({ sources, targets }: Connection): void {
  for (const address of sources.flatMap(({ addresses }) => addresses)) {
    checkTopic(address, mqttTopicFilterError(address))
  }
  for (const { address } of targets) checkTopic(address, mqttTopicError(address))
}

/**
 * Checks quality of service and enforcement; `valid` is the text of the inputs that are possible.
 */
export function checkMqttSource(
  { qos, enforcement }: Source,
  { description }: Place,
  inputs: ReadonlySet<PlaceholderPrefix>,
  valid: string,
): void {
  checkQos(qos, 'Source', description)
  if (enforcement === undefined) return
  const { input, filters } = enforcement
  if (!isTemplate(input, inputs)) {
    failConfiguration(
      `Invalid value '${input}' for configuration 'input' in ${description}`,
      `'${input}' is not a valid value for MQTT enforcement. Valid placeholders are: '${valid}'.`,
    )
  }
  if (!filters.every((filter) => isTemplate(filter, MQTT_FILTER))) {
    failConfiguration(
      `Invalid value '[${filters.join(', ')}]' for configuration 'filters' in ${description}`,
      'Placeholder substitution failed. Please check the placeholder variables against the ' +
        'documentation.',
    )
  }
}

/** Checks quality of service and the placeholders of the address. */
export function checkMqttTarget({ qos, address }: Target, { description, pointer }: Place): void {
  checkQos(qos, 'Target', description)
  checkTemplate(address, ALL_PLACEHOLDERS, [...pointer, 'address'])
}

/** Checks keep-alive, the delay before redelivery and the last will. */
export function checkMqttConfig({ specificConfig }: Connection): void {
  const { keepAlive, reconnectForRedeliveryDelay, lastWillTopic, lastWillQos } = specificConfig
  checkKeepAlive(keepAlive)
  if (reconnectForRedeliveryDelay !== undefined) {
    durationMs('reconnectForRedeliveryDelay', reconnectForRedeliveryDelay)
  }
  if (lastWillTopic === undefined || lastWillTopic === '') return
  const error = mqttTopicError(lastWillTopic)
  if (error !== undefined) {
    failConfiguration(
      `The provided topic '${lastWillTopic}' is not valid: ${error}`,
      'Please provide a valid MQTT topic for config key <lastWillTopic>.',
    )
  }
  if (lastWillQos !== undefined && !/^[012]$/.test(lastWillQos)) {
    failConfiguration(
      `The provided QoS code '${lastWillQos}' is not valid.`,
      'Please provide a valid MQTT QoS code for config key <lastWillQos>.',
    )
  }
}

function checkTopic(address: string, error: string | undefined): void {
  if (error !== undefined)
    failConfiguration(`The provided topic '${address}' is not valid: ${error}`)
}

function checkQos(qos: number | undefined, kind: 'Source' | 'Target', description: string): void {
  if (qos === undefined) failConfiguration(`MQTT ${kind} <${description}> must contain QoS value.`)
  if (qos < 0 || qos > 2) {
    failConfiguration(`Invalid value '${qos}' for configuration 'qos' in ${description}`)
  }
}

function checkKeepAlive(keepAlive: string | undefined): void {
  if (keepAlive === undefined) return
  const seconds = Math.ceil(durationMs('keepAlive', keepAlive) / 1000)
  if (seconds > MAX_KEEP_ALIVE_SECONDS) {
    failConfiguration(
      'Configured value for Keep Alive Interval is invalid: Expected seconds of duration to be ' +
        `within [0, ${MAX_KEEP_ALIVE_SECONDS}] but it was <${seconds}>.`,
      'Please adjust the interval to be within the allowed range.',
    )
  }
}

function durationMs(key: string, text: string): number {
  return (
    parseDurationMs(text) ??
    failConfiguration(
      `The configured value '${text}' of '${key}' is invalid. It must be a duration.`,
      'Write a number and a unit: ms, s, m or h, for example 30s.',
    )
  )
}

function isTemplate(text: string, allowed: ReadonlySet<PlaceholderPrefix>): boolean {
  try {
    compileTemplate(text, allowed)
    return true
  } catch (thrown) {
    if (thrown instanceof DittoException) return false
    throw thrown
  }
}
