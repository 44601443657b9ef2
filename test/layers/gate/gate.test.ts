import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Clock,
  DateTime,
  Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Logger,
  Metric,
  Option,
  Random,
  Ref,
  Stream
} from "effect"
import { Admission, Deadlines, OpenRouter, type OpenRouterError, RateGate, RetryPolicy } from "effect-openrouter"
import { TestClock } from "effect/testing"
import { atT0, failure, model, ok, t0 } from "../client/support.ts"
import type { Reply } from "../client/support.ts"
import { answering, limited, passing } from "./support.ts"
import type { Seen } from "./support.ts"

const none = (): Seen => ({ sent: [] })

const ask = (name: string, input = "Hi") => OpenRouter.respond({ model: name, input })

const herd = (calls: number, name = model) =>
  Effect.all(Array.from({ length: calls }, (_, n) => Effect.exit(ask(name, `${n}`))), { concurrency: "unbounded" })

const failed = (exits: ReadonlyArray<Exit.Exit<unknown, unknown>>) => exits.filter(Exit.isFailure).length

const attemptsOf = (exit: Exit.Exit<{ readonly attempts: number }, unknown>) =>
  Exit.isSuccess(exit) ? exit.value.attempts : 0

/** Begins a call, and lets its first answer come. */
const begun = (name: string) =>
  Effect.tap(Effect.forkChild(Effect.exit(ask(name)), { startImmediately: true }), () => TestClock.adjust(1))

const tagOf = (exit: Exit.Exit<unknown, OpenRouterError.OpenRouterError>) =>
  Option.match(Exit.findErrorOption(exit), { onNone: () => "none", onSome: ({ _tag }) => _tag })

const statusesOf = ({ sent }: Seen) => sent.map(({ status }) => status)

const limitOf = (metadata: { readonly [key: string]: string }, retryAfter = "10") =>
  failure(429, { headers: { "retry-after": retryAfter }, metadata })

/** Answers the first request for `refused` with this, and all others well. */
const refusing = (seen: Seen, refused: string, reply: Reply, after = 0) => {
  let isRefused = false
  return answering(seen, (_now, name) => {
    if (name !== refused || isRefused) return { reply: ok(), after }
    isRefused = true
    return { reply, after: 0 }
  })
}

describe("a herd", () => {
  it.effect("of which some leave later than they were let through: its refusals are one burst", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      const client = limited(seen, { limit: () => 10, window: 1000, phase: t0, latency: 40, announces: "headers" })
      let leaving = 0
      const slow: Admission.Admission = {
        stage: "observe",
        admit: () => Effect.as(Effect.sleep(3 * (leaving++ % 16)), () => Effect.void)
      }
      const { millis, value } = yield* passing(herd(100).pipe(Admission.with(slow), Effect.provide(client)))
      assert.strictEqual(failed(value), 0)
      assert.isAtMost(millis, 9500)
    }))

  const cases = [
    { announces: "headers", latency: 300, calls: 100, refused: 15, wall: 1.05 },
    { announces: "headers", latency: 3000, calls: 100, refused: 15, wall: 1.25 },
    { announces: "nothing", latency: 300, calls: 100, refused: 43, wall: 1.5 },
    { announces: "nothing", latency: 3000, calls: 100, refused: 43, wall: 2.5 }
  ] as const

  it.effect.each(cases)(
    "against 20 a second, $announces announced, answers after $latency ms: nobody gives up",
    ({ announces, calls, latency, refused, wall }) =>
      Effect.gen(function*() {
        yield* atT0
        const seen = none()
        const phase = t0 + 370
        const client = limited(seen, { limit: () => 20, window: 1000, phase, latency, announces })
        const { millis, value } = yield* passing(Effect.provide(herd(calls), client))
        assert.strictEqual(failed(value), 0)
        const of429 = statusesOf(seen).filter((status) => status === 429).length
        assert.isAtMost(of429, refused)
        const ideal = 370 + (calls / 20 - 2) * 1000 + latency
        assert.isAtMost(millis, ideal * wall)
      })
  )

  it.effect("on an account without a limit loses about a second", () =>
    Effect.gen(function*() {
      yield* atT0
      const client = answering(none(), () => ({ reply: ok(), after: 30_000 }))
      const { millis, value } = yield* passing(Effect.provide(herd(2000), client), 50)
      assert.strictEqual(failed(value), 0)
      assert.isAtMost(millis, 32_000)
    }))

  it.effect("finds a limit that was lowered, and one that was raised", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      const limit = yield* Ref.make(20)
      const client = limited(seen, {
        limit: () => Ref.getUnsafe(limit),
        window: 1000,
        phase: t0,
        latency: 100,
        announces: "headers"
      })
      yield* Effect.gen(function*() {
        yield* passing(herd(100))
        yield* Ref.set(limit, 5)
        const before = seen.sent.length
        const { millis, value } = yield* passing(herd(50))
        assert.strictEqual(failed(value), 0)
        assert.isAtMost(millis, 12_000)
        assert.isAtMost(seen.sent.slice(before).filter(({ status }) => status === 429).length, 20)
        yield* Ref.set(limit, 40)
        const raised = yield* passing(herd(1600), 10)
        assert.strictEqual(failed(raised.value), 0)
        // At 5 a second it would take 320 seconds.
        assert.isAtMost(raised.millis, 100_000)
      }).pipe(Effect.provide(client))
    }))
})

