/** For tests of code that throws at its edge: the DittoError that an action throws. */
import { type DittoError, DittoException } from '../../src/protocol/errors.ts'

/** The error the action throws; rethrows what is no DittoException, fails when nothing is thrown. */
export function errorOf(action: () => unknown): DittoError {
  try {
    action()
  } catch (thrown) {
    if (thrown instanceof DittoException) return thrown.error
    throw thrown
  }
  throw new Error('nothing was thrown')
}
