import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Redacted, type Schema } from "effect"
import { type CreateResponse, OpenRouter, Usd, Wire } from "effect-openrouter"
import { apiKey, ask, failure, final, json, model, ok, scripted, sent, untyped } from "./support.ts"
import type { Reply } from "./support.ts"

type Request = CreateResponse.Sendable

const one = (reply: Reply, options?: OpenRouter.Options) => Effect.provide(final(scripted([reply], options)))

/** The call fails before anything is sent, and the error blames `field`. */
const rejected = (request: Request, field: string | undefined) =>
  Effect.gen(function*() {
    const error = yield* OpenRouter.respond(request).pipe(
      Effect.as(undefined),
      Effect.catchTag("InvalidRequest", (error) => Effect.succeed(error))
    )
    if (error === undefined) return assert.fail("it was accepted")
    assert.strictEqual(error.origin, "local")
    assert.strictEqual(error.field, field)
    if (field !== undefined) assert.include(error.message, field)
    assert.deepStrictEqual(yield* sent, [])
  }).pipe(one(ok()))

/** The call succeeds, and the JSON that was sent is given. */
const accepted = (request: CreateResponse.Sendable) =>
  Effect.gen(function*() {
    yield* OpenRouter.respond(request)
    const [first] = yield* sent
    const body: unknown = JSON.parse(first?.body ?? "null")
    return body
  }).pipe(one(ok()))

const pairs = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`key${n}`, "value"]))

const high = "\ud83d"
const low = "\ude00"

