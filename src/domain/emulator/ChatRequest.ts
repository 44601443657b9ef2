/**
 * What the emulator accepts as a request to `POST /chat/completions`: brought into the spelling of `POST /responses`, and then
 * read like one of those, so that both endpoints have one picture of a call.
 *
 * Problems are told in the spelling of chat. Fields that change nothing here, such as `stop`, `seed` or `stream_options`, are
 * left alone.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type { JsonObject } from "./Prompt.ts"
import * as Request from "./Request.ts"

type Checked<A> = Result.Result<A, Request.Problem>

const problem = (field: string, message: string): Checked<never> =>
  Result.fail({ field, message: `Invalid '${field}': ${message}.` })

/**
 * Checks the JSON of a request.
 *
 * @since 0.1.0
 */
export const parse = (json: unknown): Checked<Request.Request> => {
  if (!Predicate.isObject(json)) return Request.parse(json)
  const input = inputOf(json["messages"])
  if (Result.isFailure(input)) return Result.fail(input.failure)
  const text = textOf(json["response_format"])
  if (Result.isFailure(text)) return Result.fail(text.failure)
  const tools = toolsOf(json["tools"])
  if (Result.isFailure(tools)) return Result.fail(tools.failure)
  const limit = limits.find((name) => json[name] !== undefined && json[name] !== null) ?? "max_tokens"
  const parsed = Request.parse({
    ...json,
    input: input.success,
    text: text.success,
    tools: tools.success,
    tool_choice: choiceOf(json["tool_choice"]),
    max_output_tokens: json[limit],
    reasoning: json["reasoning"] ?? effortOf(json["reasoning_effort"]),
    // A chat may be kept by its provider, which is nothing to this server.
    store: undefined
  })
  return Result.mapError(parsed, (problem) => inSpelling(problem, limit))
}

const limits = ["max_completion_tokens", "max_tokens"]

/** The names that differ between the endpoints, in what is said of a request. */
const inSpelling = ({ field, message }: Request.Problem, limit: string): Request.Problem => {
  const spelt = (text: string) => text.replaceAll("max_output_tokens", limit).replaceAll("'input'", "'messages'")
  return { field: field === undefined ? undefined : spelt(field), message: spelt(message) }
}

const effortOf = (effort: unknown): unknown => effort === undefined || effort === null ? undefined : { effort }

const inputOf = (messages: unknown): Checked<ReadonlyArray<JsonObject>> => {
  if (messages === undefined) {
    return Result.fail({ field: "messages", message: "The required parameter 'messages' is missing." })
  }
  if (!Array.isArray(messages)) return problem("messages", "expected an array of messages")
  if (messages.length === 0) return problem("messages", "expected at least one message")
  const items: Array<JsonObject> = []
  for (const [index, message] of messages.entries()) {
    const field = `messages[${index}]`
    const read = Predicate.isObject(message) ? ofMessage(message, field) : problem(field, "expected an object")
    if (Result.isFailure(read)) return Result.fail(read.failure)
    items.push(...read.success)
  }
  return Result.succeed(items)
}

const ofMessage = (message: JsonObject, field: string): Checked<ReadonlyArray<JsonObject>> => {
  const { role } = message
  const content = contentOf(message["content"], `${field}.content`)
  if (Result.isFailure(content)) return Result.fail(content.failure)
  switch (role) {
    case "system":
    case "developer":
    case "user":
      return content.success === undefined
        ? problem(`${field}.content`, "expected a string or an array of parts")
        : Result.succeed([{ type: "message", role, content: content.success }])
    case "assistant": {
      const calls = callsOf(message["tool_calls"], `${field}.tool_calls`)
      return Result.map(calls, (calls) => {
        const text = plain(content.success)
        return text === "" ? calls : [{ type: "message", role, content: text }, ...calls]
      })
    }
    case "tool": {
      const id = message["tool_call_id"]
      return typeof id === "string"
        ? Result.succeed([{ type: "function_call_output", call_id: id, output: plain(content.success) }])
        : problem(`${field}.tool_call_id`, "a message of a tool needs the id of its call")
    }
    default:
      return problem(`${field}.role`, "expected one of system, developer, user, assistant, tool")
  }
}

type Content = string | ReadonlyArray<JsonObject> | undefined

