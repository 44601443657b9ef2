import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Layer, Logger, Redacted, References, Schema, Tracer } from "effect"
import { CostLedger, OpenRouter, OpenRouterError, RetryPolicy } from "effect-openrouter"
import { OpenRouterTest } from "effect-openrouter/testing"
import { TestClock } from "effect/testing"
import { inspect } from "node:util"
import { clientOf, failure, json, model, ok, scripted, tcpServer, ungated } from "./support.ts"
import type { Reply } from "./support.ts"

const secret = "sk-or-v1-5ec7e75ec7e75ec7e75ec7e7"

const prompt = "the princess hides in the mill"

const options: OpenRouter.Options = { apiKey: Redacted.make(`  ${secret}\n`), appUrl: "https://town.example" }

const said = `you sent Authorization: Bearer ${secret}`

/** Servers that repeat the key wherever they can, and servers that do not. */
const replies: ReadonlyArray<readonly [name: string, replies: ReadonlyArray<Reply | "disconnect">]> = [
  ["an answer", [ok()]],
  ["a retried answer", [failure(503), ok()]],
  ["an incomplete answer", [ok({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } })]],
  ["an empty answer", [ok({ output: [] })]],
  ["a refusal", [
    ok({ output: [{ type: "message", role: "assistant", content: [{ type: "refusal", refusal: "no" }] }] })
  ]],
  ["an unknown failure", [ok({ status: "failed", output: [], error: { code: "moon", message: said } })]],
  ...[400, 401, 402, 403, 404, 413, 418, 429, 500, 502, 503, 524].map((status) =>
    [`status ${status}`, [failure(status, { message: said })]] as const
  ),
  ["the key in raw", [failure(502, { metadata: { raw: said, provider_name: secret, provider_code: secret } })]],
  ["the key in an object in raw", [failure(502, { metadata: { raw: { headers: { authorization: secret } } } })]],
  ["the key in a code", [failure(400, { code: secret, param: secret })]],
  ["the key in metadata", [
    failure(403, { metadata: { patterns: [secret], error_type: secret, limit_source: secret } })
  ]],
  ["the key in an escaped text", [failure(500, { message: JSON.stringify({ authorization: `Bearer ${secret}` }) })]],
  ["the key in availability", [failure(404, { availability: { code: secret, fallback_models: [secret] } })]],
  ["the key in moderation", [failure(403, { metadata: { reasons: [secret], flagged_input: secret } })]],
  ["the key in HTML", [{ status: 502, body: `<html>${said}</html>` }]],
  ["the key in HTML with 200", [{ body: `<html>${said}</html>` }]],
  ["the key in a text", [{ status: 500, body: said }]],
  ["the key in half a JSON", [{ body: `{"id":"${said}` }]],
  ["the key in a body that is no response", [json({ hello: said })]],
  ["the key in an error in a 200", [json({ error: { code: 502, message: said } })]],
  ["the key in a header", [failure(500, { headers: { "x-generation-id": secret, "x-echo": secret } })]],
  ["the key in an answer that is cut", [ok({
    status: "incomplete",
    output: [{ type: "message", role: "assistant", content: [{ type: "output_text", text: said }] }]
  })]],
  ["a broken connection", ["disconnect"]]
]

const inspected = (value: unknown) => inspect(value, { depth: null, showHidden: true, maxStringLength: null })

/** Every way in which a value is usually printed. */
const printed = (value: unknown): ReadonlyArray<string> => [
  inspected(value),
  JSON.stringify(value) ?? "",
  String(value),
  ...(value instanceof Error
    ? [value.message, value.stack ?? "", JSON.stringify(value, Object.getOwnPropertyNames(value))]
    : [])
]

const encoded = Schema.encodeEffect(
  Schema.fromJsonString(Schema.toCodecJson(Schema.Union([OpenRouterError.OpenRouterError, OpenRouter.UnansweredCalls])))
)

