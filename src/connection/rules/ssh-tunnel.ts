/** SSH tunnels (Ditto documentation, "Connections", `sshTunnel`). */
import { failConfiguration } from '../errors.ts'
import { redactUri } from '../secrets.ts'
import type { Connection, Credentials } from '../types.ts'
import { parseBrokerUri } from '../uri.ts'
import { readPrivateKey, readPublicKey } from './certificates.ts'

/** Checks the tunnel, if there is one, and that the type can go through it. */
export function checkSshTunnel({ connectionType, sshTunnel }: Connection): void {
  if (sshTunnel === undefined) return
  if (connectionType === 'kafka') {
    failConfiguration(
      'SSH tunneling not supported.',
      'SSH tunneling is not supported for the connection type <kafka>.',
    )
  }
  checkUri(sshTunnel.uri)
  checkTunnelCredentials(sshTunnel.credentials)
  if (sshTunnel.validateHost && sshTunnel.knownHosts.length === 0) {
    // Spelt as in Ditto.
    failConfiguration('Specify at least one fingerprint if host validationis enabled.')
  }
}

function checkUri(uri: string): void {
  if (uri === '') failConfiguration('The URI of the ssh server must not be empty.')
  const reason = uriError(uri)
  if (reason !== undefined) {
    failConfiguration(`The SSH server URI '${redactUri(uri)}' is not valid: ${reason}`)
  }
}

function uriError(uri: string): string | undefined {
  if (!uri.startsWith('ssh://')) return "The scheme for the ssh endpoint must be 'ssh'."
  try {
    parseBrokerUri(uri)
    return undefined
  } catch {
    return 'The accepted format is ssh://{hostname}:{port}'
  }
}

function checkTunnelCredentials(credentials: Credentials): void {
  switch (credentials.type) {
    case 'plain':
      if (credentials.username === '') failEmpty('username')
      if (credentials.password === '') failEmpty('password')
      return
    case 'public-key':
      readPublicKey(credentials.publicKey, '/sshTunnel/credentials/publicKey')
      readPrivateKey(credentials.privateKey, '/sshTunnel/credentials/privateKey')
      return
    default:
      failConfiguration(`Credentials type ${credentials.type} cannot be used for an ssh tunnel.`)
  }
}

function failEmpty(part: string): never {
  failConfiguration(`SSH tunnel ${part} must not be empty.`)
}
