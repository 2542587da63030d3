/**
 * Looks whether all pages of a partition are in its file: those of the things, and those that tell which
 * pages are free, which nobody but a writer reads. Reads the file and maps nothing, so that what is
 * missing ends no process. Knows nothing of things, and nothing of LMDB but its format.
 *
 * ```
 * page    0 number u64 · 18 flags u16 · 20 bytes of offsets u16 · 24 offsets of nodes u16 …
 * meta    24 magic u32 · 28 version u32 · 48 page size u32 · 88 root of the free pages u64 ·
 *         136 root of the things u64 · 152 transaction u64       (the first two pages; the newer holds)
 * node    in branches: 0 page u48. In leaves: 0 bytes of value u32 · 4 flags u16 · 6 bytes of key u16 ·
 *         8 key · value, or where its own pages are: 0 number u64 · 16 count u64
 * ```
 * Offsets of nodes count from the end of the header. A value of the free pages is a list of u64 that
 * begins with its length. Numbers are little-endian. From `mdb.c`: MDB_page_header, MDB_meta, MDB_node.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

const MAGIC = 0xbeefc0de
const VERSION = 2
const PAGE_HEADER_BYTES = 24
const META_BYTES = 160
const NODE_HEADER_BYTES = 8
const NO_ROOT = 0xffff_ffff_ffff_ffffn
const ITEM_BYTES = 8
/** Flags of a page. */
const BRANCH = 0x01
const LEAF = 0x02
/** Flag of a node: the value has pages of its own. */
const BIG = 0x01
const BIG_REFERENCE_BYTES = 24

/** Throws when pages that somebody will read are missing in a partition's file, or are others. */
export function checkPages(file: string): void {
  const descriptor = openSync(file, 'r')
  try {
    const first = readMeta(descriptor, 0)
    const pageBytes = first.readUInt32LE(48)
    const isKnown = first.readUInt32LE(24) === MAGIC && first.readUInt16LE(28) === VERSION
    // LMDB itself finds that, in better words.
    if (!isKnown || pageBytes < META_BYTES) return
    const second = readMeta(descriptor, pageBytes)
    const isSecond = second.readBigUInt64LE(152) > first.readBigUInt64LE(152)
    const meta = isSecond ? second : first
    const pages = new Pages(descriptor, pageBytes)
    pages.checkTree(meta.readBigUInt64LE(88), true)
    pages.checkTree(meta.readBigUInt64LE(136), false)
  } finally {
    closeSync(descriptor)
  }
}

function readMeta(descriptor: number, position: number): Buffer {
  const meta = Buffer.alloc(META_BYTES)
  readSync(descriptor, meta, 0, META_BYTES, position)
  return meta
}

/** The pages of a file, which are walked through once. */
class Pages {
  readonly #descriptor: number
  readonly #pageBytes: number
  /** In the whole file. */
  readonly #count: number
  readonly #page: Buffer
  readonly #start = Buffer.alloc(PAGE_HEADER_BYTES + ITEM_BYTES)
  #seen = 0

  constructor(descriptor: number, pageBytes: number) {
    this.#descriptor = descriptor
    this.#pageBytes = pageBytes
    this.#count = Math.floor(fstatSync(descriptor).size / pageBytes)
    this.#page = Buffer.alloc(pageBytes)
  }

  checkTree(root: bigint, isOfFreePages: boolean): void {
    const left = root === NO_ROOT ? [] : [Number(root)]
    for (let number = left.pop(); number !== undefined; number = left.pop()) {
      // Pages that lead in a circle would be walked through for ever.
      this.#seen += 1
      if (this.#seen > this.#count) throw new Error('its pages are no tree')
      const page = this.#read(number, this.#page)
      const flags = page.readUInt16LE(18)
      if ((flags & (BRANCH | LEAF)) === 0) throw damaged(number)
      for (const node of this.#nodesOf(page, number)) {
        if ((flags & BRANCH) !== 0) left.push(page.readUIntLE(node, 6))
        else this.#checkValue(page, number, node, isOfFreePages)
      }
    }
  }

  /** Where in the page its nodes begin. */
  #nodesOf(page: Buffer, number: number): number[] {
    const offsetsEnd = PAGE_HEADER_BYTES + page.readUInt16LE(20)
    if (offsetsEnd > this.#pageBytes) throw damaged(number)
    const nodes: number[] = []
    for (let offset = PAGE_HEADER_BYTES; offset < offsetsEnd; offset += 2) {
      const node = PAGE_HEADER_BYTES + page.readUInt16LE(offset)
      if (node + NODE_HEADER_BYTES > this.#pageBytes) throw damaged(number)
      nodes.push(node)
    }
    return nodes
  }

  #checkValue(page: Buffer, number: number, node: number, isOfFreePages: boolean): void {
    const valueBytes = page.readUInt32LE(node)
    const isBig = (page.readUInt16LE(node + 4) & BIG) !== 0
    const value = node + NODE_HEADER_BYTES + page.readUInt16LE(node + 6)
    const bytesHere = isBig ? BIG_REFERENCE_BYTES : valueBytes
    if (value + bytesHere > this.#pageBytes) throw damaged(number)
    if (!isBig) {
      if (isOfFreePages) checkList(page, value, valueBytes, number)
      return
    }
    const first = Number(page.readBigUInt64LE(value))
    this.#requirePage(first + Number(page.readBigUInt64LE(value + 16)) - 1)
    if (isOfFreePages) {
      checkList(this.#read(first, this.#start), PAGE_HEADER_BYTES, valueBytes, first)
    }
  }

  /** Reads the start of a page, as much as there is room for. */
  #read(number: number, into: Buffer): Buffer {
    this.#requirePage(number)
    readSync(this.#descriptor, into, 0, into.length, number * this.#pageBytes)
    if (Number(into.readBigUInt64LE(0)) !== number) throw damaged(number)
    return into
  }

  #requirePage(number: number): void {
    if (number < this.#count) return
    throw new Error(`its page ${number} is missing, it has only ${this.#count}`)
  }
}

function checkList(page: Buffer, value: number, valueBytes: number, number: number): void {
  const items = valueBytes < ITEM_BYTES ? Infinity : Number(page.readBigUInt64LE(value))
  if ((items + 1) * ITEM_BYTES > valueBytes) throw damaged(number)
}

function damaged(number: number): Error {
  return new Error(`its page ${number} is damaged`)
}
