import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { Deadlines, OpenRouter, type OpenRouterError, RetryPolicy, Usd } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"
import * as S from "./support.ts"

const { Reply } = Emulator

/** One fault: what the server does, and what becomes of the call. */
interface Row {
  readonly name: string
  /** How the answer is streamed; a whole server instead where that does not say it. */
  readonly server: Emulator.Streaming | { readonly reply: Emulator.Reply.Reply | ReadonlyArray<Emulator.Reply.Reply> }
  readonly deadlines?: Deadlines.Options
  /** Default: every failure is final. */
  readonly policy?: RetryPolicy.RetryPolicy
  readonly tag: OpenRouterError.OpenRouterError["_tag"] | "Completed" | "Incomplete" | "Refused" | "Failed" | "Empty"
  /** The text of the answer, or the text so far. */
  readonly text: string
  readonly attempts?: number
  /** Whether the result tells the cost. */
  readonly told?: boolean
  /** What the ledger says of the cost: what was charged, that it is unknown, or that there was none. */
  readonly ledger: "charged" | "unknown" | "free"
  /** True if the emulator charged nothing, which the client cannot always know. */
  readonly isFree?: boolean
  /** The text of the events, if it is not the text of the result. */
  readonly shown?: string
  readonly also?: (seen: S.Observed) => void
}

const serverOf = ({ server }: Row): Emulator.Options => {
  if (!("reply" in server)) return S.saying(server)
  const replies = [server.reply].flat()
  return {
    rules: replies.map((reply, index) => index === replies.length - 1 ? { reply } : { reply, times: 1 })
  }
}

const check = (row: Row, way: S.Way) =>
  Effect.gen(function*() {
    const seen = yield* S.observed(way, (onEvent) =>
      OpenRouter.streamOutcome(S.request, onEvent).pipe(
        Deadlines.with(row.deadlines ?? {}),
        RetryPolicy.with(row.policy ?? RetryPolicy.none)
      ))
    const charged = Usd.toText(
      Usd.fromDecimal(yield* Emulator.Emulator.use(({ ledger }) => Effect.map(ledger, ({ total }) => total)))
    )
    const result = S.resultOf(seen)
    const attempts = row.attempts ?? 1
    assert.deepStrictEqual([result.tag, result.text, result.attempts], [row.tag, row.text, attempts])
    assert.strictEqual(result.cost, row.told === true ? charged : undefined, "the cost that the result tells")
    assert.strictEqual(S.textOf(seen.events), row.shown ?? row.text, "the text of the events")
    assert.deepStrictEqual(seen.spent, {
      calls: attempts,
      failures: row.tag === "Completed" ? attempts - 1 : attempts,
      unknown: row.ledger === "unknown" ? 1 : 0,
      cost: row.ledger === "charged" ? charged : "0"
    })
    const isFree = row.isFree ?? row.ledger === "free"
    assert.strictEqual(charged === "0", isFree, `the emulator charged ${charged}`)
    row.also?.(seen)
  })

const table = (name: string, rows: ReadonlyArray<Row>, ways = S.ways) =>
  describe(name, () => {
    for (const way of ways) {
      for (const row of rows) {
        const test = () => Effect.provide(check(row, way), S.reached(way, serverOf(row)))
        if (way === "in-process") it.effect(`${row.name}: ${way}`, test)
        else it.live(`${row.name}: ${way}`, test)
      }
    }
  })

const ending = (ending: Emulator.Ending): Emulator.Streaming => ({ ending })

const whole = { tag: "Completed", text: S.text, told: true, ledger: "charged" } as const

const cutOff = { tag: "StreamInterrupted", ledger: "unknown" } as const

const hasId = (seen: S.Observed) => assert.match(S.resultOf(seen).generationId ?? "", /^gen-/)

/** Members of the error, however it is typed. */
const has = (members: { readonly [name: string]: unknown }) => (seen: S.Observed) => {
  const error: object = S.errorOf(seen)
  assert.deepInclude(error, members)
}

