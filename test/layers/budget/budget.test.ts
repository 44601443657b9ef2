import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Exit, Fiber, Layer, Logger, Option, Stream } from "effect"
import {
  Admission,
  Budget,
  CostLedger,
  Costs,
  Deadlines,
  OpenRouter,
  type OpenRouterError,
  Prices,
  Usd
} from "effect-openrouter"
import { OpenRouterTest } from "effect-openrouter/testing"
import { Redis } from "effect/persistence"
import { TestClock } from "effect/testing"
import { admitted, cents, failed, model, notSent, prices, sent } from "./support.ts"

const priced = Prices.with(prices)

const usd = Usd.make

/** Lets fibers go on that can. */
const settled = TestClock.adjust(0)

const failure = (exit: Exit.Exit<unknown, OpenRouterError.RequestError>): OpenRouterError.BudgetExceeded => {
  const error = Exit.isFailure(exit) ? Option.getOrUndefined(Exit.findErrorOption(exit)) : undefined
  if (error?._tag !== "BudgetExceeded") throw new Error(`no BudgetExceeded: ${String(exit)}`)
  return error
}

const words = ({ limit, remaining, reserved, spent, unknown }: Budget.State) =>
  `${spent} spent (${unknown} unknown), ${reserved} reserved, ${remaining} of ${limit} left`

