import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Exit, Layer, Redacted, References, Stream, Tracer } from "effect"
import { OpenRouter, RetryPolicy, Usd } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"
import { HttpClient, HttpClientRequest } from "effect/http"
import { ask, askFor, emulated, failure, final, model, ok, scripted, sent, served } from "./support.ts"

const requests = Emulator.Emulator.use((emulator) => emulator.requests)

/** A client that reads this environment; its server is an emulator. */
const configured = (env: Record<string, string>, options?: OpenRouter.ConfigOptions, emulator?: Emulator.Options) =>
  OpenRouter.layerConfig(options).pipe(
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env }))),
    Layer.provideMerge(Emulator.layerHttpClient(emulator)),
    final
  )

describe("layerConfig", () => {
  it.effect("reads the key from OPENROUTER_API_KEY", () =>
    Effect.gen(function*() {
      yield* ask()
      assert.strictEqual((yield* requests)[0]?.key, "sk-from-env")
    }).pipe(Effect.provide(configured({ OPENROUTER_API_KEY: "sk-from-env" }))))

  it.effect("reads its siblings", () =>
    Effect.gen(function*() {
      yield* ask()
      assert.deepInclude((yield* requests)[0]?.headers, {
        "http-referer": "https://town.example",
        "x-openrouter-title": "Town"
      })
    }).pipe(Effect.provide(configured({
      OPENROUTER_API_KEY: "sk",
      OPENROUTER_API_URL: "https://eu.openrouter.ai/api/v1/",
      OPENROUTER_APP_URL: "https://town.example",
      OPENROUTER_APP_TITLE: "Town"
    }))))

  it.effect("reads other names if told so", () =>
    Effect.gen(function*() {
      yield* ask()
      assert.strictEqual((yield* requests)[0]?.key, "sk-mine")
      assert.deepInclude((yield* requests)[0]?.headers, { "x-openrouter-title": "Mine" })
    }).pipe(Effect.provide(configured(
      { MY_KEY: "sk-mine", OPENROUTER_API_KEY: "sk-other" },
      {
        apiKey: Config.Redacted("MY_KEY"),
        appUrl: Config.succeed("https://mine.example"),
        appTitle: Config.succeed("Mine")
      }
    ))))

  it.effect.each([["no key", {}], ["an empty one", { OPENROUTER_API_KEY: "  " }]] as const)(
    "with %s fails when it is built, and says what is missing",
    ([_, env]) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Effect.provide(ask(), configured(env)))
        assert.strictEqual(error._tag, "ConfigError")
        assert.include(error.message, "OPENROUTER_API_KEY")
      })
  )

  it.effect("with a source that cannot be read fails with ConfigError", () =>
    Effect.gen(function*() {
      const unreadable = ConfigProvider.make(() =>
        Effect.fail(new ConfigProvider.SourceError({ message: "unreadable" }))
      )
      const client = OpenRouter.layerConfig().pipe(
        Layer.provide(ConfigProvider.layer(unreadable)),
        Layer.provide(Emulator.layerHttpClient())
      )
      const error = yield* Effect.flip(Effect.provide(ask(), client))
      assert.strictEqual(error._tag, "ConfigError")
    }))

  it.effect("reads below a prefix, and says what is no text", () =>
    Effect.gen(function*() {
      const reading = (values: object) =>
        OpenRouter.layerConfig().pipe(
          Layer.provide(
            ConfigProvider.layer(ConfigProvider.fromUnknown({ town: values }).pipe(ConfigProvider.nested("town")))
          ),
          Layer.provideMerge(Emulator.layerHttpClient()),
          final
        )
      const [request] = yield* Effect.andThen(ask(), requests).pipe(
        Effect.provide(reading({ OPENROUTER_API_KEY: "sk-of-town" }))
      )
      assert.strictEqual(request?.key, "sk-of-town")
      const nowhere = reading({ OPENROUTER_API_KEY: "sk", OPENROUTER_API_URL: { eu: "https://eu.openrouter.ai" } })
      const error = yield* Effect.flip(Effect.provide(ask(), nowhere))
      assert.strictEqual(error._tag, "ConfigError")
      assert.include(error.message, "OPENROUTER_API_URL")
    }))

  it.effect("applies transformClient", () =>
    Effect.gen(function*() {
      yield* ask()
      assert.deepInclude((yield* requests)[0]?.headers, { "x-proxy": "yes" })
    }).pipe(Effect.provide(configured({ OPENROUTER_API_KEY: "sk" }, {
      transformClient: HttpClient.mapRequest(HttpClientRequest.setHeader("x-proxy", "yes"))
    }))))
})