const hasEvents = (first: ReadonlyArray<string>, last?: string) => (seen: S.Observed) => {
  const types = S.typesOf(seen.events)
  assert.deepStrictEqual(types.slice(0, first.length), first)
  if (last !== undefined) assert.strictEqual(types.at(-1), last)
}

describe("an answer", () => {
  it.effect("has as many events as the tests count on", () =>
    Effect.gen(function*() {
      const seen = yield* S.observed("in-process", (onEvent) => OpenRouter.streamOutcome(S.request, onEvent))
      assert.strictEqual(seen.events.length, S.eventCount)
      assert.strictEqual(S.typesOf(seen.events).at(-1), "completed")
    }).pipe(Effect.provide(S.reached("in-process", S.saying()))))
})

table("a body that ends early", [
  { name: "at once", server: ending({ _tag: "Cut", after: { bytes: 0 } }), ...cutOff, text: "", also: hasId },
  {
    name: "after the keep-alive",
    server: ending({ _tag: "Cut", after: { events: 0 } }),
    ...cutOff,
    text: "",
    also: (seen) => assert.deepStrictEqual(seen.events, [])
  },
  {
    name: "before any output",
    server: ending({ _tag: "Cut", after: { events: 2 } }),
    ...cutOff,
    text: "",
    also: hasEvents(["created", "in_progress"])
  },
  {
    name: "in the midst",
    server: ending({ _tag: "Cut", after: { deltas: 3 } }),
    ...cutOff,
    text: S.delivered(3),
    also: hasId
  },
  { name: "in the midst of an event", server: ending({ _tag: "Cut", after: { bytes: 1400 } }), ...cutOff, text: "" },
  {
    name: "before the last event",
    server: ending({ _tag: "Cut", after: { events: S.eventCount - 1 } }),
    ...cutOff,
    text: S.text
  },
  { name: "after the last event", server: ending({ _tag: "Cut", after: { events: S.eventCount } }), ...whole },
  { name: "without a last event", server: ending({ _tag: "NoTerminal" }), ...cutOff, text: S.text },
  { name: "without [DONE]", server: { done: false }, ...whole }
])

const reset = (after: Emulator.Position) => ending({ _tag: "Reset", after })

const broken = { tag: "ConnectionFailed", ledger: "unknown" } as const

table("a connection that breaks", [
  {
    name: "before any output",
    server: reset({ events: 2 }),
    ...broken,
    text: "",
    also: has({ phase: "receiving" })
  },
  {
    name: "in the midst",
    server: reset({ deltas: 3 }),
    ...broken,
    text: S.delivered(3),
    also: has({ phase: "receiving" })
  },
  { name: "after the last event", server: reset({ events: S.eventCount }), ...whole }
])

const stalls = (after: Emulator.Position, comments: Duration.Input = "20 millis"): Emulator.Streaming => ({
  ending: { _tag: "Stall", after, comments }
})

const timedOut = { tag: "TimedOut", ledger: "unknown" } as const

const passed = (phase: OpenRouterError.TimedOut["phase"], millis: number) =>
  has({ phase, duration: Duration.millis(millis) })

