/**
 * The JavaScript mapper with scripts that mean well: what they are given and what they may
 * return.
 */
import * as assert from 'uvu/assert'
import { compileScripts } from '../../../src/mapping/javascript.ts'
import { DittoException } from '../../../src/protocol/errors.ts'
import { suite } from '../../support/suite.ts'
import {
  adaptable,
  external,
  incoming,
  javaScript,
  LIMITS,
  outcomes,
  outgoing,
  promptMapper,
  testEnvironment,
  values,
} from './support.ts'

const it = suite('mapping/javascript')

const MODIFY = (value: string) =>
  `Ditto.buildDittoProtocolMsg('demo', 'pump', 'things', 'twin', 'commands', 'modify', '/a', {}, ${value})`

it('an incoming script makes a Ditto Protocol message with the helper', () => {
  const mapper = incoming(`
    function mapToDittoProtocolMsg(headers, textPayload, bytePayload, contentType) {
      const data = JSON.parse(textPayload)
      const id = headers['mqtt.topic'].split('/')[1]
      return Ditto.buildDittoProtocolMsg('demo', id, 'things', 'twin', 'commands', 'modify',
        '/features/temperature', { 'response-required': false }, { type: contentType, v: data.temp })
    }`)
  const headers = { 'mqtt.topic': 'devices/pump/telemetry', 'content-type': 'application/json' }
  const [result] = mapper.inbound([external('{"temp":21.5}', headers)])
  assert.ok(result?.ok)
  const [signal] = result.values
  assert.is(signal?.topic.full, 'demo/pump/things/twin/commands/modify')
  assert.is(signal?.path, '/features/temperature')
  assert.equal(signal?.headers, { 'response-required': false })
  assert.equal(signal?.value, { type: 'application/json', v: 21.5 })
  mapper.close()
})

it('bytes that are no text are bytes alone; text is read in its charset', () => {
  const mapper = incoming(`
    function mapToDittoProtocolMsg(headers, textPayload, bytePayload) {
      const bytes = bytePayload === null ? null : Array.from(new Uint8Array(bytePayload))
      return ${MODIFY('[textPayload, bytes]')}
    }`)
  const bytes = Buffer.from([0x67, 0xfc])
  const batch = [
    { ...external(bytes), binary: true },
    external(bytes, { 'content-type': 'text/plain; charset=ISO-8859-1' }),
    external(bytes, { 'content-type': 'text/plain; charset=klingon' }),
    external(undefined),
  ]
  assert.equal(values(mapper.inbound(batch)), [
    [[null, [0x67, 0xfc]]],
    [['gü', [0x67, 0xfc]]],
    [['g\ufffd', [0x67, 0xfc]]],
    [[null, null]],
  ])
  mapper.close()
})

it('null and an empty array drop a message, an array makes several in order', () => {
  const mapper = incoming(`
    function mapToDittoProtocolMsg(headers, text) {
      const many = JSON.parse(text)
      return many === null ? null : many.map((v) => ${MODIFY('v')})
    }`)
  assert.equal(
    values(mapper.inbound(['null', '[]', '[1,2,3]', '[4]'].map((text) => external(text)))),
    [[], [], [1, 2, 3], [4]],
  )
  mapper.close()
})

it('a channel of none is left out of the topic', () => {
  const mapper = incoming(`
    function mapToDittoProtocolMsg() {
      return Ditto.buildDittoProtocolMsg('a', 'b', 'policies', 'none', 'commands', 'delete', '/', {})
    }`)
  const [result] = mapper.inbound([external('x')])
  assert.is(result?.ok && result.values[0]?.topic.full, 'a/b/policies/commands/delete')
  mapper.close()
})