describe("a refusal", () => {
  it.effect("holds back calls of its model, and of no other", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      yield* Effect.gen(function*() {
        const first = yield* begun("a/limited")
        const second = yield* begun("a/limited")
        yield* ask("a/other")
        assert.deepStrictEqual(seen.sent.map(({ model }) => model), ["a/limited", "a/other"])
        yield* TestClock.adjust("9 seconds")
        assert.strictEqual(seen.sent.length, 2)
        yield* TestClock.adjust("3 seconds")
        assert.deepStrictEqual([attemptsOf(yield* Fiber.join(first)), attemptsOf(yield* Fiber.join(second))], [2, 1])
      }).pipe(Effect.provide(refusing(seen, "a/limited", failure(429, { headers: { "retry-after": "10" } }))))
    }))

  const reaches = [
    ["the pool of a provider: its model", "a/limited", { limit_source: "upstream_provider_shared_pool" }, [
      "a/limited"
    ]],
    ["the key", "a/limited", { limit_source: "openrouter_key_limit" }, [
      "a/limited",
      "a/other",
      "a/x:free",
      "b/x:free"
    ]],
    ["the free tier", "a/x:free", { limit_source: "openrouter_free_tier_daily" }, ["a/x:free", "b/x:free"]],
    ["a free model, for no given reason", "a/x:free", {}, ["a/x:free", "b/x:free"]],
    ["something unknown: its model", "a/limited", { limit_source: "the_moon" }, ["a/limited"]]
  ] as const

  it.effect.each(reaches)("of %s", ([_, refused, metadata, closed]) =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      yield* Effect.gen(function*() {
        yield* begun(refused)
        for (const name of ["a/limited", "a/other", "a/x:free", "b/x:free"]) {
          yield* Effect.forkChild(ask(name), { startImmediately: true })
        }
        yield* TestClock.adjust("1 second")
        const sent = new Set(seen.sent.slice(1).map(({ model }) => model))
        for (const name of ["a/limited", "a/other", "a/x:free", "b/x:free"]) {
          assert.strictEqual(sent.has(name), !new Set<string>(closed).has(name), name)
        }
      }).pipe(Effect.provide(refusing(seen, refused, limitOf(metadata))))
    }))

  it.effect("of one model does not hold back a request with fallbacks that names it", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      yield* Effect.gen(function*() {
        yield* begun("a/limited")
        const { attempts } = yield* OpenRouter.respond({ models: ["a/limited", "a/other"], input: "Hi" })
        assert.strictEqual(attempts, 1)
      }).pipe(Effect.provide(refusing(seen, "a/limited", limitOf({}))))
    }))

  it.effect("for money in flight holds back the key until its hint", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      const inFlight = failure(402, {
        headers: { "retry-after": "7" },
        metadata: { limit_source: "openrouter_in_flight_budget" }
      })
      yield* Effect.gen(function*() {
        yield* begun("a/limited")
        const other = yield* Effect.forkChild(ask("a/other"), { startImmediately: true })
        yield* TestClock.adjust("6900 millis")
        assert.strictEqual(seen.sent.length, 1)
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* Fiber.join(other)).attempts, 1)
      }).pipe(Effect.provide(refusing(seen, "a/limited", inFlight)))
    }))

  it.effect("is no news to another client with the same key", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      yield* Effect.forkChild(Effect.provide(ask("a/limited"), refusing(seen, "a/limited", limitOf({}))), {
        startImmediately: true
      })
      yield* Effect.provide(ask("a/limited"), answering(seen, () => ({ reply: ok(), after: 0 })))
      assert.deepStrictEqual(statusesOf(seen), [429, 200])
    }))

  it.effect("of a plain endpoint holds back plain endpoints alone", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      yield* Effect.gen(function*() {
        yield* Effect.forkChild(OpenRouter.models(), { startImmediately: true })
        yield* TestClock.adjust(1)
        const key = yield* Effect.forkChild(OpenRouter.models(), { startImmediately: true })
        yield* ask(model)
        assert.isUndefined(key.pollUnsafe())
        assert.strictEqual(seen.sent.length, 2)
      }).pipe(
        Effect.provide(answering(seen, (_now, name) => ({
          reply: name === model ? ok() : limitOf({ limit_source: "openrouter_key_limit" }),
          after: 0
        })))
      )
    }))

  it.effect("beyond maxWait fails those who come later at once, unsent, with what closed it", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      yield* Effect.gen(function*() {
        const first = yield* Effect.flip(ask("a/limited"))
        assert.deepStrictEqual([first._tag, first.attempts], ["RateLimited", 1])
        const second = yield* Effect.flip(ask("a/limited"))
        assert.deepStrictEqual([second._tag, second.attempts], ["RateLimited", 0])
        assert.isTrue(second._tag === "RateLimited" && second.resetAt !== undefined)
        const stream = yield* Effect.flip(Stream.runDrain(OpenRouter.stream({ model: "a/limited", input: "Hi" })))
        assert.deepStrictEqual([stream._tag, stream.attempts], ["RateLimited", 0])
        assert.strictEqual(seen.sent.length, 1)
      }).pipe(Effect.provide(answering(seen, () => ({ reply: limitOf({}, "3600"), after: 0 }))))
    }))

  it.effect("for a day lets one try a minute, and a success opens it", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      const isPaid = yield* Ref.make(false)
      const daily = failure(429, {
        metadata: {
          limit_source: "openrouter_free_tier_daily",
          headers: {
            "X-RateLimit-Limit": "50",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": `${t0 + 86_000_000}`
          }
        }
      })
      yield* Effect.gen(function*() {
        yield* Effect.flip(ask("a/x:free"))
        for (let minute = 0; minute < 3; minute++) {
          for (let n = 0; n < 20; n++) {
            yield* Effect.flip(ask("b/x:free"))
            yield* TestClock.adjust("3 seconds")
          }
        }
        assert.isAtMost(seen.sent.length, 4)
        assert.isAtLeast(seen.sent.length, 3)
        yield* Ref.set(isPaid, true)
        yield* TestClock.adjust("1 minute")
        yield* ask("b/x:free")
        const { value } = yield* passing(herd(100, "a/x:free"))
        assert.strictEqual(failed(value), 0)
      }).pipe(
        Effect.provide(answering(seen, () => ({ reply: Ref.getUnsafe(isPaid) ? ok() : daily, after: 0 })))
      )
    }))

  it.effect("until after the total deadline fails at once", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      yield* Effect.gen(function*() {
        yield* begun("a/limited")
        const error = yield* Effect.flip(Deadlines.with(ask("a/limited"), { total: "5 seconds" }))
        assert.strictEqual(error._tag, "RateLimited")
        assert.strictEqual(yield* Clock.currentTimeMillis, t0 + 1)
      }).pipe(Effect.provide(refusing(seen, "a/limited", limitOf({}))))
    }))

  it.effect("without a policy that repeats is final", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      yield* Effect.gen(function*() {
        const error = yield* Effect.flip(ask("a/limited"))
        assert.deepStrictEqual([error._tag, error.attempts], ["RateLimited", 1])
      }).pipe(RetryPolicy.with(RetryPolicy.none), Effect.provide(refusing(seen, "a/limited", limitOf({}, "1"))))
    }))

  it.effect("that closes for more than five seconds is one line in the log", () =>
    Effect.gen(function*() {
      yield* atT0
      const lines: Array<unknown> = []
      const logger = Logger.make(({ message }) => lines.push(message))
      const seen = none()
      yield* Effect.all(
        Array.from({ length: 30 }, () => begun("a/limited"))
      )
        .pipe(
          Effect.andThen(TestClock.adjust("1 second")),
          Effect.provide(Layer.merge(
            answering(seen, () => ({ reply: limitOf({}), after: 0 })),
            Logger.layer([logger])
          ))
        )
      assert.lengthOf(lines, 1)
      assert.include(String(lines[0]), "a/limited")
    }))
})

