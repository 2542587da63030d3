/** The seam of the benchmark: what a scenario brings. A new one is a file here and a line in list.ts. */

/** How messages are sent: as many as fit on their way, or so many per second. */
export type Load =
  | { readonly kind: 'closed'; readonly window: number }
  | { readonly kind: 'open'; readonly rate: number }

/** What a scenario is told. */
export interface ScenarioSettings {
  readonly devices: number
  readonly payloadBytes: number
  readonly qos: 0 | 1
  readonly load: Load
}

/** One way through the gateway. */
export interface Scenario {
  readonly name: string
  /** One line for the help text. */
  readonly summary: string
  /** Quality of service unless the command line says otherwise. */
  readonly qos: 0 | 1
  /** Starts the brokers. */
  prepare(settings: ScenarioSettings): Promise<Stage>
}

/** A module of `peers/` and the order that it gets as its first message. */
export interface Peer {
  readonly module: URL
  readonly order: object
}

/** Everything around the gateway, ready. */
export interface Stage {
  /** Connections to create at the gateway, as JSON of the API. */
  readonly connections: readonly object[]
  /** Sends and receives; talks as `peers/messages.ts` says. */
  readonly generator: Peer
  /** Does the least that could be done in place of the gateway, and what to call it. */
  readonly baseline: { readonly name: string; readonly relay: Peer; readonly generator: Peer }
  /** Ends the brokers. */
  stop(): Promise<void>
}
