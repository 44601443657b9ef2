import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as Outcome from "../../../src/domain/outcome/Outcome.ts"
import { OutputItem } from "../../../src/domain/response/OutputItem.ts"
import * as Response from "../../../src/domain/response/Response.ts"
import * as ResponseAccumulator from "../../../src/domain/stream/ResponseAccumulator.ts"
import * as StreamEvent from "../../../src/domain/stream/StreamEvent.ts"
import * as Wire from "../../../src/domain/wire/Wire.ts"
import * as Recorded from "./recorded.ts"

type Json = Wire.JsonObject

const context: Outcome.AnswerContext = { headers: {}, attempts: 1, now: 0 }

const encodeItem = Schema.encodeUnknownSync(OutputItem)

const itemsOf = (response: Response.Response): ReadonlyArray<Json> =>
  response.output.map((item) => encodeItem(item)).filter(Wire.isJsonObject)

const fold = (events: ReadonlyArray<StreamEvent.StreamEvent>) =>
  events.reduce(ResponseAccumulator.add, ResponseAccumulator.make())

/** The events of a recording, and the response of the terminal one. */
const parts = (recording: Recorded.Recording) => {
  const events = recording.events.map(StreamEvent.decode)
  const end = events.findLast((event) => StreamEvent.isTerminal(event) && "response" in event)
  return { events, end: end !== undefined && "response" in end ? end.response : undefined }
}

const isEqual = (a: unknown, b: unknown): boolean => {
  try {
    assert.deepStrictEqual(a, b)
    return true
  } catch {
    return false
  }
}

/** The keys in which two items differ. */
const differences = (left: Json, right: Json): ReadonlyArray<string> =>
  Object.keys({ ...left, ...right }).filter((key) => !isEqual(left[key], right[key]))

/** The ChatGPT backend completes with an empty output although it streamed items. */
const withoutOutput = [
  "rig-openai-chatgpt-codex-behaviors-store-false-and-prompt-cache-fields-roundtrip",
  "rig-openai-chatgpt-codex-sessions-reasoning-session-two-tool-calls-streaming",
  "rig-openai-chatgpt-codex-tool-args-zero-argument-tool-call-nonstreaming",
  "rig-openai-chatgpt-codex-tool-choice-none-suppresses-tool-calls",
  "rig-openai-chatgpt-codex-tool-choice-specific-multiple-functions-use-allowed-tools",
  "rig-openai-chatgpt-codex-tool-choice-specific-single-function-targets-named-tool",
  "rig-openai-chatgpt-streaming-tools-tool-call-completed-response-without-output"
]

/** Where the terminal event says something else than the finished items did, beyond a new encryption of the same. */
const changedAtTheEnd: Readonly<Record<string, ReadonlyArray<string>>> = {
  // The tools of an MCP server are listed only at the end.
  "pydanticai-openai-responses-openai-responses-model-mcp-list-tools-stream-backfills-missing-results": ["tools"],
  // Copilot makes new ids for every event.
  "rig-copilot-reasoning-roundtrip-streaming": ["id"],
  // The reasoning item has another temporary id at the end.
  "pydanticai-openai-responses-openai-responses-raw-cot-stream-openrouter": ["id"]
}

