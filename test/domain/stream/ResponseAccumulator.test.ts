import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import type * as Outcome from "../../../src/domain/outcome/Outcome.ts"
import { OutputItem } from "../../../src/domain/response/OutputItem.ts"
import * as Response from "../../../src/domain/response/Response.ts"
import * as ResponseAccumulator from "../../../src/domain/stream/ResponseAccumulator.ts"
import * as StreamEvent from "../../../src/domain/stream/StreamEvent.ts"
import * as Wire from "../../../src/domain/wire/Wire.ts"

type Json = Wire.JsonObject

const fold = (events: ReadonlyArray<Json>) =>
  events.reduce((self, json) => ResponseAccumulator.add(self, StreamEvent.decode(json)), ResponseAccumulator.make())

const snapshot = (events: ReadonlyArray<Json>) => fold(events).snapshot()

const context: Outcome.AnswerContext = { headers: {}, model: "asked/model", attempts: 2, now: 1_000_000 }

const outcome = (events: ReadonlyArray<Json>, headers: Record<string, string> = {}) =>
  ResponseAccumulator.outcome(fold(events), { ...context, headers })

const failureOf = (events: ReadonlyArray<Json>, headers: Record<string, string> = {}) => {
  const result = outcome(events, headers)
  return Result.isFailure(result) ? result.failure : assert.fail("expected a failure")
}

const successOf = (events: ReadonlyArray<Json>) => {
  const result = outcome(events)
  return Result.isSuccess(result) ? result.success : assert.fail(`expected an outcome, got ${result.failure._tag}`)
}

const encodeItem = Schema.encodeUnknownSync(OutputItem)

const created: Json = {
  type: "response.created",
  response: { id: "gen-7", object: "response", model: "served/model", status: "in_progress", output: [], usage: null }
}

const ended = (status: string, rest: Json = {}): Json => ({
  type: `response.${status}`,
  response: { id: "gen-7", model: "served/model", status, output: [], usage: { output_tokens: 3, cost: 0.02 }, ...rest }
})

const added = (index: number, item: Json): Json => ({ type: "response.output_item.added", output_index: index, item })
const finished = (index: number, item: Json): Json => ({ type: "response.output_item.done", output_index: index, item })
const piece = (type: string, index: number, fields: Json): Json => ({
  type: `response.${type}`,
  output_index: index,
  content_index: 0,
  item_id: "rotates",
  ...fields
})
const text = (index: number, delta: string, part = 0): Json =>
  piece("output_text.delta", index, { delta, content_index: part })
const message = (words: string, rest: Json = {}): Json => ({
  type: "message",
  id: "msg_1",
  role: "assistant",
  status: "completed",
  content: [{ type: "output_text", text: words, annotations: [] }],
  ...rest
})
const begun: Json = message("", { status: "in_progress", content: [] })

