/**
 * Expressions that are the same for all connection types. Ditto finds mistakes in some of them only
 * when messages come; here they are found when the connection is stored.
 */
import { compilePipeline } from '../../expression/pipeline.ts'
import { ALL_PLACEHOLDERS, HEADER_ONLY } from '../../expression/placeholders.ts'
import { parseTargetTopic } from '../topics.ts'
import type { Connection, Source, Target } from '../types.ts'
import { atPointer, checkHeaderMapping, checkTemplate } from './rule.ts'

/** Checks authorization subjects, reply targets, acknowledgement filters and extra fields. */
export function checkExpressions({ sources, targets }: Connection): void {
  sources.forEach((source, index) => {
    checkSource(source, ['sources', String(index)])
  })
  targets.forEach((target, index) => {
    checkTarget(target, ['targets', String(index)])
  })
}

function checkSource(source: Source, pointer: readonly string[]): void {
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
    const at = [...pointer, 'acknowledgementRequests', 'filter']
    atPointer(at, () => compilePipeline(filter, ALL_PLACEHOLDERS))
  }
}

function checkTarget({ authorizationContext, topics }: Target, pointer: readonly string[]): void {
  authorizationContext.forEach((subject, index) => {
    checkTemplate(subject, HEADER_ONLY, [...pointer, 'authorizationContext', String(index)])
  })
  topics.forEach((topic, index) => {
    const { extraFields } = parseTargetTopic(topic)
    if (extraFields !== undefined) {
      checkTemplate(extraFields, ALL_PLACEHOLDERS, [...pointer, 'topics', String(index)])
    }
  })
}
