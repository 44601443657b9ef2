/**
 * Kills processes that run durable workflows, and counts at the server what is paid again: over an SQLite file, over one that
 * several runners share, and over PostgreSQL, which is started for it where it is installed or can be.
 *
 *     npm run kill:durable [-- <calls of the replay> <sqlite | shared | postgres | short>]
 *
 * `short` is SIGKILL, SIGTERM, one of two runners killed and one that joins late: no approval, no replay, no outage of the database,
 * and no file that several runners share.
 *
 * Ends with `N passed, N failed`; the exit code is 1 where a check fails.
 */
import { NodeHttpServer, NodeServices } from "@effect/platform-node"
import { Effect, FileSystem, Layer, Schema } from "effect"
import { Emulator } from "effect-openrouter/testing"
import { HttpServer } from "effect/http"
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:http"
import { make as makeReport } from "./conformance/report.ts"
import * as Debian from "./debian.ts"
import type * as Jobs from "./kill-durable/jobs.ts"
import * as Postgres from "./postgres.ts"

const [replayed, only] = process.argv.slice(2)

const finished = Number(replayed ?? 10_000)

const isShort = only === "short"

const report = makeReport(console.log)

const calls = 200
const concurrency = 10

const emulator = Emulator.layerServer({
  // What is sent again is to be seen, so nothing is answered from a cache and every request takes its time.
  latency: "50 millis",
  rules: [
    {
      when: { textIncludes: "Please refund this." },
      nth: 1,
      reply: Emulator.Reply.answer({
        only: true,
        items: [{
          type: "function_call",
          id: "fc_1",
          call_id: "call_1",
          name: "refund",
          arguments: "{}",
          status: "completed"
        }]
      })
    }
  ]
}).pipe(Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" })))

const Said = Schema.Struct({
  _tag: Schema.String,
  id: Schema.optionalKey(Schema.String),
  value: Schema.optionalKey(Schema.Json)
})

/** A process of the test, and all that it said. */
const started = (task: Jobs.Task) =>
  Effect.gen(function*() {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        fork(new URL("kill-durable/process.ts", import.meta.url), [JSON.stringify(task)], {
          execArgv: ["--import", new URL("resolve-sources.ts", import.meta.url).href],
          stdio: ["ignore", "ignore", "inherit", "ipc"]
        })
      ),
      (child) => Effect.promise(() => ended(child, "SIGKILL"))
    )
    const said: Array<unknown> = []
    child.on("message", (message) => said.push(message))
    const isSaid = (tag: string, id?: string) => (message: unknown) =>
      Schema.is(Said)(message) && message._tag === tag && (id === undefined || message.id === id)
    const hears = (tag: string, id?: string, within = 60_000) =>
      Effect.promise(async () => {
        for (let left = within; left > 0; left -= 5) {
          const found = said.find(isSaid(tag, id))
          if (found !== undefined) return found
          if (child.exitCode !== null || child.signalCode !== null) return undefined
          await new Promise((resolve) => setTimeout(resolve, 5))
        }
        return undefined
      })
    yield* hears("Ready")
    return {
      hears,
      count: (tag: string) => said.filter(isSaid(tag)).length,
      tell: (order: object) => Effect.sync(() => void child.send(order)),
      end: (signal: NodeJS.Signals) => Effect.promise(() => ended(child, signal))
    }
  })

const ended = async (child: ChildProcess, signal: NodeJS.Signals) => {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  await once(child, "exit")
}

const valueOf = (message: unknown) => Schema.is(Said)(message) ? message.value : undefined

const until = (condition: Effect.Effect<boolean>) =>
  Effect.gen(function*() {
    while (!(yield* condition)) yield* Effect.sleep("2 millis")
  })

