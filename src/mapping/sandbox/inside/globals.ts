/** Takes away what the limits on scripts cannot hold. Sent into the isolate, see builtins.ts. */

/**
 * Removes globals before any script runs: callbacks of a FinalizationRegistry run after a garbage
 * collection, when no time limit counts, so an endless one would keep the isolate for good; what
 * Atomics wait for never comes; and WebAssembly compiles to code, and takes memory, beside the
 * limits. Nothing of the language leads to them by another way.
 */
export function withdrawGlobals(): void {
  for (const name of ['FinalizationRegistry', 'Atomics', 'WebAssembly']) {
    Reflect.deleteProperty(globalThis, name)
  }
}
