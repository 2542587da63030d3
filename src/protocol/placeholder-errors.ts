/** The errors of placeholders, their functions and RQL, as Eclipse Ditto words them. */
import { type DittoError, dittoError } from './errors.ts'

/** 400 `placeholder:unresolved`: known nowhere, or without a value for this message. */
export function placeholderUnresolved(text: string): DittoError {
  return dittoError(
    400,
    'placeholder:unresolved',
    `The placeholder '${text}' could not be resolved.`,
    'Some placeholders could not be resolved. Check the spelling of the placeholder and make sure ' +
      'all required headers are set.',
  )
}

/** 400 `placeholder:placeholder.notresolvable`: the prefix is none of the supported ones. */
export function placeholderUnknown(text: string, supported: readonly string[]): DittoError {
  return dittoError(
    400,
    'placeholder:placeholder.notresolvable',
    `The placeholder '${text}' is unknown.`,
    `Please use one of the supported placeholders: ${supported.join(', ')}.`,
  )
}

/** 400 `placeholder:placeholder.notresolvable`: braces nested or in the wrong order. */
export function placeholderNotResolvable(input: string): DittoError {
  return dittoError(
    400,
    'placeholder:placeholder.notresolvable',
    `The input contains not resolvable placeholders: '${input}'.`,
    'Please make sure that placeholders are not nested and braces are in the expected order.',
  )
}

/** 400 `placeholder:function.unknown`; the name without `fn:`. */
export function functionUnknown(name: string): DittoError {
  return dittoError(
    400,
    'placeholder:function.unknown',
    `The function <${name}> is not known.`,
    'Ensure to only use supported functions. Check if you maybe just forgot to use parentheses for ' +
      'a function with empty parameters.',
  )
}

/** 400 `placeholder:function.signature.invalid`; `given` and `expected` with their parentheses. */
export function functionSignatureInvalid(
  name: string,
  given: string,
  expected: string,
): DittoError {
  return dittoError(
    400,
    'placeholder:function.signature.invalid',
    `The function signature <fn:${name}${given}> could not be parsed.`,
    `Ensure to conform to the function's signature: <fn:${name}${expected}>`,
  )
}

/** 400 `placeholder:function.too.complex`. */
export function functionTooComplex(maxFunctions: number): DittoError {
  return dittoError(
    400,
    'placeholder:function.too.complex',
    'The placeholder functions are not accepted as they are too complex.',
    'Please reduce the complexity (e.g. amount of chained functions below the maximum of ' +
      `'${maxFunctions}') of the functions.`,
  )
}

/** 400 `rql.expression.invalid`; `text` is what the parser found, and where. */
export function rqlInvalid(text?: string): DittoError {
  return dittoError(
    400,
    'rql.expression.invalid',
    text ?? 'The given RQL expression was invalid',
    'Ensure that all opening parentheses have also closing ones and that the RQL expression is ' +
      'valid.',
  )
}
