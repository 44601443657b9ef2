import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber, Layer, References } from "effect"
import { Admission, Budget, Deadlines, OpenRouter, OpenRouterError, Prices, RateGate } from "effect-openrouter"
import { TestClock } from "effect/testing"
import { atT0, failure, model, ok, t0 } from "../client/support.ts"
import { answering, passing } from "./support.ts"
import type { Seen } from "./support.ts"

const none = (): Seen => ({ sent: [] })

const ask = (name = model, input = "Hi") => OpenRouter.respond({ model: name, input })

const begun = (name: string) => Effect.forkChild(Effect.exit(ask(name)), { startImmediately: true })

const known = Effect.map(RateGate.state, (all) => all.find(({ reach }) => reach === "known"))

const keeping: Admission.Admission = {
  stage: "observe",
  admit: () => Effect.fail(new OpenRouterError.InvalidRequest({ message: "kept", origin: "local" }))
}

describe("one who waits", () => {
  it.effect("for a place among calls in flight goes when one ends, whatever else kept it before", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      const client = answering(
        seen,
        (_now, name) =>
          name === "a/a" && seen.sent.length === 0
            ? { reply: failure(429, { headers: { "retry-after": "5" } }), after: 0 }
            : { reply: ok(), after: name === "b/b" ? 8000 : 0 },
        RateGate.layer({ limits: [{ concurrency: 1 }] })
      )
      yield* Effect.gen(function*() {
        const first = yield* begun("a/a")
        yield* begun("b/b")
        yield* TestClock.adjust("10 seconds")
        assert.isTrue(Exit.isSuccess(yield* Fiber.join(first)))
        assert.deepStrictEqual(seen.sent.map(({ at }) => at - t0), [0, 0, 8000])
      }).pipe(Effect.provide(client))
    }))

  it.effect("with much to send is not passed by others with little, of other models, for ever", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      const client = answering(
        seen,
        () => ({ reply: ok({ usage: { input_tokens: 300, output_tokens: 400, total_tokens: 700 } }), after: 100 }),
        RateGate.layer({ limits: [{ tokens: 10_000 }] })
      )
      yield* Effect.gen(function*() {
        const small = OpenRouter.respond({ model: "b/b", input: "Hi", maxOutputTokens: 1000 })
        yield* Effect.forkChild(
          Effect.forever(Effect.andThen(Effect.forkChild(Effect.exit(small)), Effect.sleep("5 seconds"))),
          { startImmediately: true }
        )
        yield* TestClock.adjust("2 minutes")
        const began = yield* Clock.currentTimeMillis
        const large = yield* Effect.forkChild(
          OpenRouter.respond({ model: "a/a", input: "Hi", maxOutputTokens: 9000 }),
          { startImmediately: true }
        )
        yield* TestClock.adjust("3 minutes")
        yield* Fiber.join(large)
        const sent = seen.sent.find(({ model }) => model === "a/a")
        assert.isAtMost((sent?.at ?? Infinity) - began, 61_000)
        // The others go on after it.
        const last = seen.sent[seen.sent.length - 1]
        assert.isAbove(last?.at ?? 0, began + 120_000)
      }).pipe(Effect.provide(client))
    }))

  it.effect("first, and leaves, lets those go who came after it", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      const client = answering(
        seen,
        () => ({ reply: ok(), after: 60_000 }),
        RateGate.layer({ limits: [{ tokens: 10_000, window: "1 hour" }] })
      )
      yield* Effect.gen(function*() {
        const of = (name: string, maxOutputTokens: number) =>
          Effect.forkChild(OpenRouter.respond({ model: name, input: "Hi", maxOutputTokens }), {
            startImmediately: true
          })
        yield* of("a/a", 5000)
        const large = yield* of("b/b", 9000)
        yield* of("c/c", 1000)
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(seen.sent.map(({ model }) => model), ["a/a"])
        yield* Fiber.interrupt(large)
        assert.deepStrictEqual(seen.sent.map(({ model }) => model), ["a/a", "c/c"])
      }).pipe(Effect.provide(client))
    }))

  it.effect("at what is closed, among thousands, costs no more than one who waits alone", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      const client = answering(seen, () => ({ reply: failure(429, { headers: { "retry-after": "60" } }), after: 0 }))
      yield* Effect.gen(function*() {
        yield* begun(model)
        yield* TestClock.adjust(10)
        const cpu = (calls: number) =>
          Effect.gen(function*() {
            const before = process.cpuUsage()
            const fibers = yield* Effect.forEach(Array.from({ length: calls }), () => begun(model))
            const { user } = process.cpuUsage(before)
            yield* Effect.forEach(fibers, Fiber.interrupt)
            return user / calls
          })
        yield* cpu(1000)
        const few = yield* cpu(1000)
        // It would be eight times as much if each looked at all.
        assert.isAtMost(yield* cpu(8000), 4 * few)
      }).pipe(Effect.provide(client))
    }), 30_000)

  it.effect("tries what is closed only where limits that are known let it", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      const refused = failure(429, { headers: { "retry-after": "7200" } })
      const client = answering(
        seen,
        (_now, name) => name === "a/a" ? { reply: refused, after: 0 } : { reply: ok(), after: 180_000 },
        RateGate.layer({ limits: [{ concurrency: 1 }] })
      )
      yield* Effect.gen(function*() {
        yield* Effect.flip(ask("a/a"))
        yield* begun("b/b")
        yield* TestClock.adjust("90 seconds")
        const error = yield* Effect.flip(ask("a/a"))
        assert.strictEqual(error.attempts, 0)
        assert.strictEqual((yield* known)?.inFlight, 1)
        yield* TestClock.adjust("2 minutes")
        assert.strictEqual((yield* Effect.flip(ask("a/a"))).attempts, 1)
      }).pipe(Effect.provide(client))
    }))
})

