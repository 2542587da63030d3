/**
 * Header mappings: names and the templates of their values. Knows nothing of signals and brokers.
 */
import type { ExpressionContext } from './context.ts'
import type { PlaceholderPrefix } from './placeholders.ts'
import { compileTemplate, type Template } from './template.ts'

/** A compiled header mapping. */
export interface HeaderMappingProgram {
  /** Sets the mapped headers in `into`; what is unresolved or deleted is left as it is there. */
  apply(context: ExpressionContext, into: Record<string, string>): void
}

/**
 * Compiles a header mapping (Ditto documentation, "Connections – header mapping"). Throws what
 * {@link compileTemplate} throws.
 */
export function compileHeaderMapping(
  mapping: Readonly<Record<string, string>>,
  allowed: ReadonlySet<PlaceholderPrefix>,
): HeaderMappingProgram {
  const names: string[] = Object.keys(mapping)
  const templates: Template[] = names.map((name) => compileTemplate(mapping[name]!, allowed))
  return {
    apply(context, into) {
      for (let index = 0; index < names.length; index++) {
        const value = templates[index]!.resolve(context)
        if (value !== undefined) into[names[index]!] = value
      }
    },
  }
}
