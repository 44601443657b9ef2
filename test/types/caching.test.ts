import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, type Layer, type Stream } from "effect"
import { Fallback, OpenRouter, type OpenRouterError, ResponseCache, SingleFlight } from "effect-openrouter"
import type { Persistence } from "effect/persistence"

// What is asserted here is asserted by the compiler; the tests only show that the file is there.

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false

const holds = <const A extends true>(value: A) => assert.isTrue(value)

type All<List extends ReadonlyArray<unknown>, A> = { [K in keyof List]: A }

class Town extends Context.Service<Town, { readonly name: string }>()("test/types/caching/Town") {}

type OfEffect = Effect.Effect<{ readonly n: 1 }, OpenRouterError.RateLimited | "closed", OpenRouter.OpenRouter | Town>

type OfStream = Stream.Stream<{ readonly n: 1 }, OpenRouterError.RateLimited | "closed", OpenRouter.OpenRouter | Town>

declare const effect: OfEffect
declare const stream: OfStream
declare const store: Layer.Layer<Persistence.BackingPersistence, "down", Town>

const compiled = (..._: ReadonlyArray<() => void>) => assert.isDefined(_)

describe("combinators of cache, single flight and fallback", () => {
  it("keep value, error and needs of an effect", () => {
    compiled(() => {
      const plan = Fallback.models(["a", "b"])
      const results = [
        ResponseCache.with(effect, { mode: "refresh" }),
        ResponseCache.sample(effect, "Ann"),
        ResponseCache.numbered(effect),
        SingleFlight.with(effect, { share: false }),
        Fallback.with(effect, plan),
        Effect.withExecutionPlan(effect, plan),
        OpenRouter.withServerCache(effect, { timeToLive: "1 hour" }),
        OpenRouter.withRouterMetadata(effect, true),
        effect.pipe(
          ResponseCache.with({ timeToLive: "1 hour" }),
          ResponseCache.sample("Ann"),
          ResponseCache.numbered,
          SingleFlight.with({ share: true }),
          Fallback.with(plan),
          OpenRouter.withServerCache(false),
          OpenRouter.withRouterMetadata(true)
        )
      ] as const
      type Results = typeof results
      holds<Same<Results, All<Results, OfEffect>>>(true)
    })
  })

  it("keep value, error and needs of a stream", () => {
    compiled(() => {
      const plan = Fallback.models(["a", "b"], { on: (error) => error.isRetryable, paid: "again" })
      const results = [
        ResponseCache.with(stream, { mode: "off" }),
        ResponseCache.sample(stream, "Ann"),
        ResponseCache.numbered(stream),
        SingleFlight.with(stream, { share: false }),
        Fallback.with(stream, plan),
        OpenRouter.withServerCache(stream, true),
        OpenRouter.withRouterMetadata(stream, true),
        stream.pipe(
          ResponseCache.with({ timeToLive: "1 hour" }),
          ResponseCache.sample("Ann"),
          ResponseCache.numbered,
          SingleFlight.with({ share: true }),
          Fallback.with(plan),
          OpenRouter.withServerCache({ clear: true }),
          OpenRouter.withRouterMetadata(false)
        )
      ] as const
      type Results = typeof results
      holds<Same<Results, All<Results, OfStream>>>(true)
    })
  })

  it("make layers that need what the store needs, and cannot fail", () => {
    compiled(() => {
      const memory = ResponseCache.layer()
      const stored = ResponseCache.layer({ store })
      holds<Same<typeof memory, Layer.Layer<OpenRouter.OpenRouter, never, OpenRouter.OpenRouter>>>(true)
      holds<Same<typeof stored, Layer.Layer<OpenRouter.OpenRouter, never, OpenRouter.OpenRouter | Town>>>(true)
      holds<Same<typeof SingleFlight.layer, typeof memory>>(true)
    })
  })

  it("take known reasons only", () => {
    compiled(() => {
      Fallback.models(["a"], { on: ["RateLimited"] })
      // @ts-expect-error: no error has this tag
      Fallback.models(["a"], { on: ["RateLimit"] })
      // @ts-expect-error: there is no model
      Fallback.models([])
    })
  })
})
