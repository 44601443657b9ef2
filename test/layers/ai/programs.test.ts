import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, References, Schema, Stream, Tracer } from "effect"
import {
  Budget,
  CostLedger,
  Journal,
  type OpenRouter,
  ResponseCache,
  RetryPolicy,
  Telemetry,
  Usd
} from "effect-openrouter"
import { OpenRouterAiError, OpenRouterLanguageModel, OpenRouterServerTool } from "effect-openrouter/ai"
import { Emulator } from "effect-openrouter/testing"
import { AiError, Chat, LanguageModel, Model, Prompt, Toolkit } from "effect/ai"
import { emulated, model, served } from "../client/support.ts"
import { at } from "../emulator/support.ts"
import { collect, functionCall, handlers, message, own, provider, reply, toolkit } from "./support.ts"

type Server = Layer.Layer<OpenRouter.OpenRouter | Emulator.Emulator, unknown>

/** Each way to the emulator. */
const ways: ReadonlyArray<readonly [string, (options?: Emulator.Options) => Server]> = [
  ["in process", emulated],
  ["over sockets", served]
]

const withModel = <A, E, R>(server: Layer.Layer<A, E, R>) =>
  OpenRouterLanguageModel.model(model).pipe(Layer.provideMerge(server))

const charged = Effect.flatMap(
  Emulator.Emulator,
  ({ ledger }) => Effect.map(ledger, ({ calls, total }) => ({ calls, total: Usd.fromDecimal(total).toJSON() }))
)

const requests = Effect.flatMap(Emulator.Emulator, ({ requests }) => requests)

const ask = (prompt: string) => LanguageModel.generateText({ prompt })

const Person = Schema.Struct({ name: Schema.String, age: Schema.optionalKey(Schema.Int) })

const asking: Emulator.Rule = {
  times: 1,
  reply: Emulator.Reply.answer({ only: true, items: [functionCall("weather", `{"city":"Bern"}`)] })
}

