import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Emulator } from "effect-openrouter/testing"
import { HttpClient, HttpClientRequest, type HttpMethod } from "effect/http"

const ErrorBody = Schema.Struct({ error: Schema.Struct({ code: Schema.Int, message: Schema.String }) })

interface Sent {
  readonly path?: string
  readonly method?: HttpMethod.HttpMethod
  readonly key?: string | undefined
  readonly text?: string
}

const send = ({ key = "test", method = "POST", path = "/api/v1/responses", text = "" }: Sent) =>
  Effect.gen(function*() {
    const request = HttpClientRequest.make(method)(`http://emulator${path}`).pipe(
      key === "" ? (self) => self : HttpClientRequest.bearerToken(key),
      method === "GET" ? (self) => self : HttpClientRequest.bodyText(text, "application/json")
    )
    const response = yield* HttpClient.execute(request)
    const text_ = yield* response.text
    return { status: response.status, headers: response.headers, text: text_ }
  })

const sendJson = (body: Schema.Json) => send({ text: JSON.stringify(body) })

const good = { model: "openai/gpt-5", input: "Hello" }

describe("requests that are turned away", () => {
  const long = (length: number) => "x".repeat(length)
  const bad: ReadonlyArray<readonly [field: string, body: Schema.Json]> = [
    ["model", { input: "Hello" }],
    ["model", { ...good, model: "" }],
    ["model", { ...good, model: 5 }],
    ["input", { model: good.model }],
    ["input", { ...good, input: null }],
    ["input", { ...good, input: [] }],
    ["item 0", { ...good, input: ["Hello"] }],
    ["item 1", { ...good, input: [{ role: "user", content: "a" }, { role: "nobody", content: "b" }] }],
    ["'id'", { ...good, input: [{ role: "assistant", content: [{ type: "output_text", text: "a" }] }] }],
    ["detail", { ...good, input: [{ role: "user", content: [{ type: "input_image", image_url: "https://a" }] }] }],
    ["temperature", { ...good, temperature: "hot" }],
    ["temperature", { ...good, temperature: 3 }],
    ["top_p", { ...good, top_p: -1 }],
    ["top_k", { ...good, top_k: 1.5 }],
    ["top_k", { ...good, top_k: null }],
    ["max_output_tokens", { ...good, max_output_tokens: 767.63 }],
    ["max_tool_calls", { ...good, max_tool_calls: 2.5 }],
    ["top_logprobs", { ...good, top_logprobs: 0.1 }],
    ["metadata", { ...good, metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, "v"])) }],
    ["metadata", { ...good, metadata: { [long(65)]: "v" } }],
    ["metadata", { ...good, metadata: { k: long(513) } }],
    ["metadata", { ...good, metadata: { k: 1 } }],
    ["metadata", { ...good, metadata: { "k[0]": "v" } }],
    ["user", { ...good, user: long(257) }],
    ["session_id", { ...good, session_id: long(257) }],
    ["store", { ...good, store: true }],
    ["store", { ...good, store: null }],
    ["previous_response_id", { ...good, previous_response_id: "resp_1" }],
    ["truncation", { ...good, truncation: { type: "auto" } }],
    ["service_tier", { ...good, service_tier: "cheap" }],
    ["text.format.name", { ...good, text: { format: { type: "json_schema", schema: {} } } }],
    ["text.format.schema", { ...good, text: { format: { type: "json_schema", name: "a" } } }],
    ["text.format.type", { ...good, text: { format: { type: "yaml" } } }],
    ["tools[0].parameters", { ...good, tools: [{ type: "function", name: "f" }] }],
    ["tools[0]", { ...good, tools: ["f"] }],
    ["tool_choice", { ...good, tool_choice: "required" }],
    ["tool_choice", { ...good, tool_choice: { type: "function", name: "f" } }],
    ["stream", { ...good, stream: "yes" }],
    ["unknown/model", { ...good, model: "unknown/model" }],
    ["gpt-5", { ...good, model: "gpt-5" }],
    ["emulator/nothing", { ...good, model: "emulator/nothing" }],
    ["object", [1]]
  ]

  it.effect.each(bad)("400 names %s", ([field, body]) =>
    Effect.gen(function*() {
      const { status, text } = yield* sendJson(body)
      const { error } = yield* Schema.decodeEffect(Schema.fromJsonString(ErrorBody))(text)
      assert.strictEqual(status, 400)
      assert.strictEqual(error.code, 400)
      assert.include(error.message, field)
      const ledger = yield* Emulator.Emulator.use((emulator) => emulator.ledger)
      assert.strictEqual(ledger.calls, 0)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  const elsewhere: ReadonlyArray<readonly [status: number, sent: Sent]> = [
    [400, { text: "{\"model\":" }],
    [400, { text: "" }],
    [401, { key: "", text: JSON.stringify(good) }],
    [401, { key: "wrong", text: JSON.stringify(good) }],
    [401, { key: "wrong", method: "GET", path: "/api/v1/key" }],
    [404, { path: "/api/v1/nothing" }],
    [404, { path: "/responses" }],
    [404, { method: "GET" }],
    [404, { method: "GET", path: "/api/v1/generation?id=gen-0-nothing" }],
    [413, { text: JSON.stringify({ ...good, input: "ä".repeat(600) }) }]
  ]

  it.effect.each(elsewhere)("%i %o", ([status, sent]) =>
    Effect.gen(function*() {
      const answer = yield* send(sent)
      assert.strictEqual(answer.status, status)
      const { error } = yield* Schema.decodeEffect(Schema.fromJsonString(ErrorBody))(answer.text)
      assert.strictEqual(error.code, status)
    }).pipe(Effect.provide(Emulator.layerHttpClient({ keys: ["test"], maxBodyBytes: 1000 }))))
})

describe("requests that are accepted", () => {
  const bodies: ReadonlyArray<readonly [what: string, body: Schema.Json]> = [
    ["nulls where they are allowed", {
      ...good,
      temperature: null,
      top_p: null,
      metadata: null,
      instructions: null,
      reasoning: null,
      previous_response_id: null,
      max_output_tokens: null,
      store: false,
      stream: false
    }],
    ["limits reached exactly", {
      ...good,
      user: "u".repeat(256),
      session_id: "s".repeat(256),
      metadata: Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`${i}`.padEnd(64, "k"), "v".repeat(512)]))
    }],
    ["unknown fields", { ...good, novelty: { a: 1 } }],
    ["history with echoed items", {
      ...good,
      input: [
        { role: "user", content: [{ type: "input_text", text: "a" }] },
        { type: "reasoning", id: "rs_1", summary: [] },
        {
          type: "message",
          id: "msg_1",
          role: "assistant",
          status: "completed",
          content: [{ type: "output_text", text: "b", annotations: [] }]
        },
        { type: "some_future_item", payload: 1 },
        { role: "user", content: "c" }
      ]
    }],
    ["presets, aliases and variants", { ...good, model: "@preset/town" }],
    ["server tools", { ...good, tools: [{ type: "openrouter:web_search" }] }]
  ]

  it.effect.each(bodies)("%s", ([_, body]) =>
    Effect.gen(function*() {
      const { status, text } = yield* sendJson(body)
      assert.strictEqual(status, 200, text)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))
})

describe("the record of requests", () => {
  it.effect("keeps the newest thousand without their credentials", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.Emulator
      yield* sendJson({ ...good, input: "first" })
      const [only] = yield* emulator.requests
      assert.strictEqual(only?.key, "test")
      assert.strictEqual(only?.path, "/api/v1/responses")
      assert.deepStrictEqual(only?.body, { ...good, input: "first" })
      assert.notInclude(JSON.stringify(only?.headers), "test")
      yield* Effect.forEach(Array.from({ length: 1000 }, (_, i) => i), (i) => sendJson({ ...good, input: `${i}` }))
      const requests = yield* emulator.requests
      assert.strictEqual(requests.length, 1000)
      assert.deepStrictEqual(requests[0]?.body, { ...good, input: "0" })
      yield* emulator.reset
      assert.deepStrictEqual(yield* emulator.requests, [])
    }).pipe(Effect.provide(Emulator.layerHttpClient())))
})
