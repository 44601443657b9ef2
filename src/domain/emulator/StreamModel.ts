/**
 * The models `emulator/stream-…`, whose name is what happens to their stream. Without `stream: true` all of them answer
 * like any other model.
 *
 * | model | stream |
 * |---|---|
 * | `emulator/stream-cut`, `-cut-<bytes>` | ends after three deltas, or so many bytes, as if that were all |
 * | `emulator/stream-reset`, `-reset-<bytes>` | the connection breaks there |
 * | `emulator/stream-stall`, `-stall-<events>` | after three deltas, or so many events, only comments, once a second |
 * | `emulator/stream-silence`, `-silence-<events>` | the same, without the comments |
 * | `emulator/stream-error`, `-error-<form>` | a failure after three deltas: `flat`, `nested`, `nested-then-failed`, |
 * | | `failed`, `failed-short`, `response-error`; also `null-code` (nested) and `with-usage` (failed) |
 * | `emulator/stream-error-first` | a failure as the first and only event; not billed |
 * | `emulator/stream-no-terminal` | ends after the last item, without a last event |
 * | `emulator/stream-no-done` | no `[DONE]` |
 * | `emulator/stream-empty-output` | the last event has no output |
 * | `emulator/stream-rotating-ids` | every event has other ids |
 * | `emulator/stream-reversed`, `-interleaved` | two messages, the second one first, or by turns |
 * | `emulator/stream-unknown-events` | events of unknown types in between |
 * | `emulator/stream-broken-json` | half of the JSON in one event |
 * | `emulator/stream-noise` | `event:` and `retry:` lines, comments, CRLF |
 * | `emulator/stream-huge-<megabytes>` | an image of that size before the answer |
 * | `emulator/stream-json` | one JSON body instead of a stream |
 * | `emulator/stream-slow-<ms>` | so many milliseconds between two events, comments in between once a second |
 * | `emulator/stream-bytes-<n>` | chunks of n bytes |
 *
 * @since 0.1.0
 */
import * as Reply from "./Reply.ts"
import type { Ending, ErrorEnding, Position, Streaming } from "./Streaming.ts"

/**
 * The reply of a model by the rest of its name after `stream-`, or `undefined` when there is no such model.
 *
 * @since 0.1.0
 */
export const reply = (name: string): Reply.Reply | undefined => {
  const own = named.get(name)
  if (own !== undefined) return own
  const parts = /^([a-z]+)-(\d+)$/.exec(name)
  const make = parts === null ? undefined : numbered.get(parts[1] ?? "")
  return make?.(Number(parts?.[2]))
}

const streamed = (stream: Streaming): Reply.Answer => Reply.answer({ stream })

const ending = (ending: Ending): Reply.Answer => streamed({ ending })

const error = (options?: Omit<ErrorEnding, "_tag">): Reply.Answer => ending({ _tag: "Error", after: 3, ...options })

const middle: Position = { deltas: 3 }

const twoItems = (order: "reversed" | "interleaved"): Reply.Answer =>
  Reply.answer({
    stream: { order },
    items: [{
      id: "msg_tmp_first",
      type: "message",
      role: "assistant",
      status: "completed",
      content: [{ type: "output_text", text: "Let me think about that. ", annotations: [], logprobs: [] }]
    }]
  })

const named: ReadonlyMap<string, Reply.Reply> = new Map(Object.entries<Reply.Reply>({
  cut: ending({ _tag: "Cut", after: middle }),
  reset: ending({ _tag: "Reset", after: middle }),
  stall: ending({ _tag: "Stall", after: middle }),
  silence: ending({ _tag: "Stall", after: middle, comments: "none" }),
  error: error(),
  "error-flat": error({ form: "flat" }),
  "error-nested": error({ form: "nested" }),
  "error-nested-then-failed": error({ form: "nested-then-failed" }),
  "error-failed": error({ form: "failed" }),
  "error-failed-short": error({ form: "failed-short" }),
  "error-response-error": error({ form: "response-error" }),
  "error-null-code": error({ form: "nested", code: null }),
  "error-with-usage": error({ form: "failed", usage: true }),
  "error-first": error({ first: true }),
  "no-terminal": ending({ _tag: "NoTerminal" }),
  "no-done": streamed({ done: false }),
  "empty-output": streamed({ output: "empty" }),
  "rotating-ids": streamed({ ids: "rotate" }),
  reversed: twoItems("reversed"),
  interleaved: twoItems("interleaved"),
  "unknown-events": streamed({ unknownEvents: 2 }),
  "broken-json": streamed({ brokenEvent: 5 }),
  noise: streamed({ eventLines: true, retry: 3000, lineEnding: "crlf", keepAlive: { before: 3, every: 2, text: "" } }),
  json: streamed({ as: "json" })
}))

const numbered: ReadonlyMap<string, (number: number) => Reply.Reply> = new Map(
  Object.entries<(number: number) => Reply.Reply>({
    cut: (bytes) => ending({ _tag: "Cut", after: { bytes } }),
    reset: (bytes) => ending({ _tag: "Reset", after: { bytes } }),
    stall: (events) => ending({ _tag: "Stall", after: { events } }),
    silence: (events) => ending({ _tag: "Stall", after: { events }, comments: "none" }),
    huge: (megabytes) =>
      Reply.answer({
        items: [{
          id: "ig_tmp_huge",
          type: "image_generation_call",
          status: "completed",
          result: "A".repeat(Math.min(megabytes, 256) * 1_000_000)
        }]
      }),
    slow: (eventDelay) => streamed({ eventDelay, keepAlive: { interval: 1000 } }),
    bytes: (chunkBytes) => streamed({ chunkBytes })
  })
)
