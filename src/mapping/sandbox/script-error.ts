/** Words errors of scripts as Ditto does: text, line and column, source line and stack. */

import type { LibraryName } from './libraries.ts'

/** The scripts of a mapping definition, under the names that stack traces show. */
export type ScriptName = 'incomingScript' | 'outgoingScript'

/** The scripts, empty ones where there are none, and the libraries they want. */
export interface Scripts extends Readonly<Record<ScriptName, string>> {
  readonly libraries: readonly LibraryName[]
}

const POSITION = /\b(incomingScript|outgoingScript):(\d+):(\d+)/
/** In a CommonJS module: its path in the folder, from `/`. */
const MODULE = /[ (]\/[^\s()]+:\d+:\d+\)?$/

/**
 * `<text> - in line/column #l/c, source:\n…, stack:\n…`. Line and column count from 1; the
 * position is left out when nothing of the script is on the stack. What it required is told by the stack.
 */
export function scriptErrorText(text: string, stack: string, scripts: Scripts): string {
  const frames = stack.split('\n').filter((line) => POSITION.test(line) || MODULE.test(line))
  const position = POSITION.exec(frames.find((line) => POSITION.test(line)) ?? '')
  if (position === null) return text
  const [, name, line, column] = position
  const source = scripts[name as ScriptName].split('\n')[Number(line) - 1]?.trimEnd() ?? ''
  const at = `${text} - in line/column #${line}/${column}, source:\n${source}`
  const trace = frames.filter((frame) => /^\s+at /.test(frame))
  return trace.length === 0 ? at : `${at}, stack:\n${trace.join('\n')}`
}

/** The same for what isolated-vm throws when a script does not compile or its top level throws. */
export function compileErrorText(thrown: unknown, scripts: Scripts): string {
  if (!(thrown instanceof Error)) return String(thrown)
  // Syntax errors carry their position at the end of the message: `… [incomingScript:2:10]`.
  const message = thrown.message.replace(/ \[\w+:\d+:\d+\]$/, '')
  return scriptErrorText(`${thrown.name}: ${message}`, thrown.stack ?? '', scripts)
}

/** The script in which something that was thrown arose; undefined when nothing of one is on its stack. */
export function scriptOf(thrown: unknown): ScriptName | undefined {
  const stack = thrown instanceof Error ? (thrown.stack ?? '') : ''
  return POSITION.exec(stack)?.[1] as ScriptName | undefined
}

/** Where in which script an error text of this file points to; nothing when it does not. */
export function positionIn(text: string): {
  readonly script?: ScriptName
  readonly line?: number
  readonly column?: number
} {
  const at = / - in line\/column #(\d+)\/(\d+)/.exec(text)
  if (at === null) return {}
  const script = POSITION.exec(text)?.[1]
  const position = { line: Number(at[1]), column: Number(at[2]) }
  return script === undefined ? position : { script: script as ScriptName, ...position }
}