describe("requests that cannot be sent name their field", () => {
  const requests: ReadonlyArray<readonly [name: string, request: Request, field: string]> = [
    ["an empty model", { model: "", input: "Hi" }, "model"],
    ["a blank model", { model: " \t", input: "Hi" }, "model"],
    ["an empty fallback", { models: ["a/b", ""], input: "Hi" }, "models[1]"],
    ["a temperature that is text", untyped(`{"model":"a/b","input":"Hi","temperature":"hot"}`), "temperature"],
    ["a temperature that is null", untyped(`{"model":"a/b","input":"Hi","temperature":null}`), "temperature"],
    ["a temperature that is no number", { model, input: "Hi", temperature: NaN }, "temperature"],
    ["an infinite topP", { model, input: "Hi", topP: Infinity }, "topP"],
    ["half a token", { model, input: "Hi", maxOutputTokens: 0.5 }, "maxOutputTokens"],
    ["half a topK", { model, input: "Hi", topK: 1.5 }, "topK"],
    ["half a step", { model, input: "Hi", maxToolCalls: 1e-9 }, "maxToolCalls"],
    ["half a reasoning token", { model, input: "Hi", reasoning: { maxTokens: 2.5 } }, "reasoning.maxTokens"],
    ["an integer that is text", untyped(`{"model":"a/b","maxOutputTokens":"12"}`), "maxOutputTokens"],
    ["17 pairs of metadata", { model, input: "Hi", metadata: pairs(17) }, "metadata"],
    ["a key of 65 characters", { model, input: "Hi", metadata: { ["k".repeat(65)]: "v" } }, "metadata"],
    ["an empty key", { model, input: "Hi", metadata: { "": "v" } }, "metadata"],
    ["a value of 513 characters", { model, input: "Hi", metadata: { k: "v".repeat(513) } }, "metadata"],
    ["an opening bracket", { model, input: "Hi", metadata: { "a[0": "v" } }, "metadata"],
    ["a closing bracket", { model, input: "Hi", metadata: { "a]": "v" } }, "metadata"],
    ["a value that is a number", untyped(`{"model":"a/b","metadata":{"k":1}}`), "metadata.k"],
    ["a user of 257 characters", { model, input: "Hi", user: "u".repeat(257) }, "user"],
    ["a session of 257 characters", { model, input: "Hi", sessionId: "s".repeat(257) }, "sessionId"],
    ["an input that is a number", untyped(`{"model":"a/b","input":1}`), "input"],
    [
      "a field that does not exist",
      untyped(`{"model":"a/b","input":"Hi","previousResponseId":"r"}`),
      "previousResponseId"
    ],
    ["a field in snake case", untyped(`{"model":"a/b","input":"Hi","max_output_tokens":1}`), "max_output_tokens"],
    ["the first half of a pair", { model, input: `a${high}` }, "input"],
    ["the second half of a pair", { model, input: `${low}b` }, "input"],
    ["the halves in the wrong order", { model, input: `${low}${high}` }, "input"],
    ["half of a pair in nested content", {
      model,
      input: [{ role: "user", content: [{ type: "input_text", text: `deep ${high}` }] }]
    }, "input[0].content[0].text"],
    ["half of a pair in the instructions", { model, input: "Hi", instructions: high }, "instructions"],
    ["half of a pair in a value", { model, input: "Hi", metadata: { k: low } }, "metadata.k"],
    ["half of a pair in a key", { model, input: "Hi", metadata: { [`k${high}`]: "v" } }, "metadata"],
    ["half of a pair after a backslash", { model, input: `\\${high}` }, "input"],
    [
      "a BigInt",
      { model, input: "Hi", tools: [{ type: "function", name: "f", parameters: { n: 1n } }] },
      "tools[0].parameters.n"
    ],
    ["a number that JSON cannot hold", {
      model,
      input: "Hi",
      tools: [{ type: "function", name: "f", parameters: { of: [1, NaN] } }]
    }, "tools[0].parameters.of[1]"]
  ]

  it.effect.each(requests)("%s", ([_, request, field]) => rejected(request, field))

  const lossy: ReadonlyArray<readonly [name: string, parameters: { readonly [key: string]: unknown }, at: string]> = [
    ["a function", { type: () => "object" }, "type"],
    ["a symbol", { properties: { a: Symbol("a") } }, "properties.a"],
    ["a Map", { properties: new Map([["a", 1]]) }, "properties"],
    ["a Set", { required: new Set(["a"]) }, "required"],
    ["undefined in a list", { enum: ["a", undefined] }, "enum[1]"]
  ]

  it.effect.each(lossy)("what JSON would leave out: %s", ([_, parameters, at]) =>
    rejected(
      { model, input: "Hi", tools: [{ type: "function", name: "f", parameters }] },
      `tools[0].parameters.${at}`
    ))

  it.effect("but not what JSON writes otherwise, or does not need", () =>
    Effect.gen(function*() {
      const parameters = { default: { toJSON: () => "now" }, description: undefined, examples: [1, null] }
      const body = yield* accepted({ input: "Hi", tools: [{ type: "function", name: "f", parameters }] })
      assert.deepStrictEqual(body, {
        input: "Hi",
        tools: [{
          type: "function",
          name: "f",
          parameters: { type: "object", default: "now", examples: [1, null], properties: {} }
        }]
      })
    }))

  it.effect("a cycle", () => {
    const node: Record<string, unknown> = {}
    node["self"] = node
    return rejected(
      { model, input: "Hi", tools: [{ type: "function", name: "f", parameters: node }] },
      "tools[0].parameters.self"
    )
  })

  it.effect.each<readonly [name: string, json: string, remedy: string]>([
    ["a field in snake case", `{"max_output_tokens":1}`, "use maxOutputTokens: fields are in camelCase"],
    ["a nested one", `{"reasoning":{"max_tokens":1}}`, "use maxTokens: fields are in camelCase"],
    ["stream", `{"stream":true}`, "OpenRouter.stream and its siblings"],
    ["previousResponseId", `{"previousResponseId":"r"}`, "send the history in input"],
    ["an unknown tool", `{"tools":[{"type":"wether"}]}`, `"wether", which this version does not know`],
    ["a tool without a type", `{"tools":[{"id":"f"}]}`, "needs a type, one of function,"]
  ])("with the remedy: %s", ([_, json, remedy]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(OpenRouter.respond(untyped(json)))
      assert.strictEqual(error._tag, "InvalidRequest")
      assert.include(error.message, remedy)
    }).pipe(one(ok())))

  it.effect("parameters that are nested without end", () => {
    let parameters: Record<string, unknown> = {}
    for (let depth = 0; depth < 50_000; depth++) parameters = { inner: parameters }
    return rejected({ model, input: "Hi", tools: [{ type: "function", name: "f", parameters }] }, undefined)
  })

  it.effect("a request that is no object", () =>
    Effect.gen(function*() {
      for (const text of ["1", `"Hi"`, "[]", "null"]) {
        const exit = yield* Effect.exit(Effect.flip(Effect.suspend(() => OpenRouter.respond(untyped(text)))))
        if (Exit.isFailure(exit)) return assert.fail(`${text}: ${exit.cause}`)
        assert.strictEqual(exit.value._tag, "InvalidRequest", text)
      }
      assert.deepStrictEqual(yield* sent, [])
    }).pipe(one(ok())))
})