/** Runs calls with all logs and spans caught. */
const watched = <A, E extends OpenRouterError.OpenRouterError | OpenRouter.UnansweredCalls, R>(
  calls: Effect.Effect<A, E, R>
) =>
  Effect.gen(function*() {
    const lines: Array<string> = []
    const spans: Array<Tracer.Span> = []
    const tracer = Tracer.make({
      span(options) {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
    const logger = Logger.make((options) => {
      lines.push(...printed(options.message), Cause.pretty(options.cause))
    })
    const exit = yield* Effect.exit(calls).pipe(
      Effect.tap((exit) => Exit.isFailure(exit) ? Effect.logError("failed", exit.cause) : Effect.logTrace("done")),
      Effect.withSpan("program"),
      Effect.withTracer(tracer),
      Effect.provide(Logger.layer([logger])),
      Effect.provideService(References.MinimumLogLevel, "Trace")
    )
    const spanTexts = spans.flatMap((span) => [
      span.name,
      inspected(Array.from(span.attributes)),
      inspected(span.status),
      span instanceof Tracer.NativeSpan ? inspected(span.events) : ""
    ])
    const texts = [...lines, ...spanTexts]
    if (Exit.isFailure(exit)) {
      texts.push(Cause.pretty(exit.cause), ...printed(exit.cause))
      const error = Exit.findErrorOption(exit)
      if (error._tag === "Some") texts.push(...printed(error.value), yield* encoded(error.value))
    }
    return { exit, lines, spans, texts }
  })

const absent = (texts: ReadonlyArray<string>, word: string) => {
  for (const text of texts) assert.isFalse(text.includes(word), `it is in: ${text.slice(0, 2000)}`)
}

const respond = OpenRouter.respond({ model, input: prompt, instructions: prompt })

const calls: ReadonlyArray<Effect.Effect<unknown, OpenRouter.ObjectError, OpenRouter.OpenRouter>> = [
  respond,
  OpenRouter.respondObject({ model, input: prompt, schema: Schema.Struct({ n: Schema.Int }) }),
  OpenRouter.key,
  OpenRouter.credits
]

describe("no error, log line or span shows the key or the prompt", () => {
  it.effect.each(replies)("after %s", ([_, replies]) =>
    Effect.gen(function*() {
      for (const call of calls) {
        const { spans, texts } = yield* watched(call.pipe(RetryPolicy.with(RetryPolicy.make({ times: 2, base: 0 }))))
        assert.isAtLeast(spans.length, 2)
        absent(texts, secret)
        absent(texts, prompt)
      }
    }).pipe(Effect.provide(ungated(scripted(replies, options)))))

  it.effect("also not after a request that was rejected before it was sent", () =>
    Effect.gen(function*() {
      const requests = [
        { model: "", input: prompt },
        { model, input: `${prompt}\ud83d` },
        { model, input: prompt, metadata: { note: prompt.repeat(30) } },
        { model, input: prompt, metadata: { [prompt.repeat(10)]: "v" } },
        { model, input: prompt, user: prompt.repeat(30) }
      ]
      for (const request of requests) {
        const { exit, texts } = yield* watched(OpenRouter.respond(request))
        assert.isTrue(Exit.isFailure(exit))
        absent(texts, prompt)
        absent(texts, secret)
      }
    }).pipe(Effect.provide(scripted([ok()], options))))

  it.effect("also not a key that JSON writes with escapes", () =>
    Effect.gen(function*() {
      const { exit, texts } = yield* watched(respond.pipe(RetryPolicy.with(RetryPolicy.none)))
      assert.isTrue(Exit.isFailure(exit))
      absent(texts, "pr0xy/k3y-of-a-gateway")
    }).pipe(Effect.provide(scripted([
      { status: 500, body: String.raw`{"error":{"code":500,"message":"you sent Bearer pr0xy\/k3y-of-a-gateway"}}` }
    ], { apiKey: Redacted.make("pr0xy/k3y-of-a-gateway") }))))

  it.effect("also not for a key that no header can carry", () =>
    Effect.gen(function*() {
      const { exit, texts } = yield* watched(respond)
      assert.isTrue(Exit.isFailure(exit))
      absent(texts, secret)
      absent(texts, prompt)
    }).pipe(Effect.provide(scripted([ok()], { apiKey: Redacted.make(`${secret}\n${secret}`) }))))

  it.effect("also not after an interruption", () =>
    Effect.gen(function*() {
      const { texts } = yield* watched(Effect.timeoutOption(respond, "1 second")).pipe(
        Effect.forkChild({ startImmediately: true }),
        Effect.tap(() => TestClock.adjust("1 minute")),
        Effect.flatMap(Fiber.join)
      )
      absent(texts, secret)
      absent(texts, prompt)
    }).pipe(Effect.provide(scripted([failure(429, { headers: { "retry-after": "60" } })], options))))

  it.effect.each(["fetch", "undici", "dispatch"] as const)(
    "also not over a real connection that breaks, over %s",
    (over) =>
      Effect.gen(function*() {
        const { url } = yield* tcpServer((socket) => socket.once("data", () => socket.resetAndDestroy()))
        const { exit, texts } = yield* watched(respond).pipe(Effect.provide(clientOf(url, over)))
        assert.isTrue(Exit.isFailure(exit))
        absent(texts, "sk-or-v1-0123456789abcdef")
        absent(texts, prompt)
      })
  )
})

describe("a password in the URL", () => {
  it.effect.each(["fetch", "undici", "dispatch"] as const)("is in no error, over %s", (over) =>
    Effect.gen(function*() {
      const { texts } = yield* watched(respond).pipe(
        Effect.provide(clientOf("http://me:hunter2@127.0.0.1:9/api/v1", over))
      )
      absent(texts, "hunter2")
    }))
})

describe("nothing that a program holds shows the key", () => {
  it.effect("not the service, its members, the options, the layer or an outcome", () =>
    Effect.gen(function*() {
      const service = yield* OpenRouter.OpenRouter
      const context = yield* Effect.context<OpenRouter.OpenRouter>()
      const outcome = yield* OpenRouter.outcome({ model, input: prompt })
      const [, spent] = yield* CostLedger.measured(respond)
      const call = service.outcome({ model, input: "Hi" })
      const held = [
        service,
        service.outcome,
        service.call,
        context,
        options,
        OpenRouter.layer(options),
        outcome,
        spent,
        call
      ]
      absent(held.flatMap((value) => [inspected(value), JSON.stringify(value) ?? "", String(value)]), secret)
      absent(printed(outcome), prompt)
    }).pipe(Effect.provide(scripted([ok()], options))))

  it.effect("and a test client has none to show", () =>
    Effect.gen(function*() {
      const { texts } = yield* watched(respond)
      absent(texts, prompt)
    }).pipe(Effect.provide(Layer.fresh(OpenRouterTest.layer("Hi")))))
})
