/**
 * How a whole call ended, as traces and metrics tell it.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type { OpenRouterError } from "../../domain/error/OpenRouterError.ts"
import * as Costs from "../../domain/outcome/Costs.ts"
import * as Outcome from "../../domain/outcome/Outcome.ts"
import { CurrentObjectProblem } from "../../services/OpenRouter.ts"
import * as GenAi from "./GenAi.ts"
import type { Running } from "./Sending.ts"

/**
 * How a whole call ended.
 *
 * @since 0.1.0
 */
export interface CallEnd {
  /** The tag of the outcome or the error, as ledgers have it; `Answered` for plain endpoints. */
  readonly outcome: string
  /** The failure as its caller sees it; absent if there is none, and for a call that was given up. */
  readonly failure: { readonly tag: string; readonly message: string } | undefined
  /** What ended it that is neither an answer nor an error of ours: an interruption or a defect. */
  readonly cause: Cause.Cause<unknown> | undefined
  readonly model: string | undefined
  readonly responseId: string | undefined
  readonly generationId: string | undefined
  readonly finishReason: string | undefined
  /** The answer, for those who are to see its content. */
  readonly answer: Outcome.Outcome | undefined
  /** What all attempts of the call cost. */
  readonly costs: Costs.Costs
}

/**
 * How a call for a response ended. An answer that does not have the asked shape is a failure to its caller.
 *
 * @since 0.1.0
 */
export const ofOutcome = (exit: Exit.Exit<Outcome.Outcome, OpenRouterError>, running: Running): CallEnd => {
  if (Exit.isFailure(exit)) return ofFailure(exit, running)
  const outcome = exit.value
  const failure = outcome._tag === "Completed"
    ? Context.get(running.context, CurrentObjectProblem)?.(outcome)
    : Outcome.toError(outcome)
  return {
    outcome: outcome._tag,
    failure: failure === undefined ? undefined : {
      tag: outcome._tag === "Completed" ? failure._tag : outcome._tag,
      message: failure.message
    },
    cause: undefined,
    model: outcome.model,
    responseId: outcome.response.id,
    generationId: outcome.generationId,
    finishReason: GenAi.finishReasonOf(outcome),
    answer: outcome,
    costs: (running.last?.number ?? 1) === 1 ? Costs.ofOutcome(outcome) : running.spent
  }
}

/**
 * How a streamed call ended: by how its last attempt did, unless the call was given up after that.
 *
 * @since 0.1.0
 */
export const ofStream = (
  exit: Exit.Exit<unknown, unknown>,
  attempted: Exit.Exit<Outcome.Outcome, OpenRouterError> | undefined,
  running: Running
): CallEnd => {
  if (attempted === undefined) return ofOutcome(Exit.interrupt(), running)
  const isGivenUp = Exit.isFailure(attempted) && Exit.isFailure(exit) && Option.isNone(Exit.findErrorOption(exit))
  return isGivenUp ? ofCause(exit.cause, running) : ofOutcome(attempted, running)
}

/**
 * How a call of a plain endpoint ended; `costs` reads what its answer cost, if it is billed.
 *
 * @since 0.1.0
 */
export const ofCall = <A>(
  exit: Exit.Exit<A, OpenRouterError>,
  running: Running,
  costs: ((value: A) => Costs.Costs) | undefined
): CallEnd => {
  if (Exit.isFailure(exit)) return ofFailure(exit, running)
  return {
    outcome: "Answered",
    failure: undefined,
    cause: undefined,
    model: costs === undefined ? undefined : textOf(exit.value, "model"),
    responseId: costs === undefined ? undefined : textOf(exit.value, "id"),
    generationId: running.last?.generationId,
    finishReason: undefined,
    answer: undefined,
    costs: costs === undefined ? Costs.zero : Costs.sum(running.spent, costs(exit.value))
  }
}

const textOf = (value: unknown, name: string): string | undefined => {
  const text = Predicate.hasProperty(value, name) ? value[name] : undefined
  return typeof text === "string" ? text : undefined
}

const ofFailure = (exit: Exit.Failure<unknown, OpenRouterError>, running: Running): CallEnd => {
  const error = Option.getOrUndefined(Exit.findErrorOption(exit))
  if (error === undefined) return ofCause(exit.cause, running)
  return {
    outcome: error._tag,
    failure: { tag: error._tag, message: error.message },
    cause: undefined,
    model: error.response?.model,
    responseId: error.response?.id,
    generationId: error.generationId ?? running.last?.generationId,
    finishReason: undefined,
    answer: undefined,
    costs: running.spent
  }
}

const ofCause = (cause: Cause.Cause<unknown>, running: Running): CallEnd => {
  const isGivenUp = Cause.hasInterruptsOnly(cause)
  return {
    outcome: isGivenUp ? "Interrupted" : "Died",
    failure: undefined,
    cause,
    model: undefined,
    responseId: undefined,
    generationId: running.last?.generationId,
    finishReason: undefined,
    answer: undefined,
    costs: running.spent
  }
}
