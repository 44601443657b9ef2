import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Option, Stream } from "effect"
import { OpenRouter, OpenRouterError, Usd } from "effect-openrouter"
import { OpenRouterTest } from "effect-openrouter/testing"
import { errors } from "./every.ts"

const request = { model: "openai/gpt-5", input: "Hello" }

const expected: { readonly [G in OpenRouterError.Group]: ReadonlyArray<OpenRouterError.OpenRouterError["_tag"]> } = {
  unavailable: [
    "RateLimited",
    "ProviderTimeout",
    "ProviderUnavailable",
    "ProviderOverloaded",
    "ServerError",
    "UnexpectedStatus",
    "ConnectionFailed",
    "TimedOut",
    "MalformedResponse",
    "StreamInterrupted"
  ],
  rejected: [
    "InvalidRequest",
    "ContextLengthExceeded",
    "PayloadTooLarge",
    "InvalidApiKey",
    "AccessDenied",
    "ModelUnavailable"
  ],
  unfunded: ["PaymentRequired", "BudgetExceeded"],
  noAnswer: ["Incomplete", "Refused", "GenerationFailed", "EmptyCompletion", "InvalidOutput"]
}

describe("the groups of errors", () => {
  it("have each error once", () => {
    const tags = Object.values(expected).flat()
    assert.deepStrictEqual(tags.toSorted(), OpenRouterError.OpenRouterError.members.map(tagOf).toSorted())
    for (const error of errors) {
      const group = OpenRouterError.groupOf(error)
      assert.include(expected[group], error._tag)
      assert.isTrue(OpenRouterError.isOfGroup(error, group))
    }
    assert.deepStrictEqual(errors.map(({ _tag }) => _tag).toSorted(), tags.toSorted())
  })

  it("have no error of others, whatever its tag", () => {
    for (const other of [new Error("x"), { _tag: "RateLimited" }, "RateLimited", undefined]) {
      assert.isUndefined(OpenRouterError.groupOf(other))
      assert.isFalse(OpenRouterError.isOfGroup(other, "unavailable"))
    }
  })

  const handlers = {
    unavailable: () => Effect.succeed("unavailable"),
    rejected: () => Effect.succeed("rejected"),
    unfunded: () => Effect.succeed("unfunded"),
    noAnswer: () => Effect.succeed("noAnswer")
  }

  it.effect("are handled each by its own handler", () =>
    Effect.forEach(errors, (error) =>
      Effect.gen(function*() {
        const failed: Effect.Effect<never, OpenRouterError.OpenRouterError> = Effect.fail(error)
        const group = OpenRouterError.groupOf(error)
        assert.strictEqual(yield* OpenRouterError.catchGroups(failed, handlers), group)
        const { [group]: _, ...others } = handlers
        const exit = yield* Effect.exit(failed.pipe(OpenRouterError.catchGroups(others)))
        assert.strictEqual(Exit.isFailure(exit) && Option.getOrUndefined(Exit.findErrorOption(exit)), error)
      })))

  it.effect("leave defects and errors of others alone", () =>
    Effect.gen(function*() {
      const defect = yield* Effect.exit(OpenRouterError.catchGroups(Effect.die("broken"), handlers))
      assert.deepStrictEqual(defect, Exit.die("broken"))
      const other = yield* Effect.exit(OpenRouterError.catchGroups(Effect.fail("mine"), handlers))
      assert.deepStrictEqual(other, Exit.fail("mine"))
    }))

  it.effect("put another stream in the place of what is missing", () =>
    Effect.gen(function*() {
      const text = OpenRouter.streamText(request).pipe(
        OpenRouterError.catchGroupsStream({ noAnswer: () => Stream.make(" …") })
      )
      assert.strictEqual((yield* Stream.runCollect(text)).join(""), "Once upon …")
    }).pipe(
      Effect.provide(OpenRouterTest.layer(
        new OpenRouterError.Incomplete({ message: "cut", reason: "max_output_tokens", partialText: "Once upon" })
      ))
    ))
})

const tagOf = (schema: { readonly fields: { readonly _tag: { readonly schema: { readonly literal: string } } } }) =>
  schema.fields._tag.schema.literal

describe("an account-wide error", () => {
  it("would meet every further call of the key", () => {
    assert.deepStrictEqual(
      errors.filter(OpenRouterError.isAccountWide).map(({ _tag }) => _tag),
      ["InvalidApiKey", "PaymentRequired"]
    )
  })

  it("is none where waiting helps, or where a provider speaks of its own account", () => {
    for (
      const error of [
        new OpenRouterError.PaymentRequired({ message: "in flight", isTransient: true }),
        new OpenRouterError.PaymentRequired({ message: "quota", isTransient: false, provider: { name: "OpenAI" } }),
        new OpenRouterError.BudgetExceeded({
          message: "spent",
          scope: "tick",
          limit: Usd.zero,
          spent: Usd.zero,
          unknown: Usd.zero,
          reserved: Usd.zero
        })
      ]
    ) assert.isFalse(OpenRouterError.isAccountWide(error))
  })
})
