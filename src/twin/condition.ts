/**
 * The `condition` header: an RQL expression that the stored thing must match for its command to happen
 * (Ditto documentation, "Conditional requests").
 */
import { DittoException } from '../protocol/errors.ts'
import { headerText } from '../protocol/headers.ts'
import type { Signal } from '../protocol/signal.ts'
import { conditionFailed } from '../protocol/things-errors.ts'
import { compileRql, type RqlPredicate } from '../rql/evaluate.ts'
import { type LivingThing, withSpecialFields } from './thing.ts'

/** Conditions kept compiled, per thread: senders repeat theirs. */
const MAX_CACHED_CONDITIONS = 256

const cache = new Map<string, RqlPredicate>()

/**
 * Throws 412 `things:condition.failed` when the thing does not match, 400 `rql.expression.invalid` when
 * the condition is none. As in Ditto, things that do not exist and their creation have no condition.
 */
export function checkCondition(
  { adaptable, origin }: Signal,
  record: LivingThing | undefined,
  now: string,
): void {
  const { condition } = adaptable.headers
  if (condition === undefined || record === undefined || adaptable.topic.action === 'create') return
  const context = { connectionId: origin, headers: {}, now: () => Date.parse(now) }
  if (!predicateOf(headerText(condition)).matches({ thing: withSpecialFields(record), context })) {
    throw new DittoException(conditionFailed())
  }
}

function predicateOf(condition: string): RqlPredicate {
  const cached = cache.get(condition)
  if (cached !== undefined) return cached
  const predicate = compileRql(condition)
  if (cache.size >= MAX_CACHED_CONDITIONS) cache.clear()
  cache.set(condition, predicate)
  return predicate
}
