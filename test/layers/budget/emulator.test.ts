import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Layer, Option, Stream } from "effect"
import { Admission, Budget, CostLedger, OpenRouter, Prices, RateGate, RetryPolicy, Usd } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"
import { TestClock } from "effect/testing"
import { quarter } from "../../thorough.ts"
import { apiKey, model, served } from "../client/support.ts"
import { passing } from "../gate/support.ts"

/** The rate gate lets calls go as time goes by, which is not what these tests are about. */
const open = (options?: Emulator.Options) =>
  OpenRouter.layer({ apiKey }).pipe(
    Layer.provide(RateGate.none),
    Layer.provideMerge(Emulator.layerHttpClient(options))
  )

/** A call, streamed or not, each with a text of its own. */
const call = (index: number, fields: { readonly maxOutputTokens?: number } = {}) => {
  const request = { model, input: `Call ${index}: describe the town square.`, ...fields }
  return index % 2 === 0
    ? Effect.asVoid(OpenRouter.outcome(request))
    : Stream.runDrain(OpenRouter.streamText(request)).pipe(
      Effect.catchTag("Incomplete", () => Effect.void)
    )
}

const chargedTo = Effect.flatMap(
  Emulator.Emulator,
  ({ ledger }) => Effect.map(ledger, ({ calls, total }) => ({ calls, total: Usd.fromDecimal(total) }))
)

const posts = Effect.flatMap(
  Emulator.Emulator,
  ({ ledger }) =>
    Effect.map(ledger, ({ statuses }) => Object.entries(statuses).reduce((sum, [, count]) => sum + count, 0))
)

/** A thousand calls at once in three users' budgets inside of one. */
const herd = Effect.fnUntraced(function*(limit: string, fields: { readonly maxOutputTokens?: number }) {
  const budget = yield* Budget.make(limit, { name: "all" })
  const users = yield* Effect.forEach(["a", "b", "c"], (name) => Budget.make(Usd.multiply(budget.limit, 0.4), { name }))
  const ledger = yield* CostLedger.make()
  let inFlight = 0
  let most = 0
  let dearest = Usd.zero
  const meter: Admission.Admission = {
    stage: "observe",
    admit: () =>
      Effect.sync(() => {
        most = Math.max(most, ++inFlight)
        return (ended) =>
          Effect.sync(() => {
            inFlight--
            if (ended._tag === "Sent") dearest = Usd.max(dearest, ended.costs.cost)
          })
      })
  }
  const { value: exits } = yield* passing(
    Effect.forEach(
      Array.from({ length: 1000 }, (_, index) => index),
      (index) => Effect.exit(users[index % 3]?.run(call(index, fields)) ?? Effect.void),
      { concurrency: "unbounded" }
    ).pipe(budget.run, ledger.run, Admission.with(meter))
  )
  const refused = exits.filter(Exit.isFailure).map(({ cause }) => Option.getOrUndefined(Cause.findErrorOption(cause)))
  assert.isTrue(refused.every((error) => error?._tag === "BudgetExceeded"))
  const { calls, cost, unknown } = yield* ledger.report
  const { total } = yield* chargedTo
  assert.strictEqual(unknown, 0)
  assert.strictEqual(Usd.toText(cost), Usd.toText(total))
  assert.strictEqual(Usd.toText(yield* budget.spent), Usd.toText(total))
  assert.strictEqual(calls, 1000 - refused.length)
  for (const one of [budget, ...users]) assert.isTrue(Usd.isZero(yield* one.reserved))
  return { all: [budget, ...users], calls, most, dearest, refused: refused.length, total }
})

