/** Puts the functions of this folder together into the text that is sent into an isolate. */
import { captureBuiltins, usesByteParameter } from './builtins.ts'
import { installConsole } from './console.ts'
import { installDefaultMapping, installDittoHelpers } from './ditto.ts'
import { makeByteJudge, makeDriver, makeLoop } from './driver.ts'
import { withdrawGlobals } from './globals.ts'
import { folderOfModule, installRequire, joinModulePath, makeModuleFinder } from './require.ts'
import {
  bytesOf,
  count,
  headersText,
  makeByteStore,
  makeComplaints,
  makeResults,
} from './results.ts'

const FUNCTIONS = [
  withdrawGlobals,
  captureBuiltins,
  usesByteParameter,
  installConsole,
  installDittoHelpers,
  installDefaultMapping,
  makeComplaints,
  makeByteStore,
  count,
  bytesOf,
  headersText,
  makeResults,
  makeByteJudge,
  makeLoop,
  makeDriver,
  joinModulePath,
  folderOfModule,
  makeModuleFinder,
  installRequire,
]

/**
 * Body of a function of three arguments: a SharedArrayBuffer for the progress, the limits as JSON text
 * and the table of modules as JSON text. It installs the globals and answers a driver. Type
 * annotations are blanks by now: what runs here has been stripped to JavaScript when it was loaded.
 */
export const DRIVER_CODE = [
  '"use strict"',
  ...FUNCTIONS.map(String),
  'withdrawGlobals()',
  'const builtins = captureBuiltins()',
  'installRequire(builtins, $2)',
  'return makeDriver(builtins, JSON.parse($1), new Int32Array($0))',
].join('\n')
