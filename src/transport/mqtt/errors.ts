/** Failures of MQTT sessions, classified; the only place that looks at codes of mqtt.js. */
import type { Endpoint } from '../socket.ts'
import { errorText, isTlsFailure, tlsError } from '../socket.ts'
import { ConnectError, type ConnectFailure } from '../transport.ts'

interface Refusal {
  readonly failure: ConnectFailure
  readonly status: 'failed' | 'misconfigured'
  readonly advice: string
}

const CREDENTIALS_ADVICE = 'Check user name and password in the URI, or the client certificate.'

/** CONNACK return codes (MQTT 3.1.1, table 3.1). */
const REFUSALS: Readonly<Record<number, Refusal>> = {
  1: {
    failure: 'protocol',
    status: 'misconfigured',
    advice: 'The broker does not speak MQTT 3.1.1.',
  },
  2: {
    failure: 'misconfigured',
    status: 'misconfigured',
    advice: "Change 'clientId' in specificConfig.",
  },
  3: {
    failure: 'unreachable',
    status: 'failed',
    advice: 'The broker is up, but its MQTT service is not available.',
  },
  4: { failure: 'authentication', status: 'misconfigured', advice: CREDENTIALS_ADVICE },
  5: { failure: 'authentication', status: 'misconfigured', advice: CREDENTIALS_ADVICE },
}

/** Why a session could not be opened although the socket was. */
export function openError(error: unknown, endpoint: Endpoint): ConnectError {
  if (error instanceof ConnectError) return error
  const code = (error as { code?: unknown } | undefined)?.code
  if (typeof code === 'number') {
    const refusal = REFUSALS[code]
    return new ConnectError(
      refusal?.failure ?? 'protocol',
      refusal?.status ?? 'failed',
      `The broker refused the connection: ${errorText(error)} (${code}). ${refusal?.advice ?? ''}`.trim(),
      { cause: error },
    )
  }
  // TLS 1.3 reports a missing client certificate only after the handshake.
  if (isTlsFailure(error)) return tlsError(error, endpoint)
  return new ConnectError(
    'protocol',
    'failed',
    error === undefined
      ? 'The broker closed the connection without answering CONNECT.'
      : `The session could not be opened: ${errorText(error)}.`,
    { cause: error },
  )
}

/** Why a session that the broker had accepted under this client id ended. */
export function lostError(error: unknown, clientId: string): ConnectError {
  if (error instanceof ConnectError) return error
  // Without DISCONNECT, which MQTT 3.1.1 knows from clients only, the broker can but close the socket.
  const byBroker = error === undefined || (error as { code?: unknown }).code === 'ECONNRESET'
  return new ConnectError(
    'lost',
    'failed',
    error === undefined
      ? 'MQTT client got disconnected. Server closed connection without DISCONNECT.'
      : `MQTT client got disconnected. ${errorText(error)}.`,
    { cause: error, ...(byBroker && { ifRepeated: takenOver(clientId) }) },
  )
}

/** MQTT 3.1.1, section 3.1.4: a client that connects with an id in use disconnects who had it. */
function takenOver(clientId: string): string {
  return (
    `Most likely another client uses the client id '${clientId}', too, so that they take the session ` +
    "from each other: give each a 'clientId' of its own in specificConfig. If no other client does, the " +
    'broker does not allow what this one subscribes to or publishes; its log has the reason.'
  )
}
