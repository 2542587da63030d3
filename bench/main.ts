/** The benchmark's command: runs scenarios one after the other and prints what was measured. */
import { installMissingTools } from '../test/support/tools.ts'
import { compare } from './micro/compare.ts'
import { type AnyRun, isServiceRun, jsonReport, type Run, tableReport } from './report.ts'
import { figureBenchmarks, microBenchmarks, scenarios } from './scenarios/list.ts'
import type { Scenario, Stage } from './scenarios/scenario.ts'
import { ArgumentError, readArguments, type Settings, usage } from './support/arguments.ts'
import { type Measurement, measure } from './support/measure.ts'
import { Progress } from './support/progress.ts'
import { type Subject, startGateway, startRelay } from './support/subject.ts'

const EXIT_FAILED = 1
const EXIT_USAGE = 2
const EXIT_INTERRUPTED = 130

const interrupted = new AbortController()
const progress = new Progress(process.stderr)
process.once('SIGINT', () => interrupted.abort())
process.once('SIGTERM', () => interrupted.abort())
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Who reads along may have seen enough.
  if (error.code !== 'EPIPE') throw error
})
process.exitCode = await main()

async function main(): Promise<number> {
  const settings = readCommandLine()
  if (typeof settings === 'number') return settings
  const runs: AnyRun[] = []
  try {
    for (const name of settings.scenarios) {
      const run = await runNamed(name, settings)
      runs.push(run)
      if (!settings.json) process.stdout.write(`\n${tableReport(run)}\n`)
    }
  } catch (error) {
    if (interrupted.signal.aborted) return EXIT_INTERRUPTED
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return EXIT_FAILED
  }
  if (settings.json) process.stdout.write(`${jsonReport(runs)}\n`)
  return runs.some((run) => isServiceRun(run) && isLossy(run)) ? EXIT_FAILED : 0
}

/** The settings, or the exit code when there is nothing to run. */
function readCommandLine(): Settings | number {
  try {
    const alone = [...microBenchmarks, ...figureBenchmarks]
    const all = [...scenarios, ...alone]
    const commandLine = readArguments(process.argv.slice(2), {
      all: all.map(({ name }) => name),
      withoutService: alone.map(({ name }) => name),
    })
    if (!commandLine.help) return commandLine.settings
    const width = Math.max(...all.map(({ name }) => name.length))
    process.stdout.write(
      usage(all.map(({ name, summary }) => `${name.padEnd(width)}   ${summary}`)),
    )
    return 0
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error
    process.stderr.write(`${error.message}\nSee: npm run bench -- --help\n`)
    return EXIT_USAGE
  }
}

function isLossy({ qos, gateway }: Run): boolean {
  return qos === 1 && gateway.account.lost > 0
}

async function runNamed(name: string, settings: Settings): Promise<AnyRun> {
  const { signal } = interrupted
  const micro = microBenchmarks.find((one) => one.name === name)
  if (micro !== undefined) return compare(micro, { ...settings, progress, signal })
  const figures = figureBenchmarks.find((one) => one.name === name)
  if (figures !== undefined) {
    const { summary } = figures
    return { scenario: name, summary, ...(await figures.run({ ...settings, progress, signal })) }
  }
  return runScenario(scenarios.find((one) => one.name === name)!, settings)
}

async function runScenario(scenario: Scenario, settings: Settings): Promise<Run> {
  await installMissingTools()
  const { devices, payloadBytes, load, threads } = settings
  const qos = settings.qos ?? scenario.qos
  const stage = await scenario.prepare({ devices, payloadBytes, load, qos })
  try {
    const baseline = settings.baseline ? await measureBaseline(stage, settings) : undefined
    progress.step(`${scenario.name}: starting Sluice`)
    const subject = await startGateway(stage, threads === undefined ? {} : { workers: { threads } })
    const gateway = await measureAndStop('Sluice', stage.generator, subject, settings)
    const { name, summary } = scenario
    return { scenario: name, summary, qos, devices, payloadBytes, load, threads, gateway, baseline }
  } finally {
    progress.end()
    await stage.stop()
  }
}

async function measureBaseline(stage: Stage, settings: Settings): Promise<Measurement> {
  const { name, generator } = stage.baseline
  return measureAndStop(name, generator, await startRelay(stage), settings)
}

async function measureAndStop(
  name: string,
  generator: Stage['generator'],
  subject: Subject,
  { warmUpMs, durationMs }: Settings,
): Promise<Measurement> {
  const { signal } = interrupted
  try {
    return await measure({ name, generator, subject, warmUpMs, durationMs, progress, signal })
  } finally {
    await subject.stop()
  }
}
