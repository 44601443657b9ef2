import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Redacted, Schema, Stream } from "effect"
import { CostLedger, OpenRouter, OpenRouterError, Usd } from "effect-openrouter"
import { TestClock } from "effect/testing"
import {
  apiKey,
  ask,
  atT0,
  clientOf,
  errorFacts,
  errorJson,
  failure,
  final,
  json,
  model,
  ok,
  type Reply,
  scripted,
  sent,
  t0,
  tcpServer,
  waits
} from "../layers/client/support.ts"
import { answeredWith, bare, endOf, flat, isEverywhere } from "./envelopes.ts"

describe("#16 what an error body says", () => {
  it.effect("#16 the provider's code, the remedy and the errors before are kept", () =>
    Effect.gen(function*() {
      const metadata = {
        provider_name: "OpenAI",
        provider_error_code: "engine_cold",
        remedy_hint: "Retry shortly.",
        previous_errors: [
          { provider: "Azure", code: 429, status: 429 },
          { provider_name: "Google", code: "UNKNOWN", message: "Provider returned error", raw: "a secret" },
          "?"
        ]
      }
      for (const envelope of [...bare, flat]) {
        const error = yield* answeredWith(envelope.reply({ status: 502, code: "502", metadata }), envelope.stream)
        assert.strictEqual(error._tag, "ProviderUnavailable", envelope.name)
        assert.strictEqual(error.provider?.code, "engine_cold", envelope.name)
        assert.strictEqual(error.remedyHint, "Retry shortly.", envelope.name)
        assert.deepStrictEqual(error.previousErrors, [
          { provider: "Azure", code: "429", status: 429 },
          { provider: "Google", code: "UNKNOWN", message: "Provider returned error" }
        ], envelope.name)
      }
    }))

  it.effect("#16 the provider's code tells the cause", () =>
    isEverywhere(
      { status: 400, code: "400", metadata: { provider_error_code: "context_length_exceeded" } },
      "ContextLengthExceeded",
      bare
    ))

  const bodies: ReadonlyArray<readonly [name: string, body: string, message: string]> = [
    [
      "FastAPI's list",
      JSON.stringify({ detail: [{ loc: ["body", "input", 0], msg: "field required", type: "missing" }, { msg: "b" }] }),
      "input.0: field required; b"
    ],
    ["FastAPI's text", JSON.stringify({ detail: "no such thing" }), "no such thing"],
    ["FastAPI's object", JSON.stringify({ detail: { message: "no such thing" } }), "no such thing"],
    ["Google's list", JSON.stringify([{ error: { code: 422, message: "no such thing" } }]), "no such thing"],
    ["Cloudflare's list", JSON.stringify({ success: false, errors: [{ code: 3043, message: "m" }] }), "m"],
    ["xAI's text", JSON.stringify({ code: "invalid-argument", error: "no such thing" }), "no such thing"],
    ["AWS's name", JSON.stringify({ Message: "no such thing" }), "no such thing"],
    ["Mistral's flat one", JSON.stringify({ object: "error", message: "m", type: "t", code: "1500" }), "m"],
    ["plain text", "no such thing\n", "the server answered with status 422: no such thing"],
    ["a JSON text", JSON.stringify("no such thing"), "the server answered with status 422: no such thing"]
  ]

  it.effect.each(bodies)("#16 %s keeps its message", ([, body, message]) =>
    Effect.gen(function*() {
      for (const stream of [false, true]) {
        const error = yield* answeredWith({ status: 422, body }, stream)
        if (error._tag !== "InvalidRequest") return assert.fail(error._tag)
        assert.strictEqual(error.message, message)
        assert.strictEqual(error.body && Redacted.value(error.body), body)
      }
    }))

  it.effect("#16 FastAPI's list names the field", () =>
    Effect.gen(function*() {
      const error = yield* answeredWith({ status: 422, body: bodies[0]?.[1] ?? "" })
      assert.strictEqual(error._tag === "InvalidRequest" ? error.field : undefined, "input.0")
    }))

  it.effect("#16 a page for a browser is no message", () =>
    Effect.gen(function*() {
      const error = yield* answeredWith({ status: 502, body: "<html>Bad gateway</html>" })
      assert.match(error.message, /^the server answered with status 502 and a body that is not JSON/)
    }))
})

