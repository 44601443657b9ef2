/**
 * What the model is told of a call: its result as text, short words where it failed, and no more than it should read.
 *
 * @since 0.1.0
 */
import type { FunctionCallOutput } from "../request/Input.ts"
import * as Surrogates from "../wire/Surrogates.ts"

/**
 * What is sent as the result of a call: text, or parts such as images.
 *
 * @since 0.1.0
 */
export type Output = FunctionCallOutput["output"]

/** Longer explanations do not help a model. */
const maxWords = 1000

/**
 * A result in JSON as text: text as it is, and `null` for a tool that gives nothing.
 *
 * @since 0.1.0
 */
export const ofJson = (json: unknown): string => typeof json === "string" ? json : JSON.stringify(json) ?? "null"

/**
 * A failure in words that the model understands as one.
 *
 * @since 0.1.0
 */
export const ofFailure = (words: string): string =>
  `Error: ${words.length > maxWords ? `${Surrogates.trimmed(words.slice(0, maxWords))} …` : words}`

/**
 * The output, its texts cut to so many characters in all, with a note where they were.
 *
 * @since 0.1.0
 */
export const cut = (output: Output, max: number): Output => {
  if (typeof output === "string") return cutText(output, max)
  let left = max
  return output.map((part) => {
    if (part.type !== "input_text") return part
    const text = cutText(part.text, left)
    left = Math.max(0, left - part.text.length)
    return text === part.text ? part : { ...part, text }
  })
}

const cutText = (text: string, max: number): string =>
  text.length <= max
    ? text
    : `${
      Surrogates.trimmed(text.slice(0, max))
    }\n[cut here: the result has ${text.length} characters, the limit is ${max}]`

/**
 * The words for calls that were not run, or not to their end, when the run had to end.
 *
 * @since 0.1.0
 */
export const notRun = {
  /** The model repeats itself. */
  repeated: /* @__PURE__ */ ofFailure(
    "this call was asked for again and again with the same arguments, and was not run"
  ),
  /** There were too many. */
  limit: /* @__PURE__ */ ofFailure("the limit of calls is reached, and this one was not run"),
  /** Another call failed the run. */
  stopped: /* @__PURE__ */ ofFailure("the run was stopped before this call was done")
}
