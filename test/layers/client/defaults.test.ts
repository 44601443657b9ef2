import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, ExecutionPlan, Fiber, Layer, Redacted, Schema, Stream } from "effect"
import { OpenRouter, type OpenRouterError } from "effect-openrouter"
import { Emulator, OpenRouterTest } from "effect-openrouter/testing"
import * as Meter from "./meter.ts"
import { apiKey, ask, emulated, model, ok, scripted, sent, served } from "./support.ts"

const { Reply } = Emulator

/** The bodies that the emulator has received. */
const bodies = Effect.flatMap(
  Emulator.Emulator,
  ({ requests }) => Effect.map(requests, (all) => all.map(({ body }) => body))
)

const input = "Hello"

const Number = Schema.Struct({ n: Schema.Int })

const respond = OpenRouter.respond({ input })

const stream = OpenRouter.stream({ input })

describe("defaults", () => {
  it.effect("fill what a request leaves out, of calls and streams, data first or last", () =>
    Effect.gen(function*() {
      const fields = { model, temperature: 0.5 }
      yield* OpenRouter.withDefaults(respond, fields)
      yield* respond.pipe(OpenRouter.withDefaults(fields))
      yield* Stream.runDrain(OpenRouter.withDefaults(stream, fields))
      yield* stream.pipe(OpenRouter.withDefaults(fields), Stream.runDrain)
      yield* stream.pipe(Stream.runDrain, OpenRouter.withDefaults(fields))
      const plain = { model, temperature: 0.5, input }
      const streamed = { ...plain, stream: true }
      assert.deepStrictEqual(yield* bodies, [plain, plain, streamed, streamed, streamed])
    }).pipe(Effect.provide(emulated())))

  it.effect("are not there outside of their part of a program", () =>
    Effect.gen(function*() {
      yield* OpenRouter.withDefaults(ask(), { temperature: 0.5 })
      yield* ask()
      assert.deepStrictEqual(yield* bodies, [{ model, input, temperature: 0.5 }, { model, input }])
    }).pipe(Effect.provide(emulated())))

  it.effect("come inner before outer, each field as a whole, and the request before all", () =>
    Effect.gen(function*() {
      yield* OpenRouter.respond({ input, temperature: 0, metadata: { a: "request" } }).pipe(
        OpenRouter.withDefaults({ temperature: 1, topP: 0.1, reasoning: { effort: "low" } }),
        OpenRouter.withDefaults({
          model,
          topP: 0.9,
          reasoning: { maxTokens: 100 },
          metadata: { b: "outer" },
          instructions: "Be brief."
        })
      )
      assert.deepStrictEqual(yield* bodies, [{
        model,
        input,
        temperature: 0,
        top_p: 0.1,
        reasoning: { effort: "low" },
        metadata: { a: "request" },
        instructions: "Be brief."
      }])
    }).pipe(Effect.provide(emulated())))

  it.effect("count undefined as left out, in a request and in defaults", () =>
    Effect.gen(function*() {
      yield* OpenRouter.respond({ model: undefined, input, temperature: undefined }).pipe(
        OpenRouter.withDefaults({ model, temperature: undefined, topP: undefined }),
        OpenRouter.withDefaults({ model: "openai/gpt-4o", temperature: 0.2 })
      )
      yield* OpenRouter.withDefaults(ask(), { temperature: undefined })
      assert.deepStrictEqual(yield* bodies, [{ model, input, temperature: 0.2 }, { model, input }])
    }).pipe(Effect.provide(emulated())))

  it.effect("keep a list or an object of the caller as it is, and are not changed by a call", () =>
    Effect.gen(function*() {
      const fields = Object.freeze({ model, metadata: Object.freeze({ a: "b" }) })
      const request = Object.freeze({ input })
      yield* OpenRouter.withDefaults(OpenRouter.respond(request), fields)
      assert.deepStrictEqual([fields, request], [{ model, metadata: { a: "b" } }, { input }])
    }).pipe(Effect.provide(emulated())))

  it.effect("are checked with the request: what is wrong with them is InvalidRequest, and says where", () =>
    Effect.gen(function*() {
      const half = OpenRouter.withDefaults({ instructions: "half of \ud83d" })
      const errors = [
        yield* Effect.flip(half(ask())),
        yield* Effect.flip(Stream.runDrain(half(OpenRouter.stream({ model, input })))),
        yield* Effect.flip(half(OpenRouter.respondObject({ model, input, schema: Number }))),
        yield* Effect.flip(Stream.runDrain(half(OpenRouter.streamObject({ model, input, schema: Number }))))
      ]
      for (const error of errors) {
        assert.deepStrictEqual(
          error._tag === "InvalidRequest" ? [error.origin, error.field] : [error._tag],
          ["local", "instructions"]
        )
      }
      // A request that brings its own is fine.
      yield* half(OpenRouter.respond({ model, input, instructions: "Be brief." }))
      assert.lengthOf(yield* bodies, 1)
    }).pipe(Effect.provide(emulated())))

  it.effect("hold for objects, whose format stays the schema's", () =>
    Effect.gen(function*() {
      const fields = { model, temperature: 0, text: { verbosity: "low" as const } }
      const one = yield* OpenRouter.respondObject({ input, schema: Number }).pipe(OpenRouter.withDefaults(fields))
      assert.deepStrictEqual(one.value, { n: 1 })
      const parts = yield* OpenRouter.streamObject({ input, schema: Number }).pipe(
        OpenRouter.withDefaults(fields),
        Stream.runCollect
      )
      assert.strictEqual(parts.at(-1)?._tag, "Complete")
      for (const call of yield* OpenRouterTest.calls) {
        assert.deepStrictEqual([call.model, call.temperature, call.text?.format?.type], [model, 0, "json_schema"])
      }
    }).pipe(Effect.provide(OpenRouterTest.layer({ n: 1 }))))

  it.effect("do not touch the requests of plain endpoints", () =>
    Effect.gen(function*() {
      yield* OpenRouter.withDefaults(OpenRouter.embeddings({ model: "openai/text-embedding-3-small", input }), {
        model,
        temperature: 0.5
      })
      const [body] = yield* bodies
      assert.deepInclude(body, { model: "openai/text-embedding-3-small", input })
      assert.notProperty(body, "temperature")
    }).pipe(Effect.provide(emulated())))

  it.effect("hold for forked calls and for a service that was taken before", () =>
    Effect.gen(function*() {
      const service = yield* OpenRouter.OpenRouter
      yield* Effect.gen(function*() {
        yield* Fiber.join(yield* Effect.forkChild(respond))
        yield* Fiber.join(yield* Effect.forkDetach(service.outcome({ input })))
      }).pipe(OpenRouter.withDefaults({ model }))
      assert.deepStrictEqual(yield* bodies, [{ model, input }, { model, input }])
    }).pipe(Effect.provide(emulated())))
})

