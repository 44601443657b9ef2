import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Layer, Redacted, References, Schema, Stream, Tracer } from "effect"
import {
  Admission,
  Budget,
  Deadlines,
  type Generation,
  OpenRouter,
  type OpenRouterError,
  Prices,
  RetryPolicy,
  Telemetry,
  Usd
} from "effect-openrouter"
import { Emulator, OpenRouterTest } from "effect-openrouter/testing"
import { FetchHttpClient } from "effect/http"
import { Otlp } from "effect/observability"
import * as Net from "node:net"
import { collected } from "./collector.ts"
import { apiKey, emulated, failure, json, model, ok, scripted, sent, served, ungated } from "./support.ts"

const input = "the secret question"

const quick = RetryPolicy.with(RetryPolicy.make({ times: 2, base: 1 }))

const slowly = RetryPolicy.with(RetryPolicy.make({ base: "1 minute", cap: "1 minute" }))

const ask = OpenRouter.respond({ model, input })

const askFor = (model: string) => quick(OpenRouter.respond({ model, input }))

const eventsOf = (model: string) => OpenRouter.stream({ model, input })

const streamOf = (model: string) => quick(Stream.runDrain(eventsOf(model)))

const objectOf = (model: string) => ({ model, input, schema: Schema.Struct({ n: Schema.Int }) })

type Call = Effect.Effect<
  unknown,
  OpenRouterError.OpenRouterError | OpenRouter.UnansweredCalls | Generation.GenerationNotFound,
  OpenRouter.OpenRouter
>

/** Ways that a call can go, and how its caller sees it: the outcome, and 2 for a failure, 1 for none, 0 for given up. */
const calls: ReadonlyArray<readonly [name: string, call: Call, outcome: string, status: 0 | 1 | 2]> = [
  ["an answer", askFor(model), "Completed", 1],
  ["a refusal", askFor("emulator/refusal"), "Refused", 2],
  ["a truncated answer", askFor("emulator/incomplete"), "Incomplete", 2],
  ["a failed answer", askFor("emulator/failed"), "ServerError", 2],
  ["an empty answer", askFor("emulator/empty"), "Empty", 2],
  ["a truncated answer as a value", OpenRouter.outcome({ model: "emulator/incomplete", input }), "Incomplete", 2],
  ["an answer of another shape", OpenRouter.respondObject(objectOf("emulator/echo")), "InvalidOutput", 2],
  ["an invalid request", askFor("emulator/status-400"), "InvalidRequest", 2],
  ["a request that cannot be sent", OpenRouter.respond({ model, input, maxOutputTokens: 0.5 }), "InvalidRequest", 2],
  [
    "a stream that cannot be sent",
    Stream.runDrain(OpenRouter.stream({ model, input, maxOutputTokens: 0.5 })),
    "InvalidRequest",
    2
  ],
  ["a header that cannot be sent", OpenRouter.withHeaders(ask, { "x-a": "\n" }), "InvalidRequest", 2],
  [
    "a rate limit",
    RetryPolicy.with(OpenRouter.respond({ model: "emulator/status-429", input }), RetryPolicy.none),
    "RateLimited",
    2
  ],
  ["a server error after retries", askFor("emulator/status-500"), "ServerError", 2],
  ["an unreadable answer", askFor("emulator/html"), "MalformedResponse", 2],
  ["a broken connection", askFor("emulator/disconnect"), "ConnectionFailed", 2],
  ["a call that is too late", Deadlines.with(askFor("emulator/hang"), { response: "50 millis" }), "TimedOut", 2],
  ["a call that is given up", Effect.timeoutOption(askFor("emulator/hang"), "50 millis"), "Interrupted", 0],
  [
    "a call that is given up between its attempts",
    Effect.timeoutOption(slowly(OpenRouter.respond({ model: "emulator/status-500", input })), "50 millis"),
    "Interrupted",
    0
  ],
  ["a defect on the way", Admission.with(ask, { stage: "observe", admit: () => Effect.die("no") }), "Died", 2],
  ["a stream", streamOf(model), "Completed", 1],
  ["a stream that refuses", streamOf("emulator/refusal"), "Refused", 2],
  ["a stream that is truncated", streamOf("emulator/incomplete"), "Incomplete", 2],
  ["a stream that fails at once", streamOf("emulator/status-400"), "InvalidRequest", 2],
  ["a stream that fails after retries", streamOf("emulator/status-500"), "ServerError", 2],
  ["a stream that fails in the end", streamOf("emulator/stream-error"), "ServerError", 2],
  ["a stream that is cut", streamOf("emulator/stream-cut"), "StreamInterrupted", 2],
  [
    "a stream of another shape",
    Stream.runDrain(OpenRouter.streamObject(objectOf("emulator/echo"))),
    "InvalidOutput",
    2
  ],
  ["a stream that stalls", Deadlines.with(streamOf("emulator/stream-stall"), { idle: "50 millis" }), "TimedOut", 2],
  [
    "a stream that is left early",
    Stream.runDrain(Stream.take(eventsOf("emulator/stream-slow-20"), 3)),
    "Interrupted",
    0
  ],
  [
    "a stream whose consumer fails",
    Effect.ignore(OpenRouter.streamOutcome({ model: "emulator/stream-slow-20", input }, () => Effect.fail("full"))),
    "Interrupted",
    0
  ],
  [
    "a stream that is given up between its attempts",
    Effect.timeoutOption(slowly(Stream.runDrain(eventsOf("emulator/status-500"))), "50 millis"),
    "Interrupted",
    0
  ],
  ["embeddings", OpenRouter.embeddings({ model: "openai/text-embedding-3-small", input }), "Answered", 1],
  ["embeddings that fail", quick(OpenRouter.embeddings({ model: "emulator/status-400", input })), "InvalidRequest", 2],
  ["a plain endpoint", OpenRouter.models(), "Answered", 1],
  ["a plain endpoint that fails", OpenRouter.generation("gen-nowhere"), "ModelUnavailable", 2]
]

