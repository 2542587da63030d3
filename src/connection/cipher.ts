/**
 * Encryption of secrets at rest: AES-256-GCM (NIST SP 800-38D), a fresh nonce for every value,
 * bound to the connection and the place it belongs to. Knows no store.
 *
 * ```
 * value = "1." base64url( nonce(12) ciphertext tag(16) )
 * ```
 */
import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto'

const ALGORITHM = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16
const KEY_BYTES = 32
/** Names key and algorithm, so that both can be changed one day. */
const VERSION = '1.'

export const CIPHER_SALT_BYTES = 16

/** Encrypts and decrypts under one key; `context` says what a value is for and must be the same. */
export interface Cipher {
  encrypt(text: string, context: string): string
  /** Throws when key, context or value are not those of the encryption. */
  decrypt(value: string, context: string): string
}

/** A cipher whose key is derived from a passphrase (scrypt, RFC 7914). Takes some 50 ms. */
export function createCipher(passphrase: string, salt: Buffer): Cipher {
  const key = scryptSync(passphrase, salt, KEY_BYTES)
  return {
    encrypt(text, context) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES })
      cipher.setAAD(Buffer.from(context))
      const parts = [nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]
      return VERSION + Buffer.concat(parts).toString('base64url')
    },
    decrypt(value, context) {
      const bytes = Buffer.from(value.slice(VERSION.length), 'base64url')
      if (!value.startsWith(VERSION) || bytes.length < NONCE_BYTES + TAG_BYTES) {
        throw new Error('The value is not encrypted in a way that is known here.')
      }
      const nonce = bytes.subarray(0, NONCE_BYTES)
      const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES })
      decipher.setAAD(Buffer.from(context))
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
      const text = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES))
      return Buffer.concat([text, decipher.final()]).toString('utf8')
    },
  }
}
