/** What system tests do with a running Sluice, in words of the API. */
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import type { Answer, Sluice } from '../../bench/support/sluice.ts'

export const CONNECTIONS = '/api/2/connections'

const POLL_INTERVAL_MS = 25

/** Creates a connection; answers its id. */
export async function create(sluice: Sluice, body: object): Promise<string> {
  const { status, json, text } = await sluice.request('POST', CONNECTIONS, body)
  assert.is(status, 201, text)
  return json.id
}

/** Sends one of the five commands. */
export function command(sluice: Sluice, id: string, name: string): Promise<Answer> {
  return sluice.request('POST', `${CONNECTIONS}/${id}/command`, `connectivity.commands:${name}`)
}

/** Creates a connection and waits until all its clients are connected. */
export async function open(sluice: Sluice, body: object): Promise<string> {
  const id = await create(sluice, body)
  const { status, text } = await command(sluice, id, 'openConnection')
  assert.is(status, 200, text)
  return id
}

/** The JSON of one of a connection's sub resources: `status`, `metrics`, `logs`. */
// biome-ignore lint/suspicious/noExplicitAny: answers are looked into, not typed.
export async function look(sluice: Sluice, id: string, resource: string): Promise<any> {
  const { status, json, text } = await sluice.request('GET', `${CONNECTIONS}/${id}/${resource}`)
  assert.is(status, 200, text)
  return json
}

/** Texts of the log entries of a connection. */
export async function logTexts(sluice: Sluice, id: string): Promise<readonly string[]> {
  const { connectionLogs } = await look(sluice, id, 'logs')
  return connectionLogs.map(({ message }: { message: string }) => message)
}

/** Asks again until the answer is wanted; fails with the last answer when it takes too long. */
export async function eventually<T>(
  ask: () => T | Promise<T>,
  wanted: (answer: T) => boolean,
  limitMs = 10_000,
): Promise<T> {
  const deadline = performance.now() + limitMs
  for (;;) {
    const answer = await ask()
    if (wanted(answer)) return answer
    if (performance.now() > deadline) {
      throw new Error(`not within ${limitMs} ms; last answer: ${JSON.stringify(answer)}`)
    }
    await delay(POLL_INTERVAL_MS)
  }
}

/** Waits until the live status of a connection is the wanted one. */
export function untilStatus(sluice: Sluice, id: string, wanted: string, limitMs?: number) {
  return eventually(
    () => look(sluice, id, 'status'),
    ({ liveStatus }) => liveStatus === wanted,
    limitMs,
  )
}

/** The process of the engine; undefined while there is none. Linux only. */
export function enginePid(sluice: Sluice): number | undefined {
  const { pid } = sluice.process
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return children.split(' ').map(Number).find(isEngine)
}

function isEngine(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('engine/main.ts')
  } catch {
    return false
  }
}
