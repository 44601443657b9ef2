import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { below, pick, type Random, random } from "../fuzz/mutate.ts"
import * as A from "./answered.ts"

const phrases = ["", "bread", "white bread 🍞", "{\"answer\":\"🍞\"}", "a\nb", "🍞🍞🍞"]

const isOdd = (draw: Random) => below(draw, 2) === 1

const itemOf = (draw: Random, index: number): A.Json => {
  switch (below(draw, 4)) {
    case 0:
      return {
        type: "reasoning",
        id: `rs_${index}`,
        summary: [{ type: "summary_text", text: pick(draw, phrases, "") }]
      }
    case 1:
      return A.call({
        id: `fc_${index}`,
        call_id: `call_${index}`,
        arguments: pick(draw, ["{}", "{\"a\":\"🍞\"}", "{\"b\":[1,2,3]}"], "{}")
      })
    default:
      return A.message(pick(draw, phrases, ""), {
        id: `msg_${index}`,
        ...pick(draw, [{}, {}, { phase: "commentary" }, { phase: "final_answer" }], {})
      })
  }
}

const bodyOf = (draw: Random): A.Json => {
  const output = Array.from({ length: 1 + below(draw, 4) }, (_, index) => itemOf(draw, index))
  return A.response(
    output,
    pick(draw, [{}, {}, { status: "incomplete" }, { incomplete_details: { reason: "max_output_tokens" } }], {})
  )
}

/** The text in pieces of a few code units, cut anywhere. */
const cut = (draw: Random, text: string): ReadonlyArray<string> => {
  const pieces: Array<string> = []
  for (let at = 0; at < text.length;) {
    const size = 1 + below(draw, 5)
    pieces.push(text.slice(at, at + size))
    at += size
  }
  return pieces
}

interface Gateway {
  readonly index: "right" | "missing" | "doubled"
  /** What the events at the end of an item hold of its text. */
  readonly done: "text" | "nothing" | "absent"
  /** What the terminal event lists. */
  readonly listed: "all" | "none" | "without text"
  readonly repeated: boolean
}

const gatewayOf = (draw: Random): Gateway => ({
  index: pick(draw, ["right", "missing", "doubled"], "right"),
  done: pick(draw, ["text", "nothing", "absent"], "text"),
  listed: pick(draw, ["all", "none", "without text"], "all"),
  repeated: isOdd(draw)
})

const withoutText = (item: A.Json): A.Json => ({
  ...item,
  ...("content" in item ? { content: [] } : {}),
  ...("arguments" in item ? { arguments: "" } : {}),
  ...("summary" in item ? { summary: [] } : {})
})

const textIn = (parts: unknown): string => {
  const [part]: ReadonlyArray<A.Json> = Array.isArray(parts) ? parts : []
  return String(part?.["text"] ?? "")
}

/** The events of an item: how its pieces come, and where each of its texts is told as a whole. */
const piecesOf = (item: A.Json): readonly [kind: string, key: string, text: string, place: A.Json] => {
  switch (item["type"]) {
    case "message":
      return ["output_text", "text", textIn(item["content"]), { content_index: 0 }]
    case "reasoning":
      return ["reasoning_summary_text", "text", textIn(item["summary"]), { summary_index: 0 }]
    default:
      return ["function_call_arguments", "arguments", String(item["arguments"]), {}]
  }
}

const eventsOf = (draw: Random, item: A.Json, index: number, gateway: Gateway): ReadonlyArray<A.Json> => {
  const [kind, key, text, at] = piecesOf(item)
  const place = { item_id: item["id"], output_index: index, ...at }
  return [
    A.added(index, withoutText({ ...item, status: "in_progress" })),
    ...cut(draw, text).map((delta) => ({ type: `response.${kind}.delta`, ...place, delta })),
    ...gateway.done === "absent" ? [] : [
      { type: `response.${kind}.done`, ...place, ...(gateway.done === "text" ? { [key]: text } : { [key]: "" }) },
      A.done(index, gateway.done === "text" ? item : withoutText(item))
    ]
  ]
}

const streamOf = (draw: Random, body: A.Json, gateway: Gateway): ReadonlyArray<A.Json> => {
  const output: ReadonlyArray<A.Json> = Array.isArray(body["output"]) ? body["output"] : []
  const items = output.flatMap((item, index) => {
    const events = eventsOf(draw, item, index, gateway)
    // What is repeated comes once more as a whole, when it is over.
    return gateway.repeated && gateway.done === "text" ? [...events, ...events] : events
  }).map(({ output_index, ...event }): A.Json => {
    switch (gateway.index) {
      case "right":
        return { ...event, output_index }
      case "doubled":
        return { ...event, output_index: 0 }
      case "missing":
        return event
    }
  })
  const listed = { all: output, none: [], "without text": output.map(withoutText) }
  const type = body["status"] === "incomplete" ? "response.incomplete" : pick(
    draw,
    ["response.completed", "response.done"],
    "response.completed"
  )
  return [
    { type: "response.created", response: A.response([], { status: "in_progress", usage: null }) },
    ...items,
    { type, response: { ...body, output: listed[gateway.listed] } }
  ]
}

it.effect(
  "#10 a response is the same as JSON and streamed, whatever the gateway does to its events",
  () =>
    Effect.gen(function*() {
      const seen = new Set<string>()
      for (let seed = 1; seed <= 400; seed++) {
        const draw = random(seed)
        const body = bodyOf(draw)
        const gateway = gatewayOf(draw)
        const events = streamOf(draw, body, gateway)
        const whole = yield* A.read(body)
        const streamed = yield* A.streamed(events)
        const about = `seed ${seed}: ${JSON.stringify(gateway)} ${JSON.stringify(body)}`
        assert.deepStrictEqual(A.summary(streamed), A.summary(whole), about)
        assert.deepStrictEqual(
          streamed.response.output.map(({ type }) => type),
          whole.response.output.map(({ type }) => type),
          about
        )
        seen.add(whole._tag)
        if (whole._tag !== "Completed") continue
        const shown = yield* A.pieces(events)
        assert.strictEqual(shown.join(""), whole.text, about)
        assert.isFalse(shown.some((piece) => /[\ud800-\udbff]$/.test(piece)), about)
      }
      assert.deepStrictEqual(Array.from(seen).sort(), ["Completed", "Empty", "Incomplete"])
    }),
  30_000
)
