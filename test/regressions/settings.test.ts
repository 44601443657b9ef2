/** What a client is made from, and how money is shown. */
import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Layer } from "effect"
import { OpenRouter, Usd } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"
import { ask, final, ok, scripted, sent } from "../layers/client/support.ts"

const appUrl = "https://town.example"

describe("settings that would be without effect", () => {
  const useless: ReadonlyArray<readonly [name: string, options: OpenRouter.Options, field: string]> = [
    ["a title without a URL", { appTitle: "Town" }, "appTitle"],
    ["a title with an empty URL", { appTitle: "Town", appUrl: "" }, "appTitle"],
    ["a URL that is none", { appUrl: "town" }, "appUrl"],
    ["a cache beyond a day", { responseCache: "25 hours" }, "responseCache"],
    ["an endless cache", { responseCache: "Infinity" }, "responseCache"],
    ["a cache of nothing", { responseCache: 0 }, "responseCache"],
    ["a cache of no second", { responseCache: "400 millis" }, "responseCache"],
    ["a cache of the past", { responseCache: "-1 minute" }, "responseCache"],
    ["a cache of NaN", { responseCache: NaN }, "responseCache"],
    ["no byte of an answer", { maxAnswerBytes: 0 }, "maxAnswerBytes"],
    ["less than no byte", { maxAnswerBytes: -1 }, "maxAnswerBytes"],
    ["NaN bytes", { maxAnswerBytes: NaN }, "maxAnswerBytes"]
  ]

  it.effect.each(useless)("#38 %s: layer", ([_, options, field]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(ask())
      assert.include(error, { _tag: "InvalidRequest", origin: "local", field })
      assert.isTrue(error.message.startsWith(`${field}: `))
      assert.deepStrictEqual(yield* sent, [])
    }).pipe(Effect.provide(final(scripted([ok()], options)))))

  it.effect.each(useless)(
    "#38 %s: layerConfig fails when it is built",
    ([_, options, field]) =>
      Effect.gen(function*() {
        const { appTitle, appUrl, maxAnswerBytes, responseCache } = options
        const client = OpenRouter.layerConfig({
          appTitle: appTitle === undefined ? undefined : Config.succeed(appTitle),
          appUrl: appUrl === undefined ? undefined : Config.succeed(appUrl),
          maxAnswerBytes,
          responseCache
        }).pipe(
          Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: { OPENROUTER_API_KEY: "sk" } }))),
          Layer.provide(Emulator.layerHttpClient())
        )
        const error = yield* Effect.flip(Layer.build(client))
        assert.strictEqual(error._tag, "ConfigError")
        assert.include(error.message, `${field}: `)
      }).pipe(Effect.scoped)
  )

  it.effect("#38 layerFetch fails when it is built", () =>
    Effect.gen(function*() {
      const env = { OPENROUTER_API_KEY: "sk", OPENROUTER_APP_TITLE: "Town" }
      const client = OpenRouter.layerFetch.pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env }))))
      const error = yield* Effect.flip(Layer.build(client))
      assert.include(error.message, "appTitle: needs an appUrl")
    }).pipe(Effect.scoped))

  it.effect.each<readonly [name: string, options: OpenRouter.Options, headers: { readonly [name: string]: string }]>([
    ["a day", { responseCache: "1 day" }, { "x-openrouter-cache": "true", "x-openrouter-cache-ttl": "86400" }],
    ["a second", { responseCache: "1 second" }, { "x-openrouter-cache-ttl": "1" }],
    ["a title with a URL", { appUrl, appTitle: "Town" }, { "http-referer": appUrl, "x-openrouter-title": "Town" }],
    ["any size", { maxAnswerBytes: Infinity }, {}]
  ])("#38 what has one is sent: %s", ([_, options, headers]) =>
    Effect.gen(function*() {
      yield* ask()
      assert.deepInclude((yield* sent)[0]?.headers, headers)
    }).pipe(Effect.provide(final(scripted([ok()], options)))))

  it.effect("#38 an empty URL and title are none", () =>
    Effect.gen(function*() {
      yield* ask()
      for (const name of ["http-referer", "x-openrouter-title"]) assert.notProperty((yield* sent)[0]?.headers, name)
    }).pipe(Effect.provide(final(scripted([ok()], { appUrl: "", appTitle: "" })))))
})

describe("an amount", () => {
  it("#38 has as many decimals as are asked for", () => {
    const shown = [2, 3, 6, 0].map((decimals) => Usd.format(Usd.make("0.0123456"), { decimals }))
    assert.deepStrictEqual(shown, ["$0.01", "$0.012", "$0.012346", "$0"])
    assert.strictEqual(Usd.format(Usd.make("0.5"), { decimals: 3 }), "$0.500")
  })
})
