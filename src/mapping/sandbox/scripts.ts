/**
 * Runs the top level of the scripts of a mapping definition in a context. Knows neither driver nor
 * messages.
 */
import type { Context, Isolate, Script } from 'isolated-vm'
import { librariesOf } from './libraries.ts'
import type { ScriptName, Scripts } from './script-error.ts'

/** In Ditto, too, what the incoming script defined is there for the outgoing one. */
const ORDER: readonly ScriptName[] = ['incomingScript', 'outgoingScript']

/**
 * Runs the libraries and then both scripts, each for `timeout` milliseconds at most. Throws what
 * isolated-vm throws: for errors of syntax, before any of the scripts has run.
 */
export function runScripts(
  isolate: Isolate,
  context: Context,
  scripts: Scripts,
  timeout: number,
): void {
  for (const { filename, code } of librariesOf(scripts.libraries)) {
    isolate.compileScriptSync(`${code}\n;undefined`, { filename }).runSync(context, { timeout })
  }
  const compiled = ORDER.map((name) => compile(isolate, name, scripts[name]))
  for (const [at, script] of compiled.entries()) {
    const name = ORDER[at]!
    try {
      script.runSync(context, { timeout })
    } catch (thrown) {
      if (!declaresAnew(thrown)) throw thrown
      inBlock(isolate, name, scripts[name], thrown).runSync(context, { timeout })
    }
  }
}

/** The value of a script's last expression stays inside. */
function compile(isolate: Isolate, filename: ScriptName, script: string): Script {
  return isolate.compileScriptSync(`${script}\n;undefined`, { filename })
}

/**
 * Both scripts may declare the same name with `let` or `const`: where Ditto runs them, the second
 * declaration counts. Here it is an error before the script begins. In a block, such names are the
 * script's own, while its functions and `var`s are global as ever.
 */
function inBlock(isolate: Isolate, filename: ScriptName, script: string, why: unknown): Script {
  try {
    const code = `{${script}\n};undefined`
    return isolate.compileScriptSync(code, { filename, columnOffset: -1 })
  } catch {
    throw why
  }
}

function declaresAnew(thrown: unknown): boolean {
  return thrown instanceof SyntaxError && / has already been declared$/.test(thrown.message)
}
