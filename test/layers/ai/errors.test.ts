import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, ExecutionPlan, Schema } from "effect"
import { CostLedger, type OpenRouterError, OpenRouterError as E, Usd } from "effect-openrouter"
import { OpenRouterAiError, OpenRouterLanguageModel } from "effect-openrouter/ai"
import { OpenRouterTest } from "effect-openrouter/testing"
import { AiError, LanguageModel } from "effect/ai"
import { errors } from "../../domain/error/every.ts"
import { at } from "../emulator/support.ts"
import { message, own, provider, reply } from "./support.ts"

const reasons: { readonly [Tag in OpenRouterError.OpenRouterError["_tag"]]: AiError.AiErrorReason["_tag"] } = {
  InvalidRequest: "InvalidRequestError",
  ContextLengthExceeded: "InvalidRequestError",
  PayloadTooLarge: "InvalidRequestError",
  ModelUnavailable: "InvalidRequestError",
  InvalidApiKey: "AuthenticationError",
  AccessDenied: "AuthenticationError",
  PaymentRequired: "QuotaExhaustedError",
  RateLimited: "RateLimitError",
  ProviderTimeout: "InternalProviderError",
  ProviderUnavailable: "InternalProviderError",
  ProviderOverloaded: "InternalProviderError",
  ServerError: "InternalProviderError",
  Refused: "ContentPolicyError",
  GenerationFailed: "InvalidResponseError",
  StreamInterrupted: "InvalidResponseError",
  MalformedResponse: "InvalidResponseError",
  // It used nothing, as far as it says, so another attempt may help.
  EmptyCompletion: "InternalProviderError",
  InvalidOutput: "StructuredOutputError",
  ConnectionFailed: "NetworkError",
  Incomplete: "UnknownError",
  TimedOut: "UnknownError",
  UnexpectedStatus: "UnknownError",
  BudgetExceeded: "UnknownError"
}

const origin = { module: "OpenRouterLanguageModel", method: "generateText" }

const Json = Schema.fromJsonString(Schema.toCodecJson(AiError.AiError))

describe("an error of this library", () => {
  it("is there for each tag", () => {
    assert.strictEqual(errors.length, Object.keys(reasons).length)
  })

  it.effect.each(errors.map((error) => [error._tag, error] as const))(
    "is one of effect/ai: %s",
    ([tag, error]) =>
      Effect.gen(function*() {
        const aiError = OpenRouterAiError.fromError(error, origin)
        assert.strictEqual(aiError.reason._tag, reasons[tag])
        if (tag !== "InvalidOutput") assert.strictEqual(aiError.isRetryable, error.isRetryable)
        const { reason } = yield* Effect.flatMap(Schema.encodeEffect(Json)(aiError), Schema.decodeEffect(Json))
        assert.strictEqual(reason._tag, reasons[tag])
        if (reason._tag === "NetworkError") return
        const known = own(reason)
        assert.strictEqual(at(known, "tag"), tag)
        assert.strictEqual(at(known, "partialText"), "secret text")
        if (error.cost !== undefined) assert.strictEqual(at(known, "cost"), "0.5")
      })
  )

  it("keeps the announced wait, and what is in flight is a limit of rate", () => {
    const retryAfter = Duration.seconds(3)
    const limited = OpenRouterAiError.fromError(new E.RateLimited({ message: "m", retryAfter }), origin)
    assert.deepStrictEqual(limited.retryAfter, retryAfter)
    const inFlight = new E.PaymentRequired({ message: "m", isTransient: true, retryAfter })
    assert.strictEqual(OpenRouterAiError.fromError(inFlight, origin).reason._tag, "RateLimitError")
  })

  it("is retryable where this library says so, whatever its usual reason", () => {
    const never = new E.RateLimited({ message: "m", retryable: false })
    assert.isFalse(OpenRouterAiError.fromError(never, origin).isRetryable)
    const certificate = new E.ConnectionFailed({ message: "m", phase: "connecting", reason: "CERT_HAS_EXPIRED" })
    assert.strictEqual(OpenRouterAiError.fromError(certificate, origin).isRetryable, certificate.isRetryable)
    assert.isFalse(certificate.isRetryable)
    const nothing = new E.MalformedResponse({ message: "m", reason: "empty" })
    assert.isTrue(OpenRouterAiError.fromError(nothing, origin).isRetryable)
  })

  it("shows nothing of what is redacted", () => {
    for (const error of errors) {
      const text = JSON.stringify(OpenRouterAiError.failureOf(error))
      assert.notInclude(text, "sk-or-v1-secret")
    }
  })
})