describe("a model that is down", () => {
  it.effect("is tried by one at a time: 300 callers, a minute, and nobody gives up", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      const client = answering(seen, (now) => ({
        reply: now < t0 + 60_000 ? failure(503) : ok(),
        after: now < t0 + 60_000 ? 50 : 300
      }))
      const { millis, value } = yield* passing(Effect.provide(herd(300), client), 20)
      assert.strictEqual(failed(value), 0)
      assert.isAtMost(statusesOf(seen).filter((status) => status === 503).length, 60)
      assert.isAtMost(millis, 68_000)
    }))

  it.effect("does not keep a lone call longer than its policy does", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      const client = answering(seen, () => ({ reply: failure(503), after: 0 }))
      const { value } = yield* passing(Effect.provide(Effect.exit(ask(model)), client), 50)
      assert.strictEqual(tagOf(value), "ProviderOverloaded")
      assert.strictEqual(seen.sent.length, 5)
    }))

  it.effect("with a hint is closed until then", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      yield* Effect.gen(function*() {
        yield* begun("a/limited")
        const other = yield* begun("a/limited")
        yield* TestClock.adjust("9900 millis")
        assert.strictEqual(seen.sent.length, 1)
        yield* TestClock.adjust("200 millis")
        assert.strictEqual(attemptsOf(yield* Fiber.join(other)), 1)
      }).pipe(Effect.provide(refusing(seen, "a/limited", failure(503, { headers: { "retry-after": "10" } }))))
    }))
})

