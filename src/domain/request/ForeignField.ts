/**
 * What people write who come from other APIs (Chat Completions, Messages, Gemini, the AI SDK), and what to write here.
 *
 * It is asked only about requests that cannot be sent. A name may be in camelCase or in snake_case.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Wire from "../wire/Wire.ts"
import * as ForeignPart from "./ForeignPart.ts"
import type { Hint } from "./ForeignPart.ts"

const unavailable = "is not available: the Responses API has no such setting"

const history = "is not available: OpenRouter stores no responses; send the history in `input`"

/** By names in snake_case; names of fields are in backticks, so that they can be given as JSON has them. */
const fields: ReadonlyMap<string, string> = new Map(Object.entries({
  messages: "use `input`: a text, or a list of messages and items",
  contents: "use `input`: a text, or a list of messages and items",
  ...named("system system_prompt system_message system_instruction", "use `instructions`"),
  ...named(
    "max_tokens max_completion_tokens max_new_tokens max_tokens_to_sample max_response_tokens",
    "use `maxOutputTokens`"
  ),
  ...named(
    "stop stop_sequences stop_sequence",
    "is not available: the Responses API has no stop sequences"
  ),
  ...named(
    "response_format response_schema response_mime_type response_json_schema output_config json_schema",
    "use `text.format`, or OpenRouter.respondObject, which asks for the shape of a schema"
  ),
  schema: "use OpenRouter.respondObject, which asks for the shape of a schema",
  ...named("reasoning_effort effort", "use `reasoning.effort`"),
  ...named("thinking thinking_config thinking_budget", "use `reasoning`, such as { `maxTokens`: 2000 }"),
  include_reasoning: "use `reasoning.enabled`",
  verbosity: "use `text.verbosity`",
  extra_body: "write its fields beside the others: those of OpenRouter are fields of a request here",
  ...named("headers extra_headers", "use OpenRouter.withHeaders around the call"),
  ...named(
    "provider_options",
    "use `provider` for the routing; what else it holds are fields of the request"
  ),
  ...named("generation_config options", "write its fields in the request itself"),
  transforms: "use `plugins`, with { id: \"context-compression\" } for middle-out",
  ...named("usage stream_options", "leave it out: every answer has its usage and its cost"),
  logprobs: "use `topLogprobs`",
  ...named("web_search_options web_search", "use `tools`, with Tool.webSearch()"),
  functions: "use `tools`, each made by Tool.make",
  ...named("function_call tool_config", "use `toolChoice`"),
  disable_parallel_tool_use: "use `parallelToolCalls`",
  ...named("max_steps stop_when", "use `maxToolCalls` or `stopServerToolsWhen`, for tools that OpenRouter runs"),
  ...named("fallbacks fallback_models", "use `models`"),
  ...named(
    "n seed logit_bias min_p top_a repetition_penalty best_of candidate_count prediction suffix echo safety_settings",
    unavailable
  ),
  ...named("timeout", "use Deadlines.with around the call"),
  ...named("max_retries retries", "use RetryPolicy.with around the call"),
  ...named("signal abort_signal", "leave it out: interrupting the fiber ends the call"),
  ...named("api_key base_url api_url", "is an option of the layer: OpenRouter.layer({ apiKey, apiUrl })"),
  stream: "leave it out: OpenRouter.stream and its siblings ask for a stream",
  store: history,
  previous_response_id: history,
  conversation: history,
  background: "is not available: OpenRouter has no way to fetch the answer later",
  route: "use `provider.sort.partition`, which replaced it",
  preset: "use `model`, as @preset/slug"
}))

function named(names: string, remedy: string): { readonly [name: string]: string } {
  return Object.fromEntries(names.split(" ").map((name) => [name, remedy]))
}

/**
 * What to write in the place of a field that a request does not have; `undefined` if nothing is known of it. `spelling` says
 * how the fields of a request are called there.
 *
 * @since 0.1.0
 */
