/**
 * Lets two processes share their rate gate and their budgets through Redis, keeps answers there, takes Redis away, and checks
 * what they do.
 *
 *     npm run redis
 *
 * It starts a Redis of its own, and installs it by apt where it is missing. Where it cannot be had, nothing is checked. Ends
 * with `N passed, N failed`; the exit code is 1 where a check fails.
 */
import { NodeRedis } from "@effect/platform-node"
import { Effect, Logger } from "effect"
import { make as makeReport } from "./conformance/report.ts"
import { checkBudgets } from "./redis/budgets.ts"
import { checkCache } from "./redis/cache.ts"
import { checkProcesses } from "./redis/processes.ts"
import { checkCopy, checkScript } from "./redis/script.ts"
import { make } from "./redis/server.ts"

const report = makeReport(console.log)

const main = Effect.gen(function*() {
  const server = yield* make
  const redis = NodeRedis.layer({ url: server.url, disableOfflineQueue: true })
  yield* Effect.provide(checkScript(report), redis)
  let lines = 0
  const counting = Logger.layer([Logger.make(() => {
    lines++
  })])
  yield* Effect.provide(checkCopy(report, () => lines), [redis, counting])
  yield* checkProcesses(server, report)
  yield* checkBudgets(server, report)
  yield* checkCache(server, report)
  if (!report.finish()) process.exitCode = 1
}).pipe(
  Effect.scoped,
  Effect.catchTag("NoRedis", ({ message }) => Effect.sync(() => report.note(`skipped: ${message}`)))
)

await Effect.runPromise(main)
