/**
 * Scripts that mean harm, or are merely broken: each message answers for itself alone, its
 * neighbours in the batch and the next batch are mapped. What ends whole processes is not run
 * here; the system tests do that, to a process of their own.
 */
import * as assert from 'uvu/assert'
import { suite } from '../../support/suite.ts'
import {
  adaptable,
  external,
  incoming,
  javaScript,
  LIMITS,
  promptMapper,
  testEnvironment,
  values,
} from './support.ts'

const it = suite('mapping/hostile-scripts')

const TIME = `Maximum execution time of <${LIMITS.maxExecutionMs}>ms was exceeded.`
const MEMORY = `Maximum memory of <${LIMITS.memoryMb}>MB was exceeded.`

/**
 * A mapper that runs what a message tells it to; `good` gives the number of good messages so far.
 */
const OBEDIENT = `
  let good = 0
  const kept = []
  const message = (value) => Ditto.buildDittoProtocolMsg(
    'demo', 'pump', 'things', 'twin', 'commands', 'modify', '/a', {}, value)
  function mapToDittoProtocolMsg(headers, textPayload) {
    if (textPayload === 'good') return message(++good)
    if (textPayload === 'plain') return message('plain')
    return (0, eval)(textPayload)
  }`

interface Case {
  readonly title: string
  readonly code: string
  readonly failure: RegExp | string
  /** Globals survive whatever leaves the isolate alive. */
  readonly keepsGlobals: boolean
}

const CASES: readonly Case[] = [
  { title: 'an endless loop', code: 'for (;;);', failure: TIME, keepsGlobals: true },
  {
    title: 'a loop that catches everything',
    code: 'for (;;) { try { for (;;); } catch {} finally { continue } }',
    failure: TIME,
    keepsGlobals: true,
  },
  {
    title: 'a catastrophic regular expression',
    code: '/^(a+)+$/.test("a".repeat(40) + "b")',
    failure: TIME,
    keepsGlobals: true,
  },
  { title: 'a throw', code: 'throw new Error("no")', failure: /^Error: no/, keepsGlobals: true },
  { title: 'a thrown null', code: 'throw null', failure: 'null', keepsGlobals: true },
  {
    title: 'a thrown object that cannot be shown',
    code: 'throw { toString() { throw 1 }, get stack() { throw 2 } }',
    failure: 'The script threw something that cannot be shown',
    keepsGlobals: true,
  },
  {
    title: 'an endless toString of what is thrown',
    code: 'throw { toString() { for (;;); } }',
    failure: TIME,
    keepsGlobals: true,
  },
  {
    title: 'a deep recursion',
    code: '(function f() { return f() + 1 })()',
    failure: /^RangeError: Maximum call stack size exceeded/,
    keepsGlobals: true,
  },
  {
    title: 'memory eaten by arrays',
    code: 'for (;;) kept.push(new Array(1000).fill(kept.length))',
    failure: /^Maximum (memory|execution time)/,
    keepsGlobals: false,
  },
  {
    title: 'memory eaten by strings',
    code: 'for (;;) kept.push("x".repeat(5000).split("").join("y"))',
    failure: /^Maximum (memory|execution time)/,
    keepsGlobals: false,
  },
  {
    title: 'a thenable',
    code: '({ then() {} })',
    failure: 'The script returned a promise, mapping functions must return the result',
    keepsGlobals: true,
  },
  {
    title: 'a huge result',
    code: 'message("x".repeat(2_000_000))',
    failure: /^The script returned 20000\d\d characters, the limit is 1048576$/,
    keepsGlobals: true,
  },
  {
    title: 'eleven results',
    code: 'Array.from({ length: 11 }, () => message(0))',
    failure: "The payload mapping 'js' produced 11 messages, which exceeds the limit of 10.",
    keepsGlobals: true,
  },
  {
    title: 'an array that claims to be endless',
    code: 'const many = []; many.length = 2 ** 31; many',
    failure: /produced 2147483648 messages/,
    keepsGlobals: true,
  },
  {
    title: 'a getter that throws in the result',
    code: '({ get topic() { throw new Error("gotcha") } })',
    failure: /^Error: gotcha/,
    keepsGlobals: true,
  },
  {
    title: 'an array that says how long it is, and lies',
    code: 'new Proxy([], { get: (_, name) => (name === "length" ? "1],\\"b\\":9,\\"r\\":[" : 0) })',
    failure: 'dropped',
    keepsGlobals: true,
  },
  {
    title: 'an array that is endless by its own account',
    code: 'new Proxy([], { get: (_, name) => (name === "length" ? 2 ** 32 - 1 : message(0)) })',
    failure: /produced 4294967295 messages/,
    keepsGlobals: true,
  },
  {
    title: 'a proxy whose traps never end',
    code: 'new Proxy({}, { get() { for (;;); } })',
    failure: TIME,
    keepsGlobals: true,
  },
  {
    title: 'a then that never comes',
    code: '({ get then() { for (;;); } })',
    failure: TIME,
    keepsGlobals: true,
  },
  {
    title: 'a toJSON that never ends',
    code: '({ toJSON() { for (;;); } })',
    failure: TIME,
    keepsGlobals: true,
  },
  {
    title: 'a stack that takes forever to be formatted',
    code: 'Error.prepareStackTrace = () => { for (;;); }; null.x',
    failure: TIME,
    keepsGlobals: true,
  },
  {
    title: 'a cyclic result',
    code: 'const loop = {}; loop.loop = loop; loop',
    failure: /^TypeError: Converting circular structure/,
    keepsGlobals: true,
  },
]

