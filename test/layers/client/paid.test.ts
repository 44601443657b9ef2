import { assert, describe, it } from "@effect/vitest"
import { Effect, Equal, Schema, Stream } from "effect"
import { OpenRouter, OpenRouterError, Response, Wire } from "effect-openrouter"
import { Emulator, OpenRouterTest } from "effect-openrouter/testing"
import { inspect } from "node:util"
import { ask, clientOf, emulated, errorJson, final, model, scripted, tcpServer } from "./support.ts"
import type { Reply as Sent } from "./support.ts"

const { Reply } = Emulator

type E = OpenRouterError.OpenRouterError

/** An error that was stored with all that it has. */
const restored = (error: E) =>
  Effect.flatMap(
    Schema.encodeEffect(Schema.fromJsonString(OpenRouterError.Complete))(error),
    Schema.decodeEffect(Schema.fromJsonString(OpenRouterError.Complete))
  )

type Event = Schema.JsonObject

const sse = (...events: ReadonlyArray<Event>): Sent => ({
  headers: { "content-type": "text/event-stream" },
  body: events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("")
})

const streamed = Stream.runDrain(OpenRouter.streamText({ model, input: "Hello" }))

const created = {
  type: "response.created",
  response: { id: "gen-7", status: "in_progress", output: [], novel: 1, instructions: "Be brief." }
}

const delta = { type: "response.output_text.delta", output_index: 0, content_index: 0, item_id: "m", delta: "Once" }

/** Failures inside an answer that has begun. */
const inBand: ReadonlyArray<readonly [name: string, tag: E["_tag"], ...events: ReadonlyArray<Event>]> = [
  ["a stream that is cut off", "StreamInterrupted", created, delta],
  ["an error event", "RateLimited", created, delta, {
    type: "error",
    error: { code: "rate_limit_exceeded", message: "later" }
  }],
  ["an error event that says nothing", "GenerationFailed", created, delta, { type: "error", message: "moon" }],
  ["a failed response", "ProviderOverloaded", created, delta, {
    type: "response.failed",
    response: {
      ...created.response,
      status: "failed",
      error: { code: "server_error", message: "m" },
      error_type: "provider_overloaded"
    }
  }],
  ["an incomplete response", "Incomplete", created, delta, {
    type: "response.incomplete",
    response: { ...created.response, status: "incomplete", incomplete_details: { reason: "max_output_tokens" } }
  }]
]

describe("the response of an error", () => {
  const replies = [
    Reply.incomplete({ text: "Once" }),
    Reply.refusal({ refusal: "I won't." }),
    Reply.empty(),
    Reply.failed({ errorType: "lunar_eclipse", code: "moon", text: "Once" }),
    Reply.failed({ errorType: "provider_overloaded", text: "Once" })
  ]

  it.effect.each(replies)("is the whole answer, at once and streamed: $_tag", (reply) =>
    Effect.gen(function*() {
      for (const call of [ask(), streamed]) {
        const error: E = yield* Effect.flip(call)
        assert.strictEqual(error.response?.id, error.generationId)
        assert.isTrue(Equal.equals(error.response?.usage, error.usage))
        if (error.partialText !== undefined) {
          assert.strictEqual(error.response && Response.text(error.response), error.partialText)
        }
        assert.isTrue(Equal.equals(yield* restored(error), error))
        assert.notInclude(JSON.stringify(yield* errorJson(error)), `"output"`)
      }
    }).pipe(Effect.provide(final(emulated({ rules: [{ reply }] })))))

  it.effect.each(inBand)("is what had arrived of %s", ([_, tag, ...events]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(streamed)
      assert.strictEqual(error._tag, tag)
      const { response } = error
      if (response === undefined) return assert.fail("no response")
      assert.strictEqual(Response.text(response), "Once")
      assert.deepInclude(Wire.raw(response), { id: "gen-7", novel: 1, instructions: "Be brief." })
      const back = yield* restored(error)
      assert.isTrue(Equal.equals(back, error))
      assert.deepStrictEqual(Wire.raw(back.response), Wire.raw(response))
      assert.notInclude(`${inspect(error, { depth: null })}${JSON.stringify(error)}`, "brief")
    }).pipe(Effect.provide(final(scripted([sse(...events)])))))

  it.effect("is what had arrived when the connection broke, or a deadline passed", () =>
    Effect.gen(function*() {
      const { url } = yield* tcpServer((socket) =>
        socket.once("data", () => {
          socket.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 5000\r\n\r\n")
          socket.write(sse(created, delta).body)
          Effect.runFork(Effect.delay(Effect.sync(() => socket.resetAndDestroy()), "20 millis"))
        })
      )
      const error = yield* streamed.pipe(Effect.flip, Effect.provide(clientOf(url)))
      assert.strictEqual(error._tag, "ConnectionFailed")
      assert.strictEqual(error.response?.id, "gen-7")
    }))

  it.effect("is absent where no response came", () =>
    Effect.gen(function*() {
      for (const [call, tag] of [[streamed, "StreamInterrupted"], [ask(), "MalformedResponse"]] as const) {
        const error: E = yield* Effect.flip(call)
        assert.strictEqual(error._tag, tag)
        assert.isUndefined(error.response)
      }
    }).pipe(Effect.provide(final(scripted([sse(), { body: "<html>" }])))))

  it.effect("comes with the errors of a test client as well", () =>
    Effect.gen(function*() {
      const message = "as the test says"
      const errors: ReadonlyArray<readonly [E, output: number]> = [
        [new OpenRouterError.Refused({ message, source: "model", refusal: "I won't." }), 1],
        [new OpenRouterError.Incomplete({ message, reason: "max_output_tokens", partialText: "Once" }), 1],
        [new OpenRouterError.EmptyCompletion({ message }), 0],
        [new OpenRouterError.GenerationFailed({ message, partialText: "Once" }), 1]
      ]
      for (const [reply, output] of errors) {
        const error = yield* Effect.flip(ask()).pipe(Effect.provide(OpenRouterTest.layer(reply)))
        assert.strictEqual(error._tag, reply._tag)
        assert.strictEqual(error.response?.output.length, output)
      }
    }))
})

