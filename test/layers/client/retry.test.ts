import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration, Effect, Exit, Fiber, Layer, Schedule } from "effect"
import { OpenRouter, RetryPolicy } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"
import { TestClock } from "effect/testing"
import {
  ask,
  askFor,
  atT0,
  clientOf,
  emulated,
  failure,
  json,
  model,
  ok,
  scripted,
  sent,
  served,
  t0,
  tcpServer,
  ungated,
  waits
} from "./support.ts"
import type { Reply } from "./support.ts"

const { Reply: Emulated } = Emulator

/** Lets a call finish however long it waits; gives how it ended. */
const ended = <A, E, R>(call: Effect.Effect<A, E, R>, within: Duration.Input = "1 hour") =>
  Effect.gen(function*() {
    yield* atT0
    const fiber = yield* Effect.forkChild(Effect.exit(call), { startImmediately: true })
    yield* TestClock.adjust(within)
    return yield* Fiber.join(fiber)
  })

const httpDate = (millis: number) => new Date(millis).toUTCString()

const inBody = (headers: { readonly [name: string]: string | number }): Reply =>
  failure(429, { metadata: { headers, provider_name: null } })

const inHeaders = (headers: Readonly<Record<string, string>>): Reply => failure(429, { headers })

describe("the wait is the one that the server announced", () => {
  const hints: ReadonlyArray<readonly [name: string, reply: Reply, wait: number]> = [
    ["Retry-After in seconds", inHeaders({ "Retry-After": "7" }), 7000],
    ["Retry-After with a fraction", inHeaders({ "Retry-After": "0.25" }), 250],
    ["Retry-After as a date", inHeaders({ "Retry-After": httpDate(t0 + 9000) }), 9000],
    ["X-RateLimit-Reset in ms", inHeaders({ "X-RateLimit-Reset": `${t0 + 12_345}` }), 12_345],
    ["X-RateLimit-Reset in s", inHeaders({ "X-RateLimit-Reset": `${t0 / 1000 + 30}` }), 30_000],
    ["ms as text in the body", inBody({ "X-RateLimit-Reset": `${t0 + 5000}` }), 5000],
    ["ms as a number in the body", inBody({ "X-RateLimit-Reset": t0 + 5000 }), 5000],
    ["s as text in the body", inBody({ "x-ratelimit-reset": `${t0 / 1000 + 60}` }), 60_000],
    ["s as a number in the body", inBody({ "X-RATELIMIT-RESET": t0 / 1000 + 60 }), 60_000],
    ["availability.retry_after", failure(503, { availability: { retry_after: 11, retryable: true } }), 11_000],
    [
      "Retry-After before all else",
      failure(429, {
        headers: { "Retry-After": "3", "X-RateLimit-Reset": `${t0 + 50_000}` },
        availability: { retry_after: 40 },
        metadata: { headers: { "X-RateLimit-Reset": t0 + 60_000 } }
      }),
      3000
    ],
    [
      "availability before the reset",
      failure(429, {
        headers: { "X-RateLimit-Reset": `${t0 + 50_000}` },
        availability: { retry_after: 4 }
      }),
      4000
    ],
    [
      "the header before the body",
      failure(429, {
        headers: { "X-RateLimit-Reset": `${t0 + 5000}` },
        metadata: { headers: { "X-RateLimit-Reset": t0 + 60_000 } }
      }),
      5000
    ],
    [
      "an unusable header, then the body",
      failure(429, {
        headers: { "Retry-After": "soon", "X-RateLimit-Reset": "later" },
        metadata: { headers: { "X-RateLimit-Reset": t0 + 6000 } }
      }),
      6000
    ],
    [
      "a transient 402",
      failure(402, {
        headers: { "Retry-After": "8" },
        metadata: { limit_source: "openrouter_in_flight_budget", reason: "in_flight_budget_exhausted" }
      }),
      8000
    ],
    [
      "in a failed response",
      json({
        status: "failed",
        output: [],
        error_type: "rate_limit_exceeded",
        error: {
          code: "rate_limit_exceeded",
          message: "slow",
          metadata: { headers: { "X-RateLimit-Reset": t0 + 7000 } }
        }
      }),
      7000
    ]
  ]

  it.effect.each(hints)("%s", ([_, reply, wait]) =>
    Effect.gen(function*() {
      const exit = yield* ended(ask())
      assert.isTrue(Exit.isSuccess(exit), String(exit))
      const [waited = -1, ...more] = yield* waits
      assert.deepStrictEqual(more, [])
      assert.isAtLeast(waited, wait)
      assert.isAtMost(waited, wait + Math.min(1000, wait * 0.05) + 1)
    }).pipe(Effect.provide(scripted([reply, ok()]))))
})

