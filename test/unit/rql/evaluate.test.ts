import * as assert from 'uvu/assert'
import type { JsonObject } from '../../../src/json/types.ts'
import { compileRql } from '../../../src/rql/evaluate.ts'
import { suite } from '../../support/suite.ts'
import { adaptableWith, contextWith, topicWith } from '../expression/contexts.ts'

const it = suite('rql evaluate')

const THING: JsonObject = {
  thingId: 'org.acme:lamp',
  policyId: 'org.acme:policy',
  definition: 'org.acme:Lamp:1.0.0',
  _revision: 7,
  _modified: '2026-03-04T05:00:00.000Z',
  _metadata: { attributes: { by: 'me' } },
  attributes: {
    int: 5,
    one: 1,
    text: 'Hello',
    digits: '10',
    blank: '',
    yes: true,
    no: false,
    nothing: null,
    object: { a: 1 },
    hollow: {},
    none: [],
    list: [1, 'two', [3, [true]]],
    people: [{ name: 'ann', age: 30 }, { name: 'bob' }, 'nobody', [{ name: 'eve' }]],
    'a/b': 'slash',
    'a b)': 'odd',
  },
  features: {
    lamp: { definition: ['a:b:1'], properties: { on: true, level: 0.5 } },
    bare: {},
    draft: { desiredProperties: {} },
  },
}

function matches(expression: string, thing: JsonObject | undefined = THING): boolean {
  return compileRql(expression).matches({ thing, context: contextWith() })
}

function check(cases: readonly [expression: string, expected: boolean][]): void {
  for (const [expression, expected] of cases) {
    assert.is(matches(expression), expected, expression)
  }
}

it('compares numbers as numbers', () => {
  check([
    ['eq(attributes/int,5)', true],
    ['eq(attributes/int,5.0)', true],
    ['eq(attributes/one,+1)', true],
    ['eq(attributes/int,-5)', false],
    ['ne(attributes/int,5)', false],
    ['ne(attributes/int,6)', true],
    ['gt(attributes/int,4.9)', true],
    ['gt(attributes/int,5)', false],
    ['ge(attributes/int,5)', true],
    ['lt(attributes/int,10)', true],
    ['lt(attributes/int,5)', false],
    ['le(attributes/int,5)', true],
    ['gt(features/lamp/properties/level,0.25)', true],
    ['eq(_revision,7)', true],
  ])
})

it('compares text by code units, and with numbers if it is one', () => {
  check([
    ['eq(attributes/text,"Hello")', true],
    [`eq(attributes/text,'Hello')`, true],
    ['eq(attributes/text,"hello")', false],
    ['gt(attributes/text,"Hallo")', true],
    ['lt(attributes/text,"a")', true],
    ['eq(attributes/digits,10)', true],
    ['gt(attributes/digits,9)', true],
    ['gt(attributes/digits,"9")', false],
    ['eq(attributes/int,"5")', true],
    ['eq(attributes/int,"5.0")', true],
    ['eq(attributes/int,"five")', false],
    ['lt(attributes/int,"five")', true],
  ])
})

it('compares everything else by its text', () => {
  check([
    ['eq(attributes/yes,true)', true],
    ['eq(attributes/yes,"true")', true],
    ['eq(attributes/no,true)', false],
    ['lt(attributes/no,true)', true],
    ['eq(attributes/yes,1)', false],
    ['gt(attributes/yes,1)', true],
  ])
})

it('knows null and what is missing', () => {
  check([
    ['eq(attributes/nothing,null)', true],
    ['eq(attributes/missing,null)', false],
    ['eq(attributes/text,null)', false],
    ['ne(attributes/nothing,null)', false],
    ['ne(attributes/missing,null)', true],
    ['ne(attributes/text,null)', true],
    ['ne(attributes/missing,"x")', true],
    ['ne(attributes/nothing,"null")', true],
    ['eq(attributes/nothing,"null")', false],
    ['gt(attributes/missing,0)', false],
    ['ge(attributes/nothing,null)', false],
    ['le(attributes/missing,0)', false],
    ['like(attributes/missing,"*")', false],
    ['like(attributes/nothing,"*")', false],
    ['in(attributes/missing,1,2)', false],
    ['in(attributes/nothing,1,null)', true],
  ])
})

