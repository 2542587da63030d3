/** Writes into the partition in a folder; a damaged one ends this process and no other. */
import { openDatabase } from '../../../src/twin/database.ts'

const database = openDatabase(process.argv[2]!)
for (let thing = 0; thing < 50; thing++) await database.put(`ns:t${thing}`, 'y'.repeat(thing * 40))
await database.close()