describe.skipIf(!Recorded.isPresent)(Recorded.isPresent ? "recorded streams" : Recorded.absent, () => {
  const recordings = Recorded.streams()

  it("give the response of their terminal event", () => {
    assert.isAtLeast(recordings.length, 130)
    for (const recording of recordings) {
      const { end, events } = parts(recording)
      const { hasOutput, response, terminal } = fold(events).snapshot()
      assert.isDefined(end, recording.name)
      if (end === undefined) continue
      assert.strictEqual(terminal, end.status, recording.name)
      if (withoutOutput.includes(recording.name)) {
        assert.strictEqual(end.output.length, 0)
        assert.isAbove(response.output.length, 0, recording.name)
        assert.deepStrictEqual({ ...response, output: [] }, end, recording.name)
      } else {
        assert.strictEqual(response, end, recording.name)
      }
      assert.strictEqual(hasOutput, response.output.length > 0, recording.name)
    }
  })

  it("have the same items in their events as in their terminal event", () => {
    const emptied: Array<string> = []
    const changed: Record<string, ReadonlyArray<string>> = {}
    for (const recording of recordings) {
      const { end, events } = parts(recording)
      const streamed = itemsOf(fold(events.filter((event) => !StreamEvent.isTerminal(event))).snapshot().response)
      const final = end === undefined ? [] : itemsOf(end)
      if (final.length === 0 && streamed.length > 0) {
        emptied.push(recording.name)
        continue
      }
      assert.deepStrictEqual(streamed.map((item) => item["type"]), final.map((item) => item["type"]), recording.name)
      const keys = streamed.flatMap((item, index) => differences(item, final[index] ?? {}))
      const telling = new Set(keys.filter((key) => key !== "encrypted_content"))
      if (telling.size > 0) changed[recording.name] = Array.from(telling)
    }
    assert.deepStrictEqual(emptied, withoutOutput)
    assert.deepStrictEqual(changed, changedAtTheEnd)
  })

  it("give the same texts from their deltas alone", () => {
    const wholes = /\.done$/
    const texts = (response: Response.Response) => ({
      text: Response.text(response),
      refusal: Response.refusal(response),
      calls: Response.functionCalls(response).map(({ arguments: text, callId, name }) => ({ callId, name, text })),
      reasoning: response.output.flatMap((item) =>
        item.type === "reasoning"
          ? [...item.summary ?? [], ...item.content ?? []].map((part) => "text" in part ? part.text : "")
          : []
      ),
      code: itemsOf(response).flatMap(({ code, input }) => [code, input])
    })
    const different: Array<string> = []
    let letters = 0
    for (const recording of recordings) {
      const { end, events } = parts(recording)
      if (end === undefined || end.output.length === 0) continue
      const unfinished = fold(events.filter((event) => !wholes.test(event.type) && !StreamEvent.isTerminal(event)))
      letters += unfinished.snapshot().partialText.length
      if (!isEqual(texts(unfinished.snapshot().response), texts(end))) different.push(recording.name)
    }
    assert.isAbove(letters, 10_000)
    assert.deepStrictEqual(different, [])
  })

  it("give a beginning of their text when they are cut off, and say so", () => {
    for (const recording of recordings) {
      const { events } = parts(recording)
      const whole = fold(events).snapshot().partialText
      const accumulator = ResponseAccumulator.make()
      for (const [index, event] of events.entries()) {
        if (index % 7 === 0) {
          assert.isTrue(whole.startsWith(accumulator.snapshot().partialText), `${recording.name} at ${index}`)
        }
        accumulator.add(event)
        if (StreamEvent.isTerminal(event)) break
        if (index % 50 !== 0) continue
        const cut = ResponseAccumulator.outcome(accumulator, context)
        assert.strictEqual(Result.isFailure(cut) ? cut.failure._tag : cut.success._tag, "StreamInterrupted")
      }
    }
  })

  it("end as the response would without streaming", () => {
    const tags: Record<string, number> = {}
    for (const recording of recordings) {
      const { events } = parts(recording)
      const accumulator = fold(events)
      const streamed = ResponseAccumulator.outcome(accumulator, context)
      const whole = Outcome.fromResponse(accumulator.snapshot().response, context)
      const tag = Result.isSuccess(streamed) ? streamed.success._tag : streamed.failure._tag
      assert.strictEqual(tag, Result.isSuccess(whole) ? whole.success._tag : whole.failure._tag, recording.name)
      tags[tag] = (tags[tag] ?? 0) + 1
    }
    assert.deepStrictEqual(Object.keys(tags).sort(), ["Completed", "Incomplete", "RateLimited", "Refused"])
  })
})
