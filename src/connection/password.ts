/**
 * Passwords of users of the API: made, and kept only as salted hashes (scrypt, RFC 7914). Knows no
 * user and no store.
 *
 * ```
 * hash = "scrypt$" cost "$" block-size "$" parallelization "$" salt "$" key     (base64url)
 * ```
 */
import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

const COST = 16_384
const BLOCK_SIZE = 8
const PARALLELIZATION = 1
const SALT_BYTES = 16
const KEY_BYTES = 32
/** 144 bits: 24 characters. */
const PASSWORD_BYTES = 18
/** What a stored hash may ask for, so that a damaged one cannot exhaust the machine. */
const MAX_MEMORY_BYTES = 64 * 1024 * 1024

const HASH = /^scrypt\$(\d{1,7})\$(\d{1,3})\$(\d{1,2})\$([\w-]{8,})\$([\w-]{16,})$/

/** A random password that can be typed: letters, digits, `-` and `_`. */
export function generatePassword(): string {
  return randomBytes(PASSWORD_BYTES).toString('base64url')
}

/** The salted hash of a password; another one every time. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const key = await derive(password, salt, KEY_BYTES, COST, BLOCK_SIZE, PARALLELIZATION)
  const parts = [COST, BLOCK_SIZE, PARALLELIZATION, encode(salt), encode(key)]
  return `scrypt$${parts.join('$')}`
}

/** Whether the hash was made from the password, in constant time. Throws when it is no hash. */
export async function verifyPassword(password: string, hash: string): Promise<boolean> {
  const match = HASH.exec(hash)
  if (match === null) throw new Error('The stored password hash is damaged.')
  const [, cost, blockSize, parallelization, salt, key] = match
  const expected = Buffer.from(key!, 'base64url')
  const actual = await derive(
    password,
    Buffer.from(salt!, 'base64url'),
    expected.length,
    Number(cost),
    Number(blockSize),
    Number(parallelization),
  )
  return timingSafeEqual(actual, expected)
}

/**
 * {@link verifyPassword} for every request: the password that was right last is recognised without
 * hashing, by a digest that lives only in memory.
 */
export function createPasswordVerifier(hash: string): (password: string) => Promise<boolean> {
  const pepper = randomBytes(KEY_BYTES)
  let lastGood: Buffer | undefined
  return async (password) => {
    const digest = createHmac('sha256', pepper).update(password).digest()
    if (lastGood !== undefined && timingSafeEqual(digest, lastGood)) return true
    if (!(await verifyPassword(password, hash))) return false
    lastGood = digest
    return true
  }
}

function derive(
  password: string,
  salt: Buffer,
  bytes: number,
  cost: number,
  blockSize: number,
  parallelization: number,
): Promise<Buffer> {
  const options = { cost, blockSize, parallelization, maxmem: MAX_MEMORY_BYTES }
  return new Promise((resolve, reject) => {
    scrypt(password, salt, bytes, options, (error, key) => {
      if (error === null) resolve(key)
      else reject(error)
    })
  })
}

function encode(bytes: Buffer): string {
  return bytes.toString('base64url')
}