describe("a rate limit of the emulator", () => {
  const answered = Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(Effect.exit(askFor("emulator/flaky-429")), { startImmediately: true })
    yield* TestClock.adjust("3 seconds")
    const exit = yield* Fiber.join(fiber)
    if (Exit.isFailure(exit)) return assert.fail(String(exit))
    assert.strictEqual(exit.value.attempts, 2)
  })

  it.effect("is waited out", () => Effect.andThen(atT0, answered).pipe(Effect.provide(emulated())))

  it.effect("is waited out by a test clock that was not set: it starts at zero", () =>
    answered.pipe(Effect.provide(emulated())))
})

describe("without a hint the wait grows", () => {
  it.effect("from 500 ms, doubled each time, ±20 %, for at most four retries", () =>
    Effect.gen(function*() {
      const exit = yield* ended(ask())
      assert.isTrue(Exit.isFailure(exit))
      const all = yield* waits
      assert.strictEqual(all.length, 4)
      for (const [index, wait] of all.entries()) {
        assert.isAtLeast(wait, 400 * 2 ** index)
        assert.isAtMost(wait, 600 * 2 ** index)
      }
    }).pipe(Effect.provide(scripted([failure(500)]))))

  it.effect("up to the cap", () =>
    Effect.gen(function*() {
      yield* ended(ask().pipe(RetryPolicy.with(RetryPolicy.make({ times: 12, maxWait: "1 hour" }))))
      const all = yield* waits
      assert.strictEqual(all.length, 12)
      for (const wait of all.slice(6)) {
        assert.isAtLeast(wait, 16_000)
        assert.isAtMost(wait, 24_000)
      }
    }).pipe(Effect.provide(scripted([failure(500)]))))

  it.effect.each(
    [
      ["Retry-After of zero", inHeaders({ "Retry-After": "0" })],
      ["Retry-After as a date in the past", inHeaders({ "Retry-After": httpDate(t0 - 9000) })],
      ["X-RateLimit-Reset in the past", inHeaders({ "x-ratelimit-reset": `${t0 - 1}` })]
    ] as const
  )("also after %s: clocks that differ are no reason to hammer", ([, reply]) =>
    Effect.gen(function*() {
      yield* atT0
      yield* ended(ask())
      const [first = 0] = yield* waits
      assert.isAtLeast(first, 400)
      assert.isAtMost(first, 600)
    }).pipe(Effect.provide(scripted([reply, ok()]))))

  it.effect("with a jitter: fifty callers do not wait alike", () =>
    Effect.gen(function*() {
      yield* ended(Effect.all(Array.from({ length: 50 }, () => Effect.exit(ask())), { concurrency: "unbounded" }))
      const instants = (yield* sent).slice(50, 100).map(({ at }) => at)
      assert.isAbove(new Set(instants).size, 20)
    }).pipe(Effect.provide(ungated(scripted([failure(500)])))))
})

describe("a hint beyond the time that is left", () => {
  it.effect("fails at once with the instant, and nothing more is sent", () =>
    Effect.gen(function*() {
      yield* atT0
      const error = yield* ask().pipe(Effect.as(undefined), Effect.catchTag("RateLimited", (e) => Effect.succeed(e)))
      if (error?.resetAt === undefined) return assert.fail("no reset")
      assert.strictEqual(DateTime.toEpochMillis(error.resetAt), t0 + 3_600_000)
      assert.strictEqual(error.attempts, 1)
      yield* TestClock.adjust("2 hours")
      assert.strictEqual((yield* sent).length, 1)
    }).pipe(Effect.provide(scripted([inHeaders({ "Retry-After": "3600" })]))))

  it.effect("also counts the time that was waited before", () =>
    Effect.gen(function*() {
      yield* atT0
      const fiber = yield* Effect.forkChild(Effect.flip(ask()), { startImmediately: true })
      yield* TestClock.adjust("92 seconds")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error.attempts, 2)
      assert.strictEqual((yield* sent).length, 2)
    }).pipe(Effect.provide(scripted([inHeaders({ "Retry-After": "90" })]))))

  it.effect("is measured against maxWait", () =>
    Effect.gen(function*() {
      yield* atT0
      const error = yield* ask().pipe(RetryPolicy.with(RetryPolicy.make({ maxWait: "5 seconds" })), Effect.flip)
      assert.strictEqual(error._tag, "RateLimited")
      assert.strictEqual((yield* sent).length, 1)
    }).pipe(Effect.provide(scripted([inHeaders({ "Retry-After": "6" }), ok()]))))
})

