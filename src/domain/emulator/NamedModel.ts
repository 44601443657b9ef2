/**
 * Models whose name is what they do, so that a client on a port can provoke any reply without code on the other side.
 *
 * | model | reply |
 * |---|---|
 * | `emulator/echo` | the text of the request |
 * | `emulator/status-<status>` | an HTTP error; 429 tells a reset in one second, 503 a `Retry-After` |
 * | `emulator/flaky-<status>` | that error whenever this content is sent for an odd time, an answer for an even time |
 * | `emulator/slow-<ms>` | an answer after so many milliseconds, of nine digits at most |
 * | `emulator/refusal` | a completed response with a refusal part |
 * | `emulator/incomplete`, `emulator/content-filter` | half an answer, cut by the token limit or the content filter |
 * | `emulator/failed`, `emulator/failed-<error_type>` | `status: "failed"` inside a 200 |
 * | `emulator/error-in-200` | a bare error envelope inside a 200 |
 * | `emulator/empty` | billed reasoning, no answer |
 * | `emulator/no-usage` | an answer whose `usage` is null |
 * | `emulator/unknown-item` | an answer preceded by an output item of an unknown type |
 * | `emulator/padded` | an answer after leading whitespace |
 * | `emulator/truncated` | the first half of the JSON of an answer |
 * | `emulator/html`, `emulator/no-body` | a 200 with an HTML page, or with nothing |
 * | `emulator/moderation`, `emulator/guardrail` | a 403 with the metadata of moderation or of a guardrail |
 * | `emulator/no-credits`, `emulator/in-flight-budget` | a permanent, or a transient 402 |
 * | `emulator/context-length` | a 400 that says the context is too long |
 * | `emulator/invalid-prompt` | a 400 with a string code |
 * | `emulator/no-endpoints` | a 404 with availability instead of a code |
 * | `emulator/hang` | no answer |
 * | `emulator/disconnect` | the connection breaks |
 * | `emulator/stream-…` | an answer whose stream has a fault, see `emulator/StreamModel` |
 * | `emulator/batch-…` | an answer; what happens to a batch of it, see `emulator/OfflineBatch` |
 *
 * @since 0.1.0
 */
import * as Reply from "./Reply.ts"
import type { Call } from "./Rule.ts"
import * as StreamModel from "./StreamModel.ts"

/**
 * The reply of a built-in model, or `undefined` when the model is not one of them.
 *
 * @since 0.1.0
 */
export const reply = (call: Call): Reply.Reply | undefined => {
  if (!call.model.startsWith("emulator/")) return undefined
  const name = call.model.slice("emulator/".length)
  const own = named.get(name)
  if (own !== undefined) return own(call)
  const parts = /^(status|flaky|slow|failed|stream|batch)-(.+)$/.exec(name)
  const argument = parts?.[2] ?? ""
  switch (parts?.[1]) {
    case "status":
      return status(argument)
    case "flaky":
      return call.attempt % 2 === 1 ? status(argument) : Reply.answer()
    case "slow":
      // More than eleven days would be more than a clock can be moved by, again and again.
      return /^\d{1,9}$/.test(argument) ? Reply.answer({ delay: Number(argument) }) : undefined
    case "failed":
      return Reply.failed({ errorType: argument.replaceAll("-", "_") })
    case "batch":
      return Reply.answer()
    case "stream":
      return StreamModel.reply(argument)
    default:
      return undefined
  }
}

const status = (text: string): Reply.Reply | undefined => {
  if (!/^[2-5]\d\d$/.test(text)) return undefined
  const number = Number(text)
  if (number === 429) return Reply.failure(429, { errorType: "rate_limit_exceeded", reset: { after: 1000 } })
  if (number === 503) return Reply.failure(503, { errorType: "provider_overloaded", retryAfter: 1000 })
  return Reply.failure(number)
}

const named: ReadonlyMap<string, (call: Call) => Reply.Reply> = new Map(Object.entries<(call: Call) => Reply.Reply>({
  echo: (call) => Reply.text(call.text),
  refusal: () => Reply.refusal(),
  incomplete: () => Reply.incomplete(),
  "content-filter": () => Reply.incomplete({ reason: "content_filter" }),
  failed: () => Reply.failed(),
  "error-in-200": () => Reply.failure(502, { httpStatus: 200, message: "The provider answered with an error." }),
  empty: () => Reply.empty(),
  "no-usage": () => Reply.answer({ usage: "null" }),
  "unknown-item": () =>
    Reply.answer({ items: [{ type: "emulator:novelty", id: "nv_tmp_1", status: "completed", novelty: 1 }] }),
  padded: () => Reply.answer({ padding: "\n   \n\n   \n" }),
  truncated: () => Reply.answer({ keep: 0.5 }),
  html: () => Reply.raw("<!DOCTYPE html><html><body><h1>Just a moment</h1></body></html>"),
  "no-body": () => Reply.raw("", { contentType: "application/json" }),
  moderation: (call) =>
    Reply.failure(403, {
      message: "The input was flagged by moderation.",
      metadata: {
        reasons: ["violence"],
        flagged_input: call.text.slice(0, 100),
        provider_name: "Emulator",
        model_slug: call.model
      }
    }),
  guardrail: () =>
    Reply.failure(403, { message: "A guardrail blocked the request.", metadata: { patterns: ["forbidden words"] } }),
  "no-credits": () =>
    Reply.failure(402, {
      message: "The credits are used up.",
      errorType: "payment_required",
      metadata: { limit_source: "openrouter_credits" }
    }),
  "in-flight-budget": () =>
    Reply.failure(402, {
      message: "Too much spending is in flight.",
      errorType: "payment_required",
      metadata: { limit_source: "openrouter_in_flight_budget", reason: "in_flight_budget_exhausted" },
      retryAfter: 1000
    }),
  "context-length": () =>
    Reply.failure(400, { message: "The input is longer than the context.", errorType: "context_length_exceeded" }),
  "invalid-prompt": () =>
    Reply.failure(400, { dialect: "string", code: "invalid_prompt", message: "The prompt is not acceptable." }),
  "no-endpoints": () =>
    Reply.failure(404, {
      dialect: "availability",
      code: "no_endpoints",
      errorType: "not_found",
      message: "No endpoint serves this model."
    }),
  hang: () => Reply.hang(),
  disconnect: () => Reply.disconnect()
}))