interface Inside {
  readonly run: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/** Both of them, the second one inside. */
const inside = (outer: Budget.Budget, inner: Budget.Budget): Inside => ({ run: (self) => outer.run(inner.run(self)) })

/** Asks in a fiber of its own, and gives a way to see what became of it. */
const asked = Effect.fnUntraced(function*(budget: Inside, count: number) {
  const fiber = yield* Effect.forkChild(Effect.exit(budget.run(priced(admitted(cents(count))))), {
    startImmediately: true
  })
  return {
    fiber,
    isWaiting: Effect.map(settled, () => fiber.pollUnsafe() === undefined),
    settle: Effect.flatMap(
      Fiber.join(fiber),
      (exit) => Exit.isSuccess(exit) ? Effect.succeed(exit.value) : Effect.die(exit.cause)
    )
  }
})

describe("a budget", () => {
  it.effect("reserves what a call may cost, and settles what it did cost", () =>
    Effect.gen(function*() {
      const budget = yield* Budget.make("1")
      const settle = yield* budget.run(priced(admitted(cents(30))))
      assert.strictEqual(words(yield* budget.state), "$0.00 spent ($0.00 unknown), $0.30 reserved, $0.70 of $1.00 left")
      yield* settle(sent("0.1234567890123"))
      assert.isTrue(Usd.equals(yield* budget.spent, usd("0.1234567890123")))
      assert.isTrue(Usd.isZero(yield* budget.reserved))
      assert.isTrue(Usd.equals(yield* budget.remaining, usd("0.8765432109877")))
    }))

  it.effect("refuses what spending leaves no room for, with its figures, and sends nothing", () =>
    Effect.gen(function*() {
      const budget = yield* Budget.make("1", { name: "the tick" })
      yield* Effect.flatMap(budget.run(priced(admitted(cents(50)))), (settle) => settle(sent("0.60")))
      const error = failure(yield* Effect.exit(budget.run(priced(admitted(cents(50))))))
      assert.strictEqual(error.scope, "the tick")
      assert.strictEqual(error.reason, "spent")
      assert.deepStrictEqual(
        [error.limit, error.spent, error.unknown, error.reserved, error.estimate].map(String),
        ["$1.00", "$0.60", "$0.00", "$0.00", "$0.50"]
      )
      assert.strictEqual(error.message, "the budget of $1.00 for the tick has $0.40 left, and the call may cost $0.50")
      assert.strictEqual(error.attempts, 0)
      assert.strictEqual(error.model, model)
    }))

  it.effect("is named by its scopes unless it has a name", () =>
    Effect.gen(function*() {
      const refused = Budget.limit(priced(admitted(cents(50))), "0.10").pipe(
        CostLedger.scope("Ann"),
        CostLedger.scope("tick 1")
      )
      assert.strictEqual(failure(yield* Effect.exit(refused)).scope, "tick 1 > Ann")
      assert.strictEqual(failure(yield* Effect.exit(Budget.limit(priced(admitted(cents(50))), "0.10"))).scope, "budget")
    }))

  it.effect("lets pass what costs nothing, also where all is spent", () =>
    Effect.gen(function*() {
      yield* admitted({ isBillable: false })
      const free = Prices.with(admitted(cents(50)), { [model]: { prompt: "0", completion: "0" } })
      yield* Effect.all([free, priced(admitted({ isBillable: false }))]).pipe(Budget.limit("0"))
    }))

  it.effect("makes calls wait for running calls alone, first come first served", () =>
    Effect.gen(function*() {
      const budget = yield* Budget.make("1")
      const first = yield* asked(budget, 80)
      const second = yield* asked(budget, 40)
      const third = yield* asked(budget, 10)
      assert.isFalse(yield* first.isWaiting)
      assert.isTrue(yield* second.isWaiting)
      // There is room for it, but it came later.
      assert.isTrue(yield* third.isWaiting)
      yield* (yield* first.settle)(sent("0.20"))
      assert.isFalse(yield* second.isWaiting)
      assert.isFalse(yield* third.isWaiting)
    }))

  it.effect("fails who waits, once spending stands in the way", () =>
    Effect.gen(function*() {
      const budget = yield* Budget.make("1")
      const first = yield* asked(budget, 80)
      const second = yield* asked(budget, 40)
      const third = yield* asked(budget, 10)
      assert.isTrue(yield* second.isWaiting)
      yield* (yield* first.settle)(sent("0.70"))
      assert.strictEqual(failure(yield* Fiber.join(second.fiber)).reason, "spent")
      assert.isFalse(yield* third.isWaiting)
    }))

  it.effect("lets a call wait at most maxWait", () =>
    Effect.gen(function*() {
      const budget = yield* Budget.make("1", { maxWait: "10 seconds" })
      yield* asked(budget, 80)
      const second = yield* asked(budget, 40)
      const third = yield* asked(budget, 20)
      yield* TestClock.adjust("9999 millis")
      assert.isTrue(yield* second.isWaiting)
      yield* TestClock.adjust("1 millis")
      const error = failure(yield* Fiber.join(second.fiber))
      assert.strictEqual(error.reason, "reserved")
      assert.strictEqual(String(error.reserved), "$0.80")
      // The one behind it fits.
      assert.isFalse(yield* third.isWaiting)
      assert.strictEqual(String(yield* budget.reserved), "$1.00")
    }))

  it.effect("holds nothing for who was interrupted while waiting, and lets those behind it go", () =>
    Effect.gen(function*() {
      const budget = yield* Budget.make("1")
      const first = yield* asked(budget, 80)
      const second = yield* asked(budget, 40)
      const third = yield* asked(budget, 20)
      assert.isTrue(yield* third.isWaiting)
      yield* Fiber.interrupt(second.fiber)
      assert.isFalse(yield* third.isWaiting)
      yield* (yield* first.settle)(notSent)
      yield* (yield* third.settle)(notSent)
      assert.isTrue(Usd.isZero(yield* budget.reserved))
    }))

  it.effect("all that enclose a call hold, and all is reserved or nothing", () =>
    Effect.gen(function*() {
      const outer = yield* Budget.make("1", { name: "outer" })
      const inner = yield* Budget.make("0.50", { name: "inner" })
      const both = inside(outer, inner)
      const refused = failure(yield* Effect.exit(both.run(priced(admitted(cents(60))))))
      assert.strictEqual(refused.scope, "inner")
      assert.isTrue(Usd.isZero(yield* outer.reserved))
      const settle = yield* both.run(priced(admitted(cents(40))))
      assert.deepStrictEqual([yield* outer.reserved, yield* inner.reserved].map(String), ["$0.40", "$0.40"])
      yield* settle(sent("0.30"))
      assert.deepStrictEqual([yield* outer.spent, yield* inner.spent].map(String), ["$0.30", "$0.30"])
    }))

  it.effect("counts once where it is given twice", () =>
    Effect.gen(function*() {
      const outer = yield* Budget.make("1")
      const inner = yield* Budget.make("1")
      const settle = yield* priced(admitted(cents(40))).pipe(outer.run, inner.run, outer.run)
      yield* settle(sent("0.40"))
      assert.deepStrictEqual([yield* outer.spent, yield* inner.spent].map(String), ["$0.40", "$0.40"])
    }))

  it.effect("a waiter bars later ones only from budgets that are too full for it", () =>
    Effect.gen(function*() {
      const outer = yield* Budget.make("2")
      const ann = yield* Budget.make("0.50")
      const bob = yield* Budget.make("0.50")
      const annFirst = yield* asked(inside(outer, ann), 40)
      const annSecond = yield* asked(inside(outer, ann), 40)
      const annThird = yield* asked(inside(outer, ann), 10)
      const bobFirst = yield* asked(inside(outer, bob), 40)
      assert.isTrue(yield* annSecond.isWaiting)
      assert.isTrue(yield* annThird.isWaiting)
      assert.isFalse(yield* bobFirst.isWaiting)
      yield* (yield* annFirst.settle)(notSent)
      assert.isFalse(yield* annSecond.isWaiting)
      assert.isFalse(yield* annThird.isWaiting)
    }))

  it.effect("a waiter that moves on to another budget keeps its place by arrival", () =>
    Effect.gen(function*() {
      const outer = yield* Budget.make("1", { name: "outer" })
      const inner = yield* Budget.make("0.50", { name: "inner" })
      const both = inside(outer, inner)
      const a = yield* asked(both, 40)
      // Kept by the inner one only.
      const b = yield* asked(both, 30)
      const c = yield* asked(outer, 60)
      const d = yield* asked(outer, 50)
      assert.deepStrictEqual(
        [yield* a.isWaiting, yield* b.isWaiting, yield* c.isWaiting, yield* d.isWaiting],
        [false, true, false, true]
      )
      // Now the inner one has room for it; in the outer one it is before the last.
      yield* (yield* a.settle)(sent("0"))
      assert.isFalse(yield* b.isWaiting)
      assert.isTrue(yield* d.isWaiting)
      yield* (yield* c.settle)(sent("0"))
      assert.isFalse(yield* d.isWaiting)
      assert.strictEqual(String(yield* outer.reserved), "$0.80")
    }))

  it.effect("counts a call of unknown cost as spent at its estimate, until it is corrected", () =>
    Effect.gen(function*() {
      const outer = yield* Budget.make("1")
      const inner = yield* Budget.make("1")
      const both = inside(outer, inner)
      yield* Effect.flatMap(both.run(priced(admitted(cents(60)))), (settle) => settle(sent(undefined, "gen-1")))
      assert.strictEqual(words(yield* outer.state), "$0.60 spent ($0.60 unknown), $0.00 reserved, $0.40 of $1.00 left")
      const error = failure(yield* Effect.exit(both.run(priced(admitted(cents(60))))))
      assert.strictEqual(String(error.unknown), "$0.60")
      // As `CostLedger.reconcile` does inside of it.
      yield* both.run(Admission.correct("gen-1", { ...Costs.zero, cost: usd("0.05") }))
      for (const budget of [outer, inner]) {
        assert.strictEqual(
          words(yield* budget.state),
          "$0.05 spent ($0.00 unknown), $0.00 reserved, $0.95 of $1.00 left"
        )
      }
      assert.isFalse(yield* outer.correct("gen-1", { ...Costs.zero, cost: usd("0.07") }))
    }))

  it.effect("a correction lets those go who wait", () =>
    Effect.gen(function*() {
      const budget = yield* Budget.make("1")
      const first = yield* asked(budget, 30)
      yield* (yield* first.settle)(sent(undefined, "gen-1"))
      yield* asked(budget, 60)
      const third = yield* asked(budget, 20)
      assert.isTrue(yield* third.isWaiting)
      assert.isTrue(yield* budget.correct("gen-1", { ...Costs.zero, cost: usd("0.01") }))
      assert.isFalse(yield* third.isWaiting)
    }))

  it.effect("counts what a provider bills besides, for keys of your own", () =>
    Effect.gen(function*() {
      const budget = yield* Budget.make("1")
      const settle = yield* budget.run(priced(admitted(cents(60))))
      yield* settle({
        _tag: "Sent",
        exit: Exit.void,
        costs: { ...Costs.zero, cost: usd("0.01"), upstreamCost: usd("0.20") },
        generationId: undefined,
        sentAt: 0,
        firstOutputAt: undefined,
        endedAt: 0
      })
      assert.strictEqual(String(yield* budget.spent), "$0.21")
    }))

  it.effect("without a price the first call takes all that is left, alone; then the mean counts", () =>
    Effect.gen(function*() {
      const budget = yield* Budget.make("1")
      const first = yield* budget.run(admitted())
      assert.strictEqual(String(yield* budget.reserved), "$1.00")
      const second = yield* Effect.forkChild(Effect.exit(budget.run(admitted())), { startImmediately: true })
      yield* settled
      assert.isUndefined(second.pollUnsafe())
      yield* first(sent("0.20"))
      yield* Fiber.join(second)
      // It had come before anything was known.
      assert.strictEqual(String(yield* budget.reserved), "$0.80")
    }))

  it.effect("a failed call that cost nothing tells nothing about the mean", () =>
    Effect.gen(function*() {
      const budget = yield* Budget.make("1")
      const first = yield* budget.run(admitted())
      yield* first(failed)
      yield* budget.run(admitted())
      assert.strictEqual(String(yield* budget.reserved), "$1.00")
    }))

  it.effect("an inner budget goes by the mean of the outer one", () =>
    Effect.gen(function*() {
      const outer = yield* Budget.make("1")
      yield* Effect.flatMap(outer.run(admitted()), (settle) => settle(sent("0.10")))
      yield* outer.run(Budget.limit(admitted(), "0.50"))
      assert.strictEqual(String(yield* outer.reserved), "$0.10")
      // Of another model it knows nothing.
      const other = yield* Effect.forkChild(outer.run(admitted({ model: "openai/gpt-5-mini" })), {
        startImmediately: true
      })
      yield* settled
      assert.isUndefined(other.pollUnsafe())
    }))

  it.effect("begins anew with each period, by UTC", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(Date.UTC(2026, 10, 30, 23, 59, 50))
      const budget = yield* Budget.make("1", { per: "day" })
      const late = yield* budget.run(priced(admitted(cents(50))))
      yield* Effect.flatMap(budget.run(priced(admitted(cents(50)))), (settle) => settle(sent("0.50")))
      const error = failure(yield* Effect.exit(budget.run(priced(admitted(cents(60))))))
      assert.strictEqual(String(error.resetsAt), "DateTime.Utc(2026-12-01T00:00:00.000Z)")
      // Only a running call is in its way, and then the day is over.
      const waiting = yield* asked(budget, 20)
      assert.isTrue(yield* waiting.isWaiting)
      yield* TestClock.adjust("10 seconds")
      assert.isFalse(yield* waiting.isWaiting)
      assert.strictEqual(words(yield* budget.state), "$0.00 spent ($0.00 unknown), $0.20 reserved, $0.80 of $1.00 left")
      // It was sent yesterday.
      yield* late(sent("0.50"))
      assert.strictEqual(words(yield* budget.state), "$0.00 spent ($0.00 unknown), $0.20 reserved, $0.80 of $1.00 left")
    }))