describe("a place", () => {
  const interrupting = (
    name: string,
    wrap: (
      call: Effect.Effect<unknown, unknown, OpenRouter.OpenRouter>
    ) => Effect.Effect<unknown, unknown, OpenRouter.OpenRouter>
  ) => [name, wrap] as const
  const ways = [
    interrupting("plain", (call) => call),
    interrupting("under a deadline", (call) => Deadlines.with(call, { total: "1 hour" }))
  ]

  it.effect.each(ways)("is given back wherever the call is interrupted: %s", ([_, wrap]) =>
    Effect.gen(function*() {
      yield* atT0
      const client = answering(
        none(),
        () => ({ reply: ok(), after: 1000 }),
        RateGate.layer({ limits: [{ concurrency: 5000 }] })
      )
      const budget = yield* Budget.make("1000000")
      yield* Effect.gen(function*() {
        for (let operations = 3; operations < 24; operations++) {
          for (let yields = 0; yields < 40; yields++) {
            const fiber = yield* Effect.forkChild(
              Effect.provideService(budget.run(wrap(ask())), References.MaxOpsBeforeYield, operations),
              { startImmediately: true }
            )
            for (let n = 0; n < yields; n++) yield* Effect.yieldNow
            yield* Fiber.interrupt(fiber)
          }
        }
        for (const { inFlight, waiting } of yield* RateGate.state) assert.deepStrictEqual([inFlight, waiting], [0, 0])
        assert.strictEqual(`${(yield* budget.state).reserved}`, "$0.00")
      }).pipe(
        Effect.provide(Layer.merge(client, Prices.layerTable({ [model]: { prompt: "0", completion: "0.000001" } })))
      )
    }), 30_000)

  it.effect("of a request that was refused is free of its tokens", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      const client = answering(
        seen,
        () =>
          seen.sent.length === 0
            ? { reply: failure(429, { headers: { "retry-after": "1" } }), after: 0 }
            : { reply: ok(), after: 0 },
        RateGate.layer({ limits: [{ tokens: 1000, window: "1 minute" }] })
      )
      const { millis } = yield* passing(
        Effect.provide(OpenRouter.respond({ model, input: "Hi", maxOutputTokens: 900 }), client)
      )
      assert.isAtMost(millis, 2000)
    }))

  it.effect("that was not used does not count for the steps of first contact", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      yield* Effect.gen(function*() {
        for (let n = 0; n < 100; n++) yield* Effect.exit(Admission.with(ask(), keeping))
        yield* ask()
        assert.lengthOf(seen.sent, 1)
      }).pipe(Effect.provide(answering(seen, () => ({ reply: ok(), after: 0 }))))
    }))

  it.effect("of the one that goes first after a pause is the next one's if it was not used", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      const client = answering(seen, () => ({
        reply: seen.sent.length === 0 ? failure(429, { headers: { "retry-after": "1" } }) : ok(),
        after: 10_000
      }))
      yield* Effect.gen(function*() {
        yield* Effect.forkChild(Effect.exit(ask()), { startImmediately: true })
        yield* TestClock.adjust("12 seconds")
        const before = seen.sent.length
        for (let n = 0; n < 3; n++) yield* Effect.exit(Admission.with(ask(), keeping))
        yield* begun(model)
        assert.strictEqual(seen.sent.length, before + 1)
      }).pipe(Effect.provide(client))
    }))
})

describe("what is known of models", () => {
  it.effect("gives way to new ones by age, whichever key they belong to", () =>
    Effect.gen(function*() {
      yield* atT0
      const gate = RateGate.make()
      const pass = (account: string, name: string) =>
        Effect.flatMap(
          gate.admission?.admit({
            number: 1,
            startedAt: t0,
            call: {
              name: "respond",
              model: name,
              request: undefined,
              isBillable: true,
              account,
              startedAt: t0,
              maxWait: 0,
              scopes: [],
              tags: {}
            }
          }) ?? Effect.die("no gate"),
          (settle) => settle({ _tag: "NotSent", exit: Exit.void })
        )
      for (let n = 0; n < 500; n++) yield* pass("first", `a/${n}`)
      yield* TestClock.adjust("1 second")
      for (let n = 0; n < 500; n++) yield* pass("second", `a/${n}`)
      yield* TestClock.adjust("1 second")
      // Those of the first key are in use again, so the second one's are older.
      for (let n = 0; n < 500; n++) yield* pass("first", `a/${n}`)
      for (let n = 0; n < 200; n++) yield* pass("third", `a/${n}`)
      const of = (account: string) =>
        Effect.map(gate.state, (all) => all.filter((one) => one.account === account && one.reach === "model").length)
      assert.deepStrictEqual([yield* of("first"), yield* of("second"), yield* of("third")], [500, 300, 200])
    }))
})
