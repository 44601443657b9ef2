import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Exit, Layer, Option, Schedule, Schema, Stream } from "effect"
import { OpenRouter, RetryPolicy, type StreamEvent, Transport, Wire } from "effect-openrouter"
import { readdirSync, readFileSync } from "node:fs"
import * as Recorded from "../../domain/stream/recorded.ts"
import { ungated } from "../client/support.ts"
import * as S from "./support.ts"

const headers = { "content-type": "text/event-stream", "x-generation-id": "gen-1" }

/** A client whose server sends these chunks, one at a time. */
const sending = (chunks: ReadonlyArray<Uint8Array>) =>
  OpenRouter.layerTransport.pipe(Layer.provide(Layer.succeed(
    Transport.Transport,
    Transport.make(() =>
      Effect.succeed(Transport.answer({ headers, body: Stream.fromIterable(chunks).pipe(Stream.rechunk(1)) }))
    )
  )))

/** What a consumer sees of a stream: its events with all of their JSON, and how it ended. */
const seen = (chunks: ReadonlyArray<Uint8Array>) =>
  Effect.gen(function*() {
    const events: Array<readonly [StreamEvent.StreamEvent, unknown]> = []
    const exit = yield* OpenRouter.streamOutcome(
      S.request,
      (event) => Effect.sync(() => void events.push([event, Wire.raw(event)]))
    ).pipe(RetryPolicy.with(RetryPolicy.none), Effect.exit)
    if (Exit.hasDies(exit)) return yield* Effect.die(exit)
    const error = Option.getOrUndefined(Exit.findErrorOption(exit))
    return {
      events,
      outcome: Exit.isSuccess(exit) ? exit.value : undefined,
      error: error === undefined ? undefined : { ...error, message: error.message, response: undefined }
    }
  }).pipe(Effect.provide(sending(chunks)))

/** The bytes in pieces that end at these places. */
const cut = (bytes: Uint8Array, places: Iterable<number>): ReadonlyArray<Uint8Array> => {
  const ends = [...new Set([...places].filter((place) => place > 0 && place < bytes.length)), bytes.length]
    .sort((a, b) => a - b)
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end))
}

const encoder = new TextEncoder()

/** The places where a stream may break: around line ends, inside field names, JSON and characters of several bytes. */
const kinds = (text: string): Readonly<Record<string, ReadonlyArray<number>>> => {
  const at = (pattern: RegExp, offset: number) =>
    Array.from(text.matchAll(pattern), ({ index }) => encoder.encode(text.slice(0, index)).length + offset)
  return {
    "before each event": at(/\r?\n\r?\n/g, 0),
    "between the line ends": at(/\n\r?\n/g, 1),
    "after each event": at(/\n\r?\n/g, 2),
    "inside of data:": at(/^data:/gm, 3),
    "behind the first brace": at(/^data: ?\{/gm, 7),
    "inside of characters": at(/\P{ASCII}/gu, 1),
    "before the end": at(/\[DONE\]/g, 2)
  }
}

/** What fits under one seed: where pieces of random lengths end. */
const lengths = Arbitrary.schema(
  Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 700 }))).check(
    Schema.isMinLength(1),
    Schema.isMaxLength(12)
  )
)

const placesOf = (lengths: ReadonlyArray<number>, size: number): ReadonlyArray<number> => {
  const places: Array<number> = []
  for (let at = 0, index = 0; at < size; index++) places.push(at += lengths[index % lengths.length] ?? size)
  return places
}

const sameHowever = (text: string, { byBytes = true }: { readonly byBytes?: boolean } = {}) =>
  Effect.gen(function*() {
    const bytes = encoder.encode(text)
    const whole = yield* seen([bytes])
    for (const [kind, places] of Object.entries(kinds(text))) {
      assert.deepStrictEqual(yield* seen(cut(bytes, places)), whole, kind)
    }
    if (byBytes) {
      assert.deepStrictEqual(yield* seen(cut(bytes, Array.from(bytes, (_, index) => index))), whole, "byte by byte")
    }
    return whole
  })

