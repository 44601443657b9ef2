/**
 * What the emulator accepts as a request to `POST /responses`, and what it says about the rest.
 *
 * The checks follow OpenRouter's documented limits, independently of the client's own schemas: a client that passes here
 * was not merely compared with itself.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { type JsonObject, read } from "./Prompt.ts"

/**
 * A function the model may call.
 *
 * @since 0.1.0
 */
export interface FunctionTool {
  readonly name: string
  readonly parameters: unknown
}

/**
 * The form the answer must have: plain text, any JSON object, or JSON that satisfies a schema.
 *
 * @since 0.1.0
 */
export type Format =
  | { readonly _tag: "Text" }
  | { readonly _tag: "JsonObject" }
  | { readonly _tag: "JsonSchema"; readonly schema: unknown }

/**
 * A request that passed the checks.
 *
 * - `models`: the model and its fallbacks, in the order in which they are tried.
 * - `text`: everything the model reads, instructions first.
 * - `functions`: the functions that may be called.
 * - `mustCall`: those of which one must be called; empty when text is wanted.
 * - `body`: the JSON as it arrived, for echoes and for predicates of rules.
 *
 * @since 0.1.0
 */
export interface Request {
  readonly models: ReadonlyArray<string>
  readonly text: string
  readonly format: Format
  readonly functions: ReadonlyArray<FunctionTool>
  readonly mustCall: ReadonlyArray<FunctionTool>
  readonly maxOutputTokens: number | undefined
  readonly reasons: boolean
  readonly stream: boolean
  readonly body: JsonObject
}

/**
 * Why a request was turned away: the offending field in wire spelling, and a sentence for a human.
 *
 * @since 0.1.0
 */
export interface Problem {
  readonly field: string | undefined
  readonly message: string
}

/**
 * Checks the JSON of a request.
 *
 * Only the first problem is reported, as the real server does.
 *
 * @since 0.1.0
 */
export const parse = (json: unknown): Result.Result<Request, Problem> => {
  if (!Predicate.isObject(json)) return fail(undefined, "The request body must be a JSON object.")
  for (const check of checks) {
    const message = check.accepts(json[check.field])
    if (message !== undefined) return fail(check.field, `Invalid '${check.field}': ${message}.`)
  }
  const models = candidates(json)
  if (models.length === 0) return fail("model", "The required parameter 'model' is missing or empty.")
  const input = read(json["instructions"], json["input"])
  if (Result.isFailure(input)) return fail("input", `Invalid 'input': ${input.failure}.`)
  const format = formatOf(json["text"])
  if (Result.isFailure(format)) return Result.fail(format.failure)
  const tools = functionsOf(json["tools"])
  if (Result.isFailure(tools)) return Result.fail(tools.failure)
  const mustCall = choiceOf(json["tool_choice"], tools.success)
  if (Result.isFailure(mustCall)) return Result.fail(mustCall.failure)
  return Result.succeed({
    models,
    text: input.success,
    format: format.success,
    functions: tools.success,
    mustCall: mustCall.success,
    maxOutputTokens: typeof json["max_output_tokens"] === "number" ? json["max_output_tokens"] : undefined,
    reasons: isReasoning(json["reasoning"]),
    stream: json["stream"] === true,
    body: json
  })
}

/**
 * True for a slug that names no model here: no author, or the author `unknown`.
 *
 * @since 0.1.0
 */
export const isUnknownModel = (model: string): boolean =>
  model.startsWith("unknown/") || !(/^~?[^/\s]+\/\S+$/.test(model) || model.startsWith("@preset/"))

const fail = (field: string | undefined, message: string): Result.Result<never, Problem> =>
  Result.fail({ field, message })

/** What is wrong with a value, or `undefined`. */
type Accepts = (value: unknown) => string | undefined

interface Check {
  readonly field: string
  readonly accepts: Accepts
}

const optional = (accepts: Accepts): Accepts => (value) => value === undefined ? undefined : accepts(value)

const nullable = (accepts: Accepts): Accepts => optional((value) => value === null ? undefined : accepts(value))

const numberFrom = (minimum: number, maximum: number): Accepts => (value) =>
  typeof value !== "number"
    ? `expected a number, got ${kind(value)}`
    : value < minimum || value > maximum
    ? `expected a number from ${minimum} to ${maximum}`
    : undefined