for (const { title, code, failure, keepsGlobals } of CASES) {
  it(`${title} fails alone`, () => {
    const mapper = incoming(OBEDIENT)
    const texts = ['good', 'good', code, 'good']
    const [first, second, hostile, third] = values(mapper.inbound(texts.map((t) => external(t))))
    assert.equal([first, second], [[1], [2]])
    if (failure === 'dropped') assert.equal(hostile, [])
    else if (typeof failure === 'string') assert.is(hostile, failure)
    else assert.match(hostile as string, failure)
    assert.type((third as unknown[])[0], 'number')
    const [next] = values(mapper.inbound([external('good')]))
    if (keepsGlobals) assert.equal([third, next], [[3], [4]])
    mapper.close()
  })
}

it('a message that exhausts the memory costs no neighbour its result, nor doubles one', () => {
  // The time is long enough that memory ends first.
  const environment = testEnvironment({ maxExecutionMs: 5_000, memoryMb: 16 })
  const mapper = incoming(OBEDIENT, environment)
  const eater = 'for (;;) kept.push(new Array(100).fill(kept.length))'
  const texts = ['plain', 'good', 'good', eater, 'plain', 'good', eater, 'good']
  const results = values(mapper.inbound(texts.map((text) => external(text))))
  // Globals start anew in each fresh isolate: behind each exhausted one, counting begins again.
  assert.equal(results, [['plain'], [1], [2], MEMORY, ['plain'], [1], MEMORY, [1]])
  assert.equal(values(mapper.inbound([external('good')])), [[2]])
  mapper.close()
})

it('a slow leak is not charged to the message at which it runs over', () => {
  const environment = testEnvironment({ maxExecutionMs: 5_000, memoryMb: 16 })
  const mapper = incoming(
    `const leak = []
    function mapToDittoProtocolMsg(headers, text) {
      leak.push(Array.from({ length: 100_000 }, (_, i) => i + 0.5))
      return Ditto.buildDittoProtocolMsg('a', 'b', 'things', 'twin', 'commands', 'modify', '/', {}, text)
    }`,
    environment,
  )
  const texts = Array.from({ length: 60 }, (_, index) => `m${index}`)
  const results = values(mapper.inbound(texts.map((text) => external(text))))
  assert.equal(
    results,
    texts.map((text) => [text]),
  )
  mapper.close()
})

it('slow but legal messages do not add up to a timeout', () => {
  const mapper = incoming(`
    function mapToDittoProtocolMsg(headers, text) {
      const end = Date.now() + 40
      while (Date.now() < end);
      return Ditto.buildDittoProtocolMsg('a', 'b', 'things', 'twin', 'commands', 'modify', '/', {}, text)
    }`)
  const texts = ['a', 'b', 'c', 'd', 'e', 'f']
  assert.equal(
    values(mapper.inbound(texts.map((text) => external(text)))),
    texts.map((text) => [text]),
  )
  mapper.close()
})

it('many runaways shorten the time of the mapper, and good messages go on', () => {
  const mapper = incoming(OBEDIENT)
  const texts = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? 'for (;;);' : 'good'))
  const began = performance.now()
  const results = values(mapper.inbound(texts.map((text) => external(text))))
  assert.ok(performance.now() - began < 10 * LIMITS.maxExecutionMs * 1.5)
  const goods = results.filter((_, index) => index % 2 === 1)
  assert.equal(
    goods,
    Array.from({ length: 10 }, (_, index) => [index + 1]),
  )
  assert.is(results[0], TIME)
  assert.match(results[18] as string, /<10>ms was exceeded\. It was reduced from <100>ms/)
  mapper.close()
})