const failed = (code: string) =>
  S.data({ type: "response.failed", response: { status: "failed", output: [], error: { code, message: "no" } } })

const error = S.data({ type: "error", code: "server_error", message: "no", param: null })

const item = S.data({
  type: "response.output_item.added",
  output_index: 0,
  item: { type: "message", role: "assistant", status: "in_progress", content: [] }
})

const inProgress = S.data({ type: "response.in_progress", response: { status: "in_progress", output: [] } })

const streams: Readonly<Record<string, string>> = {
  "a good one": `${S.created}${inProgress}${S.delta("Ünd 🏰")}${S.delta(" mehr")}${
    S.completed("Ünd 🏰 mehr")
  }${S.done}`,
  "a good one with CRLF": `${S.created}${S.delta("a")}${S.completed("a")}${S.done}`.replaceAll("\n", "\r\n"),
  "with comments": `: hello\n\n${S.created}: OPENROUTER PROCESSING\n\n${S.delta("a")}: x\n\n${
    S.completed("a")
  }${S.done}`,
  "without a piece": `${S.created}${S.completed("at once")}${S.done}`,
  "that fails at once": `${S.created}${failed("rate_limit_exceeded")}${S.done}`,
  "that fails for no known reason": `${S.created}${failed("novel")}`,
  "that fails in the midst": `${S.created}${S.delta("a")}${failed("server_error")}${S.done}`,
  "with an error at once": `${error}${S.done}`,
  "with an error, then failed": `${S.created}${S.delta("a")}${error}${failed("server_error")}${S.done}`,
  "with events behind its end": `${S.created}${S.delta("a")}${S.completed("a")}${S.delta("b")}${S.completed("b")}`,
  "with events behind [DONE]": `${S.created}${S.delta("a")}${S.done}${S.delta("b")}${S.completed("ab")}`,
  "that is cut off": `${S.created}${S.delta("a")}${S.delta("b")}`,
  "cut off in its stages": `${S.created}${inProgress}`,
  "without the last blank line": `${S.created}${S.delta("a")}${S.completed("a")}`.trimEnd(),
  "that is a JSON error": JSON.stringify({
    error: { code: 429, message: "slow", metadata: { error_type: "rate_limit_exceeded" } }
  }),
  "that is a JSON answer": `\n ${S.completed("x").slice(6)}`,
  "with unknown events": `${S.data({ type: "novel", a: 1 })}${S.created}${S.data({ type: "novel", b: 2 })}${
    S.delta("a")
  }${S.completed("a")}${S.done}`,
  "with what is no JSON": `data: nonsense\n\n${S.created}${S.delta("a")}${S.completed("a")}${S.done}`
}

describe("what a consumer sees does not depend on how the bytes were cut", () => {
  for (const [name, text] of Object.entries(streams)) {
    it.effect(`a stream ${name}`, () => sameHowever(text))

    it.effect.prop(`a stream ${name}, at random`, { lengths }, ({ lengths }) =>
      Effect.gen(function*() {
        const bytes = encoder.encode(text)
        assert.deepStrictEqual(yield* seen(cut(bytes, placesOf(lengths, bytes.length))), yield* seen([bytes]))
      }), { arbitrary: { runs: 15 } })
  }
})

