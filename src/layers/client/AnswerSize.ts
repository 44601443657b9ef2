/**
 * How large an answer may be, read in one piece or as a stream, over whatever transport.
 *
 * @since 0.1.0
 */
import { MalformedResponse } from "../../domain/error/OpenRouterError.ts"

/**
 * The limit unless told otherwise, in bytes as they are before they become text: 128 MiB.
 *
 * @since 0.1.0
 */
export const defaultMax: number = 128 * 1024 * 1024

/** No string of a JavaScript engine may be longer, less some room for what surrounds it. */
const longestText = 0x1ff0_0000

/**
 * How many characters of items a stream may bring: as many as an answer may have bytes, and no more than a text can hold.
 *
 * @since 0.1.0
 */
export const maxCharacters = (max: number = defaultMax): number => Math.min(max, longestText)

/**
 * True if the headers promise that the body fits: then it may be read at once. A compressed body may be of any size.
 *
 * @since 0.1.0
 */
export const isPromised = (headers: { readonly [name: string]: string | undefined }, max: number): boolean => {
  const length = headers["content-length"]
  return length !== undefined && headers["content-encoding"] === undefined && Number(length) <= max
}

/**
 * Marks a response that limits its body itself.
 *
 * @since 0.1.0
 */
export const isLimited: unique symbol = Symbol("effect-openrouter/AnswerSize/isLimited")

/**
 * The error of an answer that is too large. Sent again it would be as large, and billed again.
 *
 * @since 0.1.0
 */
export const tooLarge = (host: string, why: string): MalformedResponse =>
  new MalformedResponse({ reason: "tooLarge", message: `the answer of ${host} is too large: ${why}` })

/**
 * The error of an answer that is larger than the limit.
 *
 * @since 0.1.0
 */
export const exceeds = (host: string, max: number): MalformedResponse =>
  tooLarge(host, `it is larger than ${max} bytes`)
