/**
 * Loads isolated-vm when the first script is compiled, and not before: the control plane reads the
 * schemas of the mappers and must never have the native addon in its process.
 */
import { createRequire } from 'node:module'
import type ivm from 'isolated-vm'

const load = createRequire(import.meta.url)

/** The addon; loaded once per thread. */
export function isolatedVm(): typeof ivm {
  return load('isolated-vm') as typeof ivm
}
