import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Redacted, Schema, Stream } from "effect"
import { OpenRouter, OpenRouterError, Tools } from "effect-openrouter"
import { Emulator, OpenRouterTest } from "effect-openrouter/testing"
import { Tool, Toolkit } from "effect/ai"
import { FetchHttpClient, HttpServer } from "effect/http"
import { createServer } from "node:http"
import { call, handlers, rules, scripted, toolkit, ways } from "./scripted.ts"

const model = "openai/gpt-5"

const request = { model, input: "Bern?", toolkit }

describe.each(ways)("a run that is streamed, over $name", ({ layer }) => {
  it.effect("shows text, calls and results as they come, and ends with the outcome", () =>
    Effect.gen(function*() {
      const events = yield* Stream.runCollect(Tools.stream(request))
      const tags = events.map(({ _tag }) => _tag).filter((tag, index, all) =>
        tag !== "TextDelta" || all[index - 1] !== tag
      )
      assert.deepStrictEqual(tags, [
        "StepStarted",
        "TextDelta",
        "ToolCalled",
        "ToolReturned",
        "StepEnded",
        "StepStarted",
        "TextDelta",
        "Ended"
      ])
      const textOf = (step: number) =>
        events.map((event) => event._tag === "TextDelta" && event.step === step ? event.delta : "").join("")
      assert.strictEqual(textOf(1), "I look out of the window.")
      assert.strictEqual(textOf(2), "It is sunny in Bern, all day long.")
      const called = events.find((event) => event._tag === "ToolCalled")
      assert.deepStrictEqual(called, {
        _tag: "ToolCalled",
        step: 1,
        callId: "call_weather",
        name: "weather",
        arguments: { city: "Bern" }
      })
      const returned = events.find((event) => event._tag === "ToolReturned")
      assert.deepInclude({ ...returned }, { isFailure: false, result: "sunny in Bern", output: "sunny in Bern" })
      const last = events.at(-1)
      assert(last?._tag === "Ended" && last.outcome._tag === "Answered")
      assert.strictEqual(last.outcome.text, "It is sunny in Bern, all day long.")
      assert.strictEqual(last.outcome.costs.calls, 2)
    }).pipe(Effect.provide([
      handlers(),
      layer([
        ["I look out of the window.", call("weather", { city: "Bern" })],
        "It is sunny in Bern, all day long."
      ])
    ])))

  it.effect("shows what waits for approval", () => {
    const toolkit = Toolkit.make(
      Tool.make("send", { parameters: Schema.Struct({ to: Schema.String }), needsApproval: true }),
      Tool.make("look", { success: Schema.String })
    )
    return Effect.gen(function*() {
      const events = yield* Stream.runCollect(Tools.stream({ model, input: "Send.", toolkit }))
      const needed = events.flatMap((event) => event._tag === "ApprovalNeeded" ? [event.call] : [])
      const last = events.at(-1)
      assert(last?._tag === "Ended" && last.outcome._tag === "Pending")
      assert.deepStrictEqual(needed, last.outcome.calls)
      const { outcome: pending } = last
      const resumed = yield* Stream.runCollect(
        Tools.stream({ model, toolkit, resume: { pending, decisions: needed.map((call) => Tools.approve(call)) } })
      )
      assert.deepStrictEqual(
        resumed.map(({ _tag }) => _tag).filter((tag) => tag !== "TextDelta"),
        ["ToolCalled", "ToolReturned", "StepEnded", "StepStarted", "Ended"]
      )
    }).pipe(Effect.provide([
      toolkit.toLayer({ send: () => Effect.void, look: () => Effect.succeed("seen") }),
      layer([[call("send", { to: "Ann" }), call("look", {})], "Sent."])
    ]))
  })
})

