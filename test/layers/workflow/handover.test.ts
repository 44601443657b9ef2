import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, Schema } from "effect"
import { ClusterSchema, ShardId } from "effect/cluster"
import { TestClock } from "effect/testing"
import { Activity, Workflow, WorkflowEngine } from "effect/workflow"
import * as Handover from "../../../src/layers/workflow/Handover.ts"

const Job = Workflow.make("Job", {
  payload: { id: Schema.String },
  success: Schema.Void,
  idempotencyKey: ({ id }) => id
})

const shard = ShardId.make("default", 1)

/** An engine in memory whose shard may go to another runner: then an activity that begins is not made here. */
const runner = Effect.gen(function*() {
  const memory = yield* WorkflowEngine.WorkflowEngine
  const state = { isOwner: true, looks: 0 }
  const engine = yield* Handover.make(
    WorkflowEngine.WorkflowEngine.of({
      ...memory,
      activityExecute: (activity, attempt) =>
        Effect.suspend(() => state.isOwner ? memory.activityExecute(activity, attempt) : Effect.never)
    }),
    {
      getShardId: () => shard,
      hasShardId: () => {
        state.looks++
        return state.isOwner
      }
    }
  )
  return { engine, state }
}).pipe(Effect.provide(WorkflowEngine.layerMemory))

/** Begins runs of a body; tells how they end: `given up` is what makes the next runner run it again. */
const begun = Effect.fnUntraced(
  function*(
    body: Effect.Effect<void, never, never | WorkflowEngine.WorkflowEngine | WorkflowEngine.WorkflowInstance>,
    count = 1
  ) {
    const { engine, state } = yield* runner
    const ends: Array<string> = []
    const layer = Job.toLayer(() =>
      body.pipe(
        // The engine in memory gives its bodies itself.
        Effect.provideService(WorkflowEngine.WorkflowEngine, engine),
        Effect.onExit((exit) => Effect.sync(() => void ends.push(endOf(exit))))
      )
    ).pipe(Layer.provideMerge(Layer.succeed(WorkflowEngine.WorkflowEngine, engine)))
    const services = yield* Layer.build(layer)
    yield* Effect.forEach(
      Array.from({ length: count }, (_, n) => `${n}`),
      (id) => Job.execute({ id }, { discard: true })
    ).pipe(Effect.provideContext(services))
    yield* TestClock.adjust("1 second")
    return { state, ends }
  }
)

const endOf = (exit: Exit.Exit<void>): string =>
  Exit.isSuccess(exit)
    ? "done"
    : exit.cause.reasons.some((reason) =>
        Cause.isInterruptReason(reason) && reason.annotations.has(ClusterSchema.Abandon.key)
      )
    ? "given up"
    : Cause.pretty(exit.cause)

const activity = (name: string, made: Array<string>, takes: number) =>
  Activity.make({
    name,
    execute: Effect.delay(Effect.sync(() => void made.push(name)), takes)
  })

describe("a workflow that belongs to another runner", () => {
  it.effect("is given up where none of its activities is in flight, and stays where it belongs", () =>
    Effect.gen(function*() {
      const { ends, state } = yield* begun(Effect.never)
      assert.deepStrictEqual(ends, [])
      state.isOwner = false
      yield* TestClock.adjust("250 millis")
      assert.deepStrictEqual(ends, ["given up"])
    }).pipe(Effect.scoped))

  it.effect("is given up once the activities that are in flight are done, and makes no other one", () =>
    Effect.gen(function*() {
      const made: Array<string> = []
      const chain = (name: string, takes: number) =>
        Effect.andThen(activity(`${name} 1`, made, takes), activity(`${name} 2`, made, takes))
      const { ends, state } = yield* begun(
        Effect.all([chain("a", 5000), chain("b", 10_000)], { concurrency: 2, discard: true })
      )
      state.isOwner = false
      yield* TestClock.adjust("8 seconds")
      assert.deepStrictEqual([made, ends], [["a 1"], []])
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual([made, ends], [["a 1", "b 1"], ["given up"]])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(made, ["a 1", "b 1"])
    }).pipe(Effect.scoped))

  it.effect("does not wait for an activity that was left", () =>
    Effect.gen(function*() {
      const { ends, state } = yield* begun(
        Effect.andThen(Effect.timeoutOption(activity("a", [], 60_000), 2000), Effect.never)
      )
      state.isOwner = false
      yield* TestClock.adjust("900 millis")
      assert.deepStrictEqual(ends, [])
      yield* TestClock.adjust("500 millis")
      assert.deepStrictEqual(ends, ["given up"])
    }).pipe(Effect.scoped))

  it.effect("is not looked after any more when it has ended", () =>
    Effect.gen(function*() {
      const { ends, state } = yield* begun(Effect.delay(activity("a", [], 100), 2000), 50)
      assert.isAtLeast(state.looks, 50)
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(ends, Array.from({ length: 50 }, () => "done"))
      state.looks = 0
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(state.looks, 0)
    }).pipe(Effect.scoped))
})
