/**
 * Checks against a real PostgreSQL what the tests check on SQLite: journals and conversations in tables, over several processes'
 * worth of clients.
 *
 *     npm run sql
 *
 * It starts a PostgreSQL of its own, and installs it by apt where it is missing. Where it cannot be had, nothing is checked.
 * Ends with `N passed, N failed`; the exit code is 1 where a check fails.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, Fiber, Layer, Redacted, Schedule } from "effect"
import { Conversations, CostLedger, Journal, OpenRouter, RateGate, Usd } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"
import { SqlClient } from "effect/sql"
import { make as makeReport } from "./conformance/report.ts"
import * as Postgres from "./postgres.ts"

const report = makeReport(console.log)

const model = "openai/gpt-5"

const client = OpenRouter.layer({ apiKey: Redacted.make("sk-or-v1-sql") }).pipe(
  Layer.provide(RateGate.none),
  Layer.provideMerge(Emulator.layerHttpClient())
)

const times = Effect.flatMap(Emulator.Emulator, ({ requests }) => Effect.map(requests, ({ length }) => length))

const ask = (input: string) => OpenRouter.respond({ model, input })

const check = (what: string, isSo: boolean, found: unknown) =>
  Effect.sync(() => report.check(what, isSo ? undefined : `found ${JSON.stringify(found)}`))

/** With a journal of its own over the database, as another process has. */
const inProcess = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.provide(self, Layer.fresh(Journal.layerSql()), { local: true })

const journals = Effect.gen(function*() {
  const program = Effect.forEach(
    Array.from({ length: 50 }, (_, index) => index),
    (index) => CostLedger.scope(ask(`question ${index % 40}`), `scope ${index % 7}`),
    { concurrency: 10 }
  ).pipe(Effect.map((all) => all.map(({ text }) => text)), Journal.resumable("run"))
  const [first, paid] = yield* CostLedger.measured(inProcess(program))
  const before = yield* times
  const [second, saved] = yield* CostLedger.measured(inProcess(program))
  yield* check("a run is answered from its journal", JSON.stringify(second) === JSON.stringify(first), second)
  yield* check("nothing is sent again", (yield* times) === before, yield* times)
  yield* check("what it cost is saved", Usd.equals(saved.saved, paid.cost), { paid, saved })
  const summary = yield* inProcess(Journal.summary("run"))
  yield* check(
    "its summary is that of the ledger",
    Usd.equals(summary.cost, paid.cost) && summary.calls === 50,
    summary
  )

  const hanging = Effect.andThen(ask("One"), OpenRouter.respond({ model: "emulator/hang", input: "x" }))
  const sent = yield* times
  const fiber = yield* Effect.forkChild(inProcess(Journal.resumable(hanging, "open")))
  yield* Effect.repeat(times, { until: (count) => count >= sent + 2, schedule: Schedule.spaced("10 millis") })
  const error = yield* Effect.flip(inProcess(Journal.resumable(ask("One"), "open")))
  yield* check("a run has one owner", error._tag === "JournalInUse", error)
  const { inFlight } = yield* inProcess(Journal.summary("open"))
  yield* check("what is in flight is listed", inFlight.length === 1, inFlight)
  yield* Fiber.interrupt(fiber)
  const sql = yield* SqlClient.SqlClient
  yield* sql`UPDATE effect_openrouter_journal_runs SET owner = 'killed' WHERE run = 'open'`
  yield* inProcess(Journal.resumable(ask("One"), "open"))
  yield* check("a run is taken over from an owner that was killed", (yield* times) === sent + 2, yield* times)
  yield* inProcess(Journal.fork("run", "other", { until: ["scope 3"] }))
  yield* inProcess(Journal.forget("run"))
  const names = (yield* inProcess(Journal.list)).map(({ run }) => run).toSorted()
  yield* check("a run is forked and forgotten", names.join() === "open,other", names)
})

const conversations = Effect.gen(function*() {
  const layer = Conversations.layerSql()
  const say = (n: number) => Conversations.respond("bob", { model: "emulator/echo", input: `said ${n}` })
  yield* Effect.forEach([1, 2, 3], say).pipe(Effect.provide(Layer.fresh(layer), { local: true }))
  const kept = yield* Conversations.get("bob").pipe(Effect.provide(Layer.fresh(layer), { local: true }))
  const text = JSON.stringify(kept)
  yield* check("a conversation is there for the next process", text.includes("said 1") && text.includes("said 3"), kept)
})

const main = Effect.gen(function*() {
  const postgres = yield* Postgres.make
  const url = yield* postgres.database("checks")
  const database = PgClient.layer({ url: Redacted.make(url) })
  yield* Effect.andThen(journals, conversations).pipe(Effect.provide([client, database]))
  if (!report.finish()) process.exitCode = 1
}).pipe(
  Effect.scoped,
  Effect.catchTag("Missing", ({ message }) => Effect.sync(() => report.note(`skipped: ${message}`)))
)

await Effect.runPromise(main)
