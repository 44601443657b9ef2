import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, Result, Stream } from "effect"
import { Batch, Budget, CostLedger, OpenRouter, OpenRouterError, Prices, RetryPolicy, Usd } from "effect-openrouter"
import { OpenRouterTest } from "effect-openrouter/testing"
import { TestClock } from "effect/testing"

const model = "openai/gpt-5"

const ask = (input: string) => Effect.map(OpenRouter.respond({ model, input }), ({ text }) => text)

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)

/** What became of each item: its value, or the tag of its error. */
const shown = <A, E extends { readonly _tag: string }>(results: ReadonlyArray<Result.Result<A, E>>) =>
  results.map((result) => Result.isSuccess(result) ? result.success : result.failure._tag)

/** Runs items of which each takes its time, and tells how many ran at once at most. */
const gauge = () => {
  let running = 0
  let most = 0
  const order: Array<number> = []
  return {
    order,
    most: () => most,
    run: (millis: (n: number) => number) => (n: number) =>
      Effect.gen(function*() {
        order.push(n)
        most = Math.max(most, ++running)
        yield* Effect.sleep(millis(n))
        running--
        return n
      })
  }
}

/** Time for fibers to begin to sleep, and then for one to wake up. */
const settled = Effect.andThen(Effect.repeat(Effect.yieldNow, { times: 20 }), TestClock.adjust(1))

class Bad extends Error {
  readonly _tag = "Bad"
}

const paymentRequired = new OpenRouterError.PaymentRequired({ message: "no credits", isTransient: false })