it('scripts see text and bytes of every payload, and null where there is none', () => {
  const mapper = incoming(`
    function mapToDittoProtocolMsg(headers, text, bytes, contentType) {
      const list = bytes === null ? null : Array.from(new Uint8Array(bytes))
      return ${MODIFY('{ text, list, contentType, isBuffer: bytes instanceof ArrayBuffer }')}
    }`)
  const batch = [external('é'), external(new Uint8Array([1, 65])), external(undefined)]
  assert.equal(values(mapper.inbound(batch)), [
    [{ text: 'é', list: [195, 169], contentType: null, isBuffer: true }],
    [{ text: '\u0001A', list: [1, 65], contentType: null, isBuffer: true }],
    [{ text: null, list: null, contentType: null, isBuffer: false }],
  ])
  mapper.close()
})

it('an overridden wrapper gets the whole external message', () => {
  const mapper = incoming(`
    function mapToDittoProtocolMsgWrapper(externalMsg) {
      const { headers, textPayload, bytePayload, contentType } = externalMsg
      const size = bytePayload.byteLength
      return ${MODIFY('{ headers, textPayload, size, contentType }')}
    }`)
  const headers = { device: 'd1', 'content-type': 'text/plain' }
  assert.equal(values(mapper.inbound([external('abc', headers)])), [
    [{ headers, textPayload: 'abc', size: 3, contentType: 'text/plain' }],
  ])
  mapper.close()
})

it('a function that is replaced while running may begin to use bytes', () => {
  const mapper = incoming(`
    function mapToDittoProtocolMsg(headers, text) {
      mapToDittoProtocolMsg = (headers, text, bytes) => ${MODIFY('bytes.byteLength')}
      return ${MODIFY('text')}
    }`)
  const batch = ['ab', 'abc', 'abcd'].map((text) => external(text))
  assert.equal(values(mapper.inbound(batch)), [['ab'], [3], [4]])
  mapper.close()
})

it('functions may be declared with const, and globals persist across messages and batches', () => {
  const mapper = incoming(`
    let count = 0
    const mapToDittoProtocolMsg = () => { count++; return ${MODIFY('count')} }`)
  const batch = [external('x'), external('x')]
  assert.equal(values(mapper.inbound(batch)), [[1], [2]])
  assert.equal(values(mapper.inbound(batch)), [[3], [4]])
  mapper.close()
})

it('mappers of one shard share an isolate and no globals', () => {
  const environment = testEnvironment()
  const script = `
    var seen = typeof seen === 'undefined' ? [] : seen
    function mapToDittoProtocolMsg(headers, text) { seen.push(text); return ${MODIFY('seen')} }`
  const [one, other] = [incoming(script, environment), incoming(script, environment)]
  assert.equal(values(one.inbound([external('a')])), [[['a']]])
  assert.equal(values(other.inbound([external('b')])), [[['b']]])
  one.close()
  assert.equal(values(other.inbound([external('c')])), [[['b', 'c']]])
  other.close()
})

it('a script that defines no function maps Ditto Protocol content and drops the rest', () => {
  const mapper = incoming('var helper = 1')
  const protocol = { 'content-type': 'application/vnd.eclipse.ditto+json' }
  const text = '{"topic":"a/b/things/twin/commands/modify","path":"/","value":7}'
  assert.equal(values(mapper.inbound([external(text, protocol), external(text)])), [[7], []])
  mapper.close()
})

const HELPERS: readonly (readonly [string, unknown])[] = [
  ['Ditto.arrayBufferToString(new Uint8Array([72, 228, 0]).buffer)', 'H\u00e4\u0000'],
  ["Array.from(new Uint8Array(Ditto.stringToArrayBuffer('a\u00e4\u0161')))", [97, 228, 97]],
  [
    "Ditto.buildExternalMsg({ a: 'b' }, 't', null, 'c')",
    { headers: { a: 'b' }, textPayload: 't', bytePayload: null, contentType: 'c' },
  ],
]
for (const [code, expected] of HELPERS) {
  it(`helper ${code.slice(0, 30)}`, () => {
    const mapper = incoming(`function mapToDittoProtocolMsg() { return ${MODIFY(code)} }`)
    assert.equal(values(mapper.inbound([external('x')])), [[expected]])
    mapper.close()
  })
}