describe("turns", () => {
  it.effect("are by arrival, whoever leaves in between", () =>
    Effect.gen(function*() {
      yield* atT0
      for (let seed = 0; seed < 20; seed++) {
        const seen = none()
        const now = yield* Clock.currentTimeMillis
        const client = limited(seen, { limit: () => 5, window: 1000, phase: now, latency: 100, announces: "headers" })
        yield* Effect.gen(function*() {
          const fibers = yield* Effect.forEach(Array.from({ length: 60 }, (_, n) => n), (n) =>
            Effect.andThen(
              TestClock.adjust(1),
              Effect.forkChild(Effect.exit(ask(model, `${n}`)), { startImmediately: true })
            ))
          while (
            fibers.some((fiber) => fiber.pollUnsafe() === undefined)
          ) {
            yield* TestClock.adjust(50)
            const fiber = fibers[yield* Random.nextIntBetween(0, fibers.length)]
            if (fiber !== undefined && (yield* Random.next) < 0.3) yield* Fiber.interrupt(fiber)
          }
        }).pipe(Random.withSeed(`turns ${seed}`), Effect.provide(client))
        const answered = seen.sent.filter(({ status }) => status === 200).map(({ input }) => Number(input))
        assert.deepStrictEqual(answered, answered.toSorted((a, b) => a - b), `seed ${seed}`)
      }
    }))
})

