/** Which credentials go with which connection type, and what must be right about them. */
import { connectionConfigurationInvalid } from '../../protocol/connectivity-errors.ts'
import { fail, failConfiguration } from '../errors.ts'
import { redactUri } from '../secrets.ts'
import type { Connection, Credentials } from '../types.ts'

const HMAC_ALGORITHMS: readonly string[] = ['aws4-hmac-sha256', 'az-monitor-2016-04-01', 'az-sasl']

/** `scope` of RFC 6749, section 3.3. */
const SCOPES = /^[\x21\x23-\x5B\x5D-\x7E]+( [\x21\x23-\x5B\x5D-\x7E]+)*$/

/** Checks the credentials of the connection, if it has some. */
export function checkCredentials(connection: Connection): void {
  const { credentials } = connection
  if (credentials === undefined) return
  if (credentials.type === 'hmac') checkHmac(connection, credentials)
  if ('tokenEndpoint' in credentials) checkOauth(connection, credentials)
}

function checkHmac(
  { connectionType, uri }: Connection,
  { algorithm }: Extract<Credentials, { type: 'hmac' }>,
): void {
  if (connectionType !== 'amqp-10' && connectionType !== 'http-push') {
    failConfiguration(
      'HMAC credentials are not supported for the connection type.',
      'Only HTTP and AMQP 1.0 connections support HMAC credentials.',
    )
  }
  if (uri.includes('@')) {
    failConfiguration(
      'There are conflicting authentication mechanisms.',
      'HMAC credentials and URI userinfo may not be present at the same time.',
    )
  }
  if (!HMAC_ALGORITHMS.includes(algorithm)) {
    failConfiguration(
      `Unsupported HMAC algorithm: ${algorithm}`,
      `Supported algorithms: ${HMAC_ALGORITHMS.join(', ')}`,
    )
  }
}

function checkOauth(
  { connectionType }: Connection,
  { tokenEndpoint, requestedScopes }: Extract<Credentials, { tokenEndpoint: string }>,
): void {
  if (connectionType !== 'http-push') {
    failConfiguration(
      'OAuth client credentials are only supported for HTTP connection type.',
      'Only HTTP connections support OAuth client credentials.',
    )
  }
  if (!URL.canParse(tokenEndpoint)) {
    failConfiguration(
      `Invalid token endpoint '${redactUri(tokenEndpoint)}' provided: no URL`,
      'Provide a valid URL as token endpoint.',
    )
  }
  if (!SCOPES.test(requestedScopes)) {
    fail({
      ...connectionConfigurationInvalid(
        `Invalid format of requested scopes: ${requestedScopes}`,
        'Provide scopes as space separated list (RFC6749 section 3.3).',
      ),
      href: 'https://datatracker.ietf.org/doc/html/rfc6749#section-3.3',
    })
  }
}