const integerFrom = (minimum: number, maximum = Number.MAX_SAFE_INTEGER): Accepts => (value) =>
  typeof value !== "number"
    ? `expected an integer, got ${kind(value)}`
    : !Number.isInteger(value) || value < minimum || value > maximum
    ? `expected an integer of at least ${minimum}${
      maximum === Number.MAX_SAFE_INTEGER ? "" : ` and at most ${maximum}`
    }`
    : undefined

const stringUpTo = (maximum: number): Accepts => (value) =>
  typeof value !== "string"
    ? `expected a string, got ${kind(value)}`
    : value.length > maximum
    ? `expected at most ${maximum} characters, got ${value.length}`
    : undefined

const boolean: Accepts = (value) => typeof value === "boolean" ? undefined : `expected a boolean, got ${kind(value)}`

const object: Accepts = (value) => Predicate.isObject(value) ? undefined : `expected an object, got ${kind(value)}`

const array: Accepts = (value) => Array.isArray(value) ? undefined : `expected an array, got ${kind(value)}`

const oneOf = (...values: ReadonlyArray<string>): Accepts => (value) =>
  typeof value === "string" && values.includes(value) ? undefined : `expected one of ${values.join(", ")}`

const kind = (value: unknown): string => value === null ? "null" : Array.isArray(value) ? "array" : typeof value

const metadata: Accepts = (value) => {
  if (!Predicate.isObject(value)) return `expected an object, got ${kind(value)}`
  const entries = Object.entries(value)
  if (entries.length > 16) return `expected at most 16 pairs, got ${entries.length}`
  for (const [key, text] of entries) {
    if (key.length > 64) return `the key '${key.slice(0, 16)}…' has more than 64 characters`
    if (/[[\]]/.test(key)) return `the key '${key}' contains brackets`
    if (typeof text !== "string") return `the value of '${key}' must be a string, got ${kind(text)}`
    if (text.length > 512) return `the value of '${key}' has more than 512 characters`
  }
  return undefined
}

const models: Accepts = (value) =>
  Array.isArray(value) && value.every((model) => typeof model === "string" && model !== "")
    ? undefined
    : "expected an array of model slugs"

const checks: ReadonlyArray<Check> = [
  {
    field: "model",
    accepts: nullable((value) => typeof value === "string" ? undefined : `expected a string, got ${kind(value)}`)
  },
  { field: "models", accepts: optional(models) },
  { field: "stream", accepts: optional(boolean) },
  { field: "temperature", accepts: nullable(numberFrom(0, 2)) },
  { field: "top_p", accepts: nullable(numberFrom(0, 1)) },
  { field: "top_k", accepts: optional(integerFrom(0)) },
  { field: "frequency_penalty", accepts: nullable(numberFrom(-2, 2)) },
  { field: "presence_penalty", accepts: nullable(numberFrom(-2, 2)) },
  { field: "top_logprobs", accepts: nullable(integerFrom(0, 20)) },
  { field: "max_output_tokens", accepts: nullable(integerFrom(1)) },
  { field: "max_tool_calls", accepts: nullable(integerFrom(0)) },
  {
    field: "instructions",
    accepts: nullable((value) =>
      typeof value === "string" || Array.isArray(value) ? undefined : `expected a string, got ${kind(value)}`
    )
  },
  { field: "metadata", accepts: nullable(metadata) },
  { field: "user", accepts: optional(stringUpTo(256)) },
  { field: "session_id", accepts: optional(stringUpTo(256)) },
  { field: "safety_identifier", accepts: nullable(stringUpTo(Infinity)) },
  { field: "prompt_cache_key", accepts: nullable(stringUpTo(Infinity)) },
  { field: "parallel_tool_calls", accepts: nullable(boolean) },
  { field: "background", accepts: nullable(boolean) },
  { field: "service_tier", accepts: nullable(oneOf("auto", "default", "fast", "flex", "priority", "scale")) },
  { field: "truncation", accepts: nullable(oneOf("auto", "disabled")) },
  { field: "reasoning", accepts: nullable(object) },
  { field: "provider", accepts: nullable(object) },
  { field: "plugins", accepts: optional(array) },
  { field: "include", accepts: nullable(array) },
  { field: "modalities", accepts: optional(array) },
  { field: "text", accepts: optional(object) },
  { field: "tools", accepts: optional(array) },
  {
    field: "store",
    accepts: (value) =>
      value === undefined || value === false ? undefined : "answers are not stored, only false is allowed"
  },
  {
    field: "previous_response_id",
    accepts: (value) =>
      value === undefined || value === null ? undefined : "the API is stateless, send the whole conversation as 'input'"
  }
]

