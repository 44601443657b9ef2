import { assert, describe, it } from "@effect/vitest"
import { BigDecimal, Effect, Exit, Fiber, Random, Schema } from "effect"
import { CostLedger, Costs, OpenRouter, OpenRouterError, RetryPolicy, Usd } from "effect-openrouter"
import { Emulator, OpenRouterTest } from "effect-openrouter/testing"
import { TestClock } from "effect/testing"
import { ask, askFor, atT0, emulated, failure, model, ok, scripted, ungated } from "./support.ts"

const { Reply } = Emulator

const costing = (cost: number) => ok({ usage: { input_tokens: 10, output_tokens: 5, cost } })

/** The figures of a report that tests look at most. */
const figures = ({ calls, cost, failures, unknown }: Costs.Costs) => ({
  calls,
  failures,
  unknown,
  cost: Usd.toText(cost)
})

const spending = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.map(CostLedger.measured(Effect.exit(self)), ([, spent]) => spent)

/** Runs to the end, however long the waits. */
const patiently = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    yield* atT0
    const fiber = yield* Effect.forkChild(self, { startImmediately: true })
    yield* TestClock.adjust("1 hour")
    return yield* Fiber.join(fiber)
  })

describe("a ledger", () => {
  it.effect("gives the value and what it cost", () =>
    Effect.gen(function*() {
      const [answer, spent] = yield* CostLedger.measured(ask())
      assert.strictEqual(answer.text, "Hi")
      assert.strictEqual(spent.name, "total")
      assert.deepStrictEqual(figures(spent), { calls: 1, failures: 0, unknown: 0, cost: "0.0125" })
      assert.deepStrictEqual([spent.inputTokens, spent.outputTokens], [10, 5])
    }).pipe(Effect.provide(scripted([costing(0.0125)]))))

  it.effect("without calls is empty", () =>
    Effect.gen(function*() {
      const [, spent] = yield* CostLedger.measured(Effect.void)
      assert.deepStrictEqual(figures(spent), { calls: 0, failures: 0, unknown: 0, cost: "0" })
      assert.deepStrictEqual(spent.scopes, [])
    }))

  it.effect("books nothing outside of it", () =>
    Effect.gen(function*() {
      yield* ask()
      const ledger = yield* CostLedger.make()
      yield* ask()
      assert.strictEqual((yield* ledger.report).calls, 0)
      yield* ledger.run(ask())
      yield* ask()
      assert.strictEqual((yield* ledger.report).calls, 1)
    }).pipe(Effect.provide(scripted([costing(1)]))))

  it.effect("can be read while it runs", () =>
    Effect.gen(function*() {
      const ledger = yield* CostLedger.make({ name: "run" })
      yield* ledger.run(Effect.gen(function*() {
        yield* ask()
        assert.strictEqual((yield* ledger.report).calls, 1)
        yield* ask()
      }))
      const report = yield* ledger.report
      assert.strictEqual(report.name, "run")
      assert.strictEqual(report.calls, 2)
    }).pipe(Effect.provide(scripted([costing(1)]))))

  it.effect("nests: the outer one sees the calls of the inner one", () =>
    Effect.gen(function*() {
      const [[inner], outer] = yield* CostLedger.measured(
        Effect.flatMap(ask(), () => CostLedger.measured(ask())).pipe(Effect.map(([, inner]) => [inner] as const))
      )
      assert.deepStrictEqual([inner.calls, outer.calls], [1, 2])
    }).pipe(Effect.provide(scripted([costing(1)]))))

  it.effect("sees concurrent and forked fibers", () =>
    Effect.gen(function*() {
      const [, spent] = yield* CostLedger.measured(Effect.gen(function*() {
        yield* Effect.all(Array.from({ length: 50 }, () => ask()), { concurrency: "unbounded" })
        const child = yield* Effect.forkChild(ask())
        const detached = yield* Effect.forkDetach(ask())
        yield* Fiber.join(child)
        yield* Fiber.join(detached)
      }))
      assert.deepStrictEqual(figures(spent), { calls: 52, failures: 0, unknown: 0, cost: "5.2" })
    }).pipe(Effect.provide(ungated(scripted([costing(0.1)])))))
})