type Collected = Effect.Success<ReturnType<typeof collected>>

const pointsOf = ({ points }: Collected, wanted: string) => points.filter(({ name }) => name === wanted)

describe("the telemetry of a call in a collector", () => {
  it.live.each(calls)("%s", ([name, call, outcome, status]) =>
    Effect.gen(function*() {
      const got = yield* collected(Effect.exit(call))
      assert.strictEqual(got.spans.length, 1, "one span")
      const [span] = got.spans
      const attributes = span?.attributes ?? {}
      assert.deepStrictEqual([span?.kind, span?.status], [3, status])
      assert.strictEqual(attributes["openrouter.outcome"], outcome)
      assert.strictEqual(attributes["error.type"], status === 2 ? outcome : undefined)
      const operation = name.startsWith("a plain") ? undefined : name.startsWith("embeddings") ? "embeddings" : "chat"
      const asked = attributes["gen_ai.request.model"]
      assert.strictEqual(attributes["gen_ai.operation.name"], operation)
      if (operation === undefined) assert.match(span?.name ?? "", /^OpenRouter\.(models|generation)$/)
      else assert.strictEqual(span?.name, `${operation} ${String(asked)}`)

      assert.deepStrictEqual(
        pointsOf(got, "openrouter.client.calls").map(({ attributes, unit, value }) => [
          attributes["openrouter.outcome"],
          value,
          unit
        ]),
        [[outcome, 1, "{call}"]]
      )
      const durations = pointsOf(got, "gen_ai.client.operation.duration")
      assert.deepStrictEqual(
        durations.map(({ attributes, bounds, count, unit }) => [
          attributes["error.type"],
          attributes["gen_ai.operation.name"],
          attributes["gen_ai.request.model"],
          attributes["gen_ai.provider.name"],
          count,
          unit,
          bounds?.[0],
          bounds?.at(-1)
        ]),
        operation === undefined
          ? []
          : [[status === 1 ? undefined : outcome, operation, asked, "openrouter", 1, "s", 0.01, 81.92]]
      )
      // Metrics and spans tell the same tokens and the same cost.
      for (const type of ["input", "output"]) {
        const point = pointsOf(got, "gen_ai.client.token.usage").find(({ attributes }) =>
          attributes["gen_ai.token.type"] === type
        )
        const tokens = attributes[`gen_ai.usage.${type}_tokens`]
        assert.strictEqual(point?.sum, tokens === 0 ? undefined : tokens)
        assert.deepStrictEqual(
          [point?.unit, point?.bounds?.at(-1)],
          point === undefined ? [undefined, undefined] : ["{token}", 67_108_864]
        )
      }
      const cost = attributes["openrouter.cost_usd"]
      assert.strictEqual(pointsOf(got, "openrouter.client.cost")[0]?.value, cost === 0 ? undefined : cost)
      for (const { attributes } of got.points) {
        assert.deepStrictEqual(Object.keys(attributes).filter((key) => /user|generation|span|trace/.test(key)), [])
      }
      for (const body of got.bodies) {
        assert.isFalse(body.includes(input) || body.includes(Redacted.value(apiKey)))
      }
    }).pipe(Effect.provide(ungated(emulated()))))

  it.live("a failure inside a 200", () =>
    Effect.gen(function*() {
      const { spans } = yield* collected(ask)
      assert.deepStrictEqual(spans.map(({ attributes, status }) => [attributes["error.type"], status]), [
        ["Failed", 2]
      ])
    }).pipe(Effect.provide(ungated(scripted([json({ error: { message: "m" } })])))))

  it.live("all that is known of an answer, over a socket", () =>
    Effect.gen(function*() {
      const got = yield* collected(
        OpenRouter.respond({ model, input, temperature: 0.5, maxOutputTokens: 400, topP: 0.9 })
      )
      if (Exit.isFailure(got.exit)) return assert.fail("it failed")
      const answer = got.exit.value
      assert.deepStrictEqual(got.spans[0]?.attributes, {
        "gen_ai.provider.name": "openrouter",
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": model,
        "gen_ai.request.max_tokens": 400,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.top_p": 0.9,
        "gen_ai.response.model": model,
        "gen_ai.response.id": answer.response.id,
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": answer.usage?.inputTokens,
        "gen_ai.usage.output_tokens": answer.usage?.outputTokens,
        "openrouter.outcome": "Completed",
        "openrouter.attempts": 1,
        "openrouter.generation_id": answer.generationId,
        "openrouter.cost_usd": Usd.toNumber(answer.cost ?? Usd.zero)
      })
      assert.deepStrictEqual(got.points.map(({ name, unit }) => `${name} ${unit}`).toSorted(), [
        "gen_ai.client.operation.duration s",
        "gen_ai.client.token.usage {token}",
        "gen_ai.client.token.usage {token}",
        "openrouter.client.attempts {attempt}",
        "openrouter.client.calls {call}",
        "openrouter.client.cost {USD}"
      ])
    }).pipe(Effect.provide(ungated(served()))))

  it.live("the time to the first piece of a stream", () =>
    Effect.gen(function*() {
      const got = yield* collected(streamOf(model))
      const [first] = pointsOf(got, "gen_ai.client.operation.time_to_first_chunk")
      assert.deepStrictEqual([first?.count, first?.unit], [1, "s"])
      assert.strictEqual(got.spans[0]?.attributes["gen_ai.response.time_to_first_chunk"], first?.sum)
      assert.strictEqual(got.spans[0]?.attributes["gen_ai.request.stream"], true)
    }).pipe(Effect.provide(ungated(served({}, "dispatch")))))
})

