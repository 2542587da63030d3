/**
 * Loads isolated-vm when the first script is compiled, and not before: the control plane reads the
 * schemas of the mappers and must never have the native addon in its process.
 */
import { createRequire } from 'node:module'
import { setFlagsFromString } from 'node:v8'
import type ivm from 'isolated-vm'

const load = createRequire(import.meta.url)

let addon: typeof ivm | undefined

/** The addon; loaded once per thread. */
export function isolatedVm(): typeof ivm {
  if (addon === undefined) {
    // V8 13.6 drops the interrupt check from small loops that it unrolls, even where inlined
    // allocations are all that is left in them. Then neither the time nor the memory limit can end
    // `for (;;) new Array(100).fill(0)`, and the thread is lost. The flag counts for what is
    // optimized from now on, in every isolate of the process.
    setFlagsFromString('--no-turboshaft-loop-unrolling')
    addon = load('isolated-vm') as typeof ivm
  }
  return addon
}
