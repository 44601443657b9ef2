/**
 * The errors of this library as those of `effect/ai`, and which of them another attempt may mend without paying twice.
 *
 * What is known of the failed call stays with the error: its cost, the generation id, the text so far, and the tag of this
 * library, in `reason.metadata.openrouter`. (`NetworkError` has no metadata; the error itself is its `cause`.)
 *
 * | this library | `effect/ai` |
 * |---|---|
 * | `RateLimited`, `PaymentRequired` of calls in flight | `RateLimitError` |
 * | `PaymentRequired` | `QuotaExhaustedError` |
 * | `InvalidApiKey`, `AccessDenied` | `AuthenticationError` |
 * | `InvalidRequest`, `ContextLengthExceeded`, `PayloadTooLarge`, `ModelUnavailable` | `InvalidRequestError` |
 * | `ProviderTimeout`, `ProviderUnavailable`, `ProviderOverloaded`, `ServerError` | `InternalProviderError` |
 * | `Refused` | `ContentPolicyError` |
 * | `GenerationFailed`, `StreamInterrupted`, `MalformedResponse`, `EmptyCompletion` | `InvalidResponseError` |
 * | `InvalidOutput` | `StructuredOutputError` |
 * | `ConnectionFailed` | `NetworkError` |
 * | `Incomplete`, `TimedOut`, `UnexpectedStatus`, `BudgetExceeded` | `UnknownError` |
 *
 * Where this library says that trying again helps or does not, and the reason of the table says the opposite, the error is an
 * `InternalProviderError` or an `UnknownError`. The exception is `StructuredOutputError`, which `effect/ai` calls retryable.
 *
 * @since 0.1.0
 */
import * as AiError from "effect/ai/AiError"
import type { OpenRouterError } from "../../domain/error/OpenRouterError.ts"
import type { Usage } from "../../domain/money/Usage.ts"
import * as Usd from "../../domain/money/Usd.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import * as Metadata from "./Metadata.ts"

export type { Failure } from "./Metadata.ts"

/**
 * Where an error came about.
 *
 * @since 0.1.0
 */
export interface Origin {
  readonly module: string
  readonly method: string
}

/**
 * An error of this library as one of `effect/ai`.
 *
 * @since 0.1.0
 */
export const fromError = (error: OpenRouterError, origin: Origin): AiError.AiError =>
  AiError.make({ ...origin, reason: reasonOf(error) })

/**
 * True for an error that another attempt may mend and that cost nothing as far as anybody knows: the `while` of an
 * `ExecutionPlan` or a retry that does not buy a bad answer again and again.
 *
 * `isRetryable` alone does not do: `effect/ai` calls an answer retryable that does not fit a schema, and that was paid for.
 * The client has tried transient failures again before a program sees them, so attempts of a plan multiply with those of
 * `RetryPolicy`.
 *
 * **Example** (Another model, unless the first one was paid for)
 *
 * ```ts
 * import { Effect, ExecutionPlan } from "effect"
 * import { LanguageModel } from "effect/ai"
 * import { OpenRouterAiError, OpenRouterLanguageModel } from "effect-openrouter/ai"
 *
 * const plan = ExecutionPlan.make(
 *   { provide: OpenRouterLanguageModel.model("openai/gpt-5"), while: OpenRouterAiError.isRetryableUnpaid },
 *   { provide: OpenRouterLanguageModel.model("anthropic/claude-sonnet-4.5") }
 * )
 *
 * const program = LanguageModel.generateText({ prompt: "Describe the town square." }).pipe(Effect.withExecutionPlan(plan))
 * ```
 *
 * @since 0.1.0
 */
export const isRetryableUnpaid = (error: unknown): boolean => {
  if (!AiError.isAiError(error) || !error.isRetryable) return false
  const { reason } = error
  if (reason._tag === "InvalidOutputError" || reason._tag === "StructuredOutputError") return false
  const known = "metadata" in reason
    ? reason.metadata["openrouter"]
    : reason._tag === "NetworkError"
    ? reason.cause
    : {}
  const cost = Wire.isJsonObject(known) ? known["callCost"] ?? known["cost"] : undefined
  return cost === undefined || Number(Usd.isUsd(cost) ? Usd.toNumber(cost) : cost) === 0
}

/**
 * What is known of a failed call.
 *
 * @since 0.1.0
 */
