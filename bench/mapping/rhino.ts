/**
 * The same scripts in Rhino's interpreter, as Eclipse Ditto runs them, where this machine has Java and
 * Rhino. Its loop makes the external message anew, calls the wrapper that Ditto calls, writes the result as
 * JSON text and parses that text, as Ditto does; that Ditto then checks topic and headers is left out, in
 * Rhino's favour.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DITTO } from './here.ts'
import type { MappingCase } from './scripts.ts'

/** Where Debian's package librhino-java puts it. */
const JAR = '/usr/share/java/js.jar'
/** How to get what is missing. */
export const INSTALL = 'apt-get install default-jre-headless librhino-java'

/** The JVM compiles Rhino's interpreter meanwhile. */
const WARM_UP_MS = 3_000

/** Whether Rhino can be measured here. */
export function hasRhino(): boolean {
  return existsSync(JAR) && spawnSync('java', ['-version']).status === 0
}

/** CPU time of one mapping in nanoseconds: the fastest of rounds within `durationMs`. */
export function rhinoNs(one: MappingCase, durationMs: number): number {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-rhino-'))
  const file = join(folder, 'loop.js')
  writeFileSync(file, program(one, durationMs))
  try {
    const main = 'org.mozilla.javascript.tools.shell.Main'
    const options = ['-cp', JAR, main, '-opt', '-1', '-version', '200', file]
    const { status, stdout, stderr } = spawnSync('java', options, { encoding: 'utf8' })
    const ns = Number(stdout.trim().split('\n').at(-1))
    if (status === 0 && ns > 0) return ns
    throw new Error(`Rhino ended with ${status}: ${stderr || stdout}`)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function program({ script, headers, text, bytes }: MappingCase, durationMs: number): string {
  return `${DITTO}
${script}
var threads = java.lang.management.ManagementFactory.getThreadMXBean();
var given = ${JSON.stringify([...(bytes ?? [])])};
var buffer = given.length === 0 ? null : new ArrayBuffer(given.length);
if (buffer !== null) new Uint8Array(buffer).set(given);
var text = ${JSON.stringify(text ?? null)};
function mapToDittoProtocolMsgWrapper(message) {
  var headers = message.headers;
  var textPayload = message.textPayload;
  var bytePayload = message.bytePayload;
  var contentType = message.contentType;
  return mapToDittoProtocolMsg(headers, textPayload, bytePayload, contentType);
}
function round(count) {
  var before = threads.getCurrentThreadCpuTime();
  for (var i = 0; i < count; i++) {
    var headers = ${JSON.stringify(headers)};
    var json = JSON.stringify(mapToDittoProtocolMsgWrapper({
      headers: headers, textPayload: text, bytePayload: buffer, contentType: headers['content-type']
    }));
    if (JSON.parse(json).path.length < 5) throw new Error('not mapped');
  }
  return (threads.getCurrentThreadCpuTime() - before) / count;
}
var end = Date.now() + ${WARM_UP_MS};
var ns = round(20);
while (Date.now() < end) ns = round(20);
var count = Math.max(1, Math.round(20e6 / ns));
var rounds = [];
end = Date.now() + ${durationMs};
while (Date.now() < end || rounds.length < 5) rounds.push(round(count));
print(Math.min.apply(null, rounds));
`
}
