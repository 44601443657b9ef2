import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Ref, Stream } from "effect"
import { CostLedger, Usd } from "effect-openrouter"
import { Chat, LanguageModel, Prompt } from "effect/ai"
import { at } from "../emulator/support.ts"
import {
  collect,
  functionCall,
  handlers,
  input,
  message,
  own,
  partsOf,
  provider,
  response,
  sse,
  toolkit,
  typesOf,
  usage
} from "./support.ts"

type Json = ReturnType<typeof message>

const created: Json = { type: "response.created", response: { ...response([]), status: "in_progress", usage: null } }

const completed = (output: ReadonlyArray<Json>, members: Json = {}): Json => ({
  type: "response.completed",
  response: response(output, members)
})

const added = (output_index: number, item: Json): Json => ({ type: "response.output_item.added", output_index, item })

const done = (output_index: number, item: Json): Json => ({ type: "response.output_item.done", output_index, item })

const delta = (output_index: number, delta: string, item_id = "msg_1"): Json => ({
  type: "response.output_text.delta",
  output_index,
  content_index: 0,
  item_id,
  delta
})

const stream = LanguageModel.streamText({ prompt: "Hi" })

const textOf = (parts: ReadonlyArray<unknown>) => partsOf(parts, "text-delta").map((part) => at(part, "delta")).join("")

const started = message("", { status: "in_progress", content: [] })

