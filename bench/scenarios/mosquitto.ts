/** How mosquitto is configured so that it is not what is measured. */
export const BROKER_CONFIG: readonly string[] = [
  // Otherwise the broker waits for more to send, and that wait would be measured.
  'set_tcp_nodelay true',
  // The defaults (20, 1000) would measure the broker at QoS 1, or make it drop.
  'max_inflight_messages 2000',
  'max_queued_messages 1000000',
]
