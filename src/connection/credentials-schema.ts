/**
 * The schema of credentials, for brokers and for SSH tunnels (Ditto documentation, "Connections").
 */
import { z } from 'zod'
import { known, nameText } from './schema-tools.ts'

const clientCertificate = known({
  type: z.literal('client-cert'),
  cert: z.string().exactOptional().meta({ description: 'PEM' }),
  key: z.string().exactOptional().meta({ description: 'PEM, unencrypted PKCS #8. Write-only.' }),
})

const plain = known({
  type: z.literal('plain'),
  username: z.string(),
  password: z.string().meta({ description: 'Write-only.' }),
})

const publicKey = known({
  type: z.literal('public-key'),
  username: z.string(),
  publicKey: z.string().meta({ description: 'PEM' }),
  privateKey: z.string().meta({ description: 'PEM, unencrypted PKCS #8. Write-only.' }),
})

const hmac = known({
  type: z.literal('hmac'),
  algorithm: z.string().meta({ example: 'aws4-hmac-sha256' }),
  parameters: z.record(z.string(), z.json()).meta({ description: 'Keys are write-only.' }),
})

const oauth = {
  tokenEndpoint: z.string(),
  clientId: z.string(),
  requestedScopes: z.string().meta({ description: 'Separated by blanks (RFC 6749, section 3.3).' }),
  audience: z.string().nullable().exactOptional(),
}

const oauthClientCredentials = known({
  type: z.literal('oauth-client-credentials'),
  ...oauth,
  clientSecret: z.string().meta({ description: 'Write-only.' }),
})

const oauthPassword = known({
  type: z.literal('oauth-password'),
  ...oauth,
  clientSecret: z.string().nullable().exactOptional().meta({ description: 'Write-only.' }),
  username: z.string(),
  password: z.string().meta({ description: 'Write-only.' }),
})

/** Credentials of all kinds; which connection types take which is checked by the rules. */
export const credentialsSchema = z
  .discriminatedUnion(
    'type',
    [clientCertificate, plain, publicKey, hmac, oauthClientCredentials, oauthPassword],
    { error: (issue) => (issue.code === 'invalid_union' ? unknownType(issue.input) : undefined) },
  )
  .meta({ description: 'How Sluice authenticates. Secrets are shown as *****.' })

/** Ditto adds the credentials themselves; they would carry secrets into logs. */
function unknownType(input: unknown): string {
  const { type } = input as { type?: unknown }
  return `Unknown credential type <${nameText(type)}>`
}