describe("scopes", () => {
  it.effect("nest, and the same name at the same place is the same scope", () =>
    Effect.gen(function*() {
      const character = (name: string) => CostLedger.scope(name)(ask())
      const tick = (n: number) => CostLedger.scope(`tick ${n}`)(Effect.andThen(character("Ann"), character("Bob")))
      const [, spent] = yield* CostLedger.measured(Effect.gen(function*() {
        yield* tick(1)
        yield* tick(1)
        yield* tick(2)
        yield* ask()
      }))
      const shape = (report: CostLedger.ScopeReport): unknown => [report.name, report.calls, report.scopes.map(shape)]
      assert.deepStrictEqual(shape(spent), ["total", 7, [
        ["tick 1", 4, [["Ann", 2, []], ["Bob", 2, []]]],
        ["tick 2", 2, [["Ann", 1, []], ["Bob", 1, []]]]
      ]])
      assert.strictEqual(Usd.toText(spent.cost), "0.7")
    }).pipe(Effect.provide(scripted([costing(0.1)]))))

  it.effect("are named in each enclosing ledger", () =>
    Effect.gen(function*() {
      const [inner, outer] = yield* CostLedger.measured(
        CostLedger.scope("outside")(Effect.map(CostLedger.measured(CostLedger.scope("inside")(ask())), ([, r]) => r))
      )
      assert.deepStrictEqual(inner.scopes.map(({ name }) => name), ["inside"])
      assert.deepStrictEqual(outer.scopes.map(({ name }) => name), ["outside"])
      assert.deepStrictEqual(outer.scopes[0]?.scopes.map(({ name }) => name), ["inside"])
    }).pipe(Effect.provide(scripted([costing(0.1)]))))

  it.effect("beyond the limit share one, and the sums stay right", () =>
    Effect.gen(function*() {
      const ledger = yield* CostLedger.make({ maxScopes: 10 })
      const names = Array.from({ length: 100 }, (_, n) => `character ${n}`)
      yield* ledger.run(Effect.forEach(names, (name) => CostLedger.scope(name)(CostLedger.scope("act")(ask()))))
      const report = yield* ledger.report
      const count = (report: CostLedger.ScopeReport): number =>
        report.scopes.reduce((sum, scope) => sum + 1 + count(scope), 0)
      assert.strictEqual(report.calls, 100)
      assert.strictEqual(Usd.toText(report.cost), "10")
      assert.strictEqual(report.scopes.reduce((sum, { calls }) => sum + calls, 0), 100)
      assert.include(report.scopes.map(({ name }) => name), "(other)")
      assert.isAtMost(count(report), 20)
    }).pipe(Effect.provide(ungated(scripted([costing(0.1)])))))

  it.effect("stay bounded however deep names that never repeat are nested", () =>
    Effect.gen(function*() {
      const ledger = yield* CostLedger.make({ maxScopes: 10 })
      const deep = Array.from({ length: 50 }, (_, n) => n).reduce<ReturnType<typeof ask>>(
        (call, n) => CostLedger.scope(`level ${n}`)(call),
        ask()
      )
      yield* ledger.run(Effect.andThen(deep, deep))
      const count = (report: CostLedger.ScopeReport): number =>
        report.scopes.reduce((sum, scope) => sum + 1 + count(scope), 0)
      const report = yield* ledger.report
      assert.strictEqual(report.calls, 2)
      assert.isAtMost(count(report), 20)
    }).pipe(Effect.provide(scripted([costing(0.1)]))))
})

