import * as assert from 'uvu/assert'
import { compileHeaderMapping } from '../../../src/expression/header-mapping.ts'
import { ALL_PLACEHOLDERS, HEADER_ONLY } from '../../../src/expression/placeholders.ts'
import { suite } from '../../support/suite.ts'
import { contextWith } from './contexts.ts'

const it = suite('header mapping')

it('sets what resolves and leaves the rest alone', () => {
  const program = compileHeaderMapping(
    {
      constant: 'x',
      thing: '{{ thing:id }}',
      missing: '{{ header:missing }}',
      deleted: '{{ fn:delete() }}',
      first: '{{ request:subjectId }}',
      kept: '{{ header:missing }}',
    },
    ALL_PLACEHOLDERS,
  )
  const into: Record<string, string> = { kept: 'before', thing: 'before' }
  program.apply(contextWith(), into)
  assert.equal(into, {
    kept: 'before',
    constant: 'x',
    thing: 'org.acme:lamp',
    first: 'integration:a',
  })
})

it('refuses placeholders that are not allowed', () => {
  assert.throws(() => compileHeaderMapping({ a: '{{ thing:id }}' }, HEADER_ONLY), /thing:id/)
})