const waitsOf = (got: Collected) =>
  pointsOf(got, "openrouter.client.wait.duration").map(({ attributes, count, unit }) => [
    attributes["openrouter.wait.reason"],
    count,
    unit
  ])

describe("the events of a span", () => {
  it.live("tell attempts, retries and waits", () =>
    Effect.gen(function*() {
      const got = yield* collected(RetryPolicy.with(ask, RetryPolicy.make({ base: 20 })))
      const [span] = got.spans
      const until = span?.events[2]?.attributes["openrouter.wait.until"]
      assert.match(String(until), /^\d{4}-\d\d-\d\dT.*Z$/)
      assert.deepStrictEqual(span?.events.map(({ attributes, name }) => [name, attributes]), [
        ["openrouter.attempt", { "openrouter.attempt": 1 }],
        ["openrouter.retry", { "openrouter.attempt": 1, "error.type": "ServerError" }],
        ["openrouter.wait", {
          "openrouter.wait.reason": "retry",
          "openrouter.wait.until": until,
          "error.type": "ServerError"
        }],
        ["openrouter.attempt", { "openrouter.attempt": 2 }]
      ])
      assert.strictEqual(span?.attributes["openrouter.attempts"], 2)
      assert.deepStrictEqual(waitsOf(got), [["retry", 1, "s"]])
      assert.deepStrictEqual(
        pointsOf(got, "openrouter.client.attempts").map(({ attributes, value }) => [attributes["error.type"], value]),
        [["ServerError", 1], [undefined, 1]]
      )
    }).pipe(Effect.provide(ungated(scripted([failure(500), ok()])))))

  it.live("tell who waits at the gate, until when and why, streams included", () =>
    Effect.gen(function*() {
      const got = yield* collected(streamOf(model))
      const events = got.spans[0]?.events ?? []
      assert.deepStrictEqual(events.map(({ name }) => name), [
        "openrouter.attempt",
        "openrouter.retry",
        "openrouter.wait",
        "openrouter.attempt"
      ])
      const { "error.type": error, "openrouter.wait.reason": reason, "openrouter.wait.until": until } =
        events[2]?.attributes ?? {}
      assert.deepStrictEqual([reason, error], ["rate_gate", "RateLimited"])
      assert.isDefined(until)
      assert.deepStrictEqual(waitsOf(got), [["rate_gate", 1, "s"]])
      assert.strictEqual(pointsOf(got, "openrouter.rate_gate.closings").length, 1)
    }).pipe(Effect.provide(emulated({
      rules: [{ times: 1, reply: Emulator.Reply.failure(429, { headers: { "retry-after-ms": "60" } }) }]
    }))))

  it.live("tell what an admission of your own says", () =>
    Effect.gen(function*() {
      const slow: Admission.Admission = {
        stage: "reserve",
        admit: ({ onWait }) =>
          Effect.suspend(() => {
            onWait?.({ reason: "budget" })
            return Effect.as(Effect.sleep("30 millis"), () => Effect.void)
          })
      }
      const got = yield* collected(Admission.with(ask, slow))
      assert.deepStrictEqual(got.spans[0]?.events.map(({ name }) => name), ["openrouter.wait", "openrouter.attempt"])
      assert.deepStrictEqual(waitsOf(got), [["budget", 1, "s"]])
    }).pipe(Effect.provide(ungated(emulated()))))

  it.live("tell who waits for money", () =>
    Effect.gen(function*() {
      const asking = OpenRouter.respond({ model: "emulator/slow-40", input, maxOutputTokens: 100 })
      const got = yield* collected(
        Effect.all([asking, asking], { concurrency: 2 }).pipe(
          Budget.limit("0.15"),
          Prices.with({ "emulator/slow-40": { prompt: "0", completion: "0.001" } })
        )
      )
      assert.deepStrictEqual(
        got.spans.map(({ events }) => events.map(({ name }) => name).join()).toSorted(),
        ["openrouter.attempt", "openrouter.wait,openrouter.attempt"]
      )
      assert.deepStrictEqual(waitsOf(got), [["budget", 1, "s"]])
    }).pipe(Effect.provide(ungated(emulated()))))

  it.live("sum up the cost of all attempts, and tell what is unknown", () =>
    Effect.gen(function*() {
      const got = yield* collected(RetryPolicy.with(ask, RetryPolicy.make({ base: 1, times: 1, while: () => true })))
      const { attributes = {} } = got.spans[0] ?? {}
      assert.deepStrictEqual([attributes["openrouter.cost_usd"], attributes["openrouter.cost_unknown"]], [0.00002, 1])
      assert.deepStrictEqual(
        ["openrouter.client.cost", "openrouter.client.cost.unknown"].map((name) =>
          pointsOf(got, name).map(({ unit, value }) => [value, unit])
        ),
        [[[0.00002, "{USD}"]], [[1, "{attempt}"]]]
      )
    }).pipe(Effect.provide(ungated(scripted([failure(504), ok()])))))
})