export const failureOf = (error: OpenRouterError): Metadata.Failure => ({
  tag: error._tag,
  ...failed(error),
  ...Wire.compact({
    status: error.status,
    code: error.code,
    errorType: error.errorType,
    partialText: error.partialText,
    provider: error.provider?.name
  })
})

/**
 * What is known of a call, whether or not it is an error of this library.
 *
 * @since 0.1.0
 */
export const failed = (known: {
  readonly cost?: Usd.Usd
  readonly callCost?: Usd.Usd
  readonly generationId?: string
  readonly attempts?: number
  readonly model?: string
  readonly usage?: Usage
}): Omit<Metadata.Failure, "tag"> =>
  Wire.compact({
    cost: Metadata.amount(known.cost),
    callCost: Metadata.amount(known.callCost),
    generationId: known.generationId,
    attempts: known.attempts,
    model: known.model,
    inputTokens: known.usage?.inputTokens,
    outputTokens: known.usage?.outputTokens
  })

/**
 * The tokens of a call as errors of `effect/ai` have them: whole numbers.
 *
 * @since 0.1.0
 */
export const usageOf = (usage: Usage | undefined): typeof AiError.UsageInfo.Type | undefined =>
  usage === undefined ? undefined : Wire.compact({
    promptTokens: whole(usage.inputTokens),
    completionTokens: whole(usage.outputTokens),
    totalTokens: whole(usage.totalTokens)
  })

/**
 * A number of tokens as a whole number: `effect/ai` takes no others.
 *
 * @since 0.1.0
 */
export const whole = (tokens: number | undefined): number | undefined =>
  tokens === undefined ? undefined : Math.round(tokens)

const reasonOf = (error: OpenRouterError): AiError.AiErrorReason => {
  const metadata = { openrouter: failureOf(error) }
  const known = { description: error.message, metadata }
  const reason = usualReasonOf(error, known)
  if (reason._tag === "StructuredOutputError" || reason.isRetryable === error.isRetryable) return reason
  return error.isRetryable ? new AiError.InternalProviderError(known) : new AiError.UnknownError(known)
}

const usualReasonOf = (
  error: OpenRouterError,
  known: { readonly description: string; readonly metadata: { readonly openrouter: Metadata.Failure } }
): AiError.AiErrorReason => {
  const { metadata } = known
  switch (error._tag) {
    case "PaymentRequired":
      if (!error.isRetryable) {
        return new AiError.QuotaExhaustedError({ metadata, ...Wire.compact({ resetAt: error.resetAt }) })
      }
      return new AiError.RateLimitError({ metadata, ...Wire.compact({ retryAfter: error.retryAfter }) })
    case "RateLimited":
      return new AiError.RateLimitError({ metadata, ...Wire.compact({ retryAfter: error.retryAfter }) })
    case "InvalidApiKey":
      return new AiError.AuthenticationError({ kind: "InvalidKey", ...known })
    case "AccessDenied":
      return new AiError.AuthenticationError({ kind: "InsufficientPermissions", ...known })
    case "InvalidRequest":
      return new AiError.InvalidRequestError({ ...known, ...Wire.compact({ parameter: error.field }) })
    case "ContextLengthExceeded":
    case "PayloadTooLarge":
    case "ModelUnavailable":
      return new AiError.InvalidRequestError({ ...known, constraint: error._tag })
    case "ProviderTimeout":
    case "ProviderUnavailable":
    case "ProviderOverloaded":
    case "ServerError":
      return new AiError.InternalProviderError(known)
    case "Refused":
      return new AiError.ContentPolicyError(known)
    case "GenerationFailed":
    case "StreamInterrupted":
    case "MalformedResponse":
    case "EmptyCompletion":
      return new AiError.InvalidResponseError(known)
    case "InvalidOutput":
      return new AiError.StructuredOutputError({
        ...known,
        responseText: error.text,
        ...Wire.compact({ usage: usageOf(error.usage) })
      })
    case "ConnectionFailed":
      return new AiError.NetworkError({
        reason: "TransportError",
        method: "POST",
        url: "https://openrouter.ai/api/v1/responses",
        description: error.message,
        cause: error
      })
    case "Incomplete":
    case "TimedOut":
    case "UnexpectedStatus":
    case "BudgetExceeded":
      return new AiError.UnknownError(known)
  }
}
