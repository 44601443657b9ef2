/**
 * A line of a batch's output: `{"id":…,"index":…,"value":…}`, or `error` in the place of `value`.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { OpenRouterError } from "../error/OpenRouterError.ts"
import { lazy } from "../wire/Lazy.ts"
import { nameOf } from "./StopRule.ts"

/**
 * What a line says of itself.
 *
 * @since 0.1.0
 */
export interface Head {
  readonly id: string
  /** The place of the item in the input when it was written. */
  readonly index: number
  readonly isError: boolean
  /** Whether its error is one that may pass. */
  readonly isTransient: boolean
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * Reads the head of a line; `undefined` if it is no line of a batch.
 *
 * @since 0.1.0
 */
export const head = (line: string): Head | undefined => {
  const json = parse(line)
  if (!Predicate.hasProperty(json, "id") || typeof json.id !== "string") return undefined
  if (!Predicate.hasProperty(json, "index") || typeof json.index !== "number") return undefined
  const isError = "error" in json
  return { id: json.id, index: json.index, isError, isTransient: isError && isStoredTransient(json.error) }
}

/**
 * The same line with another index.
 *
 * @since 0.1.0
 */
export const withIndex = (line: string, index: number): string => {
  const json = parse(line)
  return Predicate.isObject(json) ? JSON.stringify({ ...json, index }) : line
}

/**
 * The line of a value that is JSON already. Fails where it is not.
 *
 * @since 0.1.0
 */
export const ofValue = (id: string, index: number, value: unknown): Result.Result<string, string> =>
  Result.try({
    try: () => JSON.stringify({ id, index, value: value === undefined ? null : value }),
    catch: (problem) => problem instanceof Error ? problem.message : "is not JSON"
  })

const codec = /* @__PURE__ */ lazy(() => {
  const json = Schema.toCodecJson(OpenRouterError)
  return { is: Schema.is(OpenRouterError), encode: Schema.encodeResult(json), decode: Schema.decodeUnknownResult(json) }
})

/**
 * True for an error of this library that may pass.
 *
 * @since 0.1.0
 */
export const isTransient = (error: unknown): boolean => codec().is(error) && error.isRetryable

const isStoredTransient = (json: unknown): boolean => {
  const error = codec().decode(json)
  return Result.isSuccess(error) && error.success.isRetryable
}

/** Errors of this library are written by their schema, without what may repeat the prompt; of others their tag and message. */
const errorJson = (error: unknown): unknown => {
  const { encode, is } = codec()
  const known = is(error) ? Result.getOrUndefined(encode(error)) : undefined
  if (known !== undefined) return known
  const message = Predicate.hasProperty(error, "message") ? error.message : error
  return { _tag: nameOf(error), message: String(message) }
}

/**
 * The line of an error.
 *
 * @since 0.1.0
 */
export const ofError = (id: string, index: number, error: unknown): string =>
  JSON.stringify({ id, index, error: errorJson(error) })
