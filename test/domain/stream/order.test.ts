import { assert, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as Response from "../../../src/domain/response/Response.ts"
import * as ResponseAccumulator from "../../../src/domain/stream/ResponseAccumulator.ts"
import * as StreamEvent from "../../../src/domain/stream/StreamEvent.ts"

/** Some messages as their pieces, and numbers that draw an order from them. */
const Messages = Schema.Array(Schema.Array(Schema.String))
const Draws = Schema.Array(Schema.Int)

const id = (draw: number) => `msg_${draw}`

/** The well-formed events of one message. The ids rotate, as they do in life. */
const eventsOf = (index: number, pieces: ReadonlyArray<string>): ReadonlyArray<object> => {
  const place = { output_index: index, content_index: 0 }
  const text = pieces.join("")
  const part = { type: "output_text", text, annotations: [] }
  const item = { type: "message", role: "assistant", id: id(index) }
  return [
    {
      type: "response.output_item.added",
      output_index: index,
      item: { ...item, status: "in_progress", content: [] }
    },
    { type: "response.content_part.added", ...place, item_id: id(1), part: { ...part, text: "" } },
    ...pieces.map((delta, n) => ({ type: "response.output_text.delta", ...place, item_id: id(n), delta })),
    { type: "response.output_text.done", ...place, text },
    { type: "response.content_part.done", ...place, part },
    {
      type: "response.output_item.done",
      output_index: index,
      item: { ...item, status: "completed", content: [part] }
    }
  ]
}

/** An interleaving: each draw says which of the queues that are not empty gives its next event. */
const interleave = <A>(queues: ReadonlyArray<ReadonlyArray<A>>, draws: ReadonlyArray<number>): ReadonlyArray<A> => {
  const rest = queues.map((queue) => [...queue])
  const out: Array<A> = []
  for (let turn = 0;; turn++) {
    const open = rest.filter((queue) => queue.length > 0)
    if (open.length === 0) return out
    const queue = open[Math.abs(draws[turn % Math.max(1, draws.length)] ?? 0) % open.length]
    const event = queue?.shift()
    if (event !== undefined) out.push(event)
  }
}

const fold = (events: ReadonlyArray<object>) =>
  events.reduce<ResponseAccumulator.ResponseAccumulator>(
    (self, json) => ResponseAccumulator.add(self, StreamEvent.decode(json)),
    ResponseAccumulator.make()
  )

const texts = (events: ReadonlyArray<object>) =>
  fold(events).snapshot().response.output.map((item) => Response.textOf([item]))

it.effect.prop(
  "any interleaving of the items gives the same text of each",
  { messages: Messages, draws: Draws },
  ({ draws, messages }) =>
    Effect.sync(() => {
      const events = interleave(messages.map((pieces, index) => eventsOf(index, pieces)), draws)
      assert.deepStrictEqual(texts(events), messages.map((pieces) => pieces.join("")))
    }),
  { arbitrary: { runs: 200, seed: 1 } }
)

it.effect.prop(
  "a stream that is cut off anywhere gives a beginning of each text",
  { messages: Messages, draws: Draws, cut: Schema.Int },
  ({ cut, draws, messages }) =>
    Effect.sync(() => {
      const events = interleave(messages.map((pieces, index) => eventsOf(index, pieces)), draws)
      const read = events.slice(0, Math.abs(cut) % (events.length + 1))
      const { hasOutput, response, terminal } = fold(read).snapshot()
      assert.isUndefined(terminal)
      assert.strictEqual(hasOutput, read.length > 0)
      for (const item of response.output) {
        const index = item.type === "message" ? Number(item.id?.slice(4)) : -1
        const partial = Response.textOf([item])
        assert.isTrue(messages[index]?.join("").startsWith(partial))
      }
    }),
  { arbitrary: { runs: 200, seed: 2 } }
)

it.effect.prop(
  "the text so far of one message only grows",
  { pieces: Schema.Array(Schema.String) },
  ({ pieces }) =>
    Effect.sync(() => {
      const whole = pieces.join("")
      const accumulator = ResponseAccumulator.make()
      let before = ""
      for (const json of eventsOf(0, pieces)) {
        accumulator.add(StreamEvent.decode(json))
        const { partialText } = accumulator.snapshot()
        assert.isTrue(whole.startsWith(partialText) && partialText.startsWith(before))
        before = partialText
      }
      assert.strictEqual(before, whole)
    }),
  { arbitrary: { runs: 200, seed: 3 } }
)
