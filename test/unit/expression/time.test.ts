import * as assert from 'uvu/assert'
import { parseTime, timeText } from '../../../src/expression/time.ts'
import { suite } from '../../support/suite.ts'
import { NOW_MS } from './contexts.ts'

const it = suite('time')

const HOUR_MS = 3_600_000

it('shifts and cuts', () => {
  const cases: [name: string, expected: string][] = [
    ['now', '2026-03-04T05:06:07.089Z'],
    ['now_epoch_millis', String(NOW_MS)],
    ['now-1h', '2026-03-04T04:06:07.089Z'],
    ['now+90', '2026-03-04T05:07:37.089Z'],
    ['now+11ms', '2026-03-04T05:06:07.100Z'],
    ['now-5m', '2026-03-04T05:01:07.089Z'],
    ['now+2d', '2026-03-06T05:06:07.089Z'],
    ['now-1w', '2026-02-25T05:06:07.089Z'],
    ['now-1mo', '2026-02-01T18:37:01.089Z'],
    ['now-1y', '2025-03-03T23:16:55.089Z'],
    ['now[ms]', '2026-03-04T05:06:07.089Z'],
    ['now[s]', '2026-03-04T05:06:07Z'],
    ['now[]', '2026-03-04T05:06:07Z'],
    ['now+60[]', '2026-03-04T05:07:07Z'],
    ['now+0', '2026-03-04T05:06:07.089Z'],
    ['now-6d[w]', '2026-02-23T00:00:00Z'],
    ['now+1mo[mo]', '2026-04-01T00:00:00Z'],
    ['now_epoch_millis-1w[d]', String(Date.UTC(2026, 1, 25))],
    ['now[m]', '2026-03-04T05:06:00Z'],
    ['now[h]', '2026-03-04T05:00:00Z'],
    ['now[d]', '2026-03-04T00:00:00Z'],
    ['now[w]', '2026-03-02T00:00:00Z'],
    ['now[mo]', '2026-03-01T00:00:00Z'],
    ['now[y]', '2026-01-01T00:00:00Z'],
    ['now-1h[d]', '2026-03-04T00:00:00Z'],
    ['now-6h[d]', '2026-03-03T00:00:00Z'],
    ['now_epoch_millis+1h', String(NOW_MS + HOUR_MS)],
    ['now_epoch_millis[h]', String(Math.floor(NOW_MS / HOUR_MS) * HOUR_MS)],
  ]
  for (const [name, expected] of cases) {
    assert.is(timeText(parseTime(name)!, NOW_MS), expected, name)
  }
})

it('begins weeks on Mondays', () => {
  const week = parseTime('now[w]')!
  const monday = Date.UTC(2026, 2, 2)
  assert.is(timeText(week, monday), '2026-03-02T00:00:00Z')
  assert.is(timeText(week, monday - 1), '2026-02-23T00:00:00Z')
})

it('refuses everything else', () => {
  const names = ['', 'then', 'nowish', 'now-', 'now-1x', 'now[', 'now]', 'now[x]', 'now 1h']
  for (const name of [...names, 'now-1h[h', 'now--1h', 'now+1.5h', 'now+9999999999y']) {
    assert.is(parseTime(name), undefined, name)
  }
})