describe("defaults as a layer", () => {
  it.effect("stand inside of those that are there", () =>
    Effect.gen(function*() {
      yield* respond.pipe(
        Effect.provide(OpenRouter.layerDefaults({ model, temperature: 0 })),
        OpenRouter.withDefaults({ model: "openai/gpt-4o", temperature: 1, topP: 0.5 })
      )
      assert.deepStrictEqual(yield* bodies, [{ model, input, temperature: 0, top_p: 0.5 }])
    }).pipe(Effect.provide(emulated())))

  it.effect("are those of the fiber that is given it, although layers are built once", () =>
    Effect.gen(function*() {
      const layer = OpenRouter.layerDefaults({ model })
      const first = yield* Deferred.make<void>()
      const second = yield* Deferred.make<void>()
      // The first one is still running with the layer when the second one is given it.
      const one = Effect.gen(function*() {
        yield* Deferred.succeed(first, undefined)
        yield* Deferred.await(second)
        yield* respond
      }).pipe(Effect.provide(layer), OpenRouter.withDefaults({ instructions: "one" }))
      const two = Effect.andThen(Deferred.await(first), Effect.provide(respond, layer)).pipe(
        OpenRouter.withDefaults({ instructions: "two" }),
        Effect.ensuring(Deferred.succeed(second, undefined))
      )
      yield* Effect.all([one, two], { concurrency: 2 })
      assert.deepStrictEqual(yield* bodies, [
        { model, input, instructions: "two" },
        { model, input, instructions: "one" }
      ])
    }).pipe(Effect.provide(emulated())))
})

