/** The rules of HTTP push (Ditto documentation, "HTTP 1.1 protocol binding"). */
import { ALL_PLACEHOLDERS } from '../../expression/placeholders.ts'
import { parseDurationMs } from '../../protocol/duration.ts'
import { failConfiguration } from '../errors.ts'
import type { Connection } from '../types.ts'
import { checkHeaderMapping, checkTemplate, type TypeRules } from './rule.ts'

const MAX_IDLE_TIMEOUT_SECONDS = 60

const METHODS: readonly string[] = ['PUT', 'PATCH', 'POST', 'GET', 'DELETE']

/** Those that a body can be withheld from, used here or not (RFC 9110, section 9.3; RFC 5789). */
const ALL_METHODS: readonly string[] = [...METHODS, 'HEAD', 'OPTIONS', 'TRACE', 'CONNECT']

export const httpPushRules: TypeRules = {
  protocol: 'HTTP',
  schemes: { accepted: ['http', 'https'], secure: ['https'] },
  checkSource() {
    failConfiguration("A connection of type 'http-push' may not have any source.")
  },
  checkTarget(target, { pointer, description }) {
    checkHeaderMapping(target.headerMapping, pointer)
    checkTemplate(target.address, ALL_PLACEHOLDERS, [...pointer, 'address'])
    checkAddress(target.address, description)
  },
  checkSpecificConfig(connection) {
    checkTokenEndpoint(connection)
    checkIdleTimeout(connection)
    checkParallelism(connection)
    checkOmittedBodies(connection)
  },
}

function checkAddress(address: string, description: string): void {
  const colon = address.indexOf(':')
  const method = address.slice(0, Math.max(colon, 0))
  const supported = `Supported methods are: ${METHODS.join(', ')}`
  if (colon < 0) {
    failConfiguration(
      `${description}: Target address has invalid format. Expect '<VERB>:/<path>', for example ` +
        "'POST:/api'.",
      supported,
    )
  }
  if (!METHODS.includes(method)) {
    failConfiguration(`${description}: The method '${method}' is not supported`, supported)
  }
}

/** As in Ditto, only client credentials are held to it. */
function checkTokenEndpoint({ credentials }: Connection): void {
  if (credentials?.type !== 'oauth-client-credentials') return
  if (!/^https:/i.test(credentials.tokenEndpoint)) {
    failConfiguration(
      'The OAuth2 token endpoint must be accessed via HTTPS in order not to transmit the client ' +
        'secret in plain text.',
    )
  }
}

function checkIdleTimeout({ specificConfig }: Connection): void {
  const { idleTimeout } = specificConfig
  if (idleTimeout === undefined) return
  const milliseconds = parseDurationMs(idleTimeout)
  if (milliseconds === undefined || milliseconds > MAX_IDLE_TIMEOUT_SECONDS * 1000) {
    const shown = milliseconds === undefined ? idleTimeout : Math.floor(milliseconds / 1000)
    failConfiguration(
      `Idle timeout '${shown}' is not within the allowed range of ` +
        `[0, ${MAX_IDLE_TIMEOUT_SECONDS}] seconds.`,
      'Please adjust the timeout to be within the allowed range.',
    )
  }
}

function checkParallelism({ specificConfig }: Connection): void {
  const { parallelism } = specificConfig
  if (parallelism !== undefined && !/^0*[1-9]\d{0,8}$/.test(parallelism)) {
    failConfiguration(
      `The configured value '${parallelism}' of 'parallelism' is invalid. It must be a positive ` +
        'integer.',
    )
  }
}

function checkOmittedBodies({ specificConfig }: Connection): void {
  const methods = specificConfig.omitRequestBody?.split(',') ?? []
  const unknown = methods.find((method) => method !== '' && !ALL_METHODS.includes(method))
  if (unknown !== undefined) {
    failConfiguration(
      `The configured value '[${methods.join(', ')}]' of 'omitRequestBody' is invalid. It ` +
        `contains an invalid HTTP method: ${unknown}`,
    )
  }
}
