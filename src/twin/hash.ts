/** FNV-1a with 32 bits (draft-eastlake-fnv): small, fast, the same on every machine and for ever. */

const OFFSET_BASIS = 0x811c9dc5
const PRIME = 0x01000193

/**
 * The hash of a text, 0..2^32-1. Each UTF-16 code unit is one step, so that ASCII text gives the
 * published values. Stored data depends on it (see `partitionOf`): it must never change.
 */
export function fnv1a(text: string): number {
  let hash = OFFSET_BASIS
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), PRIME)
  }
  return hash >>> 0
}