  it.effect("begins anew where the clock was wrong by more than a period, and is set back", () =>
    Effect.gen(function*() {
      const now = Date.UTC(2026, 10, 30, 12)
      const budget = yield* Budget.make("1", { per: "day" })
      const spend = budget.run(Effect.flatMap(priced(admitted(cents(60))), (settle) => settle(sent("0.60"))))
      yield* TestClock.setTime(Date.UTC(2036, 0, 1))
      yield* spend
      yield* TestClock.setTime(now)
      yield* spend
      assert.strictEqual(String((yield* budget.state).resetsAt), "DateTime.Utc(2026-12-01T00:00:00.000Z)")
      // A clock that is set back over midnight gives no money.
      yield* TestClock.setTime(Date.UTC(2026, 10, 29, 23, 59))
      assert.strictEqual(failure(yield* Effect.exit(spend)).reason, "spent")
      yield* TestClock.setTime(Date.UTC(2026, 11, 1))
      yield* spend
    }))

  it.effect("that is shared is kept under the period of the clock, also where that is set back", () =>
    Effect.gen(function*() {
      const read: Array<string> = []
      const store = Layer.succeed(Budget.BudgetStore, {
        reserve: () => Effect.die("not used"),
        settle: () => Effect.void,
        correct: () => Effect.succeed(false),
        read: (key) => Effect.sync(() => ({ spent: read.push(key), unknown: 0, reserved: 0 }))
      })
      const budget = yield* Effect.provide(Budget.shared("all", "1", { per: "day" }), store)
      for (const year of [2026, 2036, 2026]) {
        yield* TestClock.setTime(Date.UTC(year, 10, 30, 12))
        yield* budget.state
      }
      assert.deepStrictEqual(read, ["all:day:2026-11-30", "all:day:2036-11-30", "all:day:2026-11-30"])
    }))

