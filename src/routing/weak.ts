/** What stands for the acknowledgement of a subscriber whom a signal does not concern. */
import type { LabelAnswer } from './router.ts'

/** Such a subscriber does not stand in the signal's way (Ditto documentation, "Weak acknowledgements"). */
export const WEAK_ANSWER: LabelAnswer = Object.freeze({
  status: 200,
  payload:
    'Acknowledgement was issued automatically as weak ack, because the signal is not relevant for the ' +
    'subscriber. Possible reasons are: the subscriber was not authorized, the subscriber did not ' +
    'subscribe for the signal type, the signal was dropped by a configured RQL filter, or the signal ' +
    'was dropped by all payload mappers.',
  headers: Object.freeze({ 'ditto-weak-ack': true }),
})
