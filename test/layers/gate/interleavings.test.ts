import { assert, describe, it } from "@effect/vitest"
import { Clock, DateTime, Duration, Effect, Exit, Fiber, Schema } from "effect"
import { type Admission, OpenRouterError as E, RateGate } from "effect-openrouter"
import { TestClock } from "effect/testing"
import * as Costs from "../../../src/domain/outcome/Costs.ts"
import { atT0 } from "../client/support.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const models = ["a/x", "b/x", "a/x:free", "b/x:free"]

const steps = Schema.Array(Schema.Struct({
  does: Schema.Literals(["ask", "ask", "ask", "end", "end", "interrupt", "pass", "pass", "setBack", "reset"]),
  how: Schema.Literals(["ok", "ok", "ok", "limit", "hint", "nothing", "down", "turned down", "late", "not sent"]),
  which: between(0, 1000),
  millis: Schema.Literals([1, 20, 100, 500, 2000, 30_000]),
  patience: Schema.Literals([0, 1000, 120_000, 1e9])
})).check(Schema.isMinLength(60), Schema.isMaxLength(200))

const message = "no"

const concurrency = 4
const requests = 10
const window = 2000

interface Asked {
  readonly model: string
  fiber: Fiber.Fiber<Admission.Settle, E.RequestError> | undefined
  settle: Admission.Settle | undefined
  /** When it was let go, in a time that does not go back. */
  sentAt: number | undefined
  isOver: boolean
}

const errorOf = (how: string, now: number): E.OpenRouterError | undefined => {
  const resetAt = DateTime.makeUnsafe(now + 1500)
  switch (how) {
    case "limit":
      return new E.RateLimited({ message, resetAt, limit: 5 })
    case "hint":
      return new E.RateLimited({ message, resetAt, limitSource: "openrouter_key" })
    case "nothing":
      return new E.RateLimited({ message })
    case "down":
      return new E.ServerError({ message })
    case "turned down":
      return new E.InvalidRequest({ message, origin: "server" })
    case "late":
      return new E.TimedOut({ message, phase: "response", duration: Duration.seconds(1) })
    default:
      return undefined
  }
}

describe("whatever happens in whatever order", () => {
  it.effect.prop(
    "nobody is forgotten, no place is lost, and no limit is passed that is known",
    { steps },
    ({ steps }) =>
      Effect.gen(function*() {
        yield* atT0
        const gate = RateGate.make({
          limits: [{ concurrency }, { model: "a/*", requests, window }, { model: "*:free", tokens: 20_000 }]
        })
        const { admission } = gate
        if (admission === undefined) return assert.fail("no gate")
        const all: Array<Asked> = []
        const clock = yield* Clock.Clock
        /** By how much the clock was set back in all. */
        let setBack = 0
        const running = () => all.filter(({ isOver, settle }) => settle !== undefined && !isOver)
        const waiting = () => all.filter(({ isOver, settle }) => settle === undefined && !isOver)
        const ask = (name: string, maxWait: number) =>
          Effect.gen(function*() {
            const startedAt = clock.currentTimeMillisUnsafe()
            const asked: Asked = { model: name, fiber: undefined, settle: undefined, sentAt: undefined, isOver: false }
            all.push(asked)
            asked.fiber = yield* Effect.forkChild(
              admission.admit({
                number: 1,
                startedAt,
                call: {
                  name: "respond",
                  model: name,
                  request: { model: name, input: "Hi" },
                  isBillable: true,
                  account: "key",
                  startedAt,
                  maxWait,
                  scopes: [],
                  tags: {}
                },
                took: (settle) => {
                  asked.settle = settle
                  asked.sentAt = clock.currentTimeMillisUnsafe() + setBack
                }
              }),
              { startImmediately: true }
            )
          })
        const end = (one: Asked, how: string) =>
          Effect.gen(function*() {
            one.isOver = true
            if (how === "not sent") one.sentAt = undefined
            const now = clock.currentTimeMillisUnsafe()
            const error = errorOf(how, now)
            const exit = error === undefined ? Exit.succeed(1) : Exit.fail(error)
            yield* one.settle?.(
              how === "not sent"
                ? { _tag: "NotSent", exit: Exit.interrupt() }
                : {
                  _tag: "Sent",
                  exit,
                  costs: Costs.zero,
                  generationId: undefined,
                  sentAt: now,
                  firstOutputAt: undefined,
                  endedAt: now
                }
            ) ?? Effect.void
          })
        for (const { does, how, millis, patience, which } of steps) {
          if (does === "ask") yield* ask(models[which % models.length] ?? "", patience)
          else if (does === "pass") yield* TestClock.adjust(millis)
          else if (does === "reset") yield* gate.reset(which % 2 === 0 ? undefined : models[which % models.length])
          else if (does === "setBack") {
            setBack += 1000 * millis
            yield* TestClock.setTime(clock.currentTimeMillisUnsafe() - 1000 * millis)
            // Sleepers of a real clock do not notice; those of a test clock wake later, until the gate looks at it.
            yield* ask("c/x", 0)
          } else if (does === "end") {
            const one = running()[which % Math.max(1, running().length)]
            if (one !== undefined) yield* end(one, how)
          } else {
            const one = waiting()[which % Math.max(1, waiting().length)]
            if (one?.fiber !== undefined) {
              yield* Fiber.interrupt(one.fiber)
              if (one.settle !== undefined) yield* end(one, "not sent")
              one.isOver = true
            }
          }
          for (const one of waiting()) if (one.fiber?.pollUnsafe() !== undefined) one.isOver = true
          assert.isAtMost(running().length, concurrency)
          const sent = all.flatMap(({ model, sentAt }) => model.startsWith("a/") ? sentAt ?? [] : []).toSorted(
            (a, b) => a - b
          )
          for (const [index, at] of sent.entries()) {
            const next = sent[index + requests]
            if (next !== undefined) assert.isAtLeast(next - at, window)
          }
        }
        // From now on all is well, and everybody gets through.
        yield* ask("c/x", 0)
        for (let round = 0; round < 400 && (running().length > 0 || waiting().length > 0); round++) {
          for (const one of running()) yield* end(one, "ok")
          yield* TestClock.adjust(1000)
          for (const one of waiting()) if (one.fiber?.pollUnsafe() !== undefined) one.isOver = true
        }
        assert.strictEqual(waiting().length, 0, "nobody waits any more")
        for (const { inFlight, reach, waiting } of yield* gate.state) {
          assert.deepStrictEqual([reach, inFlight, waiting], [reach, 0, 0])
        }
      }),
    { arbitrary: { runs: 150, seed: 1 } }
  )
})