  it.effect("that is shared counts once by its name, with the smaller limit, also where it was made twice", () =>
    Effect.gen(function*() {
      const asked: Array<ReadonlyArray<readonly [string, number]>> = []
      const store = Layer.succeed(Budget.BudgetStore, {
        reserve: (claims) =>
          Effect.sync(() => {
            asked.push(claims.map(({ key, limit }) => [key, limit / 1e9]))
            return {
              lease: "l",
              verdict: { _tag: "Granted", amounts: claims.map(() => 1), spent: claims.map(() => 0) }
            }
          }),
        settle: () => Effect.void,
        correct: () => Effect.succeed(false),
        read: () => Effect.undefined
      })
      yield* Effect.gen(function*() {
        const all = yield* Budget.shared("all", "2")
        const again = yield* Budget.shared("all", "2")
        const less = yield* Budget.shared("all", "1")
        const other = yield* Budget.shared("other", "3")
        const daily = yield* Budget.shared("all", "2", { per: "day" })
        const ask = priced(admitted(cents(1)))
        yield* ask.pipe(again.run, all.run)
        yield* ask.pipe(less.run, all.run)
        yield* ask.pipe(all.run, other.run, less.run)
        yield* ask.pipe(daily.run, all.run)
      }).pipe(Effect.provide(store))
      assert.deepStrictEqual(asked, [
        [["all", 2]],
        [["all", 1]],
        [["all", 1], ["other", 3]],
        [["all", 2], ["all:day:1970-01-01", 2]]
      ])
    }))

