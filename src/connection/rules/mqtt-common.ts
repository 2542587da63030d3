/**
 * What the rules of MQTT 3.1.1 and MQTT 5 share (Ditto documentation, protocol bindings for MQTT).
 */
import { ALL_PLACEHOLDERS, type PlaceholderPrefix } from '../../expression/placeholders.ts'
import { compileTemplate } from '../../expression/template.ts'
import { parseDurationMs } from '../../protocol/duration.ts'
import { DittoException } from '../../protocol/errors.ts'
import { failConfiguration, standsAt } from '../errors.ts'
import type { Connection, Enforcement, Source, Target } from '../types.ts'
import { mqttTopicError, mqttTopicFilterError } from './mqtt-topics.ts'
import { checkTemplate, type Place, withoutExpressions } from './rule.ts'

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
  place: Place,
  inputs: ReadonlySet<PlaceholderPrefix>,
  valid: string,
): void {
  checkQos(qos, 'Source', place.description)
  if (enforcement === undefined) return
  checkInput(enforcement, place, inputs, valid)
  checkFilters(enforcement, place)
}

function checkInput(
  { input }: Enforcement,
  { description, pointer }: Place,
  inputs: ReadonlySet<PlaceholderPrefix>,
  valid: string,
): void {
  const reason = templateError(input, inputs)
  if (reason === undefined) return
  failConfiguration(
    `Invalid value '${input}' for configuration 'input' in ${description}`,
    `'${input}' is not a valid value for MQTT enforcement. Valid placeholders are: '${valid}'. ` +
      `${reason} ${standsAt([...pointer, 'enforcement', 'input'])}`,
  )
}

function checkFilters({ filters }: Enforcement, { description, pointer }: Place): void {
  for (const [index, filter] of filters.entries()) {
    const reason = templateError(filter, MQTT_FILTER)
    if (reason === undefined) continue
    failConfiguration(
      `Invalid value '[${filters.join(', ')}]' for configuration 'filters' in ${description}`,
      'Placeholder substitution failed. Please check the placeholder variables against the ' +
        `documentation. ${reason} ` +
        standsAt([...pointer, 'enforcement', 'filters', String(index)]),
    )
  }
}

/** Checks that responses can be published, whatever placeholders make of their address. */
export function checkReplyAddress({ replyTarget }: Source, { pointer }: Place): void {
  const { enabled, address } = replyTarget
  if (!enabled || address === undefined) return
  const place = [...pointer, 'replyTarget', 'address']
  checkTemplate(address, ALL_PLACEHOLDERS, place)
  const error = mqttTopicError(withoutExpressions(address, 'x'))
  if (error === undefined) return
  failConfiguration(`The provided topic '${address}' is not valid: ${error}`, standsAt(place))
}

/** Checks quality of service and the placeholders of the address. */
export function checkMqttTarget({ qos, address }: Target, { description, pointer }: Place): void {
  checkQos(qos, 'Target', description)
  checkTemplate(address, ALL_PLACEHOLDERS, [...pointer, 'address'])
}

/** Checks client ids, keep-alive, the delay before redelivery and the last will. */
export function checkMqttConfig({ specificConfig }: Connection): void {
  const { keepAlive, reconnectForRedeliveryDelay, lastWillTopic, lastWillQos } = specificConfig
  checkPublisherId(specificConfig)
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

function checkPublisherId(config: Connection['specificConfig']): void {
  const { separatePublisherClient, clientId, publisherId } = config
  if (separatePublisherClient !== 'true' || publisherId === undefined) return
  if (publisherId !== clientId) return
  failConfiguration(
    `The configured 'publisherId' '${publisherId}' is the 'clientId', too.`,
    'A broker lets only one client with an id in, and the two would take the session from each other. ' +
      "Choose another 'publisherId', or leave it out.",
  )
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

/** Why the text is no template with these placeholders; undefined when it is one. */
function templateError(text: string, allowed: ReadonlySet<PlaceholderPrefix>): string | undefined {
  try {
    compileTemplate(text, allowed)
    return undefined
  } catch (thrown) {
    if (thrown instanceof DittoException) return thrown.error.message
    throw thrown
  }
}