describe("requests at the limit are sent as they are", () => {
  const requests: ReadonlyArray<
    readonly [name: string, request: CreateResponse.CreateResponse, wire: { readonly [field: string]: Schema.Json }]
  > = [
    ["16 pairs", { model, metadata: pairs(16) }, { model, metadata: pairs(16) }],
    ["a key of 64, a value of 512", { metadata: { ["k".repeat(64)]: "v".repeat(512) } }, {
      metadata: { ["k".repeat(64)]: "v".repeat(512) }
    }],
    ["a user of 256", { user: "u".repeat(256) }, { user: "u".repeat(256) }],
    ["an emoji", { input: `a${high}${low}b 👨‍👩‍👧` }, { input: "a😀b 👨‍👩‍👧" }],
    ["a literal backslash-u", { input: String.raw`\ud83d and \\ud83d` }, { input: String.raw`\ud83d and \\ud83d` }],
    ["control characters", { input: "a\u0000b\u2028c\n" }, { input: "a\u0000b\u2028c\n" }],
    ["camelCase as snake_case", { maxOutputTokens: 1, reasoning: { maxTokens: 2 } }, {
      max_output_tokens: 1,
      reasoning: { max_tokens: 2 }
    }],
    ["undefined as absent", { model, temperature: undefined, reasoning: { effort: undefined } }, {
      model,
      reasoning: {}
    }],
    ["an unknown literal", { serviceTier: "warp" }, { service_tier: "warp" }],
    ["nothing but an input", {}, {}]
  ]

  it.effect.each(requests)(
    "%s",
    ([_, request, wire]) =>
      Effect.map(
        accepted({ ...request, input: request.input ?? "Hi" }),
        (body) => assert.deepStrictEqual(body, { input: "Hi", ...wire })
      )
  )

  it.effect("the same request gives the same bytes, whatever the order in which it was written", () =>
    Effect.gen(function*() {
      yield* OpenRouter.respond({ model, input: "Hi", temperature: 1, maxOutputTokens: 5 })
      yield* OpenRouter.respond({ maxOutputTokens: 5, temperature: 1, input: "Hi", model })
      const [first, second] = yield* sent
      assert.strictEqual(first?.body, second?.body)
    }).pipe(one(ok())))
})

describe("clients that cannot work are typed errors of each call", () => {
  const clients: ReadonlyArray<readonly [name: string, options: OpenRouter.Options, tag: string, field?: string]> = [
    ["no key", { apiKey: undefined }, "InvalidApiKey"],
    ["an empty key", { apiKey: Redacted.make("") }, "InvalidApiKey"],
    ["a blank key", { apiKey: Redacted.make(" \n") }, "InvalidApiKey"],
    ["a newline inside the key", { apiKey: Redacted.make("sk-or\nX-Evil: 1") }, "InvalidApiKey"],
    ["a key that is not ASCII", { apiKey: Redacted.make("sk-ör") }, "InvalidApiKey"],
    ["no URL", { apiUrl: "openrouter" }, "InvalidRequest", "apiUrl"],
    ["an empty URL", { apiUrl: "" }, "InvalidRequest", "apiUrl"],
    ["ftp", { apiUrl: "ftp://openrouter.ai" }, "InvalidRequest", "apiUrl"],
    ["javascript", { apiUrl: "javascript:alert(1)" }, "InvalidRequest", "apiUrl"],
    ["a newline in the app's URL", { appUrl: "https://a\r\nb" }, "InvalidRequest", "appUrl"],
    ["a title that is not ASCII", { appUrl: "https://a.b", appTitle: "Ä" }, "InvalidRequest", "appTitle"]
  ]

  it.effect.each(clients)("%s", ([_, options, tag, field]) =>
    Effect.gen(function*() {
      for (const call of [ask(), OpenRouter.key, OpenRouter.credits]) {
        const error = yield* Effect.flip<
          unknown,
          { readonly _tag: string; readonly message: string },
          OpenRouter.OpenRouter
        >(call)
        assert.strictEqual(error._tag, tag)
        if (field !== undefined) assert.include(error.message, field)
      }
      assert.deepStrictEqual(yield* sent, [])
    }).pipe(one(ok(), options)))

  it.effect("white space around a key is not part of it", () =>
    Effect.gen(function*() {
      yield* ask()
      const [first] = yield* sent
      assert.strictEqual(first?.headers["authorization"], `Bearer ${Redacted.value(apiKey)}`)
    }).pipe(one(ok(), { apiKey: Redacted.make(` ${Redacted.value(apiKey)}\n`) })))
})