  it.effect.each<readonly [Budget.Period, string]>([
    ["day", "2026-12-02T00:00:00.000Z"],
    ["week", "2026-12-07T00:00:00.000Z"],
    ["month", "2027-01-01T00:00:00.000Z"]
  ])("of a %s ends at %s", ([per, end]) =>
    Effect.gen(function*() {
      yield* TestClock.setTime(Date.UTC(2026, 11, 1, 12))
      const { resetsAt } = yield* (yield* Budget.make("1", { per })).state
      assert.strictEqual(String(resetsAt), `DateTime.Utc(${end})`)
    }))

  it.effect("tells once when a part of it is spent, and logs one line at 80 %", () => {
    const lines: Array<unknown> = []
    const told: Array<string> = []
    const listening = Logger.layer([Logger.make(({ message }) => void lines.push(message))])
    return Effect.gen(function*() {
      const budget = yield* Budget.make("1", {
        name: "the town",
        onThreshold: [
          Budget.onThreshold(0.5, (state) => Effect.sync(() => void told.push(words(state)))),
          Budget.onThreshold(0.9, () => Effect.die("no"))
        ]
      })
      const spend = (amount: string) =>
        Effect.flatMap(budget.run(priced(admitted(cents(1)))), (settle) => settle(sent(amount)))
      yield* spend("0.49")
      assert.deepStrictEqual(told, [])
      yield* spend("0.31")
      assert.deepStrictEqual(told, ["$0.80 spent ($0.00 unknown), $0.00 reserved, $0.20 of $1.00 left"])
      assert.deepStrictEqual(lines.flat(), ["the budget for the town is spent to 80 %: $0.80 of $1.00"])
      yield* spend("0.19")
      assert.strictEqual(told.length, 1)
      assert.strictEqual(lines.length, 2)
    }).pipe(Effect.provide(listening))
  })