describe("#19 a generation that is not recorded", () => {
  const missing = json({ error: { code: 404, message: "Generation gen-1 not found" } }, 404)
  const there = json({ data: { id: "gen-1", total_cost: 0.25 } })

  it.effect("#19 is GenerationNotFound, which is asked for once", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(OpenRouter.generation("gen-1"))
      if (error._tag !== "GenerationNotFound") return assert.fail(error._tag)
      assert.strictEqual(error.id, "gen-1")
      assert.strictEqual(error.status, 404)
      assert.strictEqual(error.message, "Generation gen-1 not found")
      assert.isFalse(error.isRetryable)
      assert.isFalse(Schema.is(OpenRouterError.OpenRouterError)(error))
      assert.lengthOf(yield* sent, 1)
    }).pipe(Effect.provide(scripted([missing]))))

  it.effect("#19 is waited for by the caller's clock", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(OpenRouter.generation("gen-1", { wait: "1 minute" }))
      yield* TestClock.adjust("20 seconds")
      const { totalCost } = yield* Fiber.join(fiber)
      assert.strictEqual(totalCost && Usd.toText(totalCost), "0.25")
      assert.deepStrictEqual(yield* waits, [500, 1000, 2000, 4000, 5000])
    }).pipe(Effect.provide(scripted([missing, missing, missing, missing, missing, there]))))

  it.effect("#19 is GenerationNotFound when the wait is over", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Effect.flip(OpenRouter.generation("gen-1", { wait: "3 seconds" })))
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "GenerationNotFound")
      assert.deepStrictEqual(yield* waits, [500, 1000, 1500])
    }).pipe(Effect.provide(scripted([missing]))))

  it.effect("#19 is not waited for where something else is wrong", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(OpenRouter.generation("gen-1", { wait: "1 minute" }))
      assert.strictEqual(error._tag, "InvalidApiKey")
    }).pipe(Effect.provide(scripted([failure(401)]))))
})

describe("#25 an event that its name calls an error", () => {
  const stream = (body: string): Reply => ({ headers: { "content-type": "text/event-stream" }, body })
  const completed = stream(`data: ${
    JSON.stringify({
      type: "response.completed",
      response: {
        status: "completed",
        output: [{ type: "message", role: "assistant", content: [{ type: "output_text", text: "Hi" }] }]
      }
    })
  }\n\n`)

  it.effect("#25 keeps the server's words", () =>
    Effect.gen(function*() {
      const plain = yield* answeredWith(stream("event: error\ndata: upstream connect error\n\n"), true)
      assert.strictEqual(plain._tag, "ServerError")
      assert.strictEqual(plain.message, "upstream connect error")
      const quoted = yield* answeredWith(stream(`event: error\ndata: "upstream connect error"\n\n`), true)
      assert.strictEqual(quoted.message, "upstream connect error")
      const object = yield* answeredWith(stream(`event: error\ndata: {"message":"busy","code":503}\n\n`), true)
      assert.strictEqual(object._tag, "ProviderOverloaded")
      assert.strictEqual(object.message, "busy")
      const words = yield* answeredWith(stream("event: error\ndata: Rate limit exceeded\n\n"), true)
      assert.strictEqual(words._tag, "RateLimited")
      assert.strictEqual(words.message, "Rate limit exceeded")
      const unended = yield* answeredWith(stream("event: error\ndata: upstream connect error"), true)
      assert.strictEqual(unended.message, "upstream connect error")
    }))

  it.effect("#25 comes after text with the text", () =>
    Effect.gen(function*() {
      const error = yield* answeredWith(
        stream(
          `data: {"type":"response.output_text.delta","item_id":"m","output_index":0,"content_index":0,"delta":"So far"}\n\n` +
            "event: error\ndata: upstream connect error\n\n"
        ),
        true
      )
      assert.strictEqual(error.message, "upstream connect error")
      assert.strictEqual(error.partialText, "So far")
    }))

  it.effect("#25 is tried again as a first event", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(
        OpenRouter.streamText({ model, input: "Hello" }).pipe(Stream.mkString)
      )
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* Fiber.join(fiber), "Hi")
      assert.lengthOf(yield* sent, 2)
    }).pipe(Effect.provide(scripted([stream("event: error\ndata: upstream connect error\n\n"), completed]))))

  it.effect("#25 does not show the key", () =>
    Effect.gen(function*() {
      for (const data of ["KEY is bad", `"KEY is bad"`, `{"message":"KEY is bad"}`]) {
        const body = `event: error\ndata: ${data.replace("KEY", Redacted.value(apiKey))}\n\n`
        const error = yield* answeredWith(stream(body), true)
        assert.notInclude(error.message, Redacted.value(apiKey))
        assert.include(error.message, "is bad")
      }
    }))
})

