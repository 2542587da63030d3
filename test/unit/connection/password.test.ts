import * as assert from 'uvu/assert'
import {
  createPasswordVerifier,
  generatePassword,
  hashPassword,
  verifyPassword,
} from '../../../src/connection/password.ts'
import { suite } from '../../support/suite.ts'

const it = suite('password')

it('knows the right password by its hash, and no other', async () => {
  const hash = await hashPassword('Pässword 1')
  assert.is(await verifyPassword('Pässword 1', hash), true)
  for (const wrong of ['', 'Pässword 2', 'pässword 1', 'Pässword 1 ']) {
    assert.is(await verifyPassword(wrong, hash), false, wrong)
  }
})

it('hashes the same password to something else every time', async () => {
  assert.is.not(await hashPassword('a'), await hashPassword('a'))
})

it('does not let a damaged hash pass', async () => {
  const hash = await hashPassword('a')
  for (const damaged of ['', 'a', hash.slice(0, 30), hash.replace('scrypt', 'crypt')]) {
    let refused = false
    await verifyPassword('a', damaged).catch(() => {
      refused = true
    })
    assert.ok(refused, damaged)
  }
})

it('recognises the last good password at once, and still refuses others', async () => {
  const verify = createPasswordVerifier(await hashPassword('right'))
  assert.is(await verify('wrong'), false)
  assert.is(await verify('right'), true)
  const start = performance.now()
  for (let count = 0; count < 1000; count++) assert.is(await verify('right'), true)
  assert.ok(performance.now() - start < 1000, 'a hash takes tens of milliseconds')
  assert.is(await verify('wrong'), false)
})

it('generates passwords that are long and different', () => {
  const passwords = new Set(Array.from({ length: 100 }, generatePassword))
  assert.is(passwords.size, 100)
  for (const password of passwords) assert.match(password, /^[\w-]{24}$/)
})
