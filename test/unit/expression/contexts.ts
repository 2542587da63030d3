/** Contexts of expressions for tests: one message about a lamp of a thing, and how to vary it. */
import type { ExpressionContext } from '../../../src/expression/context.ts'
import type { Adaptable } from '../../../src/protocol/adaptable.ts'
import type { TopicPath } from '../../../src/protocol/topic-path.ts'

/** 2026-03-04T05:06:07.089Z, a Wednesday. */
export const NOW_MS = Date.UTC(2026, 2, 4, 5, 6, 7, 89)

/** The topic path of a modify command of the thing `org.acme:lamp`, changed as given. */
export function topicWith(changes: Partial<TopicPath> = {}): TopicPath {
  return {
    full: 'org.acme/lamp/things/twin/commands/modify',
    namespace: 'org.acme',
    name: 'lamp',
    group: 'things',
    channel: 'twin',
    criterion: 'commands',
    action: 'modify',
    ...changes,
  }
}

/** An adaptable on the path, changed as given. */
export function adaptableWith(changes: Partial<Adaptable> = {}): Adaptable {
  return { topic: topicWith(), headers: {}, path: '/features/bulb/properties/on', ...changes }
}

/** A context with an adaptable, some headers and a thing, changed as given. */
export function contextWith(changes: Partial<ExpressionContext> = {}): ExpressionContext {
  return {
    connectionId: 'the-connection',
    headers: { 'reply-to': 'replies/1', Mixed: 'case', device_id: 'Acme:Sensor-1', count: 3 },
    adaptable: adaptableWith(),
    subjects: ['integration:a', 'integration:b'],
    sourceAddress: 'telemetry/lamp',
    thing: {
      thingId: 'org.acme:lamp',
      attributes: {
        list: ['a', 'b'],
        none: [],
        nothing: null,
        on: true,
        size: 1.5,
        deep: { x: 1 },
      },
    },
    now: () => NOW_MS,
    ...changes,
  }
}