describe("limits that are known", () => {
  const within = (limit: RateGate.KnownLimit, seen: Seen, after = 100) =>
    answering(seen, () => ({ reply: ok(), after }), RateGate.layer({ limits: [limit] }))

  it.effect("are kept from the first request on: requests per window, for all models that match", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      const client = within({ model: "*:free", requests: 3, window: "10 seconds" }, seen)
      yield* Effect.gen(function*() {
        for (const name of ["a/x:free", "b/x:free"]) yield* Effect.forkChild(herd(4, name), { startImmediately: true })
        yield* Effect.forkChild(herd(10, "a/paid"), { startImmediately: true })
        yield* TestClock.adjust("9900 millis")
        assert.strictEqual(seen.sent.filter(({ model }) => model.endsWith(":free")).length, 3)
        assert.strictEqual(seen.sent.length, 13)
        const known = (yield* RateGate.state).find(({ reach }) => reach === "known")
        assert.deepStrictEqual([known?.model, known?.limit, known?.waiting], ["*:free", 3, 5])
        yield* TestClock.adjust("200 millis")
        assert.strictEqual(seen.sent.length, 16)
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(seen.sent.length, 18)
      }).pipe(Effect.provide(client))
    }))

  it.effect("calls in flight: whoever leaves gives back its place", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      yield* Effect.gen(function*() {
        const first = yield* Effect.forkChild(ask(model, "0"), { startImmediately: true })
        const second = yield* Effect.forkChild(ask(model, "1"), { startImmediately: true })
        const third = yield* Effect.forkChild(ask(model, "2"), { startImmediately: true })
        yield* Fiber.interrupt(second)
        assert.strictEqual(seen.sent.length, 1)
        yield* Fiber.interrupt(first)
        assert.deepStrictEqual(seen.sent.map(({ input }) => input), ["0", "2"])
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* Fiber.join(third)).attempts, 1)
      }).pipe(Effect.provide(within({ concurrency: 1 }, seen)))
    }))

  it.effect("tokens: an estimate is held, and corrected by what was used", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      yield* Effect.gen(function*() {
        const one = OpenRouter.respond({ model, input: "Hi", maxOutputTokens: 600 })
        yield* Effect.forkChild(one, { startImmediately: true })
        yield* Effect.forkChild(one, { startImmediately: true })
        yield* TestClock.adjust("99 millis")
        assert.strictEqual(seen.sent.length, 1)
        // The first one used 5 tokens.
        yield* TestClock.adjust("10 millis")
        assert.strictEqual(seen.sent.length, 2)
      }).pipe(Effect.provide(within({ tokens: 1000, window: "1 minute" }, seen)))
    }))

  it.effect("a request beyond all of them goes alone", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      const { value } = yield* passing(Effect.provide(herd(2), within({ tokens: 10, window: "1 second" }, seen)))
      assert.strictEqual(failed(value), 0)
    }))

  it("that make no sense are told when the gate is made", () => {
    const problems = [
      [{}, "limits[0] says nothing"],
      [{ requests: 0 }, "limits[0] requests is 0"],
      [{ concurrency: 1.5 }, "limits[0] concurrency is 1.5"],
      [{ requests: 1, window: "0 seconds" }, "limits[0] window"],
      [{ requests: 1, window: Duration.infinity }, "limits[0] window"]
    ] as const
    for (const [limit, problem] of problems) {
      const exit = Effect.runSyncExit(Effect.scoped(Layer.build(RateGate.layer({ limits: [limit] }))))
      assert.isTrue(Exit.isFailure(exit) && Cause.pretty(exit.cause).includes(problem), problem)
    }
  })

  it("that are misspelt are told, too", () => {
    const limit = { requests: 1, windwo: "1 minute" }
    const options = { limits: [], limit: [{ requests: 1 }] }
    for (
      const [layer, problem] of [
        [RateGate.layer({ limits: [limit] }), "limits[0] has no field windwo"],
        [RateGate.layer(options), "there is no option limit, but limits"]
      ] as const
    ) {
      const exit = Effect.runSyncExit(Effect.scoped(Layer.build(layer)))
      assert.isTrue(Exit.isFailure(exit) && Cause.pretty(exit.cause).includes(problem), problem)
    }
  })
})

