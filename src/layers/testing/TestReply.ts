/**
 * What a test client can reply, and the short ways to make it.
 *
 * @since 0.1.0
 */
import type * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as E from "../../domain/error/OpenRouterError.ts"
import type { Usage } from "../../domain/money/Usage.ts"
import type * as Usd from "../../domain/money/Usd.ts"
import * as Outcome from "../../domain/outcome/Outcome.ts"
import type { CreateResponse } from "../../domain/request/CreateResponse.ts"
import type { OutputItem } from "../../domain/response/OutputItem.ts"

/**
 * What an answer says besides its text.
 *
 * @since 0.1.0
 */
export interface Details {
  /** Default: no tokens and no cost. */
  readonly usage?: Usage | undefined
  /** What it is said to cost, such as `"0.002"`; it goes before the cost of `usage`. */
  readonly cost?: Usd.Input | undefined
  /** Default: the model that was asked for. */
  readonly model?: string | undefined
  /** The id of the response, and the `generationId`. Default: `gen-test-1` for the first call, and so on. */
  readonly id?: string | undefined
  /** When it was made: an instant, an ISO text, or epoch milliseconds. Default: now, by the clock of the caller. */
  readonly createdAt?: DateTime.DateTime.Input | undefined
}

/**
 * An answer in detail, for tests that look at more than the text.
 *
 * @since 0.1.0
 */
export interface Answer extends Details {
  readonly _tag: "OpenRouterTest/Answer"
  /** The text of the answer; {@link value} takes its place for a structured one. */
  readonly text?: string | undefined
  /** A value of the asked schema. */
  readonly value?: unknown
  /** The functions that the model asks to be called. */
  readonly calls?: ReadonlyArray<ToolCall> | undefined
  /** Further items, such as reasoning. They come after the text and before the calls. */
  readonly output?: ReadonlyArray<OutputItem> | undefined
}

/**
 * The model asks for a function to be called.
 *
 * @since 0.1.0
 */
export interface ToolCall {
  readonly _tag: "OpenRouterTest/ToolCall"
  readonly name: string
  /** JSON text, or whatever text the test wants the model to have written. */
  readonly arguments: string
  /** Default: `call_test_1_1` for the first one of the first call, and so on. */
  readonly callId: string | undefined
}

/**
 * Time that passes between two pieces of a {@link TextStream}.
 *
 * @since 0.1.0
 */
export interface Pause {
  readonly _tag: "OpenRouterTest/Pause"
  readonly duration: Duration.Input
}

/**
 * A piece of a {@link TextStream}: some text, a pause, a call, or the error with which it ends.
 *
 * @since 0.1.0
 */
export type Piece = string | Pause | ToolCall | E.OpenRouterError

/**
 * An answer that comes in given pieces.
 *
 * @since 0.1.0
 */
export interface TextStream {
  readonly _tag: "OpenRouterTest/TextStream"
  readonly pieces: ReadonlyArray<Piece>
  readonly details: Details
}

/**
 * A value of an asked schema. (An instance of a class, a list and a number are replied with {@link value}.)
 *
 * @since 0.1.0
 */
export interface Value {
  readonly [key: string]: unknown
}

/**
 * What a test client replies to one call: a text, a value of the schema that `respondObject` asks for, an {@link answer}, a
 * {@link toolCall}, a {@link stream}, an outcome, an error, or a function of the request, which may give an effect.
 *
 * An effect that fails with an error of this library replies with that error.
 *
 * @since 0.1.0
 */
export type Reply<A = Value> =
  | string
  | A
  | Answer
  | ToolCall
  | TextStream
  | Outcome.Outcome
  | E.OpenRouterError
  | ((request: CreateResponse) => Reply<A> | Effect.Effect<Reply<A>, E.OpenRouterError>)

/**
 * Makes an answer in detail.
 *
 * **Example** (An answer with its cost and its id)
 *
 * ```ts
 * import { OpenRouterTest } from "effect-openrouter/testing"
 *
 * const reply = OpenRouterTest.answer({ text: "He walks home.", cost: "0.002", id: "gen-1", createdAt: "2026-03-01T12:00:00Z" })
 * ```
 *
 * @since 0.1.0
 */