export const remedy = (name: string, spelling: (camelCase: string) => string): string | undefined =>
  fields.get(Wire.snakeCase(name))?.replace(/`([^`]+)`/g, (_, field: string) => spelling(field))

const asWritten = (name: string): string => name

/** Fields that other APIs have under the same name, with another shape. */
const shapes: { readonly [field: string]: (value: unknown, request: Wire.JsonObject) => Hint | undefined } = {
  model: (model) => Array.isArray(model) ? hint("is one model; use models for its fallbacks") : undefined,
  models: (models) => Predicate.isString(models) ? hint("is a list of fallbacks; use model for one model") : undefined,
  input: (input) =>
    Array.isArray(input)
      ? ForeignPart.first(input, ForeignPart.ofItem)
      : Wire.isJsonObject(input)
      ? hint("must be a text or a list: write [Input.user(\"…\")] or [item]")
      : undefined,
  prompt: (prompt) =>
    Predicate.isString(prompt) || Array.isArray(prompt)
      ? hint("use input; a prompt is a stored template, { id, variables }")
      : undefined,
  instructions: (instructions) =>
    Array.isArray(instructions) ? hint("is a text; messages belong into input") : undefined,
  text: (text) => {
    if (Predicate.isString(text)) return hint("use input; text is the format of the answer")
    const format = Wire.isJsonObject(text) ? text["format"] : undefined
    if (Wire.isJsonObject(format) && ("json_schema" in format || "jsonSchema" in format)) {
      const key = "json_schema" in format ? "json_schema" : "jsonSchema"
      return { path: ["format", key], problem: "write its name and schema beside type: there is no object between" }
    }
    return Predicate.isString(format)
      ? { path: ["format"], problem: "is an object, such as { type: \"json_object\" }" }
      : undefined
  },
  reasoning: (reasoning) => {
    if (Predicate.isString(reasoning)) return hint("is an object, such as { effort: \"high\" }")
    if (Predicate.isBoolean(reasoning)) return hint("is an object, such as { enabled: true }")
    return Wire.isJsonObject(reasoning) ? ForeignPart.key(reasoning, reasoningFields) : undefined
  },
  provider: (provider) =>
    Predicate.isString(provider) || Array.isArray(provider)
      ? hint("is an object, such as { only: [\"openai\"] }")
      : undefined,
  plugins: (plugins) =>
    Array.isArray(plugins)
      ? ForeignPart.first(plugins, (plugin) =>
        Predicate.isString(plugin) ? hint("is an object, such as { id: \"web\" }") : undefined)
      : undefined,
  tools: (tools) =>
    Array.isArray(tools)
      ? ForeignPart.first(tools, ForeignPart.ofTool)
      : Wire.isJsonObject(tools)
      ? hint("must be a list: make each tool by Tool.make({ name, description, parameters })")
      : undefined,
  toolChoice: (choice, { tools }) => ForeignPart.ofToolChoice(choice, tools)
}

const reasoningFields = new Map([
  ["exclude", "is not available: leave the reasoning out where you show the answer"],
  ["type", "use enabled: true"],
  ["budget_tokens", "use maxTokens"],
  ["thinking_budget", "use maxTokens"],
  ["generate_summary", "use summary"]
])

const hint = (problem: string): Hint => ({ path: [], problem })

/**
 * The first thing in a request that belongs to another API, and what to write instead; `undefined` if there is none.
 *
 * @since 0.1.0
 */
export const find = (request: unknown): Hint | undefined => {
  if (!Wire.isJsonObject(request)) return undefined
  for (const name of Object.keys(request)) {
    const problem = request[name] === undefined ? undefined : remedy(name, asWritten)
    if (problem !== undefined) return { path: [name], problem }
  }
  for (const [name, look] of Object.entries(shapes)) {
    const found = look(request[name], request)
    if (found !== undefined) return { path: [name, ...found.path], problem: found.problem }
  }
  return undefined
}
