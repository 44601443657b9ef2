/**
 * From an HTTP answer to what it means: an outcome, data, or a typed error.
 *
 * @since 0.1.0
 */
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Classification from "../error/Classification.ts"
import * as ErrorBody from "../error/ErrorBody.ts"
import { MalformedResponse } from "../error/OpenRouterError.ts"
import type { RequestError } from "../error/OpenRouterError.ts"
import type * as RateLimit from "../error/RateLimit.ts"
import * as Response from "../response/Response.ts"
import * as Wire from "../wire/Wire.ts"
import * as Outcome from "./Outcome.ts"

/**
 * An HTTP answer, read to its end.
 *
 * @since 0.1.0
 */
export interface HttpAnswer {
  readonly status: number
  readonly headers: RateLimit.Headers
  readonly text: string
}

/**
 * What is known of the call besides its answer.
 *
 * @since 0.1.0
 */
export interface Context {
  /** The model that was asked for. */
  readonly model?: string | undefined
  readonly attempts: number
  /** Epoch milliseconds at which the answer was read. */
  readonly now: number
  /** By how many milliseconds the server's clock is ahead; default 0. */
  readonly serverAhead?: number | undefined
}

/**
 * How an answer of `POST /responses` ended.
 *
 * @since 0.1.0
 */
export const toOutcome = (answer: HttpAnswer, context: Context): Result.Result<Outcome.Outcome, RequestError> => {
  const json = parse(answer.text)
  if (!isOk(answer)) return Result.fail(refused(answer, json, context))
  if (json === undefined) return Result.fail(unreadable(answer, context))
  // An error instead of a response is a response that failed before it had any output.
  const error = ErrorBody.envelope(json)
  const response = Response.decode(error === undefined ? json : { ...error, status: "failed", output: [] })
  return Result.isFailure(response)
    ? Result.fail(malformed(answer, context, response.failure))
    : Outcome.fromResponse(response.success, { ...context, headers: answer.headers, error })
}

/**
 * The JSON of an answer, as read by `decode`, which says why if it cannot read it.
 *
 * @since 0.1.0
 */
export const toJson = <A>(
  answer: HttpAnswer,
  context: Context,
  decode: (json: unknown) => Result.Result<A, string>
): Result.Result<A, RequestError> => {
  const json = parse(answer.text)
  if (!isOk(answer) || ErrorBody.envelope(json) !== undefined) return Result.fail(refused(answer, json, context))
  return json === undefined
    ? Result.fail(unreadable(answer, context))
    : Result.mapError(decode(json), (problem) => malformed(answer, context, problem))
}

const isOk = (answer: HttpAnswer): boolean => answer.status >= 200 && answer.status < 300

/** The body, or `undefined` if it is no JSON. OpenRouter may pad it with white space, which JSON allows. */
const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const unreadable = (answer: HttpAnswer, context: Context): MalformedResponse =>
  answer.text.trim() === ""
    ? malformed(answer, context, "the body is empty", "empty")
    : malformed(answer, context, "the body is not JSON")

const refused = (answer: HttpAnswer, body: unknown, context: Context): RequestError =>
  Classification.classify({
    ...answer,
    ...known(answer, context),
    body,
    now: context.now,
    serverAhead: context.serverAhead
  }) ??
    malformed(answer, context, "the body is an error that says nothing")

const known = (answer: HttpAnswer, context: Context) => ({
  attempts: context.attempts,
  ...Wire.compact({ model: context.model, generationId: answer.headers["x-generation-id"] })
})

const malformed = (answer: HttpAnswer, context: Context, problem: string, reason?: "empty"): MalformedResponse =>
  new MalformedResponse({
    ...known(answer, context),
    ...Wire.compact({ reason }),
    status: answer.status,
    message: ErrorBody.shortened(`the answer is no response: ${problem}`),
    body: Redacted.make(answer.text.slice(0, ErrorBody.maxBody))
  })
