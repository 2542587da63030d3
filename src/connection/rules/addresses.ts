/**
 * What every source and target must have, whatever its type: addresses, and topics that make sense.
 */
import { hasExpressions } from '../../expression/template.ts'
import { parseFieldSelector } from '../../json/field-selector.ts'
import { dittoError } from '../../protocol/errors.ts'
import { parseRql } from '../../rql/parser.ts'
import { fail, failConfiguration, tellingWhere } from '../errors.ts'
import { parseExtraFields } from '../extra-fields.ts'
import { parseTargetTopic } from '../topics.ts'
import type { Connection } from '../types.ts'

/** What can be selected of a thing; below some of it, more. */
const THING_FIELDS: readonly string[] = [
  'thingId',
  'policyId',
  'definition',
  '_namespace',
  '_revision',
  '_created',
  '_modified',
  '_metadata',
  '_policy',
  '_context',
  'features',
  'attributes',
]

const NESTED_FIELDS: ReadonlySet<string> = new Set([
  '_metadata',
  '_context',
  'features',
  'attributes',
])

/**
 * Checks that no address is empty, that filters are RQL (`rql.expression.invalid`) and that extra
 * fields are those of things (`things:field.selection.invalid`).
 */
export function checkAddressesAndTopics({ id, sources, targets }: Connection): void {
  sources.forEach(({ addresses }, index) => {
    if (addresses.length === 0 || addresses.includes('')) {
      failConfiguration(`Source ${index} of connection <${id}>: addresses may not be empty.`)
    }
  })
  targets.forEach(({ address, topics }, index) => {
    if (address === '') {
      failConfiguration(`Targets of connection <${id}>: addresses may not be empty.`)
    }
    topics.forEach((topic, at) => {
      const { filter, extraFields } = parseTargetTopic(topic)
      tellingWhere(['targets', String(index), 'topics', String(at)], () => {
        if (filter !== undefined) parseRql(filter)
        if (extraFields !== undefined) checkExtraFields(extraFields)
      })
    })
  })
}

/** Placeholders can stand for any field; the text around them must be a selector all the same. */
function checkExtraFields(selector: string): void {
  if (hasExpressions(selector)) parseExtraFields(selector)
  else checkThingFields(selector)
}

function checkThingFields(selector: string): void {
  for (const [field = '', ...rest] of parseFieldSelector(selector)) {
    if (!THING_FIELDS.includes(field) || (rest.length > 0 && !NESTED_FIELDS.has(field))) {
      fail(
        dittoError(
          400,
          'things:field.selection.invalid',
          `Thing field selection <${selector}> was not valid.`,
          `Fields of a thing are: ${THING_FIELDS.join(', ')}.`,
        ),
      )
    }
  }
}
