/** Certificates and keys: whether they can be read, long before a broker asks for them. */
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { failConfiguration } from '../errors.ts'
import type { Connection } from '../types.ts'

const BEGIN = '-----BEGIN CERTIFICATE-----'
const END = '-----END CERTIFICATE-----'

/**
 * Checks trusted certificates, client certificate and client key, and that these two belong
 * together.
 */
export function checkCertificates({ ca, credentials }: Connection): void {
  if (ca !== undefined) readCertificates(ca, '/ca')
  if (credentials?.type !== 'client-cert') return
  const { cert, key } = credentials
  const certificate =
    cert === undefined ? undefined : readCertificates(cert, '/credentials/cert')[0]
  const privateKey = key === undefined ? undefined : readPrivateKey(key, '/credentials/key')
  if (certificate === undefined && privateKey === undefined) return
  if (certificate === undefined || privateKey === undefined) {
    failConfiguration(
      'Either client key or certificate were missing.',
      'A client certificate works only together with its key.',
    )
  }
  if (!certificate.checkPrivateKey(privateKey)) {
    failConfiguration(
      '/credentials/key: The key does not belong to the certificate.',
      'Provide the private key that the certificate at </credentials/cert> was made for.',
    )
  }
}

/** Reads an unencrypted private key; its error never shows any of it. */
export function readPrivateKey(pem: string, location: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch {
    return failFormat(
      location,
      'PKCS #8',
      'PRIVATE KEY',
      'Please format your client key as PEM-encoded unencrypted PKCS #8.',
    )
  }
}

/** Reads a public key. */
export function readPublicKey(pem: string, location: string): KeyObject {
  try {
    return createPublicKey(pem)
  } catch {
    return failFormat(
      location,
      'PKCS #8',
      'PUBLIC KEY',
      'Please format your public key as PEM-encoded unencrypted PKCS #8.',
    )
  }
}

function readCertificates(pem: string, location: string): readonly X509Certificate[] {
  const blocks = pem.split(BEGIN).slice(1)
  if (blocks.length === 0) failFormat(location, 'DER', 'CERTIFICATE')
  return blocks.map((block) => {
    try {
      return new X509Certificate(`${BEGIN}${block.split(END, 1)[0]}${END}`)
    } catch {
      return failFormat(location, 'DER', 'CERTIFICATE')
    }
  })
}

function failFormat(location: string, format: string, label: string, advice?: string): never {
  failConfiguration(
    `${location}: bad format. Expect PEM-encoded ${format} data specified by RFC-7468 starting ` +
      `with '-----BEGIN ${label}-----'`,
    advice,
  )
}