describe("an instrumentation around the calls", () => {
  /** What a provider of `LanguageModel` does: a span of its own, which gets the tokens of the answer. */
  const generateText = Effect.useSpan(
    "LanguageModel.generateText",
    { kind: "client" },
    (span) =>
      Effect.map(Effect.withParentSpan(ask, span), (answer) => {
        span.attribute("gen_ai.operation.name", "chat")
        span.attribute("gen_ai.usage.input_tokens", answer.usage?.inputTokens ?? 0)
        span.attribute("gen_ai.usage.output_tokens", answer.usage?.outputTokens ?? 0)
        return answer
      })
  )

  it.live("is not counted twice", () =>
    Effect.gen(function*() {
      const got = yield* collected(Telemetry.with(generateText, { outer: "span" }))
      if (Exit.isFailure(got.exit)) return assert.fail("it failed")
      const [ours, theirs] = got.spans
      assert.deepStrictEqual([ours?.name, theirs?.name], [`chat ${model}`, "LanguageModel.generateText"])
      assert.deepStrictEqual([ours?.parent, ours?.traceId], [theirs?.id, theirs?.traceId])
      const tokens = (type: string) =>
        got.spans.map(({ attributes }) => attributes[`gen_ai.usage.${type}_tokens`]).filter((n) => n !== undefined)
      assert.deepStrictEqual(tokens("input"), [got.exit.value.usage?.inputTokens ?? 0])
      assert.deepStrictEqual(tokens("output"), [got.exit.value.usage?.outputTokens ?? 0])
      assert.strictEqual(pointsOf(got, "gen_ai.client.token.usage").length, 2)
    }).pipe(Effect.provide(ungated(emulated()))))

  it.live("may have metrics as well: then ours are those that only we know", () =>
    Effect.gen(function*() {
      const got = yield* collected(
        Telemetry.with(Effect.andThen(generateText, streamOf(model)), { outer: "metrics" })
      )
      assert.deepStrictEqual(got.points.filter(({ name }) => name.startsWith("gen_ai.")), [])
      assert.deepStrictEqual(pointsOf(got, "openrouter.client.calls").map(({ value }) => value), [1, 1])
    }).pipe(Effect.provide(ungated(emulated()))))
})

