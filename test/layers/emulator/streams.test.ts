import { assert, describe, it } from "@effect/vitest"
import { BigDecimal, Effect, Fiber, type Schema, Stream } from "effect"
import { Emulator } from "effect-openrouter/testing"
import { TestClock } from "effect/testing"
import { at, chunks, dataOf, events, joined, model, post, sse, textOf, typesOf } from "./support.ts"

const { Reply } = Emulator

const withStream = (stream: Emulator.Streaming) => Emulator.layerHttpClient({ stream })

const withReply = (reply: Emulator.Reply.Reply) => Emulator.layerHttpClient({ rules: [{ reply }] })

const schema = {
  type: "object",
  properties: { mood: { type: "string", enum: ["calm", "angry"] } },
  required: ["mood"],
  additionalProperties: false
}

const tools = [{ type: "function", name: "look_up", parameters: schema, strict: true }]

const asked = { model, input: "Hello" }

/** The types in order, deltas of one kind in a row told once. */
const outline = (types: ReadonlyArray<string>) => types.filter((type, index) => type !== types[index - 1])

const message = [
  "output_item.added",
  "content_part.added",
  "output_text.delta",
  "output_text.done",
  "content_part.done",
  "output_item.done"
]

const reasoning = [
  "output_item.added",
  "reasoning_summary_part.added",
  "reasoning_summary_text.delta",
  "reasoning_summary_text.done",
  "reasoning_summary_part.done",
  "output_item.done"
]

const begin = ["created", "in_progress"]

