/** Diverting responses to another connection (Ditto documentation, "Response diversion"). */
import { DIVERT_TO, DIVERTED_TYPES, diversionSettings, listOf } from '../diversion.ts'
import { failConfiguration } from '../errors.ts'
import { checkConnectionId } from '../model.ts'
import { RESPONSE_TYPES } from '../schema.ts'
import type { Connection } from '../types.ts'

/** Checks what sources divert, and that a target of diversions wants nothing else. */
export function checkDiversion(connection: Connection): void {
  const { sources } = connection
  const { isSource, isTarget, authorizedSources } = diversionSettings(connection)
  if (isSource) {
    for (const { headerMapping } of sources) checkResponseTypes(headerMapping[DIVERTED_TYPES])
  }
  for (const { headerMapping } of sources) {
    checkDivertedTo(headerMapping[DIVERT_TO], connection.id)
  }
  if (!isTarget) return
  for (const source of authorizedSources) checkConnectionId(source)
  checkTopics(connection)
}

function checkResponseTypes(text: string | undefined): void {
  const known: readonly string[] = RESPONSE_TYPES
  const unknown = listOf(text).find((type) => !known.includes(type))
  if (unknown !== undefined) {
    failConfiguration(
      `Invalid response type in <${DIVERTED_TYPES}>: ${unknown}. Valid types are: ` +
        RESPONSE_TYPES.join(', '),
    )
  }
}

function checkDivertedTo(target: string | undefined, id: string): void {
  if (target === undefined) return
  if (target.trim() === '') {
    failConfiguration(`The ${DIVERT_TO} in headerMapping must not be empty`)
  }
  if (!isConnectionId(target)) {
    failConfiguration(`Invalid target connection ID format in ${DIVERT_TO}: ${target}`)
  }
  if (target === id) {
    failConfiguration(
      'It is pointless to divert responses to the originating connection, it will receive the ' +
        `responses by default. Remove the ${DIVERT_TO} from the headerMapping of ` +
        `connection: ${id}`,
    )
  }
}

function checkTopics({ id, targets }: Connection): void {
  const target = targets.find(({ topics }) => topics.length > 0)
  if (target !== undefined) {
    failConfiguration(
      `Connection ${id} has topics configured in target ${target.address} but isDiversionTarget ` +
        'is true. When isDiversionTarget is true, no topics must be configured in targets.',
    )
  }
}

function isConnectionId(text: string): boolean {
  try {
    checkConnectionId(text)
    return true
  } catch {
    return false
  }
}
