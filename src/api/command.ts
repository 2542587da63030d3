/** Commands to a connection, as plain text (Ditto documentation, "Connection commands"). */
import { z } from '@hono/zod-openapi'
import { commandInvalid } from '../protocol/connectivity-errors.ts'
import { DittoException } from '../protocol/errors.ts'
import type { ConnectionService } from '../supervisor/service.ts'
import { readBodyText } from './body.ts'
import { ACCEPTED, CONNECTION_PATH, changeParameters, failures, idParameter } from './describe.ts'
import type { Endpoint, ResourceOptions } from './endpoint.ts'
import { connectionId } from './resource.ts'

type Command = (service: ConnectionService, id: string) => Promise<void>

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['connectivity.commands:openConnection', (service, id) => service.open(id)],
  ['connectivity.commands:closeConnection', (service, id) => service.close(id)],
  ['connectivity.commands:resetConnectionMetrics', (service, id) => service.resetMetrics(id)],
  ['connectivity.commands:enableConnectionLogs', (service, id) => service.enableLogs(id)],
  ['connectivity.commands:resetConnectionLogs', (service, id) => service.resetLogs(id)],
])

/** An unknown command is shown in its error, but not a whole body. */
const SHOWN_CHARS_MAX = 100

/** The operation that takes a command. */
export function commandEndpoints({ service, maxBodyBytes }: ResourceOptions): readonly Endpoint[] {
  return [
    {
      route: {
        method: 'post',
        path: `${CONNECTION_PATH}/command`,
        summary: 'Send a command to a connection',
        description:
          'Opening is answered when all clients are connected, or when one of them failed; the ' +
          'connection stays wanted open then.',
        tags: ['connections'],
        request: {
          params: idParameter,
          query: changeParameters,
          body: {
            required: true,
            content: { 'text/plain': { schema: z.enum([...COMMANDS.keys()]) } },
          },
        },
        responses: {
          200: { description: 'Done.' },
          ...ACCEPTED,
          ...failures(400, 404, 409, 413, 415, 503, 504),
        },
      },
      handle: async (c) => {
        const id = connectionId(c)
        const text = await readBodyText(c, 'text/plain', maxBodyBytes)
        const command = COMMANDS.get(text)
        if (command === undefined) throw new DittoException(commandInvalid(excerpt(text)))
        await command(service, id)
        return c.body(null, 200)
      },
    },
  ]
}

function excerpt(text: string): string {
  return text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text
}
