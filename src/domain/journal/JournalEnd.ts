/**
 * How calls end, as a journal stores it, and what that says when the call is made again.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Call } from "../endpoint/Call.ts"
import * as OpenRouterError from "../error/OpenRouterError.ts"
import type { Outcome } from "../outcome/Outcome.ts"
import { lazy } from "../wire/Lazy.ts"
import * as Wire from "../wire/Wire.ts"
import type * as JournalLine from "./JournalLine.ts"

/**
 * How a call ended, as it is stored.
 *
 * @since 0.1.0
 */
export type End = Pick<JournalLine.Ended, "answer" | "outcome" | "cost" | "generationId">

/**
 * How answers of a kind are stored, and read again.
 *
 * @since 0.1.0
 */
export interface Kind<A> {
  readonly write: (value: A) => End | undefined
  readonly read: (answer: JournalLine.Answer) => Exit.Exit<A, OpenRouterError.RequestError> | undefined
}

/**
 * Of an outcome, of whatever kind.
 *
 * @since 0.1.0
 */
export const ofOutcome = (outcome: Outcome): End => ({
  answer: { _tag: "Outcome", outcome },
  outcome: outcome._tag,
  ...Wire.compact({ cost: outcome.callCost ?? outcome.cost, generationId: outcome.generationId })
})

/** Errors that the program goes on from. A request that cannot be sent costs nothing, and is found out again. */
const ofError = (error: OpenRouterError.RequestError): End | undefined =>
  error._tag === "BudgetExceeded" || OpenRouterError.isAccountWide(error) ||
    (error._tag === "InvalidRequest" && error.origin === "local")
    ? undefined
    : endOf(error)

const endOf = (error: OpenRouterError.RequestError): End => ({
  answer: { _tag: "Error", error },
  outcome: error._tag,
  ...Wire.compact({ cost: error.callCost ?? error.cost, generationId: error.generationId })
})

/**
 * Of a failure where the program is to go on from everything but what would end every call of the key, and `BudgetExceeded`;
 * none of these, nor of a stream that broke off.
 *
 * @since 0.1.0
 */
export const ofFailure = (error: OpenRouterError.OpenRouterError): End | undefined =>
  isRequestError(error) && error._tag !== "BudgetExceeded" && !OpenRouterError.isAccountWide(error)
    ? endOf(error)
    : undefined

/**
 * Of a failure; none of what is not stored.
 *
 * @since 0.1.0
 */
export const ofCause = (
  cause: Cause.Cause<OpenRouterError.RequestError | OpenRouterError.StreamInterrupted>
): End | undefined => {
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  return error === undefined || error._tag === "StreamInterrupted" ? undefined : ofError(error)
}

const requestErrors = lazy(() => Schema.is(OpenRouterError.RequestError))

/**
 * True for what a call that is no stream fails with.
 *
 * @since 0.1.0
 */
export const isRequestError = (u: unknown): u is OpenRouterError.RequestError => requestErrors()(u)

const errorIn = (answer: JournalLine.Answer): Exit.Exit<never, OpenRouterError.RequestError> | undefined => {
  if (answer._tag !== "Error") return undefined
  const { error } = answer
  return isRequestError(error) ? Exit.fail(error) : undefined
}

/**
 * Answers to requests for responses.
 *
 * @since 0.1.0
 */
export const outcomes: Kind<Outcome> = {
  write: ofOutcome,
  read: (answer) => answer._tag === "Outcome" ? Exit.succeed(answer.outcome) : errorIn(answer)
}

/**
 * Values of a plain endpoint; one that its schema cannot read any more is asked for again.
 *
 * @since 0.1.0
 */
export const valuesOf = <A>({ costs }: Call<A>, schema: Schema.Codec<A, unknown>): Kind<A> => {
  const json = Schema.toCodecJson(schema)
  return {
    write: (value) =>
      Option.getOrUndefined(Option.map(Schema.encodeOption(json)(value), (encoded): End => {
        const figures = costs?.(value)
        return {
          answer: { _tag: "Value", value: encoded },
          outcome: "Answered",
          ...Wire.compact({ cost: figures === undefined || figures.unknown > 0 ? undefined : figures.cost })
        }
      })),
    read: (answer) =>
      answer._tag === "Value"
        ? Option.getOrUndefined(
          Option.map(Schema.decodeUnknownOption(json)(answer.value), (value) => Exit.succeed(value))
        )
        : errorIn(answer)
  }
}
