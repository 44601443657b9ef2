import { NodeServices } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Option, Schema } from "effect"
import { Batch, OpenRouter, Tools } from "effect-openrouter"
import { OpenRouterTest } from "effect-openrouter/testing"
import { DurableEngine, DurableTools } from "effect-openrouter/workflow"
import { Tool, Toolkit } from "effect/ai"
import { Workflow } from "effect/workflow"

const settings = {
  payload: { id: Schema.String },
  success: Schema.Json,
  error: Schema.String,
  idempotencyKey: ({ id }: { readonly id: string }) => id
}
const Job = Workflow.make("Job", settings)

const ask = (input: string) => Effect.map(OpenRouter.respond({ model: "openai/gpt-5", input }), ({ text }) => text)

const tagged = Effect.mapError((error: { readonly _tag: string }) => error._tag)

const counted = () => {
  const asked: Array<string> = []
  return {
    asked,
    layer: OpenRouterTest.layer((request) =>
      Effect.sync(() =>
        OpenRouterTest.answer({ text: `${String(request.input)} #${asked.push(String(request.input))}` })
      )
    )
  }
}

const file = Effect.map(
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped()),
  (folder) => ({ filename: `${folder}/runs.db`, pollInterval: "50 millis" } as const)
)

describe("the engine in a file", () => {
  it.live("keeps what calls were answered with over processes, and drops it when it is told to", () =>
    Effect.gen(function*() {
      const options = yield* file
      const { asked, layer } = counted()
      const engine = Job.toLayer(() => tagged(Effect.all([ask("a"), ask("a"), ask("b")], { concurrency: 3 }))).pipe(
        Layer.provideMerge(DurableEngine.layerSqlite(options)),
        Layer.provideMerge(layer)
      )
      const id = yield* Job.executionId({ id: "1" })
      const first = yield* Effect.provide(Job.execute({ id: "1" }), engine)
      expect(yield* Effect.provide(Job.execute({ id: "1" }), engine)).toEqual(first)
      expect(asked.toSorted()).toEqual(["a", "a", "b"])
      yield* Effect.gen(function*() {
        yield* Job.execute({ id: "2" })
        expect(yield* DurableEngine.purge(Job, id)).toBe(true)
        expect(yield* DurableEngine.purge(Job, id)).toBe(false)
        expect(yield* DurableEngine.purgeEnded(Job, { olderThan: "1 hour" })).toBe(0)
        expect(yield* DurableEngine.purgeEnded(Job, { olderThan: 0 })).toBe(1)
        expect(Option.isNone(yield* Job.poll(id))).toBe(true)
        yield* Job.execute({ id: "1" })
      }).pipe(Effect.provide(engine))
      expect(asked.length).toBe(9)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.live("makes a step of each call of a batch, and asks only for those that are missing", () =>
    Effect.gen(function*() {
      const options = yield* file
      const asked: Array<string> = []
      let isAway = true
      const answers = OpenRouterTest.layer((request) =>
        Effect.suspend(() => {
          asked.push(String(request.input))
          return isAway && request.input === "question 7"
            ? Effect.die("the process is killed")
            : Effect.succeed(OpenRouterTest.answer({ text: String(request.input) }))
        })
      )
      const Questions = Workflow.make("Questions", settings).annotate(Workflow.SuspendOnFailure, true)
      const numbers = Array.from({ length: 10 }, (_, n) => n)
      const engine = Questions.toLayer(() =>
        Effect.flatMap(
          Batch.run(numbers, (n) => ask(`question ${n}`), { concurrency: 3 }),
          (results) => Effect.forEach(results, Effect.fromResult)
        ).pipe(tagged)
      ).pipe(Layer.provideMerge(DurableEngine.layerSqlite(options)), Layer.provideMerge(answers))
      yield* Effect.gen(function*() {
        const id = yield* Questions.execute({ id: "1" }, { discard: true })
        while (!asked.includes("question 7")) yield* Effect.sleep("10 millis")
        yield* Effect.sleep("200 millis")
        isAway = false
        yield* Questions.resume(id)
        expect(yield* Questions.execute({ id: "1" })).toEqual(numbers.map((n) => `question ${n}`))
      }).pipe(Effect.provide(engine))
      expect(asked.filter((input) => input !== "question 7").toSorted()).toEqual(
        numbers.filter((n) => n !== 7).map((n) => `question ${n}`)
      )
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.live("belongs to one process at a time", () =>
    Effect.gen(function*() {
      const options = yield* file
      yield* Effect.gen(function*() {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(Layer.fresh(DurableEngine.layerSqlite(options)))))
        expect(error).toMatchObject({ _tag: "EngineInUse", filename: options.filename })
      }).pipe(Effect.provide(DurableEngine.layerSqlite(options)))
      yield* Effect.scoped(Layer.build(Layer.fresh(DurableEngine.layerSqlite(options))))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.live("is told by others what to do, and of decisions", () =>
    Effect.gen(function*() {
      const options = yield* file
      const Pay = Tool.make("pay", { success: Schema.String, needsApproval: true })
      const toolkit = Toolkit.make(Pay)
      const announced: Array<DurableTools.Approval> = []
      let count = 0
      const answers = OpenRouterTest.layer(() =>
        Effect.sync(() =>
          OpenRouterTest.answer(
            count++ === 0
              ? {
                text: "",
                output: [{
                  type: "function_call",
                  id: "f",
                  callId: "c",
                  name: "pay",
                  arguments: "{}",
                  status: "completed"
                }]
              }
              : { text: "paid" }
          )
        )
      )
      const runner = Job.toLayer(() =>
        Tools.run({ model: "openai/gpt-5", input: "Pay.", toolkit }).pipe(
          DurableTools.approvals((approval) => Effect.sync(() => void announced.push(approval))),
          Effect.map(({ text }) => text),
          tagged
        )
      ).pipe(
        Layer.provide(DurableEngine.layerSqlite(options)),
        Layer.provide([answers, toolkit.toLayer({ pay: () => Effect.succeed("ok") })])
      )
      yield* Effect.gen(function*() {
        const id = yield* Job.execute({ id: "1" }, { discard: true })
        yield* Effect.forkScoped(Layer.launch(runner))
        while (announced.length === 0) yield* Effect.sleep("20 millis")
        const [approval] = announced
        if (approval === undefined) return expect.unreachable()
        yield* DurableTools.decide(approval.token, Tools.approve(approval.call))
        const ended = Effect.map(Job.poll(id), (found) => Option.filter(found, ({ _tag }) => _tag === "Complete"))
        while (Option.isNone(yield* ended)) yield* Effect.sleep("20 millis")
        expect(yield* Job.execute({ id: "1" })).toBe("paid")
        expect(count).toBe(2)
      }).pipe(Effect.scoped, Effect.provide(DurableEngine.layerSqliteClient(options)))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})
