/**
 * How an answered call ended: one of five ways, as a value.
 *
 * `OpenRouter.respond` succeeds with `Completed` and fails with the error of the others; `OpenRouter.outcome` gives the
 * value to those who want to match on it. All carry the whole response, the usage and the cost.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Classification from "../error/Classification.ts"
import * as E from "../error/OpenRouterError.ts"
import type * as RateLimit from "../error/RateLimit.ts"
import { Usage } from "../money/Usage.ts"
import * as Usd from "../money/Usd.ts"
import { arms, FunctionCall } from "../response/OutputItem.ts"
import type { OutputItem } from "../response/OutputItem.ts"
import * as Response from "../response/Response.ts"
import * as Surrogates from "../wire/Surrogates.ts"
import * as Wire from "../wire/Wire.ts"

const optional = Schema.optionalKey

/**
 * What a cache did: OpenRouter's, by the answer's headers, or one of this library, which answered without a call.
 *
 * @since 0.1.0
 */
export const CacheStatus = Schema.Struct({
  status: Wire.OpenLiterals(["HIT", "MISS"]),
  /** Who answered: `ResponseCache`, or `SingleFlight` for the answer of an equal call. Absent: OpenRouter's own cache. */
  by: optional(Wire.OpenLiterals(["ResponseCache", "SingleFlight"])),
  /** Seconds since the cached answer was made. */
  age: optional(Schema.Finite),
  /** Seconds for which answers are kept. */
  ttl: optional(Schema.Finite),
  /** The generation that was paid for. */
  sourceId: optional(Schema.String)
})

/**
 * @since 0.1.0
 */
export interface CacheStatus extends Schema.Schema.Type<typeof CacheStatus> {}

const answered = {
  /** The whole response, also its parts that are not repeated here. */
  response: Schema.suspend(() => Response.Response),
  /** The model that served. */
  model: optional(Schema.String),
  /** From `X-Generation-Id`; ask `GET /generation` with it. */
  generationId: optional(Schema.String),
  /** Whether a cache answered; absent if none was asked. */
  cache: optional(CacheStatus),
  usage: optional(Schema.suspend(() => Usage)),
  /** What OpenRouter charged for this answer. Absent is unknown, not zero. */
  cost: optional(Usd.Usd),
  /** What all attempts of the call cost. Absent if the cost of any of them is unknown. */
  callCost: optional(Usd.Usd),
  /** How many times the request was sent, 1 without a retry; 0 where a cache of this library answered. */
  attempts: Schema.Int
}

/**
 * The model answered: with text, with a call that you are to answer, or with a result such as an image.
 *
 * @since 0.1.0
 */
export const Completed = Schema.TaggedStruct("Completed", {
  ...answered,
  /** The text of the final answer; empty if the answer consists of calls only. Commentary is in the response only. */
  text: Schema.String,
  /** The functions that the model asks to be called, each once. */
  functionCalls: Schema.Array(Schema.suspend(() => FunctionCall))
})

/**
 * @since 0.1.0
 */
export interface Completed extends Schema.Schema.Type<typeof Completed> {}

/**
 * The answer stopped early, for `reason`.
 *
 * @since 0.1.0
 */
export const Incomplete = Schema.TaggedStruct("Incomplete", {
  ...answered,
  /** `max_output_tokens`, `content_filter`, a newer reason, or the status of a response or call that gave none. */
  reason: Schema.String,
  /** The text of the answer so far; it does not end within a character. */
  partialText: Schema.String
})

/**
 * @since 0.1.0
 */
export interface Incomplete extends Schema.Schema.Type<typeof Incomplete> {}

/**
 * The model refused; `partialText` is what it said besides.
 *
 * @since 0.1.0
 */
export const Refused = Schema.TaggedStruct("Refused", {
  ...answered,
  refusal: Schema.String,
  partialText: Schema.String
})

/**
 * @since 0.1.0
 */
export interface Refused extends Schema.Schema.Type<typeof Refused> {}

/**
 * The response failed or was cancelled for a reason that no other error names.
 *
 * @since 0.1.0
 */
export const Failed = Schema.TaggedStruct("Failed", {
  ...answered,
  error: E.GenerationFailed
})

/**
 * @since 0.1.0
 */
export interface Failed extends Schema.Schema.Type<typeof Failed> {}

/**
 * The response completed without text, refusal, a call to answer, or a result. What the server's own tools did on the way,
 * such as a search, is none.
 *
 * @since 0.1.0
 */
export const Empty = Schema.TaggedStruct("Empty", answered)

/**
 * @since 0.1.0
 */