const candidates = (body: JsonObject): ReadonlyArray<string> => {
  const first = body["model"]
  const others = Array.isArray(body["models"]) ? body["models"].filter(Predicate.isString) : []
  const all = typeof first === "string" && first !== "" ? [first, ...others] : first === "" ? [] : others
  return all.filter((model, index) => all.indexOf(model) === index)
}

const isReasoning = (value: unknown): boolean => {
  if (!Predicate.isObject(value)) return false
  const { effort, enabled, max_tokens } = value
  if (effort === "none" || enabled === false) return false
  return typeof effort === "string" || enabled === true || typeof max_tokens === "number"
}

const formatOf = (text: unknown): Result.Result<Format, Problem> => {
  const format = Predicate.isObject(text) ? text["format"] : undefined
  if (format === undefined || format === null) return Result.succeed({ _tag: "Text" })
  if (!Predicate.isObject(format)) return fail("text.format", "Invalid 'text.format': expected an object.")
  switch (format["type"]) {
    case "text":
      return Result.succeed({ _tag: "Text" })
    case "json_object":
      return Result.succeed({ _tag: "JsonObject" })
    case "json_schema": {
      if (typeof format["name"] !== "string" || format["name"] === "") {
        return fail("text.format.name", "The required parameter 'text.format.name' is missing or empty.")
      }
      if (!Predicate.isObject(format["schema"])) {
        return fail("text.format.schema", "The required parameter 'text.format.schema' must be an object.")
      }
      return Result.succeed({ _tag: "JsonSchema", schema: format["schema"] })
    }
    default:
      return fail("text.format.type", "Invalid 'text.format.type': expected one of text, json_object, json_schema.")
  }
}

const functionsOf = (tools: unknown): Result.Result<ReadonlyArray<FunctionTool>, Problem> => {
  const functions: Array<FunctionTool> = []
  for (const [index, tool] of (Array.isArray(tools) ? tools : []).entries()) {
    const field = `tools[${index}]`
    if (!Predicate.isObject(tool) || typeof tool["type"] !== "string") {
      return fail(field, `Invalid '${field}': expected an object with a 'type'.`)
    }
    if (tool["type"] !== "function") continue
    const { name, parameters } = tool
    if (typeof name !== "string" || name === "") {
      return fail(`${field}.name`, `The required parameter '${field}.name' is missing or empty.`)
    }
    if (parameters !== null && !Predicate.isObject(parameters)) {
      return fail(`${field}.parameters`, `The required parameter '${field}.parameters' must be an object or null.`)
    }
    functions.push({ name, parameters })
  }
  return Result.succeed(functions)
}

const choiceOf = (
  choice: unknown,
  functions: ReadonlyArray<FunctionTool>
): Result.Result<ReadonlyArray<FunctionTool>, Problem> => {
  if (choice === undefined || choice === null || choice === "auto" || choice === "none") return Result.succeed([])
  if (choice === "required") {
    return functions.length > 0
      ? Result.succeed(functions)
      : fail("tool_choice", "Invalid 'tool_choice': 'required' needs at least one function in 'tools'.")
  }
  if (!Predicate.isObject(choice) || typeof choice["type"] !== "string") {
    return fail("tool_choice", "Invalid 'tool_choice': expected auto, none, required or an object with a 'type'.")
  }
  if (choice["type"] === "function") {
    const named = functions.filter((tool) => tool.name === choice["name"])
    return named.length > 0
      ? Result.succeed(named)
      : fail("tool_choice", "Invalid 'tool_choice': no function of that name is in 'tools'.")
  }
  if (choice["type"] === "allowed_tools" && choice["mode"] === "required") {
    const allowed = Array.isArray(choice["tools"]) ? choice["tools"].filter(Predicate.isObject) : []
    return Result.succeed(functions.filter((tool) => allowed.some((other) => other["name"] === tool.name)))
  }
  return Result.succeed([])
}
