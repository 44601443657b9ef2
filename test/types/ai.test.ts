import { describe, expectTypeOf, it } from "@effect/vitest"
import { Effect, type Layer, Schema } from "effect"
import type { OpenRouter } from "effect-openrouter"
import { OpenRouterEmbeddingModel, OpenRouterLanguageModel, OpenRouterServerTool } from "effect-openrouter/ai"
import { type AiError, type EmbeddingModel, LanguageModel, type Model, type Response, Toolkit } from "effect/ai"

describe("effect-openrouter/ai", () => {
  it("is a layer over the client that cannot fail", () => {
    expectTypeOf(OpenRouterLanguageModel.layer({ model: "m" })).toEqualTypeOf<
      Layer.Layer<LanguageModel.LanguageModel, never, OpenRouter.OpenRouter>
    >()
    expectTypeOf(OpenRouterLanguageModel.model("m")).toEqualTypeOf<
      Model.Model<"openrouter", LanguageModel.LanguageModel, OpenRouter.OpenRouter>
    >()
    expectTypeOf(OpenRouterEmbeddingModel.layer({ model: "m" })).toEqualTypeOf<
      Layer.Layer<EmbeddingModel.EmbeddingModel, never, OpenRouter.OpenRouter>
    >()
  })

  it("types the metadata of parts and errors", () => {
    expectTypeOf<NonNullable<Response.FinishPart["metadata"]["openrouter"]>["cost"]>().toEqualTypeOf<
      string | undefined
    >()
    expectTypeOf<NonNullable<Response.FinishPart["metadata"]["openrouter"]>["attempts"]>().toEqualTypeOf<number>()
    expectTypeOf<NonNullable<AiError.RateLimitError["metadata"]["openrouter"]>["tag"]>().toEqualTypeOf<string>()
  })

  it("has every field of a request but the input as configuration", () => {
    expectTypeOf<OpenRouterLanguageModel.Config>().toHaveProperty("serviceTier")
    expectTypeOf<OpenRouterLanguageModel.Config>().toHaveProperty("model")
    expectTypeOf<OpenRouterLanguageModel.Config>().not.toHaveProperty("input")
    // @ts-expect-error -- the names are those of this library
    OpenRouterLanguageModel.model("m", { max_output_tokens: 5 })
  })

  it("leaves the type of a program as it is, and needs no handlers for server tools", () => {
    const toolkit = Toolkit.make(OpenRouterServerTool.webSearch({ maxResults: 2 }))
    const program = LanguageModel.generateText({ prompt: "Hi", toolkit }).pipe(
      Effect.map(({ text }) => text),
      OpenRouterLanguageModel.withConfigOverride({ temperature: 0 })
    )
    expectTypeOf(program).toEqualTypeOf<Effect.Effect<string, AiError.AiError, LanguageModel.LanguageModel>>()
    const person = LanguageModel.generateObject({ prompt: "Hi", schema: Schema.Struct({ name: Schema.String }) })
    expectTypeOf(person).toExtend<
      Effect.Effect<{ readonly value: { readonly name: string } }, AiError.AiError, LanguageModel.LanguageModel>
    >()
    // @ts-expect-error -- the arguments of the tool are typed
    OpenRouterServerTool.webSearch({ maxResults: "2" })
  })
})
