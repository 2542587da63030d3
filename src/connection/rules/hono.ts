/**
 * The rules of Hono (Ditto documentation, "Eclipse Hono protocol binding"). The URI is not used.
 */
import { ENFORCEMENT_FILTER, HEADER_ONLY } from '../../expression/placeholders.ts'
import { failConfiguration } from '../errors.ts'
import { checkEnforcement, checkHeaderMapping, type TypeRules } from './rule.ts'

const SOURCE_ALIASES: readonly string[] = ['telemetry', 'event', 'command_response']
const TARGET_ALIAS = 'command'

export const honoRules: TypeRules = {
  protocol: 'Hono',
  checkSource(source, place) {
    checkEnforcement(source, place, HEADER_ONLY, ENFORCEMENT_FILTER)
    checkHeaderMapping(source.headerMapping, place.pointer)
    const unknown = source.addresses.find((address) => !SOURCE_ALIASES.includes(address))
    if (unknown !== undefined) {
      failConfiguration(
        `The provided source address <${unknown}> is invalid. It should be one of the defined ` +
          `aliases: [${SOURCE_ALIASES.join(', ')}]`,
      )
    }
    const { qos } = source
    if (qos !== undefined && qos !== 0 && qos !== 1) {
      failConfiguration(`Invalid source 'qos' value <${qos}>. Supported values are <0> and <1>.`)
    }
  },
  checkTarget({ address, headerMapping }, { pointer }) {
    if (address !== TARGET_ALIAS) {
      failConfiguration(
        `The provided target address <${address}> is invalid. It should be <${TARGET_ALIAS}>.`,
      )
    }
    checkHeaderMapping(headerMapping, pointer)
  },
}
