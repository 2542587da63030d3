/** Diverting responses to another connection (Ditto documentation, "Response diversion"). */
import { failConfiguration } from '../errors.ts'
import { checkConnectionId } from '../model.ts'
import { RESPONSE_TYPES } from '../schema.ts'
import type { Connection } from '../types.ts'

const TARGET_HEADER = 'divert-response-to-connection'
const TYPES_HEADER = 'divert-expected-response-types'

/** Checks what sources divert, and that a target of diversions wants nothing else. */
export function checkDiversion(connection: Connection): void {
  const { specificConfig, sources } = connection
  if (isTrue(specificConfig['is-diversion-source'])) {
    for (const { headerMapping } of sources) checkResponseTypes(headerMapping[TYPES_HEADER])
  }
  for (const { headerMapping } of sources) {
    checkDivertedTo(headerMapping[TARGET_HEADER], connection.id)
  }
  if (isTrue(specificConfig['is-diversion-target'])) checkDiversionTarget(connection)
}

function checkResponseTypes(text: string | undefined): void {
  const known: readonly string[] = RESPONSE_TYPES
  const unknown = listOf(text).find((type) => !known.includes(type))
  if (unknown !== undefined) {
    failConfiguration(
      `Invalid response type in <${TYPES_HEADER}>: ${unknown}. Valid types are: ` +
        RESPONSE_TYPES.join(', '),
    )
  }
}

function checkDivertedTo(target: string | undefined, id: string): void {
  if (target === undefined) return
  if (target.trim() === '') {
    failConfiguration(`The ${TARGET_HEADER} in headerMapping must not be empty`)
  }
  if (!isConnectionId(target)) {
    failConfiguration(`Invalid target connection ID format in ${TARGET_HEADER}: ${target}`)
  }
  if (target === id) {
    failConfiguration(
      'It is pointless to divert responses to the originating connection, it will receive the ' +
        `responses by default. Remove the ${TARGET_HEADER} from the headerMapping of ` +
        `connection: ${id}`,
    )
  }
}

function checkDiversionTarget({ id, specificConfig, targets }: Connection): void {
  for (const source of listOf(specificConfig['authorized-connections-as-sources'])) {
    checkConnectionId(source)
  }
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

function listOf(text: string | undefined): readonly string[] {
  const items = text?.split(',').map((item) => item.trim()) ?? []
  return items.filter((item) => item !== '')
}

function isTrue(text: string | undefined): boolean {
  return text?.toLowerCase() === 'true'
}