describe("Batch.run", () => {
  it.effect("gives a Result for each item, in the order of the items", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Batch.run(
        ["a", "bb", "ccc"],
        (item, index) =>
          Effect.sleep(100 - index * 10).pipe(
            Effect.andThen(item === "bb" ? Effect.fail(new Bad("no")) : Effect.succeed(item.length * 10 + index))
          )
      ))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(shown(yield* Fiber.join(fiber)), [10, "Bad", 32])
    }))

  it.effect("runs nothing for no items, and takes any iterable, items first or last", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* Batch.run([], () => Effect.succeed(1)), [])
      const double = Batch.run((n: number) => Effect.succeed(n * 2), { concurrency: 2 })
      assert.deepStrictEqual(shown(yield* double(new Set([1, 2, 3]))), [2, 4, 6])
    }))

  it.effect("runs 64 at once unless told otherwise, and never more", () =>
    Effect.gen(function*() {
      for (const [concurrency, expected] of [[undefined, 64], [5, 5], [1, 1]] as const) {
        const { most, run } = gauge()
        const fiber = yield* Effect.forkChild(Batch.run(numbers(200), run(() => 10), { concurrency }))
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual((yield* Fiber.join(fiber)).length, 200)
        assert.strictEqual(most(), expected)
      }
    }))

  it.effect("runs items of one key one after another, in their order, and others beside them", () =>
    Effect.gen(function*() {
      const { most, order, run } = gauge()
      let running = 0
      const fiber = yield* Effect.forkChild(Batch.run(
        numbers(12),
        (n) =>
          n < 10
            ? Effect.gen(function*() {
              assert.strictEqual(++running, 1)
              yield* run(() => 10)(n)
              running--
            })
            : run(() => 10)(n),
        { concurrency: 3, key: (n) => n < 10 ? "same" : undefined }
      ))
      yield* TestClock.adjust(10)
      assert.includeMembers(order.slice(0, 3), [0, 10, 11])
      yield* TestClock.adjust(1000)
      assert.isTrue((yield* Fiber.join(fiber)).every(Result.isSuccess))
      assert.deepStrictEqual(order.filter((n) => n < 10), numbers(10))
      assert.strictEqual(most(), 3)
    }))

  it.effect("starts nothing more after an error of the account; what runs goes on", () =>
    Effect.gen(function*() {
      const results = yield* Effect.forkChild(Batch.run(
        numbers(10),
        (n) =>
          Effect.andThen(Effect.sleep(n === 1 ? 5 : 10), n === 1 ? Effect.fail(paymentRequired) : Effect.succeed(n)),
        { concurrency: 3 }
      ))
      yield* TestClock.adjust("1 second")
      const [first, second, third, ...rest] = yield* Fiber.join(results)
      assert.deepStrictEqual(shown([first, second, third].flatMap((result) => result ?? [])), [0, "PaymentRequired", 2])
      assert.strictEqual(rest.length, 7)
      for (const result of rest) {
        assert.isTrue(Result.isFailure(result) && result.failure._tag === "NotStarted")
        if (Result.isFailure(result) && result.failure._tag === "NotStarted") {
          assert.deepStrictEqual([result.failure.reason, result.failure.stoppedBy], ["error", "PaymentRequired"])
        }
      }
    }))

  const stops = Effect.fnUntraced(function*<E>(error: E, stopOn?: Batch.StopRules<E>) {
    const one = (n: number): Effect.Effect<number, E> => n === 2 ? Effect.fail(error) : Effect.succeed(n)
    const results = yield* Batch.run(numbers(40), one, { concurrency: 1, stopOn })
    return results.length - results.filter(Result.isSuccess).length > 1
  })

  it.effect("stops by default for what every item would meet, and for nothing else", () =>
    Effect.gen(function*() {
      const { InvalidApiKey, PaymentRequired, RateLimited } = OpenRouterError
      assert.isTrue(yield* stops(paymentRequired))
      assert.isTrue(yield* stops(new InvalidApiKey({ message: "wrong" })))
      assert.isFalse(yield* stops(new PaymentRequired({ message: "in flight", isTransient: true })))
      assert.isFalse(yield* stops(new RateLimited({ message: "slow down" })))
      assert.isFalse(yield* stops(new Bad("no")))
      assert.isFalse(yield* stops("text"))
    }))

  it.effect("stops for the tags and tests that it is told, in place of the default", () =>
    Effect.gen(function*() {
      assert.isTrue(yield* stops(new Bad("no"), ["Bad"]))
      assert.isTrue(yield* stops(new Bad("no"), "Bad"))
      assert.isTrue(yield* stops(new Bad("no"), ({ message }) => message === "no"))
      assert.isFalse(yield* stops(new Bad("no"), ({ message }) => message === "yes"))
      assert.isFalse(yield* stops(paymentRequired, (error) => error.message === "other"))
      assert.isFalse(yield* stops(paymentRequired, []))
      assert.isTrue(yield* stops(paymentRequired, { failures: 0.5 }))
      assert.isTrue(yield* stops(paymentRequired, [{ failures: 0.5 }]))
    }))

  it.effect("stops after too many failures", () =>
    Effect.gen(function*() {
      const failing = (share: number) => (n: number) =>
        n % 10 < share * 10 ? Effect.fail(new Bad("no")) : Effect.succeed(n)
      const started = (results: ReadonlyArray<Result.Result<number, Bad | Batch.NotStarted>>) =>
        shown(results).filter((outcome) => outcome !== "NotStarted").length
      const run = (share: number, stopOn: Batch.StopRules<Bad>) =>
        Effect.map(Batch.run(numbers(100), failing(share), { concurrency: 1, stopOn }), started)
      // A share counts once twenty have ended, at the next failure.
      assert.strictEqual(yield* run(0.3, { failures: 0.2 }), 21)
      assert.strictEqual(yield* run(0.3, { failures: 0.2, after: 5 }), 11)
      assert.strictEqual(yield* run(0.1, { failures: 0.2 }), 100)
      assert.strictEqual(yield* run(0.1, { failures: 3 }), 21)
    }))

  it.effect("stops for a budget that encloses it, and not for one of an item", () =>
    Effect.gen(function*() {
      const reply = OpenRouterTest.answer({ text: "yes", usage: { cost: Usd.make("0.30") } })
      const one = (input: string) =>
        OpenRouter.respond({ model, input, maxOutputTokens: 30 }).pipe(Effect.map(({ text }) => text))
      const outcomes = (
        self: Effect.Effect<
          ReadonlyArray<Result.Result<string, { readonly _tag: string }>>,
          never,
          OpenRouter.OpenRouter
        >
      ) =>
        self.pipe(
          Effect.map(shown),
          Effect.provide([
            OpenRouterTest.layer(() => reply),
            Prices.layerTable({ [model]: { prompt: "0", completion: "0.01" } })
          ])
        )
      const names = ["a", "b", "c", "d"]
      assert.deepStrictEqual(
        yield* outcomes(Batch.run(names, one, { concurrency: 1 }).pipe(Budget.limit("0.50"))),
        ["yes", "BudgetExceeded", "NotStarted", "NotStarted"]
      )
      // Budgets of one name and limit, but only that of the item is spent.
      const twice = (input: string) => Effect.andThen(one(input), one(input)).pipe(Budget.limit("0.50"))
      assert.deepStrictEqual(
        yield* outcomes(Batch.run(names, twice, { concurrency: 1 })),
        ["BudgetExceeded", "BudgetExceeded", "BudgetExceeded", "BudgetExceeded"]
      )
      assert.deepStrictEqual(
        yield* outcomes(
          Batch.run(["a"], twice, { concurrency: 1 }).pipe(Budget.limit("0.50"))
        ),
        ["BudgetExceeded"]
      )
      assert.deepStrictEqual(
        yield* outcomes(
          Batch.run(names, (name) => name === "a" ? twice(name) : one(name), { concurrency: 1 }).pipe(
            Budget.limit("5", { name: "all" })
          )
        ),
        ["BudgetExceeded", "yes", "yes", "yes"]
      )
    }))

  it.effect("tells two budgets of one name and limit apart by what is left", () =>
    Effect.gen(function*() {
      const budget = yield* Budget.make("1", { name: "same" })
      const error = new OpenRouterError.BudgetExceeded({
        message: "spent",
        scope: "same",
        limit: Usd.make("1"),
        spent: Usd.make("0.9"),
        unknown: Usd.zero,
        reserved: Usd.zero,
        estimate: Usd.make("0.3"),
        reason: "spent"
      })
      assert.isFalse(yield* budget.run(stops(error)))
      assert.isFalse(yield* stops(error))
      assert.isTrue(
        yield* budget.run(stops(new OpenRouterError.BudgetExceeded({ ...error, message: "", reason: "store" })))
      )
    }))

  it.effect("dies with a defect, after what runs has ended", () =>
    Effect.gen(function*() {
      const ended: Array<number> = []
      const fiber = yield* Effect.forkChild(Batch.run(
        numbers(10),
        (n) =>
          n === 1
            ? Effect.andThen(Effect.sleep(5), Effect.die(new Error("broken")))
            : Effect.andThen(Effect.sleep(10), Effect.sync(() => ended.push(n))),
        { concurrency: 3 }
      ))
      yield* TestClock.adjust("1 second")
      const exit = yield* Fiber.await(fiber)
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      assert.deepStrictEqual(ended, [0, 2])
    }))

  it.effect("dies where a function throws: that of the items, or that of the keys", () =>
    Effect.gen(function*() {
      const thrown = (): Effect.Effect<number> => {
        throw new Error("broken")
      }
      const key = (): string => {
        throw new Error("broken")
      }
      for (const run of [Batch.run([1, 2, 3], thrown), Batch.run([1, 2, 3], (n) => Effect.succeed(n), { key })]) {
        const exit = yield* Effect.exit(run)
        assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      }
    }))

  it.effect("interrupts what runs when it is interrupted", () =>
    Effect.gen(function*() {
      const begun = yield* Deferred.make<void>()
      const interrupted: Array<number> = []
      const fiber = yield* Effect.forkChild(Batch.run(
        numbers(10),
        (n) =>
          Effect.andThen(n === 2 ? Deferred.succeed(begun, undefined) : Effect.void, Effect.never).pipe(
            Effect.onInterrupt(() => Effect.sync(() => interrupted.push(n)))
          ),
        { concurrency: 3 }
      ))
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(interrupted.toSorted(), [0, 1, 2])
    }))

  it.effect("keeps scopes, ledgers and settings around it for its items", () =>
    Effect.gen(function*() {
      const [, spent] = yield* Batch.run(["a", "b", "c"], (name) => CostLedger.scope(ask(name), name)).pipe(
        CostLedger.measured
      )
      assert.deepStrictEqual(spent.scopes.map(({ calls, name }) => [name, calls]), [["a", 1], ["b", 1], ["c", 1]])
    }).pipe(Effect.provide(OpenRouterTest.layer(() => "yes"))))
})

