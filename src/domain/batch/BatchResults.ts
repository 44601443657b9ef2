/**
 * What the lines of an ended batch say, matched by `custom_id` alone.
 *
 * @since 0.1.0
 */
import * as BigDecimal from "effect/BigDecimal"
import * as Result from "effect/Result"
import type { BatchJob } from "../endpoint/BatchJob.ts"
import type { RequestError } from "../error/OpenRouterError.ts"
import { MalformedResponse } from "../error/OpenRouterError.ts"
import * as Usd from "../money/Usd.ts"
import * as Costs from "../outcome/Costs.ts"
import * as HttpAnswer from "../outcome/HttpAnswer.ts"
import type { Outcome } from "../outcome/Outcome.ts"
import * as Wire from "../wire/Wire.ts"
import { BatchUnfinished } from "./BatchJobError.ts"

/**
 * How a request of a batch ended.
 *
 * @since 0.1.0
 */
export type Ended = Result.Result<Outcome, RequestError | BatchUnfinished>

/**
 * A line as the HTTP answer that the request would have had by itself.
 *
 * @since 0.1.0
 */
export interface Line {
  /** `undefined` for one that says nothing that can be read. */
  readonly answer: HttpAnswer.HttpAnswer | undefined
}

/**
 * The lines of a batch by their places, for the intent by whose hash their `custom_id`s begin; of several that a request has the
 * first one that is an answer counts.
 *
 * @since 0.1.0
 */
export const linesOf = (hash: string, results: ReadonlyArray<unknown>): ReadonlyMap<number, Line> => {
  const lines = new Map<number, Line>()
  for (const result of results) {
    const place = placeOf(hash, result)
    if (place === undefined) continue
    const line = { answer: answerOf(result) }
    const known = lines.get(place)
    if (known === undefined || rankOf(line) > rankOf(known)) lines.set(place, line)
  }
  return lines
}

/**
 * Whether results are those of this intent; `undefined` where there are none that tell.
 *
 * @since 0.1.0
 */
export const isOf = (hash: string, results: ReadonlyArray<unknown>): boolean | undefined => {
  const ids = results.flatMap((result) => {
    const id = idOf(result)
    return id === undefined ? [] : [id]
  })
  return ids.length === 0 ? undefined : ids.some((id) => id.startsWith(`${hash}-`))
}

/**
 * The `custom_id` of a request.
 *
 * @since 0.1.0
 */
export const customId = (hash: string, place: number): string => `${hash}-${place}`

const idOf = (result: unknown): string | undefined => {
  const id = Wire.isJsonObject(result) ? result["custom_id"] : undefined
  return typeof id === "string" ? id : undefined
}

const placeOf = (hash: string, result: unknown): number | undefined => {
  const id = idOf(result)
  if (id === undefined || !id.startsWith(`${hash}-`)) return undefined
  const place = Number(id.slice(hash.length + 1))
  return Number.isInteger(place) && place >= 0 ? place : undefined
}

const rankOf = ({ answer }: Line): number =>
  answer === undefined ? 0 : answer.status >= 300 || answer.text.startsWith(`{"error"`) ? 1 : 2

const answerOf = (result: unknown): HttpAnswer.HttpAnswer | undefined => {
  if (!Wire.isJsonObject(result)) return undefined
  const { error, response } = result
  if (Wire.isJsonObject(response)) {
    const { body, request_id: requestId, status_code: status } = response
    if (!Wire.isJsonObject(body)) return undefined
    return {
      status: typeof status === "number" ? status : 200,
      headers: Wire.compact({ "x-request-id": typeof requestId === "string" ? requestId : undefined }),
      text: JSON.stringify(body)
    }
  }
  if (error === undefined || error === null) return undefined
  return {
    status: 200,
    headers: {},
    text: JSON.stringify({ error: Wire.isJsonObject(error) ? error : { message: String(error) } })
  }
}

/**
 * What became of a request: its line, or that there is none.
 *
 * @since 0.1.0
 */
