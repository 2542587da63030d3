/** Messages in both directions: what is written can be read, and what others write, too. */
import fc from 'fast-check'
import rhea from 'rhea'
import * as assert from 'uvu/assert'
import type { ExternalMessage } from '../../../../src/protocol/external-message.ts'
import { parseAddress } from '../../../../src/transport/amqp10/address.ts'
import { decodeMessage } from '../../../../src/transport/amqp10/incoming.ts'
import { encodeOutbound } from '../../../../src/transport/amqp10/outgoing.ts'
import { suite } from '../../../support/suite.ts'

const it = suite('transport/amqp10/messages')
const { types, message: amqp } = rhea
const ADDRESS = parseAddress('there')

it('what is written is read again', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 300 })
  const time = fc.integer({ min: -8.64e15, max: 8.64e15 }).map(String)
  const properties = fc.record(
    {
      'message-id': text,
      'user-id': text,
      to: text,
      subject: text,
      'reply-to': text,
      'correlation-id': text,
      'content-type': fc.string({ maxLength: 300 }),
      'content-encoding': fc.string(),
      'absolute-expiry-time': time,
      'creation-time': time,
      'group-id': text,
      'group-sequence': fc.nat({ max: 4_294_967_295 }).map(String),
      'reply-to-group-id': text,
    },
    { requiredKeys: [] },
  )
  const own = fc.dictionary(
    fc.oneof(
      text,
      fc.constantFrom('__proto__', 'constructor', 'durable', 'body', 'message_id', 'described'),
    ),
    text,
  )
  const prefixed = fc.dictionary(
    fc.oneof(
      fc
        .constantFrom('to', 'subject', 'amqp.message.annotation:x')
        .map((name) => `amqp.application.property:${name}`),
      fc.string().map((name) => `amqp.message.annotation:${name}`),
    ),
    text,
  )
  const payload = fc.oneof(
    fc.constant(undefined),
    text,
    fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
  )
  fc.assert(
    fc.property(properties, own, prefixed, payload, (one, two, three, body) => {
      const headers = Object.fromEntries(
        [one, two, three].flatMap((part) => Object.entries(part) as [string, string][]),
      )
      const decoded = roundTrip({ headers, payload: body })
      assert.equal(
        Object.entries(decoded.headers).sort(byName),
        Object.entries({ to: 'there', ...headers }).sort(byName),
      )
      assert.equal(decoded.payload, body)
    }),
    { numRuns: 300 },
  )
})

it('others read what is written', () => {
  const text = 'x'.repeat(300)
  const headers = {
    'message-id': 'm',
    'user-id': 'jürgen',
    'content-type': 'text/plain',
    'creation-time': '1700000000000',
    'group-sequence': '7',
    own: text,
    'amqp.application.property:subject': 's',
    'amqp.message.annotation:x-opt-a': 'a',
  }
  const bytes = encodeOutbound(outbound(headers, text), parseAddress('topic://t'), true) as Buffer
  const { application_properties, message_annotations, ...rest } = amqp.decode(
    bytes,
  ) as unknown as Record<string, unknown>
  assert.equal(application_properties, { own: text, subject: 's' })
  assert.equal(message_annotations, { 'x-opt-a': 'a', 'x-opt-jms-dest': 1 })
  assert.equal(rest, {
    ...rest,
    durable: true,
    message_id: 'm',
    user_id: Buffer.from('jürgen'),
    to: 't',
    content_type: 'text/plain',
    creation_time: new Date(1_700_000_000_000),
    group_sequence: 7,
    body: text,
  })
})

it('reads what others write, whatever its type', () => {
  const uuid = Buffer.from('00112233445566778899aabbccddeeff', 'hex')
  const decoded = read({
    message_id: 18,
    correlation_id: uuid,
    user_id: Buffer.from('jürgen') as unknown as string,
    creation_time: new Date(1_700_000_000_000),
    group_sequence: 0,
    application_properties: {
      text: 't',
      yes: true,
      no: false,
      nothing: null,
      small: -5,
      large: types.wrap_long(-(2 ** 40)),
      huge: types.wrap_ulong(Buffer.from('ffffffffffffffff', 'hex')),
      half: 0.5,
      float: types.wrap_float(0.25),
      when: new Date(5),
      bytes: Buffer.from('abc'),
      uuid: types.wrap_uuid(uuid),
      letter: types.wrap_char(0x1f600),
      subject: 'taken',
      'amqp.message.annotation:a': 'taken too',
    },
    message_annotations: { a: 'x', list: [1, 'two'] },
    body: null,
  })
  assert.equal(decoded.headers, {
    'amqp.message.annotation:a': 'x',
    'amqp.message.annotation:list': '[1,"two"]',
    'message-id': '18',
    'user-id': 'jürgen',
    'correlation-id': '00112233-4455-6677-8899-aabbccddeeff',
    'creation-time': '1700000000000',
    'group-sequence': '0',
    text: 't',
    yes: 'true',
    no: 'false',
    small: '-5',
    large: `${-(2 ** 40)}`,
    huge: '18446744073709551615',
    half: '0.5',
    float: '0.25',
    when: '5',
    bytes: 'YWJj',
    uuid: '00112233-4455-6677-8899-aabbccddeeff',
    letter: '😀',
    'amqp.application.property:subject': 'taken',
    'amqp.application.property:amqp.message.annotation:a': 'taken too',
  })
  assert.is(decoded.payload, undefined)
})

