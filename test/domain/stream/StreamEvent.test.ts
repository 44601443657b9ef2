import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as StreamEvent from "../../../src/domain/stream/StreamEvent.ts"
import * as Wire from "../../../src/domain/wire/Wire.ts"
import * as Recorded from "./recorded.ts"

const decodeBySchema = Schema.decodeUnknownSync(StreamEvent.StreamEvent)
const encode = Schema.encodeUnknownSync(StreamEvent.StreamEvent)

const delta = { sequence_number: 4, item_id: "msg_1", output_index: 0, content_index: 0, delta: "Hello" }

/** A copy that has forgotten its JSON, so that it is encoded from its fields. */
const byHand = <A extends object>(event: A): A => ({ ...event })

describe("decode", () => {
  it("names the fields as the rest of the domain", () => {
    assert.deepStrictEqual<unknown>(
      StreamEvent.decode({ type: "response.output_text.delta", ...delta, logprobs: [] }),
      {
        type: "response.output_text.delta",
        sequenceNumber: 4,
        itemId: "msg_1",
        outputIndex: 0,
        contentIndex: 0,
        delta: "Hello",
        logprobs: []
      }
    )
  })

  it("reads deltas directly exactly as the schema does", () => {
    const types = Object.keys(StreamEvent.arms).filter((type) => type.endsWith(".delta"))
    assert.isAtLeast(types.length, 10)
    const full = { ...delta, summary_index: 1, model: "m", logprobs: [{ token: "a", logprob: -1 }] }
    const variants: ReadonlyArray<object> = [
      full,
      ...Object.keys(full).flatMap((key) =>
        [null, "text", 7, [], {}, Number.POSITIVE_INFINITY].map((value) => ({ ...full, [key]: value }))
      ),
      ...Object.keys(full).map((key) => Object.fromEntries(Object.entries(full).filter(([other]) => other !== key))),
      { ...full, obfuscation: "x", extra: { deep: 1 } }
    ]
    for (const type of types) {
      for (const variant of variants) {
        const json = { type, ...variant }
        const event = StreamEvent.decode(json)
        assert.deepStrictEqual(event, decodeBySchema(json), JSON.stringify(json))
        assert.deepStrictEqual(encode(event), json)
      }
    }
  })

  it("keeps what it does not know", () => {
    const json = { type: "response.telepathy.delta", output_index: 0, thought: "…" }
    const event = StreamEvent.decode(json)
    assert.deepStrictEqual<unknown>(event, { type: "unknown", wireType: "response.telepathy.delta", raw: json })
    assert.strictEqual(encode(event), json)
    for (const odd of [null, 1, "text", [], {}, { type: null }, { type: 3 }, { error: null }]) {
      assert.strictEqual(StreamEvent.decode(odd).type, "unknown", JSON.stringify(odd))
    }
  })

  it("flags a known event that lacks what it is for, and forgives the rest", () => {
    const { delta: _, ...withoutText } = delta
    const bad = StreamEvent.decode({ type: "response.output_text.delta", ...withoutText })
    assert.isTrue(bad.type === "unknown" && bad.issue?.includes("delta"))
    const odd = StreamEvent.decode({
      type: "response.output_text.delta",
      ...delta,
      sequence_number: "four",
      item_id: 4
    })
    assert.deepStrictEqual<unknown>(odd, {
      type: "response.output_text.delta",
      outputIndex: 0,
      contentIndex: 0,
      delta: "Hello"
    })
  })

  it("types a terminal event whatever its response is", () => {
    const short = StreamEvent.decode({
      type: "response.failed",
      response: { id: "gen-1", status: "failed", error: { code: "server_error", message: "no" }, error_type: "timeout" }
    })
    assert.isTrue(short.type === "response.failed")
    if (short.type === "response.failed") {
      assert.deepStrictEqual<unknown>(short.response, {
        id: "gen-1",
        status: "failed",
        output: [],
        error: { code: "server_error", message: "no" },
        errorType: "timeout"
      })
    }
    const ends = ["completed", "incomplete", "failed"] as const
    for (const status of ends) {
      const rest = [{}, { response: null }, { response: 7 }, { response: {} }, { response: { output: 3 } }]
      for (const fields of [...rest, { response: { status: null, usage: "much" }, sequence_number: {} }]) {
        const json = { type: `response.${status}`, ...fields }
        const event = StreamEvent.decode(json)
        assert.isTrue(StreamEvent.isTerminal(event), JSON.stringify(json))
        assert.deepStrictEqual("response" in event ? event.response : undefined, { status, output: [] })
        assert.deepStrictEqual(encode(event), json)
      }
    }
  })

  it("reads an error in all its dialects", () => {
    const facts = { code: "rate_limit_exceeded", message: "slow down" }
    const cases: ReadonlyArray<readonly [unknown, object]> = [
      [{ type: "error", sequence_number: 2, ...facts, param: null }, { type: "error", sequenceNumber: 2, ...facts }],
      [{ type: "error", error: { ...facts, param: "x" } }, { type: "error", ...facts, param: "x" }],
      [{ type: "error", error: { code: null, message: "m" } }, { type: "error", message: "m" }],
      [{ type: "error", error: "just text" }, { type: "error", message: "just text" }],
      [{ type: "error" }, { type: "error" }],
      [{ type: "response.error", error: { code: 429, message: "m" } }, {
        type: "response.error",
        code: 429,
        message: "m"
      }],
      [{ error: { code: 502, message: "m", metadata: { error_type: "provider_unavailable" } }, user_id: "u" }, {
        type: "error",
        code: 502,
        message: "m",
        errorType: "provider_unavailable"
      }]
    ]
    for (const [json, expected] of cases) {
      const event = StreamEvent.decode(json)
      assert.deepStrictEqual<unknown>(event, expected)
      assert.isTrue(StreamEvent.isTerminal(event))
      assert.strictEqual(encode(event), json)
      assert.deepStrictEqual(StreamEvent.decode(encode(byHand(event))), event)
    }
  })
})