it('an outgoing script gets the parts of the topic and the signal', () => {
  const mapper = outgoing(`
    function mapFromDittoProtocolMsg(namespace, name, group, channel, criterion, action, path,
        dittoHeaders, value, status, extra) {
      const text = JSON.stringify({ namespace, name, group, channel, criterion, action, path,
        dittoHeaders, value, status, extra })
      return Ditto.buildExternalMsg({ 'mqtt.topic': 'out/' + name }, text, null, 'application/json')
    }`)
  const signals = [
    adaptable({ extra: { attributes: { a: 1 } } }),
    adaptable({ topic: 'demo/pump/policies/commands/delete', status: 204, headers: {} }),
    adaptable({ topic: 'demo/pump/things/live/messages/ask/again', headers: {} }),
  ]
  const seen = outcomes(mapper.outbound(signals), ({ headers, payload }) => {
    assert.equal(headers, { 'mqtt.topic': 'out/pump', 'content-type': 'application/json' })
    return JSON.parse(payload as string)
  }).flat() as Record<string, unknown>[]
  assert.equal(seen[0], {
    namespace: 'demo',
    name: 'pump',
    group: 'things',
    channel: 'twin',
    criterion: 'events',
    action: 'modified',
    path: '/attributes/on',
    dittoHeaders: { 'correlation-id': 'c-1' },
    value: true,
    extra: { attributes: { a: 1 } },
  })
  const { channel, criterion, action, status } = seen[1]!
  assert.equal([channel, criterion, action, status], ['none', 'commands', 'delete', 204])
  assert.is(seen[2]?.action, 'ask')
  mapper.close()
})

it('an overridden outgoing wrapper gets the whole protocol message', () => {
  const mapper = outgoing(`
    function mapFromDittoProtocolMsgWrapper(msg) {
      const headers = { 'http.path': msg.topic.split('/').join(':') + ':' + msg.revision }
      return Ditto.buildExternalMsg(headers, JSON.stringify(msg.value), null, 'application/json')
    }`)
  assert.equal(
    outcomes(mapper.outbound([adaptable()]), (message) => message),
    [
      [
        {
          headers: {
            'http.path': 'demo:pump:things:twin:events:modified:42',
            'content-type': 'application/json',
          },
          payload: 'true',
        },
      ],
    ],
  )
  mapper.close()
})

const EXTERNAL: readonly (readonly [string, unknown])[] = [
  ["{ textPayload: 't' }", [{ headers: {}, payload: 't' }]],
  ["{ textPayload: '' }", [{ headers: {}, payload: '' }]],
  [
    "{ textPayload: 't', headers: { s: 's', n: 1, b: true, x: null, a: [1, 'b'], o: { p: 1 } } }",
    [
      {
        headers: { s: 's', n: '1', b: 'true', x: 'null', a: '[1,"b"]', o: '{"p":1}' },
        payload: 't',
      },
    ],
  ],
  [
    "{ textPayload: 't', headers: { 'content-type': 'a/b' }, contentType: 'c/d' }",
    [{ headers: { 'content-type': 'c/d' }, payload: 't' }],
  ],
  [
    "[{ textPayload: 'a' }, { textPayload: 'b' }]",
    [
      { headers: {}, payload: 'a' },
      { headers: {}, payload: 'b' },
    ],
  ],
  [
    "{ textPayload: 't', bytePayload: new Uint8Array([1, 2]).buffer }",
    [{ headers: {}, payload: [1, 2] }],
  ],
  [
    '{ bytePayload: new Uint8Array([9, 1, 2, 9]).subarray(1, 3) }',
    [{ headers: {}, payload: [1, 2] }],
  ],
  ['{ bytePayload: [1, 258] }', [{ headers: {}, payload: [1, 2] }]],
  ["{ bytePayload: new ArrayBuffer(0), textPayload: 't' }", [{ headers: {}, payload: [] }]],
  [
    '{ bytePayload: { toArrayBuffer: () => new Uint8Array([3]).buffer } }',
    [{ headers: {}, payload: [3] }],
  ],
  ['null', []],
  ['[]', []],
  ['{}', 'Neither <bytePayload> nor <textPayload> were defined in the outgoing script'],
  [
    "{ textPayload: 't', contentType: null }",
    '<contentType> must be a string or undefined but was null',
  ],
  ['{ textPayload: 7 }', '<textPayload> must be a string but was number'],
  [
    'undefined',
    'The script returned undefined where an external message, an array of them or null was expected',
  ],
]
for (const [code, expected] of EXTERNAL) {
  it(`outgoing result ${code.slice(0, 60)}`, () => {
    const mapper = outgoing(`function mapFromDittoProtocolMsg() { return ${code} }`)
    // Twice in a batch: bytes of several messages must not run into each other.
    const shown = outcomes(mapper.outbound([adaptable(), adaptable()]), ({ headers, payload }) => ({
      headers,
      payload: payload instanceof Uint8Array ? Array.from(payload) : payload,
    }))
    assert.equal(shown, [expected, expected])
    mapper.close()
  })
}

