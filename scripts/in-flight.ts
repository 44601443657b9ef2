/**
 * Many calls in flight at once over real sockets: the server holds them until all are there, and for a while longer. All of them
 * complete. Prints what one call takes of the memory while it waits.
 *
 *     npm run in-flight -- [--calls 10000] [--hold SECONDS] [--fetch]
 *
 * `--hold` (3): for how long all of them are in flight. Ends with `N passed, N failed`; the exit code is 1 where a check fails.
 */
import { Clock, Effect, Layer, Redacted } from "effect"
import { OpenRouter, RateGate } from "effect-openrouter"
import { DispatchHttpClient } from "effect-openrouter/node"
import { FetchHttpClient } from "effect/http"
import { parseArgs } from "node:util"
import { make as makeReport } from "./conformance/report.ts"
import { startServer } from "./soak/child.ts"
import { heapBytes } from "./soak/leftovers.ts"
import * as Plan from "./soak/plan.ts"

const { values: flags } = parseArgs({
  options: {
    calls: { type: "string", default: "10000" },
    hold: { type: "string", default: "3" },
    fetch: { type: "boolean", default: false }
  }
})

const calls = Number(flags.calls)
const holdMillis = Number(flags.hold) * 1000

const report = makeReport((line) => process.stdout.write(`${line}\n`))

const ask = (n: number) =>
  OpenRouter.respond({ model: "soak/model-0", input: Plan.questionOf(n) }).pipe(
    Effect.map(({ text }) => text === Plan.answerOf(0, { n, item: 0, step: 0 }) ? undefined : `answered with ${text}`),
    Effect.catch((error) => Effect.succeed(`${error._tag}: ${error.message}`))
  )

const all = (from: number, count: number) =>
  Effect.forEach(
    Array.from({ length: count }, (_, n) => from + n),
    (n) => Effect.map(ask(n), (problem) => report.check(`call ${n}`, problem)),
    { concurrency: "unbounded", discard: true }
  )

interface Memory {
  readonly heap: number
  readonly rss: number
}

const memory = (): Memory => ({ heap: heapBytes() ?? process.memoryUsage().heapUsed, rss: process.memoryUsage().rss })

const kilobytes = (bytes: number) => `${(bytes / calls / 1024).toFixed(1)} KiB`

const main = Effect.gen(function*() {
  const { books, child, url } = yield* startServer("calm", 0, 0)
  const client = OpenRouter.layer({ apiKey: Redacted.make("sk-or-flight"), apiUrl: url }).pipe(
    Layer.provide([flags.fetch ? FetchHttpClient.layer : DispatchHttpClient.layer, RateGate.none])
  )
  yield* Effect.gen(function*() {
    yield* all(calls, 500)
    child.send({ gather: calls, millis: holdMillis })
    const before = memory()
    const startedAt = yield* Clock.currentTimeMillis
    let gatheredAt = startedAt
    let most = 0
    let peak = before
    const watch = Effect.gen(function*() {
      while (true) {
        const { openRequests } = yield* books
        if (openRequests > most) {
          most = openRequests
          peak = memory()
          gatheredAt = yield* Clock.currentTimeMillis
        }
        yield* Effect.sleep("500 millis")
      }
    })
    yield* Effect.raceFirst(watch, all(0, calls))
    report.check("in flight at once", most === calls ? undefined : `${most} of ${calls}`)
    report.note(
      `${most} calls in flight, the last after ${
        ((gatheredAt - startedAt) / 1000).toFixed(1)
      } s, for ${flags.hold} s: each takes ${kilobytes(peak.heap - before.heap)} of the heap, ${
        kilobytes(peak.rss - before.rss)
      } of the process`
    )
  }).pipe(Effect.provide(client))
}).pipe(Effect.scoped)

await Effect.runPromise(main)
if (!report.finish()) process.exitCode = 1