  it("a limit that makes no sense is a mistake of the program", () => {
    assert.throws(() => Budget.make("much"), RangeError)
    assert.throws(() => Budget.make("-1"), RangeError)
    assert.throws(() => Budget.limit(Effect.void, "ten"), RangeError)
  })

  it("and so is an option out of its range, which would be no limit, or say nothing", () => {
    const never = () => Effect.void
    for (const outputTokens of [Number.NaN, Infinity, -1, 0.5]) {
      assert.throws(() => Budget.make("1", { outputTokens }), RangeError)
      assert.throws(() => Budget.limit(Effect.void, "1", { outputTokens }), RangeError)
      assert.throws(() => Budget.shared("all", "1", { outputTokens }), RangeError)
      assert.throws(() => Budget.keyed("1", { outputTokens }), RangeError)
    }
    for (const share of [Number.NaN, -0.1, 80]) {
      assert.throws(() => Budget.make("1", { onThreshold: Budget.onThreshold(share, never) }), RangeError)
      assert.throws(() => Budget.make("1", { onThreshold: [Budget.onThreshold(share, never)] }), RangeError)
    }
    for (const maxKeys of [Number.NaN, 0, -1]) assert.throws(() => Budget.keyed("1", { maxKeys }), RangeError)
    const options = JSON.parse(`{"per":"year"}`)
    assert.throws(() => Budget.make("1", options), RangeError)
  })

  it.effect("and so is a lease in Redis that would be renewed without a pause, or never", () =>
    Effect.gen(function*() {
      const redis = Layer.succeed(
        Redis.Redis,
        Redis.Redis.of({
          send: () => Effect.die("not used"),
          subscribe: () => Effect.die("not used"),
          reserve: Effect.die("not used"),
          eval: () => () => Effect.never
        })
      )
      for (const lease of ["0 seconds", "999 millis", Duration.infinity] as const) {
        const exit = yield* Effect.exit(Effect.scoped(Layer.build(Layer.provide(Budget.layerRedis({ lease }), redis))))
        assert.include(Exit.isFailure(exit) ? String(Cause.squash(exit.cause)) : "", "a lease of ")
      }
    }))

  it.effect("a call takes no less than nothing, and a tokenizer that counts none is a mistake of the program", () =>
    Effect.gen(function*() {
      const budget = yield* Budget.make("1")
      yield* budget.run(priced(admitted(cents(-500))))
      assert.strictEqual(words(yield* budget.state), "$0.00 spent ($0.00 unknown), $0.00 reserved, $1.00 of $1.00 left")
      for (const tokens of [Number.NaN, Infinity, -1]) {
        const exit = yield* Effect.exit(
          budget.run(priced(admitted(cents(1))).pipe(Prices.withTokenizer(() => tokens)))
        )
        const defect = Exit.isFailure(exit) ? String(Cause.squash(exit.cause)) : ""
        assert.include(defect, `the tokenizer has counted ${tokens} tokens`)
      }
      assert.strictEqual(words(yield* budget.state), "$0.00 spent ($0.00 unknown), $0.00 reserved, $1.00 of $1.00 left")
    }))
})

