import { assert, describe, it } from "@effect/vitest"
import { Data, Effect, Logger, Result, Schema, Stream } from "effect"
import { CostLedger, Fallback, OpenRouter, type OpenRouterError, ResponseCache, Usd } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"
import { emulated } from "../client/support.ts"
import { cached, once } from "./support.ts"

const { Reply } = Emulator

const first = "anthropic/claude-opus-4.1"
const second = "openai/gpt-5"
const third = "google/gemini-2.5-pro"

/** An emulator where the first model says this, each time. */
const failing = (reply: NonNullable<Emulator.Options["rules"]>[number]["reply"], times?: number) =>
  emulated({ rules: [{ when: { model: first }, reply, ...(times === undefined ? {} : { times }) }] })

const ask = OpenRouter.respond({ input: "Hello" })

/** The models that were asked, in order. */
const asked = Emulator.Emulator.use((emulator) =>
  Effect.map(
    emulator.requests,
    (requests) => requests.map(({ body }) => Result.getOrThrow(Schema.decodeUnknownResult(Asked)(body)))
  )
)

const Asked = Schema.Struct({ model: Schema.String, models: Schema.optionalKey(Schema.Array(Schema.String)) })

const logged = () => {
  const lines: Array<string> = []
  const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
    lines.push(`${logLevel}: ${Array.isArray(message) ? String(message[0]) : String(message)}`)
  })
  return { lines, layer: Logger.layer([logger]) }
}

