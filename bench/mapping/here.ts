/** Scripts in this process: through the gateway's mapper, and in V8 without isolation. */
import type { MapperEnvironment } from '../../src/mapping/mapper.ts'
import { createMapper } from '../../src/mapping/registry.ts'
import { parseAdaptable } from '../../src/protocol/adaptable.ts'
import type { ExternalMessage } from '../../src/protocol/external-message.ts'
import type { MappingCase } from './scripts.ts'

/** Maps so many messages; answers how many that were. */
export type Mapping = () => number

const ENVIRONMENT: MapperEnvironment = {
  limits: { maxScriptBytes: 50_000, maxExecutionMs: 500, memoryMb: 64 },
  maxHoldMs: Number.POSITIVE_INFINITY,
  recorder: { enter: () => 0, leave: () => undefined },
  onConsole: () => undefined,
}

/** The gateway's mapper, as shards call it: signals come out. */
export function isolated(
  { script, headers, text, bytes }: MappingCase,
  batchSize: number,
): Mapping {
  const definition = { mappingEngine: 'JavaScript', options: { incomingScript: script } }
  const mapper = createMapper({ id: 'js', engine: 'JavaScript', definition }, ENVIRONMENT)
  const payload = text ?? bytes
  const message: ExternalMessage =
    bytes === undefined ? { headers, payload } : { headers, payload, binary: true }
  const batch = Array.from({ length: batchSize }, () => message)
  return () => {
    const results = mapper.inbound(batch)
    if (results instanceof Promise || results.some(({ ok }) => !ok)) throw new Error('not mapped')
    return batchSize
  }
}

type Script = (
  headers: object,
  text: string | null,
  bytes: ArrayBuffer | null,
  contentType: string | null,
) => never

/** The same function in the realm of the benchmark; signals come out, too. */
export function plain({ script, headers, text = null!, bytes }: MappingCase): Mapping {
  const map = new Function(`${DITTO}\n${script}\nreturn mapToDittoProtocolMsg`)() as Script
  const buffer = bytes === undefined ? null : (bytes.buffer as ArrayBuffer)
  return () => {
    parseAdaptable(map({ ...headers }, text, buffer, headers['content-type'] ?? null))
    return 1
  }
}

/** The one helper that the scripts use, for where the gateway does not bring it. */
export const DITTO = `var Ditto = {
  buildDittoProtocolMsg: function (namespace, name, group, channel, criterion, action, path, headers, value) {
    var topic = namespace + '/' + name + '/' + group + '/' + channel + '/' + criterion + '/' + action;
    return { topic: topic, headers: headers, path: path, value: value };
  }
};`
