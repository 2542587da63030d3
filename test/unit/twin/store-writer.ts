/**
 * A process that writes into a partition and prints the number of each round once it was answered:
 * `node store-writer.ts <path> forever|until-failure`.
 */
import { openPartition } from '../../../src/twin/store.ts'
import { command } from './support.ts'

const [path, mode] = process.argv.slice(2)
const THINGS = Array.from({ length: 16 }, (_, index) => `ns:t${index}`)
const partition = openPartition(path!)

await partition.execute(THINGS.map((thingId) => command('create', '/', {}, { thingId })))

try {
  for (let round = 0; ; round++) {
    await writeRound(round)
    process.stdout.write(`${round}\n`)
  }
} catch (error) {
  if (mode !== 'until-failure') throw error
  process.stdout.write(`rejected: ${error}\n`)
  await writeRound(-1).catch((again: unknown) => process.stdout.write(`rejected: ${again}\n`))
  const [outcome] = await partition.execute([
    command('retrieve', '/attributes/n', undefined, { thingId: 'ns:t0' }),
  ])
  process.stdout.write(`retrieved: ${outcome!.response.status}\n`)
  process.exit(0)
}

/** Sets `n` of all things; until failure, things grow with every round. */
async function writeRound(round: number): Promise<void> {
  const commands = THINGS.map((thingId) => command('modify', '/attributes/n', round, { thingId }))
  if (mode === 'until-failure') {
    for (const thingId of THINGS) {
      const filler = 'x'.repeat(2000)
      commands.push(command('modify', `/attributes/filler${round}`, filler, { thingId }))
    }
  }
  await partition.execute(commands)
}
