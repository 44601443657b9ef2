/**
 * How an answer is streamed: its pace, its framing, what is odd about its events, and how it ends. Plain data.
 *
 * A request that does not ask for a stream is answered as if none of this were there.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"

/**
 * How far a stream gets. Comments are bytes, but no events. A place behind the end is never reached.
 *
 * @since 0.1.0
 */
export type Position = { readonly bytes: number } | { readonly events: number } | { readonly deltas: number }

/**
 * The forms in which a failure comes inside of a stream.
 *
 * - `failed`: `response.failed` with the whole response object.
 * - `failed-short`: `response.failed` with nothing but `id`, `status`, `error` and `error_type`.
 * - `response-error`: `response.error` with an `error` object.
 * - `flat`: `error` with `code`, `message` and `param` beside the type.
 * - `nested`: `error` with an `error` object.
 * - `nested-then-failed`: the same, followed by `response.failed`.
 *
 * @since 0.1.0
 */
export type ErrorForm = "failed" | "failed-short" | "response-error" | "flat" | "nested" | "nested-then-failed"

/**
 * How a stream ends when it does not end well.
 *
 * - `Cut`: it stops there, as if that were all.
 * - `Reset`: the connection breaks there.
 * - `Stall`: no event comes any more. Comments go on every `comments` (default one second) until the caller leaves;
 *   `comments: "none"` is silence.
 * - `Error`: an event tells a failure, see {@link ErrorEnding}.
 * - `NoTerminal`: all items are finished, but no event says so for the response, and there is no `[DONE]` either.
 *
 * All but `Error` are billed like the whole answer.
 *
 * @since 0.1.0
 */
export type Ending =
  | { readonly _tag: "Cut"; readonly after: Position }
  | { readonly _tag: "Reset"; readonly after: Position }
  | { readonly _tag: "Stall"; readonly after: Position; readonly comments?: Duration.Input | "none" }
  | { readonly _tag: "NoTerminal" }
  | ErrorEnding

/**
 * A failure that is told inside of the stream, after which it ends.
 *
 * - `form`: see {@link ErrorForm}; default `flat`.
 * - `after`: how many deltas come before, default 0; when there are not so many, it takes the place of the last event.
 * - `first`: it is the first and only event, even before `response.created`.
 * - `code`: default what follows from `errorType`; `null` is sent as such.
 * - `errorType`: OpenRouter's own classification, default `server`.
 * - `usage`: a failed response that is sent as a whole has the usage of the answer.
 * - `billed`: default after at least one delta, or with `usage`. The charge is that of the whole answer.
 *
 * @since 0.1.0
 */
export interface ErrorEnding {
  readonly _tag: "Error"
  readonly form?: ErrorForm
  readonly after?: number
  readonly first?: boolean
  readonly code?: string | null
  readonly message?: string
  readonly errorType?: string
  readonly usage?: boolean
  readonly billed?: boolean
}

/**
 * Comments that keep a connection alive.
 *
 * - `text`: what follows the colon, default `OPENROUTER PROCESSING`; empty for the bare form.
 * - `before`: so many before the first event, default 1.
 * - `every`: one after each so many events.
 * - `interval`: one whenever nothing came for so long.
 *
 * @since 0.1.0
 */
export interface KeepAlive {
  readonly text?: string
  readonly before?: number
  readonly every?: number
  readonly interval?: Duration.Input
}

/**
 * The form of a stream. Everything has a default; together these give a stream as the real server sends it.
 *
 * Pace, on the caller's clock:
 * - `tokensPerDelta` (1): tokens of four characters each; `Infinity` for one delta per part. No character is split.
 * - `firstDelay` (0): from the headers to the first event. `eventDelay` (0): between two events.
 *
 * Framing:
 * - `chunkBytes`: so many bytes per chunk, wherever that splits. Default: `eventsPerChunk` (1) events or comments.
 * - `lineEnding` (`lf`), `eventLines` (false: no `event:` lines), `retry` (none: milliseconds of a `retry:` line in front).
 * - `keepAlive`: comments. `done` (true): `[DONE]` at the end.
 * - `as` (`events`): `json` answers with one JSON body instead, although a stream was asked for.
 *
 * Oddities:
 * - `order` (`natural`): `reversed` sends the last item first; `interleaved` sends the events of all items by turns.
 * - `ids` (`stable`): `rotate` gives every event other ids of items and response.
 * - `output` (`full`): `empty` leaves the output out of the last event.
 * - `unknownEvents`: an event of an unknown type, or `keepalive`, by turns after each so many events.
 * - `brokenEvent`: the event with this number, from 0, has only half of its JSON.
 * - `ending`: see {@link Ending}.
 *
 * @since 0.1.0
 */
