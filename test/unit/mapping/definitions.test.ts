/** Which mappers a connection may name, and what is wrong with those it may not. */
import { execFileSync } from 'node:child_process'
import * as assert from 'uvu/assert'
import type { Connection, MappingDefinition } from '../../../src/connection/types.ts'
import type { JsonObject } from '../../../src/json/types.ts'
import {
  checkPayloadMappings,
  engineNameOf,
  mapperIdsOf,
  resolveDefinition,
} from '../../../src/mapping/definitions.ts'
import { errorOf } from '../../support/ditto-error.ts'
import { suite } from '../../support/suite.ts'
import { javaScript, LIMITS } from './support.ts'

const it = suite('mapping/definitions')

function connection(
  payloadMapping: readonly string[],
  mappingDefinitions: Readonly<Record<string, MappingDefinition>> = {},
): Connection {
  return {
    sources: [{ addresses: ['a', 'b'], payloadMapping }],
    targets: [{ address: 'out', payloadMapping: [] }],
    mappingDefinitions,
  } as unknown as Connection
}

const PACKAGE = 'org.eclipse.ditto.connectivity.service.mapping'
const ENGINES: readonly (readonly [string, string | undefined])[] = [
  ['Ditto', 'Ditto'],
  ['JavaScript', 'JavaScript'],
  ['CloudEvents', 'CloudEvents'],
  [`${PACKAGE}.DittoMessageMapper`, 'Ditto'],
  [`${PACKAGE}.javascript.JavaScriptMessageMapperRhino`, 'JavaScript'],
  [`${PACKAGE}.UpdateTwinWithLiveResponseMessageMapper`, 'UpdateTwinWithLiveResponse'],
  ['ditto', undefined],
  ['constructor', undefined],
]
for (const [text, name] of ENGINES) {
  it(`engine ${text} is ${name}`, () => assert.is(engineNameOf(text), name))
}

it('where no mapper is named it is Ditto, and each id counts once', () => {
  assert.equal(mapperIdsOf(connection(['js', 'js'])), ['js', 'Ditto'])
  assert.equal(mapperIdsOf(connection([])), ['Ditto'])
})

it('a definition shadows the alias of the same name', () => {
  const definition = javaScript({ incomingScript: '1' })
  const shadowed = connection(['Ditto'], { Ditto: definition })
  assert.equal(resolveDefinition(shadowed, 'Ditto'), {
    id: 'Ditto',
    engine: 'JavaScript',
    definition,
  })
  assert.equal(resolveDefinition(connection([]), 'Ditto'), {
    id: 'Ditto',
    engine: 'Ditto',
    definition: { mappingEngine: 'Ditto', options: {} },
  })
})

const FALLBACKS = '[Ditto, Normalized, RawMessage, UpdateTwinWithLiveResponse, CloudEvents]'

const UNKNOWN: readonly (readonly [string, Record<string, MappingDefinition>])[] = [
  ['nope', { mine: javaScript({}) }],
  ['JavaScript', { mine: javaScript({}) }],
  ['toString', { mine: javaScript({}) }],
]
for (const [id, definitions] of UNKNOWN) {
  it(`mapper ${id} cannot be loaded`, () => {
    const error = errorOf(() => checkPayloadMappings(connection([id], definitions), LIMITS))
    assert.is(error.error, 'connectivity:connection.configuration.invalid')
    assert.is(error.message, `The mapper <${id}> could not be loaded.`)
    assert.is(
      error.description,
      'Make sure to only use either the specified mappingDefinitions names [mine] or fallback ' +
        `mapper names ${FALLBACKS}.`,
    )
  })
}

it('an engine without a mandatory option is refused, naming the option', () => {
  for (const [engine, option] of [
    ['ConnectionStatus', 'thingId'],
    ['ImplicitThingCreation', 'thing'],
  ] as const) {
    const definitions = { it: { mappingEngine: engine, options: {} } }
    const error = errorOf(() => checkPayloadMappings(connection(['it'], definitions), LIMITS))
    assert.is(error.error, 'connectivity:connection.configuration.invalid')
    assert.match(error.message, `property '${option}'`)
  }
})

it('only engines that need no options can be named without a definition', () => {
  for (const id of ['ConnectionStatus', 'ImplicitThingCreation', 'JavaScript']) {
    const error = errorOf(() => checkPayloadMappings(connection([id], {}), LIMITS))
    assert.is(error.message, `The mapper <${id}> could not be loaded.`)
  }
  const others = ['Ditto', 'Normalized', 'RawMessage', 'UpdateTwinWithLiveResponse', 'CloudEvents']
  checkPayloadMappings(connection(others, {}), LIMITS)
})

it('more than ten mappers are refused, naming source or target', () => {
  const many = Array.from({ length: 11 }, () => 'Ditto')
  const error = errorOf(() => checkPayloadMappings(connection(many), LIMITS))
  assert.is(error.message, 'The number of configured payload mappings exceeded the limit.')
  assert.is(
    error.description,
    'The number of configured payload mappings for the source with address a,b is above the ' +
      'limit of 10.',
  )
  checkPayloadMappings(connection(many.slice(1)), LIMITS)
})