describe("bodies that are no response", () => {
  const html = { body: "<html>", headers: { "content-type": "text/html" } }

  const bodies: ReadonlyArray<readonly [name: string, reply: Reply, tag: string, message: string]> = [
    ["HTML with 200", html, "MalformedResponse", "not JSON"],
    ["HTML with 502", { ...html, status: 502 }, "ProviderUnavailable", "<html>"],
    ["HTML with 403", { ...html, status: 403 }, "AccessDenied", "<html>"],
    ["nothing with 200", { body: "" }, "MalformedResponse", "empty"],
    ["white space with 200", { body: " \n" }, "MalformedResponse", "empty"],
    ["nothing with 500", { body: "", status: 500 }, "ServerError", "empty body"],
    ["nothing with 204", { body: "", status: 204 }, "MalformedResponse", "empty"],
    ["half a JSON", { body: ok().body.slice(0, 40) }, "MalformedResponse", "not JSON"],
    ["JSON twice", { body: `${ok().body}${ok().body}` }, "MalformedResponse", "not JSON"],
    ["null", { body: "null" }, "MalformedResponse", "not a JSON object"],
    ["a number", { body: "42" }, "MalformedResponse", "not a JSON object"],
    ["a text", { body: `"ok"` }, "MalformedResponse", "not a JSON object"],
    ["a list", { body: "[]" }, "MalformedResponse", "not a JSON object"],
    ["an empty object", { body: "{}" }, "MalformedResponse", "neither"],
    ["a chat completion", json({ id: "x", choices: [] }), "MalformedResponse", "neither"],
    ["null with 500", { body: "null", status: 500 }, "ServerError", "500"],
    ["a list with 429", { body: "[1]", status: 429 }, "RateLimited", "429"],
    ["a text with 404", { body: `"gone"`, status: 404 }, "ModelUnavailable", "404"],
    ["error: null with 500", json({ error: null }, 500), "ServerError", "500"],
    ["error: a text", json({ error: "out of order" }, 503), "ProviderOverloaded", "out of order"],
    ["error: a list", json({ error: ["x"] }, 400), "InvalidRequest", "400"],
    ["detail", json({ detail: "no" }, 422), "InvalidRequest", "no"],
    ["a message of the wrong type", json({ error: { message: 7, code: 500 } }, 500), "ServerError", "500"],
    ["code: text", json({ error: { code: "oops", message: "m" } }, 400), "InvalidRequest", "m"],
    ["code: a number in a text", json({ error: { code: "429", message: "m" } }, 429), "RateLimited", "m"],
    ["code: absent", json({ error: { message: "m" } }, 402), "PaymentRequired", "m"],
    ["code: null", json({ error: { code: null, message: "m" } }, 401), "InvalidApiKey", "m"],
    ["code: an object", json({ error: { code: {}, message: "m" } }, 413), "PayloadTooLarge", "m"],
    ["code that differs from the status", json({ error: { code: 429, message: "m" } }, 500), "ServerError", "m"],
    [
      "metadata of the wrong types",
      failure(429, {
        metadata: { headers: 3, raw: null, provider_name: 7, limit_source: [], reasons: "violence", patterns: [1] }
      }),
      "RateLimited",
      "429"
    ],
    ["an error in a 200 with a numeric code", json({ error: { code: 402, message: "m" } }), "PaymentRequired", "m"],
    [
      "an error in a 200 with a word",
      json({ error: { code: "rate_limit_exceeded", message: "m" } }),
      "RateLimited",
      "m"
    ],
    ["an error in a 200 with neither", json({ error: { message: "m" } }), "GenerationFailed", "m"],
    ["an error in a 200 that is a text", json({ error: "broken" }), "GenerationFailed", "broken"],
    [
      "an error in a 200 beside output: null",
      json({ error: { code: 429, message: "m" }, output: null }),
      "RateLimited",
      "m"
    ],
    [
      "an error in a 200 with its status in a text",
      json({ error: { code: "502", message: "m" } }),
      "ProviderUnavailable",
      "m"
    ],
    ["cancelled", ok({ status: "cancelled", output: [] }), "GenerationFailed", "cancelled"],
    ["queued", ok({ status: "queued", output: [] }), "Incomplete", "queued"]
  ]

  it.effect.each(bodies)("%s", ([_, reply, tag, message]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(ask())
      assert.strictEqual(error._tag, tag, error.message)
      assert.include(error.message, message)
      assert.strictEqual(error.attempts, 1)
      assert.strictEqual(error.model, model)
    }).pipe(one(reply)))

  it.effect("are kept, up to 64 kB of them", () =>
    Effect.gen(function*() {
      const error = yield* ask().pipe(Effect.as(undefined), Effect.catchTag("MalformedResponse", Effect.succeed))
      assert.strictEqual(error?.body === undefined ? 0 : Redacted.value(error.body).length, 65_536)
    }).pipe(one({ body: "<".repeat(100_000) })))

  it.effect("are not repeated at length in the message", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(ask())
      assert.isBelow(error.message.length, 1000)
    }).pipe(one({ body: "<".repeat(100_000), status: 502 })))
})

