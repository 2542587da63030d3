/** Loaded into a service before its own code: the processes that it starts have its clock. */
import { ChildProcess } from 'node:child_process'

const CLOCK = ['LD_PRELOAD', 'FAKETIME_TIMESTAMP_FILE', 'FAKETIME_CACHE_DURATION'] as const
const pairs = [...CLOCK, 'FAKETIME_DONT_FAKE_MONOTONIC'].map(
  (name) => `${name}=${process.env[name]}`,
)

// Not in the declarations of Node: what `spawn` and `fork` call, with the environment as text.
const { prototype } = ChildProcess as unknown as {
  prototype: { spawn(options: { envPairs: string[] }): unknown }
}
const spawn = prototype.spawn
prototype.spawn = function (options) {
  return spawn.call(this, { ...options, envPairs: [...options.envPairs, ...pairs] })
}
