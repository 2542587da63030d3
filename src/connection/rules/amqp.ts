/**
 * The rules of AMQP 0.9.1 and AMQP 1.0 (Ditto documentation, protocol bindings): the same but for
 * the form of target addresses.
 */
import { ALL_PLACEHOLDERS, ENFORCEMENT_FILTER, HEADER_ONLY } from '../../expression/placeholders.ts'
import { failConfiguration, standsAt } from '../errors.ts'
import type { Source, Target } from '../types.ts'
import {
  checkEnforcement,
  checkHeaderMapping,
  checkTemplate,
  type Place,
  type TypeRules,
  withoutExpressions,
} from './rule.ts'

const SCHEMES = { accepted: ['amqp', 'amqps'], secure: ['amqps'] }

/** AMQP 0.9.1. */
export const amqp091Rules: TypeRules = {
  protocol: 'AMQP 0.9.1',
  schemes: SCHEMES,
  checkSource(source, place) {
    checkSource(source, place)
    const { enabled, address } = source.replyTarget
    if (enabled && address !== undefined) {
      checkExchange(address, [...place.pointer, 'replyTarget', 'address'])
    }
  },
  checkTarget(target, place) {
    checkHeaderMapping(target.headerMapping, place.pointer)
    checkExchange(target.address, [...place.pointer, 'address'])
  },
}

/** AMQP 1.0. */
export const amqp10Rules: TypeRules = {
  protocol: 'AMQP 1.0',
  schemes: SCHEMES,
  checkSource,
  checkTarget(target: Target, { pointer }: Place) {
    checkHeaderMapping(target.headerMapping, pointer)
    checkTemplate(target.address, ALL_PLACEHOLDERS, [...pointer, 'address'])
  },
}

function checkSource(source: Source, place: Place): void {
  checkEnforcement(source, place, HEADER_ONLY, ENFORCEMENT_FILTER)
  checkHeaderMapping(source.headerMapping, place.pointer)
}

/**
 * What placeholders make of an address shows only at publishing; they can bring a slash of their
 * own, but take none away.
 */
function checkExchange(address: string, pointer: readonly string[]): void {
  const { constant } = checkTemplate(address, ALL_PLACEHOLDERS, pointer)
  const literal = constant ?? withoutExpressions(address, '')
  const slashes = literal.split('/').length - 1
  if (slashes > 1 || (slashes === 0 && constant !== undefined)) {
    failConfiguration(
      `The target address '${address}' must be specified in the format 'exchange/routingKey'.`,
      standsAt(pointer),
    )
  }
}