export interface Empty extends Schema.Schema.Type<typeof Empty> {}

/**
 * How an answered call ended; `Match.typeTags<Outcome.Outcome>()` takes it apart.
 *
 * @since 0.1.0
 */
export const Outcome = Schema.Union([Completed, Incomplete, Refused, Failed, Empty])

/**
 * @since 0.1.0
 */
export type Outcome = Completed | Incomplete | Refused | Failed | Empty

/**
 * What is known of an answer besides its body.
 *
 * @since 0.1.0
 */
export interface AnswerContext {
  readonly headers: RateLimit.Headers
  /** The model that was asked for. */
  readonly model?: string | undefined
  readonly attempts: number
  /** Epoch milliseconds; read only if the response failed. */
  readonly now: number
  /** By how many milliseconds the server's clock is ahead; default 0. */
  readonly serverAhead?: number | undefined
  /** The error envelope that came instead of a response; default is what the response itself says. */
  readonly error?: Wire.JsonObject | undefined
}

/**
 * Says how a response ended.
 *
 * A failed response that says why (such as `rate_limit_exceeded`) is that error and no outcome, exactly as if the server
 * had answered with the HTTP status.
 *
 * @since 0.1.0
 */
export const fromResponse = (
  response: Response.Response,
  context: AnswerContext
): Result.Result<Outcome, Classification.ServerSideError> => {
  const { output, status } = response
  const text = Response.textOf(output)
  const partialText = Surrogates.trimmed(text)
  const known = knownOf(response, context)
  const base = { response, ...known, ...Wire.compact({ callCost: known.cost, cache: cacheOf(context.headers) }) }
  if (status === "failed" || status === "cancelled" || (response.error !== undefined && output.length === 0)) {
    const answer: Classification.Answer = {
      ...known,
      status: 200,
      headers: context.headers,
      body: context.error ?? Wire.raw(response) ?? { error: response.error, error_type: response.errorType },
      now: context.now,
      serverAhead: context.serverAhead,
      fallbackMessage: `the response ended with the status ${status}`,
      ...(partialText === "" ? {} : { partialText })
    }
    const named = Classification.classify(answer)
    if (named !== undefined) return Result.fail(named)
    const error = Classification.generationFailed(answer)
    const failed = {
      ...base,
      ...Wire.compact({ usage: error.usage, cost: error.cost }),
      _tag: "Failed" as const,
      error
    }
    return Result.succeed(withCallCost(failed, failed.cost))
  }
  const reason = incompleteReason(response)
  if (reason !== undefined) return Result.succeed({ ...base, _tag: "Incomplete", reason, partialText })
  const refusal = Response.refusal(response)
  if (refusal !== undefined) return Result.succeed({ ...base, _tag: "Refused", refusal, partialText })
  if (text === "" && !output.some((item) => isResult(item, output))) return Result.succeed({ ...base, _tag: "Empty" })
  return Result.succeed({ ...base, _tag: "Completed", text, functionCalls: Response.functionCalls(response) })
}

/**
 * Why a response that did not fail is incomplete, or `undefined`. Some gateways call a truncated one completed, and only the
 * reason tells, or the status of a call that was cut off and must not be run.
 */
const incompleteReason = ({ incompleteDetails, output, status }: Response.Response): string | undefined => {
  const reason = incompleteDetails?.reason ?? ""
  if (reason !== "") return reason
  if (status === "incomplete" || status === "queued" || status === "in_progress") return status
  return output.some((item) => item.type === "function_call" && item.status === "incomplete") ? "incomplete" : undefined
}

/**
 * True for a call that the program is to answer, and for what came of a call and is itself what was asked for. Nobody can
 * tell this of an item whose type is newer than this version, so it is not taken for nothing.
 */
const isResult = (item: OutputItem, output: ReadonlyArray<OutputItem>): boolean => {
  switch (item.type) {
    case "function_call":
    case "custom_tool_call":
    case "computer_call":
    case "local_shell_call":
    case "apply_patch_call":
    case "openrouter:apply_patch":
    case "mcp_approval_request":
      return true
    case "shell_call":
      // The provider may have run it.
      return !output.some((other) => other.type === "shell_call_output" && other.callId === item.callId)
    case "image_generation_call":
      return isText(item.result)
    case "openrouter:image_generation":
      return isText(item.result) || isText(item.imageUrl) || isText(item.imageB64)
    case "code_interpreter_call":
      return item.outputs?.some((made) => made.type === "image" || made.type === "file") === true
    case "unknown":
      return !Object.hasOwn(arms, item.wireType)
    default:
      return false
  }
}

