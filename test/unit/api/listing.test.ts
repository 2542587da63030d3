/** Lists in pages and parts. */
import * as assert from 'uvu/assert'
import { parseConnection } from '../../../src/connection/model.ts'
import { suite } from '../../support/suite.ts'
import { BODY, createHarness, INSTANT } from './fake-service.ts'

const it = suite('listing')

/** `c-01` to `c-25`, every third tagged, every fifth open, the last of another type. */
function harness() {
  const bench = createHarness()
  for (let n = 1; n <= 25; n++) {
    const id = `c-${String(n).padStart(2, '0')}`
    const body = {
      ...BODY,
      tags: n % 3 === 0 ? ['third', `n${n}`] : [],
      connectionStatus: n % 5 === 0 ? 'open' : 'closed',
      connectionType: n === 25 ? 'mqtt-5' : 'mqtt',
    }
    const connection = parseConnection(body, { mode: 'create', id })
    bench.service.stored.set(id, { connection, revision: 1, created: INSTANT, modified: INSTANT })
  }
  return bench
}

const LIST = '/api/2/connections'

it('without parameters everything is listed, and there is no next page', async () => {
  const { call } = harness()
  const answer = await call('GET', LIST)
  assert.is((answer.json as unknown[]).length, 25)
  assert.is(answer.headers.get('link'), null)
})

it('pages follow each other until the end, whatever comes and goes between them', async () => {
  const { call, service } = harness()
  const seen: string[] = []
  let next: string | undefined = `${LIST}?ids-only=true&limit=10`
  for (let page = 0; next !== undefined; page++) {
    const answer = await call('GET', next)
    assert.is(answer.status, 200)
    seen.push(...(answer.json as string[]))
    next = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1]
    if (page === 0) service.stored.delete('c-10')
    assert.ok(page < 3)
  }
  assert.is(seen.length, 25)
  assert.equal(seen, [...new Set(seen)].sort())
})

it('a last page that is full has no next one', async () => {
  const { call } = harness()
  const answer = await call('GET', `${LIST}?ids-only=true&limit=25`)
  assert.is((answer.json as unknown[]).length, 25)
  assert.is(answer.headers.get('link'), null)
})

const FILTERS: readonly (readonly [string, readonly string[] | number])[] = [
  ['tag=third', 8],
  ['tag=n9', ['c-09']],
  ['tag=none', 0],
  ['status=open', ['c-05', 'c-10', 'c-15', 'c-20', 'c-25']],
  ['type=mqtt-5', ['c-25']],
  ['type=mqtt&status=open&tag=third', ['c-15']],
  ['status=open&limit=2', ['c-05', 'c-10']],
  ['type=kafka', 0],
]
for (const [query, expected] of FILTERS) {
  it(`filters by ${query}`, async () => {
    const { call } = harness()
    const { json } = await call('GET', `${LIST}?ids-only=true&${query}`)
    if (typeof expected === 'number') assert.is((json as unknown[]).length, expected)
    else assert.equal(json, expected)
  })
}

it('the next page keeps filters and fields', async () => {
  const { call } = harness()
  const first = await call('GET', `${LIST}?status=open&limit=2&fields=id,tags`)
  const next = /<([^>]+)>/.exec(first.headers.get('link')!)![1]!
  const { json } = await call('GET', next)
  assert.equal(json, [
    { id: 'c-15', tags: ['third', 'n15'] },
    { id: 'c-20', tags: [] },
  ])
})

for (const query of [
  'limit=0',
  'limit=1001',
  'limit=x',
  'type=x',
  'status=x',
  'cursor=%21',
  'cursor=',
]) {
  it(`refuses ${query} by its name`, async () => {
    const { status, json } = await harness().call('GET', `${LIST}?${query}`)
    assert.is(status, 400)
    const { error, message } = json as { error: string; message: string }
    assert.is(error, 'connectivity:query.invalid')
    assert.match(message, `<${query.split('=')[0]}>`)
  })
}
