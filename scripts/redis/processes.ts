/** Two processes that share a limit of 20 requests a second at a server in a third one, with Redis and without. */
import { NodeRedis } from "@effect/platform-node"
import { Clock, Effect, Fiber } from "effect"
import type { ChildProcess } from "node:child_process"
import type { Report as Results } from "../conformance/report.ts"
import { asked, heard, start } from "./child.ts"
import { Books, type Order, Port, Ready, Report } from "./messages.ts"
import { checkExpiry } from "./script.ts"
import type { RedisServer } from "./server.ts"

const perSecond = 20
const latency = 300

const options = {
  credits: "1000000",
  latencies: { "vendor/large": latency, "vendor/held": 0, "vendor/kept": 0 },
  limits: [
    { name: "shared", over: "model", models: "vendor/large", requests: perSecond, window: 1000, phase: 500 },
    { name: "held", over: "model", models: "vendor/held", requests: 2, window: 3000 },
    { name: "kept", over: "model", models: "vendor/kept", requests: 5, window: 4000 }
  ].map((limit) => ({ ...limit, hint: "headers" }))
}

/**
 * So many requests at most meet a limit that nobody knows yet: what each process sends at first contact, 32, and 64 more where
 * the machine is so busy that no refusal comes within a quarter of a second.
 */
const firstContact = 2 * (32 + 64)

interface Run {
  readonly wall: number
  readonly reports: ReadonlyArray<Report>
  readonly windows: Books["traffic"]
}