describe("what it knows", () => {
  it.effect("can be read, and forgotten by hand", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      yield* Effect.gen(function*() {
        yield* begun("a/limited")
        yield* begun("a/limited")
        const state = (yield* RateGate.state).find(({ model }) => model === "a/limited")
        if (state === undefined) return assert.fail("no state")
        assert.strictEqual(state.waiting, 2)
        assert.strictEqual(state.reason, "RateLimited")
        assert.strictEqual(state.closedUntil && DateTime.toEpochMillis(state.closedUntil), t0 + 10_000)
        assert.isAtLeast(state.changes.length, 1)
        yield* RateGate.reset("a/limited")
        yield* TestClock.adjust("1 second")
        assert.strictEqual(seen.sent.length, 3)
        assert.isTrue((yield* RateGate.state).every(({ waiting }) => waiting === 0))
      }).pipe(Effect.provide(refusing(seen, "a/limited", limitOf({}))))
    }))

  it.effect("is counted in metrics, which say their units", () =>
    Effect.gen(function*() {
      yield* atT0
      const client = limited(none(), { limit: () => 1, window: 1000, phase: t0, latency: 0, announces: "headers" })
      yield* Effect.provide(passing(herd(3)), client)
      const units = (yield* Metric.snapshot).filter(({ id }) => id.startsWith("openrouter.rate_gate."))
        .map(({ attributes, id }) => [id, attributes?.["unit"]])
      assert.includeDeepMembers(units, [
        ["openrouter.rate_gate.waiting", "{call}"],
        ["openrouter.rate_gate.closings", "{closing}"]
      ])
    }))

  it.effect("is no reason to wait where time stands still, for calls one after the other", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      yield* Effect.forEach(Array.from({ length: 1800 }), () => ask(model), { discard: true }).pipe(
        Effect.provide(answering(seen, () => ({ reply: ok(), after: 0 })))
      )
      assert.strictEqual(seen.sent.length, 1800)
      assert.isTrue(seen.sent.every(({ at }) => at === t0))
    }))

  it.effect("is no reason to wait where time stands still, for callers who are more than go at first", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      const fiber = yield* Effect.forkChild(
        Effect.provide(
          Effect.forEach(Array.from({ length: 200 }), () => ask(model), { discard: true, concurrency: 64 }),
          answering(seen, () => ({ reply: ok(), after: 0 }))
        )
      )
      yield* Fiber.join(fiber)
      assert.isTrue(seen.sent.every(({ at }) => at === t0))
    }))

  it.effect("is bounded: thousands of models", () =>
    Effect.gen(function*() {
      yield* atT0
      yield* Effect.gen(function*() {
        yield* Effect.forEach(Array.from({ length: 1500 }), (_, n) => ask(`a/${n}`), { discard: true })
        const models = (yield* RateGate.state).filter(({ reach }) => reach === "model")
        assert.isAtMost(models.length, 1000)
        assert.isTrue(models.some(({ model }) => model === "a/1499"))
      }).pipe(Effect.provide(answering(none(), () => ({ reply: ok(), after: 0 }))))
    }))

  it.effect("is forgotten after ten quiet minutes", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      const client = limited(seen, { limit: () => 20, window: 1000, phase: t0, latency: 0, announces: "headers" })
      yield* Effect.gen(function*() {
        yield* passing(herd(60))
        const known = () => Effect.map(RateGate.state, (all) => all.find((one) => one.model === model)?.limit)
        assert.strictEqual(yield* known(), 20)
        yield* TestClock.adjust("11 minutes")
        yield* ask(model)
        assert.isUndefined(yield* known())
      }).pipe(Effect.provide(client))
    }))

  it.effect("is nothing without a gate", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      const client = answering(seen, () => ({ reply: ok(), after: 0 }), RateGate.none)
      yield* Effect.gen(function*() {
        const { value } = yield* passing(herd(300))
        assert.strictEqual(failed(value), 0)
        assert.deepStrictEqual(yield* RateGate.state, [])
        assert.isTrue(seen.sent.every(({ at }) => at === t0))
      }).pipe(Effect.provide(client))
    }))
})
