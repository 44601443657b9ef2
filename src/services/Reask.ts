/**
 * Asking again after an answer that does not fit.
 *
 * Each time is a call of its own: it waits, is booked and is held by budgets like any other. The context does not grow: it is
 * the input of the program, the last answer, and what is wrong with it.
 *
 * @since 0.1.0
 */
import type { InvalidOutput, RequestError, StreamInterrupted } from "../domain/error/OpenRouterError.ts"
import * as Usd from "../domain/money/Usd.ts"
import * as Outcome from "../domain/outcome/Outcome.ts"
import type { Sendable } from "../domain/request/CreateResponse.ts"
import * as Input from "../domain/request/Input.ts"

/**
 * Whether and how to ask again.
 *
 * @since 0.1.0
 */
export interface Reask {
  /** How often at most, beside the first time. */
  readonly times: number
  /** After which answers; default: each that does not fit. */
  readonly when?: ((error: InvalidOutput) => boolean) | undefined
  /** What to say about the answer; default: what is wrong with it, and to answer again. */
  readonly with?: ((error: InvalidOutput) => string) | undefined
}

/**
 * What the calls before have cost and how often they were sent; an `undefined` cost is unknown.
 *
 * @since 0.1.0
 */
export interface Spent {
  readonly callCost: Usd.Usd | undefined
  readonly attempts: number
}

/**
 * Before the first call.
 *
 * @since 0.1.0
 */
export const nothing: Spent = { callCost: Usd.zero, attempts: 0 }

/**
 * The request that asks again, or `undefined` if that is not wanted (any more).
 *
 * @since 0.1.0
 */
export const next = (
  asked: Sendable,
  reask: Reask | undefined,
  times: number,
  error: InvalidOutput
): Sendable | undefined => {
  if (reask === undefined || times >= reask.times || reask.when?.(error) === false) return undefined
  const { input = [] } = asked
  const said = reask.with?.(error) ?? `That does not fit: ${error.issue}\nAnswer again, with the JSON only.`
  return {
    ...asked,
    input: [
      ...(typeof input === "string" ? [Input.user(input)] : input),
      // An empty answer is none that could be sent.
      ...(error.text === "" ? [] : [Input.assistant(error.text)]),
      Input.user(said)
    ]
  }
}

/**
 * An outcome with what the calls before cost.
 *
 * @since 0.1.0
 */
export const withSpent = (outcome: Outcome.Outcome, spent: Spent): Outcome.Outcome =>
  spent === nothing
    ? outcome
    : {
      ...Outcome.withCallCost(outcome, sumOf(spent.callCost, outcome.callCost)),
      attempts: spent.attempts + outcome.attempts
    }

/**
 * An error with what the calls before cost, if both are known.
 *
 * @since 0.1.0
 */
export const failed = <E extends RequestError | StreamInterrupted>(
  error: E,
  spent: Spent,
  withCallCost: (error: E, callCost: Usd.Usd) => E
): E => {
  const callCost = spent === nothing ? undefined : sumOf(spent.callCost, error.callCost)
  return callCost === undefined ? error : withCallCost(error, callCost)
}

/**
 * What was spent up to an outcome that has it.
 *
 * @since 0.1.0
 */
export const spentOn = ({ attempts, callCost }: Outcome.Outcome): Spent => ({ attempts, callCost })

/** Unknown if any of both is. */
const sumOf = (a: Usd.Usd | undefined, b: Usd.Usd | undefined): Usd.Usd | undefined =>
  a === undefined || b === undefined ? undefined : Usd.sum(a, b)