/** All checks over one store; `place` gives a new one each time. */
const checks = (
  name: string,
  store: Jobs.Task["store"],
  place: (name: string) => Effect.Effect<string>,
  api: string,
  /** Takes the database away, and gives it back. */
  outage?: { readonly begin: Effect.Effect<void>; readonly end: Effect.Effect<void> }
) =>
  Effect.gen(function*() {
    const { ledger, reset } = yield* Emulator.Emulator
    const received = Effect.map(
      ledger,
      ({ statuses }) => Object.values(statuses).reduce((sum, count) => sum + count, 0)
    )
    const process = (where: string, role: Jobs.Task["role"] = "runner", isPooled = false) =>
      Effect.flatMap(Debian.freePort, (port) => started({ store, place: where, port, api, role, isPooled }))
    const order = { _tag: "Calls", id: "1", calls, concurrency, isGated: false }

    for (const signal of ["SIGKILL", "SIGTERM"] as const) {
      yield* Effect.scoped(Effect.gen(function*() {
        yield* reset
        const where = yield* place(signal)
        const first = yield* process(where)
        yield* first.tell(order)
        yield* until(Effect.map(received, (count) => count >= calls / 2))
        yield* first.end(signal)
        const before = yield* received
        const at = performance.now()
        const second = yield* process(where)
        yield* until(Effect.map(received, (count) => count > before))
        const resumed = performance.now() - at
        yield* second.tell(order)
        const value = valueOf(yield* second.hears("Ended", "1"))
        const repeated = (yield* received) - calls
        const most = signal === "SIGKILL" ? concurrency : 0
        report.note(
          `${name}: ${signal} at ${before} of ${calls}: ${repeated} repeated, goes on after ${resumed.toFixed(0)} ms`
        )
        report.check(
          `${name}, ${signal}`,
          value !== calls ? `${String(value)} answers` : repeated > most ? `${repeated} calls were repeated` : undefined
        )
        yield* second.tell({ _tag: "Purge", id: "1" })
        const isPurged = valueOf(yield* second.hears("Purged", "1"))
        const paid = yield* received
        yield* second.tell({ ...order, calls: 3 })
        yield* until(Effect.map(received, (count) => count >= paid + 3)).pipe(Effect.timeoutOption("20 seconds"))
        report.check(
          `${name}, ${signal}, purged and begun anew`,
          isPurged !== true || (yield* received) !== paid + 3
            ? `${String(isPurged)}, ${(yield* received) - paid} requests`
            : undefined
        )
      }))
    }

    if (!isShort) {
      yield* Effect.scoped(Effect.gen(function*() {
        yield* reset
        const where = yield* place("approval")
        const runner = yield* process(where)
        yield* runner.tell({ _tag: "Agent", id: "1" })
        const waits = yield* runner.hears("Waits")
        yield* runner.end("SIGKILL")
        const client = yield* process(where, "client")
        const again = yield* process(where)
        yield* again.tell({ _tag: "Agent", id: "1" })
        yield* client.tell({ ...Object(waits), _tag: "Approve" })
        const value = valueOf(yield* again.hears("Ended", "1"))
        report.check(
          `${name}, an approval from another process`,
          value !== "Answered" || again.count("Refunded") !== 1 || (yield* received) !== 2
            ? `${String(value)}, ${again.count("Refunded")} refunds, ${yield* received} requests`
            : undefined
        )
      }))
    }

    if (store !== "sqlite") {
      yield* Effect.scoped(Effect.gen(function*() {
        yield* reset
        const where = yield* place("two")
        // Where a pooler may be, locks are rows; all other checks have them in sessions.
        const isPooled = store === "postgres"
        const runners = [yield* process(where, "runner", isPooled), yield* process(where, "runner", isPooled)] as const
        // They share the work out once both are there.
        yield* Effect.sleep("3 seconds")
        const ids = Array.from({ length: 10 }, (_, n) => `${n}`)
        for (const id of ids) yield* runners[0].tell({ ...order, id, calls: 40, concurrency: 2 })
        yield* until(Effect.map(received, (count) => count >= 150))
        yield* runners[1].end("SIGKILL")
        const at = performance.now()
        const values: Array<unknown> = []
        for (const id of ids) values.push(valueOf(yield* runners[0].hears("Ended", id, 90_000)))
        const repeated = (yield* received) - 400
        report.note(
          `${name}: one of two runners killed: ${repeated} repeated, all done ${
            (performance.now() - at).toFixed(0)
          } ms after`
        )
        report.check(
          `${name}, two runners`,
          values.some((value) => value !== 40)
            ? `the other did not finish: ${values.join()}`
            : repeated > 20
            ? `${repeated} calls were repeated`
            : undefined
        )
      }))
    }

    if (outage !== undefined) {
      yield* Effect.scoped(Effect.gen(function*() {
        yield* reset
        const where = yield* place("away")
        const runner = yield* process(where)
        yield* runner.tell(order)
        yield* until(Effect.map(received, (count) => count >= calls / 2))
        yield* outage.begin
        yield* Effect.sleep("3 seconds")
        const before = yield* received
        yield* outage.end
        const at = performance.now()
        const value = valueOf(yield* runner.hears("Ended", "1", 60_000))
        const repeated = (yield* received) - calls
        report.note(
          `${name}: the database is away at ${before} of ${calls} for 3 s: ${repeated} repeated, ended ${
            (performance.now() - at).toFixed(0)
          } ms after it is back`
        )
        report.check(
          `${name}, the database is away`,
          value !== calls
            ? `${String(value)} answers`
            : repeated > 2 * concurrency
            ? `${repeated} calls were repeated`
            : undefined
        )
      }))
    }

    if (store !== "sqlite") {
      yield* Effect.scoped(Effect.gen(function*() {
        yield* reset
        const where = yield* place("late")
        const ids = Array.from({ length: 10 }, (_, n) => `${n}`)
        const first = yield* process(where)
        for (const id of ids) yield* first.tell({ ...order, id, calls: 80, concurrency: 2 })
        yield* until(Effect.map(received, (count) => count >= 100))
        const second = yield* process(where)
        const at = performance.now()
        const values: Array<unknown> = []
        for (const id of ids) values.push(valueOf(yield* first.hears("Ended", id, 30_000)))
        const repeated = (yield* received) - 800
        report.note(
          `${name}: a runner joins: ${
            second.count("Begun")
          } of ${ids.length} workflows go to it, ${repeated} repeated, ` +
            `all done ${(performance.now() - at).toFixed(0)} ms after`
        )
        report.check(
          `${name}, a runner that joins late`,
          values.some((value) => value !== 80)
            ? `workflows stand still: ${values.join()}`
            : second.count("Begun") === 0
            ? "no workflow went to it"
            : repeated > 0
            ? `${repeated} calls were repeated`
            : undefined
        )
      }))
    }

    if (store !== "shared" && !isShort) {
      yield* Effect.scoped(Effect.gen(function*() {
        yield* reset
        const where = yield* place("replay")
        const gated = { _tag: "Calls", id: "r", calls: finished, concurrency: 100, isGated: true }
        const first = yield* process(where)
        yield* first.tell(gated)
        yield* first.hears("Asked", "r", 300_000)
        yield* Effect.sleep("2 seconds")
        yield* first.end("SIGKILL")
        const sent = yield* received
        const second = yield* process(where)
        const { _tag: _, isGated: __, ...payload } = gated
        yield* second.tell({ ...payload, _tag: "Open" })
        yield* second.hears("Begun", "r")
        const at = performance.now()
        yield* second.hears("Asked", "r", 120_000)
        const took = (performance.now() - at) / 1000
        yield* second.tell(gated)
        const value = valueOf(yield* second.hears("Ended", "r"))
        const bar = store === "postgres" ? 8 : 5
        report.note(`${name}: ${finished} finished calls replay in ${took.toFixed(2)} s`)
        report.check(
          `${name}, replay`,
          value !== finished || (yield* received) !== sent
            ? `${String(value)} answers, ${(yield* received) - sent} calls were repeated`
            : took > bar
            ? `${took.toFixed(2)} s, and ${bar} are allowed`
            : undefined
        )
      }))
    }
  })

const main = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped()
  const { address } = yield* HttpServer.HttpServer
  const api = `http://127.0.0.1:${"port" in address ? address.port : 0}/api/v1`
  if (only === undefined || isShort || only === "sqlite") {
    yield* checks("SQLite", "sqlite", (name) => Effect.succeed(`${folder}/${name}.db`), api)
  }
  if (only === undefined || only === "shared") {
    yield* checks("SQLite, shared", "shared", (name) => Effect.succeed(`${folder}/shared-${name}.db`), api)
  }
  if (only === undefined || isShort || only === "postgres") {
    yield* Postgres.make.pipe(
      Effect.flatMap(({ database, start, stop }) =>
        checks(
          "PostgreSQL",
          "postgres",
          (name) => database(name.toLowerCase()),
          api,
          isShort ? undefined : { begin: stop, end: start }
        )
      ),
      Effect.catchTag(
        "Missing",
        ({ message }) => Effect.sync(() => report.note(`PostgreSQL is skipped: ${message}`))
      )
    )
  }
  if (!report.finish()) process.exitCode = 1
}).pipe(Effect.scoped, Effect.provide([emulator, NodeServices.layer]))

await Effect.runPromise(main)
