/**
 * What kind of signal an adaptable from outside is, and whether Sluice knows such a signal at all:
 * topic, action, path and status must fit together. Does not look into values.
 */
import type { Adaptable } from './adaptable.ts'
import { entityIdOf, isValidEntity, policyIdInvalid, thingIdInvalid } from './entity-id.ts'
import { DittoException } from './errors.ts'
import { jsonFieldMissing } from './json-errors.ts'
import {
  messageSubjectInvalid,
  signalUnsupported,
  unknownCommand,
  unknownEvent,
  unknownPath,
  unknownTopicAndPath,
  unknownTopicPath,
} from './protocol-errors.ts'
import { policyResourceOf, thingResourceOf } from './resource.ts'
import type { SignalKind } from './signal.ts'

/** Commands on `_/_` are about several things. */
const MANY = '_'

/**
 * The kind of a signal that came from outside. Throws 400 `protocoladapter:unknown.path`,
 * `unknown.command`, `unknown.event`, `unknown.topicpath`, `signal.unsupported`,
 * `things:id.invalid`, `policies:id.invalid`, `messages:subject.invalid` or `json.field.missing`.
 */
export function signalKindOf(adaptable: Adaptable): SignalKind {
  const { topic, status } = adaptable
  switch (topic.criterion) {
    case 'errors':
      return 'response'
    case 'commands':
      checkEntity(adaptable)
      checkCommand(adaptable)
      if (status !== undefined) return 'response'
      return topic.channel === 'live' ? 'live-command' : 'twin-command'
    case 'events':
      checkEntity(adaptable)
      checkEvent(adaptable)
      return topic.channel === 'live' ? 'live-event' : 'twin-event'
    case 'messages':
      checkEntity(adaptable)
      checkMessage(adaptable)
      return status === undefined ? 'message' : 'response'
    case 'acks':
      if (status === undefined) throw new DittoException(jsonFieldMissing('/status'))
      checkEntity(adaptable)
      return 'acknowledgement'
    case 'announcements':
      return 'announcement'
    case 'search':
    case 'streaming':
      throw new DittoException(
        signalUnsupported(`${topic.group}.${topic.criterion}:${topic.action}`),
      )
  }
}

function checkEntity({ topic, status }: Adaptable): void {
  const { namespace, name, group, criterion, action } = topic
  if (group === 'connections') throw new DittoException(unknownTopicPath(topic.full))
  if (isValidEntity(namespace, name)) return
  if (criterion === 'commands' && action === 'retrieve' && name === MANY && group === 'things') {
    return
  }
  if (status !== undefined && entityIdOf(topic) === '') return
  const id = `${namespace}:${name}`
  throw new DittoException(group === 'policies' ? policyIdInvalid(id) : thingIdInvalid(id))
}

/** What each action of a command may be applied to, beside paths being known at all. */
function checkCommand(adaptable: Adaptable): void {
  const { topic, path } = adaptable
  const resource = resourceOf(adaptable)
  const type = `${topic.group}.commands:${topic.action}${capitalized(resource)}`
  switch (topic.action) {
    case 'retrieve':
    case 'modify':
      return
    case 'merge':
      if (topic.group === 'policies') throw new DittoException(unknownCommand(type))
      return
    case 'create':
      if (path !== '/') throw new DittoException(unknownCommand(type))
      return
    case 'delete':
      if (path === '/policyId') throw new DittoException(unknownCommand(type))
      return
    case 'migrate':
    case 'checkPermissions':
      throw new DittoException(signalUnsupported(type))
    default:
      throw new DittoException(unknownCommand(type))
  }
}

const EVENT_ACTIONS: ReadonlySet<string> = new Set(['created', 'modified', 'merged', 'deleted'])

function checkEvent(adaptable: Adaptable): void {
  const { topic } = adaptable
  const resource = resourceOf(adaptable)
  if (!EVENT_ACTIONS.has(topic.action!)) {
    const type = `${topic.group}.events:${resource}${capitalized(topic.action!)}`
    throw new DittoException(unknownEvent(type))
  }
}

/** Subject in group 1, for messages of a thing and of one of its features. */
const MESSAGE_PATH = /^(?:\/features\/[^/]+)?\/(?:inbox|outbox)\/messages\/(.+)$/

function checkMessage({ topic, path }: Adaptable): void {
  if (topic.channel !== 'live') throw new DittoException(unknownTopicPath(topic.full))
  if (topic.subject === undefined) throw new DittoException(messageSubjectInvalid(''))
  if (MESSAGE_PATH.exec(path)?.[1] !== topic.subject) {
    throw new DittoException(unknownTopicAndPath(topic.full, path))
  }
}

function resourceOf({ topic, path }: Adaptable): string {
  const resource = topic.group === 'policies' ? policyResourceOf(path) : thingResourceOf(path)
  if (resource === undefined) throw new DittoException(unknownPath(path))
  return resource
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
