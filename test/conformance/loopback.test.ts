/** The conformance suite against the reference implementation: it keeps its own rules. */
import type { Connection } from '../../src/connection/types.ts'
import { payloadText } from '../../src/protocol/external-message.ts'
import { createLoopbackBroker } from '../../src/transport/loopback.ts'
import { ConnectError, type TransportFactory } from '../../src/transport/transport.ts'
import { testConnection, testSource, testTarget } from '../support/connection.ts'
import { type Rig, transportConformance } from './transport.ts'

const WINDOW = 250
const REFUSED = 'loopback-refused'

transportConformance('loopback', async (): Promise<Rig> => {
  const broker = createLoopbackBroker()
  const refusal = new ConnectError('authentication', 'misconfigured', 'Not welcome.')
  const factory: TransportFactory = (options) => {
    broker.refuse(options.connection.id === REFUSED ? refusal : undefined)
    return broker.factory({ ...options, maxUnsettled: WINDOW })
  }
  const connection = (id: string): Connection =>
    testConnection({ id, sources: [testSource([`in/${id}`])], targets: [testTarget(`out/${id}`)] })
  return {
    factory,
    connection,
    window: WINDOW,
    async send(id, payloads) {
      for (const payload of payloads) broker.deliver(`in/${id}`, { headers: {}, payload })
    },
    async receive(id, count, act) {
      await act()
      return broker.published
        .filter(({ address }) => address === `out/${id}`)
        .slice(-count)
        .map(({ message }) => payloadText(message) ?? '')
    },
    async kill() {
      broker.cut(new ConnectError('lost', 'failed', 'The broker is gone.'))
    },
    async restart() {},
    freeze: () => broker.withholdConfirmations(true),
    thaw: () => broker.withholdConfirmations(false),
    async refusals() {
      const title = 'a refusing broker'
      return [
        {
          title,
          connection: connection(REFUSED),
          failure: refusal.failure,
          status: refusal.status,
        },
      ]
    },
    async stop() {},
  }
})
