import * as assert from 'uvu/assert'
import { policyResourceOf, thingResourceOf } from '../../../src/protocol/resource.ts'
import { suite } from '../../support/suite.ts'

const it = suite('protocol/resource')

it('knows the parts of a thing', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['/', 'thing'],
    ['/policyId', 'policyId'],
    ['/definition', 'definition'],
    ['/attributes', 'attributes'],
    ['/attributes/a', 'attribute'],
    ['/attributes/a/b/c', 'attribute'],
    ['/features', 'features'],
    ['/features/lamp', 'feature'],
    ['/features/properties', 'feature'],
    ['/features/lamp/definition', 'featureDefinition'],
    ['/features/lamp/properties', 'featureProperties'],
    ['/features/lamp/properties/on', 'featureProperty'],
    ['/features/lamp/properties/a/b', 'featureProperty'],
    ['/features/lamp/desiredProperties', 'featureDesiredProperties'],
    ['/features/lamp/desiredProperties/on', 'featureDesiredProperty'],
    ['/features/lamp/definition/x', undefined],
    ['/features/lamp/inbox', undefined],
    ['/features/lamp/props/on', undefined],
    ['/policyId/x', undefined],
    ['/definition/x', undefined],
    ['/attribute', undefined],
    ['/thingId', undefined],
    ['/_policy', undefined],
    ['', undefined],
  ]
  for (const [path, resource] of cases) assert.is(thingResourceOf(path), resource, path)
})

it('knows the parts of a policy', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['/', 'policy'],
    ['/entries', 'policyEntries'],
    ['/entries/owner', 'policyEntry'],
    ['/entries/owner/subjects', 'subjects'],
    ['/entries/owner/subjects/nginx:ditto', 'subject'],
    ['/entries/owner/resources', 'resources'],
    ['/entries/owner/resources/thing:/features/a', 'resource'],
    ['/imports', 'policyImports'],
    ['/imports/org.acme:other', 'policyImport'],
    ['/imports/org.acme:other/entries', undefined],
    ['/entries/owner/other', undefined],
    ['/attributes', undefined],
  ]
  for (const [path, resource] of cases) assert.is(policyResourceOf(path), resource, path)
})
