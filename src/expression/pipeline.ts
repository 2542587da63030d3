/**
 * Compiled expressions: a placeholder or an input, and functions applied to it. Also the form
 * without braces that mapper conditions and acknowledgement filters use. Knows nothing of
 * templates.
 */
import { DittoException } from '../protocol/errors.ts'
import { functionSignatureInvalid, placeholderUnresolved } from '../protocol/placeholder-errors.ts'
import type { ExpressionContext } from './context.ts'
import { type Argument, compileFunction } from './functions.ts'
import {
  compilePlaceholder,
  constantSource,
  NO_SOURCE,
  type PlaceholderPrefix,
  type Source,
} from './placeholders.ts'
import { SIGNATURES } from './signatures.ts'
import { DELETE, type Step } from './step.ts'
import {
  type ArgumentNode,
  type ExpressionNode,
  type FunctionNode,
  type PlaceholderNode,
  parseExpression,
  printArguments,
  printExpression,
  printPlaceholder,
} from './syntax.ts'
import { DELETED, UNRESOLVED, type Values } from './values.ts'

/** A compiled expression. */
export interface Pipeline {
  /** As it was given. */
  readonly text: string
  /** Whether it is deleted, whatever the message: only `fn:delete()` does that. */
  readonly deleted: boolean
  /** Whether it may be deleted, depending on the message: `fn:default(fn:delete())`. */
  readonly deletes: boolean
  /** The first value; undefined when it is unresolved or deleted. */
  resolve(context: ExpressionContext): string | undefined
  /**
   * As `resolve`; an expression that begins with a function begins with `input`, which is what
   * Ditto's `fn:default('input')` before it does.
   */
  resolveFrom(input: string | undefined, context: ExpressionContext): string | undefined
  /** All values, or `UNRESOLVED` or `DELETED` (see values.ts; both are empty). */
  resolveAll(context: ExpressionContext): Values
  /** The text of its tree; compiling it gives an equal pipeline. */
  print(): string
}

/**
 * Compiles an expression without braces, such as `fn:filter(header:type,'eq','a')`. Throws
 * `placeholder:unresolved`, `placeholder:function.unknown`,
 * `placeholder:function.signature.invalid` or `placeholder:function.too.complex`, naming what was
 * wrong and what is possible.
 */
export function compilePipeline(text: string, allowed: ReadonlySet<PlaceholderPrefix>): Pipeline {
  const node = parseExpression(text)
  const { source, steps, deleted } = compileNode(node, allowed)
  const scalar = source?.multiple !== true && steps.every((step) => step.scalar)

  const allFrom = (input: string | undefined, context: ExpressionContext): Values => {
    if (deleted) return DELETED
    let values = source === undefined ? asValues(input) : source.all(context)
    for (const step of steps) values = step.apply(values, context)
    return values
  }
  const firstFrom = (input: string | undefined, context: ExpressionContext): string | undefined =>
    allFrom(input, context)[0]
  const scalarFrom = (
    input: string | undefined,
    context: ExpressionContext,
  ): string | undefined => {
    let value = source === undefined ? input : source.first(context)
    for (const step of steps) value = step.one(value, context)
    return value
  }
  // Most expressions are about one value; those allocate no lists.
  const resolveFrom = scalar && !deleted ? scalarFrom : firstFrom

  return {
    text,
    deleted,
    deletes: steps.some((step) => step.deletes),
    resolve: (context) => resolveFrom(undefined, context),
    resolveFrom,
    resolveAll: (context) => allFrom(undefined, context),
    print: () => printExpression(node),
  }
}

interface Program {
  /** Undefined: the input. */
  readonly source: Source | undefined
  readonly steps: readonly Step[]
  readonly deleted: boolean
}

/** What `fn:delete()` makes of a message does not depend on it, so it is followed through here. */
function compileNode(node: ExpressionNode, allowed: ReadonlySet<PlaceholderPrefix>): Program {
  let source = node.source === undefined ? undefined : sourceOf(node.source, allowed)
  let steps: Step[] = []
  let deleted = false
  for (const call of node.functions) {
    const step = stepOf(call, allowed)
    if (step === DELETE) {
      deleted = true
      source = NO_SOURCE
      steps = []
    } else if (!deleted) {
      steps.push(step)
    } else if (!step.keepsDeleted) {
      deleted = false
    }
  }
  return { source, steps, deleted }
}

function stepOf(node: FunctionNode, allowed: ReadonlySet<PlaceholderPrefix>): Step {
  const args = node.arguments.map((argument) => argumentOf(argument, allowed))
  try {
    return compileFunction(node.name, args)
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause
    const expected = SIGNATURES.get(node.name)!.text
    const given = printArguments(node.arguments)
    const error = functionSignatureInvalid(node.name, given, expected)
    throw new DittoException({ ...error, description: cause.message }, { cause })
  }
}

function argumentOf(node: ArgumentNode, allowed: ReadonlySet<PlaceholderPrefix>): Argument {
  switch (node.kind) {
    case 'constant':
      return { ...constantSource(node.value), constant: node.value }
    case 'placeholder':
      return { ...sourceOf(node, allowed), constant: undefined }
    case 'function':
      return { ...resultOf(stepOf(node, allowed)), constant: undefined }
  }
}

/** What a function makes of something unresolved. */
function resultOf(step: Step): Source {
  return {
    multiple: !step.scalar,
    deletes: step.deletes,
    first: (context) =>
      step.scalar ? step.one(undefined, context) : step.apply(UNRESOLVED, context)[0],
    all: (context) => step.apply(UNRESOLVED, context),
  }
}

function sourceOf(node: PlaceholderNode, allowed: ReadonlySet<PlaceholderPrefix>): Source {
  const isAllowed = allowed.has(node.prefix as PlaceholderPrefix)
  const source = isAllowed ? compilePlaceholder(node.prefix, node.name) : undefined
  if (source !== undefined) return source
  const description = isAllowed
    ? `The placeholder '${node.prefix}' has no '${node.name}'.`
    : `Placeholders that can be used here: ${[...allowed].join(', ')}.`
  throw new DittoException({ ...placeholderUnresolved(printPlaceholder(node)), description })
}

function asValues(input: string | undefined): Values {
  return input === undefined ? UNRESOLVED : [input]
}