describe("the progress of a batch", () => {
  it.effect("is a stream of counts, costs and rates, and ends with what became of it", () =>
    Effect.gen(function*() {
      const seen: Array<Batch.Progress> = []
      const fiber = yield* Effect.forkChild(Batch.run(
        numbers(40),
        (n) =>
          Effect.gen(function*() {
            yield* Effect.sleep("1 second")
            return n % 4 === 3 ? yield* Effect.fail(new Bad("no")) : yield* ask("x")
          }),
        {
          concurrency: 4,
          progressEvery: "2 seconds",
          onProgress: Stream.runForEach((progress) => Effect.sync(() => seen.push(progress)))
        }
      ))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      const [first, second] = seen
      const last = seen.at(-1)
      if (first === undefined || second === undefined || last === undefined) return assert.fail("nothing was seen")
      assert.deepStrictEqual([first.total, first.ended, first.perSecond, first.isOver], [40, 0, 0, false])
      assert.isUndefined(first.endsAt)
      assert.deepStrictEqual([second.ended, second.running, second.perSecond], [4, 4, 2])
      assert.deepStrictEqual(last.outcomes, { Success: 30, Bad: 10 })
      assert.deepStrictEqual([last.ended, last.running, last.isOver, last.perSecond], [40, 0, true, 4])
      assert.strictEqual(`${last.costs.cost}`, "$0.30")
      assert.strictEqual(seen.filter(({ isOver }) => isOver).length, 1)
      assert.isDefined(second.endsAt)
    }).pipe(
      Effect.provide(
        OpenRouterTest.layer(() => OpenRouterTest.answer({ text: "x", usage: { cost: Usd.make("0.01") } }))
      )
    ))

  it.effect("is waited for, and cannot break the batch", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const results = yield* Batch.run([1, 2], (n) => Effect.succeed(n), {
        onProgress: Stream.runForEach((progress) =>
          Effect.sync(() => {
            if (progress.isOver) lines.push(Batch.toLine(progress))
          })
        )
      })
      assert.deepStrictEqual(shown(results), [1, 2])
      assert.deepStrictEqual(lines, ["2/2, $0.00, 0.0/s, in 0s"])
      const broken = yield* Batch.run([1, 2], (n) => Effect.succeed(n), { onProgress: () => Effect.die("broken") })
      assert.deepStrictEqual(shown(broken), [1, 2])
      const stuck = yield* Effect.forkChild(
        Batch.run([1, 2], (n) => Effect.succeed(n), { onProgress: () => Effect.never })
      )
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(shown(yield* Fiber.join(stuck)), [1, 2])
    }))
})