describe("snapshot", () => {
  it("is the terminal event's response as it came", () => {
    const end = ended("completed", { output: [message("Hi there")], new_field: 1 })
    const { hasOutput, partialText, response, terminal } = snapshot([created, added(0, begun), text(0, "Hi"), end])
    assert.strictEqual(Wire.raw(response), end["response"])
    assert.strictEqual(partialText, "Hi there")
    assert.strictEqual(terminal, "completed")
    assert.isTrue(hasOutput)
  })

  it("completes an empty output from the items that were streamed", () => {
    const item = message("Hi", { unheard_of: true })
    const { response } = snapshot([
      created,
      finished(3, { type: "novel", x: 1 }),
      finished(1, item),
      ended("completed")
    ])
    assert.deepStrictEqual(response.output.map((item) => encodeItem(item)), [item, { type: "novel", x: 1 }])
    assert.strictEqual(Response.text(response), "Hi")
    assert.strictEqual(response.usage?.outputTokens, 3)
    assert.deepStrictEqual(Wire.raw(response), {
      ...Response.decode(ended("completed")["response"]).pipe(Result.getOrThrow, Wire.raw) as Json,
      output: [item, { type: "novel", x: 1 }]
    })
  })

  it("is what arrived while there is no end", () => {
    const { hasOutput, partialText, response, terminal } = snapshot([
      created,
      added(0, begun),
      text(0, "Hi"),
      text(0, "!")
    ])
    assert.strictEqual(partialText, "Hi!")
    assert.isTrue(hasOutput)
    assert.isUndefined(terminal)
    assert.strictEqual(response.status, "in_progress")
    assert.strictEqual(response.id, "gen-7")
    assert.deepStrictEqual(response.output.map((item) => encodeItem(item)), [
      { ...begun, content: [{ type: "output_text", text: "Hi!", annotations: [] }] }
    ])
  })

  it("knows nothing before the first event", () => {
    assert.deepStrictEqual<unknown>(ResponseAccumulator.make().snapshot(), {
      response: { status: "in_progress", output: [] },
      partialText: "",
      hasOutput: false,
      terminal: undefined
    })
  })

  it("may be taken at any time", () => {
    const accumulator = fold([created, added(0, begun), text(0, "a")])
    assert.strictEqual(accumulator.snapshot().partialText, "a")
    accumulator.add(StreamEvent.decode(text(0, "b")))
    accumulator.add(StreamEvent.decode(text(0, "c")))
    assert.strictEqual(accumulator.snapshot().partialText, "abc")
    assert.strictEqual(accumulator.snapshot().partialText, "abc")
  })

  it("does not need the events that announce items and parts", () => {
    const { response } = snapshot([
      piece("reasoning_text.delta", 0, { delta: "hm" }),
      text(1, "one"),
      text(1, "two", 1),
      piece("function_call_arguments.done", 2, { arguments: "{}", name: "f" })
    ])
    assert.deepStrictEqual(response.output.map((item) => encodeItem(item)), [
      { type: "reasoning", id: "rotates", summary: [], content: [{ type: "reasoning_text", text: "hm" }] },
      {
        type: "message",
        id: "rotates",
        role: "assistant",
        status: "in_progress",
        content: [
          { type: "output_text", text: "one", annotations: [] },
          { type: "output_text", text: "two", annotations: [] }
        ]
      },
      { type: "function_call", id: "rotates", name: "f", status: "in_progress", arguments: "{}" }
    ])
  })

  it("puts every kind of piece where its item keeps it", () => {
    const annotation = (index: number, url: string) =>
      piece("output_text.annotation.added", 0, { annotation_index: index, annotation: { type: "url_citation", url } })
    const { response } = snapshot([
      added(0, begun),
      piece("content_part.added", 0, { part: { type: "output_text", text: "", annotations: [], logprobs: [] } }),
      text(0, "cited"),
      annotation(1, "b"),
      annotation(0, "a"),
      piece("refusal.delta", 0, { delta: "No", content_index: 1 }),
      piece("refusal.delta", 0, { delta: "!", content_index: 1 }),
      added(1, { type: "reasoning", summary: [] }),
      piece("reasoning_summary_text.delta", 1, { delta: "second", summary_index: 1 }),
      piece("reasoning_summary_part.added", 1, { part: { type: "summary_text", text: "" }, summary_index: 0 }),
      piece("reasoning_summary_text.delta", 1, { delta: "first", summary_index: 0 }),
      added(2, { type: "custom_tool_call", call_id: "c", name: "patch", input: "" }),
      piece("custom_tool_call_input.delta", 2, { delta: "*** " }),
      piece("custom_tool_call_input.delta", 2, { delta: "Begin" }),
      added(3, { type: "code_interpreter_call", container_id: "x", code: "", outputs: null }),
      piece("code_interpreter_call_code.delta", 3, { delta: "1+" }),
      piece("code_interpreter_call_code.done", 3, { code: "1+1" }),
      added(4, { type: "apply_patch_call", call_id: "p", operation: { type: "update_file", path: "a", diff: "" } }),
      piece("apply_patch_call_operation_diff.delta", 4, { delta: "@@" }),
      added(5, { type: "function_call", call_id: "f", name: "f", arguments: "" }),
      piece("function_call_arguments.delta", 5, { delta: "{\"a\"" }),
      piece("function_call_arguments.delta", 5, { delta: ":1}" })
    ])
    assert.deepStrictEqual(response.output.map((item) => encodeItem(item)), [
      {
        ...begun,
        content: [
          {
            type: "output_text",
            text: "cited",
            annotations: [{ type: "url_citation", url: "a" }, { type: "url_citation", url: "b" }],
            logprobs: []
          },
          { type: "refusal", refusal: "No!" }
        ]
      },
      {
        type: "reasoning",
        summary: [{ type: "summary_text", text: "first" }, { type: "summary_text", text: "second" }]
      },
      { type: "custom_tool_call", call_id: "c", name: "patch", input: "*** Begin" },
      { type: "code_interpreter_call", container_id: "x", code: "1+1", outputs: null },
      { type: "apply_patch_call", call_id: "p", operation: { type: "update_file", path: "a", diff: "@@" } },
      { type: "function_call", call_id: "f", name: "f", arguments: "{\"a\":1}" }
    ])
    assert.strictEqual(Response.refusal(response), "No!")
  })

  it("takes the whole text for the truth, and repetitions for nothing", () => {
    const done = piece("output_text.done", 0, { text: "Hello" })
    const events = [added(0, begun), text(0, "Hel"), text(0, "lo "), done, done, text(0, "lo ")]
    assert.strictEqual(snapshot(events).partialText, "Hello")
    const item = message("Hello")
    const { response } = snapshot([...events, finished(0, item), finished(0, item), text(0, "again"), added(0, begun)])
    assert.deepStrictEqual(response.output.map((item) => encodeItem(item)), [item])
  })

  it("ignores what follows the end", () => {
    const events = [created, added(0, begun), text(0, "a"), ended("completed"), text(0, "b"), ended("failed"), created]
    const { partialText, terminal } = snapshot(events)
    assert.strictEqual(partialText, "a")
    assert.strictEqual(terminal, "completed")
  })

  it("lets the event correct a status that it contradicts", () => {
    const status = (type: string, status: string) =>
      snapshot([{ type: `response.${type}`, response: { status, output: [] } }]).response.status
    assert.strictEqual(status("completed", "in_progress"), "completed")
    assert.strictEqual(status("completed", "incomplete"), "incomplete")
    assert.strictEqual(status("incomplete", "completed"), "incomplete")
    assert.strictEqual(status("failed", "in_progress"), "failed")
    assert.strictEqual(status("failed", "cancelled"), "cancelled")
  })

  it("reads events that were made by hand", () => {
    const accumulator = ResponseAccumulator.make()
    const events: ReadonlyArray<StreamEvent.StreamEvent> = [
      { type: "response.created", response: { status: "in_progress", output: [] } },
      { type: "response.output_item.added", outputIndex: 0, item: { type: "message", role: "assistant", content: [] } },
      { type: "response.output_text.delta", outputIndex: 0, delta: "Hi" },
      {
        type: "response.output_text.annotation.added",
        outputIndex: 0,
        annotation: { type: "url_citation", url: "u", startIndex: 1 }
      },
      { type: "response.completed", response: { status: "completed", output: [] } }
    ]
    for (const event of events) accumulator.add(event)
    const { partialText, response } = accumulator.snapshot()
    assert.strictEqual(partialText, "Hi")
    assert.deepStrictEqual(response.output.map((item) => encodeItem(item)), [{
      type: "message",
      role: "assistant",
      content: [{
        type: "output_text",
        text: "Hi",
        annotations: [{ type: "url_citation", url: "u", start_index: 1 }]
      }]
    }])
  })

  it("costs as much as the text, however many pieces there are", () => {
    const accumulator = ResponseAccumulator.make()
    const event = StreamEvent.decode(text(0, "0123456789"))
    for (let n = 0; n < 500_000; n++) accumulator.add(event)
    assert.strictEqual(accumulator.snapshot().partialText.length, 5_000_000)
  })
})

