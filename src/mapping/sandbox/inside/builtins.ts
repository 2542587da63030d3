/**
 * The built-ins that the code inside the isolate uses, and its limits.
 *
 * Every function of this folder is sent into the isolate as text (see bundle.ts): it may use its
 * parameters, the other functions of this folder and JavaScript's globals, nothing else. It takes
 * built-ins from {@link captureBuiltins}, which runs before any script, and keeps its state in
 * strings, numbers and byte arrays: a script that replaces `JSON.stringify` or puts setters on
 * `Array.prototype` changes what its own code sees and nothing else.
 */

/** The built-ins as they were before any foreign code ran. */
export function captureBuiltins() {
  const uncurry = Function.prototype.bind.bind(Function.prototype.call)
  const byteLength = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength')?.get
  const TypedArray = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array
  const length = Object.getOwnPropertyDescriptor(TypedArray, 'length')?.get
  const buffer = Object.getOwnPropertyDescriptor(TypedArray, 'buffer')?.get
  return {
    parse: JSON.parse,
    stringify: JSON.stringify,
    isArray: Array.isArray,
    isView: ArrayBuffer.isView,
    keys: Object.keys,
    define: Object.defineProperty,
    now: Date.now,
    text: String,
    fromCharCode: String.fromCharCode,
    hasOwn: Object.hasOwn,
    create: Object.create as (prototype: null) => Record<string, never>,
    apply: Reflect.apply,
    /** Runs a text in the global scope: under another name than its own, `eval` sees no locals. */
    // biome-ignore lint/security/noGlobalEval: it runs in the isolate, as the scripts do.
    evaluate: globalThis.eval as (code: string) => unknown,
    Error,
    Uint8Array,
    slice: uncurry(String.prototype.slice) as (text: string, from: number, to?: number) => string,
    split: uncurry(String.prototype.split) as (text: string, by: string) => string[],
    charCodeAt: uncurry(String.prototype.charCodeAt) as (text: string, at: number) => number,
    lastIndexOf: uncurry(String.prototype.lastIndexOf) as (text: string, part: string) => number,
    source: uncurry(Function.prototype.toString) as (code: unknown) => string,
    /** Elements of a typed array; throws for everything else. */
    lengthOf: uncurry(length as () => number) as (view: Uint8Array) => number,
    bufferOf: uncurry(buffer as () => ArrayBuffer) as (view: Uint8Array) => ArrayBuffer,
    /** Throws for everything that is no ArrayBuffer. */
    byteLength: uncurry(byteLength as () => number) as (buffer: unknown) => number,
  }
}

export type Builtins = ReturnType<typeof captureBuiltins>

/** Bounds on what a script may hand out. */
export interface DriverLimits {
  /** Results of one message. */
  readonly resultsMax: number
  /** Characters of one result's JSON text, or bytes of its payload. */
  readonly resultCharsMax: number
  readonly consoleLinesMax: number
  readonly consoleLineCharsMax: number
  readonly errorCharsMax: number
  /** Time after which a call returns to the host before it takes the next message. */
  readonly sliceMs: number
}

/**
 * Whether a mapping function may look at its third parameter, the byte payload, judged from its
 * source. Making an ArrayBuffer for each message is worth avoiding, so a function of plain
 * parameters that names the third one nowhere else goes without; any doubt answers true.
 */
export function usesByteParameter(source: string): boolean {
  const head = /^(?:(?:async\s+)?function\b\s*)?[\w$]*\s*\(([\w$\s,]*)\)/.exec(source)
  if (head === null || /\b(?:arguments|eval)\b|\\u/.test(source)) return true
  const third = head[1]?.split(',')[2]?.trim()
  if (third === undefined || third === '') return false
  return source.indexOf(third) !== source.lastIndexOf(third)
}