const contentOf = (content: unknown, field: string): Checked<Content> => {
  if (content === undefined || content === null) return Result.succeed(undefined)
  if (typeof content === "string") return Result.succeed(content)
  if (!Array.isArray(content)) return problem(field, "expected a string or an array of parts")
  const parts: Array<JsonObject> = []
  for (const [index, part] of content.entries()) {
    const place = `${field}[${index}]`
    if (!Predicate.isObject(part) || typeof part["type"] !== "string") {
      return problem(place, "expected an object with a 'type'")
    }
    const read = ofPart(part, place)
    if (Result.isFailure(read)) return Result.fail(read.failure)
    parts.push(read.success)
  }
  return Result.succeed(parts)
}

const ofPart = (part: JsonObject, field: string): Checked<JsonObject> => {
  switch (part["type"]) {
    case "text":
      return typeof part["text"] === "string"
        ? Result.succeed({ type: "input_text", text: part["text"] })
        : problem(`${field}.text`, "expected a string")
    case "image_url": {
      const image = part["image_url"]
      return Predicate.isObject(image) && typeof image["url"] === "string"
        ? Result.succeed({ type: "input_image", image_url: image["url"], detail: "auto" })
        : problem(`${field}.image_url.url`, "expected a string")
    }
    default:
      // As in input items, the union of parts is open.
      return Result.succeed(part)
  }
}

/** The text of a content, which is all that a model's own messages and the results of tools have. */
const plain = (content: Content): string =>
  typeof content === "string"
    ? content
    : (content ?? []).map(({ text }) => typeof text === "string" ? text : "").join("")

const callsOf = (calls: unknown, field: string): Checked<ReadonlyArray<JsonObject>> => {
  if (calls === undefined || calls === null) return Result.succeed([])
  if (!Array.isArray(calls)) return problem(field, "expected an array of calls")
  const items: Array<JsonObject> = []
  for (const [index, call] of calls.entries()) {
    const asked = Predicate.isObject(call) ? call["function"] : undefined
    if (!Predicate.isObject(call) || typeof call["id"] !== "string" || !Predicate.isObject(asked)) {
      return problem(`${field}[${index}]`, "expected an object with 'id' and 'function'")
    }
    const { arguments: args, name } = asked
    if (typeof name !== "string" || typeof args !== "string") {
      return problem(`${field}[${index}].function`, "expected 'name' and 'arguments' to be strings")
    }
    items.push({ type: "function_call", call_id: call["id"], name, arguments: args })
  }
  return Result.succeed(items)
}

const textOf = (format: unknown): Checked<JsonObject | undefined> => {
  if (format === undefined || format === null) return Result.succeed(undefined)
  const type = Predicate.isObject(format) ? format["type"] : undefined
  if (!Predicate.isObject(format) || (type !== "text" && type !== "json_object" && type !== "json_schema")) {
    return problem("response_format.type", "expected one of text, json_object, json_schema")
  }
  if (type !== "json_schema") return Result.succeed({ format: { type } })
  const asked = format["json_schema"]
  if (!Predicate.isObject(asked)) return problem("response_format.json_schema", "expected an object")
  if (typeof asked["name"] !== "string" || asked["name"] === "") {
    return problem("response_format.json_schema.name", "expected a name")
  }
  return Predicate.isObject(asked["schema"])
    ? Result.succeed({ format: { ...asked, type } })
    : problem("response_format.json_schema.schema", "expected an object")
}

const toolsOf = (tools: unknown): Checked<unknown> => {
  if (!Array.isArray(tools)) return Result.succeed(tools ?? undefined)
  const read: Array<unknown> = []
  for (const [index, tool] of tools.entries()) {
    if (!Predicate.isObject(tool) || tool["type"] !== "function") {
      read.push(tool)
      continue
    }
    const asked = tool["function"]
    const field = `tools[${index}].function`
    if (!Predicate.isObject(asked)) return problem(field, "expected an object")
    if (typeof asked["name"] !== "string" || asked["name"] === "") return problem(`${field}.name`, "expected a name")
    const parameters = asked["parameters"] ?? null
    if (parameters !== null && !Predicate.isObject(parameters)) {
      return problem(`${field}.parameters`, "expected an object")
    }
    read.push({ ...asked, type: "function", parameters })
  }
  return Result.succeed(read)
}

const choiceOf = (choice: unknown): unknown => {
  const asked = Predicate.isObject(choice) ? choice["function"] : undefined
  return Predicate.isObject(asked) ? { type: "function", name: asked["name"] } : choice ?? undefined
}