table("a stream that stalls while comments go on", [
  {
    name: "before its first event",
    server: stalls({ events: 0 }),
    deadlines: { firstEvent: 150 },
    ...timedOut,
    text: "",
    also: passed("firstEvent", 150)
  },
  {
    name: "before its headers",
    server: { reply: Reply.hang({ billed: true }) },
    deadlines: { firstEvent: 150 },
    ...timedOut,
    text: "",
    also: passed("firstEvent", 150)
  },
  {
    name: "before any output",
    server: stalls({ events: 2 }),
    deadlines: { idle: 150 },
    ...timedOut,
    text: "",
    also: passed("idle", 150)
  },
  {
    name: "in the midst",
    server: stalls({ deltas: 3 }),
    deadlines: { idle: 150, firstEvent: "1 hour" },
    ...timedOut,
    text: S.delivered(3),
    also: (seen) => {
      passed("idle", 150)(seen)
      hasId(seen)
    }
  },
  {
    name: "in the midst, and the whole takes too long",
    server: stalls({ deltas: 3 }),
    deadlines: { total: 200 },
    ...timedOut,
    text: S.delivered(3),
    also: passed("total", 200)
  },
  {
    name: "in the midst, in silence",
    server: { ending: { _tag: "Stall", after: { deltas: 3 }, comments: "none" } },
    deadlines: { idle: 150 },
    ...timedOut,
    text: S.delivered(3),
    also: passed("idle", 150)
  },
  { name: "after its last event", server: stalls({ events: S.eventCount }), ...whole },
  {
    name: "with keepalive events",
    server: { ...stalls({ events: 3 }), unknownEvents: 1 },
    deadlines: { idle: 150 },
    ...timedOut,
    text: "",
    also: passed("idle", 150)
  },
  {
    name: "in the body of an error",
    server: {
      reply: Reply.raw(`{"error":{"code":500,"message":"no`, {
        status: 500,
        contentType: "application/json",
        stream: stalls({ bytes: 20 })
      })
    },
    deadlines: { firstEvent: 150 },
    ...timedOut,
    isFree: true,
    text: "",
    also: passed("firstEvent", 150)
  }
])

const fails = (error: Omit<Emulator.ErrorEnding, "_tag">) => ending({ _tag: "Error", after: 3, ...error })

const serverError = { tag: "ServerError", text: S.delivered(3), ledger: "unknown" } as const

table("a failure that the stream tells", [
  {
    name: "failed, with usage",
    server: fails({ form: "failed", usage: true }),
    tag: "ServerError",
    text: S.delivered(3),
    told: true,
    ledger: "charged",
    also: (seen) => {
      has({ errorType: "server", status: 200, code: "server_error", message: "The provider broke off." })(seen)
      hasEvents(["created"], "failed")(seen)
      hasId(seen)
    }
  },
  {
    name: "failed, without usage",
    server: fails({ form: "failed" }),
    ...serverError,
    also: has({ errorType: "server" })
  },
  { name: "failed, in short", server: fails({ form: "failed-short" }), ...serverError, also: hasId },
  { name: "response.error", server: fails({ form: "response-error" }), ...serverError, also: hasEvents([], "error") },
  { name: "error, flat", server: fails({ form: "flat" }), ...serverError, also: hasEvents([], "error") },
  { name: "error, nested", server: fails({ form: "nested" }), ...serverError, also: hasEvents([], "error") },
  {
    name: "error without a code",
    server: fails({ form: "nested", code: null }),
    tag: "Failed",
    text: S.delivered(3),
    ledger: "unknown"
  },
  {
    name: "error, then failed with usage",
    server: fails({ form: "nested-then-failed", usage: true }),
    tag: "ServerError",
    text: S.delivered(3),
    told: true,
    ledger: "charged",
    also: has({ errorType: "server" })
  },
  {
    name: "a rate limit in the midst, not tried again",
    server: fails({ form: "failed", errorType: "rate_limit_exceeded" }),
    policy: RetryPolicy.make(),
    tag: "RateLimited",
    text: S.delivered(3),
    ledger: "unknown"
  },
  {
    name: "as its first event",
    server: ending({ _tag: "Error", first: true }),
    tag: "ServerError",
    text: "",
    ledger: "free",
    also: (seen) => assert.deepStrictEqual(S.typesOf(seen.events), ["error"])
  },
  {
    name: "a rate limit before any output",
    server: { reply: Reply.failed({ errorType: "rate_limit_exceeded" }) },
    tag: "RateLimited",
    text: "",
    ledger: "free",
    also: (seen) => assert.deepStrictEqual(S.typesOf(seen.events), ["created", "in_progress", "failed"])
  },
  {
    name: "a code that means nothing",
    server: { reply: Reply.failed({ errorType: "novel", code: "novel" }) },
    tag: "Failed",
    text: "",
    ledger: "unknown",
    isFree: true
  }
])