describe("an execution plan", () => {
  const isElsewhere = (error: OpenRouterError.OpenRouterError) =>
    error._tag === "RateLimited" || error._tag === "ModelUnavailable"

  const layers = ExecutionPlan.make(
    { provide: OpenRouter.layerDefaults({ model: "a/limited" }), attempts: 1, while: isElsewhere },
    { provide: OpenRouter.layerDefaults({ model: "a/gone", temperature: 0 }), attempts: 1, while: isElsewhere },
    { provide: OpenRouter.layerDefaults({ model: "a/fine" }) }
  )

  const contexts = ExecutionPlan.make(
    { provide: Context.make(OpenRouter.CurrentDefaults, { model: "a/limited" }), attempts: 1, while: isElsewhere },
    { provide: Context.make(OpenRouter.CurrentDefaults, { model: "a/gone" }), attempts: 1, while: isElsewhere },
    { provide: Context.make(OpenRouter.CurrentDefaults, { model: "a/fine" }) }
  )

  const rules = [
    { when: { model: "a/limited" }, reply: Reply.failure(429, { retryAfter: "1 hour" }) },
    { when: { model: "a/gone" }, reply: Reply.failure(404) },
    { when: { model: "a/broken" }, reply: Reply.failure(400) }
  ]

  const models = Effect.map(
    bodies,
    (all) => all.map((body) => Schema.decodeUnknownSync(Schema.Struct({ model: Schema.String }))(body).model)
  )

  it.effect.each([["layers", layers], ["contexts", contexts]] as const)(
    "falls back from one model to the next, for a call and for a stream: steps of %s",
    ([_, plan]) =>
      Effect.gen(function*() {
        const { exit, seen } = yield* Meter.metered(Effect.withExecutionPlan(respond, plan))
        assert.strictEqual(Meter.wordOf(exit), "Completed")
        const steps = ["a/limited", "a/gone", "a/fine"]
        assert.deepStrictEqual(yield* models, steps)
        assert.deepStrictEqual(Meter.words(seen), ["RateLimited", "ModelUnavailable", "Completed"])
        const text = yield* Stream.mkString(Stream.withExecutionPlan(OpenRouter.streamText({ input }), plan))
        assert.isAbove(text.length, 0)
        // The first one is known to be closed for an hour: it is not asked again.
        assert.deepStrictEqual(yield* models, [...steps, "a/gone", "a/fine"])
      }).pipe(Effect.provide(emulated({ rules })))
  )

  it.effect("keeps the defaults of its surroundings, and adds none to the next step", () =>
    Effect.gen(function*() {
      yield* Effect.withExecutionPlan(respond, layers).pipe(OpenRouter.withDefaults({ topP: 0.5 }))
      assert.deepStrictEqual(yield* bodies, [
        { model: "a/limited", input, top_p: 0.5 },
        { model: "a/gone", input, top_p: 0.5, temperature: 0 },
        { model: "a/fine", input, top_p: 0.5 }
      ])
    }).pipe(Effect.provide(emulated({ rules }))))

  it.effect("ends with another error at once", () =>
    Effect.gen(function*() {
      const plan = ExecutionPlan.make(
        { provide: OpenRouter.layerDefaults({ model: "a/broken" }), attempts: 3, while: isElsewhere },
        { provide: OpenRouter.layerDefaults({ model: "a/gone" }), attempts: 1, while: isElsewhere }
      )
      const error = yield* Effect.flip(Effect.withExecutionPlan(respond, plan))
      assert.strictEqual(error._tag, "InvalidRequest")
      assert.deepStrictEqual(yield* models, ["a/broken"])
    }).pipe(Effect.provide(emulated({ rules }))))
})