describe("a message", () => {
  const secret = "the princess hides in the mill"

  const Shape = Schema.Struct({
    n: Schema.Int,
    tags: Schema.Array(Schema.Literals(["a", "b"])),
    by: Schema.Record(Schema.String, Schema.FiniteFromString)
  })

  const asked = OpenRouter.respondObject({ model, input: "Hi", schema: Shape }).pipe(
    Effect.as(undefined),
    Effect.catchTag("InvalidOutput", Effect.succeed)
  )

  const fine = { n: 1, tags: ["a"], by: [{ 0: "x", 1: "1" }] }

  const misfits: ReadonlyArray<readonly [name: string, text: string, message: string]> = [
    ["a field", JSON.stringify({ ...fine, n: secret }), "at n"],
    ["an element", JSON.stringify({ ...fine, tags: ["a", secret] }), "at tags[1]"],
    ["a value under a name of the model", JSON.stringify({ ...fine, by: [{ 0: secret, 1: secret }] }), "at by"],
    ["a missing field", JSON.stringify({ ...fine, n: undefined, [secret]: secret }), "at n"],
    ["the whole", JSON.stringify(secret), "at the whole of it"],
    ["prose", `Sure: ${secret}`, "it is not JSON"],
    ["half of it", `{"n":1,"${secret}":"${secret}`, "it is not JSON"]
  ]

  it.effect.each(misfits)(
    "names the place of what does not fit, and not the answer: %s",
    ([_, text, message]) =>
      Effect.gen(function*() {
        const error = yield* asked
        if (error === undefined) return assert.fail("it was accepted")
        assert.include(error.message, message)
        assert.notInclude(error.message, "princess")
        assert.strictEqual(error.text, text)
        assert.strictEqual(error.response && Response.text(error.response), text)
      }).pipe(Effect.provide(final(emulated({ rules: [{ reply: Reply.text(text) }] }))))
  )

  it.effect("does not name what the model named", () =>
    Effect.gen(function*() {
      const positive = Schema.Record(Schema.String, Schema.Finite).check(
        Schema.makeFilter((ages) => {
          const name = Object.keys(ages).find((name) => (ages[name] ?? 0) < 0)
          return name === undefined ? undefined : { path: [name], issue: "is no age" }
        })
      )
      const error = yield* OpenRouter.respondObject({
        model,
        input: "Hi",
        schema: Schema.Struct({ ages: positive })
      }).pipe(Effect.as(undefined), Effect.catchTag("InvalidOutput", Effect.succeed))
      assert.include(error?.message ?? "", "at ages.*")
      assert.notInclude(error?.message ?? "", "princess")
      assert.include(error?.issue ?? "", "is no age")
    }).pipe(
      Effect.provide(final(emulated({ rules: [{ reply: Reply.text(`{"ages":[{"0":"${secret}","1":-1}]}`) }] })))
    ))

  it.effect("says that the model refused, and not with which words", () =>
    Effect.gen(function*() {
      for (const call of [ask(), streamed]) {
        const error: E = yield* Effect.flip(call)
        if (error._tag !== "Refused") return assert.fail(error._tag)
        assert.strictEqual(error.message, "the model refused")
        assert.strictEqual(error.refusal, secret)
      }
    }).pipe(Effect.provide(final(emulated({ rules: [{ reply: Reply.refusal({ refusal: secret }) }] })))))
})
