import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Stream } from "effect"
import { OpenRouter, Outcome, Response, ResponseAccumulator, StreamEvent, type Wire } from "effect-openrouter"
import { OpenRouterTest } from "effect-openrouter/testing"
import { readdirSync, readFileSync } from "node:fs"
import * as Recorded from "./recorded.ts"

const context: Outcome.AnswerContext = { headers: {}, attempts: 1, now: 0 }

const outcomeOf = (json: unknown): Outcome.Outcome =>
  Result.getOrThrow(Outcome.fromResponse(Result.getOrThrow(Response.decode(json)), context))

const fold = (events: ReadonlyArray<StreamEvent.StreamEvent>) =>
  events.reduce(ResponseAccumulator.add, ResponseAccumulator.make())

const message = (content: ReadonlyArray<Wire.JsonObject>) => ({
  type: "message",
  id: "msg_1",
  role: "assistant",
  status: "completed",
  content
})

const text = { type: "output_text", text: "Bread  and\nwater. ", annotations: [] }

const items: Readonly<Record<string, ReadonlyArray<Wire.JsonObject>>> = {
  "a text": [message([text])],
  "no words": [message([{ ...text, text: "  \n" }])],
  "several parts": [message([text, { ...text, text: "More." }])],
  "a refusal": [message([{ type: "refusal", refusal: "I will not." }])],
  "a call": [{
    type: "function_call",
    id: "fc_1",
    call_id: "c",
    name: "f",
    arguments: "{\"a\":1}",
    status: "completed"
  }],
  "a call without arguments": [{ type: "function_call", call_id: "c", name: "f", arguments: "" }],
  reasoning: [{
    type: "reasoning",
    id: "rs_1",
    summary: [{ type: "summary_text", text: "It thinks." }, { type: "summary_text", text: "Again." }],
    content: [{ type: "reasoning_text", text: "Deep down." }],
    encrypted_content: "xyz"
  }, message([text])],
  "an unknown item": [{ type: "novel", a: 1 }, message([text])],
  "an unknown part": [message([{ type: "novel", a: 1 }, text])],
  "a search": [{ type: "web_search_call", id: "ws_1", status: "completed" }, message([text])],
  nothing: []
}

const response = (output: ReadonlyArray<Wire.JsonObject>, members: Wire.JsonObject = {}) => ({
  id: "gen-1",
  object: "response",
  status: "completed",
  model: "served",
  output,
  usage: { input_tokens: 3, output_tokens: 2, total_tokens: 5, cost: 0.25 },
  ...members
})

/** Both with and without what the terminal event repeats: the pieces alone have to give the items. */
const check = (json: unknown) => {
  const outcome = outcomeOf(json)
  const events = StreamEvent.fromOutcome(outcome)
  assert.deepStrictEqual(Result.getOrThrow(fold(events).outcome(context)), outcome)
  assert.isTrue(StreamEvent.isTerminal(events[events.length - 1] ?? { type: "unknown", wireType: "", raw: undefined }))
  const pieces = fold(events.slice(0, -1)).snapshot().response.output
  assert.deepStrictEqual(pieces, outcome.response.output)
}

describe("the events of an outcome", () => {
  it.each(Object.entries(items))("give it back: %s", (_, output) => {
    check(response(output))
  })

  it("end as it ended", () => {
    const ends = [
      response(items["a text"] ?? [], { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } }),
      response([], { status: "failed", error: { code: "novel", message: "no" } })
    ].map((json) => StreamEvent.fromOutcome(outcomeOf(json)).at(-1)?.type)
    assert.deepStrictEqual(ends, ["response.incomplete", "response.failed"])
  })

  it("show a text word by word", () => {
    const deltas = StreamEvent.fromOutcome(outcomeOf(response(items["a text"] ?? []))).flatMap((event) =>
      event.type === "response.output_text.delta" ? [event.delta] : []
    )
    assert.deepStrictEqual(deltas, ["Bread", "  and", "\nwater.", " "])
  })

  it.effect("are those of the test layer", () =>
    Effect.gen(function*() {
      const request = { model: "openai/gpt-5", input: "Hello" }
      const reply = OpenRouterTest.answer({ text: "Bread and water." })
      const outcome = yield* OpenRouter.outcome(request).pipe(Effect.provide(OpenRouterTest.layer(reply)))
      const events = yield* Stream.runCollect(OpenRouter.stream(request)).pipe(
        Effect.provide(OpenRouterTest.layer(reply))
      )
      assert.deepStrictEqual(events, Array.from(StreamEvent.fromOutcome(outcome)))
    }))
})

describe.skipIf(!Recorded.isPresent)("the events of recorded responses", () => {
  const folder = new URL("../../../../shared/fixtures/responses/", import.meta.url)
  const files = Recorded.isPresent ? readdirSync(folder).filter((file) => file.endsWith(".json")) : []

  it.each(files)("give it back: %s", (file) => {
    const json: unknown = JSON.parse(readFileSync(new URL(file, folder), "utf8"))
    const decoded = Result.flatMap(Response.decode(json), (response) => Outcome.fromResponse(response, context))
    if (Result.isFailure(decoded)) return
    // No stream ends in the midst of its work.
    if (decoded.success._tag === "Incomplete" && decoded.success.reason === decoded.success.response.status) {
      assert.strictEqual(StreamEvent.fromOutcome(decoded.success).at(-1)?.type, "response.incomplete")
    } else check(json)
  })
})
