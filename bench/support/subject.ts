/** What is measured: the gateway with a scenario's connections, or the relay in its place. */
import type { Stage } from '../scenarios/scenario.ts'
import { PeerProcess } from './peer.ts'
import { type Sluice, type SluiceOptions, startSluice } from './sluice.ts'

/** Something between the brokers. */
export interface Subject {
  /** The first process of its tree. */
  readonly pid: number
  stop(): Promise<void>
}

/** The gateway as a subject. */
export interface Gateway extends Subject {
  readonly sluice: Sluice
}

/** The gateway with the connections of a scenario open. */
export async function startGateway(
  stage: Stage,
  config: SluiceOptions['config'] = {},
): Promise<Gateway> {
  const sluice = await startSluice({ config })
  const stop = async (): Promise<void> => {
    await sluice.stop()
  }
  const ask = async (path: string, body: unknown, expected: number): Promise<{ id: string }> => {
    const { status, text, json } = await sluice.request('POST', path, body)
    if (status === expected) return json
    throw new Error(`POST ${path} answered ${status}: ${text}\n${sluice.output()}`)
  }
  try {
    for (const connection of stage.connections) {
      const { id } = await ask('/api/2/connections', connection, 201)
      // Answers when the connection is open.
      const path = `/api/2/connections/${id}/command`
      await ask(path, 'connectivity.commands:openConnection', 200)
    }
  } catch (error) {
    await stop()
    throw error
  }
  return { pid: sluice.process.pid ?? 0, stop, sluice }
}

/** The least that could be done in place of the gateway. */
export async function startRelay({ baseline }: Stage): Promise<Subject> {
  const relay = new PeerProcess(baseline.relay)
  try {
    await relay.ready()
  } catch (error) {
    await relay.stop()
    throw error
  }
  return { pid: relay.pid, stop: () => relay.stop() }
}
