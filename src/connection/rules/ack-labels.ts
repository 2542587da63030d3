/**
 * Acknowledgement labels that a connection declares and issues (Ditto documentation,
 * "Acknowledgements"). As in Ditto, their errors keep the codes of labels and placeholders.
 */
import type { ExpressionContext } from '../../expression/context.ts'
import { CONNECTION_ONLY } from '../../expression/placeholders.ts'
import { compileTemplate } from '../../expression/template.ts'
import { ackLabelInvalid, ackLabelNotUnique } from '../../protocol/acknowledgement-errors.ts'
import { fail, tellingWhere } from '../errors.ts'
import { checkAckLabel } from '../model.ts'
import type { Connection } from '../types.ts'

/** Issued by whoever answers a live message; needs no declaration. */
const LIVE_RESPONSE = 'live-response'

/**
 * Checks that declared and issued labels begin with the id of the connection, that each is issued once,
 * and that all, also requested ones, are labels when the id stands in them. Throws 400
 * `acknowledgement:label.invalid`, 400 `placeholder:unresolved` for a placeholder other than
 * `connection:id`, or 409 `acknowledgement:label.not.unique`.
 */
export function checkAckLabels({ id, sources, targets }: Connection): void {
  sources.forEach(({ declaredAcks }, index) => {
    declaredAcks.forEach((label, at) => {
      ownLabel(label, id, ['sources', String(index), 'declaredAcks', String(at)])
    })
  })
  const places = targets.map((_, at) => ['targets', String(at), 'issuedAcknowledgementLabel'])
  const issued = targets.map(({ issuedAcknowledgementLabel: label }, index) =>
    label === undefined || label === LIVE_RESPONSE
      ? undefined
      : ownLabel(label, id, places[index]!),
  )
  issued.forEach((label, index) => {
    if (label === undefined || issued.indexOf(label) === index) return
    tellingWhere(places[index]!, failNotUnique)
  })
  sources.forEach(({ acknowledgementRequests }, index) => {
    acknowledgementRequests?.includes.forEach((label, at) => {
      const place = ['sources', String(index), 'acknowledgementRequests', 'includes', String(at)]
      tellingWhere(place, () => checkAckLabel(withConnectionId(label, id)))
    })
  })
}

/** The text with the id for `{{ connection:id }}`, the only placeholder it may have. */
export function withConnectionId(text: string, id: string): string {
  const context: ExpressionContext = { connectionId: id, headers: {}, now: () => 0 }
  return compileTemplate(text, CONNECTION_ONLY).resolve(context) ?? ''
}

/** The label as it is used, if it is one of this connection. */
function ownLabel(text: string, id: string, pointer: readonly string[]): string {
  return tellingWhere(pointer, () => {
    const label = withConnectionId(text, id)
    checkAckLabel(label)
    if (!label.startsWith(`${id}:`)) failForeign(label, id)
    return label
  })
}

function failForeign(label: string, id: string): never {
  const error = ackLabelInvalid(label)
  fail({
    ...error,
    message:
      `Declared acknowledgement labels of a connection must have the form ` +
      `${id}:<alphanumeric-suffix>`,
    description: `${error.description} This one is <${label}>.`,
  })
}

function failNotUnique(): never {
  fail({
    ...ackLabelNotUnique(),
    message: 'An issued acknowledgement label may only be used for one target of the connection.',
    description: 'Please choose unique suffixes for your configured issued acknowledgement labels.',
  })
}