const isText = (text: string | undefined): boolean => text !== undefined && text !== ""

/**
 * What an answer says of itself, for outcomes and errors alike: the response among it, unless nothing of it came.
 *
 * @since 0.1.0
 */
export const knownOf = (response: Response.Response, context: Omit<AnswerContext, "now">) => ({
  attempts: context.attempts,
  ...Wire.compact({
    model: response.model ?? context.model,
    generationId: context.headers["x-generation-id"] ?? generationIdOf(response),
    usage: response.usage,
    cost: response.usage?.cost,
    response: hasBegun(response) ? response : undefined
  })
})

/** Of a stream that has said nothing yet there is a status, which is ours. */
const hasBegun = ({ id, output, status }: Response.Response): boolean =>
  id !== undefined || output.length > 0 || status !== "in_progress"

/**
 * The outcome of a call whose attempts cost this in all; `undefined` is unknown.
 *
 * @since 0.1.0
 */
export const withCallCost = (outcome: Outcome, callCost: Usd.Usd | undefined): Outcome => {
  const { callCost: _, ...own } = outcome
  if (callCost === undefined) return own
  return own._tag === "Failed"
    ? { ...own, callCost, error: new E.GenerationFailed({ ...detailsOf(own.error), callCost }) }
    : { ...own, callCost }
}

/**
 * An outcome that answers a call which was not made: it costs nothing and was not sent. Usage and response are as they were
 * when it was paid for, except for the cost in `usage`.
 *
 * @since 0.1.0
 */
export const reused = (outcome: Outcome, cache: Omit<CacheStatus, "status" | "sourceId">): Outcome => {
  const { cost: _, usage, ...others } = outcome
  return withCallCost({
    ...others,
    attempts: 0,
    cost: Usd.zero,
    cache: { status: "HIT", ...cache, ...Wire.compact({ sourceId: outcome.generationId }) },
    ...(usage === undefined ? {} : { usage: { ...usage, cost: Usd.zero } })
  }, Usd.zero)
}

/** What spreading an error leaves out is named. */
const detailsOf = (error: E.GenerationFailed) => ({
  ...error,
  message: error.message,
  ...Wire.compact({ response: error.response })
})

const cacheOf = (headers: RateLimit.Headers): CacheStatus | undefined => {
  const status = headers["x-openrouter-cache-status"]
  return status === undefined ? undefined : {
    status,
    ...Wire.compact({
      age: secondsOf(headers["x-openrouter-cache-age"]),
      ttl: secondsOf(headers["x-openrouter-cache-ttl"]),
      sourceId: headers["x-openrouter-cache-source-id"]
    })
  }
}

const secondsOf = (text: string | undefined): number | undefined =>
  text === undefined || !Number.isFinite(Number(text)) ? undefined : Number(text)

const generationIdOf = (response: Response.Response): string | undefined =>
  response.id?.startsWith("gen-") === true ? response.id : undefined

/**
 * The error of an outcome that is no answer, with all that is known. Its message has no words of the model.
 *
 * @since 0.1.0
 */
export const toError = (outcome: Exclude<Outcome, Completed>): E.AnswerError => {
  const { attempts, callCost, cost, generationId, model, response, usage } = outcome
  const context = {
    attempts,
    response,
    ...Wire.compact({ model, generationId, usage, cost, callCost, errorType: response.errorType })
  }
  switch (outcome._tag) {
    case "Incomplete":
      return new E.Incomplete({
        ...context,
        message: `the answer is incomplete: ${outcome.reason}`,
        reason: outcome.reason,
        partialText: outcome.partialText
      })
    case "Refused":
      return new E.Refused({
        ...context,
        message: "the model refused",
        source: "model",
        refusal: outcome.refusal,
        ...(outcome.partialText === "" ? {} : { partialText: outcome.partialText })
      })
    case "Failed": {
      const { error } = outcome
      // An outcome that was stored has its response beside the error.
      return error.response === undefined
        ? new E.GenerationFailed({ ...error, message: error.message, response })
        : error
    }
    case "Empty":
      return new E.EmptyCompletion({
        ...context,
        message: "the response completed without text, refusal, a call to answer or a result"
      })
  }
}

/**
 * The error of an answer that is worth another try because nothing came with it, not even a usage.
 *
 * @since 0.1.0
 */
export const vacancy = (outcome: Outcome): E.EmptyCompletion | undefined => {
  if (outcome._tag !== "Empty") return undefined
  const error = toError(outcome)
  return error._tag === "EmptyCompletion" && error.isRetryable ? error : undefined
}