describe("Batch.stream", () => {
  it.effect("gives items in the order of the input, or as they end", () =>
    Effect.gen(function*() {
      const slowFirst = (n: number) => Effect.as(Effect.sleep(100 - n * 10), n)
      const run = (unordered: boolean) =>
        Effect.gen(function*() {
          const fiber = yield* Batch.stream(Stream.fromIterable(numbers(5)), slowFirst, { unordered }).pipe(
            Stream.map(({ index, item }) => [index, item]),
            Stream.runCollect,
            Effect.forkChild
          )
          yield* TestClock.adjust("1 second")
          return yield* Fiber.join(fiber)
        })
      assert.deepStrictEqual(yield* run(false), numbers(5).map((n) => [n, n]))
      assert.deepStrictEqual(yield* run(true), numbers(5).toReversed().map((n) => [n, n]))
    }))

  it.effect("reads no further ahead than it may", () =>
    Effect.gen(function*() {
      let read = 0
      const input = Stream.fromIterable(numbers(1000)).pipe(
        Stream.rechunk(1),
        Stream.tap(() => Effect.sync(() => read++))
      )
      const given = yield* Batch.stream(input, (n) => Effect.succeed(n), { concurrency: 4, bufferSize: 8 }).pipe(
        Stream.take(10),
        Stream.runCollect
      )
      assert.strictEqual(given.length, 10)
      // The second eight are with the reader.
      assert.isAtMost(read, 16 + 1)
    }))

  it.effect("goes on behind a slow item as far as its buffer", () =>
    Effect.gen(function*() {
      const { order, run } = gauge()
      const fiber = yield* Batch.stream(numbers(100), run((n) => n === 0 ? 1000 : 1), {
        concurrency: 2,
        bufferSize: 10
      })
        .pipe(Stream.runCollect, Effect.forkChild)
      yield* TestClock.adjust(900)
      assert.strictEqual(order.length, 10)
      yield* TestClock.adjust(10_000)
      assert.deepStrictEqual((yield* Fiber.join(fiber)).map(({ index }) => index), numbers(100))
    }))

  it.effect("fails as its input does, after the items before that", () =>
    Effect.gen(function*() {
      const given: Array<number> = []
      const input = Stream.concat(Stream.make(1, 2, 3), Stream.fail("cut"))
      const exit = yield* Batch.stream(input, (n) => Effect.as(Effect.yieldNow, n)).pipe(
        Stream.runForEach(({ item }) => Effect.sync(() => given.push(item))),
        Effect.exit
      )
      assert.deepStrictEqual(exit, Exit.fail("cut"))
      assert.deepStrictEqual(given, [1, 2, 3])
    }))

  it.effect("gives the rest as not started once it was stopped", () =>
    Effect.gen(function*() {
      const items = yield* Stream.fromIterable(numbers(3000)).pipe(
        Batch.stream((n) => n === 5 ? Effect.fail(paymentRequired) : Effect.succeed(n), { concurrency: 2 }),
        Stream.runCollect
      )
      const outcomes = shown(items.map(({ result }) => result))
      assert.strictEqual(outcomes.length, 3000)
      assert.strictEqual(outcomes[5], "PaymentRequired")
      assert.isTrue(outcomes.slice(7).every((outcome) => outcome === "NotStarted"))
    }))

  it.effect("interrupts what runs when its reader leaves", () =>
    Effect.gen(function*() {
      let interrupted = 0
      yield* Batch.stream(
        numbers(100),
        (n) => n === 0 ? Effect.sleep(1) : Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++)),
        { concurrency: 5 }
      ).pipe(Stream.take(1), Stream.runDrain, Effect.forkChild, Effect.tap(() => settled), Effect.flatMap(Fiber.join))
      assert.isAtLeast(interrupted, 4)
    }))

  it.effect("dies with a defect, after what has ended is given out", () =>
    Effect.gen(function*() {
      const given: Array<number> = []
      const exit = yield* Batch.stream([0, 1, 2, 3], (n) => n === 1 ? Effect.die("broken") : Effect.succeed(n), {
        concurrency: 1
      }).pipe(Stream.runForEach(({ item }) => Effect.sync(() => given.push(item))), Effect.exit)
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      assert.deepStrictEqual(given, [0])
    }))
})

