import * as assert from 'uvu/assert'
import { DittoException } from '../../../src/protocol/errors.ts'
import { innerPointerOf, resourceOf } from '../../../src/twin/resources.ts'
import { suite } from '../../support/suite.ts'

const it = suite('twin/resources')

/** Path, kind, segments. */
const PATHS: readonly [string, string, readonly string[]][] = [
  ['/', 'thing', []],
  ['/policyId', 'policyId', ['policyId']],
  ['/definition', 'definition', ['definition']],
  ['/attributes', 'attributes', ['attributes']],
  ['/attributes/a/b', 'attribute', ['attributes', 'a', 'b']],
  ['/features', 'features', ['features']],
  ['/features/f', 'feature', ['features', 'f']],
  ['/features/f/definition', 'featureDefinition', ['features', 'f', 'definition']],
  ['/features/f/properties', 'featureProperties', ['features', 'f', 'properties']],
  ['/features/f/properties/a', 'featureProperty', ['features', 'f', 'properties', 'a']],
  [
    '/features/f/desiredProperties',
    'featureDesiredProperties',
    ['features', 'f', 'desiredProperties'],
  ],
  [
    '/features/properties/desiredProperties/a~0b',
    'featureDesiredProperty',
    ['features', 'properties', 'desiredProperties', 'a~b'],
  ],
]

for (const [path, kind, pointer] of PATHS) {
  it(`${path} is a ${kind}`, () => {
    const resource = resourceOf(path)
    assert.equal({ ...resource }, { kind, pointer, path, forbiddenName: undefined })
    assert.is(resourceOf(path), resource, 'parsed once')
  })
}

it('writes a path in one way only', () => {
  assert.is(resourceOf('/attributes/').kind, 'attributes')
  assert.is(resourceOf('/attributes/').path, '/attributes')
  assert.is(resourceOf('attributes/a').path, '/attributes/a')
})

it('notes a name under which nothing can be stored', () => {
  assert.is(resourceOf('/attributes/a/b~1c').forbiddenName, 'b/c')
  assert.is(resourceOf('/features/é').forbiddenName, 'é')
})

it('gives the pointer within attributes and properties', () => {
  assert.is(innerPointerOf(resourceOf('/attributes/a/b')), '/a/b')
  assert.is(innerPointerOf(resourceOf('/features/f/properties/a/b')), '/a/b')
})

for (const path of [
  '/thingId',
  '/policyId/x',
  '/definition/x',
  '/features/f/x',
  '/features/f/definition/x',
  '/_revision',
]) {
  it(`refuses ${path}`, () => {
    assert.throws(
      () => resourceOf(path),
      (thrown: unknown) =>
        thrown instanceof DittoException && thrown.error.error === 'protocoladapter:unknown.path',
    )
  })
}