it('tampering with prototypes harms nothing but the script', () => {
  const environment = testEnvironment()
  const tampering = `
    const { log } = console
    Object.prototype.polluted = 'yes'
    Object.defineProperty(Object.prototype, 'then', { get() { return undefined }, configurable: true })
    for (const index of [0, 1, 2]) {
      Object.defineProperty(Array.prototype, index, { set() { throw new Error('caught you') } })
    }
    for (const name of ['map', 'push', 'join', 'slice', 'concat']) Array.prototype[name] = null
    for (const name of ['split', 'slice', 'charCodeAt']) String.prototype[name] = null
    for (const name of ['stringify', 'parse']) JSON[name] = () => '["fake"]'
    Function.prototype.call = Function.prototype.apply = Function.prototype.bind = null
    Date.now = () => 0
    String = Uint8Array = ArrayBuffer = Object = undefined
    Error.prepareStackTrace = () => { throw 1 }`
  const definition = javaScript({
    incomingScript: `${tampering}
      function mapToDittoProtocolMsg(headers, text, bytes) {
        log('in', text)
        if (text === 'bad') throw new Error('bad')
        return { topic: 'a/b/things/twin/commands/modify', path: '/', value: bytes.byteLength }
      }`,
    outgoingScript: `function mapFromDittoProtocolMsg(namespace, name, group, channel) {
        return { textPayload: name + channel, headers: { a: 'b' } }
      }`,
  })
  const mapper = promptMapper({ id: 'js', engine: 'JavaScript', definition }, environment)
  for (const _ of [1, 2]) {
    const results = values(mapper.inbound(['x', 'bad', 'xyz'].map((text) => external(text))))
    assert.equal([results[0], results[2]], [[1], [3]])
    assert.type(results[1], 'string')
    const [out] = mapper.outbound([adaptable()])
    assert.equal(out?.ok && out.values, [{ headers: { a: 'b' }, payload: 'pumptwin' }])
  }
  assert.equal(environment.lines.slice(0, 3), ['js info in x', 'js info in bad', 'js info in xyz'])
  assert.is(Reflect.get({}, 'polluted'), undefined)
  mapper.close()
})

it('nothing of the host can be reached from a script', () => {
  const mapper = incoming(`
    function mapToDittoProtocolMsg(headers) {
      const root = Ditto.buildExternalMsg.constructor('return this')()
      const host = ['process', 'module', 'Buffer', 'ivm', '_ivm', 'global', 'window', '$0', '$1', '$2',
        'builtins', 'makeDriver', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask',
        'fetch', 'XMLHttpRequest', 'WebSocket', 'Worker', 'postMessage', 'importScripts', 'print',
        'load', 'read', 'quit', 'exit', 'Java', 'Packages', 'WebAssembly', 'Atomics',
        'FinalizationRegistry', 'ShadowRealm', 'gc', 'd8', 'Deno', 'Bun']
      const found = host.filter((name) => typeof root[name] !== 'undefined')
      try { found.push(headers.constructor.constructor('return process')().pid) } catch {}
      return Ditto.buildDittoProtocolMsg('a', 'b', 'things', 'twin', 'commands', 'modify', '/', {}, found)
    }`)
  assert.equal(values(mapper.inbound([external('x')])), [[[]]])
  mapper.close()
})

it('an endless promise fails no message', () => {
  const environment = testEnvironment()
  const mapper = incoming(
    `function mapToDittoProtocolMsg(headers, text) {
      if (text === 'spin') (async () => { for (;;) await null })()
      return Ditto.buildDittoProtocolMsg('a', 'b', 'things', 'twin', 'commands', 'modify', '/', {}, text)
    }`,
    environment,
  )
  const texts = ['a', 'spin', 'b']
  assert.equal(
    values(mapper.inbound(texts.map((text) => external(text)))),
    texts.map((text) => [text]),
  )
  assert.match(environment.lines.join('\n'), 'js error A promise of the script was ended')
  assert.equal(values(mapper.inbound([external('c')])), [['c']])
  mapper.close()
})

it('a definition that exhausts the isolate of its shard does not fail its neighbours', () => {
  const environment = testEnvironment({ maxExecutionMs: 5_000 })
  const [hostile, good] = [incoming(OBEDIENT, environment), incoming(OBEDIENT, environment)]
  const eater = 'for (;;) kept.push(new Array(100).fill(kept.length))'
  assert.equal(values(good.inbound([external('good')])), [[1]])
  assert.equal(values(hostile.inbound([external(eater)])), [MEMORY])
  assert.equal(values(good.inbound([external('good')])), [[1]])
  assert.equal(values(hostile.inbound([external('good')])), [[1]])
  hostile.close()
  good.close()
})

/** What an expression is inside a mapping function, as the value of a signal. */
function evaluate(expression: string, environment = testEnvironment()): unknown {
  const mapper = incoming(
    `function mapToDittoProtocolMsg(headers, text, bytes) {
      return Ditto.buildDittoProtocolMsg('a', 'b', 'things', 'twin', 'commands', 'modify', '/', {},
        ${expression})
    }`,
    environment,
  )
  const [result] = values(mapper.inbound([external('x')]))
  mapper.close()
  return Array.isArray(result) ? result[0] : result
}