describe("#28 a message of any size", () => {
  const long = "x".repeat(1_000_000)

  it.effect("#28 is cut in every envelope; the body is kept out of sight and bounded", () =>
    Effect.gen(function*() {
      for (const envelope of [...bare, flat]) {
        const failure = { status: 500, code: "server_error", message: long, metadata: { raw: long, remedy_hint: long } }
        const error = yield* answeredWith(envelope.reply(failure), envelope.stream)
        assert.isBelow(error.message.length, 3000, envelope.name)
        assert.isBelow(error.remedyHint?.length ?? 0, 3000, envelope.name)
        assert.isAtMost(error.provider?.raw === undefined ? 0 : Redacted.value(error.provider.raw).length, 65_536)
        assert.isAtMost(error.body === undefined ? 0 : Redacted.value(error.body).length, 65_536)
        const shown = yield* errorJson(error)
        assert.isBelow(JSON.stringify(shown).length, 10_000, envelope.name)
        assert.isBelow(JSON.stringify(error).length, 10_000, envelope.name)
      }
    }))

  const bodies: ReadonlyArray<readonly [name: string, body: string]> = [
    ["plain text", long],
    ["a page", `<html>${long}`],
    ["a bare text", JSON.stringify({ error: long })],
    ["a list", JSON.stringify({ detail: [{ loc: [long], msg: long }, { msg: long }] })],
    ["codes", JSON.stringify({ error: { code: long, type: long, param: long, error_type: long, message: "m" } })],
    ["reasons", JSON.stringify({ error: { message: "m", metadata: { reasons: [long, long], patterns: [long] } } })]
  ]

  it.effect.each(bodies)("#28 is cut in %s", ([, body]) =>
    Effect.gen(function*() {
      const error = yield* answeredWith({ status: 400, body })
      assert.isBelow(JSON.stringify(yield* errorJson(error)).length, 20_000)
      assert.isAtMost(error.body === undefined ? 0 : Redacted.value(error.body).length, 65_536)
    }))

  it.effect("#28 no body is in what is shown of an error, all of it in its complete form", () =>
    Effect.gen(function*() {
      const error = yield* answeredWith({
        status: 500,
        body: JSON.stringify({ error: { message: "m", secret: "plan" } })
      })
      assert.notInclude(JSON.stringify(error), "plan")
      assert.notInclude(JSON.stringify(yield* errorJson(error)), "plan")
      assert.include(String((yield* errorFacts(error))["body"]), "plan")
    }))
})

