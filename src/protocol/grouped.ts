/** Numbers as they stand in Ditto's texts. */

const english = new Intl.NumberFormat('en-US')

/** With thousands separators: `10,000`. */
export function grouped(value: number): string {
  return english.format(value)
}
