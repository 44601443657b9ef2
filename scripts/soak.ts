/**
 * A mixed load under faults: plain and structured calls, streams, loops of tools, conversations, batches and budgets, over real
 * sockets, against an emulator in another process that refuses, breaks off, stalls and damages by a plan.
 *
 *     npm run soak -- [--calls N] [--seed S] [--minutes M]
 *
 * `--calls` (3,000, or without end where `--minutes` is given) and `--minutes` end it, whichever comes first. Every call has to end
 * as the plan says, the ledger has to agree with the server's books to the last digit, and nothing may be left behind. Ends with
 * `N passed, N failed`; the exit code is 1 where a check fails.
 */
import { Clock, type Context, Duration, Effect, Layer, Metric, Redacted, Schedule, Stream } from "effect"
import { Budget, Conversations, CostLedger, Deadlines, OpenRouter, RateGate, RetryPolicy, Usd } from "effect-openrouter"
import { DispatchHttpClient } from "effect-openrouter/node"
import { parseArgs } from "node:util"
import { make as makeReport } from "./conformance/report.ts"
import { Books } from "./soak/books.ts"
import { layerTools, type Needs, problemOf } from "./soak/calls.ts"
import { startServer } from "./soak/child.ts"
import { heapBytes, openSockets } from "./soak/leftovers.ts"
import * as Plan from "./soak/plan.ts"

const { values: flags } = parseArgs({
  options: {
    calls: { type: "string" },
    seed: { type: "string", default: "7" },
    minutes: { type: "string" }
  }
})

const seed = Number(flags.seed)
const calls = Number(flags.calls ?? (flags.minutes === undefined ? 3000 : Infinity))
const millis = flags.minutes === undefined ? Infinity : Number(flags.minutes) * 60_000

/** How many calls run at once. */
const concurrency = 64

/** After so many calls all is loaded, compiled and pooled; from then on the heap may grow no more than this. */
const warmCalls = 2000
const heapGrowth = 10e6

const report = makeReport((line) => process.stdout.write(`${line}\n`))

/** Holds where `actual` is what is expected. */
const same = (name: string, actual: unknown, expected: unknown) =>
  report.check(name, actual === expected ? undefined : `${String(actual)} instead of ${String(expected)}`)

const strays: Array<string> = []
process.on("unhandledRejection", (reason) => strays.push(`unhandled rejection: ${String(reason)}`))
process.on("warning", (warning) => strays.push(`warning: ${String(warning)}`))

/** What the run leaves for the checks after it. */
interface Run {
  readonly expected: Plan.Faults
  readonly warmHeap: number | undefined
  readonly made: number
}

/** Makes call after call, so many at once, until they have all ended. */
const load = Effect.fnUntraced(function*(
  ungated: Context.Context<OpenRouter.OpenRouter>
): Effect.fn.Return<Run, never, Needs> {
  const until = (yield* Clock.currentTimeMillis) + millis
  const expected = new Plan.Faults()
  let next = 0
  let ended = 0
  let warmHeap: number | undefined
  const caller = Effect.gen(function*() {
    while (next < calls && (yield* Clock.currentTimeMillis) < until) {
      const call = Plan.callOf(seed, next++)
      const courses = Plan.coursesOf(seed, call)
      if (call.interruptedAfter === undefined) {
        for (const mark of courses.flatMap(({ met }) => met)) expected.add(mark)
      }
      const problem = problemOf(seed, call, courses)
      report.check(
        `call ${call.n}, ${call.kind}`,
        call.isGated ? yield* problem : yield* Effect.provide(problem, ungated)
      )
      if (++ended === warmCalls) warmHeap = heapBytes()
    }
  })
  yield* Effect.all(Array.from({ length: concurrency }, () => caller), { concurrency: "unbounded", discard: true })
  return { expected, warmHeap, made: ended }
})

const gated = (apiUrl: string) =>
  OpenRouter.layer({ apiKey: Redacted.make("sk-or-soak"), apiUrl }).pipe(Layer.provide(DispatchHttpClient.layer))

const client = (apiUrl: string) =>
  Layer.mergeAll(
    gated(apiUrl),
    Conversations.layerMemory({ depth: 4 }),
    layerTools
  )