describe.each(ways)("over the emulator, %s", (_, server) => {
  it.live("all kinds of programs work, and the ledger agrees with the server's books", () =>
    Effect.gen(function*() {
      const [_, report] = yield* CostLedger.measured(Effect.gen(function*() {
        const text = yield* ask("Describe the town square.")
        assert.isNotEmpty(text.text)
        assert.strictEqual(text.finishReason, "stop")
        const { value } = yield* LanguageModel.generateObject({ prompt: "Who?", schema: Person })
        assert.isString(value.name)
        const parts = yield* collect(LanguageModel.streamText({ prompt: "Tell a story." }))
        const finish = parts.at(-1)
        assert.strictEqual(finish?.type, "finish")
        assert.isAbove(Number(at(finish, "usage.outputTokens.total")), 0)
        assert.isString(at(own(finish), "cost"))
        assert.isString(at(own(finish), "generationId"))
        yield* Effect.exit(
          ask("").pipe(
            OpenRouterLanguageModel.withConfigOverride({ model: "emulator/incomplete" })
          )
        )
        yield* Effect.exit(
          LanguageModel.generateObject({ prompt: "Who?", schema: Person }).pipe(
            OpenRouterLanguageModel.withConfigOverride({ model: "emulator/refusal" })
          )
        )
      }))
      const { calls, total } = yield* charged
      assert.strictEqual(report.cost.toJSON(), total)
      assert.strictEqual(calls, 5)
    }).pipe(Effect.provide(withModel(server()))))

  it.live("a tool is called, and a chat goes on with its result", () => {
    const log: Array<string> = []
    return Effect.gen(function*() {
      const chat = yield* Chat.fromPrompt([{ role: "system", content: "Be short." }])
      const called = yield* chat.generateText({ prompt: "Is it sunny in Bern?", toolkit })
      assert.strictEqual(called.finishReason, "tool-calls")
      assert.deepStrictEqual(log, ["Bern"])
      const said = yield* chat.generateText({ prompt: Prompt.empty, toolkit })
      assert.isNotEmpty(said.text)
      const last = (yield* requests).at(-1)
      assert.deepStrictEqual(
        [0, 1, 2, 3].map((index) => at(last, `body.input.${index}.type`) ?? at(last, `body.input.${index}.role`)),
        [
          "system",
          "user",
          "function_call",
          "function_call_output"
        ]
      )
      assert.strictEqual(at(last, "body.input.3.output"), "sunny in Bern")
    }).pipe(Effect.provide(Layer.merge(handlers(log), withModel(server({ rules: [asking] })))))
  })

  it.live("a streamed call is run, and its stream can be left: no request stays open", () => {
    const log: Array<string> = []
    return Effect.gen(function*() {
      const parts = yield* collect(LanguageModel.streamText({ prompt: "Is it sunny in Bern?", toolkit }))
      assert.deepStrictEqual(log, ["Bern"])
      assert.include(parts.map(({ type }) => type), "tool-result")
      assert.strictEqual(parts.at(-1)?.type, "finish")
      yield* Stream.runDrain(Stream.take(LanguageModel.streamText({ prompt: "Tell a story." }), 2))
      const emulator = yield* Emulator.Emulator
      yield* emulator.openRequests.pipe(Effect.repeat({ until: (open) => open === 0, times: 100 }))
      assert.strictEqual(yield* emulator.openRequests, 0)
    }).pipe(Effect.provide(Layer.merge(handlers(log), withModel(server({ rules: [asking] })))))
  })

  it.live("errors are those of effect/ai", () =>
    Effect.gen(function*() {
      const failing = (model: string) =>
        Effect.flip(ask("Hi")).pipe(
          OpenRouterLanguageModel.withConfigOverride({ model }),
          Effect.map(({ reason }) => reason)
        )
      assert.strictEqual((yield* failing("emulator/status-429"))._tag, "RateLimitError")
      assert.strictEqual((yield* failing("emulator/status-401"))._tag, "AuthenticationError")
      assert.strictEqual((yield* failing("emulator/status-503"))._tag, "InternalProviderError")
      assert.strictEqual((yield* failing("emulator/disconnect"))._tag, "NetworkError")
      assert.strictEqual((yield* failing("emulator/status-404"))._tag, "InvalidRequestError")
    }).pipe(RetryPolicy.with(RetryPolicy.none), Effect.provide(withModel(server()))))

  it.live("a budget holds, and its error says so", () =>
    Effect.gen(function*() {
      const budget = yield* Budget.make("0.006")
      const exits = yield* Effect.forEach(
        Array.from({ length: 20 }, (_, index) => `Call ${index}`),
        (prompt) =>
          Effect.result(budget.run(OpenRouterLanguageModel.withConfigOverride(ask(prompt), { maxOutputTokens: 400 }))),
        { concurrency: 5 }
      )
      const errors = exits.flatMap((exit) => exit._tag === "Failure" ? [exit.failure] : [])
      assert.isNotEmpty(errors)
      for (const error of errors) {
        assert.isTrue(AiError.isAiError(error))
        assert.strictEqual(at(own(at(error, "reason")), "tag"), "BudgetExceeded")
        assert.isFalse(OpenRouterAiError.isRetryableUnpaid(error))
      }
      const { total } = yield* charged
      assert.strictEqual((yield* budget.state).spent.toJSON(), total)
      assert.isTrue(Usd.isLessThanOrEqualTo(Usd.make(total), Usd.make("0.006")))
    }).pipe(Effect.provide(withModel(server()))))

  it.live("a journal pays once for a run that is run twice, streams and values included", () =>
    Effect.gen(function*() {
      const run = Effect.gen(function*() {
        const { text } = yield* ask("Describe the town square.")
        const { value } = yield* LanguageModel.generateObject({ prompt: "Who?", schema: Person })
        const parts = yield* collect(LanguageModel.streamText({ prompt: "Tell a story." }))
        return { text, value, story: parts.flatMap((part) => part.type === "text-delta" ? [part.delta] : []).join("") }
      }).pipe(Journal.resumable("run"))
      const first = yield* run
      const before = yield* charged
      const [again, report] = yield* CostLedger.measured(run)
      assert.deepStrictEqual(again, first)
      assert.deepStrictEqual(yield* charged, before)
      assert.isTrue(Usd.isZero(report.cost))
    }).pipe(Effect.provide(Layer.merge(withModel(server()), Journal.layerMemory))))
})

