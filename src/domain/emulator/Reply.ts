/**
 * What the emulator can do with a request, as plain data: answer, refuse, stop early, fail in every known dialect, say
 * nothing, or drop the connection.
 *
 * All replies are serialisable as long as durations are given as text or milliseconds.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import type { JsonObject } from "./Prompt.ts"
import type { Streaming } from "./Streaming.ts"

/**
 * What every reply may add.
 *
 * - `headers`: sent beside the usual ones, or instead of them. A `content-type` is taken as it is, and over a port a
 *   `content-encoding` of `gzip`, `deflate` or `br` compresses the body, whether the caller asked for it or not.
 * - `delay`: waited before the reply is sent, in addition to the emulator's `latency`.
 * - `padding`: whitespace sent before the body, as the real server does to keep a connection alive.
 * - `keep`: the share of the body that is sent, from 0 to 1; less than 1 truncates it.
 * - `drip`: the body of an answer in one piece goes out so many bytes at a time, with a pause before each but the first.
 * - `stream`: how the answer is streamed to a caller who asks for that, faults included.
 *
 * @since 0.1.0
 */
export interface Delivery {
  readonly headers?: Readonly<Record<string, string>>
  readonly delay?: Duration.Input
  readonly padding?: string
  readonly keep?: number
  readonly drip?: { readonly bytes: number; readonly every: Duration.Input }
  readonly stream?: Streaming
}

/**
 * The form of `usage` in the body. The call is billed in any case: that is what makes `null` and `absent` interesting.
 *
 * @since 0.1.0
 */
export type UsageForm = "full" | "null" | "absent"

/**
 * A call of a function. Its arguments are JSON, which is brought into the form that the tool's schema asks for.
 *
 * @since 0.1.0
 */
export interface ToolCall {
  readonly name: string
  readonly arguments: Schema.Json
}

/**
 * An ordinary answer. `text` replaces the generated one, and `json` does with a value, in the form that the request's schema
 * asks for; `calls` are the functions that are called, instead of a text unless there is one; `items` are put before the
 * generated output; `only: true` sends nothing but `items`.
 *
 * @since 0.1.0
 */
export interface Answer extends Delivery {
  readonly _tag: "Answer"
  readonly text?: string
  readonly json?: Schema.Json
  readonly calls?: ReadonlyArray<ToolCall>
  readonly items?: ReadonlyArray<JsonObject>
  readonly only?: boolean
  readonly usage?: UsageForm
}

/**
 * `status: "completed"` with a refusal part instead of text.
 *
 * @since 0.1.0
 */
export interface Refusal extends Delivery {
  readonly _tag: "Refusal"
  readonly refusal?: string
}

/**
 * `status: "incomplete"` with the beginning of the answer; billed.
 *
 * `reason` defaults to `max_output_tokens`; `text` to the first half of the generated answer.
 *
 * @since 0.1.0
 */
export interface Incomplete extends Delivery {
  readonly _tag: "Incomplete"
  readonly reason?: string
  readonly text?: string
}

/**
 * `status: "failed"` inside a 200.
 *
 * `errorType` (default `server`) is OpenRouter's own classification and `code` (default: what follows from it) the field
 * inside of `error`. `text` is what had been written before; with it, or with `billed`, the call is billed.
 *
 * @since 0.1.0
 */
export interface Failed extends Delivery {
  readonly _tag: "Failed"
  readonly errorType?: string
  readonly code?: string
  readonly message?: string
  readonly text?: string
  readonly billed?: boolean
}

/**
 * Completed, with reasoning only; billed.
 *
 * @since 0.1.0
 */
export interface Empty extends Delivery {
  readonly _tag: "Empty"
}

/**
 * The instant at which a rate limit ends, told in one of the spellings that are seen in the wild.
 *
 * `after` is counted from the moment of the reply. `tells` names the `X-RateLimit-*` that are sent, default all three: a
 * 429 without a reset was seen. Defaults: `format: "millis"`, `place: "both"`, `limit: 20`.
 *
 * @since 0.1.0
 */
export interface Reset {
  readonly after: Duration.Input
  readonly format?: "millis" | "seconds" | "date"
  readonly place?: "headers" | "body" | "both"
  readonly limit?: number
  readonly tells?: ReadonlyArray<"limit" | "remaining" | "reset">
}

/**
 * An error envelope.
 *
 * - `status`: the number inside of the envelope, and the HTTP status unless `httpStatus` says otherwise; with
 *   `httpStatus: 200` it is an error in a body that was announced as success.
 * - `dialect`: `numeric` (default) has `error.code` as a number; `string` has a word there and `metadata` beside `error`;
 *   `availability` has no code, but `error_type`, `http_status` and `availability`.
 * - `code`: the word of the `string` and `availability` dialects.
 * - `errorType`: goes into `metadata.error_type`, or into `error_type` of the `availability` dialect.
 * - `retryAfter`: `Retry-After` in whole seconds, or as an HTTP date with `retryAfterFormat: "date"`.
 *
 * @since 0.1.0
 */