const soon = RetryPolicy.make({ base: "5 millis" })

const then = (...replies: ReadonlyArray<Emulator.Reply.Reply>): Row["server"] => ({
  reply: [...replies, Reply.text(S.text)]
})

const streamed = (stream: Emulator.Streaming) => Reply.text("lost", { stream })

table(
  "what is tried again, because nothing was shown",
  [
    {
      name: "a rate limit in the stream",
      server: then(Reply.failed({ errorType: "rate_limit_exceeded" })),
      ...whole,
      attempts: 2,
      also: (seen: S.Observed) => {
        const types = S.typesOf(seen.events)
        // Those of the failed attempt are there if they were read before its failure.
        assert.include([1, 2], types.filter((type) => type === "created").length)
        assert.notInclude(types, "failed")
      }
    },
    {
      name: "an error as the first event, twice",
      server: then(streamed(ending({ _tag: "Error", first: true })), streamed(ending({ _tag: "Error", first: true }))),
      ...whole,
      attempts: 3,
      also: hasEvents(["created", "in_progress", "output_item.added"], "completed")
    },
    { name: "HTTP 503", server: then(Reply.failure(503)), ...whole, attempts: 2 },
    { name: "HTTP 429 with a reset", server: then(Reply.failure(429, { reset: { after: 20 } })), ...whole, attempts: 2 }
  ].map((row): Row => ({ ...row, policy: soon }))
)

describe("a broken connection before any output", () => {
  for (const way of S.ways) {
    const test = () =>
      Effect.gen(function*() {
        const seen = yield* S.observed(way, (onEvent) =>
          OpenRouter.streamOutcome(S.request, onEvent).pipe(RetryPolicy.with(soon)))
        assert.deepStrictEqual(S.resultOf(seen).attempts, 3)
        assert.strictEqual(S.textOf(seen.events), S.text)
        const { calls, failures, unknown } = seen.spent
        assert.deepStrictEqual({ calls, failures, unknown }, { calls: 3, failures: 2, unknown: 2 })
      }).pipe(Effect.provide(S.reached(way, {
        rules: [
          { times: 1, reply: Reply.disconnect() },
          { times: 1, reply: streamed(reset({ events: 2 })) },
          { reply: Reply.text(S.text) }
        ]
      })))
    if (way === "in-process") it.effect(`is tried again: ${way}`, test)
    else it.live(`is tried again: ${way}`, test)
  }
})

table(
  "what is not tried again",
  [
    { name: "a cut before any output", server: ending({ _tag: "Cut", after: { events: 2 } }), ...cutOff, text: "" },
    {
      name: "a deadline",
      server: { reply: [Reply.hang({ billed: true }), Reply.text(S.text)] },
      deadlines: { firstEvent: 100 },
      ...timedOut,
      text: ""
    },
    { name: "a broken connection in the midst", server: reset({ deltas: 3 }), ...broken, text: S.delivered(3) },
    { name: "an error in the midst", server: fails({}), ...serverError }
  ].map((row): Row => ({ ...row, policy: soon }))
)

const odd = (stream: Emulator.Streaming): Pick<Row, "server"> & typeof whole => ({ server: stream, ...whole })

