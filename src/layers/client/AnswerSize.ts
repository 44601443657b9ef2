/**
 * How large an answer may be, read in one piece or as a stream, over whatever transport; counted when it has been inflated.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import { MalformedResponse } from "../../domain/error/OpenRouterError.ts"

/**
 * The limit unless told otherwise, in bytes as they are before they become text: 128 MiB.
 *
 * @since 0.1.0
 */
export const defaultMax: number = 128 * 1024 * 1024

/**
 * The same for an event of a stream, in characters: 64 MiB. An image may come as one event, so it is far above the 10 MiB
 * that are usual.
 *
 * @since 0.1.0
 */
export const defaultMaxEvent: number = 64 * 1024 * 1024

/**
 * No limit may be above this: V8 has no longer text, less some room for what surrounds it.
 *
 * @since 0.1.0
 */
export const longestText: number = 0x1ff0_0000

/** Browsers show a page neither that a body was compressed nor how, but the length it had then. */
const hidesEncoding = "document" in globalThis || "WorkerGlobalScope" in globalThis

/**
 * True if the headers promise that the body fits: then it may be read at once. A compressed body may be of any size.
 *
 * @since 0.1.0
 */
export const isPromised = (headers: { readonly [name: string]: string | undefined }, max: number): boolean => {
  const length = headers["content-length"]
  return length !== undefined && headers["content-encoding"] === undefined && Number(length) <= max && !hidesEncoding
}

/**
 * How many bytes the answers of the running call may have: told to HTTP clients that can limit them.
 *
 * @since 0.1.0
 */
export const CurrentMax: Context.Reference<number> = /* @__PURE__ */ Context.Reference<number>(
  "effect-openrouter/AnswerSize/CurrentMax",
  {
    defaultValue: () => defaultMax
  }
)

/**
 * Marks a response that limits its body itself. The value says whether all of it is there: it has no connection any more.
 *
 * @since 0.1.0
 */
export const isWhole: unique symbol = Symbol("effect-openrouter/AnswerSize/isWhole")

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