describe("a fallback", () => {
  it.effect("goes on with the next model, in whose place whatever the request says, and logs one line", () =>
    Effect.gen(function*() {
      const { layer, lines } = logged()
      const answer = yield* OpenRouter.respond({ model: third, models: [third, first], input: "Hello" }).pipe(
        Fallback.with(Fallback.models([first, second, third])),
        Effect.provide(layer)
      )
      assert.strictEqual(answer.model, second)
      assert.deepStrictEqual(yield* asked, [{ model: first }, { model: second }])
      assert.deepStrictEqual(lines, [
        `Warn: ${first} failed with ModelUnavailable: going on with ${second}`
      ])
    }).pipe(once, Effect.provide(failing(Reply.failure(404)))))

  it.effect("is a plan of Effect's, for effects and streams", () =>
    Effect.gen(function*() {
      const plan = Fallback.models([first, second])
      const answer = yield* Effect.withExecutionPlan(ask, plan)
      const text = yield* OpenRouter.streamText({ input: "Hello" }).pipe(
        Stream.withExecutionPlan(plan, { preventFallbackOnPartialStream: true }),
        Stream.mkString
      )
      assert.strictEqual(text, answer.text)
    }).pipe(once, Effect.provide(failing(Reply.failure(503)))))

  it.effect("ends with the error of the last model", () =>
    Effect.gen(function*() {
      const { layer, lines } = logged()
      const error = yield* Effect.flip(
        Fallback.with(ask, Fallback.models([first, second, third])).pipe(
          Effect.provide(layer)
        )
      )
      assert.deepStrictEqual([error._tag, error.model], ["ServerError", third])
      assert.lengthOf(yield* asked, 3)
      assert.lengthOf(lines, 2)
    }).pipe(once, Effect.provide(emulated({ rules: [{ reply: Reply.failure(500) }] }))))

  it.effect("is for the reasons that it is told, by tag or by a function", () =>
    Effect.gen(function*() {
      const modelOf = (options: Fallback.Options) =>
        ask.pipe(
          Fallback.with(Fallback.models([first, second], options)),
          Effect.match({ onFailure: ({ _tag }) => _tag, onSuccess: ({ model }) => model })
        )
      assert.strictEqual(yield* modelOf({ on: ["RateLimited"] }), "ServerError")
      assert.strictEqual(yield* modelOf({ on: ["RateLimited", "ServerError"] }), second)
      assert.strictEqual(yield* modelOf({ on: (error) => error.status === 500 }), second)
      assert.strictEqual(yield* modelOf({ on: () => false }), "ServerError")
      assert.strictEqual(yield* modelOf({}), second)
    }).pipe(once, Effect.provide(failing(Reply.failure(500)))))

  it.effect.each(
    [
      ["a wrong key", Reply.failure(401), "InvalidApiKey"],
      ["no credits", Reply.failure(402), "PaymentRequired"]
    ] as const
  )("is of no use where the account is the reason: %s", ([_, reply, tag]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Fallback.with(ask, Fallback.models([first, second])))
      assert.strictEqual(error._tag, tag)
      assert.lengthOf(yield* asked, 1)
    }).pipe(once, Effect.provide(failing(reply))))

  it.effect.each(
    [
      ["a refusal", Reply.refusal()],
      ["a truncated answer", Reply.incomplete()]
    ] as const
  )("does not buy again what was paid for, unless it is told: %s", ([_, reply]) =>
    Effect.gen(function*() {
      const tags: ReadonlyArray<OpenRouterError.OpenRouterError["_tag"]> = ["Refused", "Incomplete"]
      for (const on of [undefined, tags, () => true]) {
        const error = yield* Effect.flip(Fallback.with(ask, Fallback.models([first, second], { on })))
        assert.include(tags, error._tag)
        assert.isTrue(error.cost !== undefined && Usd.isGreaterThan(error.cost, Usd.zero))
      }
      assert.lengthOf(yield* asked, 3)
      const [answer, report] = yield* CostLedger.measured(
        Fallback.with(ask, Fallback.models([first, second], { paid: "again" }))
      )
      assert.strictEqual(answer.model, second)
      // The one that was no answer is on the bill as well.
      assert.deepStrictEqual([report.calls, report.failures], [2, 1])
      assert.isTrue(Usd.isGreaterThan(report.cost, answer.cost ?? Usd.zero))
    }).pipe(once, Effect.provide(failing(reply))))

  it.effect("leaves errors of the program alone", () =>
    Effect.gen(function*() {
      class Own extends Data.TaggedError("RateLimited")<{}> {}
      let runs = 0
      const program = Effect.andThen(Effect.sync(() => runs++), Effect.fail(new Own()))
      const error = yield* Effect.flip(Fallback.with(program, Fallback.models([first, second])))
      assert.deepStrictEqual([error instanceof Own, runs], [true, 1])
    }).pipe(Effect.provide(emulated())))

  it.effect("holds for one inside of another, whose models count", () =>
    Effect.gen(function*() {
      yield* ask.pipe(
        Fallback.with(Fallback.models([second])),
        Fallback.with(Fallback.models([third]))
      )
      assert.deepStrictEqual(yield* asked, [{ model: second }])
    }).pipe(Effect.provide(emulated())))

  it.effect("is seen by a cache with the model of each step, wherever the cache stands", () =>
    Effect.gen(function*() {
      const plan = Fallback.models([first, second])
      yield* Fallback.with(ask, plan)
      yield* OpenRouter.respond({ model: second, input: "Hello" })
      assert.lengthOf(yield* asked, 2)
      const middleware = yield* ResponseCache.make()
      const around = Fallback.with(ask, plan).pipe(OpenRouter.withMiddleware(middleware))
      yield* around
      const again = yield* around
      assert.deepStrictEqual([again.model, again.cache?.status], [first, "HIT"])
    }).pipe(
      once,
      Effect.scoped,
      Effect.provide(cached({}, { rules: [{ when: { model: first }, times: 1, reply: Reply.failure(503) }] }))
    ))
})

describe("a fallback of a stream", () => {
  const text = OpenRouter.streamText({ input: "Hello" }).pipe(Fallback.with(Fallback.models([first, second])))

  it.effect("takes place before its first output", () =>
    Effect.gen(function*() {
      assert.isNotEmpty(yield* Stream.mkString(text))
      assert.deepStrictEqual(yield* asked, [{ model: first }, { model: second }])
    }).pipe(once, Effect.provide(failing(Reply.failure(503)))))

  it.effect("does not take place after it", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const error = yield* Effect.flip(Stream.runForEach(text, (piece) => Effect.sync(() => void seen.push(piece))))
      assert.strictEqual(error._tag, "StreamInterrupted")
      assert.isNotEmpty(seen)
      assert.deepStrictEqual(yield* asked, [{ model: first }])
    }).pipe(once, Effect.provide(failing(Reply.answer({ stream: { ending: { _tag: "NoTerminal" } } })))))
})