it('matches objects never and arrays by any of their elements', () => {
  check([
    ['eq(attributes/object,1)', false],
    ['ne(attributes/object,1)', true],
    ['like(attributes/object,"*")', false],
    ['eq(attributes/list,1)', true],
    ['eq(attributes/list,"two")', true],
    ['eq(attributes/list,3)', true],
    ['eq(attributes/list,true)', true],
    ['eq(attributes/list,4)', false],
    ['ne(attributes/list,1)', false],
    ['gt(attributes/none,0)', false],
    ['eq(attributes/people/name,"bob")', true],
    ['eq(attributes/people/name,"eve")', false],
    ['gt(attributes/people/age,29)', true],
    ['ne(attributes/people/name,"carl")', true],
    ['eq(features/lamp/definition,"a:b:1")', true],
  ])
})

it('finds one of several', () => {
  check([
    ['in(attributes/text,"a","Hello")', true],
    ['in(attributes/int,"5")', true],
    ['in(attributes/int,1,2)', false],
  ])
})

it('matches wildcards', () => {
  check([
    ['like(attributes/text,"Hel*")', true],
    ['like(attributes/text,"*l?")', true],
    ['like(attributes/text,"hel*")', false],
    ['ilike(attributes/text,"hEL*")', true],
    ['like(attributes/text,"Hel")', false],
    ['like(attributes/text,"Hel|Hello")', false],
    ['like(attributes/digits,"1.")', false],
    ['like(attributes/int,"5")', true],
    ['like(attributes/yes,"tr?e")', true],
    ['like(attributes/blank,"")', true],
    ['like(attributes/blank,"*")', true],
    ['like(attributes/blank,"?")', false],
  ])
})

it('combines', () => {
  const yes = 'eq(attributes/yes,true)'
  const no = 'eq(attributes/no,true)'
  check([
    [`and(${yes},${yes})`, true],
    [`and(${yes}, ${no})`, false],
    [`and(${yes})`, true],
    [`or(${no},${yes})`, true],
    [`or(${no},\t${no})`, false],
    [`not(${no})`, true],
    [`not(${yes})`, false],
    [`not(and(${yes},or(${no},${yes})))`, false],
  ])
})

it('asks for presence', () => {
  check([
    ['exists(attributes/text)', true],
    ['exists(attributes/nothing)', true],
    ['exists(attributes/missing)', false],
    ['exists(attributes/people/name)', true],
    ['exists(attributes/people/size)', false],
    ['exists(attributes/text/deeper)', false],
    ['exists(features/lamp)', true],
    ['exists(features/none)', false],
    ['exists(features/lamp/definition)', true],
    ['exists(features/bare/definition)', false],
    ['exists(features/lamp/properties)', true],
    ['exists(features/lamp/properties/on)', true],
    ['exists(features/draft/desiredProperties)', true],
    ['exists(features/lamp/desiredProperties/on)', false],
    ['exists(thingId)', true],
    ['exists(_modified)', false],
    ['exists(_metadata/attributes/by)', true],
    ['exists(topic:action)', true],
    ['exists(topic:subject)', false],
  ])
})

it('asks for emptiness', () => {
  check([
    ['empty(attributes/missing)', true],
    ['empty(attributes/nothing)', true],
    ['empty(attributes/blank)', true],
    ['empty(attributes/none)', true],
    ['empty(attributes/hollow)', true],
    ['empty(attributes/text)', false],
    ['empty(attributes/int)', false],
    ['empty(attributes/no)', false],
    ['empty(attributes/object)', false],
    ['empty(attributes/people/name)', false],
    ['empty(attributes/people/size)', true],
    ['empty(features/none)', true],
    ['empty(features/bare)', true],
    ['empty(features/lamp)', false],
    ['empty(features/draft)', false],
    ['empty(features/draft/desiredProperties)', true],
    ['empty(_modified)', true],
    ['empty(topic:action)', false],
    ['empty(topic:subject)', true],
  ])
})

