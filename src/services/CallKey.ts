/**
 * By what a cache and single flight know a call.
 *
 * The key is a hash of all that decides the answer: whose it is (account and address), the path, the bytes of the request
 * without `stream`, the headers that the program adds, and the names of its samples; with the number among equal calls where
 * those are counted. What the journal adds to a request is written below, so it is no part of it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as CreateResponse from "../domain/request/CreateResponse.ts"
import * as RequestBody from "../domain/request/RequestBody.ts"
import * as Sha256 from "../domain/wire/Sha256.ts"
import { CurrentHeaders } from "./Defaults.ts"
import type { Headers } from "./Defaults.ts"
import type { Target } from "./OpenRouter.ts"
import { CurrentNumbering, CurrentSamples } from "./Sampling.ts"
import type { Numbering } from "./Sampling.ts"

/** Another number keeps what other versions of this library have stored apart. */
const formatVersion = 1

/**
 * A call, told apart from others.
 *
 * @since 0.1.0
 */
export interface CallKey {
  readonly request: CreateResponse.CreateResponse
  /** The same for all equal calls. */
  readonly hash: string
  /** Which of the equal calls it is, from 1; absent where they are not counted. */
  readonly number: number | undefined
  /** Those that are counted differ by their numbers; the first is the one that is not counted. */
  readonly key: string
  /** Makes its number free, because nothing is kept under it. */
  readonly giveBack: () => void
}

/**
 * The key of the running call as the cache around it knows it, so that equal calls are counted once.
 *
 * @since 0.1.0
 */
export const CurrentCallKey: Context.Reference<CallKey | undefined> = /* @__PURE__ */ Context.Reference<
  CallKey | undefined
>(
  "effect-openrouter/CallKey",
  { defaultValue: () => undefined }
)

/**
 * The key of a request; none for one that cannot be sent.
 *
 * @since 0.1.0
 */
export const make = (
  fiber: Fiber.Fiber<unknown, unknown>,
  target: Target | undefined,
  request: CreateResponse.CreateResponse
): CallKey | undefined => {
  const outer = fiber.getRef(CurrentCallKey)
  if (outer?.request === request) return { ...outer, giveBack: nothing }
  const hash = hashOf(fiber, target, request)
  if (hash === undefined) return undefined
  if (outer !== undefined) {
    return { request, hash, number: outer.number, key: keyOf(hash, outer.number), giveBack: nothing }
  }
  const numbering = fiber.getRef(CurrentNumbering)
  return numbering === undefined
    ? { request, hash, number: undefined, key: hash, giveBack: nothing }
    : counted(request, hash, numbering)
}

const nothing = (): void => {}

const counted = (request: CreateResponse.CreateResponse, hash: string, numbering: Numbering): CallKey => {
  const number = numbering.take(hash)
  let isTaken = true
  return {
    request,
    hash,
    number,
    key: keyOf(hash, number),
    giveBack: () => {
      if (isTaken) numbering.giveBack(hash, number)
      isTaken = false
    }
  }
}

const keyOf = (hash: string, number: number | undefined): string =>
  number === undefined || number === 1 ? hash : `${hash}-${number}`

const hashOf = (
  fiber: Fiber.Fiber<unknown, unknown>,
  target: Target | undefined,
  request: CreateResponse.CreateResponse
): string | undefined => {
  const body = RequestBody.readable(request, () => CreateResponse.toBody(request, { stream: false }))
  if (Result.isFailure(body) || Result.isFailure(body.success)) return undefined
  const about = [
    formatVersion,
    target?.account ?? "",
    target?.address ?? "",
    "/responses",
    headersOf(fiber.getRef(CurrentHeaders)),
    fiber.getRef(CurrentSamples)
  ]
  return Sha256.hex(`${JSON.stringify(about)}\n${body.success.success}`)
}

/** The headers that may change an answer, by name. */
const headersOf = (headers: Headers): ReadonlyArray<readonly [name: string, value: string]> =>
  Object.entries(headers).filter(([name]) => !isCarried(name)).toSorted(([a], [b]) => a < b ? -1 : 1)

/** What only says how a request travels, whose it is, or whether OpenRouter's own cache may answer. */
const isCarried = (name: string): boolean => name.startsWith("x-openrouter-cache") || carried.has(name)

const carried: ReadonlySet<string> = new Set([
  "authorization",
  "accept",
  "baggage",
  "http-referer",
  "traceparent",
  "tracestate",
  "user-agent",
  "x-openrouter-title",
  "x-request-id",
  "x-session-id",
  "x-title"
])