it('without a script a direction is plain Ditto Protocol, and outgoing headers are kept', () => {
  const definition = javaScript({ incomingScript: '', outgoingScript: null })
  const environment = testEnvironment()
  const mapper = promptMapper({ id: 'js', engine: 'JavaScript', definition }, environment)
  const [out] = mapper.outbound([adaptable({ headers: { 'correlation-id': 'c', custom: 'x' } })])
  assert.ok(out?.ok)
  assert.equal(out.values[0]?.headers, {
    'correlation-id': 'c',
    custom: 'x',
    'content-type': 'application/vnd.eclipse.ditto+json',
  })
  const [back] = mapper.inbound([external(out.values[0]?.payload)])
  assert.is(back?.ok && back.values[0]?.path, '/attributes/on')
  assert.equal(environment.recorded, [])
  mapper.close()
})

it('lines written to the console come out with their level, bounded', () => {
  const environment = testEnvironment()
  const mapper = incoming(
    `const { log, warn, error } = console
    function mapToDittoProtocolMsg(headers, text) {
      if (text === 'many') for (let i = 0; i < 150; i++) log(i)
      else { log('a', { b: 1 }, 2); warn('w'); error(new TypeError('bad')) }
      return null
    }`,
    environment,
  )
  mapper.inbound([external('few')])
  assert.equal(environment.lines, ['js info a {"b":1} 2', 'js warn w', 'js error TypeError: bad'])
  environment.lines.length = 0
  mapper.inbound([external('many')])
  assert.is(environment.lines.length, 101)
  assert.is(environment.lines.at(-1), 'js warn 50 more lines were dropped')
  mapper.close()
})

it('a result that is no Ditto Protocol message fails the message with the reason', () => {
  const mapper = incoming(`
    function mapToDittoProtocolMsg(headers, text) { return text === 'good' ? ${MODIFY('1')} : eval(text) }`)
  const expected = 'a Ditto Protocol message, an array of them or null was expected'
  const cases: readonly (readonly [string, unknown])[] = [
    ['good', [1]],
    ['undefined', `The script returned undefined where ${expected}`],
    ['7', `The script returned number where ${expected}`],
    ['[null]', `The script returned null where ${expected}`],
    ['({})', 'JSON did not include required </topic> field!'],
    [
      '(async () => null)()',
      'The script returned a promise, mapping functions must return the result',
    ],
    ['({ toJSON() { return [] } })', 'The script returned something that is no JSON object'],
    ['good', [1]],
  ]
  const shown = values(mapper.inbound(cases.map(([text]) => external(text))))
  assert.equal(
    shown,
    cases.map(([, result]) => result),
  )
  mapper.close()
})