describe("a stream", () => {
  it.effect("has its text while it comes, and ends with its usage and cost", () =>
    Effect.gen(function*() {
      const parts = yield* collect(stream)
      assert.deepStrictEqual(typesOf(parts), [
        "response-metadata",
        "text-start",
        "text-delta",
        "text-delta",
        "text-end",
        "finish"
      ])
      assert.strictEqual(textOf(parts), "Hello.")
      const [finish] = partsOf(parts, "finish")
      assert.strictEqual(at(finish, "usage.inputTokens.total"), 12)
      assert.strictEqual(at(finish, "usage.outputTokens.reasoning"), 5)
      assert.strictEqual(at(own(finish), "cost"), "0.0125")
      assert.strictEqual(at(own(finish), "generationId"), "gen-1")
    }).pipe(Effect.provide(provider([
      sse([
        created,
        added(0, started),
        delta(0, "Hel"),
        delta(0, "lo."),
        done(0, message("Hello.")),
        completed([message("Hello.")])
      ])
    ]))))

  it.effect.each(
    [
      ["only at the end of the item", [created, added(0, started), delta(0, "Hel"), done(0, message("Hello."))]],
      ["only in the response", [created, delta(0, "Hel")]],
      ["not before the response", [created]],
      ["in an item without its beginning", [created, done(0, message("Hello."))]]
    ] as const
  )("has the text that came %s", ([_, events]) =>
    Effect.gen(function*() {
      const parts = yield* collect(stream)
      assert.strictEqual(textOf(parts), "Hello.")
      assert.strictEqual(partsOf(parts, "text-start").length, 1)
      assert.strictEqual(partsOf(parts, "text-end").length, 1)
    }).pipe(Effect.provide(provider([sse([...events, completed([message("Hello.")])])]))))

  it.effect("has its text once where deltas count the parts otherwise than the item", () =>
    Effect.gen(function*() {
      const parts = yield* collect(stream)
      assert.strictEqual(textOf(parts), "Hello.")
      assert.strictEqual(partsOf(parts, "text-end").length, 1)
    }).pipe(Effect.provide(provider([sse([
      created,
      added(0, started),
      { ...delta(0, "Hello."), content_index: 1 },
      done(0, message("Hello.")),
      completed([message("Hello.")])
    ])]))))

  it.effect("has its text once where the response lists fewer items, without ids", () => {
    const bare = message("Hello.", { id: null })
    return Effect.gen(function*() {
      const parts = yield* collect(stream)
      assert.strictEqual(textOf(parts), "Hello.")
      assert.strictEqual(partsOf(parts, "text-start").length, 1)
    }).pipe(Effect.provide(provider([sse([
      created,
      done(0, { type: "reasoning", id: "rs_1", summary: [] }),
      added(1, { ...bare, content: [] }),
      { ...delta(1, "Hello."), item_id: null },
      done(1, bare),
      completed([bare])
    ])])))
  })

  it.effect("has reasoning once, whole, and sends it back", () => {
    const item = {
      type: "reasoning",
      id: "rs_1",
      summary: [{ type: "summary_text", text: "One" }, { type: "summary_text", text: "Two" }],
      encrypted_content: "sealed"
    }
    const piece = (summary_index: number, delta: string) => ({
      type: "response.reasoning_summary_text.delta",
      output_index: 0,
      item_id: "rs_1",
      summary_index,
      delta
    })
    return Effect.gen(function*() {
      const parts = yield* collect(stream)
      const thoughts = partsOf(parts, "reasoning-delta").map((part) => at(part, "delta")).join("")
      assert.strictEqual(thoughts, "One\n\nTwo")
      assert.deepStrictEqual(at(own(partsOf(parts, "reasoning-end")[0]), "item"), item)
      yield* LanguageModel.streamText({ prompt: Prompt.concat(Prompt.fromResponseParts(parts), "And?") }).pipe(collect)
      assert.deepStrictEqual(at(yield* input, "0"), item)
      assert.strictEqual(at(yield* input, "1.id"), "msg_1")
    }).pipe(Effect.provide(provider([sse([
      created,
      added(0, { type: "reasoning", id: "rs_1", summary: [] }),
      piece(0, "One"),
      piece(1, "Two"),
      { type: "response.reasoning_text.delta", output_index: 0, item_id: "rs_1", content_index: 0, delta: "One, Two" },
      done(0, item),
      delta(1, "Hello."),
      done(1, message("Hello.")),
      completed([item, message("Hello.")])
    ])])))
  })

  const call = functionCall("weather", `{"city":"Bern"}`)
  const asked = functionCall("weather", "")
  const piece = (delta: string) => ({
    type: "response.function_call_arguments.delta",
    output_index: 0,
    item_id: "fc_call_weather",
    delta
  })
  const whole = {
    type: "response.function_call_arguments.done",
    output_index: 0,
    item_id: "fc_call_weather",
    arguments: `{"city":"Bern"}`
  }

  it.effect.each(
    [
      ["in pieces", [added(0, asked), piece(`{"city":`), piece(`"Bern"}`), whole, done(0, call)], [call]],
      ["only when they are done", [added(0, asked), whole], []],
      ["only in the item", [done(0, call)], [call]],
      ["only in the response", [], [call]]
    ] as const
  )("runs a call whose arguments come %s, once", ([_, events, output]) => {
    const log: Array<string> = []
    return Effect.gen(function*() {
      const parts = yield* LanguageModel.streamText({ prompt: "Hi", toolkit }).pipe(collect)
      assert.deepStrictEqual(log, ["Bern"])
      assert.deepStrictEqual(typesOf(parts).filter((type) => type !== "tool-params-delta"), [
        "response-metadata",
        "tool-params-start",
        "tool-params-end",
        "tool-call",
        "tool-result",
        "finish"
      ])
      assert.strictEqual(at(parts.at(-1), "reason"), "tool-calls")
    }).pipe(Effect.provide([handlers(log), provider([sse([created, ...events, completed(output)])])]))
  })

  it.effect("leaves out a call of a tool that is not there, and fails if there is nothing else", () =>
    Effect.gen(function*() {
      const parts = yield* LanguageModel.streamText({ prompt: "Hi", toolkit }).pipe(collect)
      assert.strictEqual(textOf(parts), "Hello.")
      assert.strictEqual(at(own(parts.at(-1)), "unknownCalls.0.name"), "fly")
      const { reason } = yield* Effect.flip(collect(LanguageModel.streamText({ prompt: "Hi", toolkit })))
      assert.strictEqual(reason._tag, "InvalidResponseError")
      assert.strictEqual(at(own(reason), "cost"), "0.0125")
    }).pipe(Effect.provide([
      handlers(),
      provider([
        sse([
          created,
          done(0, message("Hello.")),
          added(1, functionCall("fly", "")),
          done(1, functionCall("fly", "{}")),
          completed([message("Hello."), functionCall("fly", "{}")])
        ]),
        sse([created, done(0, functionCall("fly", "{}")), completed([functionCall("fly", "{}")])])
      ])
    ])))

  it.effect("does not run a call that was cut off", () => {
    const log: Array<string> = []
    const cut = { ...functionCall("weather", `{"city":"Be`), status: "incomplete" }
    return Effect.gen(function*() {
      const parts = yield* LanguageModel.streamText({ prompt: "Hi", toolkit }).pipe(collect)
      assert.deepStrictEqual(log, [])
      assert.strictEqual(at(parts.at(-1), "reason"), "length")
    }).pipe(Effect.provide([
      handlers(log),
      provider([sse([created, added(0, asked), done(0, cut), {
        type: "response.incomplete",
        response: response([cut], { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } })
      }])])
    ]))
  })

  it.effect("keeps events and items that this version does not know", () => {
    const event = { type: "response.new_thing.delta", output_index: 0, x: 1 }
    const item = { type: "openrouter:new_thing", id: "n1", status: "completed", y: 2 }
    return Effect.gen(function*() {
      const parts = yield* collect(stream)
      assert.strictEqual(textOf(parts), "Hello.")
      assert.strictEqual(at(own(partsOf(parts, "response-metadata")[1]), "event.x"), 1)
      yield* LanguageModel.streamText({ prompt: Prompt.concat(Prompt.fromResponseParts(parts), "And?") }).pipe(collect)
      assert.deepStrictEqual(at(yield* input, "0"), item)
    }).pipe(Effect.provide(provider([sse([
      created,
      event,
      { type: "keepalive" },
      done(0, item),
      done(1, message("Hello.")),
      completed([item, message("Hello.")])
    ])])))
  })

  it.effect("shows commentary as reasoning", () => {
    const comment = message("Looking.", { id: "msg_0", phase: "commentary" })
    return Effect.gen(function*() {
      const parts = yield* collect(stream)
      assert.strictEqual(textOf(parts), "Hello.")
      assert.strictEqual(partsOf(parts, "reasoning-delta").map((part) => at(part, "delta")).join(""), "Looking.")
    }).pipe(Effect.provide(provider([sse([
      created,
      added(0, { ...comment, content: [] }),
      delta(0, "Look", "msg_0"),
      done(0, comment),
      added(1, started),
      delta(1, "Hello."),
      done(1, message("Hello.")),
      completed([comment, message("Hello.")])
    ])])))
  })

  it.effect("that is refused says so at its end", () => {
    const refused = message("", { content: [{ type: "refusal", refusal: "No." }] })
    return Effect.gen(function*() {
      const parts = yield* collect(stream)
      assert.deepStrictEqual(typesOf(parts), ["response-metadata", "text-start", "text-end", "finish"])
      assert.strictEqual(at(parts.at(-1), "reason"), "content-filter")
      assert.strictEqual(at(own(parts.at(-1)), "refusal"), "No.")
    }).pipe(Effect.provide(provider([sse([
      created,
      added(0, started),
      { type: "response.refusal.delta", output_index: 0, content_index: 0, item_id: "msg_1", delta: "No." },
      done(0, refused),
      completed([refused])
    ])])))
  })

  it.effect("that breaks off ends its text before it fails, and its error knows what came", () =>
    Effect.gen(function*() {
      const seen = yield* Ref.make<ReadonlyArray<string>>([])
      const [error, report] = yield* CostLedger.measured(Effect.flip(
        Stream.runForEach(stream, ({ type }) => Ref.update(seen, (types) => [...types, type]))
      ))
      assert.deepStrictEqual(yield* Ref.get(seen), ["response-metadata", "text-start", "text-delta", "text-end"])
      assert.strictEqual(error.reason._tag, "InvalidResponseError")
      assert.strictEqual(at(own(error.reason), "tag"), "StreamInterrupted")
      assert.strictEqual(at(own(error.reason), "partialText"), "Hel")
      assert.strictEqual(at(own(error.reason), "generationId"), "gen-1")
      assert.strictEqual(report.unknown, 1)
    }).pipe(Effect.provide(provider([sse([created, added(0, started), delta(0, "Hel")])]))))

  it.effect("that fails in the midst has its cost and its usage in the error", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(collect(stream))
      assert.strictEqual(error.reason._tag, "InvalidResponseError")
      assert.strictEqual(at(own(error.reason), "cost"), "0.0125")
      assert.strictEqual(at(own(error.reason), "inputTokens"), usage.input_tokens)
    }).pipe(Effect.provide(provider([sse([created, added(0, started), delta(0, "Hel"), {
      type: "response.failed",
      response: response([message("Hel")], { status: "failed", error: { code: "odd", message: "It broke." } })
    }])]))))

  it.effect("leaves the partial answer in the history of a chat", () =>
    Effect.gen(function*() {
      const chat = yield* Chat.empty
      yield* Effect.exit(Stream.runDrain(chat.streamText({ prompt: "Hi" })))
      const history = yield* Ref.get(chat.history)
      assert.include(JSON.stringify(history), "Hel")
    }).pipe(Effect.provide(provider([sse([created, added(0, started), delta(0, "Hel")])]))))

  it.effect("whose handler aborts the run is booked all the same", () =>
    Effect.gen(function*() {
      const begun = yield* Deferred.make<void>()
      const waiting = toolkit.toLayer({
        weather: () => Effect.andThen(Deferred.succeed(begun, undefined), Effect.never)
      })
      const [_, report] = yield* CostLedger.measured(Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(
          Stream.runDrain(LanguageModel.streamText({ prompt: "Hi", toolkit })).pipe(Effect.provide(waiting))
        )
        yield* Deferred.await(begun)
        yield* Fiber.interrupt(fiber)
        assert.isTrue(Exit.isFailure(yield* Fiber.await(fiber)))
      }))
      assert.strictEqual(Usd.toNumber(report.cost), 0.0125)
      assert.strictEqual(report.outputTokens, 8)
    }).pipe(Effect.provide(provider([sse([created, done(0, call), completed([call])])]))))
})
