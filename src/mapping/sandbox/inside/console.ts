/**
 * `console` inside the isolate: collects lines for the host. Sent there as text, see builtins.ts.
 */
import type { Builtins, DriverLimits } from './builtins.ts'

/**
 * Replaces the global `console` by one that collects lines as JSON text,
 * `["info","text"],["warn",…]`, and answers the function that takes them out. What exceeds the
 * limits is counted in a last line.
 */
export function installConsole(builtins: Builtins, limits: DriverLimits): () => string {
  let collected = ''
  let lines = 0
  const textOf = (value: unknown): string => {
    if (typeof value === 'string') return value
    try {
      const isError = typeof value === 'object' && value !== null && 'stack' in value
      return (isError ? undefined : builtins.stringify(value)) ?? builtins.text(value)
    } catch {
      return '[unprintable]'
    }
  }
  const add = (level: string, text: string): void => {
    const line = builtins.slice(text, 0, limits.consoleLineCharsMax)
    collected += `${collected === '' ? '' : ','}["${level}",${builtins.stringify(line)}]`
  }
  const collect = (level: string, values: readonly unknown[]): void => {
    lines++
    if (lines > limits.consoleLinesMax) return
    let text = ''
    for (let i = 0; i < values.length && text.length <= limits.consoleLineCharsMax; i++) {
      text += (i === 0 ? '' : ' ') + textOf(values[i])
    }
    add(level, text)
  }
  const info = (...values: unknown[]) => collect('info', values)
  const warn = (...values: unknown[]) => collect('warn', values)
  const error = (...values: unknown[]) => collect('error', values)
  const value = { log: info, info, debug: info, trace: info, warn, error }
  builtins.define(globalThis, 'console', { value, configurable: true, writable: true })
  return () => {
    const dropped = lines - limits.consoleLinesMax
    if (dropped > 0) add('warn', `${dropped} more lines were dropped`)
    const taken = collected
    collected = ''
    lines = 0
    return taken
  }
}
