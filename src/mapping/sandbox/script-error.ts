/** Words errors of scripts as Ditto does: text, line and column, source line and stack. */

/** The scripts of a mapping definition, under the names that stack traces show. */
export interface Scripts {
  readonly incomingScript: string
  readonly outgoingScript: string
}

const POSITION = /\b(incomingScript|outgoingScript):(\d+):(\d+)/

/**
 * `<text> - in line/column #l/c, source:\n…, stack:\n…`. Line and column count from 1; the
 * position is left out when nothing of the script is on the stack.
 */
export function scriptErrorText(text: string, stack: string, scripts: Scripts): string {
  const frames = stack.split('\n').filter((line) => POSITION.test(line))
  const position = POSITION.exec(frames[0] ?? '')
  if (position === null) return text
  const [, name, line, column] = position
  const source = scripts[name as keyof Scripts].split('\n')[Number(line) - 1]?.trimEnd() ?? ''
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