describe("warm", () => {
  it.effect("lets one call of each cache begin to answer before the others", () =>
    Effect.gen(function*() {
      const sent: Array<string> = []
      const reply = OpenRouterTest.layer(({ promptCacheKey }) => {
        sent.push(promptCacheKey ?? "")
        return Effect.as(Effect.sleep("1 second"), "yes")
      })
      const fiber = yield* Batch.run(
        numbers(20),
        (n) => OpenRouter.respond({ model, input: `${n}`, promptCacheKey: n % 2 === 0 ? "even" : "odd" }),
        { warm: true }
      ).pipe(Effect.provide(reply), Effect.forkChild)
      yield* TestClock.adjust(500)
      assert.deepStrictEqual(sent.toSorted(), ["even", "odd"])
      yield* TestClock.adjust(1000)
      assert.strictEqual(sent.length, 20)
      yield* TestClock.adjust(2000)
      assert.isTrue((yield* Fiber.join(fiber)).every(Result.isSuccess))
    }))

  it.effect("waits for the first piece of a stream only, and for nobody who failed", () =>
    Effect.gen(function*() {
      const fails = OpenRouterTest.layer([paymentRequired, "yes", "yes"])
      const results = yield* Batch.run(numbers(3), () => ask("x"), { warm: true, stopOn: [] }).pipe(
        Effect.provide(fails)
      )
      assert.deepStrictEqual(shown(results), ["PaymentRequired", "yes", "yes"])
      const texts = yield* Batch.run(
        numbers(3),
        (n) =>
          Stream.runForEach(
            OpenRouter.streamText({ model, input: "x" }),
            () => n === 0 ? Effect.sleep("1 hour") : Effect.void
          ),
        { warm: true }
      ).pipe(
        Effect.provide(OpenRouterTest.layer(() => "yes")),
        RetryPolicy.with(RetryPolicy.none),
        Effect.timeoutOption("1 minute"),
        Effect.forkChild,
        Effect.tap(() => TestClock.adjust("2 minutes")),
        Effect.flatMap(Fiber.join)
      )
      assert.strictEqual(texts._tag, "None")
    }))
})
