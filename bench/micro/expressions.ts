/**
 * What evaluating the expressions of a connection costs: the functions that its sources and targets
 * compile and call, on signals like theirs.
 */
import { compileHeaderMapping } from '../../src/expression/header-mapping.ts'
import {
  ALL_PLACEHOLDERS,
  ENFORCEMENT_FILTER,
  ENFORCEMENT_INPUT,
} from '../../src/expression/placeholders.ts'
import { compileTemplate } from '../../src/expression/template.ts'
import { compileRql } from '../../src/rql/evaluate.ts'
import { SourceProgram } from '../../src/shard/source.ts'
import { SignalContext } from '../../src/shard/target.ts'
import { testConnection, testSource } from '../../test/support/connection.ts'
import { type Comparison, comparison, type MicroBenchmark } from './micro.ts'
import { commands, deliveries, events } from './signals.ts'

const HEADER_MAPPING = {
  'content-type': 'application/json',
  'correlation-id': '{{ header:correlation-id }}',
  device: '{{ thing:id }}',
  hall: "{{ header:room | fn:substring-after('/') | fn:upper() }}",
  action: '{{ topic:action }}',
}

const ENFORCEMENT = {
  input: '{{ header:device }}',
  filters: ['{{ thing:id }}', '{{ thing:name }}'],
}

const FILTER =
  'and(eq(features/reading/properties/unit,"celsius"),' +
  'gt(features/reading/properties/temperature,19),' +
  'like(features/reading/properties/serial,"SN-*-7?"))'

const ADDRESS = 'devices/{{ thing:name }}/{{ topic:action }}'

/** A target makes one for each signal; everything of the target shares it. */
const CONTEXTS = events.map((event) => new SignalContext('out', event, Date.now, undefined))

export const expressions: MicroBenchmark = {
  name: 'expressions',
  summary: 'what expressions of a connection cost, compiled once or parsed at each use',
  comparisons: [headerMapping(), enforcement(), filter(), filterOfKnownThing(), address()],
}

function headerMapping(): Comparison {
  return comparison(
    'header mapping',
    Object.entries(HEADER_MAPPING).map(([name, text]) => `${name}: ${text}`),
    () => compileHeaderMapping(HEADER_MAPPING, ALL_PLACEHOLDERS),
    (program, signal) => {
      const headers: Record<string, string> = {}
      program.apply(CONTEXTS[signal]!, headers)
      return headers
    },
  )
}

/**
 * The source is compiled once in both ways, and only the enforcement's texts again: the rest of a
 * source is no expression.
 */
function enforcement(): Comparison {
  const { input, filters } = ENFORCEMENT
  const source = new SourceProgram(testSource([], { enforcement: ENFORCEMENT }), 0, {
    connection: testConnection({}),
    maxRedeliveries: 0,
    now: Date.now,
    mappersOf: () => [],
    monitorOf: (address) => {
      throw new Error(`the source has no addresses, but ${address} was asked for`)
    },
  })
  return comparison(
    'enforcement',
    [input, ...filters],
    () => [
      compileTemplate(input, ENFORCEMENT_INPUT),
      ...filters.map((text) => compileTemplate(text, ENFORCEMENT_FILTER)),
    ],
    // Nothing comes of what is allowed; so that something is kept of it, the templates are.
    (templates, signal) => source.enforce(commands[signal]!, deliveries[signal]!) ?? templates,
  )
}

/** As the target does it: putting the thing together from its event costs the same in both ways. */
function filter(): Comparison {
  return comparison(
    'filter, thing assembled',
    [FILTER],
    () => compileRql(FILTER),
    (predicate, signal) => {
      const context = new SignalContext('out', events[signal]!, Date.now, undefined)
      return predicate.matches(context) ? context : undefined
    },
  )
}

/** The expression alone. */
function filterOfKnownThing(): Comparison {
  return comparison(
    'filter, thing known',
    [FILTER],
    () => compileRql(FILTER),
    (predicate, signal) => predicate.matches(CONTEXTS[signal]!),
  )
}

function address(): Comparison {
  return comparison(
    'address',
    [ADDRESS],
    () => compileTemplate(ADDRESS, ALL_PLACEHOLDERS),
    (template, signal) => template.resolve(CONTEXTS[signal]!),
  )
}
