import { assert, describe, it } from "@effect/vitest"
import { DateTime, Deferred, Effect, Fiber, Layer, Stream } from "effect"
import { CostLedger, Journal, OpenRouter, Usd } from "effect-openrouter"
import { Sqlite } from "effect-openrouter/node"
import { Emulator } from "effect-openrouter/testing"
import { SqlClient } from "effect/sql"
import { apiKey, model, once, ungated } from "../client/support.ts"

const client = Layer.provideMerge(ungated(OpenRouter.layer({ apiKey })), Emulator.layerHttpClient())

const memory = Sqlite.layer({ filename: ":memory:" })

const ask = (input: string) => OpenRouter.respond({ model, input })

const times = Effect.flatMap(Emulator.Emulator, ({ requests }) => Effect.map(requests, ({ length }) => length))

/** Runs something as a process of its own would: with another journal over the same database. */
const inProcess = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.flatMap(
    SqlClient.SqlClient,
    (sql) =>
      Effect.provide(self, Layer.provide(Layer.fresh(Journal.layerSql()), Layer.succeed(SqlClient.SqlClient, sql)), {
        local: true
      })
  )

describe("a journal in a database", () => {
  it.effect("answers a run that is taken up again, and says what it holds", () =>
    Effect.gen(function*() {
      const program = Effect.all([
        CostLedger.scope(ask("One"), "a"),
        ask("Two"),
        Effect.exit(OpenRouter.respond({ model: "emulator/status-500", input: "x" })),
        OpenRouter.embeddings({ model: "openai/text-embedding-3-small", input: "x" })
      ]).pipe(Journal.resumable("run"))
      const [first, paid] = yield* CostLedger.measured(inProcess(program))
      const [second, saved] = yield* CostLedger.measured(inProcess(program))
      assert.deepStrictEqual(second, first)
      assert.strictEqual(yield* times, 4)
      assert.strictEqual(Usd.toText(saved.saved), Usd.toText(paid.cost))
      const summary = yield* inProcess(Journal.summary("run"))
      assert.deepStrictEqual(
        [summary.calls, summary.errors, summary.starts, summary.isFinished, summary.unknown],
        [4, 1, 2, true, 0]
      )
      assert.strictEqual(Usd.toText(summary.cost), Usd.toText(paid.cost))
      yield* inProcess(Journal.fork("run", "other", { until: ({ outcome }) => outcome === "ServerError" }))
      assert.strictEqual((yield* inProcess(Journal.summary("other"))).calls, 2)
      yield* inProcess(Journal.forget("run"))
      assert.deepStrictEqual((yield* inProcess(Journal.list)).map(({ run }) => run), ["other"])
    }).pipe(Effect.provide([client, memory, once])))

  it.live("lists what was in flight, and has one owner at a time", () =>
    Effect.gen(function*() {
      const hanging = Effect.andThen(ask("One"), OpenRouter.respond({ model: "emulator/hang", input: "x" }))
      const fiber = yield* Effect.forkChild(inProcess(Journal.resumable(hanging, "run")))
      while ((yield* times) < 2) yield* Effect.sleep(5)
      const { calls, inFlight } = yield* inProcess(Journal.summary("run"))
      assert.deepStrictEqual([calls, inFlight.map(({ model }) => model)], [1, ["emulator/hang"]])
      const error = yield* Effect.flip(inProcess(Journal.resumable(ask("One"), "run")))
      assert.strictEqual(error._tag, "JournalInUse")
      yield* Fiber.interrupt(fiber)
      yield* inProcess(Journal.resumable(ask("One"), "run"))
      assert.strictEqual(yield* times, 2)
    }).pipe(Effect.provide([client, memory])))

  it.live("sends and drops nothing any more once its run was taken over", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const gate = yield* Deferred.make<void>()
      const program = Effect.andThen(ask("One"), Effect.andThen(Deferred.await(gate), ask("Two")))
      const fiber = yield* Effect.forkChild(
        Effect.flip(inProcess(Journal.resumable(program, "run", { onSuccess: "forget" })))
      )
      while ((yield* times) < 1) yield* Effect.sleep(5)
      yield* Effect.sleep(20)
      // This one stood still for too long.
      yield* sql`UPDATE effect_openrouter_journal_runs SET owner = 'another', beats = beats + 1`
      yield* Deferred.succeed(gate, undefined)
      const error = yield* Fiber.join(fiber)
      assert.isTrue(error._tag === "JournalError" && error.reason === "lost", String(error))
      assert.strictEqual(yield* times, 1)
      assert.strictEqual((yield* inProcess(Journal.summary("run"))).calls, 1)
      const ended = yield* Effect.forkChild(
        Effect.flip(inProcess(Journal.resumable(
          Effect.andThen(sql`UPDATE effect_openrouter_journal_runs SET owner = 'another' WHERE run = 'b'`, Effect.void),
          "b",
          { onSuccess: "forget" }
        )))
      )
      const lost = yield* Fiber.join(ended)
      assert.isTrue(lost._tag === "JournalError" && lost.reason === "lost", String(lost))
      assert.strictEqual((yield* inProcess(Journal.summary("b"))).starts, 1)
    }).pipe(Effect.provide([client, memory])))

  it.live("has its calls in the order of their ends, however many end in a millisecond", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const journal = yield* Journal.Journal
      const time = DateTime.makeUnsafe(1_700_000_000_000)
      const keys = Array.from({ length: 1500 }, (_, n) => `call ${n}`)
      yield* Effect.scoped(Effect.flatMap(journal.open("run"), (run) =>
        Effect.forEach(keys, (key) =>
          run.append({
            _tag: "Ended",
            run: "run",
            time,
            key,
            call: "respond",
            scopes: [],
            outcome: "Answered",
            answer: { _tag: "Value", value: key }
          }))))
      const found = yield* Stream.runCollect(journal.entries("run"))
      assert.deepStrictEqual(found.map(({ key }) => key), keys)
      assert.strictEqual((yield* sql`SELECT * FROM effect_openrouter_journal_calls`).length, 1500)
    }).pipe(Effect.provide(Layer.provideMerge(Journal.layerSql(), memory))))

  it.live("is taken over from an owner that was killed", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* inProcess(Journal.resumable(ask("One"), "run"))
      yield* sql`UPDATE effect_openrouter_journal_runs SET owner = 'killed'`
      yield* inProcess(Journal.resumable(ask("One"), "run"))
      assert.strictEqual(yield* times, 1)
    }).pipe(Effect.provide([client, memory])), 15_000)
})
