/** The rules of MQTT 5 (Ditto documentation, "MQTT 5 protocol binding"). */
import type { PlaceholderPrefix } from '../../expression/placeholders.ts'
import {
  checkAddresses,
  checkMqttConfig,
  checkMqttSource,
  checkMqttTarget,
  checkReplyAddress,
  MQTT_SCHEMES,
} from './mqtt-common.ts'
import { checkHeaderMapping, type TypeRules } from './rule.ts'

const INPUTS: ReadonlySet<PlaceholderPrefix> = new Set<PlaceholderPrefix>(['source', 'header'])

export const mqtt5Rules: TypeRules = {
  protocol: 'MQTT 5',
  schemes: MQTT_SCHEMES,
  checkWhole: checkAddresses,
  checkSource(source, place) {
    checkMqttSource(source, place, INPUTS, 'source:address, header:<name>')
    checkReplyAddress(source, place)
    checkHeaderMapping(source.headerMapping, place.pointer)
  },
  checkTarget(target, place) {
    checkMqttTarget(target, place)
    checkHeaderMapping(target.headerMapping, place.pointer)
  },
  checkSpecificConfig: checkMqttConfig,
}