export const answer = (details: Omit<Answer, "_tag">): Answer => ({ ...details, _tag: "OpenRouterTest/Answer" })

/**
 * A value of the asked schema of any kind: a class instance, a list, a number.
 *
 * @since 0.1.0
 */
export const value = (value: unknown, details: Details = {}): Answer => answer({ ...details, value })

/**
 * An answer that asks for a function to be called. Arguments that are no text are written as JSON; a text is sent as it is,
 * so that a test can have a model write what is no JSON. {@link answer} takes several, in `calls`.
 *
 * @since 0.1.0
 */
export const toolCall = (
  name: string,
  args: unknown = {},
  options: { readonly callId?: string | undefined } = {}
): ToolCall => ({
  _tag: "OpenRouterTest/ToolCall",
  name,
  arguments: typeof args === "string" ? args : JSON.stringify(args) ?? "",
  callId: options.callId
})

/**
 * An answer that arrives in these pieces: each text is one event, and {@link pause} lets time pass before the next. An error
 * ends it: `Incomplete` and its like as the server tells them, any other as a stream that breaks off.
 *
 * A call that does not stream gets the whole after all pauses. The details are those of an answer; an error has its own.
 *
 * **Example** (A stream that stalls and breaks off)
 *
 * ```ts
 * import { OpenRouterTest } from "effect-openrouter/testing"
 *
 * const reply = OpenRouterTest.stream([
 *   "Once upon",
 *   OpenRouterTest.pause("20 seconds"),
 *   " a time",
 *   OpenRouterTest.interrupted()
 * ])
 * ```
 *
 * @since 0.1.0
 */
export const stream = (pieces: ReadonlyArray<Piece>, details: Details = {}): TextStream => ({
  _tag: "OpenRouterTest/TextStream",
  pieces,
  details
})

/**
 * Lets time pass in a {@link stream}, by the clock of the caller; `"Infinity"` is a stream that hangs. At the beginning it
 * keeps the first event back.
 *
 * @since 0.1.0
 */
export const pause = (duration: Duration.Input): Pause => ({ _tag: "OpenRouterTest/Pause", duration })

/**
 * What is left to be said of a reply once functions have been asked.
 *
 * @since 0.1.0
 */
export type Settled = Answer | TextStream | Outcome.Outcome | E.OpenRouterError

/**
 * True for an error of this library. (It is also an `Effect`, so look at this first.)
 *
 * @since 0.1.0
 */
export const isError: (u: unknown) => u is E.OpenRouterError = /* @__PURE__ */ Schema.is(E.OpenRouterError)

/**
 * True for an outcome.
 *
 * @since 0.1.0
 */
export const isOutcome: (u: unknown) => u is Outcome.Outcome = /* @__PURE__ */ Schema.is(Outcome.Outcome)

/**
 * True for what {@link answer} makes.
 *
 * @since 0.1.0
 */
export const isAnswer = (u: unknown): u is Answer => Predicate.isTagged(u, "OpenRouterTest/Answer")

/**
 * True for what {@link toolCall} makes.
 *
 * @since 0.1.0
 */
export const isToolCall = (u: unknown): u is ToolCall => Predicate.isTagged(u, "OpenRouterTest/ToolCall")

/**
 * True for what {@link stream} makes.
 *
 * @since 0.1.0
 */
export const isTextStream = (u: unknown): u is TextStream => Predicate.isTagged(u, "OpenRouterTest/TextStream")

/**
 * True for what {@link pause} makes.
 *
 * @since 0.1.0
 */
export const isPause = (u: unknown): u is Pause => Predicate.isTagged(u, "OpenRouterTest/Pause")

/**
 * A reply that is no function, in the few forms that the client knows; `undefined` is none.
 *
 * @since 0.1.0
 */
export const settled = (reply: unknown): Settled | undefined => {
  if (reply === undefined) return undefined
  if (typeof reply === "string") return answer({ text: reply })
  if (isToolCall(reply)) return answer({ calls: [reply] })
  if (isAnswer(reply) || isTextStream(reply) || isError(reply) || isOutcome(reply)) return reply
  return answer({ value: reply })
}