describe("what is tried again", () => {
  const again: ReadonlyArray<readonly [name: string, reply: Emulator.Reply.Reply]> = [
    ...[408, 429, 500, 502, 503, 504, 524, 529].map((status) => [`${status}`, Emulated.failure(status)] as const),
    ...["rate_limit_exceeded", "provider_overloaded", "provider_unavailable", "timeout", "server"].map((errorType) =>
      [`a 200 that says ${errorType}`, Emulated.failed({ errorType })] as const
    ),
    ["a bare error in a 200", Emulated.failure(502, { httpStatus: 200 })],
    ["a broken connection", Emulated.disconnect()],
    [
      "a transient 402",
      Emulated.failure(402, { metadata: { limit_source: "openrouter_in_flight_budget" }, retryAfter: 1000 })
    ]
  ]

  it.effect.each(again)("%s", ([_, reply]) =>
    Effect.gen(function*() {
      const exit = yield* ended(ask())
      if (Exit.isFailure(exit)) return assert.fail(String(exit))
      assert.strictEqual(exit.value.attempts, 2)
      assert.strictEqual(exit.value.text, "at last")
    }).pipe(Effect.provide(emulated({ rules: [{ times: 1, reply }, { reply: Emulated.text("at last") }] }))))

  const final: ReadonlyArray<readonly [name: string, reply: Emulator.Reply.Reply]> = [
    ...[400, 401, 402, 403, 404, 412, 413, 418, 422].map((status) => [`${status}`, Emulated.failure(status)] as const),
    [
      "a 402 that never fits",
      Emulated.failure(402, {
        metadata: { limit_source: "openrouter_in_flight_budget", reason: "weight_exceeds_budget" },
        retryAfter: 1000
      })
    ],
    ["a 400 with Retry-After", Emulated.failure(400, { retryAfter: 1000 })],
    ["a 403 refusal", Emulated.failure(403, { errorType: "refusal" })],
    ["a moderation", Emulated.failure(403, { metadata: { reasons: ["violence"] } })],
    ["an incomplete answer", Emulated.incomplete()],
    ["a refusal", Emulated.refusal()],
    ["an empty answer", Emulated.empty()],
    ["an unknown failure in a 200", Emulated.failed({ errorType: "lunar_eclipse", code: "moon" })],
    ["a 200 that says invalid_request", Emulated.failed({ errorType: "invalid_request" })],
    ["an HTML page", Emulated.raw("<html></html>")]
  ]

  it.effect.each(final)("not %s", ([_, reply]) =>
    Effect.gen(function*() {
      const exit = yield* ended(ask())
      assert.isTrue(Exit.isFailure(exit))
      const emulator = yield* Emulator.Emulator
      assert.strictEqual((yield* emulator.requests).length, 1)
    }).pipe(Effect.provide(emulated({ rules: [{ times: 1, reply }, { reply: Emulated.text("at last") }] }))))

  it.effect("not an answer of the wrong shape", () =>
    Effect.gen(function*() {
      const exit = yield* ended(ask())
      assert.isTrue(Exit.isFailure(exit))
      assert.strictEqual((yield* sent).length, 1)
    }).pipe(Effect.provide(scripted([json({ hello: 1 }), ok()]))))
})