describe("isRetryableUnpaid", () => {
  const unpaid = (error: E.OpenRouterError) =>
    OpenRouterAiError.isRetryableUnpaid(OpenRouterAiError.fromError(error, origin))

  it("is true for what is retryable and cost nothing", () => {
    assert.isTrue(unpaid(new E.RateLimited({ message: "m" })))
    assert.isTrue(unpaid(new E.ServerError({ message: "m", cost: Usd.zero })))
    assert.isTrue(unpaid(new E.ConnectionFailed({ message: "m", phase: "connecting" })))
  })

  it("is false for what was paid for, what is final, and what is no error of effect/ai", () => {
    const cost = Usd.make("0.01")
    assert.isFalse(unpaid(new E.ServerError({ message: "m", cost })))
    assert.isFalse(unpaid(new E.ServerError({ message: "m", cost: Usd.zero, callCost: cost })))
    assert.isFalse(unpaid(new E.ConnectionFailed({ message: "m", phase: "receiving", callCost: cost })))
    assert.isFalse(unpaid(new E.InvalidOutput({ message: "m", text: "{}", issue: "bad" })))
    assert.isFalse(unpaid(new E.InvalidApiKey({ message: "m" })))
    assert.isFalse(OpenRouterAiError.isRetryableUnpaid(new Error("m")))
  })

  const Person = Schema.Struct({ name: Schema.String })

  const person = LanguageModel.generateObject({ prompt: "Who?", schema: Person })

  it.effect("as the while of a plan buys a bad answer once, where isRetryable buys it three times", () =>
    Effect.gen(function*() {
      const plan = (goesOn: (error: AiError.AiError) => boolean) =>
        ExecutionPlan.make({
          provide: OpenRouterLanguageModel.model("openai/gpt-5"),
          attempts: 3,
          while: goesOn
        })
      const spent = (goesOn: (error: AiError.AiError) => boolean) =>
        Effect.map(
          CostLedger.measured(Effect.exit(Effect.withExecutionPlan(person, plan(goesOn)))),
          ([_, { cost }]) => Usd.toNumber(cost)
        )
      assert.strictEqual(yield* spent(OpenRouterAiError.isRetryableUnpaid), 0.0125)
      assert.strictEqual(yield* spent((error) => error.isRetryable), 0.0375)
    }).pipe(Effect.provide(provider([reply([message("no JSON")])]))))

  it.effect("lets a plan go on to another model", () =>
    Effect.gen(function*() {
      const plan = ExecutionPlan.make(
        {
          provide: OpenRouterLanguageModel.model("openai/gpt-5"),
          attempts: 2,
          while: OpenRouterAiError.isRetryableUnpaid
        },
        { provide: OpenRouterLanguageModel.model("openai/gpt-5-mini") }
      )
      const answer = yield* LanguageModel.generateText({ prompt: "Hi" }).pipe(Effect.withExecutionPlan(plan))
      assert.strictEqual(answer.text, "Hello.")
      const calls = yield* OpenRouterTest.calls
      assert.deepStrictEqual(calls.map(({ model }) => model), ["openai/gpt-5", "openai/gpt-5", "openai/gpt-5-mini"])
    }).pipe(Effect.provide(
      OpenRouterTest.layer([OpenRouterTest.rateLimited(), OpenRouterTest.rateLimited(), "Hello."])
    )))
})
