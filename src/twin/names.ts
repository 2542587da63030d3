/** Which names members of a thing may have: those that a JSON pointer in a path can address. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses.
const ADDRESSABLE = /^[^\x00-\x1f\x7f-\xff/]+$/

/** Whether a name is addressable: not empty, no slash, none of the characters 00–1F and 7F–FF. */
export function isAddressable(name: string): boolean {
  return ADDRESSABLE.test(name)
}