table("a stream that is odd, but whole", [
  { name: "no output in the last event", ...odd({ output: "empty" }) },
  { name: "rotating ids", ...odd({ ids: "rotate" }) },
  { name: "unknown events", ...odd({ unknownEvents: 1 }) },
  ...[1, 2, 3, 7, 61].map((chunkBytes) => ({ name: `pieces of ${chunkBytes} bytes`, ...odd({ chunkBytes }) })),
  ...[1, 2, 3, 7, 61].map((chunkBytes) => ({
    name: `pieces of ${chunkBytes} bytes, CRLF`,
    ...odd({ chunkBytes, lineEnding: "crlf", eventLines: true, retry: 3000 })
  })),
  { name: "CR", ...odd({ lineEnding: "cr" }) },
  { name: "all in one piece", ...odd({ eventsPerChunk: 1000 }) },
  { name: "event: and retry: lines", ...odd({ eventLines: true, retry: 1 }) },
  { name: "many comments", ...odd({ keepAlive: { text: "", before: 100, every: 1 } }) },
  { name: "half of the JSON of an event", ...odd({ brokenEvent: 1 }) },
  {
    name: "half of the JSON of a delta",
    ...odd({ brokenEvent: 5 }),
    shown: S.text.slice(0, 4) + S.text.slice(8)
  },
  { name: "slow, with keep-alives", ...odd({ eventDelay: 3, keepAlive: { interval: 1 } }) },
  { name: "one JSON body", ...odd({ as: "json" }), shown: "" },
  {
    name: "half of the JSON of the last event",
    server: { brokenEvent: S.eventCount - 1 },
    ...cutOff,
    text: S.text
  }
])

const items = (order: "reversed" | "interleaved"): Row["server"] => ({
  reply: Reply.text("the second.", {
    stream: { order },
    items: [{
      id: "msg_1",
      type: "message",
      role: "assistant",
      status: "completed",
      content: [{ type: "output_text", text: "The first, ", annotations: [] }]
    }]
  })
})

table("items out of order", [
  {
    name: "reversed",
    server: items("reversed"),
    ...whole,
    text: "The first, the second.",
    shown: "the second.The first, "
  },
  {
    name: "interleaved",
    server: items("interleaved"),
    ...whole,
    text: "The first, the second.",
    shown: "the The secofirsnd.t, "
  }
])

table("what is no stream", [
  {
    name: "HTTP 400",
    server: { reply: Reply.failure(400) },
    tag: "InvalidRequest",
    text: "",
    ledger: "free",
    also: has({ origin: "server", status: 400 })
  },
  { name: "HTTP 401", server: { reply: Reply.failure(401) }, tag: "InvalidApiKey", text: "", ledger: "free" },
  {
    name: "HTTP 429",
    server: { reply: Reply.failure(429, { reset: { after: "1 minute" } }) },
    tag: "RateLimited",
    text: "",
    ledger: "free",
    also: has({ status: 429, limit: 20 })
  },
  { name: "HTTP 503", server: { reply: Reply.failure(503) }, tag: "ProviderOverloaded", text: "", ledger: "free" },
  {
    name: "an error in a JSON body of status 200",
    server: { reply: Reply.failure(429, { httpStatus: 200 }) },
    tag: "RateLimited",
    text: "",
    ledger: "free"
  },
  {
    name: "HTML",
    server: { reply: Reply.raw("<html>", { contentType: "text/html" }) },
    tag: "MalformedResponse",
    text: "",
    ledger: "unknown",
    isFree: true
  },
  { name: "a refusal", server: { reply: Reply.refusal() }, tag: "Refused", text: "", told: true, ledger: "charged" },
  {
    name: "an answer that is cut",
    server: { reply: Reply.incomplete({ text: "Once" }) },
    tag: "Incomplete",
    text: "Once",
    told: true,
    ledger: "charged"
  },
  { name: "an empty answer", server: { reply: Reply.empty() }, tag: "Empty", text: "", told: true, ledger: "charged" },
  {
    name: "an answer without usage",
    server: { reply: Reply.text(S.text, { usage: "null" }) },
    tag: "Completed",
    text: S.text,
    ledger: "unknown"
  }
])

table("an event of 20 MB", [{
  name: "is one event",
  server: {
    reply: Reply.text(S.text, {
      items: [{ id: "ig_1", type: "image_generation_call", status: "completed", result: "A".repeat(20_000_000) }]
    })
  },
  ...whole,
  also: (seen) => {
    const image = seen.events.find((event) => event.type === "response.output_item.done")
    assert.strictEqual(image?.item.type === "image_generation_call" ? image.item.result?.length : 0, 20_000_000)
  }
}])