describe("#29 what the server says about trying again", () => {
  const told = (retryable: boolean) =>
    json(
      { error: { message: "m", http_status: 503, availability: { code: "temporarily_unavailable", retryable } } },
      503
    )

  it.effect("#29 availability.retryable: false is final", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(ask())
      assert.strictEqual(error._tag, "ProviderOverloaded")
      assert.isFalse(error.isRetryable)
      assert.lengthOf(yield* sent, 1)
    }).pipe(Effect.provide(scripted([told(false)]))))

  it.effect("#29 it is final inside a 200 and in a stream as well", () =>
    Effect.gen(function*() {
      const error = { message: "m", code: 429, availability: { code: "capacity_exhausted", retryable: false } }
      assert.isFalse((yield* answeredWith(json({ error }))).isRetryable)
      const event = { headers: { "content-type": "text/event-stream" }, body: `data: ${JSON.stringify({ error })}\n\n` }
      assert.isFalse((yield* answeredWith(event, true)).isRetryable)
    }))

  it.effect("#29 after true it is tried again", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(ask())
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(fiber)).attempts, 2)
    }).pipe(Effect.provide(scripted([told(true), ok()]))))

  const values: ReadonlyArray<readonly [value: string, seconds: number]> = [
    ["5, 30", 30],
    ["30,5", 30],
    ["5, soon", 5],
    [`5, ${new Date(t0 + 40_000).toUTCString()}`, 40],
    [`${new Date(t0 + 40_000).toUTCString()}, 50`, 50],
    [`${new Date(t0 + 40_000).toUTCString()}, ${new Date(t0 + 60_000).toUTCString()}`, 60],
    [new Date(t0 + 40_000).toUTCString(), 40]
  ]

  it.effect.each(values)("#29 of Retry-After: %s the longer one holds", ([value, seconds]) =>
    Effect.gen(function*() {
      yield* atT0
      const error = yield* answeredWith(failure(503, { headers: { "retry-after": value } }))
      if (error._tag !== "ProviderOverloaded") return assert.fail(error._tag)
      assert.strictEqual(error.retryAfter && Duration.toSeconds(error.retryAfter), seconds)
    }))

  it.effect.each(["fetch", "undici", "dispatch"] as const)(
    "#29 two headers, over %s",
    (over) =>
      Effect.scoped(Effect.gen(function*() {
        const body = JSON.stringify({ error: { code: 503, message: "m" } })
        const { url } = yield* tcpServer((socket) =>
          socket.once("data", () =>
            socket.end(
              `HTTP/1.1 503 Busy\r\nRetry-After: 5\r\nRetry-After: 30\r\nContent-Length: ${body.length}\r\n\r\n${body}`
            ))
        )
        const error = yield* ask().pipe(Effect.flip, Effect.provide(clientOf(url, over)))
        if (error._tag !== "ProviderOverloaded") return assert.fail(error._tag)
        assert.strictEqual(error.retryAfter && Duration.toSeconds(error.retryAfter), 30)
      }))
  )
})

describe("#2 what an error body says was paid", () => {
  const usage = { input_tokens: 7, output_tokens: 3, cost: 0.25 }

  const paid: ReadonlyArray<readonly [name: string, stream: boolean, reply: Reply]> = [
    ["a 502", false, json({ error: { code: 502, message: "m" }, usage }, 502)],
    ["a 502 for a stream", true, json({ error: { code: 502, message: "m" }, usage }, 502)],
    ["a 502, the usage inside", false, json({ error: { code: 502, message: "m", usage } }, 502)],
    ["a 502 as chat has it", false, json({ error: { code: 502 }, usage: { prompt_tokens: 7, cost: 0.25 } }, 502)],
    ["a 200 {error}", false, json({ error: { code: 502, message: "m" }, usage })],
    ["a 200 {error}, the usage inside", false, json({ error: { message: "m", usage } })],
    ["an error event", true, {
      headers: { "content-type": "text/event-stream" },
      body: `data: ${JSON.stringify({ type: "error", error: { code: 502, message: "m" }, usage })}\n\n`
    }],
    ["an error event that says nothing", true, {
      headers: { "content-type": "text/event-stream" },
      body: `data: ${JSON.stringify({ type: "error", error: { message: "m" }, usage })}\n\n`
    }]
  ]

  it.effect.each(paid)("#2 %s", ([, stream, reply]) =>
    Effect.gen(function*() {
      const [error, spent] = yield* CostLedger.measured(endOf({ name: "", stream, reply: () => reply }))
      assert.strictEqual(error.usage?.inputTokens, 7)
      assert.strictEqual(error.cost && Usd.toText(error.cost), "0.25")
      assert.strictEqual(Usd.toText(spent.cost), "0.25")
      assert.strictEqual(spent.unknown, 0)
    }).pipe(Effect.provide(final(scripted([reply])))))
})