it('takes bodies of every kind', () => {
  const cases: readonly [body: unknown, payload: unknown][] = [
    ['text', 'text'],
    ['', ''],
    [Buffer.of(1, 2), Buffer.of(1, 2)],
    [null, undefined],
    [42, '42'],
    [true, 'true'],
    [{ a: [1, null, { b: 'c' }] }, '{"a":[1,null,{"b":"c"}]}'],
    [amqp.data_section(Buffer.of(3)), Buffer.of(3)],
    [amqp.data_section(Buffer.alloc(0)), Buffer.alloc(0)],
    [amqp.data_sections([Buffer.of(1), Buffer.of(2, 3)]), Buffer.of(1, 2, 3)],
    [amqp.sequence_section([1, 'two']), '[1,"two"]'],
    [amqp.sequence_sections([[1], [2, 3]]), '[1,2,3]'],
  ]
  for (const [body, payload] of cases) {
    const message = read({ body })
    assert.equal(message.payload, payload)
    assert.is(message.binary, typeof payload === 'object' ? true : undefined)
  }
})

it('bytes are text when their content type says so', () => {
  const cases: readonly [contentType: string | undefined, isText: boolean][] = [
    ['text/plain', true],
    ['text/plain; charset=ISO-8859-1', true],
    ['application/json', true],
    ['application/json; charset=utf-8', true],
    ['application/vnd.eclipse.ditto+json', true],
    ['application/xml', true],
    ['application/javascript', true],
    ['application/octet-stream', false],
    ['application/jsonish', false],
    ['image/png', false],
    [undefined, false],
  ]
  for (const [contentType, isText] of cases) {
    const body = amqp.data_section(Buffer.from('x'))
    const { binary } = read({ body, ...(contentType && { content_type: contentType }) })
    assert.is(binary, isText ? undefined : true, contentType)
  }
})

it('refuses what is no message, and never does more than that', () => {
  const cases: readonly [hex: string, words: RegExp][] = [
    ['01', /no descriptor/],
    ['0040', /no descriptor|cut short|no number/],
    ['005377', /cut short/],
    ['005377a105', /cut short/],
    ['005377b1ffffffff', /cut short/],
    ['0053739900', /cut short/],
    ['0053735700', /unknown/],
    ['005374450000', /no map/],
    ['005374c10301a10061', /no values|cut short/],
    ['005377f00000000affffffff40', /cut short|longer/],
    [`005377${'c00a01'.repeat(200)}`, /cut short|too deep/],
    [`005377${'005377'.repeat(40)}40`, /descriptors/],
    ['005377a10161005375a00161', /two kinds/],
    ['0053734003', /no list/],
    ['00537373ffffffff', /none/],
  ]
  for (const [hex, words] of cases) {
    assert.throws(() => decodeMessage(Buffer.from(hex, 'hex')), words, hex)
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        decodeMessage(Buffer.concat([Buffer.of(0, 0x53, 0x77), bytes]))
      } catch (error) {
        assert.is((error as Error).name, 'MalformedError')
      }
    }),
    { numRuns: 500 },
  )
})

it('refuses values that their types cannot hold', () => {
  const cases: readonly [name: string, value: string][] = [
    ['group-sequence', '4294967296'],
    ['group-sequence', '1.5'],
    ['group-sequence', ''],
    ['absolute-expiry-time', 'tomorrow'],
    ['absolute-expiry-time', '9999999999999999'],
    ['creation-time', '2026-01-01T00:00:00Z'],
    ['content-type', 'é'],
    ['amqp.message.annotation:é', 'x'],
  ]
  for (const [name, value] of cases) {
    const refused = encodeOutbound(outbound({ [name]: value }), ADDRESS, false)
    assert.type(refused, 'string')
    assert.match(String(refused), `'${name}'`)
  }
})

it('says where a message goes that leaves on a link without an address', () => {
  const cases: readonly [address: string, to: string, kind: string][] = [
    ['plain', 'plain', '0'],
    ['queue://q', 'q', '0'],
    ['topic://t/x', 't/x', '1'],
  ]
  for (const [address, to, kind] of cases) {
    const bytes = encodeOutbound(outbound({ to: 'elsewhere' }), parseAddress(address), true)
    const { headers } = decodeMessage(bytes as Buffer)
    assert.equal([headers.to, headers['amqp.message.annotation:x-opt-jms-dest']], [to, kind])
  }
})

function outbound(headers: Record<string, string>, payload?: ExternalMessage['payload']) {
  return { address: 'there', qos: undefined, message: { headers, payload } }
}

function roundTrip({ headers, payload }: ExternalMessage): ExternalMessage {
  const bytes = encodeOutbound(outbound({ ...headers }, payload), ADDRESS, false)
  if (typeof bytes === 'string') throw new Error(bytes)
  return decodeMessage(bytes)
}

function read(message: object): ExternalMessage {
  return decodeMessage(amqp.encode(message))
}

function byName([one]: [string, string], [other]: [string, string]): number {
  return one < other ? -1 : 1
}