const OPTIONS: readonly (readonly [string, MappingDefinition, RegExp | string])[] = [
  [
    'a script that is no text',
    javaScript({ incomingScript: 7 }),
    /due to: The option <incomingScript> must be a string\.$/,
  ],
  [
    'a switch that is no boolean',
    javaScript({ loadLongJS: 'maybe' }),
    /<loadLongJS> must be a boolean\.$/,
  ],
  [
    'scripts that are too long',
    javaScript({ incomingScript: 'x'.repeat(50_001), outgoingScript: 'y' }),
    'due to: The script size was bigger than the allowed <50000> bytes: ' +
      'incoming script size was <50001> bytes, outgoing script size was <1> bytes',
  ],
  [
    'a field selector with an open parenthesis',
    { mappingEngine: 'Normalized', options: { fields: 'attributes(a' } },
    'The option <fields> is not valid.',
  ],
  [
    'a direction that is none',
    {
      mappingEngine: 'RawMessage',
      options: { incomingMessageHeaders: { 'ditto-message-direction': 'up' } },
    },
    'The option <incomingMessageHeaders/ditto-message-direction> is not valid.',
  ],
]
for (const [title, definition, message] of OPTIONS) {
  it(`${title} is refused where the definition is used`, () => {
    const definitions = { mine: definition }
    const error = errorOf(() => checkPayloadMappings(connection(['mine'], definitions), LIMITS))
    assert.is(error.error, 'connectivity:connection.configuration.invalid')
    if (typeof message === 'string') assert.match(error.message, message)
    else assert.match(error.message, message)
    assert.match(error.description!, 'It stands at </mappingDefinitions/mine>.')
    checkPayloadMappings(connection(['Ditto'], definitions), LIMITS)
  })
}

for (const place of ['incomingConditions', 'outgoingConditions']) {
  it(`${place} that do not compile are refused, naming the condition`, () => {
    const mine = { ...javaScript({}), [place]: { fine: 'fn:trim()', a: 'fn:nonsense()' } }
    const error = errorOf(() => checkPayloadMappings(connection(['mine'], { mine }), LIMITS))
    assert.is(error.error, 'connectivity:connection.configuration.invalid')
    assert.match(error.message, `The option <${place}/a> is not valid.`)
    assert.match(error.message, 'nonsense')
  })
}

const EVERY_ENGINE: readonly (readonly [string, string, JsonObject])[] = [
  ['Ditto', 'DittoMessageMapper', {}],
  ['JavaScript', 'javascript.JavaScriptMessageMapperRhino', { incomingScript: '1' }],
  ['Normalized', 'NormalizedMessageMapper', { fields: 'attributes' }],
  ['RawMessage', 'RawMessageMapper', { outgoingContentType: 'text/plain' }],
  ['ConnectionStatus', 'ConnectionStatusMessageMapper', { thingId: '{{ header:device_id }}' }],
  ['ImplicitThingCreation', 'ImplicitThingCreationMessageMapper', { thing: { thingId: 'n:t' } }],
  ['UpdateTwinWithLiveResponse', 'UpdateTwinWithLiveResponseMessageMapper', {}],
  ['CloudEvents', 'CloudEventsMapper', {}],
]
for (const [alias, className, options] of EVERY_ENGINE) {
  it(`${alias} is configured by its alias or class name; its blocklist is text`, () => {
    for (const mappingEngine of [alias, `${PACKAGE}.${className}`]) {
      const mine = { mappingEngine, options: { ...options, 'content-type-blocklist': 'a/b,c/d' } }
      checkPayloadMappings(connection(['mine'], { mine }), LIMITS)
      const wrong = { mappingEngine, options: { ...options, 'content-type-blocklist': ['a/b'] } }
      const error = errorOf(() => checkPayloadMappings(connection(['wrong'], { wrong }), LIMITS))
      assert.match(error.message, 'The option <content-type-blocklist> must be a string.')
    }
  })
}

it('a class name is no id of a mapper unless a definition has it', () => {
  const id = `${PACKAGE}.CloudEventsMapper`
  const error = errorOf(() => checkPayloadMappings(connection([id]), LIMITS))
  assert.is(error.message, `The mapper <${id}> could not be loaded.`)
  const definitions = { [id]: { mappingEngine: 'Ditto', options: {} } }
  checkPayloadMappings(connection([id], definitions), LIMITS)
  assert.is(resolveDefinition(connection([], definitions), id).engine, 'Ditto')
})

it('options as Ditto documents them are accepted', () => {
  const mine = javaScript({
    incomingScript: 'a',
    outgoingScript: 'b',
    loadBytebufferJS: 'true',
    loadLongJS: false,
    'content-type-blocklist': 'a/b',
  })
  checkPayloadMappings(connection(['mine', 'Ditto'], { mine }), LIMITS)
})

it('checking definitions loads no native addon', () => {
  const module = new URL('../../../src/mapping/definitions.ts', import.meta.url).href
  const code = `
    await import(${JSON.stringify(module)})
    const loaded = process.report.getReport().sharedObjects
    process.stdout.write(String(loaded.some((path) => path.includes('isolated'))))`
  const args = ['--input-type=module', '--eval', code]
  assert.is(execFileSync(process.execPath, args, { encoding: 'utf8' }), 'false')
})
