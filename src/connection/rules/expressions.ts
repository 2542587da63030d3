/**
 * Expressions that are the same for all connection types. Ditto finds mistakes in some of them only
 * when messages come; here they are found when the connection is stored.
 */
import { compilePipeline } from '../../expression/pipeline.ts'
import { ALL_PLACEHOLDERS, HEADER_ONLY } from '../../expression/placeholders.ts'
import { compileTemplate } from '../../expression/template.ts'
import { tellingWhere } from '../errors.ts'
import { parseTargetTopic } from '../topics.ts'
import type { Connection, MappingDefinition, Source, Target } from '../types.ts'
import { atPointer, checkHeaderMapping, checkLiteral, checkTemplate } from './rule.ts'

/**
 * Checks source addresses, authorization subjects, reply targets, acknowledgement filters, extra
 * fields and the conditions of mapping definitions.
 */
export function checkExpressions({ sources, targets, mappingDefinitions }: Connection): void {
  sources.forEach((source, index) => {
    checkSource(source, ['sources', String(index)])
  })
  targets.forEach((target, index) => {
    checkTarget(target, ['targets', String(index)])
  })
  for (const [id, definition] of Object.entries(mappingDefinitions)) {
    checkConditions(definition, ['mappingDefinitions', id])
  }
}

function checkSource(source: Source, pointer: readonly string[]): void {
  source.addresses.forEach((address, index) => {
    checkLiteral(address, [...pointer, 'addresses', String(index)])
  })
  source.authorizationContext.forEach((subject, index) => {
    checkTemplate(subject, HEADER_ONLY, [...pointer, 'authorizationContext', String(index)])
  })
  const { replyTarget, acknowledgementRequests } = source
  const replyPointer = [...pointer, 'replyTarget']
  if (replyTarget.address !== undefined) {
    checkTemplate(replyTarget.address, ALL_PLACEHOLDERS, [...replyPointer, 'address'])
    checkHeaderMapping(replyTarget.headerMapping ?? {}, replyPointer)
  }
  const filter = acknowledgementRequests?.filter
  if (filter !== undefined) {
    checkPipeline(filter, [...pointer, 'acknowledgementRequests', 'filter'])
  }
}

/** No message is there yet when a target's subjects are asked what they may read. */
function checkTarget({ authorizationContext, topics }: Target, pointer: readonly string[]): void {
  authorizationContext.forEach((subject, index) => {
    checkLiteral(subject, [...pointer, 'authorizationContext', String(index)])
  })
  topics.forEach((topic, index) => {
    const { extraFields } = parseTargetTopic(topic)
    if (extraFields === undefined) return
    // Of all templates, Ditto leaves only these their own error codes.
    const place = [...pointer, 'topics', String(index)]
    tellingWhere(place, () => compileTemplate(extraFields, ALL_PLACEHOLDERS))
  })
}

function checkConditions(definition: MappingDefinition, pointer: readonly string[]): void {
  for (const kind of ['incomingConditions', 'outgoingConditions'] as const) {
    for (const [name, text] of Object.entries(definition[kind] ?? {})) {
      checkPipeline(text, [...pointer, kind, name])
    }
  }
}

/**
 * Filters and conditions stand behind an `fn:default(…)`, which counts as a stage, and after which
 * only functions can follow.
 */
function checkPipeline(text: string, pointer: readonly string[]): void {
  atPointer(pointer, () => {
    compilePipeline(text, ALL_PLACEHOLDERS)
    compilePipeline(`fn:default('')|${text}`, ALL_PLACEHOLDERS)
  })
}
