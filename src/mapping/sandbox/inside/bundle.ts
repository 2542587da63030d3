/** Puts the functions of this folder together into the text that is sent into an isolate. */
import { captureBuiltins, usesByteParameter } from './builtins.ts'
import { installConsole } from './console.ts'
import { installDefaultMapping, installDittoHelpers } from './ditto.ts'
import { makeByteJudge, makeDriver, makeLoop } from './driver.ts'
import { bytesOf, headersText, makeByteStore, makeComplaints, makeResults } from './results.ts'

const FUNCTIONS = [
  captureBuiltins,
  usesByteParameter,
  installConsole,
  installDittoHelpers,
  installDefaultMapping,
  makeComplaints,
  makeByteStore,
  bytesOf,
  headersText,
  makeResults,
  makeByteJudge,
  makeLoop,
  makeDriver,
]

/**
 * Body of a function of two arguments, a SharedArrayBuffer for the progress and the limits as
 * JSON text, that installs the globals and answers a driver. Type annotations are blanks by now:
 * what runs here has been stripped to JavaScript when it was loaded.
 */
export const DRIVER_CODE = [
  '"use strict"',
  ...FUNCTIONS.map(String),
  'return makeDriver(captureBuiltins(), JSON.parse($1), new Int32Array($0))',
].join('\n')