describe("what does not go well", () => {
  it.effect("failed, retried and answered attempts are all booked", () =>
    Effect.gen(function*() {
      const spent = yield* patiently(spending(ask()))
      assert.deepStrictEqual(figures(spent), { calls: 3, failures: 2, unknown: 0, cost: "0.1" })
    }).pipe(Effect.provide(scripted([failure(503), failure(429), costing(0.1)]))))

  it.effect("a failed response that was billed and retried is booked with its cost", () =>
    Effect.gen(function*() {
      const again = RetryPolicy.make({ while: (error) => error.isRetryable })
      const spent = yield* patiently(spending(ask().pipe(RetryPolicy.with(again))))
      const ledger = yield* Emulator.Emulator.use((emulator) => emulator.ledger)
      assert.deepStrictEqual(figures(spent), {
        calls: 2,
        failures: 1,
        unknown: 0,
        cost: Usd.toText(Usd.fromDecimal(ledger.total))
      })
      assert.strictEqual(ledger.calls, 2)
    }).pipe(Effect.provide(emulated({
      rules: [{ times: 1, reply: Reply.failed({ errorType: "provider_overloaded", text: "Once upon" }) }]
    }))))

  const paid = [
    Reply.incomplete(),
    Reply.refusal(),
    Reply.empty(),
    Reply.failed({ errorType: "moon", code: "m", text: "a" })
  ]

  it.effect.each(paid)("a paid answer that is none is booked with its cost: $_tag", (reply) =>
    Effect.gen(function*() {
      const spent = yield* spending(ask())
      const ledger = yield* Emulator.Emulator.use((emulator) => emulator.ledger)
      assert.isAbove(BigDecimal.toNumberUnsafe(ledger.total), 0)
      assert.deepStrictEqual(figures(spent), {
        calls: 1,
        failures: 1,
        unknown: 0,
        cost: Usd.toText(Usd.fromDecimal(ledger.total))
      })
    }).pipe(Effect.provide(emulated({ rules: [{ reply }] }))))

  it.effect("a wrong shape is booked once", () =>
    Effect.gen(function*() {
      const spent = yield* spending(
        OpenRouter.respondObject({ model, input: "Hi", schema: Schema.Struct({ n: Schema.Int }) })
      )
      assert.deepStrictEqual([spent.calls, Usd.toText(spent.cost)], [1, "0.1"])
    }).pipe(Effect.provide(scripted([costing(0.1)]))))

  it.effect("a request that was never sent is not booked", () =>
    Effect.gen(function*() {
      const spent = yield* spending(askFor(""))
      assert.deepStrictEqual(figures(spent), { calls: 0, failures: 0, unknown: 0, cost: "0" })
    }).pipe(Effect.provide(scripted([costing(0.1)]))))

  it.effect("a request without a key is not booked", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* spending(ask())).calls, 0)
    }).pipe(Effect.provide(scripted([costing(0.1)], { apiKey: undefined }))))

  it.effect("an answer without a cost is unknown, not free", () =>
    Effect.gen(function*() {
      const spent = yield* spending(ask())
      assert.deepStrictEqual(figures(spent), { calls: 1, failures: 0, unknown: 1, cost: "0" })
    }).pipe(Effect.provide(scripted([ok({ usage: null })]))))

  it.effect("a failure midway without a usage is unknown, whatever its tag", () =>
    Effect.gen(function*() {
      const once = spending(ask().pipe(RetryPolicy.with(RetryPolicy.none)))
      assert.deepStrictEqual([(yield* once).unknown, (yield* once).unknown], [1, 1])
    }).pipe(Effect.provide(scripted(["moon", "server"].map((code) =>
      ok({
        status: "failed",
        usage: null,
        error: { code, message: "m" },
        error_type: code
      })
    )))))

  it.effect("an answer that cost nothing is known", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(figures(yield* spending(ask())), { calls: 1, failures: 0, unknown: 0, cost: "0" })
    }).pipe(Effect.provide(scripted([costing(0)]))))

  it.effect("an unreadable answer is unknown", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(figures(yield* spending(ask())), { calls: 1, failures: 1, unknown: 1, cost: "0" })
    }).pipe(Effect.provide(scripted([{ body: "<html>" }]))))

  it.effect("a connection that broke is unknown, an HTTP error without a cost is free", () =>
    Effect.gen(function*() {
      const spent = yield* spending(ask().pipe(RetryPolicy.with(RetryPolicy.make({ times: 1, base: 0 }))))
      assert.deepStrictEqual(figures(spent), { calls: 2, failures: 2, unknown: 1, cost: "0" })
    }).pipe(Effect.provide(scripted(["disconnect", failure(400)]))))

  it.effect("a call that was interrupted in flight is unknown", () =>
    Effect.gen(function*() {
      const spent = yield* patiently(spending(Effect.timeoutOption(askFor("emulator/hang"), "1 second")))
      assert.deepStrictEqual(figures(spent), { calls: 1, failures: 1, unknown: 1, cost: "0" })
    }).pipe(Effect.provide(emulated())))

  it.effect("a call that was interrupted while it waited for its retry is booked once, as the failure it was", () =>
    Effect.gen(function*() {
      const spent = yield* patiently(spending(Effect.timeoutOption(ask(), "1 second")))
      assert.deepStrictEqual(figures(spent), { calls: 1, failures: 1, unknown: 0, cost: "0" })
    }).pipe(Effect.provide(scripted([failure(429, { headers: { "retry-after": "60" } })]))))

  it.effect("a defect of the HTTP client is booked and stays a defect", () =>
    Effect.gen(function*() {
      const ledger = yield* CostLedger.make()
      const exit = yield* Effect.exit(ledger.run(ask()))
      assert.isTrue(Exit.isFailure(exit) && Exit.findErrorOption(exit)._tag === "None")
      assert.strictEqual((yield* ledger.report).unknown, 1)
    }).pipe(Effect.provide(OpenRouterTest.layer(() => Effect.die("bug")))))

  it.effect("with a provider key of one's own both bills are kept", () =>
    Effect.gen(function*() {
      const spent = yield* spending(ask())
      assert.deepStrictEqual([Usd.toText(spent.cost), Usd.toText(spent.upstreamCost)], ["0.05", "1"])
    }).pipe(Effect.provide(scripted([
      ok({ usage: { cost: 0.05, is_byok: true, cost_details: { upstream_inference_cost: 1 } } })
    ]))))
})