describe("what is sent", () => {
  it.effect("has the headers of the layer, and none of a trace, over real HTTP", () =>
    Effect.gen(function*() {
      yield* Effect.withSpan(ask(), "program")
      const [request] = yield* requests
      const headers = request?.headers ?? {}
      assert.strictEqual(headers["content-type"], "application/json")
      assert.strictEqual(headers["accept"], "application/json")
      for (const name of ["traceparent", "b3", "http-referer", "x-openrouter-title"]) assert.notProperty(headers, name)
      assert.strictEqual(request?.method, "POST")
      assert.strictEqual(request?.path, "/api/v1/responses")
    }).pipe(Effect.provide(final(served()))))

  it.effect("goes to the address of the layer, with or without slashes at its end", () =>
    Effect.gen(function*() {
      for (
        const apiUrl of [
          "https://eu.openrouter.ai/api/v1",
          "https://eu.openrouter.ai/api/v1/",
          "https://eu.openrouter.ai/api/v1//"
        ]
      ) {
        const urls = yield* Effect.provide(
          Effect.gen(function*() {
            yield* ask()
            return (yield* sent).map(({ url }) => url)
          }),
          scripted([ok()], { apiUrl })
        )
        assert.deepStrictEqual(urls, ["https://eu.openrouter.ai/api/v1/responses"])
      }
    }))

  it.effect("goes to OpenRouter by default, with the key", () =>
    Effect.gen(function*() {
      yield* ask()
      const [request] = yield* sent
      assert.strictEqual(request?.url, "https://openrouter.ai/api/v1/responses")
      assert.match(request?.headers["authorization"] ?? "", /^Bearer sk-or-v1-/)
    }).pipe(Effect.provide(scripted([ok()]))))

  it.effect("does not stream", () =>
    Effect.gen(function*() {
      yield* ask()
      assert.notInclude((yield* sent)[0]?.body, "stream")
    }).pipe(Effect.provide(scripted([ok()]))))
})

describe("two clients in one program", () => {
  it.effect("use their own keys", () =>
    Effect.gen(function*() {
      const client = (key: string) => OpenRouter.make({ apiKey: Redacted.make(key) })
      const [ann, bob] = [yield* client("key-ann"), yield* client("key-bob")]
      const by = (service: OpenRouter.OpenRouter["Service"], n: number) =>
        Effect.provideService(ask(`question ${n}`), OpenRouter.OpenRouter, service)
      yield* Effect.all(Array.from({ length: 20 }, (_, n) => by(n % 4 === 0 ? ann : bob, n)), {
        concurrency: "unbounded"
      })
      const ledger = yield* Emulator.Emulator.use((emulator) => emulator.ledger)
      assert.deepStrictEqual(ledger.accounts.map(({ calls, key }) => [key, calls]), [["key-ann", 5], ["key-bob", 15]])
    }).pipe(Effect.provide(Emulator.layerHttpClient())))
})

const capture = () => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span(options) {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return { spans, tracer }
}