describe("a run that is streamed", () => {
  it.effect("shows how far a handler is", () => {
    const toolkit = Toolkit.make(Tool.make("count", { success: Schema.Int }))
    return Effect.gen(function*() {
      const events = yield* Stream.runCollect(Tools.stream({ model, input: "Count.", toolkit }))
      const progress = events.flatMap((event) => event._tag === "ToolProgressed" ? [event.result] : [])
      assert.deepStrictEqual(progress, Array.from({ length: 100 }, (_, n) => n))
      const last = events.at(-1)
      assert(last?._tag === "Ended" && last.outcome._tag === "Answered")
      assert.strictEqual(last.outcome.transcript.filter((item) => item.type === "function_call_output").length, 1)
    }).pipe(Effect.provide([
      toolkit.toLayer({
        count: Effect.fnUntraced(function*(_, context) {
          for (let n = 0; n < 100; n++) yield* context.preliminary(n)
          return 100
        })
      }),
      scripted([call("count", {}), "Done."])
    ]))
  })

  it.effect("ends as stopped where the stream of a step breaks off", () =>
    Effect.gen(function*() {
      const events = yield* Stream.runCollect(Tools.stream(request))
      const last = events.at(-1)
      assert(last?._tag === "Ended" && last.outcome._tag === "Stopped")
      assert.strictEqual(last.outcome.error._tag, "StreamInterrupted")
      assert.strictEqual(last.outcome.steps, 1)
      assert.strictEqual(last.outcome.transcript.length, 3)
    }).pipe(Effect.provide([
      handlers(),
      OpenRouterTest.layer([
        OpenRouterTest.answer({
          output: [{ type: "function_call", callId: "a", name: "weather", arguments: `{"city":"Bern"}` }]
        }),
        new OpenRouterError.StreamInterrupted({ message: "cut", partialText: "It is", hasBegun: true })
      ])
    ])))

  it.effect("fails where it cannot be resumed, and dies of a defect", () =>
    Effect.gen(function*() {
      const toolkit = Toolkit.make(Tool.make("send", { needsApproval: true }))
      const layer = toolkit.toLayer({ send: () => Effect.die("broken") })
      const end = yield* Tools.outcome({ model, input: "Send.", toolkit }).pipe(Effect.provide(layer))
      assert(end._tag === "Pending")
      const decisions = end.calls.map((call) => Tools.approve(call))
      const resumed = Stream.runDrain(Tools.stream({ model, toolkit, resume: { pending: end, decisions } }))
      const exit = yield* Effect.exit(Effect.provide(resumed, layer))
      assert.include(String(exit), "broken")
      assert.isTrue(Exit.isFailure(exit))
      const error = yield* Effect.flip(Effect.provide(resumed, layer))
      assert.strictEqual(error._tag, "InvalidDecision")
    }).pipe(Effect.provide(scripted([call("send", {})]))))

  it.effect("is as fast as who looks on", () => {
    const log: Array<string> = []
    const cities = Array.from({ length: 60 }, (_, n) => call("weather", { city: `${n}` }, `${n}`))
    return Effect.gen(function*() {
      yield* Tools.stream(request).pipe(
        Stream.filter((event) => event._tag === "ToolReturned"),
        Stream.take(1),
        Stream.runDrain
      )
      assert.isBelow(log.length, 25)
    }).pipe(Effect.provide([handlers(log), scripted([cities])]))
  })
})

/** An emulator on a free port, and its client. */
const served = (options: Emulator.Options) => {
  const server = createServer()
  const client = Layer.unwrap(
    Effect.map(HttpServer.HttpServer, ({ address }) =>
      OpenRouter.layer({
        apiKey: Redacted.make("sk-or-v1-test"),
        apiUrl: `http://127.0.0.1:${"port" in address ? address.port : 0}/api/v1`
      }))
  )
  return Layer.effectDiscard(Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections()))).pipe(
    Layer.provideMerge(Layer.merge(Layer.provide(client, FetchHttpClient.layer), Emulator.layerServer(options))),
    Layer.provide(NodeHttpServer.layer(() => server, { port: 0, host: "127.0.0.1" }))
  )
}

const until = (is: Effect.Effect<boolean>) =>
  Effect.repeat(Effect.andThen(Effect.sleep("2 millis"), is), { until: (is) => is }).pipe(Effect.timeout("2 seconds"))

describe("who leaves", () => {
  it.live("a stream in the middle of a text closes the connection", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.Emulator
      yield* Tools.stream(request).pipe(
        Stream.filter((event) => event._tag === "TextDelta" && event.step === 2),
        Stream.take(2),
        Stream.runDrain
      )
      yield* until(Effect.map(emulator.openRequests, (open) => open === 0))
    }).pipe(Effect.provide([
      handlers(),
      served({
        seed: 1,
        rules: [
          ...rules([call("weather", { city: "Bern" })]),
          { reply: Emulator.Reply.text("word ".repeat(500), { stream: { eventDelay: "20 millis" } }) }
        ]
      })
    ])))

  it.live("a run interrupts its handlers, and the request that one of them has made", () => {
    let interrupted = 0
    const toolkit = Toolkit.make(Tool.make("expert", { success: Schema.String, dependencies: [OpenRouter.OpenRouter] }))
    return Effect.gen(function*() {
      const emulator = yield* Emulator.Emulator
      const fiber = yield* Effect.forkChild(Tools.run({ model, input: "Ask.", toolkit }))
      yield* until(Effect.map(emulator.requests, (requests) => requests.length === 2))
      yield* until(Effect.map(emulator.openRequests, (open) => open === 1))
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(interrupted, 1)
      yield* until(Effect.map(emulator.openRequests, (open) => open === 0))
    }).pipe(Effect.provide([
      toolkit.toLayer({
        expert: () =>
          OpenRouter.respond({ model, input: "Think." }).pipe(
            Effect.map(({ text }) => text),
            Effect.orDie,
            Effect.onInterrupt(() => Effect.sync(() => interrupted++))
          )
      }),
      served({ seed: 1, rules: [...rules([call("expert", {})]), { reply: Emulator.Reply.hang() }] })
    ]))
  })
})