export const endOf = (job: BatchJob, line: Line | undefined, now: number): Ended => {
  const context = { attempts: 1, now, ...Wire.compact({ model: job.model }) }
  if (line === undefined) return Result.fail(unfinished(job))
  return line.answer === undefined
    ? Result.fail(new MalformedResponse({ ...context, message: `a line of batch ${job.id} cannot be read` }))
    : HttpAnswer.toOutcome(line.answer, context)
}

/**
 * The error of a request without a line.
 *
 * @since 0.1.0
 */
export const unfinished = ({ error, id, status }: BatchJob): BatchUnfinished => {
  const reason = reasonOf(status)
  const said = Wire.isJsonObject(error) && typeof error["message"] === "string" ? `: ${error["message"]}` : ""
  const message = reason === "missing"
    ? `batch ${id} is complete without a result for this request`
    : reason === "expired"
    ? `batch ${id} expired before this request was answered`
    : `batch ${id} ${reason === "failed" ? "failed" : "was cancelled"} before this request was answered${said}`
  return new BatchUnfinished({ message, reason, batch: id })
}

/**
 * What a batch cost. What it tells as a whole is what OpenRouter charges; where it tells nothing, its lines are summed up.
 *
 * @since 0.1.0
 */
export const costsOf = ({ usage }: BatchJob, ended: ReadonlyArray<Ended>): Costs.Costs => {
  const sum = ended.map((end): Costs.Costs => {
    if (Result.isSuccess(end)) return Costs.ofOutcome(end.success)
    const error = end.failure
    if (error._tag !== "BatchUnfinished") return Costs.ofError(error)
    // What is missing from a complete batch may have been answered.
    return error.reason === "missing" ? Costs.interrupted : Costs.zero
  }).reduce(Costs.sum, Costs.zero)
  return usage?.cost === undefined ? sum : { ...sum, unknown: 0, cost: usage.cost }
}

/**
 * The answers of a batch, with a cost for each: those whose usage tells none get equal parts of what the batch cost beyond the
 * others. Where the batch tells nothing either they stay as they are.
 *
 * @since 0.1.0
 */
export const priced = (
  { usage }: BatchJob,
  lines: ReadonlyMap<number, Line>
): ReadonlyMap<number, Line> => {
  const total = usage?.cost
  if (total === undefined) return lines
  const known: Array<Usd.Usd> = []
  const silent = new Map<number, Silent>()
  for (const [place, { answer }] of lines) {
    if (answer === undefined || answer.status >= 300) continue
    const body: unknown = JSON.parse(answer.text)
    if (!Wire.isJsonObject(body) || !Wire.isJsonObject(body["usage"])) continue
    const { cost } = body["usage"]
    if (typeof cost === "number") known.push(Usd.fromNumber(cost))
    else silent.set(place, { answer, body, usage: body["usage"] })
  }
  if (silent.size === 0) return lines
  let left = Usd.max(Usd.zero, Usd.subtract(total, Usd.sumAll(known)))
  const share = shareOf(left, silent.size)
  const all = new Map(lines)
  let rest = silent.size
  for (const [place, { answer, body, usage }] of silent) {
    const cost = --rest === 0 ? left : share
    left = Usd.subtract(left, cost)
    const text = JSON.stringify({ ...body, usage: { ...usage, cost: Usd.toNumber(cost) } })
    all.set(place, { answer: { ...answer, text } })
  }
  return all
}

interface Silent {
  readonly answer: HttpAnswer.HttpAnswer
  readonly body: Wire.JsonObject
  readonly usage: Wire.JsonObject
}

const reasonOf = (status: string): BatchUnfinished["reason"] => {
  switch (status) {
    case "expired":
    case "failed":
    case "cancelled":
      return status
    default:
      return "missing"
  }
}

/** A part of an amount, rounded down, so that the last one is not less than nothing. */
const shareOf = (amount: Usd.Usd, parts: number): Usd.Usd => {
  const decimal = Usd.toDecimal(amount)
  const scale = Math.max(decimal.scale, 12)
  const whole = decimal.value * 10n ** BigInt(scale - decimal.scale)
  return Usd.fromDecimal(BigDecimal.make(whole / BigInt(parts), scale))
}
