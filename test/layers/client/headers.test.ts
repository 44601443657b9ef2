import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Ref, Stream } from "effect"
import { OpenRouter } from "effect-openrouter"
import { HttpClient, HttpClientResponse } from "effect/http"
import { ask, model, ok, scripted, sent } from "./support.ts"

const body = {
  id: "gen-1",
  object: "response",
  model: "openai/gpt-5",
  status: "completed",
  output: [{ type: "message", role: "assistant", content: [{ type: "output_text", text: "Hi." }] }],
  usage: { input_tokens: 0, output_tokens: 0, total_tokens: 0, cost: 0 },
  openrouter_metadata: {
    requested: "openai/gpt-5",
    strategy: "fallback",
    attempt: 2,
    attempts: [{ provider: "OpenAI", model: "openai/gpt-5", status: 429 }],
    endpoints: { total: 2, available: [{ provider: "Azure", model: "openai/gpt-5", selected: true }] },
    pipeline: [{ type: "guardrail", name: "pii", cost_usd: 0.0001 }],
    region: null
  }
}

const answering = (headers: Record<string, string>, options: Omit<OpenRouter.Options, "apiKey"> = {}) =>
  Effect.gen(function*() {
    const sent = yield* Ref.make<Record<string, string | undefined>>({})
    const http = HttpClient.make((request) =>
      Effect.as(
        Ref.set(sent, { ...request.headers }),
        HttpClientResponse.fromWeb(request, new Response(JSON.stringify(body), { headers }))
      )
    )
    const outcome = yield* OpenRouter.outcome({ model: "openai/gpt-5", input: "Hello" }).pipe(
      Effect.provide(
        OpenRouter.layer({ ...options, apiKey: Redacted.make("sk-or-v1-any") }).pipe(
          Layer.provide(Layer.succeed(HttpClient.HttpClient, http))
        )
      )
    )
    return { outcome, sent: yield* Ref.get(sent) }
  })

describe("headers", () => {
  it.effect("of the response cache are part of the outcome", () =>
    Effect.gen(function*() {
      const { outcome } = yield* answering({
        "X-Generation-Id": "gen-2",
        "X-OpenRouter-Cache-Status": "HIT",
        "X-OpenRouter-Cache-Age": "17",
        "X-OpenRouter-Cache-TTL": "300",
        "X-OpenRouter-Cache-Source-Id": "gen-1"
      })
      assert.deepStrictEqual(outcome.cache, { status: "HIT", age: 17, ttl: 300, sourceId: "gen-1" })
      assert.strictEqual(outcome.generationId, "gen-2")
    }))

  it.effect("that are missing or no numbers leave their part out", () =>
    Effect.gen(function*() {
      assert.isUndefined((yield* answering({})).outcome.cache)
      const { outcome } = yield* answering({ "X-OpenRouter-Cache-Status": "MISS", "X-OpenRouter-Cache-Age": "soon" })
      assert.deepStrictEqual(outcome.cache, { status: "MISS" })
    }))

  it.effect("ask for the cache and the router's metadata where the client was made so", () =>
    Effect.gen(function*() {
      const plain = yield* answering({})
      assert.notProperty(plain.sent, "x-openrouter-cache")
      assert.notProperty(plain.sent, "x-openrouter-metadata")
      const { sent } = yield* answering({}, { responseCache: "10 minutes", routerMetadata: true })
      assert.strictEqual(sent["x-openrouter-cache"], "true")
      assert.strictEqual(sent["x-openrouter-cache-ttl"], "600")
      assert.strictEqual(sent["x-openrouter-metadata"], "enabled")
    }))

  it.effect("or not, the router's metadata are typed", () =>
    Effect.gen(function*() {
      const { openrouterMetadata } = (yield* answering({})).outcome.response
      assert.strictEqual(openrouterMetadata?.strategy, "fallback")
      assert.strictEqual(openrouterMetadata?.attempts?.[0]?.status, 429)
      assert.strictEqual(openrouterMetadata?.endpoints?.available?.[0]?.selected, true)
      assert.strictEqual(String(openrouterMetadata?.pipeline?.[0]?.costUsd), "$0.0001")
    }))
})

describe("what a part of a program asks of OpenRouter", () => {
  const layer = scripted([ok()], { responseCache: "1 hour", routerMetadata: true })

  const cacheHeaders = Effect.map(
    sent,
    (sent) =>
      sent.map(({ headers }) =>
        ["", "-ttl", "-clear"].map((name) => headers[`x-openrouter-cache${name}`] ?? "none").join(" ")
      )
  )

  it.effect("is its cache, in place of what the layer says", () =>
    Effect.gen(function*() {
      yield* ask()
      yield* OpenRouter.withServerCache(ask(), false)
      yield* ask().pipe(OpenRouter.withServerCache({ timeToLive: "2 minutes", clear: true }))
      yield* Stream.runDrain(OpenRouter.stream({ model, input: "Hello" })).pipe(
        Effect.ignore,
        OpenRouter.withServerCache({ timeToLive: "1 day" }),
        OpenRouter.withServerCache(false)
      )
      assert.deepStrictEqual(yield* cacheHeaders, [
        "true 3600 none",
        "false 3600 none",
        "true 120 true",
        "true 86400 none"
      ])
    }).pipe(Effect.provide(layer)))

  it.effect.each(["0 seconds", "25 hours", "Infinity"] as const)(
    "is no cache for %s",
    (timeToLive) =>
      Effect.gen(function*() {
        const calls = [ask(), Stream.runDrain(OpenRouter.stream({ model, input: "Hello" })), OpenRouter.key]
        for (const call of calls) {
          const error = yield* Effect.flip(OpenRouter.withServerCache(call, { timeToLive }))
          assert.strictEqual(error._tag, "InvalidRequest")
          assert.include(error.message, "from a second to a day")
        }
        assert.lengthOf(yield* sent, 0)
      }).pipe(Effect.provide(layer))
  )

  it.effect("is how its requests were routed", () =>
    Effect.gen(function*() {
      yield* OpenRouter.withRouterMetadata(ask(), false)
      yield* ask()
      yield* ask().pipe(OpenRouter.withRouterMetadata(true), Effect.provide(scripted([ok()])))
      assert.deepStrictEqual(
        (yield* sent).map(({ headers }) => headers["x-openrouter-metadata"]),
        ["disabled", "enabled"]
      )
    }).pipe(Effect.provide(layer)))
})