describe("budgets by key", () => {
  it.effect("each key has its own", () =>
    Effect.gen(function*() {
      const users = yield* Budget.keyed("0.50", { name: "user" })
      const spend = (user: string) =>
        Effect.flatMap(users.run(user)(priced(admitted(cents(40)))), (settle) => settle(sent("0.40")))
      yield* spend("u-1")
      const error = failure(yield* Effect.exit(spend("u-1")))
      assert.strictEqual(error.scope, "user u-1")
      yield* spend("u-2")
      assert.strictEqual(String((yield* users.state("u-2")).spent), "$0.40")
    }))

  it.effect("their number is bounded, and no key has more than its limit", () =>
    Effect.gen(function*() {
      const users = yield* Budget.keyed("0.50", { maxKeys: 2 })
      const spend = (user: string) =>
        Effect.flatMap(users.run(user)(priced(admitted(cents(40)))), (settle) => settle(sent("0.40")))
      // Those who have spent nothing make room.
      for (let user = 0; user < 10; user++) yield* users.state(`idle-${user}`)
      yield* spend("u-1")
      yield* spend("u-2")
      yield* spend("u-3")
      const error = failure(yield* Effect.exit(spend("u-4")))
      assert.strictEqual(error.scope, "(other)")
      assert.strictEqual(failure(yield* Effect.exit(spend("u-1"))).scope, "u-1")
    }))

  it.effect("a new day makes room", () =>
    Effect.gen(function*() {
      const users = yield* Budget.keyed("0.50", { maxKeys: 1, per: "day" })
      const spend = (user: string) =>
        Effect.flatMap(users.run(user)(priced(admitted(cents(40)))), (settle) => settle(sent("0.40")))
      yield* spend("u-1")
      yield* TestClock.adjust("1 day")
      yield* spend("u-2")
      assert.strictEqual(failure(yield* Effect.exit(spend("u-2"))).scope, "u-2")
    }))

  it.effect("one that a program still runs in is never there twice", () =>
    Effect.gen(function*() {
      const users = yield* Budget.keyed("0.50", { maxKeys: 1 })
      yield* users.run("u-1")(Effect.gen(function*() {
        yield* users.state("u-2")
        yield* Effect.flatMap(priced(admitted(cents(40))), (settle) => settle(sent("0.40")))
        assert.strictEqual(String((yield* users.state("u-1")).spent), "$0.40")
      }))
    }))
})

describe("with a client", () => {
  const reply = OpenRouterTest.answer({ text: "Bread.", usage: { cost: usd("0.30") } })
  const ask = OpenRouter.respond({ model, input: "What does Bob want?" })

  it.effect("a refused call is not sent, and no ledger books it", () =>
    Effect.gen(function*() {
      const [results, spent] = yield* CostLedger.measured(
        Effect.forEach([1, 2, 3], () => Effect.result(ask)).pipe(Budget.limit("0.50"))
      )
      assert.deepStrictEqual(results.map(({ _tag }) => _tag), ["Success", "Failure", "Failure"])
      assert.strictEqual(spent.calls, 1)
      assert.strictEqual((yield* (yield* OpenRouterTest.OpenRouterTest).calls).length, 1)
    }).pipe(Effect.provide(OpenRouterTest.layer(() => reply))))

  it.effect("holds for streams, given to an effect or to a stream", () =>
    Effect.gen(function*() {
      const stream = OpenRouter.streamText({ model, input: "Hello" })
      const both = Stream.concat(stream, stream)
      const error = yield* Effect.flip(Stream.runDrain(Budget.limit(both, "0.50")))
      assert.strictEqual(error._tag, "BudgetExceeded")
      // Each run has a budget of its own.
      yield* Effect.repeat(Stream.runDrain(Budget.limit(stream, "0.50")), { times: 3 })
    }).pipe(Effect.provide(OpenRouterTest.layer(() => reply))))

  it.effect("a stream whose consumer asks inside of the same budget does not wait for ever", () =>
    Effect.gen(function*() {
      const budget = yield* Budget.make("0.50", { maxWait: "10 seconds" })
      const fiber = yield* Effect.forkChild(
        OpenRouter.streamText({ model, input: "Hello" }).pipe(
          Stream.runForEach(() => Effect.asVoid(ask)),
          budget.run,
          Effect.flip
        ),
        { startImmediately: true }
      )
      yield* TestClock.adjust("10 seconds")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error._tag, "BudgetExceeded")
      assert.isTrue(Usd.isZero(yield* budget.reserved))
    }).pipe(Effect.provide(OpenRouterTest.layer(() => reply))))

  it.effect("the wait for money is under the call's total deadline", () =>
    Effect.gen(function*() {
      const budget = yield* Budget.make("0.50")
      yield* budget.run(admitted())
      const fiber = yield* Effect.forkChild(Effect.flip(budget.run(Deadlines.with(ask, { total: "1 second" }))), {
        startImmediately: true
      })
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "TimedOut")
    }).pipe(Effect.provide(Layer.fresh(OpenRouterTest.layer(() => reply)))))
})
