/**
 * An answer as the commands write it for machines.
 *
 * @since 0.1.0
 */
import type * as Result from "effect/Result"
import type { OpenRouterError } from "../../domain/error/OpenRouterError.ts"
import * as Usd from "../../domain/money/Usd.ts"
import type { Outcome } from "../../domain/outcome/Outcome.ts"
import * as Wire from "../../domain/wire/Wire.ts"

/**
 * An answer: `outcome` is `Completed`, or why it is none; amounts are decimal text; `response` is what OpenRouter sent.
 *
 * @since 0.1.0
 */
export interface AnswerJson {
  readonly outcome: string
  readonly text: string
  /** With a schema: the JSON of the answer. */
  readonly value?: unknown
  /** With a schema: what does not fit. */
  readonly issue?: string
  readonly refusal?: string
  /** Why it was cut off. */
  readonly reason?: string
  readonly model?: string
  readonly generationId?: string
  /** USD. Absent is unknown, not zero. */
  readonly cost?: string
  readonly attempts: number
  readonly response: unknown
}

/**
 * The document of an answer.
 *
 * @since 0.1.0
 */
export const make = (
  outcome: Outcome,
  text: string,
  value: Result.Result<unknown, OpenRouterError> | undefined
): AnswerJson => {
  const { attempts, generationId, model, response } = outcome
  const cost = outcome.callCost ?? outcome.cost
  const failure = value?._tag === "Failure" ? value.failure : undefined
  return {
    outcome: failure?._tag ?? outcome._tag,
    text,
    ...(value?._tag === "Success" && { value: value.success }),
    ...Wire.compact({
      issue: failure?._tag === "InvalidOutput" ? failure.issue : undefined,
      refusal: outcome._tag === "Refused" ? outcome.refusal : undefined,
      reason: outcome._tag === "Incomplete" ? outcome.reason : undefined,
      model,
      generationId,
      cost: cost === undefined ? undefined : Usd.toText(cost)
    }),
    attempts,
    response: Wire.raw(response)
  }
}