export interface Failure extends Delivery {
  readonly _tag: "Failure"
  readonly status: number
  readonly httpStatus?: number
  readonly dialect?: "numeric" | "string" | "availability"
  readonly code?: string
  readonly message?: string
  readonly errorType?: string
  readonly metadata?: JsonObject
  readonly retryAfter?: Duration.Input
  readonly retryAfterFormat?: "seconds" | "date"
  readonly reset?: Reset
}

/**
 * Any body at all. Defaults: status 200, `text/html`. Not billed. With `stream` it goes out in the chunks, and with the
 * ending by bytes, that are described there: so recorded streams are played back.
 *
 * @since 0.1.0
 */
export interface Raw extends Delivery {
  readonly _tag: "Raw"
  readonly body: string
  readonly status?: number
  readonly contentType?: string
}

/**
 * No answer until the caller gives up. `billed` charges for an answer that never arrives.
 *
 * @since 0.1.0
 */
export interface Hang {
  readonly _tag: "Hang"
  readonly billed?: boolean
}

/**
 * The connection breaks instead of an answer. `billed` charges for the answer that was lost.
 *
 * @since 0.1.0
 */
export interface Disconnect {
  readonly _tag: "Disconnect"
  readonly delay?: Duration.Input
  readonly billed?: boolean
}

/**
 * The replies that a model makes; all of them are response objects inside a 200.
 *
 * @since 0.1.0
 */
export type Generation = Answer | Refusal | Incomplete | Failed | Empty

/**
 * The replies for which no model is needed.
 *
 * @since 0.1.0
 */
export type Interruption = Failure | Raw | Hang | Disconnect

/**
 * Everything the emulator can do with a request.
 *
 * @since 0.1.0
 */
export type Reply = Generation | Interruption

/**
 * Tells the two kinds of replies apart.
 *
 * @since 0.1.0
 */
export const isInterruption = (reply: Reply): reply is Interruption =>
  reply._tag === "Failure" || reply._tag === "Raw" || reply._tag === "Hang" || reply._tag === "Disconnect"

type Options<A> = Omit<A, "_tag">

/**
 * An ordinary answer; see {@link Answer}.
 *
 * @since 0.1.0
 */
export const answer = (options?: Options<Answer>): Answer => ({ _tag: "Answer", ...options })

/**
 * An answer with exactly this text.
 *
 * @since 0.1.0
 */
export const text = (text: string, options?: Options<Answer>): Answer => ({ _tag: "Answer", ...options, text })

/**
 * A structured answer with exactly this value, whatever form its schema has on the wire. Throws when the value does not fit
 * its own schema.
 *
 * @since 0.1.0
 */
export const value = <A>(schema: Schema.Codec<A, unknown>, value: A, options?: Options<Answer>): Answer => {
  const exit = Schema.encodeUnknownExit(Schema.toCodecJson(schema))(value)
  if (exit._tag === "Success") return { _tag: "Answer", ...options, json: exit.value }
  throw new Error(`Reply.value: the value does not fit its schema: ${Cause.prettyErrors(exit.cause)[0]?.message ?? ""}`)
}

/**
 * A call of one function, without a text. `Reply.answer({ calls })` makes several.
 *
 * @since 0.1.0
 */
export const toolCall = (name: string, args: Schema.Json, options?: Options<Answer>): Answer => ({
  _tag: "Answer",
  ...options,
  calls: [{ name, arguments: args }]
})

/**
 * A refusal; see {@link Refusal}.
 *
 * @since 0.1.0
 */
export const refusal = (options?: Options<Refusal>): Refusal => ({ _tag: "Refusal", ...options })

/**
 * An answer that stops early; see {@link Incomplete}.
 *
 * @since 0.1.0
 */
export const incomplete = (options?: Options<Incomplete>): Incomplete => ({ _tag: "Incomplete", ...options })

/**
 * A failure inside a 200; see {@link Failed}.
 *
 * @since 0.1.0
 */
export const failed = (options?: Options<Failed>): Failed => ({ _tag: "Failed", ...options })

/**
 * Reasoning without an answer; see {@link Empty}.
 *
 * @since 0.1.0
 */
export const empty = (options?: Options<Empty>): Empty => ({ _tag: "Empty", ...options })

/**
 * An error envelope with the given status; see {@link Failure}.
 *
 * @since 0.1.0
 */
export const failure = (status: number, options?: Omit<Failure, "_tag" | "status">): Failure => ({
  _tag: "Failure",
  ...options,
  status
})

/**
 * Any body; see {@link Raw}.
 *
 * @since 0.1.0
 */
export const raw = (body: string, options?: Omit<Raw, "_tag" | "body">): Raw => ({ _tag: "Raw", ...options, body })

/**
 * No answer; see {@link Hang}.
 *
 * @since 0.1.0
 */
export const hang = (options?: Options<Hang>): Hang => ({ _tag: "Hang", ...options })

/**
 * A broken connection; see {@link Disconnect}.
 *
 * @since 0.1.0
 */
export const disconnect = (options?: Options<Disconnect>): Disconnect => ({ _tag: "Disconnect", ...options })