describe("attempts", () => {
  it.effect("are in the final error", () =>
    Effect.gen(function*() {
      const exit = yield* ended(Effect.flip(ask()))
      if (Exit.isFailure(exit)) return assert.fail(String(exit))
      assert.strictEqual(exit.value.attempts, 5)
      assert.strictEqual((yield* sent).length, 5)
    }).pipe(Effect.provide(scripted([failure(503)]))))

  it.effect("are in the error of a connection", () =>
    Effect.gen(function*() {
      const exit = yield* ended(Effect.flip(ask()))
      if (Exit.isFailure(exit)) return assert.fail(String(exit))
      assert.strictEqual(exit.value._tag, "ConnectionFailed")
      assert.strictEqual(exit.value.attempts, 5)
    }).pipe(Effect.provide(scripted(["disconnect"]))))

  it.effect("are in the answer, and the same bytes were sent each time", () =>
    Effect.gen(function*() {
      const exit = yield* ended(ask())
      if (Exit.isFailure(exit)) return assert.fail(String(exit))
      assert.strictEqual(exit.value.attempts, 4)
      assert.strictEqual(new Set((yield* sent).map(({ body }) => body)).size, 1)
    }).pipe(Effect.provide(scripted([failure(503), "disconnect", failure(429), ok()]))))

  it.effect("are in the outcome that is no answer", () =>
    Effect.gen(function*() {
      const exit = yield* ended(Effect.flip(ask()))
      if (Exit.isFailure(exit)) return assert.fail(String(exit))
      assert.strictEqual(exit.value._tag, "Incomplete")
      assert.strictEqual(exit.value.attempts, 2)
    }).pipe(
      Effect.provide(
        emulated({ rules: [{ times: 1, reply: Emulated.failure(503) }, { reply: Emulated.incomplete() }] })
      )
    ))

  it.effect("of the account endpoints are tried again as well", () =>
    Effect.gen(function*() {
      const exit = yield* ended(OpenRouter.key)
      if (Exit.isFailure(exit)) return assert.fail(String(exit))
      assert.strictEqual(exit.value.label, "k")
      assert.strictEqual((yield* sent).length, 2)
    }).pipe(Effect.provide(scripted([failure(503), json({ data: { label: "k" } })]))))

  it.effect("start anew when the same call is run again", () =>
    Effect.gen(function*() {
      const call = ask()
      const one = yield* ended(Effect.flip(call))
      const two = yield* ended(Effect.flip(call))
      if (Exit.isFailure(one) || Exit.isFailure(two)) return assert.fail("interrupted")
      assert.deepStrictEqual([one.value.attempts, two.value.attempts], [5, 5])
    }).pipe(Effect.provide(scripted([failure(503)]))))
})

describe("policies", () => {
  const twice = RetryPolicy.make({ times: 1 })

  const count = Effect.map(sent, (sent) => sent.length)

  it.effect("none fails at once", () =>
    Effect.gen(function*() {
      const error = yield* ask().pipe(RetryPolicy.with(RetryPolicy.none), Effect.flip)
      assert.strictEqual(error.attempts, 1)
      assert.strictEqual(yield* count, 1)
    }).pipe(Effect.provide(scripted([failure(500)]))))

  it.effect("a schedule of one's own decides", () =>
    Effect.gen(function*() {
      const policy = RetryPolicy.fromSchedule(Schedule.spaced("3 seconds").pipe(Schedule.upTo({ times: 2 })))
      yield* ended(ask().pipe(RetryPolicy.with(policy)))
      assert.deepStrictEqual(yield* waits, [3000, 3000])
    }).pipe(Effect.provide(scripted([failure(400)]))))

  it.effect("`while` chooses the errors", () =>
    Effect.gen(function*() {
      const policy = RetryPolicy.make({
        while: (error) => error._tag === "EmptyCompletion" || error._tag === "AccessDenied"
      })
      yield* ended(ask().pipe(RetryPolicy.with(policy)))
      assert.strictEqual(yield* count, 5)
    }).pipe(Effect.provide(scripted([failure(403)]))))

  it.effect("base and cap are the caller's", () =>
    Effect.gen(function*() {
      const policy = RetryPolicy.make({ base: "10 seconds", cap: "15 seconds" })
      yield* ended(ask().pipe(RetryPolicy.with(policy)))
      const [first = 0, second = 0] = yield* waits
      assert.isTrue(first >= 8000 && first <= 12_000, `${first}`)
      assert.isTrue(second >= 12_000 && second <= 18_000, `${second}`)
    }).pipe(Effect.provide(scripted([failure(500)]))))

  it.effect("hold for forked fibers", () =>
    Effect.gen(function*() {
      yield* ended(
        Effect.forkChild(Effect.exit(ask())).pipe(Effect.flatMap(Fiber.join), RetryPolicy.with(twice))
      )
      assert.strictEqual(yield* count, 2)
    }).pipe(Effect.provide(scripted([failure(500)]))))

  it.effect("the inner one wins, the outer one holds after it", () =>
    Effect.gen(function*() {
      yield* ended(
        Effect.andThen(
          Effect.exit(ask().pipe(RetryPolicy.with(RetryPolicy.none))),
          Effect.exit(ask())
        ).pipe(RetryPolicy.with(twice))
      )
      assert.strictEqual(yield* count, 1 + 2)
    }).pipe(Effect.provide(scripted([failure(500)]))))

  it.effect("nest in a retry of the program's own", () =>
    Effect.gen(function*() {
      const exit = yield* ended(ask().pipe(RetryPolicy.with(twice), Effect.retry({ times: 2 }), Effect.flip))
      if (Exit.isFailure(exit)) return assert.fail(String(exit))
      assert.strictEqual(exit.value.attempts, 2)
      assert.strictEqual(yield* count, 6)
    }).pipe(Effect.provide(scripted([failure(500)]))))

  it.effect("can be a layer", () =>
    Effect.gen(function*() {
      yield* Effect.exit(ask())
      assert.strictEqual(yield* count, 1)
    }).pipe(
      Effect.provide(
        Layer.merge(scripted([failure(500)]), Layer.succeed(RetryPolicy.CurrentRetryPolicy, RetryPolicy.none))
      )
    ))

  it.effect("see each error and its wait", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const policy = RetryPolicy.mapSchedule(
        RetryPolicy.make({ times: 2 }),
        Schedule.tap(({ duration, input }) =>
          Effect.sync(() => seen.push(`${input._tag} ${Duration.toMillis(duration) > 0}`))
        )
      )
      yield* ended(ask().pipe(RetryPolicy.with(policy)))
      assert.deepStrictEqual(seen, ["ServerError true", "ProviderOverloaded true"])
    }).pipe(Effect.provide(scripted([failure(500), failure(503), ok()]))))
})