describe("the trace context", () => {
  it.effect("does not travel by itself", () =>
    Effect.gen(function*() {
      yield* Effect.withSpan(ask, "program")
      const [request] = yield* sent
      for (const name of Object.keys(request?.headers ?? {})) assert.notMatch(name, /^(traceparent|b3|tracestate)/)
    }).pipe(Effect.provide(scripted([ok()]))))

  it.live.each(["fetch", "undici", "dispatch"] as const)(
    "travels where the program says so: %s",
    (over) =>
      Effect.gen(function*() {
        const telling = Telemetry.with(Effect.andThen(ask, streamOf(model)), { propagation: true })
        const { spans: [plain, streamed] } = yield* collected(Effect.andThen(telling, ask))
        const { requests } = yield* Emulator.Emulator
        assert.deepStrictEqual((yield* requests).map(({ headers }) => headers["traceparent"]), [
          `00-${plain?.traceId}-${plain?.id}-01`,
          `00-${streamed?.traceId}-${streamed?.id}-01`,
          undefined
        ])
      }).pipe(Effect.provide(ungated(served({}, over))))
  )

  it.effect("travels by a layer too, and leaves a header of your own as it is", () =>
    Effect.gen(function*() {
      yield* ask
      yield* OpenRouter.withHeaders(ask, { traceparent: "mine" })
      yield* Telemetry.with(ask, { propagation: false })
      yield* Effect.provideService(ask, References.TracerEnabled, false)
      const [first, ...others] = (yield* sent).map(({ headers }) => headers["traceparent"])
      assert.match(first ?? "", /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
      assert.deepStrictEqual(others, ["mine", undefined, undefined])
    }).pipe(Effect.provide(Layer.merge(scripted([ok()]), Telemetry.layer({ propagation: true })))))
})

describe("the texts", () => {
  it.live("are in a span where the program says so", () =>
    Effect.gen(function*() {
      const { spans } = yield* collected(
        OpenRouter.respond({
          model,
          instructions: "Be brief.",
          input: [{ type: "message", role: "user", content: [{ type: "input_text", text: "Hello" }] }]
        }).pipe(Effect.andThen(ask), Telemetry.with({ content: true }))
      )
      const texts = (index: number, name: string): unknown => JSON.parse(String(spans[index]?.attributes[name]))
      const text = (content: string) => ({ type: "text", content })
      assert.deepStrictEqual(texts(0, "gen_ai.system_instructions"), [text("Be brief.")])
      assert.deepStrictEqual(texts(0, "gen_ai.input.messages"), [{ role: "user", parts: [text("Hello")] }])
      assert.deepStrictEqual(texts(0, "gen_ai.output.messages"), [
        { role: "assistant", parts: [text("Hi")], finish_reason: "stop" }
      ])
      assert.deepStrictEqual(texts(1, "gen_ai.input.messages"), [{ role: "user", parts: [text(input)] }])
    }).pipe(Effect.provide(ungated(scripted([ok()])))))
})

describe("metrics", () => {
  const both = Effect.andThen(askFor(model), streamOf(model))

  it.live("are off where the program says so, and spans are on", () =>
    Effect.gen(function*() {
      const { points, spans } = yield* collected(Telemetry.with(both, { metrics: false }))
      assert.deepStrictEqual([points.length, spans.length], [0, 2])
    }).pipe(Effect.provide(ungated(emulated()))))

  it.live("are on where spans are off", () =>
    Effect.gen(function*() {
      const got = yield* collected(Effect.provideService(both, References.TracerEnabled, false))
      assert.strictEqual(got.spans.length, 0)
      assert.deepStrictEqual(pointsOf(got, "openrouter.client.calls").map(({ value }) => value), [1, 1])
    }).pipe(Effect.provide(ungated(emulated()))))

  it.live("tell what is left of a budget that has a name", () =>
    Effect.gen(function*() {
      const price = Prices.with({ [model]: { prompt: "0", completion: "0.0001" } })
      const cents = OpenRouterTest.answer({ text: "Hi.", usage: { cost: Usd.make("0.04") } })
      const got = yield* collected(
        ask.pipe(Budget.limit("1", { name: "town" }), Budget.limit("2"), price, Telemetry.with({ outer: "metrics" }))
      ).pipe(Effect.provide(OpenRouterTest.layer(() => cents)))
      assert.deepStrictEqual(
        pointsOf(got, "openrouter.budget.remaining").map(({ attributes, unit, value }) => [
          attributes["openrouter.budget.name"],
          unit,
          value
        ]),
        [["town", "{USD}", 0.96]]
      )
      const off = yield* collected(
        ask.pipe(Budget.limit("1", { name: "town" }), price, Telemetry.with({ metrics: false }))
      ).pipe(Effect.provide(OpenRouterTest.layer(() => cents)))
      assert.deepStrictEqual(off.points, [])
    }))

  it.live("are kept for so many models, and for all others together", () =>
    Effect.gen(function*() {
      const names = Array.from({ length: 300 }, (_, index) => `author/model-${index}`)
      const got = yield* collected(Effect.forEach(names, (model) => OpenRouter.respond({ model, input })))
      const counted = pointsOf(got, "openrouter.client.calls")
      assert.isAtMost(counted.length, 201)
      assert.strictEqual(counted.reduce((sum, { value = 0 }) => sum + value, 0), 300)
      const others = counted.filter(({ attributes }) => attributes["gen_ai.request.model"] === "_OTHER")
      assert.strictEqual(others.length, 1)
    }).pipe(Effect.provide(OpenRouterTest.layer("Hi"))))
})

describe("a tracer that fails", () => {
  it.effect("loses no answer that was paid for", () =>
    Effect.gen(function*() {
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          span.attribute = (name) => {
            if (name === "openrouter.outcome") throw new Error("full")
          }
          return span
        }
      })
      const answer = yield* Effect.withTracer(ask, tracer)
      assert.strictEqual(answer.text, "Hi")
      yield* Effect.withTracer(streamOf(model), tracer)
    }).pipe(Effect.provide(OpenRouterTest.layer("Hi"))))
})

describe("a collector that is down", () => {
  /** A port that nobody listens at. */
  const closedPort = Effect.callback<number>((resume) => {
    const server = Net.createServer()
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      server.close(() => resume(Effect.succeed(port)))
    })
  })

  it.live("keeps no program from its end for longer than its shutdownTimeout", () =>
    Effect.gen(function*() {
      const exported = Otlp.layerJson({
        baseUrl: `http://127.0.0.1:${yield* closedPort}`,
        resource: { serviceName: "test" },
        shutdownTimeout: "100 millis"
      }).pipe(Layer.provide(FetchHttpClient.layer))
      const [without] = yield* Effect.timed(ask)
      const [within, answer] = yield* Effect.timed(Effect.provide(ask, exported))
      assert.notStrictEqual(answer.text, "")
      assert.isBelow(Duration.toMillis(within) - Duration.toMillis(without), 600)
    }).pipe(Effect.provide(ungated(emulated()))))
})