const activeFibers = Metric.value(Metric.gauge("child_fibers_active"))

const main = Effect.gen(function*() {
  const startedAt = yield* Clock.currentTimeMillis
  const { books: ask, url } = yield* startServer(seed)
  const ledger = yield* CostLedger.make()
  const budget = yield* Budget.make("1000000")
  const books = new Books()
  const counted = Effect.map(ask, (told) => {
    books.charge(told.charges)
    return told
  })
  /** Costs that were unknown, and the server's charges, while it still remembers them. */
  const settled = Effect.andThen(CostLedger.reconcile(ledger, { maxWait: "1 second" }), counted)

  const run = yield* Effect.gen(function*() {
    yield* Effect.forkScoped(Effect.repeat(settled, Schedule.spaced("5 seconds")))
    return yield* load(yield* Layer.build(Layer.provide(Layer.fresh(gated(url)), RateGate.none)))
  }).pipe(
    Effect.scoped,
    Effect.tap(() => Effect.andThen(settled, CostLedger.reconcile(ledger, { maxWait: "1 second" }))),
    Deadlines.with({ response: Plan.patience, firstEvent: Plan.patience, idle: Plan.patience }),
    RetryPolicy.with(RetryPolicy.make({ times: Plan.retries })),
    budget.run,
    CostLedger.followed(ledger, Stream.runForEach((line) => Effect.sync(() => books.book(line))), {
      bufferSize: 100_000
    }),
    Effect.provide(client(url)),
    Effect.provideService(Metric.FiberRuntimeMetrics, Metric.FiberRuntimeMetricsImpl)
  )
  const heap = heapBytes()
  // A socket that was destroyed is gone a little later, on either side.
  const told = yield* Effect.repeat(counted, {
    until: ({ openConnections, openRequests }) => openConnections + openRequests + openSockets() === 0,
    schedule: Schedule.spaced("50 millis").pipe(Schedule.upTo({ times: 40 }))
  })
  const { cost, scopes, unknown, unknownCalls } = yield* ledger.report
  const { count, unseen } = books.finish()

  same("entries that the reader of the ledger missed", books.dropped, 0)
  for (const problem of books.problems) report.check("the books", problem)
  same("the ledger and what no client saw", String(Usd.sum(cost, unseen)), String(Usd.make(told.total)))
  same("the sum of the scopes", String(Usd.sumAll(scopes.map(({ cost }) => cost))), String(cost))
  same("calls of unknown cost that could be asked for", unknownCalls.length, 0)
  report.check(
    "charges that no client saw",
    count <= unknown ? undefined : `${count}, where ${unknown} calls are booked as unknown`
  )
  same("what the budget still holds", String(yield* budget.reserved), String(Usd.zero))
  same("faults of the server, by a sum over call, attempt and kind", told.digest, run.expected.digest)
  same("open requests", told.openRequests, 0)
  same("open connections at the server", told.openConnections, 0)
  same("open sockets", openSockets(), 0)
  same("fibers that are left", (yield* activeFibers).value, 0)
  for (const stray of strays) report.check("what nobody handled", stray)
  if (run.warmHeap !== undefined && heap !== undefined) {
    const growth = heap - run.warmHeap
    report.check("the heap", growth <= heapGrowth ? undefined : `has grown by ${megabytes(growth)}`)
    report.note(`heap after ${warmCalls} calls ${megabytes(run.warmHeap)}, at the end ${megabytes(heap)}`)
  }
  const took = (yield* Clock.currentTimeMillis) - startedAt
  report.note(`${run.made} calls, ${told.calls} generations for ${cost} in ${Duration.format(Duration.millis(took))}`)
  report.note(`answers by status: ${JSON.stringify(told.statuses)}, of these by the rate limit: ${told.refused}`)
  report.note(`faults ${told.digest} (seed ${seed}): ${JSON.stringify(told.faults)}`)
  report.note(`unknown: ${unknown} calls; ${count} generations for ${unseen} by ids that no client saw`)
}).pipe(Effect.scoped)

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`

await Effect.runPromise(main)
if (!report.finish()) process.exitCode = 1