describe("many callers", () => {
  it.effect("that were told the same instant do not come back at once, without a gate", () =>
    Effect.gen(function*() {
      yield* atT0
      const fiber = yield* Effect.forkChild(
        Effect.all(Array.from({ length: 100 }, (_, n) => askFor(model, `${n}`)), { concurrency: "unbounded" }),
        { startImmediately: true }
      )
      yield* TestClock.adjust("1 minute")
      const answers = yield* Fiber.join(fiber)
      assert.isTrue(answers.every(({ attempts }) => attempts === 2))
      const instants = (yield* sent).slice(100).map(({ at }) => at - t0)
      assert.strictEqual(instants.length, 100)
      assert.isAtLeast(Math.min(...instants), 20_000)
      assert.isAtMost(Math.max(...instants), 21_001)
      assert.isAbove(new Set(instants).size, 50)
    }).pipe(Effect.provide(ungated(scripted([
      ...Array.from({ length: 100 }, () => inHeaders({ "X-RateLimit-Reset": `${t0 + 20_000}` })),
      ok()
    ])))))
})

describe("interruption", () => {
  it.effect("ends a wait at once, and nothing more is sent", () =>
    Effect.gen(function*() {
      yield* atT0
      const fiber = yield* Effect.forkChild(ask(), { startImmediately: true })
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* sent).length, 1)
    }).pipe(Effect.provide(scripted([inHeaders({ "Retry-After": "60" }), ok()]))))

  it.effect("by a deadline of the caller's", () =>
    Effect.gen(function*() {
      const exit = yield* ended(Effect.timeoutOption(ask(), "10 seconds"), "10 seconds")
      if (Exit.isFailure(exit)) return assert.fail(String(exit))
      assert.strictEqual(exit.value._tag, "None")
    }).pipe(Effect.provide(scripted([inHeaders({ "Retry-After": "60" }), ok()]))))

  it.live.each(["fetch", "undici", "dispatch"] as const)(
    "closes the connection of a call in flight, over %s",
    (over) =>
      Effect.gen(function*() {
        let closed = false
        let arrived = false
        const { url } = yield* tcpServer((socket) => {
          socket.once("data", () => arrived = true)
          socket.on("error", () => undefined)
          socket.once("close", () => closed = true)
        })
        const until = (done: () => boolean) =>
          Effect.suspend(() => done() ? Effect.void : Effect.fail("not yet")).pipe(
            Effect.retry({ schedule: Schedule.spaced("5 millis"), times: 200 })
          )
        yield* Effect.gen(function*() {
          const fiber = yield* Effect.forkChild(ask())
          yield* until(() => arrived)
          assert.isFalse(closed)
          yield* Fiber.interrupt(fiber)
          yield* until(() => closed)
        }).pipe(Effect.provide(clientOf(url, over)))
      })
  )

  it.live("of a call in flight leaves the client usable", () =>
    Effect.gen(function*() {
      const none = yield* Effect.timeoutOption(askFor("emulator/hang"), "50 millis")
      assert.strictEqual(none._tag, "None")
      assert.strictEqual((yield* askFor("emulator/echo", "still here")).text, "still here")
    }).pipe(Effect.provide(served({}, "dispatch"))))
})
