/**
 * The text that a model reads out of `instructions` and `input`.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"

/**
 * A JSON object as it arrived.
 *
 * @since 0.1.0
 */
export interface JsonObject {
  readonly [key: string]: unknown
}

/**
 * All text of a request, one line per part: what rules match on and what input tokens are counted from.
 *
 * Fails with the reason when `input` is no string and no array of items.
 *
 * @since 0.1.0
 */
export const read = (instructions: unknown, input: unknown): Result.Result<string, string> => {
  const lines: Array<string> = []
  const first = Array.isArray(instructions) ? items(instructions, lines) : push(lines, instructions)
  if (first !== undefined) return Result.fail(first)
  if (typeof input === "string") {
    lines.push(input)
    return Result.succeed(lines.join("\n"))
  }
  if (input === undefined) return Result.fail("it is required")
  if (!Array.isArray(input)) return Result.fail("expected a string or an array of items")
  if (input.length === 0) return Result.fail("expected at least one item")
  const problem = items(input, lines)
  return problem === undefined ? Result.succeed(lines.join("\n")) : Result.fail(problem)
}

const roles: ReadonlyArray<unknown> = ["user", "system", "assistant", "developer"]

const items = (input: ReadonlyArray<unknown>, lines: Array<string>): string | undefined => {
  for (const [index, item] of input.entries()) {
    const problem = Predicate.isObject(item) ? readItem(item, lines) : "expected an object"
    if (problem !== undefined) return `item ${index}: ${problem}`
  }
  return undefined
}

const readItem = (item: JsonObject, lines: Array<string>): string | undefined => {
  const type = item["type"] ?? (item["role"] === undefined ? undefined : "message")
  switch (type) {
    case "message":
      return readMessage(item, lines)
    case "function_call":
      if (typeof item["call_id"] !== "string") return "a function_call needs a 'call_id'"
      if (typeof item["name"] !== "string") return "a function_call needs a 'name'"
      if (typeof item["arguments"] !== "string") return "the 'arguments' of a function_call must be a string"
      lines.push(`${item["name"]} ${item["arguments"]}`)
      return undefined
    case "function_call_output":
      if (typeof item["call_id"] !== "string") return "a function_call_output needs a 'call_id'"
      return readContent(item["output"], lines)
    case "reasoning":
      return Array.isArray(item["summary"]) ? readContent(item["summary"], lines) : "reasoning needs a 'summary' array"
    default:
      // The union of items is open: other types are accepted as they come.
      return typeof type === "string" ? undefined : "expected a 'role' or a 'type'"
  }
}

const readMessage = (item: JsonObject, lines: Array<string>): string | undefined => {
  if (!roles.includes(item["role"])) return "expected the role user, system, assistant or developer"
  const content = item["content"]
  if (content === null) return undefined
  if (typeof content !== "string" && !Array.isArray(content)) return "expected 'content' to be a string or parts"
  const answered = Array.isArray(content) &&
    content.some((part) => Predicate.isObject(part) && (part["type"] === "output_text" || part["type"] === "refusal"))
  if (answered && typeof item["id"] !== "string") return "a message with output parts needs its 'id'"
  return readContent(content, lines)
}

const readContent = (content: unknown, lines: Array<string>): string | undefined => {
  if (typeof content === "string") return push(lines, content)
  if (!Array.isArray(content)) return "expected a string or an array of parts"
  for (const part of content) {
    const problem = Predicate.isObject(part) ? readPart(part, lines) : "expected every part to be an object"
    if (problem !== undefined) return problem
  }
  return undefined
}

const readPart = (part: JsonObject, lines: Array<string>): string | undefined => {
  switch (part["type"]) {
    case "input_text":
    case "output_text":
    case "summary_text":
    case "reasoning_text":
      return typeof part["text"] === "string"
        ? push(lines, part["text"])
        : `a part of type ${part["type"]} needs 'text'`
    case "refusal":
      return typeof part["refusal"] === "string" ? push(lines, part["refusal"]) : "a refusal needs its text"
    case "input_image":
      return typeof part["detail"] === "string" ? undefined : "an input_image needs 'detail'"
    default:
      return typeof part["type"] === "string" ? undefined : "expected every part to have a 'type'"
  }
}

const push = (lines: Array<string>, text: unknown): undefined => {
  if (typeof text === "string" && text !== "") lines.push(text)
  return undefined
}