const message = (text: Schema.Json) => ({
  type: "message",
  role: "assistant",
  content: [{ type: "output_text", text }]
})

describe("paid answers survive what surrounds them", () => {
  const answers: ReadonlyArray<readonly [name: string, reply: Reply]> = [
    ["white space around", { body: `\n  \n\n ${ok().body} \n` }],
    ["usage: null", ok({ usage: null })],
    ["usage: a text", ok({ usage: "much" })],
    ["usage of wrong types", ok({ usage: { input_tokens: "3", output_tokens: [], cost: {} } })],
    [
      "usage with wrong details",
      ok({ usage: { input_tokens_details: 4, cost_details: { upstream_inference_cost: "1" } } })
    ],
    ["no id", ok({ id: null })],
    ["an id that is a number", ok({ id: 7 })],
    ["created_at that is a text", ok({ created_at: "yesterday" })],
    ["metadata of wrong types", ok({ metadata: { a: 1 } })],
    ["error: null", ok({ error: null })],
    ["an error beside an answer", ok({ error: { code: "server_error", message: "late" } })],
    ["an empty error beside an answer", ok({ error: {} })],
    ["unknown fields", ok({ brand_new: { deep: [1, 2, { three: 3 }] } })],
    ["a future status", ok({ status: "completed_with_style" })],
    ["no status", { body: JSON.stringify({ output: [message("Hi")] }) }],
    ["status: null", ok({ status: null })],
    ["incomplete_details of the wrong type", ok({ incomplete_details: "none" })],
    ["an unknown item", ok({ output: [{ type: "hologram", id: "h" }, message("Hi")] })],
    ["a malformed known item", ok({ output: [{ type: "function_call", name: 7 }, message("Hi")] })],
    ["an item that is null", ok({ output: [null, message("Hi")] })],
    ["an item that is a text", ok({ output: ["x", message("Hi")] })],
    [
      "an unknown part",
      ok({
        output: [{
          type: "message",
          role: "assistant",
          content: [{ type: "smell" }, { type: "output_text", text: "Hi" }]
        }]
      })
    ],
    [
      "malformed annotations",
      ok({
        output: [{
          type: "message",
          role: "assistant",
          content: [{ type: "output_text", text: "Hi", annotations: [{ type: "url_citation" }, 4], logprobs: "x" }]
        }]
      })
    ],
    ["a message without a role", ok({ output: [{ type: "message", content: [{ type: "output_text", text: "Hi" }] }] })],
    ["huge numbers", { body: ok().body.replace(`"input_tokens":3`, `"input_tokens":1e400,"total":-1e999`) }],
    ["a cost beyond all sense", { body: ok().body.replace("0.00002", "1.7976931348623157e308") }],
    ["duplicate keys", { body: ok().body.replace(`"status":"completed"`, `"status":"failed","status":"completed"`) }],
    ["__proto__", { body: ok().body.replace(`"id":`, `"__proto__":{"status":"failed","polluted":1},"id":`) }],
    ["__proto__ in an item", {
      body: ok().body.replace(`{"type":"message"`, `{"__proto__":{"polluted":1},"type":"message"`)
    }],
    ["constructor", ok({ constructor: { prototype: { polluted: 1 } }, toString: 1, hasOwnProperty: 2 })],
    ["deep nesting", ok({ deep: JSON.parse(`${"[".repeat(5000)}${"]".repeat(5000)}`) })],
    [
      "deep nesting in an item",
      ok({
        output: [JSON.parse(`{"type":"hologram","x":${"[".repeat(5000)}${"]".repeat(5000)}}`), message("Hi")]
      })
    ],
    [
      "many misfits",
      ok(Object.fromEntries(
        ["id", "object", "model", "service_tier", "truncation", "user", "prompt_cache_key", "error_type"].map((
          k
        ) => [k, 1])
      ))
    ]
  ]

  it.effect.each(answers)("%s", ([_, reply]) =>
    Effect.gen(function*() {
      const answer = yield* ask()
      assert.strictEqual(answer.text, "Hi")
      assert.strictEqual(answer.attempts, 1)
      assert.notProperty({}, "polluted")
    }).pipe(one(reply)))

  it.effect("a message without content", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(ask())
      assert.strictEqual(error._tag, "EmptyCompletion")
      assert.strictEqual(error.usage?.outputTokens, 2)
    }).pipe(one(ok({ output: [{ type: "message", role: "assistant", content: [] }] }))))

  it.effect("a message with null as its content is not lost: its item is kept", () =>
    Effect.gen(function*() {
      const outcome = yield* OpenRouter.outcome({ model, input: "Hi" })
      assert.strictEqual(outcome._tag, "Empty")
      assert.deepStrictEqual(Wire.raw(outcome.response), JSON.parse(nullContent.body))
      assert.strictEqual(outcome.usage?.outputTokens, 2)
    }).pipe(one(nullContent)))

  const nullContent = ok({ output: [{ type: "message", role: "assistant", content: null }] })

  it.effect("output missing", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(ask())
      assert.strictEqual(error._tag, "EmptyCompletion")
      assert.strictEqual(error.usage?.outputTokens, 2)
      assert.isDefined(error.cost)
    }).pipe(one({ body: JSON.stringify({ status: "completed", usage: { output_tokens: 2, cost: 0.1 } }) })))

  it.effect("one wrong figure does not take the cost with it", () =>
    Effect.gen(function*() {
      const { cost, usage } = yield* ask()
      assert.strictEqual(Usd.toText(cost ?? Usd.zero), "0.5")
      assert.strictEqual(usage?.outputTokens, 2)
      assert.strictEqual(usage?.inputTokens, undefined)
    }).pipe(
      one(ok({ usage: { input_tokens: "many", output_tokens: 2, cost: 0.5, cost_details: { server_tool_cost: "x" } } }))
    ))

  it.effect("a __proto__ lends nothing", () =>
    Effect.gen(function*() {
      const { cost, usage } = yield* ask()
      assert.deepStrictEqual([cost, usage?.inputTokens], [undefined, undefined])
    }).pipe(one({
      body: ok({ usage: { output_tokens: 2 } }).body.replaceAll(
        `"output_tokens"`,
        `"__proto__":{"cost":99,"input_tokens":7},"output_tokens"`
      )
    })))

  it.effect("all of it is at hand as it came", () =>
    Effect.gen(function*() {
      const { response } = yield* ask()
      assert.deepStrictEqual(Wire.raw(response), JSON.parse(rich.body))
      const [item] = response.output
      assert.strictEqual(item?.type, "unknown")
    }).pipe(one(rich)))

  const rich = ok({
    output: [{ type: "hologram", id: "h", beams: [1, { x: null }] }, message("Hi")],
    extra: { a: [null] }
  })

  it.effect("and is sent back as it came", () =>
    Effect.gen(function*() {
      const { response } = yield* ask()
      yield* OpenRouter.respond({ model, input: [...response.output, { role: "user", content: "More" }] })
      const [, second] = yield* sent
      const body: unknown = JSON.parse(second?.body ?? "null")
      assert.deepStrictEqual(body, {
        model,
        input: [{ type: "hologram", id: "h", beams: [1, { x: null }] }, message("Hi"), {
          role: "user",
          content: "More"
        }]
      })
    }).pipe(one(rich)))
})