/** Runs the checks. */
export const checkProcesses = (redis: RedisServer, results: Results) =>
  Effect.gen(function*() {
    const server = yield* start(new URL("../herd/server.ts", import.meta.url), JSON.stringify(options))
    const { port } = yield* heard(server, Port)
    const worker = Effect.flatMap(
      start(
        new URL("./worker.ts", import.meta.url),
        JSON.stringify({ redisUrl: redis.url, apiUrl: `http://127.0.0.1:${port}/api/v1` })
      ),
      (child) => Effect.as(heard(child, Ready), child)
    )
    const workers = yield* Effect.all([worker, worker], { concurrency: "unbounded" })
    const [one, other] = workers
    const order = (child: ChildProcess, calls: number, model: string, isKept = false) =>
      asked(child, { calls, model, isKept } satisfies Order, Report)
    /** What the server saw of a limit from an instant on. */
    const seen = (limit: string, from: number) =>
      Effect.map(
        asked(server, {}, Books),
        ({ traffic }) => traffic.filter((window) => window.limit === limit && window.startsAt > from - 1000)
      )
    const run = (calls: number) =>
      Effect.gen(function*() {
        const from = yield* Clock.currentTimeMillis
        const reports = yield* Effect.all(workers.map((child) => order(child, calls, "vendor/large")), {
          concurrency: "unbounded"
        })
        const wall = Math.max(...reports.flatMap(({ endedAt }) => endedAt)) - from
        return { wall, reports, windows: yield* seen("shared", from) } satisfies Run
      })
    const atMost = (name: string, actual: number, most: number) =>
      results.check(`${name}: ${actual} <= ${most}`, actual <= most ? undefined : `${actual}, at most ${most}`)
    const shown = (name: string, { reports, wall, windows }: Run) => {
      const requests = windows.map(({ accepted, refused }) => refused === 0 ? `${accepted}` : `${accepted}+${refused}`)
      const middles = reports.map(({ endedAt }) => endedAt[Math.floor(endedAt.length / 2)] ?? 0)
      const first = Math.min(...reports.flatMap(({ endedAt }) => endedAt))
      results.note(
        `${name}: ${(wall / 1000).toFixed(2)} s, requests per window ${requests.join(" ")}, half done after ${
          middles.map((at) => ((at - first) / 1000).toFixed(1)).join(" and ")
        } s`
      )
    }
    const refusedIn = (windows: Books["traffic"]) => windows.reduce((sum, { refused }) => sum + refused, 0)
    const answered = (name: string, { reports }: Run) =>
      results.check(
        `${name}: all are answered`,
        reports.every(({ errors }) => errors.length === 0)
          ? undefined
          : reports.flatMap(({ errors }) => errors).join(" ")
      )
    /** Lines that have come since the last time, of each process. */
    let linesBefore = 0
    const lines = (name: string, { reports }: Run, expected: number) => {
      for (const report of reports) {
        const news = report.lines.slice(linesBefore)
        results.check(
          `${name}: ${expected} lines in the log`,
          news.length === expected ? undefined : `${news.length}: ${news.join("; ")}`
        )
      }
      linesBefore = Math.max(...reports.map((report) => report.lines.length))
    }
    const ideal = (calls: number) => (Math.ceil(2 * calls / perSecond) - 1) * 1000 + latency

    // Code that was never run before is slow.
    yield* Effect.all(workers.map((child) => order(child, 200, "vendor/warm")), { concurrency: "unbounded" })

    const together = yield* run(100)
    shown("together", together)
    answered("together", together)
    lines("together", together, 0)
    // Some of the first ones may arrive in the second window.
    const later = together.windows.slice(2)
    atMost("together: 429s at first contact", refusedIn(together.windows.slice(0, 2)), firstContact - perSecond)
    atMost("together: 429s later", refusedIn(later), 4)
    for (const { accepted, refused } of later) {
      atMost("together: requests in a window", accepted + refused, perSecond + 2)
    }
    atMost("together: wall", together.wall, ideal(100) + 1500)
    for (const { endedAt } of together.reports) {
      const half = Math.min(...endedAt) + together.wall / 2
      const done = endedAt.filter((at) => at < half).length
      atMost("together: a third done at half time", 33, done)
    }
    yield* Effect.provide(checkExpiry(results, "together"), NodeRedis.layer({ url: redis.url }))

    const again = yield* run(60)
    shown("together again", again)
    answered("together again", again)
    atMost("together again: 429s", refusedIn(again.windows), 2)
    atMost("together again: wall", again.wall, ideal(60) + 1500)

    // One learns that it is closed, and the other waits.
    const heldFrom = yield* atWindow(3000)
    const learning = yield* Effect.forkChild(order(one, 3, "vendor/held"), { startImmediately: true })
    yield* Effect.sleep(500)
    const held = yield* Effect.all([order(other, 1, "vendor/held"), Fiber.join(learning)], { concurrency: 2 })
    results.check(
      "closed by one process: all are answered",
      held.every(({ errors }) => errors.length === 0) ? undefined : held.flatMap(({ errors }) => errors).join(" ")
    )
    atMost("closed by one process: refused", refusedIn(yield* seen("held", heldFrom)), 1)

    // What passed and was not sent leaves its place to others.
    yield* order(one, 6, "vendor/kept")
    const keptFrom = yield* atWindow(4000)
    yield* order(one, 20, "vendor/kept", true)
    yield* order(other, 5, "vendor/kept")
    atMost("kept from being sent: wall of the others", (yield* Clock.currentTimeMillis) - keptFrom, 1500)
    const [kept] = yield* seen("kept", keptFrom)
    atMost("kept from being sent: refused", kept?.refused ?? 0, 0)

    // Redis goes away, and comes back.
    const without = (calls: number, after: number, leave: Effect.Effect<void>) =>
      Effect.gen(function*() {
        const running = yield* Effect.forkChild(run(calls), { startImmediately: true })
        yield* Effect.sleep(after)
        yield* leave
        return yield* Fiber.join(running)
      })
    const alone = (name: string, result: Run, calls: number) => {
      shown(name, result)
      answered(name, result)
      lines(name, result, 1)
      atMost(`${name}: wall`, result.wall, 2 * ideal(calls) + 2000)
    }
    const back = (name: string, result: Run, calls: number) => {
      shown(name, result)
      answered(name, result)
      lines(name, result, 0)
      atMost(`${name}: 429s`, refusedIn(result.windows), 6)
      atMost(`${name}: wall`, result.wall, ideal(calls) + 2000)
    }
    alone("killed", yield* without(100, 2500, redis.kill), 100)
    yield* redis.start
    yield* Effect.sleep("3 seconds")
    back("started again", yield* run(60), 60)
    yield* Effect.provide(checkExpiry(results, "started again"), NodeRedis.layer({ url: redis.url }))
    alone("stopped", yield* without(60, 1500, redis.signal("SIGSTOP")), 60)
    yield* redis.signal("SIGCONT")
    yield* Effect.sleep("1200 millis")
    back("continued", yield* run(40), 40)
  }).pipe(Effect.scoped)

/** Waits until a window of so many milliseconds begins, and a moment more; gives when that was. */
const atWindow = (length: number) =>
  Effect.gen(function*() {
    const now = yield* Clock.currentTimeMillis
    yield* Effect.sleep(length - now % length + 40)
    return now + length - now % length
  })