it('no function that a script gets, nor any error, leads to another realm', () => {
  const escapes = `(() => {
    const seen = []
    const visit = (value) => {
      if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return
      if (seen.includes(value)) return
      seen.push(value)
      for (const key of Reflect.ownKeys(value)) {
        let inner
        try { inner = value[key] } catch (thrown) { inner = thrown }
        visit(inner)
      }
      visit(Object.getPrototypeOf(value))
    }
    const thrown = []
    for (const code of ['null.x', 'x y', 'require("nowhere")', 'Ditto.asByteBuffer(0)', 'require()']) {
      try { (0, eval)(code) } catch (error) { thrown.push(error) }
    }
    ;[globalThis, headers, bytes, Ditto, console, require, thrown].forEach(visit)
    const found = new Set()
    for (const value of seen) {
      if (typeof value !== 'function') continue
      let make
      try { make = value.constructor && value.constructor.constructor } catch { continue }
      if (typeof make !== 'function' || make === Object) continue
      let root
      try { root = make('return this')() } catch { continue }
      if (root !== globalThis) found.add(String(value))
    }
    return [seen.length > 500, [...found]]
  })()`
  const environment = testEnvironment({ maxExecutionMs: 5_000 })
  assert.equal(evaluate(escapes, environment), [true, []])
})

it('the frames of the driver give away neither functions nor receivers', () => {
  const frames = `(() => {
    Error.prepareStackTrace = (_, frames) => frames.map((frame) => [
      frame.getFileName(), typeof frame.getFunction(), typeof frame.getThis()])
    const frames = new Error().stack.filter(([file]) => file === 'driver')
    return [frames.length > 2, frames.every(([, code, self]) => code + self === 'undefinedundefined')]
  })()`
  assert.equal(evaluate(frames), [true, true])
  assert.is(evaluate('(function f() { return f.caller && f.caller.caller })()'), null)
})

it('stacks show files of the sandbox only, and no place of the host', () => {
  const stack = evaluate('new Error("x").stack') as string
  assert.match(stack, 'incomingScript:')
  for (const line of stack.split('\n').slice(1)) {
    assert.match(line, /^ {4}at (?:[\w.]+ )?\(?(?:incomingScript|driver):\d+:\d+\)?$/)
  }
})

it('import answers nothing', () => {
  const environment = testEnvironment()
  const script = `let outcome = 'pending'
    import('fs').then(() => { outcome = 'loaded' }, (error) => { outcome = String(error) })
    function mapToDittoProtocolMsg() {
      return Ditto.buildDittoProtocolMsg('a', 'b', 'things', 'twin', 'commands', 'modify', '/', {}, outcome)
    }`
  const mapper = incoming(script, environment)
  const [first] = values(mapper.inbound([external('x')])) as string[][]
  assert.not.equal(first, ['loaded'])
  mapper.close()
})

it('lengths and buffers of typed arrays cannot be forged to reach other messages', () => {
  const definition = javaScript({
    outgoingScript: `
      const typed = Object.getPrototypeOf(Uint8Array.prototype)
      for (const name of ['length', 'byteLength', 'byteOffset']) {
        Object.defineProperty(typed, name, { get: () => '1],"x":[{"h":{},"t":"forged"}' })
      }
      let count = 0
      function mapFromDittoProtocolMsg() {
        count++
        if (count === 2) return { headers: { x: { toJSON() {} }, y: Object(7n) }, textPayload: 't' }
        return { headers: { x: { toJSON() {} } }, bytePayload: new Uint8Array([count, 2]).buffer }
      }`,
  })
  const mapper = promptMapper({ id: 'js', engine: 'JavaScript', definition })
  const results = mapper.outbound([adaptable(), adaptable(), adaptable()])
  const shown = results.map((result) => (result.ok ? result.values : 'failed'))
  assert.equal(shown, [
    [{ headers: { x: 'null' }, payload: new Uint8Array([1, 2]) }],
    'failed',
    [{ headers: { x: 'null' }, payload: new Uint8Array([3, 2]) }],
  ])
  mapper.close()
})

it('a syntax error is found before any of the scripts has run', () => {
  const environment = testEnvironment()
  const definition = javaScript({
    incomingScript: 'Error.prepareStackTrace = () => { for (;;); }',
    outgoingScript: 'let x = ;',
  })
  const make = () => promptMapper({ id: 'js', engine: 'JavaScript', definition }, environment)
  assert.throws(make, /Unexpected token ';' - in line\/column #1\/9/)
})
