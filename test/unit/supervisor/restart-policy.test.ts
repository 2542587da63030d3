import * as assert from 'uvu/assert'
import { RestartPolicy } from '../../../src/supervisor/restart-policy.ts'
import { suite } from '../../support/suite.ts'

const it = suite('restart policy')

it('restarts at once twice a minute, then with growing pauses', () => {
  const policy = new RestartPolicy()
  const pauses = Array.from({ length: 9 }, (_, index) => policy.died(index * 10))
  assert.equal(pauses, [0, 0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
  assert.is(policy.died(200_000), 0)
})