describe("tracing", () => {
  it.effect("has one span for each call, with what OpenTelemetry asks for", () =>
    Effect.gen(function*() {
      const { spans, tracer } = capture()
      const answer = yield* ask().pipe(Effect.withSpan("program"), Effect.withTracer(tracer))
      assert.deepStrictEqual(spans.map(({ name }) => name), ["program", `chat ${model}`])
      const call = spans[1]
      assert.strictEqual(call?.kind, "client")
      assert.strictEqual(call?.parent._tag === "Some" ? call.parent.value.spanId : "", spans[0]?.spanId)
      assert.deepStrictEqual(Object.fromEntries(call?.attributes ?? []), {
        "gen_ai.provider.name": "openrouter",
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": model,
        "gen_ai.response.model": model,
        "gen_ai.response.id": answer.response.id,
        "gen_ai.usage.input_tokens": answer.usage?.inputTokens,
        "gen_ai.usage.output_tokens": answer.usage?.outputTokens,
        "openrouter.outcome": "Completed",
        "openrouter.attempts": 1,
        "openrouter.generation_id": answer.generationId,
        "gen_ai.response.finish_reasons": ["stop"],
        "openrouter.cost_usd": Usd.toNumber(answer.cost ?? Usd.zero)
      })
      assert.strictEqual(call?.status._tag, "Ended")
    }).pipe(Effect.provide(final(served()))))

  it.effect("has one span for a call that was tried again, with the number of attempts", () =>
    Effect.gen(function*() {
      const { spans, tracer } = capture()
      yield* ask().pipe(RetryPolicy.with(RetryPolicy.make({ base: 0 })), Effect.withTracer(tracer))
      assert.strictEqual(spans.length, 1)
      assert.strictEqual(spans[0]?.attributes.get("openrouter.attempts"), 3)
    }).pipe(Effect.provide(scripted([failure(500), failure(500), ok()]))))

  it.effect("marks a failed call as failed", () =>
    Effect.gen(function*() {
      const { spans, tracer } = capture()
      yield* ask().pipe(Effect.withTracer(tracer), Effect.flip)
      const status = spans[0]?.status
      assert.isTrue(status?._tag === "Ended" && Exit.isFailure(status.exit))
    }).pipe(Effect.provide(final(scripted([failure(400)])))))

  it.effect("ends with no answer in the span, so that one that waits for its export keeps none alive", () =>
    Effect.gen(function*() {
      const { spans, tracer } = capture()
      const answer = yield* ask().pipe(Effect.withTracer(tracer))
      assert.notStrictEqual(answer.text, "")
      const events = yield* OpenRouter.stream({ model: "openai/gpt-5", input: "Hello" }).pipe(
        Stream.runCollect,
        Effect.withTracer(tracer)
      )
      assert.isAbove(events.length, 2)
      assert.deepStrictEqual(spans.map(({ name }) => name), ["chat openai/gpt-5", "chat openai/gpt-5"])
      for (const { status } of spans) {
        assert.deepStrictEqual(status._tag === "Ended" ? status.exit : undefined, Exit.void)
      }
    }).pipe(Effect.provide(final(emulated()))))

  it.effect("is off when the program says so", () =>
    Effect.gen(function*() {
      const { spans, tracer } = capture()
      yield* ask().pipe(Effect.withTracer(tracer), Effect.provideService(References.TracerEnabled, false))
      yield* OpenRouter.key.pipe(Effect.withTracer(tracer), Effect.provideService(References.TracerEnabled, false))
      assert.deepStrictEqual(spans, [])
    }).pipe(Effect.provide(final(emulated()))))

  it.effect("names the account calls", () =>
    Effect.gen(function*() {
      const { spans, tracer } = capture()
      yield* Effect.andThen(OpenRouter.key, OpenRouter.credits).pipe(Effect.withTracer(tracer))
      assert.deepStrictEqual(spans.map(({ name }) => name), ["OpenRouter.key", "OpenRouter.credits"])
    }).pipe(Effect.provide(final(emulated()))))

  it.effect("ends the span of a call that was interrupted", () =>
    Effect.gen(function*() {
      const { spans, tracer } = capture()
      const fiber = yield* askFor("emulator/hang").pipe(
        Effect.withTracer(tracer),
        Effect.forkChild({ startImmediately: true })
      )
      yield* Effect.yieldNow
      yield* Effect.sync(() => fiber.interruptUnsafe())
      yield* Effect.yieldNow
      assert.strictEqual(spans.length, 1)
      assert.strictEqual(spans[0]?.status._tag, "Ended")
    }).pipe(Effect.provide(emulated())))
})