describe("a thousand calls at once, half of them streams", () => {
  it.effect("never spend more than the limits, where each estimate is at least the cost", () =>
    Effect.gen(function*() {
      const { all, calls, most, refused } = yield* herd("0.2", { maxOutputTokens: 60 })
      assert.isAbove(most, 100)
      assert.isAbove(refused, 0)
      assert.isAbove(calls, 200)
      // The prices are asked for once; no refused call has left.
      assert.strictEqual(yield* posts, calls + 1)
      for (const one of all) {
        assert.isTrue(Usd.isLessThanOrEqualTo(yield* one.spent, one.limit), `${yield* one.spent} of ${one.limit}`)
      }
    }).pipe(Effect.provide(open({ latency: "10 millis" }))), 60_000)

  it.effect(
    "spend no more than what the calls in flight cost beyond their estimates, where it is not",
    () =>
      Effect.gen(function*() {
        // The answer, which costs most, is estimated at nothing.
        const prices = Prices.table({ [model]: { prompt: "0.00000125", completion: "0" } })
        const { all, calls, dearest, most, refused } = yield* Effect.provideService(
          herd("0.02", {}),
          Prices.CurrentPrices,
          prices
        )
        assert.isAbove(refused, 0)
        assert.strictEqual(yield* posts, calls)
        let overruns = 0
        for (const one of all) {
          const overrun = Usd.subtract(yield* one.spent, one.limit)
          if (Usd.isGreaterThan(overrun, Usd.zero)) overruns++
          assert.isTrue(Usd.isLessThanOrEqualTo(overrun, Usd.multiply(dearest, most)))
        }
        assert.isAbove(overruns, 0)
      }).pipe(Effect.provide(open({ latency: "10 millis" }))),
    60_000
  )
})

describe("what ends otherwise", () => {
  it.effect("after thousands of failed calls nothing is reserved, and nothing is spent", () =>
    Effect.gen(function*() {
      const budget = yield* Budget.make("1")
      yield* Effect.forEach(
        Array.from({ length: quarter(20_000) }, (_, index) => index),
        (index) =>
          Effect.exit(
            OpenRouter.respond({ model: `emulator/status-${index % 2 === 0 ? 400 : 503}`, input: "Hello" })
          ),
        { concurrency: 100, discard: true }
      ).pipe(budget.run, RetryPolicy.with(RetryPolicy.none), Prices.with({ [model]: { prompt: "0", completion: "0" } }))
      const { reserved, spent } = yield* budget.state
      assert.isTrue(Usd.isZero(reserved))
      assert.isTrue(Usd.isZero(spent))
    }).pipe(Effect.provide(open())), 60_000)

  it.effect("a retry reserves anew, and nothing is held while it waits", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(1_790_000_000_000)
      const budget = yield* Budget.make("1")
      const fiber = yield* Effect.forkChild(
        budget.run(OpenRouter.respond({ model: "emulator/flaky-503", input: "Hello", maxOutputTokens: 100 })).pipe(
          Prices.with({ "emulator/flaky-503": { prompt: "0", completion: "0.001" } })
        ),
        { startImmediately: true }
      )
      yield* TestClock.adjust(100)
      assert.isUndefined(fiber.pollUnsafe())
      assert.isTrue(Usd.isZero(yield* budget.reserved))
      yield* TestClock.adjust("1 minute")
      const { attempts, cost } = yield* Fiber.join(fiber)
      assert.strictEqual(attempts, 2)
      assert.strictEqual(String(yield* budget.spent), String(cost))
    }).pipe(Effect.provide(open())))

  it.effect("a retry that the budget has no room for ends the call", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(1_790_000_000_000)
      const budget = yield* Budget.make("1")
      const price = { prompt: "0", completion: "0.008" }
      const fiber = yield* Effect.forkChild(
        Effect.flip(
          budget.run(OpenRouter.respond({ model: "emulator/flaky-503", input: "Hello", maxOutputTokens: 100 }))
        ).pipe(Prices.with({ "emulator/flaky-503": price, [model]: { prompt: "0", completion: "0" } })),
        { startImmediately: true }
      )
      yield* TestClock.adjust(100)
      // Somebody else spends the money meanwhile.
      yield* budget.run(Prices.with(
        Effect.exit(OpenRouter.respond({ model: "emulator/hang", input: "x" })).pipe(
          Effect.timeoutOption("1 millis")
        ),
        { "emulator/hang": { prompt: "0", completion: "0.0002" } }
      )).pipe(Effect.forkChild)
      yield* TestClock.adjust("1 minute")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error._tag, "BudgetExceeded")
      assert.strictEqual(error.attempts, 1)
    }).pipe(Effect.provide(open())))
})