describe("hasOutput", () => {
  it("is false as long as a retry would lose nothing", () => {
    const nothing = [created, { type: "keepalive" }, { type: "response.debug", debug: {} }, { type: "error" }]
    assert.isFalse(fold(nothing).hasOutput)
    assert.isFalse(fold([created, ended("failed")]).hasOutput)
    assert.isTrue(fold([created, added(0, begun)]).hasOutput)
    assert.isTrue(fold([ended("completed", { output: [message("x")] })]).hasOutput)
  })
})

describe("outcome", () => {
  it("is the outcome of the response that the events make", () => {
    const completed = successOf([created, added(0, begun), text(0, "Hi"), ended("completed")])
    assert.strictEqual(completed._tag, "Completed")
    assert.strictEqual(completed._tag === "Completed" ? completed.text : "", "Hi")
    assert.strictEqual(completed.model, "served/model")
    assert.strictEqual(completed.attempts, 2)
    const details = { incomplete_details: { reason: "max_output_tokens" } }
    const incomplete = successOf([created, text(0, "Hi"), ended("incomplete", details)])
    assert.strictEqual(
      incomplete._tag === "Incomplete" ? incomplete.partialText + incomplete.reason : "",
      "Himax_output_tokens"
    )
    const refused = successOf([created, piece("refusal.delta", 0, { delta: "No" }), ended("completed")])
    assert.strictEqual(refused._tag === "Refused" ? refused.refusal : "", "No")
    assert.strictEqual(successOf([created, ended("completed")])._tag, "Empty")
  })

  it("is StreamInterrupted without an end", () => {
    const error = failureOf([created, text(0, "Once upon")])
    assert.strictEqual(error._tag, "StreamInterrupted")
    assert.strictEqual(error.partialText, "Once upon")
    assert.strictEqual(error.generationId, "gen-7")
    assert.strictEqual(error.model, "served/model")
    assert.strictEqual(error.attempts, 2)
    assert.strictEqual(failureOf([], { "x-generation-id": "gen-8" }).generationId, "gen-8")
    assert.strictEqual(failureOf([]).model, "asked/model")
    assert.isFalse("partialText" in failureOf([created]))
  })

  it("is the error that a failure in the stream means, in each of its forms", () => {
    const metadata = { headers: { "X-RateLimit-Reset": "1020000000000" }, provider_name: "Acme" }
    const forms: ReadonlyArray<Json> = [
      { type: "error", code: "rate_limit_exceeded", message: "slow down", param: null, sequence_number: 9 },
      { type: "error", error: { code: "rate_limit_exceeded", message: "slow down" } },
      { type: "error", error: { code: 429, message: "slow down", metadata } },
      { type: "response.error", error: { code: "rate_limit_exceeded", message: "slow down" } },
      { error: { code: 429, message: "slow down" }, user_id: "u" },
      ended("failed", { error: { code: "rate_limit_exceeded", message: "slow down" } }),
      ended("failed", { error: { code: "server_error", message: "slow down" }, error_type: "rate_limit_exceeded" })
    ]
    for (const form of forms) {
      const error = failureOf([created, text(0, "So "), text(0, "far"), form])
      assert.strictEqual(error._tag, "RateLimited", JSON.stringify(form))
      assert.strictEqual(error.message, "slow down")
      assert.strictEqual(error.partialText, "So far")
      assert.strictEqual(error.generationId, "gen-7")
      assert.strictEqual(error.usage?.outputTokens, form["type"] === "response.failed" ? 3 : undefined)
    }
    const hinted = failureOf([{ type: "error", error: { code: 429, message: "slow down", metadata } }])
    assert.isDefined(hinted._tag === "RateLimited" ? hinted.resetAt : undefined)
    assert.strictEqual(hinted.provider?.name, "Acme")
  })

  it("fails the generation where the words name no other error", () => {
    for (
      const end of [{ type: "error", error: { code: null, message: "Foobar" } }, ended("failed"), { type: "error" }]
    ) {
      const failed = successOf([created, text(0, "So far"), end])
      assert.strictEqual(failed._tag, "Failed")
      if (failed._tag !== "Failed") continue
      assert.strictEqual(failed.error.partialText, "So far")
      assert.strictEqual(failed.response.status, "failed")
      assert.strictEqual(failed.error.generationId, "gen-7")
      assert.notStrictEqual(failed.error.message, "")
    }
  })

  it("joins an error event and the failed response that follows it", () => {
    const event: Json = { type: "error", error: { code: 503, message: "busy" } }
    const error = failureOf([created, text(0, "a"), event, ended("failed")])
    assert.strictEqual(error._tag, "ProviderOverloaded")
    assert.strictEqual(error.usage?.outputTokens, 3)
    assert.strictEqual(String(error.cost), "$0.02")
    const explained = ended("failed", { error: { code: "rate_limit_exceeded", message: "slow down" } })
    assert.strictEqual(failureOf([created, event, explained])._tag, "RateLimited")
  })
})
