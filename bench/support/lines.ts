/** What all reports of the benchmark print: aligned columns, and the machine. */
import { cpus } from 'node:os'

/** Labels to the left, values to the right of their columns. */
export function aligned(lines: readonly (readonly string[])[]): readonly string[] {
  const widths = lines[0]!.map((_, column) =>
    Math.max(...lines.map((line) => line[column]!.length)),
  )
  return lines.map((line) =>
    line
      .map((text, column) =>
        column === 0 ? text.padEnd(widths[0]!) : text.padStart(widths[column]! + 3),
      )
      .join('')
      .trimEnd(),
  )
}

/** The last line of every table: figures mean little without it. */
export function machineLine(): string {
  return `${cpuModel()}, Node ${process.version}`
}

/** As the operating system names it. */
export function cpuModel(): string {
  return cpus()[0]?.model ?? 'unknown CPU'
}
