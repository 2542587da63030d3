import * as assert from 'uvu/assert'
import { parseExtraFields } from '../../../src/connection/extra-fields.ts'
import { suite } from '../../support/suite.ts'

const it = suite('extra fields of topics')

const ID = '{{ feature:id }}'
const FILTERED = `{{ header:a | fn:filter('like','a,(b)*') }}`

const CASES: readonly [text: string, fields: readonly string[]][] = [
  ['attributes', ['/attributes']],
  ['attributes/a, thingId', ['/attributes/a', '/thingId']],
  ['attributes(a,b/c)', ['/attributes/a', '/attributes/b/c']],
  ['attributes/a~1b', ['/attributes/a~1b']],
  [`features/${ID}/properties`, [`/features/${ID}/properties`]],
  [
    `features/${ID}(definition,properties/a)`,
    [ID, ID].map((id, index) => `/features/${id}/${['definition', 'properties/a'][index]}`),
  ],
  [`attributes(${FILTERED},a)`, [`/attributes/${FILTERED}`, '/attributes/a']],
  [`\${thing:id},\${header:a}/b${ID}`, [`/\${thing:id}`, `/\${header:a}/b${ID}`]],
  ['attributes/{{ header:a', ['/attributes/{{ header:a']],
]

it('gives a pointer per field, whatever is in its placeholders', () => {
  for (const [text, fields] of CASES) assert.equal(parseExtraFields(text), fields, text)
})

it('refuses what is no selector', () => {
  for (const text of ['', 'a,', '(a)', `a(${ID}`, `${ID})`, `a,,${ID}`, `a//${ID}`]) {
    assert.throws(() => parseExtraFields(text), undefined, text)
  }
})

it('takes time in proportion to the text', () => {
  const start = performance.now()
  for (const part of ['{{', '${', '{{a}}', '{{a}},', '}}']) {
    try {
      parseExtraFields(part.repeat(100_000))
    } catch {
      // Some are selectors, some are not.
    }
  }
  assert.ok(performance.now() - start < 10_000)
})
