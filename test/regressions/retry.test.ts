import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Option, type Schema, Stream } from "effect"
import { OpenRouter, type OpenRouterError, RetryPolicy } from "effect-openrouter"
import * as C from "../layers/client/support.ts"
import * as S from "../layers/stream/support.ts"
import { booked } from "./booked.ts"

/** Lets a call finish however long it waits; gives how it ended. */
const ended = <A, E extends OpenRouterError.OpenRouterError, R>(call: Effect.Effect<A, E, R>) =>
  Effect.map(booked(call), ({ exit, report: { calls, unknown } }) => {
    const error: OpenRouterError.OpenRouterError | undefined = Option.getOrUndefined(Exit.findErrorOption(exit))
    return { exit, tag: error?._tag, calls, unknown }
  })

const count = Effect.map(C.sent, (sent) => sent.length)

const later = C.t0 + 3_600_000

describe("X-RateLimit-Reset", () => {
  const window = { "X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "42", "X-RateLimit-Reset": `${later}` }
  const inBody = (status: number): C.Reply => C.failure(status, { metadata: { headers: window } })
  const rows: ReadonlyArray<readonly [string, C.Reply]> = [
    ...[408, 500, 502, 503, 504, 524, 529].flatMap((status) =>
      [[`${status}`, C.failure(status, { headers: window })], [`${status}, in the body`, inBody(status)]] as const
    ),
    ["502, which says nothing of what remains", C.failure(502, { headers: { "X-RateLimit-Reset": `${later}` } })],
    [
      "a failure in a 200",
      C.json(
        { status: "failed", output: [], error: { code: "server_error", message: "m" }, error_type: "server" },
        200,
        window
      )
    ]
  ]

  it.effect.each(rows)("#18 does not stop the retry of %s", ([_, reply]) =>
    Effect.gen(function*() {
      const { exit } = yield* ended(C.ask())
      assert.isTrue(Exit.isSuccess(exit))
      const [wait = 0] = yield* C.waits
      assert.isTrue(wait >= 400 && wait <= 600, `${wait}`)
    }).pipe(Effect.provide(C.scripted([reply, C.ok()]))))

  const limits: ReadonlyArray<readonly [string, C.Reply]> = [
    ["429", C.failure(429, { headers: window })],
    ["429, in the body", inBody(429)],
    ["502 with nothing remaining", C.failure(502, { headers: { ...window, "X-RateLimit-Remaining": "0" } })]
  ]

  it.effect.each(limits)("#18 is waited for where a limit is the reason: %s", ([_, reply]) =>
    Effect.gen(function*() {
      const { exit } = yield* ended(C.ask())
      assert.isTrue(Exit.isFailure(exit))
      assert.strictEqual(yield* count, 1)
    }).pipe(Effect.provide(C.scripted([reply, C.ok()]))))
})

describe("retry-after-ms", () => {
  const rows: ReadonlyArray<readonly [string, C.Reply, number]> = [
    ["as a header", C.failure(429, { headers: { "retry-after-ms": "1250" } }), 1250],
    ["of a 503", C.failure(503, { headers: { "Retry-After-Ms": "2500.5" } }), 2501],
    ["in the body", C.failure(429, { metadata: { headers: { "Retry-After-Ms": 1250 } } }), 1250],
    [
      "before the reset and what is available",
      C.failure(429, {
        headers: { "retry-after-ms": "1250", "X-RateLimit-Reset": `${later}` },
        availability: { retry_after: 30 }
      }),
      1250
    ],
    ["behind Retry-After", C.failure(429, { headers: { "retry-after": "2", "retry-after-ms": "1250" } }), 2000]
  ]

  it.effect.each(rows)("#18 is waited for: %s", ([_, reply, wait]) =>
    Effect.gen(function*() {
      assert.isTrue(Exit.isSuccess((yield* ended(C.ask())).exit))
      const [waited = 0] = yield* C.waits
      assert.isTrue(waited >= wait && waited <= wait * 1.05 + 1, `${waited}`)
    }).pipe(Effect.provide(C.scripted([reply, C.ok()]))))
})

describe("a stream that ends before its first event", () => {
  const outcome = OpenRouter.streamOutcome(S.request, () => Effect.void)
  const whole = S.sse([S.created, S.delta("Once"), S.completed("Once"), S.done])
  const nothing: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
    ["at once", []],
    ["after comments", [": OPENROUTER PROCESSING\n\n", ": \n\n"]],
    ["after the marker of the end", [S.done]],
    ["after a keep-alive event", [S.data({ type: "keepalive" }), S.data({ type: "response.keep_alive" })]]
  ]

  it.effect.each(nothing)("#18 is tried again: %s", ([_, body]) =>
    Effect.gen(function*() {
      const { calls, exit, unknown } = yield* ended(outcome)
      assert.deepStrictEqual(Exit.isSuccess(exit) && [exit.value._tag, exit.value.attempts], ["Completed", 2])
      assert.deepStrictEqual([calls, unknown], [2, 1])
    }).pipe(Effect.provide(S.answering([S.sse(body), whole]))))

  it.effect("#18 and fails as what it is in the end", () =>
    Effect.gen(function*() {
      const { calls, tag } = yield* ended(outcome)
      assert.deepStrictEqual([tag, calls], ["StreamInterrupted", 5])
    }).pipe(Effect.provide(S.answering([S.sse([])]))))

  it.effect("#18 once it has begun it is not", () =>
    Effect.gen(function*() {
      const { calls, tag } = yield* ended(outcome)
      assert.deepStrictEqual([tag, calls], ["StreamInterrupted", 1])
    }).pipe(Effect.provide(S.answering([S.sse([S.created]), whole]))))
})

