/** The grammar of expressions and templates as arbitraries, for tests of properties. */
import fc from 'fast-check'
import { SIGNATURES } from '../../../src/expression/signatures.ts'
import {
  type ArgumentNode,
  type ExpressionNode,
  type FunctionNode,
  MAX_FUNCTIONS,
  type PlaceholderNode,
  printExpression,
} from '../../../src/expression/syntax.ts'

const placeholderNode: fc.Arbitrary<PlaceholderNode> = fc
  .tuple(fc.stringMatching(/^[a-eg-z-]{1,9}$/), fc.stringMatching(/^[a-z0-9/_\-[\]*:]{1,12}$/))
  .map(([prefix, name]) => ({ kind: 'placeholder', prefix, name }))

/** A quote within quotes needs a backslash, which stays; so no backslash may stand at the end. */
const constantNode: fc.Arbitrary<ArgumentNode> = fc
  .tuple(fc.string({ unit: 'binary', maxLength: 12 }), fc.constantFrom("'" as const, '"' as const))
  .map(([text, quote]) => {
    const value = text.replaceAll('\\', '/').replaceAll(quote, `\\${quote}`)
    return { kind: 'constant', value, quote }
  })

/** A comma in the arguments of an argument would end it. */
const SINGLE_ARGUMENT = [...SIGNATURES].filter(([, { min }]) => min < 2)

function functionNodeOf(
  signatures: readonly (typeof SINGLE_ARGUMENT)[number][],
  argument: fc.Arbitrary<ArgumentNode>,
  maxArguments: number,
): fc.Arbitrary<FunctionNode> {
  return fc.constantFrom(...signatures).chain(([name, { min, max, constantsOnly }]) =>
    fc
      .array(constantsOnly ? constantNode : argument, {
        minLength: min,
        maxLength: Math.min(max, maxArguments),
      })
      .map((nodes) => ({ kind: 'function', name, arguments: nodes })),
  )
}

const leaf = fc.oneof(constantNode, placeholderNode)
const innermost = functionNodeOf(SINGLE_ARGUMENT, leaf, 1)
const inner = functionNodeOf(SINGLE_ARGUMENT, fc.oneof(leaf, innermost), 1)
const functionNode = functionNodeOf([...SIGNATURES], fc.oneof(leaf, inner), 3)

/** The tree of any expression. */
export const expressionNode: fc.Arbitrary<ExpressionNode> = fc
  .tuple(
    fc.option(placeholderNode, { nil: undefined }),
    fc.array(functionNode, { minLength: 1, maxLength: MAX_FUNCTIONS }),
  )
  .map(([source, functions]) => (source === undefined ? { functions } : { source, functions }))

const knownPlaceholder = fc.constantFrom(
  'header:device_id',
  'header:missing',
  'thing:id',
  'entity:namespace',
  'thing-json:attributes/list',
  'feature:id',
  'topic:action-subject',
  'resource:path',
  'time:now-1h[d]',
  'request:subjectId',
  'connection:id',
)

const knownConstant = fc.constantFrom(`'a'`, `":"`, `'*a*|?'`, `''`, `'it\\'s'`, `'{x}'`, `"'"`)

const knownArgument = fc.oneof(
  knownConstant,
  knownPlaceholder,
  fc.constantFrom('fn:delete()', `fn:default('x')`, 'fn:default(fn:delete())', 'fn:lower( )'),
)

const knownFunction = fc.oneof(
  knownArgument.map((fallback) => `fn:default(${fallback})`),
  fc.constantFrom('delete', 'lower', 'upper', 'trim', 'url-encode', 'url-decode').map(called),
  fc.constantFrom('base64-encode', 'base64-decode').map(called),
  fc
    .tuple(fc.constantFrom('eq', 'ne', 'like', 'exists'), knownArgument)
    .map(([operator, compared]) => `fn:filter('${operator}', ${compared})`),
  fc
    .tuple(knownArgument, fc.constantFrom('eq', 'ne', 'like', 'exists'), knownArgument)
    .map(([value, operator, compared]) => `fn:filter(${value} ,"${operator}",${compared})`),
  fc.tuple(knownArgument, knownArgument).map(([from, to]) => `fn:replace(${from},${to})`),
  fc
    .tuple(fc.constantFrom('substring-before', 'substring-after', 'join'), knownConstant)
    .map(([name, text]) => `fn:${name}(${text})`),
  fc.constantFrom(`','`, `':'`, `''`, `'|'`, `"[:/]"`).map((text) => `fn:split(${text})`),
  fc.constantFrom(`'{a}'`, `'{#a}{.}{/a}'`, `'x'`).map((text) => `fn:format(${text})`),
)

function called(name: string): string {
  return `fn:${name}()`
}

/** The text of an expression that compiles with all placeholders. */
export const knownExpression: fc.Arbitrary<string> = fc
  .tuple(
    fc.option(knownPlaceholder, { nil: undefined }),
    fc.array(knownFunction, { minLength: 1, maxLength: 5 }),
  )
  .map(([source, functions]) => [...(source === undefined ? [] : [source]), ...functions])
  .map((stages) => stages.join(' | '))

/** A part of a template that compiles with all placeholders. */
export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'braces' | 'legacy'; readonly expression: string }

const piece: fc.Arbitrary<Piece> = fc.oneof(
  fc
    .string({ unit: 'binary', minLength: 1, maxLength: 8 })
    .map((text) => text.replaceAll(/[${]/g, '#'))
    .map((text): Piece => ({ kind: 'text', text })),
  fc
    .oneof(knownExpression, knownPlaceholder)
    .map((expression): Piece => ({ kind: 'braces', expression })),
  fc
    .oneof(knownExpression, knownPlaceholder)
    .filter((expression) => !expression.includes('}'))
    .map((expression): Piece => ({ kind: 'legacy', expression })),
)

/** The parts of a template that compiles with all placeholders. */
export const pieces: fc.Arbitrary<readonly Piece[]> = fc.array(piece, { maxLength: 5 })

/** The text of a part. */
export function printPiece(part: Piece): string {
  if (part.kind === 'text') return part.text
  return part.kind === 'braces' ? `{{ ${part.expression} }}` : `\${${part.expression}}`
}

/** The text of any tree of an expression, whether or not there are such placeholders. */
export const anyExpression: fc.Arbitrary<string> = expressionNode.map(printExpression)

/** A text near the given ones: characters are left out, doubled or others, some times over. */
export function mutated(texts: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const change = fc.record({
    kind: fc.constantFrom('delete', 'duplicate', 'replace', 'insert', 'move'),
    at: fc.nat(),
    length: fc.integer({ min: 1, max: 4 }),
    extra: fc.oneof(
      fc.constantFrom(`'`, '"', '|', '(', ')', ',', ':', '{{', '}}', '${', '}', '\\', ' ', 'fn:'),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 3 }),
    ),
  })
  return fc.tuple(texts, fc.array(change, { minLength: 1, maxLength: 4 })).map(([text, changes]) =>
    changes.reduce((current, { kind, at, length, extra }) => {
      const start = at % (current.length + 1)
      const before = current.slice(0, start)
      const here = current.slice(start, start + length)
      const after = current.slice(start + length)
      if (kind === 'delete') return before + after
      if (kind === 'duplicate') return before + here + here + after
      if (kind === 'replace') return before + extra + after
      if (kind === 'insert') return before + extra + here + after
      return after + here + before
    }, text),
  )
}