describe("interruption at any stage", () => {
  const stages = ["while waiting for the budget", "while its answer is on its way", "within its stream"] as const

  it.effect.each(stages)("%s, 50 times: released, or unknown and reconciled", (stage) =>
    Effect.gen(function*() {
      const budget = yield* Budget.make("100", { name: "all" })
      const ledger = yield* CostLedger.make()
      const slow = stage === "within its stream" ? "emulator/stream-slow-20" : "emulator/slow-1000"
      const request = { model: slow, input: "Hello there, everybody", maxOutputTokens: 100 }
      const one = stage === "while waiting for the budget"
        ? Budget.limit(
          Effect.all([OpenRouter.respond(request), OpenRouter.respond(request)], { concurrency: 2 }),
          "0.10"
        )
        : Stream.runDrain(OpenRouter.streamText(request))
      for (let times = 0; times < 50; times++) {
        const fiber = yield* Effect.forkChild(
          one.pipe(budget.run, ledger.run, Prices.with({ [slow]: { prompt: "0", completion: "0.0009" } })),
          { startImmediately: true }
        )
        yield* TestClock.adjust(stage === "within its stream" ? 41 + times : 10 + times * 10)
        yield* Fiber.interrupt(fiber)
        assert.isTrue(Usd.isZero(yield* budget.reserved))
      }
      const before = yield* ledger.report
      assert.strictEqual(before.unknown, before.calls)
      const reconciling = yield* Effect.forkChild(
        CostLedger.reconcile(ledger, { maxWait: "1 second" }).pipe(budget.run),
        { startImmediately: true }
      )
      yield* TestClock.adjust("10 seconds")
      const { corrected } = yield* Fiber.join(reconciling)
      const after = yield* ledger.report
      assert.strictEqual(after.unknown, before.calls - corrected)
      // What is left are calls of which no client saw an id; they count at their estimates, nine cents each.
      const unseen = Usd.multiply(Usd.make("0.09"), after.unknown)
      const { spent, unknown } = yield* budget.state
      assert.strictEqual(String(unknown), String(unseen))
      assert.strictEqual(String(spent), String(Usd.sum(after.cost, unseen)))
      if (stage === "within its stream") {
        assert.strictEqual(corrected, 50)
        assert.strictEqual(Usd.toText(after.cost), Usd.toText((yield* chargedTo).total))
      }
    }).pipe(Effect.provide(open())), 30_000)

  it.live.each(["fetch", "dispatch"] as const)("over a socket as well: %s", (over) =>
    Effect.gen(function*() {
      const budget = yield* Budget.make("10")
      const exits = yield* Effect.forEach(
        Array.from({ length: 40 }, (_, index) => index),
        (index) => Effect.timeoutOption(Effect.exit(call(index, { maxOutputTokens: 50 })), index % 4 === 0 ? 1 : 5000),
        { concurrency: 20 }
      ).pipe(budget.run)
      assert.strictEqual(exits.length, 40)
      assert.isTrue(Usd.isZero(yield* budget.reserved))
      const { spent, unknown } = yield* budget.state
      const { total } = yield* chargedTo
      // Whatever was charged is covered.
      assert.isTrue(Usd.isLessThanOrEqualTo(total, spent))
      if (Usd.isZero(unknown)) assert.strictEqual(Usd.toText(spent), Usd.toText(total))
    }).pipe(Effect.provide(served({}, over))))
})