describe("an answer of nothing", () => {
  const padding: ReadonlyArray<readonly [string, C.Reply]> = [
    ["only padding", { body: "\n      \n   \n" }],
    ["no body", { body: "" }],
    ["no content", { status: 204, body: "" }]
  ]

  it.effect.each(padding)("#18 is tried again: %s", ([_, reply]) =>
    Effect.gen(function*() {
      const { calls, exit, unknown } = yield* ended(C.ask())
      assert.strictEqual(Exit.isSuccess(exit) && exit.value.attempts, 2)
      assert.deepStrictEqual([calls, unknown], [2, 1])
    }).pipe(Effect.provide(C.scripted([reply, C.ok()]))))

  it.effect.each(padding)("#18 and is malformed in the end: %s", ([_, reply]) =>
    Effect.gen(function*() {
      const { calls, tag } = yield* ended(C.ask())
      assert.deepStrictEqual([tag, calls], ["MalformedResponse", 5])
    }).pipe(Effect.provide(C.scripted([reply]))))

  it.effect("#18 also where a stream was asked for, and of a plain endpoint", () =>
    Effect.gen(function*() {
      const { exit } = yield* ended(OpenRouter.streamOutcome(S.request, () => Effect.void))
      assert.strictEqual(Exit.isSuccess(exit) && exit.value.attempts, 2)
      yield* ended(OpenRouter.key)
      assert.strictEqual(yield* count, 4)
    }).pipe(Effect.provide(C.scripted([
      { body: " ", headers: { "content-type": "application/json" } },
      { ...C.ok(), headers: { "content-type": "application/json" } },
      { body: "\n" },
      C.json({ data: { label: "k" } })
    ]))))

  const message = (text: string): Schema.Json => [{
    type: "message",
    role: "assistant",
    content: [{ type: "output_text", text }]
  }]
  const vacant: ReadonlyArray<readonly [string, { readonly [key: string]: Schema.Json }]> = [
    ["no items", { output: [], usage: null }],
    ["an empty message", { output: message(""), usage: null }],
    ["a usage of nothing", { output: [], usage: {} }]
  ]

  it.effect.each(vacant)("#18 a completion of %s is tried again", ([_, members]) =>
    Effect.gen(function*() {
      const { calls, exit } = yield* ended(C.ask())
      assert.strictEqual(Exit.isSuccess(exit) && exit.value.attempts, 2)
      assert.strictEqual(calls, 2)
    }).pipe(Effect.provide(C.scripted([C.ok(members), C.ok()]))))

  it.effect.each(vacant)(
    "#18 a completion of %s is empty in the end, as an error and as an outcome",
    ([_, members]) =>
      Effect.gen(function*() {
        const { calls, tag, unknown } = yield* ended(C.ask())
        assert.deepStrictEqual([tag, calls, unknown], ["EmptyCompletion", 5, 5])
        const { exit } = yield* ended(OpenRouter.outcome({ model: C.model, input: "Hello" }))
        assert.deepStrictEqual(Exit.isSuccess(exit) && [exit.value._tag, exit.value.attempts], ["Empty", 5])
        const once = yield* ended(C.ask().pipe(RetryPolicy.with(RetryPolicy.none)))
        assert.deepStrictEqual([once.tag, once.calls], ["EmptyCompletion", 1])
      }).pipe(Effect.provide(C.scripted([C.ok(members)])))
  )

  it.effect.each(
    [
      ["a usage", { output: [], usage: { output_tokens: 7, cost: 0.1 } }],
      ["a usage that was free", { output: [], usage: { cost: 0 } }],
      ["reasoning", { output: [{ type: "reasoning", id: "r", summary: [] }], usage: null }]
    ] as const
  )("#18 not one with %s", ([_, members]) =>
    Effect.gen(function*() {
      const { calls, tag } = yield* ended(C.ask())
      assert.deepStrictEqual([tag, calls], ["EmptyCompletion", 1])
    }).pipe(Effect.provide(C.scripted([C.ok({ ...members, output: [...members.output] }), C.ok()]))))

  const empty = S.data({ type: "response.completed", response: { id: "gen-2", status: "completed", output: [] } })
  const paid = S.completed("")

  it.effect("#18 in a stream it is tried again, and nothing of it is delivered", () =>
    Effect.gen(function*() {
      const events: Array<string> = []
      const call = OpenRouter.streamOutcome(S.request, (event) => Effect.sync(() => void events.push(event.type)))
      const { exit } = yield* ended(call)
      assert.deepStrictEqual(Exit.isSuccess(exit) && [exit.value._tag, exit.value.attempts], ["Completed", 2])
      assert.deepStrictEqual(events, ["response.created", "response.output_text.delta", "response.completed"])
    }).pipe(Effect.provide(S.answering([
      S.sse([S.created, empty, S.done]),
      S.sse([S.created, S.delta("Once"), S.completed("Once"), S.done])
    ]))))

  it.effect("#18 the last one is delivered, and is an outcome", () =>
    Effect.gen(function*() {
      const events: Array<string> = []
      const call = OpenRouter.streamOutcome(S.request, (event) => Effect.sync(() => void events.push(event.type)))
      const { calls, exit } = yield* ended(call)
      assert.deepStrictEqual(Exit.isSuccess(exit) && [exit.value._tag, exit.value.attempts], ["Empty", 5])
      assert.deepStrictEqual([events, calls], [["response.created", "response.completed"], 5])
      const { tag } = yield* ended(Stream.runDrain(OpenRouter.stream(S.request)))
      assert.strictEqual(tag, "EmptyCompletion")
    }).pipe(Effect.provide(S.answering([S.sse([S.created, empty, S.done])]))))

  it.effect("#18 in a stream one with usage is not tried again", () =>
    Effect.gen(function*() {
      const { calls, tag } = yield* ended(Stream.runDrain(OpenRouter.stream(S.request)))
      assert.deepStrictEqual([tag, calls], ["EmptyCompletion", 1])
    }).pipe(Effect.provide(S.answering([S.sse([S.created, paid, S.done])]))))
})