describe("headers", () => {
  const received = Effect.flatMap(
    Emulator.Emulator,
    ({ requests }) => Effect.map(requests, (all) => all.map(({ headers }) => headers["x-note"]))
  )

  it.live.each(
    [
      ["in-process", Layer.orDie(emulated())],
      ["fetch", Layer.orDie(served({}, "fetch"))],
      ["dispatch", Layer.orDie(served({}, "dispatch"))]
    ] as const
  )(
    "reach the server with all requests of a part of a program, and with no others: %s",
    ([_, layer]) =>
      Effect.gen(function*() {
        const calls = Effect.all([
          ask(),
          Stream.runDrain(OpenRouter.stream({ model, input })),
          OpenRouter.models(),
          OpenRouter.embeddings({ model: "openai/text-embedding-3-small", input })
        ])
        yield* OpenRouter.withHeaders(calls, { "x-note": "one" })
        yield* Stream.runDrain(OpenRouter.stream({ model, input }).pipe(OpenRouter.withHeaders({ "X-Note": "two" })))
        yield* ask()
        assert.deepStrictEqual(yield* received, ["one", "one", "one", "one", "two", undefined])
      }).pipe(Effect.provide(layer))
  )

  it.effect("come inner before outer, whatever the case of their names", () =>
    Effect.gen(function*() {
      yield* ask().pipe(
        OpenRouter.withHeaders({ "X-NOTE": "inner" }),
        OpenRouter.withHeaders({ "x-note": "outer", "X-Other": "outer" })
      )
      const [request] = yield* (yield* Emulator.Emulator).requests
      assert.deepStrictEqual([request?.headers["x-note"], request?.headers["x-other"]], ["inner", "outer"])
    }).pipe(Effect.provide(emulated())))

  it.effect("leave credentials to the client", () =>
    Effect.gen(function*() {
      const mine = { Authorization: "Bearer sk-or-v1-somebody-else", "x-note": "one" }
      yield* OpenRouter.withHeaders(Effect.andThen(ask(), Stream.runDrain(OpenRouter.stream({ model, input }))), mine)
      for (const { headers } of yield* sent) {
        assert.strictEqual(headers["authorization"], `Bearer ${Redacted.value(apiKey)}`)
        assert.strictEqual(headers["x-note"], "one")
      }
    }).pipe(Effect.provide(scripted([ok()]))))

  it.effect("leave those of the layer where they are", () =>
    Effect.gen(function*() {
      yield* OpenRouter.withHeaders(ask(), { "x-note": "one" })
      const [request] = yield* sent
      assert.deepInclude(request?.headers, {
        "http-referer": "https://town.example",
        "x-openrouter-title": "Town",
        "x-openrouter-cache": "true",
        "x-openrouter-cache-ttl": "300",
        "x-openrouter-metadata": "enabled",
        "x-note": "one"
      })
    }).pipe(Effect.provide(scripted([ok()], {
      appUrl: "https://town.example",
      appTitle: "Town",
      responseCache: "5 minutes",
      routerMetadata: true
    }))))

  it.effect("set those of the layer anew for a part of a program, such as its cache", () =>
    Effect.gen(function*() {
      yield* OpenRouter.withHeaders(ask(), { "X-OpenRouter-Cache": "false", "X-OpenRouter-Title": "Mill" })
      yield* ask()
      assert.deepStrictEqual(
        (yield* sent).map(({ headers }) => [headers["x-openrouter-cache"], headers["x-openrouter-title"]]),
        [["false", "Mill"], ["true", "Town"]]
      )
    }).pipe(Effect.provide(scripted([ok()], {
      appUrl: "https://town.example",
      appTitle: "Town",
      responseCache: "5 minutes"
    }))))

  it.effect.each(
    [
      ["x-note", "one\r\nx-evil: two"],
      ["x-note", "ein Schloß – am Meer"],
      ["x-note", "\u0000"],
      ["x note", "one"],
      ["x-note:", "one"],
      ["", "one"],
      ["né", "one"]
    ] as const
  )("that no message can carry are InvalidRequest, and nothing is sent: %j", ([name, value]) =>
    Effect.gen(function*() {
      const calls = [
        Effect.asVoid(ask()),
        Stream.runDrain(OpenRouter.stream({ model, input })),
        Effect.asVoid(OpenRouter.key)
      ]
      for (const call of calls) {
        const error = yield* Effect.flip(OpenRouter.withHeaders(call, { [name]: value }))
        assert.deepStrictEqual(
          error._tag === "InvalidRequest" ? [error.origin, error.field] : [error._tag],
          ["local", "headers"]
        )
        // The value may be a secret.
        if (value !== "one") assert.notInclude(error.message, value)
      }
      assert.deepStrictEqual(yield* sent, [])
    }).pipe(Effect.provide(scripted([ok()]))))

  it.live.each(["fetch", "dispatch"] as const)(
    "that any message can carry are carried: %s",
    (over) =>
      Effect.gen(function*() {
        const value = "a\tb \"c\" ; q=0.5, é"
        yield* OpenRouter.withHeaders(ask(), { "x-note": value, "!#$%&'*+.^_`|~-1a": "odd" })
        const [request] = yield* (yield* Emulator.Emulator).requests
        assert.strictEqual(request?.headers["!#$%&'*+.^_`|~-1a"], "odd")
        assert.strictEqual(request?.headers["x-note"], value)
      }).pipe(Effect.provide(served({}, over)))
  )
})