describe("an error", () => {
  const message = "m"

  it("that was raised before anything was sent costs no call", () => {
    const errors = [
      new OpenRouterError.InvalidRequest({ message, origin: "local" }),
      new OpenRouterError.InvalidApiKey({ message }),
      new OpenRouterError.BudgetExceeded({
        message,
        limit: Usd.zero,
        spent: Usd.zero,
        unknown: Usd.zero,
        reserved: Usd.zero,
        scope: "tick"
      })
    ]
    for (const error of errors) assert.deepStrictEqual(Costs.ofError(error), Costs.zero)
  })

  it("of the server is a call that failed", () => {
    const errors = [
      new OpenRouterError.InvalidRequest({ message, origin: "server", status: 400 }),
      new OpenRouterError.InvalidApiKey({ message, status: 401 }),
      new OpenRouterError.ConnectionFailed({ message, phase: "connecting" })
    ]
    for (const error of errors) {
      assert.deepStrictEqual(figures(Costs.ofError(error)), { calls: 1, failures: 1, unknown: 0, cost: "0" })
    }
  })
})

describe("a mixed concurrent run", () => {
  it.effect("adds up to what the server booked, to the last digit", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.Emulator
      const names = [
        "openai/gpt-5",
        "openai/gpt-5-mini",
        "a/odd",
        "emulator/flaky-503",
        "emulator/incomplete",
        "emulator/refusal",
        "emulator/empty",
        "emulator/status-400",
        "emulator/failed",
        "a/overloaded"
      ]
      const calls = Array.from({ length: 200 }, (_, n) =>
        CostLedger.scope(`character ${n % 7}`)(Effect.exit(askFor(names[n % names.length] ?? model, `question ${n}`))))
      const [exits, spent] = yield* patiently(CostLedger.measured(
        Effect.all(calls, { concurrency: 40 }).pipe(
          RetryPolicy.with(RetryPolicy.make({
            times: 50,
            maxWait: "50 minutes",
            while: (error) =>
              error.isRetryable
          }))
        )
      ))
      const ledger = yield* emulator.ledger
      assert.isAbove(ledger.statuses["429"] ?? 0, 10)
      assert.isAbove(ledger.statuses["503"] ?? 0, 10)
      assert.isAbove(exits.filter(Exit.isSuccess).length, 90)
      assert.strictEqual(Usd.toText(spent.cost), Usd.toText(Usd.fromDecimal(ledger.total)))
      assert.strictEqual(spent.unknown, 0)
      assert.strictEqual(
        spent.calls,
        Object.values(ledger.statuses).reduce((sum, count) =>
          sum + count, 0)
      )
      assert.strictEqual(
        spent.inputTokens,
        ledger.accounts.reduce((sum, account) => sum + account.inputTokens, 0)
      )
      assert.strictEqual(spent.outputTokens, ledger.accounts.reduce((sum, account) => sum + account.outputTokens, 0))
      const scopes = spent.scopes.reduce((sum, scope) => Usd.sum(sum, scope.cost), Usd.zero)
      assert.strictEqual(Usd.toText(scopes), Usd.toText(spent.cost))
    }).pipe(Effect.provide(emulated({
      rateLimit: { requests: 8, window: "10 seconds" },
      prices: { "a/odd": { prompt: "0.00000013", completion: "0.0000000007" } },
      rules: [{
        when: (call) => call.model === "a/overloaded" && call.attempt === 1,
        reply: Reply.failed({ errorType: "provider_overloaded", text: "Once upon a time" })
      }]
    }))))
})

describe("the books", () => {
  it.effect("are exact for many costs, in any order", () =>
    Effect.gen(function*() {
      const costs = yield* Effect.forEach(Array.from({ length: 500 }), () =>
        Effect.map(
          Effect.all([Random.nextIntBetween(1, 999_999_999_999_999), Random.nextIntBetween(6, 25)]),
          ([digits, scale]) => Number(`${digits}e-${scale}`)
        ))
      const exact = BigDecimal.sumAll(costs.map((cost) => BigDecimal.fromStringUnsafe(String(cost))))
      const spent = yield* spending(Effect.all(costs.map(() => ask()), { concurrency: 20 })).pipe(
        Effect.provide(ungated(scripted(costs.map(costing))))
      )
      assert.strictEqual(spent.unknown, 0)
      assert.deepStrictEqual(spent.cost, Usd.fromDecimal(exact))
      assert.deepStrictEqual(Usd.sumAll(costs.toReversed().map(Usd.fromNumber)), spent.cost)
    }).pipe(Random.withSeed("costs")))
})