describe("isOutput", () => {
  it("is true for what belongs to the answer only", () => {
    const outputs = [
      {
        type: "response.output_item.added",
        output_index: 0,
        item: { type: "message", role: "assistant", content: [] }
      },
      { type: "response.output_text.delta", ...delta },
      { type: "response.telepathy.delta", output_index: 0 },
      { type: "response.completed", response: { status: "completed", output: [{ type: "new" }] } }
    ]
    const others = [
      { type: "response.created", response: { status: "in_progress", output: [] } },
      { type: "response.failed", response: { status: "failed" } },
      { type: "response.debug", debug: {} },
      { type: "keepalive", sequence_number: 3 },
      { type: "error", message: "no" }
    ]
    for (const json of outputs) assert.isTrue(StreamEvent.isOutput(StreamEvent.decode(json)), json.type)
    for (const json of others) assert.isFalse(StreamEvent.isOutput(StreamEvent.decode(json)), json.type)
  })
})

describe.skipIf(!Recorded.isPresent)(Recorded.isPresent ? "the specification" : Recorded.absent, () => {
  it("types all 49 events of the examples, and gives them back", () => {
    const examples = Object.entries(Recorded.examples())
    assert.strictEqual(examples.length, 49)
    for (const [type, json] of examples) {
      const event = StreamEvent.decode(json)
      assert.strictEqual(event.type, type, event.type === "unknown" ? event.issue ?? "" : "")
      assert.deepStrictEqual(encode(event), json, type)
      assert.deepStrictEqual(event, decodeBySchema(json), type)
      // From the fields alone: nothing typed is lost. Fields that are null on the wire are absent in the domain.
      assert.deepStrictEqual(StreamEvent.decode(encode(byHand(event))), event, type)
    }
  })

  it("types every recorded event that OpenRouter sends, and gives all of them back", () => {
    const unknown = new Set<string>()
    let events = 0
    for (const { events: recorded, name } of Recorded.streams()) {
      for (const json of recorded) {
        const event = StreamEvent.decode(json)
        events += 1
        assert.deepStrictEqual(encode(event), json, name)
        assert.deepStrictEqual(event, decodeBySchema(json), name)
        if (event.type !== "unknown") continue
        assert.isUndefined(event.issue, name)
        unknown.add(event.wireType.replace(/^response\.|\.[a-z_]+$/g, ""))
      }
    }
    assert.isAtLeast(events, 5000)
    // Tools of other providers, which OpenRouter does not offer; and OpenAI's own keep-alive.
    assert.deepStrictEqual(Array.from(unknown).sort(), [
      "file_search_call",
      "keepalive",
      "mcp_call",
      "mcp_call_arguments",
      "mcp_list_tools",
      "reasoning_part"
    ])
  })
})

it("remembers the JSON of every typed event", () => {
  const json = { type: "response.output_text.delta", ...delta, obfuscation: "abc" }
  assert.strictEqual(Wire.raw(StreamEvent.decode(json)), json)
})