describe("a model", () => {
  it.effect("says its name", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Model.ProviderName, "openrouter")
      assert.strictEqual(yield* Model.ModelName, model)
    }).pipe(Effect.provide(withModel(emulated()))))

  it.effect("answers from a cache of this library, and says so", () =>
    Effect.gen(function*() {
      yield* ask("Hi")
      const { content } = yield* ask("Hi")
      assert.deepInclude(own(content.at(-1)), { cost: "0", attempts: 0 })
      assert.strictEqual(at(own(content.at(-1)), "cache.by"), "ResponseCache")
    }).pipe(Effect.provide(withModel(ResponseCache.layer({}).pipe(Layer.provideMerge(emulated()))))))

  it.effect("has server tools in a toolkit that needs no handlers", () =>
    Effect.gen(function*() {
      const toolkit = Toolkit.make(OpenRouterServerTool.webSearch({ maxResults: 2 }), OpenRouterServerTool.datetime())
      const answer = yield* LanguageModel.generateText({ prompt: "What is new?", toolkit })
      assert.isNotEmpty(answer.text)
    }).pipe(Effect.provide(withModel(emulated()))))
})

describe("spans", () => {
  const traced = Effect.fnUntraced(function*(program: Effect.Effect<unknown, unknown, LanguageModel.LanguageModel>) {
    const spans: Array<Tracer.Span> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
    yield* Effect.exit(program).pipe(
      Effect.withTracer(tracer),
      Effect.provideService(References.TracerEnabled, true)
    )
    return spans
  })

  const having = (spans: ReadonlyArray<Tracer.Span>, attribute: string) =>
    spans.filter(({ attributes }) => attributes.has(attribute)).map(({ name }) => name)

  const parentOf = (span: Tracer.Span | undefined) =>
    span !== undefined && Option.isSome(span.parent) && span.parent.value._tag === "Span" ? span.parent.value.name : ""

  it.effect.each(
    [
      ["generateText", ask("Hi")],
      ["streamText", Stream.runDrain(LanguageModel.streamText({ prompt: "Hi" }))]
    ] as const
  )("tell the tokens once, and the cost once: %s", ([method, program]) =>
    Effect.gen(function*() {
      const spans = yield* traced(program)
      assert.deepStrictEqual(having(spans, "gen_ai.usage.input_tokens"), [`LanguageModel.${method}`])
      assert.deepStrictEqual(having(spans, "gen_ai.usage.output_tokens"), [`LanguageModel.${method}`])
      assert.deepStrictEqual(having(spans, "openrouter.cost_usd"), [`chat ${model}`])
      const outer = spans.find(({ name }) => name === `LanguageModel.${method}`)
      assert.strictEqual(outer?.attributes.get("gen_ai.request.model"), model)
      assert.strictEqual(outer?.attributes.get("gen_ai.provider.name"), "openrouter")
      assert.strictEqual(outer?.attributes.get("gen_ai.operation.name"), "chat")
      assert.strictEqual(parentOf(spans.find(({ name }) => name === `chat ${model}`)), `LanguageModel.${method}`)
    }).pipe(Effect.provide(provider([reply([message("Hello.")])]))))

  it.effect("leave a setting of the program that says more", () =>
    Effect.gen(function*() {
      const spans = yield* traced(Telemetry.with(ask("Hi"), { outer: "metrics" }))
      assert.deepStrictEqual(having(spans, "gen_ai.usage.input_tokens"), ["LanguageModel.generateText"])
    }).pipe(Effect.provide(provider([reply([message("Hello.")])]))))
})