describe("what is repeated does not depend on it either", () => {
  const firsts: ReadonlyArray<readonly [name: string, first: string, sent: number]> = [
    ["fails in its stages", `${S.created}${inProgress}${failed("rate_limit_exceeded")}${S.done}`, 2],
    ["fails with an error in its stages", `${S.created}${error}${S.done}`, 2],
    ["fails after unknown events", `${S.data({ type: "novel" })}${S.created}${failed("server_error")}`, 2],
    ["is a JSON error", JSON.stringify({ error: { code: 503, message: "busy" } }), 2],
    ["fails after an item began", `${S.created}${item}${failed("server_error")}`, 1],
    ["fails after a delta", `${S.created}${S.delta("a")}${error}`, 1]
  ]

  it.effect.each(firsts)("a stream that %s", ([, first, sent]) =>
    Effect.gen(function*() {
      const bytes = encoder.encode(first)
      const seenBy = (places: ReadonlyArray<number>) =>
        Effect.gen(function*() {
          let sends = 0
          const events: Array<StreamEvent.StreamEvent> = []
          const layer = ungated(OpenRouter.layerTransport).pipe(Layer.provide(Layer.succeed(
            Transport.Transport,
            Transport.make(() => {
              const chunks = ++sends === 1 ? cut(bytes, places) : [encoder.encode(streams["a good one"] ?? "")]
              return Effect.succeed(
                Transport.answer({ headers, body: Stream.fromIterable(chunks).pipe(Stream.rechunk(1)) })
              )
            })
          )))
          const exit = yield* OpenRouter.streamOutcome(S.request, (event) => Effect.sync(() => void events.push(event)))
            .pipe(RetryPolicy.with(RetryPolicy.fromSchedule(Schedule.recurs(1))), Effect.exit, Effect.provide(layer))
          const failure = Option.getOrUndefined(Exit.findErrorOption(exit))
          return { sends, events, tag: failure?._tag, response: failure?.response }
        })
      const whole = yield* seenBy([])
      assert.strictEqual(whole.sends, sent)
      for (const places of [...Object.values(kinds(first)), Array.from(bytes, (_, index) => index)]) {
        assert.deepStrictEqual(yield* seenBy(places), whole)
      }
    }))

  it.effect("the events of an attempt that was repeated are gone", () =>
    Effect.gen(function*() {
      let sends = 0
      const layer = ungated(OpenRouter.layerTransport).pipe(Layer.provide(Layer.succeed(
        Transport.Transport,
        Transport.make(() =>
          Effect.succeed(
            ++sends === 1
              ? Transport.answer({ headers, body: `${S.created}${failed("server_error")}` })
              : Transport.answer({ status: 503, body: "{}" })
          )
        )
      )))
      const events: Array<StreamEvent.StreamEvent> = []
      const failure = yield* OpenRouter.streamOutcome(S.request, (event) => Effect.sync(() => void events.push(event)))
        .pipe(RetryPolicy.with(RetryPolicy.fromSchedule(Schedule.recurs(1))), Effect.flip, Effect.provide(layer))
      assert.deepStrictEqual([failure._tag, events], ["ProviderOverloaded", []])
    }))
})

describe("what that is", () => {
  const typesOf = (name: string) =>
    Effect.map(seen([encoder.encode(streams[name] ?? "")]), ({ error, events, outcome }) => ({
      types: S.typesOf(events.map(([event]) => event)),
      end: error?._tag ?? outcome?._tag
    }))

  it.effect.each(
    [
      ["a good one", ["created", "in_progress", "output_text.delta", "output_text.delta", "completed"], "Completed"],
      ["without a piece", ["created", "completed"], "Completed"],
      ["that fails at once", ["created", "failed"], "RateLimited"],
      ["that fails for no known reason", ["created", "failed"], "Failed"],
      ["with an error at once", ["error"], "ServerError"],
      ["with an error, then failed", ["created", "output_text.delta", "error", "failed"], "ServerError"],
      ["with events behind its end", ["created", "output_text.delta", "completed"], "Completed"],
      ["with events behind [DONE]", ["created", "output_text.delta"], "StreamInterrupted"],
      ["cut off in its stages", ["created", "in_progress"], "StreamInterrupted"],
      ["that is a JSON error", [], "RateLimited"],
      ["with unknown events", ["novel", "created", "novel", "output_text.delta", "completed"], "Completed"]
    ] as const
  )("a stream %s", ([name, types, end]) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* typesOf(name), { types: Array.from(types), end })
    }))
})

describe.skipIf(!Recorded.isPresent)("the same for recorded streams", () => {
  const folder = new URL("../../../../shared/fixtures/streams/", import.meta.url)
  const files = Recorded.isPresent ? readdirSync(folder).filter((file) => file.endsWith(".sse")) : []

  it.effect.each(files)("%s", (file) => {
    const text = readFileSync(new URL(file, folder), "utf8")
    return sameHowever(text, { byBytes: text.length < 20_000 })
  })
})