export interface Streaming {
  readonly tokensPerDelta?: number
  readonly firstDelay?: Duration.Input
  readonly eventDelay?: Duration.Input
  readonly chunkBytes?: number
  readonly eventsPerChunk?: number
  readonly lineEnding?: "lf" | "crlf" | "cr"
  readonly eventLines?: boolean
  readonly retry?: number
  readonly keepAlive?: KeepAlive
  readonly done?: boolean
  readonly as?: "events" | "json"
  readonly order?: "natural" | "reversed" | "interleaved"
  readonly ids?: "stable" | "rotate"
  readonly output?: "full" | "empty"
  readonly unknownEvents?: number
  readonly brokenEvent?: number
  readonly ending?: Ending
}

/**
 * A {@link Streaming} with its defaults filled in. Durations are in milliseconds, and `Infinity` means never.
 *
 * @since 0.1.0
 */
export interface Form {
  readonly tokensPerDelta: number
  readonly firstDelay: number
  readonly eventDelay: number
  readonly chunkBytes: number | undefined
  readonly eventsPerChunk: number
  readonly newline: string
  readonly eventLines: boolean
  readonly retry: number | undefined
  readonly keepAlive: {
    readonly text: string
    readonly before: number
    readonly every: number
    readonly interval: number
  }
  readonly done: boolean
  readonly as: "events" | "json"
  readonly order: "natural" | "reversed" | "interleaved"
  readonly ids: "stable" | "rotate"
  readonly output: "full" | "empty"
  readonly unknownEvents: number
  readonly brokenEvent: number | undefined
  readonly ending: Ending | undefined
  readonly stallComments: number
}

/**
 * The form of one stream: what the reply says, else what the options say, else the defaults.
 *
 * Throws when a duration is malformed.
 *
 * @since 0.1.0
 */
export const toForm = (options: Streaming = {}, reply: Streaming = {}): Form => {
  const all: Streaming = { ...options, ...reply }
  const keepAlive: KeepAlive = { ...options.keepAlive, ...reply.keepAlive }
  const comments = all.ending?._tag === "Stall" ? all.ending.comments ?? 1000 : 1000
  return {
    tokensPerDelta: all.tokensPerDelta ?? 1,
    firstDelay: Duration.toMillis(all.firstDelay ?? 0),
    eventDelay: Duration.toMillis(all.eventDelay ?? 0),
    chunkBytes: all.chunkBytes === undefined ? undefined : Math.max(1, Math.floor(all.chunkBytes)),
    eventsPerChunk: Math.max(1, all.eventsPerChunk ?? 1),
    newline: newlines[all.lineEnding ?? "lf"],
    eventLines: all.eventLines ?? false,
    retry: all.retry,
    keepAlive: {
      text: keepAlive.text ?? "OPENROUTER PROCESSING",
      before: keepAlive.before ?? 1,
      every: keepAlive.every ?? Infinity,
      interval: atLeastOne(keepAlive.interval ?? Infinity)
    },
    done: all.done ?? all.ending?._tag !== "NoTerminal",
    as: all.as ?? "events",
    order: all.order ?? "natural",
    ids: all.ids ?? "stable",
    output: all.output ?? "full",
    unknownEvents: all.unknownEvents ?? Infinity,
    brokenEvent: all.brokenEvent,
    ending: all.ending,
    stallComments: comments === "none" ? Infinity : atLeastOne(comments)
  }
}

const newlines = { lf: "\n", crlf: "\r\n", cr: "\r" }

/** Comments without a pause between them would keep the server busy for ever. */
const atLeastOne = (duration: Duration.Input): number => Math.max(1, Duration.toMillis(duration))

/**
 * True for a stream that is billed: all but those that fail before they say anything.
 *
 * @since 0.1.0
 */
export const isBilled = ({ ending }: Form): boolean =>
  ending?._tag !== "Error" || (ending.billed ?? (ending.usage === true || (!ending.first && (ending.after ?? 0) > 0)))
