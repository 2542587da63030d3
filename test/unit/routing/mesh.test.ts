import { setImmediate as nextTurn } from 'node:timers/promises'
import { MessageChannel } from 'node:worker_threads'
import * as assert from 'uvu/assert'
import type { Signal } from '../../../src/protocol/signal.ts'
import { parseTopicPath } from '../../../src/protocol/topic-path.ts'
import {
  BEHIND_SIGNALS,
  createMesh,
  type Mesh,
  type MeshReceiver,
} from '../../../src/routing/mesh.ts'
import { type Congestion, NO_CONGESTION } from '../../../src/routing/router.ts'
import { suite } from '../../support/suite.ts'

const it = suite('mesh')

/** One end: everything it received, as text. */
class End implements MeshReceiver {
  readonly received: string[] = []
  answer: (body: unknown) => Promise<unknown> = async (body) => `answer to ${String(body)}`

  signals(shard: number, batch: readonly Signal[]): void {
    this.received.push(`${batch.map(({ entityId }) => entityId)} for ${shard}`)
  }

  acknowledgements(shard: number, batch: readonly { label: string }[]): void {
    this.received.push(`${batch.map(({ label }) => label)} acknowledged to ${shard}`)
  }

  congestion(shard: number, { slow }: Congestion): void {
    this.received.push(`${shard} is slow with ${slow}`)
  }

  behind(thread: number, behind: boolean): void {
    this.received.push(`${thread} is ${behind ? '' : 'not '}behind`)
  }

  request(body: unknown): Promise<unknown> {
    return this.answer(body)
  }
}

function signal(entityId: string): Signal {
  return {
    kind: 'twin-event',
    adaptable: {
      topic: parseTopicPath('ns/name/things/twin/events/modified'),
      headers: {},
      path: '/',
    },
    entityId,
    origin: 'origin',
    subjects: [],
  }
}

async function connected(
  test: (near: Mesh, far: Mesh, ends: readonly [End, End]) => Promise<void>,
): Promise<void> {
  const ends = [new End(), new End()] as const
  const near = createMesh(0, ends[0])
  const far = createMesh(1, ends[1])
  const { port1, port2 } = new MessageChannel()
  near.connect(1, port1)
  far.connect(0, port2)
  try {
    await test(near, far, ends)
  } finally {
    near.close()
    far.close()
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await nextTurn()
}

it('hands over what is meant for its own thread at once', () =>
  connected(async (near, _far, [end]) => {
    near.signals(0, 7, [signal('a')])
    near.acknowledgements(0, 7, [{ ticket: 1, label: 'l', status: 200 }])
    assert.equal(end.received, ['a for 7', 'l acknowledged to 7'])
    assert.is(await near.request(0, 'x'), 'answer to x')
  }))

it('carries everything to the other thread, in order', () =>
  connected(async (near, _far, [, end]) => {
    near.signals(1, 7, [signal('a'), signal('b')])
    near.signals(1, 8, [signal('c')])
    near.signals(1, 7, [signal('d')])
    near.acknowledgements(1, 7, [{ ticket: 1, label: 'l', status: 200 }])
    await until(() => end.received.length === 4)
    assert.equal(end.received, ['l acknowledged to 7', 'a,b for 7', 'c for 8', 'd for 7'])
  }))

it('tells all threads of congestion, its own first', () =>
  connected(async (near, _far, [own, other]) => {
    near.congestion(7, { ...NO_CONGESTION, slow: ['twin-events'] })
    assert.equal(own.received, ['7 is slow with twin-events'])
    await until(() => other.received.length === 1)
    assert.equal(other.received, ['7 is slow with twin-events'])
  }))

it('brings back answers and errors of requests', () =>
  connected(async (near, _far, [, end]) => {
    assert.equal(await Promise.all([near.request(1, 'x'), near.request(1, 'y')]), [
      'answer to x',
      'answer to y',
    ])
    end.answer = async () => {
      throw new Error('disk full')
    }
    await assertRejects(near.request(1, 'z'), 'disk full')
  }))

it('fails requests to a thread that ends, and those that come later', () =>
  connected(async (near, far, [, end]) => {
    end.answer = () => new Promise(() => {})
    const pending = assertRejects(near.request(1, 'x'), 'worker thread 1 has ended')
    await nextTurn()
    far.close()
    await pending
    await assertRejects(near.request(1, 'y'), 'worker thread 1 has ended')
    await assertRejects(near.request(2, 'y'), 'worker thread 2 is not connected')
  }))

it('says when a thread does not take its signals, and when it does again', () =>
  connected(async (near, _far, [own, other]) => {
    const batch = Array.from({ length: BEHIND_SIGNALS - 1 }, () => signal('a'))
    near.signals(1, 7, batch)
    assert.equal(own.received, [])
    near.signals(1, 7, [signal('b')])
    assert.equal(own.received, ['1 is behind'])
    await until(() => own.received.length === 2)
    assert.equal(own.received[1], '1 is not behind')
    assert.is(other.received.length, 2)
  }))

it('forgets that a thread was behind when it ends', () =>
  connected(async (near, _far, [own]) => {
    near.signals(
      1,
      7,
      Array.from({ length: BEHIND_SIGNALS }, () => signal('a')),
    )
    near.close()
    assert.equal(own.received, ['1 is behind', '1 is not behind'])
  }))

async function assertRejects(promise: Promise<unknown>, message: string): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (thrown: Error) => thrown,
  )
  assert.is(error?.message, message)
}