it('an error of a script says what, where in the script, and which source line', () => {
  const mapper = incoming(
    `function helper(value) {
  return value.missing.deeper
}
function mapToDittoProtocolMsg(headers, text) { return helper({}) }`,
  )
  const [result] = mapper.inbound([external('x', { 'content-type': 'text/plain' })])
  assert.ok(result && !result.ok)
  assert.is(result.error.error, 'connectivity:message.mapping.failed')
  assert.match(result.error.message, 'text/plain')
  const lines = result.error.description!.split('\n')
  assert.match(lines[0]!, /^TypeError: .*undefined.* - in line\/column #2\/24, source:$/)
  assert.is(lines[1], '  return value.missing.deeper, stack:')
  assert.match(lines[2]!, /^ {4}at helper \(incomingScript:2:24\)$/)
  assert.match(lines[3]!, /^ {4}at mapToDittoProtocolMsg \(incomingScript:4:/)
  assert.is(lines.length, 4)
  mapper.close()
})

const BROKEN: readonly (readonly [string, string, RegExp])[] = [
  [
    'a syntax error',
    'function mapToDittoProtocolMsg() {\n  return ==;\n}',
    /SyntaxError: Unexpected token '==' - in line\/column #2\/10, source:\n {2}return ==;/,
  ],
  [
    'an error of the top level',
    '\nmissing()',
    /ReferenceError: missing is not defined - in line\/column #2\/1, source:\nmissing\(\)/,
  ],
  ['a thrown text', 'throw "no"', /due to: no$/],
  ['an endless top level', 'for (;;);', /Maximum execution time of <100>ms was exceeded\./],
  [
    'a top level without measure',
    'const a = []; for (;;) a.push("x".repeat(999) + a.length)',
    /Maximum (memory of <16>MB|execution time of <100>ms) was exceeded\./,
  ],
]
for (const [title, script, text] of BROKEN) {
  it(`${title} is found when scripts are compiled`, () => {
    const definition = javaScript({ incomingScript: script })
    const check = (thrown: unknown) => {
      assert.instance(thrown, DittoException)
      const { error, message } = (thrown as DittoException).error
      assert.is(error, 'connectivity:message.mapper.config.failed')
      assert.match(message, text)
    }
    const attempts = [() => compileScripts(definition, LIMITS), () => void incoming(script)]
    for (const attempt of attempts) {
      try {
        attempt()
        assert.unreachable('it compiled')
      } catch (thrown) {
        check(thrown)
      }
    }
  })
}

it('errors of the outgoing script name its lines', () => {
  const definition = javaScript({ incomingScript: 'var a\nvar b', outgoingScript: 'let x = ;' })
  assert.throws(() => compileScripts(definition, LIMITS), /#1\/9, source:\nlet x = ;/)
})

it('the recorder knows of every run of foreign code, and of its end', () => {
  const environment = testEnvironment()
  const mapper = incoming('function mapToDittoProtocolMsg() { throw 1 }', environment)
  assert.equal(environment.recorded, ['enter js', 'leave'])
  mapper.inbound([external('x'), external('x')])
  assert.equal(environment.recorded, ['enter js', 'leave', 'enter js', 'leave'])
  mapper.close()
  const recorded: string[] = []
  const recorder = { enter: (id: string) => recorded.push(id), leave: () => recorded.push('.') }
  compileScripts(javaScript({ incomingScript: '1' }), LIMITS, 'mine', recorder)
  assert.equal(recorded, ['mine', '.'])
})

it('batches may be larger than a call to the isolate', () => {
  const mapper = incoming(`
    let count = 0
    function mapToDittoProtocolMsg() { return ${MODIFY('count++')} }`)
  const results = values(mapper.inbound(Array.from({ length: 300 }, () => external('x'))))
  assert.equal(
    results,
    Array.from({ length: 300 }, (_, index) => [index]),
  )
  mapper.close()
})
