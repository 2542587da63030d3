/**
 * Acknowledgement labels that a connection declares and issues (Ditto documentation,
 * "Acknowledgements").
 */
import type { ExpressionContext } from '../../expression/context.ts'
import { CONNECTION_ONLY } from '../../expression/placeholders.ts'
import { ackLabelInvalid, ackLabelNotUnique } from '../../protocol/acknowledgement-errors.ts'
import { fail } from '../errors.ts'
import type { Connection } from '../types.ts'
import { checkTemplate } from './rule.ts'

/** Issued by whoever answers a live message; needs no declaration. */
const LIVE_RESPONSE = 'live-response'

/**
 * Checks that all labels begin with the id of the connection, and that each is issued once. Throws
 * 400 `acknowledgement:label.invalid` or 409 `acknowledgement:label.not.unique`.
 */
export function checkAckLabels({ id, sources, targets }: Connection): void {
  const declared = sources.flatMap(({ declaredAcks }, index) =>
    declaredAcks.map((label) =>
      withConnectionId(label, id, ['sources', String(index), 'declaredAcks']),
    ),
  )
  const issued = targets.flatMap(({ issuedAcknowledgementLabel: label }, index) =>
    label === undefined || label === LIVE_RESPONSE
      ? []
      : [withConnectionId(label, id, ['targets', String(index), 'issuedAcknowledgementLabel'])],
  )
  const foreign = [...declared, ...issued].find((label) => !label.startsWith(`${id}:`))
  if (foreign !== undefined) {
    const message =
      `Declared acknowledgement labels of a connection must have the form ` +
      `${id}:<alphanumeric-suffix>`
    fail({ ...ackLabelInvalid(foreign), message })
  }
  if (new Set(issued).size < issued.length) {
    fail({
      ...ackLabelNotUnique(),
      message: 'An issued acknowledgement label may only be used for one target of the connection.',
      description:
        'Please choose unique suffixes for your configured issued acknowledgement labels.',
    })
  }
}

/** The text with the id for `{{ connection:id }}`, the only placeholder it may have. */
export function withConnectionId(text: string, id: string, pointer: readonly string[]): string {
  const template = checkTemplate(text, CONNECTION_ONLY, pointer)
  const context: ExpressionContext = { connectionId: id, headers: {}, now: () => 0 }
  return template.resolve(context) ?? ''
}