describe("a stream", () => {
  it.effect("tells an answer event by event", () =>
    Effect.gen(function*() {
      const all = yield* events(asked)
      assert.deepStrictEqual(outline(typesOf(all)), [...begin, ...message, "completed"])
      assert.deepStrictEqual(all.map((event) => event["sequence_number"]), Array.from(all.keys()))
      const first = all[0]
      assert.deepStrictEqual(
        [at(first, "response.status"), at(first, "response.output"), at(first, "response.usage")],
        ["in_progress", [], null]
      )
      const last = all.at(-1)
      assert.strictEqual(joined(all, "response.output_text.delta"), textOf(at(last, "response.output")))
      assert.strictEqual(
        all.find(({ type }) => type === "response.output_text.done")?.["text"],
        textOf(at(last, "response.output"))
      )
      const id = at(last, "response.output.0.id")
      for (const event of all.slice(3, -2)) assert.strictEqual(event["item_id"], id)
      assert.deepStrictEqual(all.at(-2)?.["item"], at(last, "response.output.0"))
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("is framed like the real one", () =>
    Effect.gen(function*() {
      const response = yield* post({ ...asked, stream: true })
      assert.strictEqual(response.status, 200)
      assert.match(response.headers["content-type"] ?? "", /^text\/event-stream/)
      const text = yield* response.text
      assert.include(text, `"id":"${response.headers["x-generation-id"]}"`)
      assert.match(text, /^: OPENROUTER PROCESSING\n\ndata: \{"type":"response.created"/)
      assert.match(text, /\n\ndata: \[DONE\]\n\n$/)
      assert.notInclude(text, "event:")
      assert.notInclude(text, "\r")
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  const sameness: ReadonlyArray<readonly [name: string, extra: { readonly [key: string]: Schema.Json }]> = [
    ["plain text", {}],
    ["a schema", { text: { format: { type: "json_schema", name: "mood", schema } } }],
    ["reasoning", { reasoning: { effort: "low" } }],
    ["a call", { tools, tool_choice: "required" }]
  ]

  it.effect.each(sameness)("says and costs the same as no stream: %s", ([, extra]) =>
    Effect.gen(function*() {
      const body = { ...asked, ...extra }
      const whole = yield* Effect.flatMap(post(body), (response) => response.json)
      const all = yield* events(body)
      const last = all.at(-1)
      assert.deepStrictEqual(at(last, "response.output"), at(whole, "output"))
      assert.deepStrictEqual(at(last, "response.usage"), at(whole, "usage"))
      const ledger = yield* Emulator.Emulator.use((emulator) => emulator.ledger)
      assert.strictEqual(BigDecimal.toNumberUnsafe(ledger.total), Number(at(whole, "usage.cost")) * 2)
      assert.strictEqual(ledger.cancelled, 0)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("thinks before it speaks", () =>
    Effect.gen(function*() {
      const all = yield* events({ ...asked, reasoning: { effort: "low" } })
      assert.deepStrictEqual(outline(typesOf(all)), [...begin, ...reasoning, ...message, "completed"])
      const summary = at(all.at(-1), "response.output.0.summary.0.text")
      assert.strictEqual(joined(all, "response.reasoning_summary_text.delta"), summary)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("calls functions", () =>
    Effect.gen(function*() {
      const all = yield* events({ ...asked, tools, tool_choice: "required" })
      assert.deepStrictEqual(outline(typesOf(all)), [
        ...begin,
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed"
      ])
      const done = all.find(({ type }) => type === "response.function_call_arguments.done")
      assert.strictEqual(done?.["name"], "look_up")
      assert.strictEqual(joined(all, "response.function_call_arguments.delta"), done?.["arguments"])
      assert.strictEqual(at(all.at(2), "item.arguments"), "")
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  const endings: ReadonlyArray<readonly [model: string, types: ReadonlyArray<string>]> = [
    ["refusal", message.map((type) => type.replace("output_text", "refusal")).concat("completed")],
    ["incomplete", [...message, "incomplete"]],
    ["content-filter", [...message, "incomplete"]],
    ["failed", ["failed"]],
    ["empty", [...reasoning, "completed"]],
    ["no-usage", [...message, "completed"]],
    ["padded", [...message, "completed"]],
    ["unknown-item", ["output_item.added", "output_item.done", ...message, "completed"]]
  ]

  it.effect.each(endings)("emulator/%s streams too", ([name, types]) =>
    Effect.gen(function*() {
      const body = { model: `emulator/${name}`, input: "Hello" }
      const all = yield* events(body)
      assert.deepStrictEqual(outline(typesOf(all)), [...begin, ...types])
      const whole = yield* Effect.flatMap(post(body), (response) => response.json)
      for (const field of ["output", "status", "error", "incomplete_details", "usage", "error_type"]) {
        assert.deepStrictEqual(at(all.at(-1), `response.${field}`), at(whole, field))
      }
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  const early: ReadonlyArray<readonly [model: string, status: number]> = [
    ["emulator/status-429", 429],
    ["emulator/status-503", 503],
    ["emulator/error-in-200", 200],
    ["nobody", 400]
  ]

  it.effect.each(early)("that cannot begin is a JSON document: %s", ([model, status]) =>
    Effect.gen(function*() {
      const response = yield* post({ model, input: "Hello", stream: true })
      assert.strictEqual(response.status, status)
      assert.match(response.headers["content-type"] ?? "", /^application\/json/)
      assert.property(yield* response.json, "error")
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("is the same for the same question", () =>
    Effect.gen(function*() {
      const first = yield* sse(asked)
      const second = yield* sse(asked)
      const other = yield* sse({ ...asked, input: "Bye" })
      const bare = (text: string) => text.replaceAll(/gen-0-\w+/g, "")
      assert.strictEqual(bare(first), bare(second))
      assert.notStrictEqual(bare(first), bare(other))
      assert.strictEqual(first, yield* Effect.provide(sse(asked), Emulator.layerHttpClient(), { local: true }))
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("is told by GET /generation", () =>
    Effect.gen(function*() {
      const all = yield* events(asked)
      const emulator = yield* Emulator.Emulator
      const response = yield* emulator.client.get(
        `http://emulator/api/v1/generation?id=${String(at(all[0], "response.id"))}`,
        { headers: { authorization: "Bearer test" } }
      )
      const generation = yield* response.json
      assert.deepStrictEqual(
        [at(generation, "data.streamed"), at(generation, "data.cancelled"), at(generation, "data.finish_reason")],
        [true, false, "stop"]
      )
    }).pipe(Effect.provide(Emulator.layerHttpClient())))
})

describe("the pace of a stream", () => {
  it.effect("waits on the caller's clock", () =>
    Effect.gen(function*() {
      const seen: Array<Uint8Array> = []
      const fiber = yield* Effect.forkChild(
        Stream.runForEach(chunks(asked), (chunk) => Effect.sync(() => seen.push(chunk))),
        { startImmediately: true }
      )
      yield* TestClock.adjust("999 millis")
      const early = seen.length
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(seen.length, early + 1)
      yield* TestClock.adjust("300 millis")
      assert.strictEqual(seen.length, early + 4)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
    }).pipe(Effect.provide(withStream({ firstDelay: "1 second", eventDelay: "100 millis" }))))

  it.effect("keeps the connection alive in the meantime", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(sse(asked), { startImmediately: true })
      yield* TestClock.adjust("10 seconds")
      const text = yield* Fiber.join(fiber)
      assert.match(text, /^: \n\n: \n\n: \n\ndata: \{"type":"response.created"/)
    }).pipe(
      Effect.provide(
        withStream({ firstDelay: "3500 millis", keepAlive: { text: "", before: 0, interval: "1 second" } })
      )
    ))

  it.effect("is a number of tokens per delta, and never half a character", () =>
    Effect.gen(function*() {
      const deltas = (tokensPerDelta: number) =>
        Effect.map(
          Effect.provide(
            events({ model: "emulator/echo", input: "a😀😀😀😀b€" }),
            withStream({ tokensPerDelta }),
            { local: true }
          ),
          (all) => all.flatMap(({ delta }) => typeof delta === "string" ? [delta] : [])
        )
      assert.deepStrictEqual(yield* deltas(1), ["a😀😀", "😀😀", "b€"])
      assert.deepStrictEqual(yield* deltas(2), ["a😀😀😀😀", "b€"])
      assert.deepStrictEqual(yield* deltas(Infinity), ["a😀😀😀😀b€"])
    }))
})

describe("the framing of a stream", () => {
  const plain = Effect.provide(sse({ model: "emulator/echo", input: "Grüße, 世界 😀" }), Emulator.layerHttpClient())

  it.effect.each([1, 7, 61, 100_000])("cuts the same bytes into chunks of %i", (chunkBytes) =>
    Effect.gen(function*() {
      const all = yield* Stream.runCollect(chunks({ model: "emulator/echo", input: "Grüße, 世界 😀" }))
      const bytes = new Uint8Array(all.flatMap((chunk) => Array.from(chunk)))
      assert.strictEqual(new TextDecoder().decode(bytes), yield* plain)
      const full = all.filter(({ length }) => length === chunkBytes)
      assert.isTrue(all.every(({ length }) => length <= chunkBytes))
      assert.isAtLeast(full.length, Math.floor(bytes.length / chunkBytes) - 1)
    }).pipe(Effect.provide(withStream({ chunkBytes }))))

  it.effect("puts several events into a chunk", () =>
    Effect.gen(function*() {
      const one = yield* Effect.provide(Stream.runCollect(chunks(asked)), Emulator.layerHttpClient(), { local: true })
      const three = yield* Stream.runCollect(chunks(asked))
      assert.isBelow(three.length, one.length / 2)
      assert.deepStrictEqual(three.flatMap((chunk) => Array.from(chunk)), one.flatMap((chunk) => Array.from(chunk)))
    }).pipe(Effect.provide(withStream({ eventsPerChunk: 3 }))))

  it.effect("writes event and retry lines, comments and carriage returns", () =>
    Effect.gen(function*() {
      const text = yield* sse(asked)
      assert.match(text, /^retry: 3000\r\n\r\n: zzz\r\n\r\n: zzz\r\n\r\nevent: response.created\r\ndata: \{/)
      assert.isFalse(/[^\r]\n/.test(text))
      assert.deepStrictEqual(dataOf(text), dataOf(yield* plainAsked))
    }).pipe(Effect.provide(withStream({
      eventLines: true,
      retry: 3000,
      lineEnding: "crlf",
      done: false,
      keepAlive: { text: "zzz", before: 2, every: 2 }
    }))))

  const plainAsked = Effect.provide(sse(asked), withStream({ done: false }), { local: true })

  it.effect("plays back a recorded stream", () =>
    Effect.gen(function*() {
      const all = yield* Stream.runCollect(chunks(asked))
      assert.deepStrictEqual(all.map((chunk) => new TextDecoder().decode(chunk)), ["data:", " {}\n\n", "data"])
    }).pipe(Effect.provide(withReply(
      Reply.raw("data: {}\n\ndata: [DONE]\n\n", {
        contentType: "text/event-stream",
        stream: { chunkBytes: 5, ending: { _tag: "Cut", after: { bytes: 14 } } }
      })
    ))))
})
