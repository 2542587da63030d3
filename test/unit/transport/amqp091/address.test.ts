import * as assert from 'uvu/assert'
import {
  constantExchange,
  isShortString,
  parseTargetAddress,
} from '../../../../src/transport/amqp091/address.ts'
import { suite } from '../../../support/suite.ts'

const it = suite('transport/amqp091/address')

it('takes addresses apart at their only slash', () => {
  const cases: readonly [address: string, exchange: string, routingKey: string][] = [
    ['exchange/key', 'exchange', 'key'],
    ['/queue', '', 'queue'],
    ['exchange/', 'exchange', ''],
    ['amq.topic/a.#.b', 'amq.topic', 'a.#.b'],
    ['ex change/kéy 🌊', 'ex change', 'kéy 🌊'],
    ['/', '', ''],
  ]
  for (const [address, exchange, routingKey] of cases) {
    assert.equal(parseTargetAddress(address), { exchange, routingKey })
  }
})

it('says what is wrong with an address', () => {
  for (const address of ['', 'no-slash', 'a/b/c', '//', 'a//b']) {
    assert.is(
      parseTargetAddress(address),
      `The target address '${address}' must be specified in the format 'exchange/routingKey'.`,
    )
  }
  for (const address of [`${'e'.repeat(256)}/k`, `e/${'k'.repeat(256)}`, `e/${'é'.repeat(128)}`]) {
    assert.match(parseTargetAddress(address) as string, '255 bytes')
  }
  assert.type(parseTargetAddress(`e/${'é'.repeat(127)}k`), 'object')
})

it('an exchange is constant unless a placeholder has a part in it', () => {
  const cases: readonly [address: string, exchange: string | undefined][] = [
    ['exchange/key', 'exchange'],
    ['exchange/{{ thing:id }}', 'exchange'],
    ['/queue', undefined],
    ['{{ thing:namespace }}/key', undefined],
    ['pre-{{ thing:namespace }}/key', undefined],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a placeholder of Ditto's, not of this language.
    ['${thing:namespace}/key', undefined],
    ["{{ header:x | fn:default('a/b') }}/key", undefined],
    ['{{ header:whole-address }}', undefined],
  ]
  for (const [address, exchange] of cases) assert.is(constantExchange(address), exchange, address)
})

it('short strings are counted in bytes', () => {
  assert.ok(isShortString('x'.repeat(255)))
  assert.not.ok(isShortString('x'.repeat(256)))
  assert.ok(isShortString('漢'.repeat(85)))
  assert.not.ok(isShortString('漢'.repeat(86)))
})