it('reads every kind of property', () => {
  check([
    ['eq(thingId,"org.acme:lamp")', true],
    ['eq(/thingId,"org.acme:lamp")', true],
    ['eq(policyId,"org.acme:policy")', true],
    ['eq(namespace,"org.acme")', true],
    ['eq(_namespace,"org.acme")', true],
    ['like(definition,"org.acme:*")', true],
    ['eq(_metadata/attributes/by,"me")', true],
    ['eq(/attributes/text,"Hello")', true],
    ['eq(attributes/a~1b,"slash")', true],
    ['eq(attributes/a b\\u0029,"odd")', true],
    ['eq(attributes/toString,"x")', false],
    ['exists(attributes/__proto__)', false],
    [`eq(topic:action,'modify')`, true],
    [`eq(topic:channel,'twin')`, true],
    [`like(resource:path,'/features/*')`, true],
    [`eq(resource:type,'thing')`, true],
    [`eq(entity:id,'org.acme:lamp')`, true],
    [`eq(thing:name,'lamp')`, true],
    [`eq(feature:id,'bulb')`, true],
    [`ne(topic:subject,'x')`, true],
    [`gt(time:now_epoch_millis,1)`, true],
  ])
})

it('compares with times', () => {
  check([
    ['gt(_modified,time:now-1h)', true],
    ['lt(_modified,time:now)', true],
    ['lt(_modified,time:now-1m )', true],
    ['ge(_modified,time:now[h])', true],
    ['gt(_modified,time:now[h])', false],
    ['lt(attributes/int,time:now_epoch_millis)', true],
  ])
})

it('sees no thing in signals that carry none', () => {
  const bare = { thing: undefined, context: contextWith() }
  assert.is(compileRql('eq(attributes/int,5)').matches(bare), false)
  assert.is(compileRql('ne(attributes/int,5)').matches(bare), true)
  assert.is(compileRql('eq(namespace,"x")').matches(bare), false)
  assert.is(compileRql('empty(features/lamp)').matches(bare), true)
  const message = adaptableWith({ topic: topicWith({ criterion: 'messages', subject: 'ask' }) })
  const context = contextWith({ adaptable: message })
  assert.is(compileRql('eq(topic:subject,"ask")').matches({ thing: undefined, context }), true)
})

it('leaves open what is not known yet', () => {
  const unknown = [['attributes', 'vin'], ['features', '*', 'properties', 'on'], ['policyId']]
  const cases: [expression: string, mayMatch: boolean][] = [
    ['eq(attributes/vin,"x")', true],
    ['not(eq(attributes/vin,"x"))', true],
    ['eq(attributes/vin/deeper,"x")', true],
    ['eq(attributes/vinyl,"x")', false],
    ['exists(attributes/vin)', true],
    ['empty(attributes/vin)', true],
    ['eq(features/any/properties/on,1)', true],
    ['eq(features/any/properties/off,1)', false],
    ['exists(features/any)', true],
    ['exists(features/any/definition)', false],
    ['eq(policyId,"x")', true],
    ['and(eq(attributes/vin,"x"),eq(attributes/int,6))', false],
    ['and(eq(attributes/vin,"x"),eq(attributes/int,5))', true],
    ['or(eq(attributes/vin,"x"),eq(attributes/int,6))', true],
    ['not(or(eq(attributes/vin,"x"),eq(attributes/int,5)))', false],
    ['eq(topic:action,"delete")', false],
  ]
  for (const [expression, expected] of cases) {
    const predicate = compileRql(expression)
    const subject = { thing: THING, context: contextWith() }
    assert.is(predicate.mayMatch(subject, unknown), expected, expression)
    if (predicate.matches(subject)) assert.ok(predicate.mayMatch(subject, unknown), expression)
  }
})

it('stands deep things', () => {
  let list: JsonObject['x'] = 'deep'
  for (let depth = 0; depth < 100; depth++) list = [list]
  assert.ok(matches('eq(attributes/list,"deep")', { attributes: { list } }))
})
