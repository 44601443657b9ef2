/**
 * What people write inside of a request who come from other APIs: in items, in their parts, and in tools.
 *
 * Values that were decoded, or are said to be unknown, are none of theirs and are passed over.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Wire from "../wire/Wire.ts"

/**
 * Where something belongs to another API, and what to write instead.
 *
 * @since 0.1.0
 */
export interface Hint {
  readonly path: ReadonlyArray<PropertyKey>
  readonly problem: string
}

/** By key or type in snake_case. */
type Table = ReadonlyMap<string, string>

/**
 * The first hint about a member of a list.
 *
 * @since 0.1.0
 */
export const first = (
  members: ReadonlyArray<unknown>,
  look: (member: unknown) => Hint | undefined
): Hint | undefined => {
  for (const [index, member] of members.entries()) {
    if (Wire.raw(member) !== undefined || Wire.isUnknown(member)) continue
    const found = look(member)
    if (found !== undefined) return { path: [index, ...found.path], problem: found.problem }
  }
  return undefined
}

/**
 * The first hint about a key of an object.
 *
 * @since 0.1.0
 */
export const key = (value: Wire.JsonObject, table: Table): Hint | undefined => {
  for (const name of Object.keys(value)) {
    const problem = value[name] === undefined ? undefined : table.get(Wire.snakeCase(name))
    if (problem !== undefined) return { path: [name], problem }
  }
  return undefined
}

const ofType = (value: Wire.JsonObject, table: Table): Hint | undefined => {
  const { type } = value
  const problem = Predicate.isString(type) ? table.get(type.replaceAll("-", "_")) : undefined
  return problem === undefined ? undefined : { path: ["type"], problem }
}

const hint = (problem: string): Hint => ({ path: [], problem })

const useCall =
  "write the call as an item of the input: { type: \"function_call\", callId, name, arguments }, or send response.output"

const useResult = "use Input.functionCallOutput(call, text): the result of a call is an item of the input"

const useOutput = "send the items of response.output, which hold the reasoning"

const useImage = "use Input.image(url) or Input.imageBytes(bytes, mediaType): the type is input_image"

const useFile = "use Input.file(url) or Input.fileBytes(bytes, mediaType): the type is input_file"

const useVideo = "use Input.video(url) or Input.videoBytes(bytes, mediaType): the type is input_video"

const useAudio = "use Input.audio(data, format) or Input.audioBytes(bytes, format): the type is input_audio"

const calls: ReadonlyArray<readonly [type: string, problem: string]> = [
  ["tool_use", useCall],
  ["tool_call", useCall],
  ["function", useCall],
  ["tool_result", useResult],
  ["function_response", useResult],
  ["thinking", useOutput],
  ["redacted_thinking", useOutput]
]

const partTypes: Table = new Map([
  ["text", "use Input.text(text): the type is input_text"],
  ["image_url", useImage],
  ["image", useImage],
  ["file", useFile],
  ["document", useFile],
  ["file_url", useFile],
  ["video_url", useVideo],
  ["video", useVideo],
  ["audio", useAudio],
  ["audio_url", useAudio],
  ...calls
])

const partKeys: Table = new Map([
  ["cache_control", "use promptCacheBreakpoint: { mode: \"explicit\" } in a text, or cacheControl of the request"],
  ["source", "use Input.image or Input.file for a URL, Input.imageBytes or Input.fileBytes for bytes"],
  ["inline_data", "use Input.imageBytes or Input.fileBytes"],
  ["file", "write filename, fileData or fileUrl beside type, or use Input.file or Input.fileBytes"],
  ["function_call", useCall],
  ["function_response", useResult]
])

/** One part of the content of a message. */
const ofPart = (part: unknown): Hint | undefined => {
  if (Predicate.isString(part)) return hint("is no part: use Input.text(text)")
  if (!Wire.isJsonObject(part)) return undefined
  const found = ofType(part, partTypes) ?? key(part, partKeys)
  if (found !== undefined) return found
  if (part["type"] === undefined && Predicate.isString(part["text"])) {
    return hint("use Input.text(text), which has a type")
  }
  for (const name of ["imageUrl", "image_url", "videoUrl", "video_url"]) {
    if (Wire.isJsonObject(part[name])) {
      return { path: [name], problem: "is the URL itself, as text; detail stands beside it" }
    }
  }
  return undefined
}

const itemTypes: Table = new Map(calls)

/** Types of parts that need a message around them. */
const bareParts = new Set([
  ...partTypes.keys(),
  "input_text",
  "input_image",
  "input_file",
  "input_audio",
  "input_video"
])

const messageKeys: Table = new Map([
  ["tool_calls", useCall],
  ["function_call", useCall],
  ["tool_call_id", useResult],
  ["parts", "use content: a text, or a list of parts"],
  ["text", "use content: a text, or a list of parts"],
  ["name", "is not available: a message has no name; say in its text who speaks"],
  ["reasoning", useOutput],
  ["reasoning_content", useOutput],
  ["reasoning_details", useOutput],
  ["thinking", useOutput],
  ["refusal", "write it as the content, or send the item of response.output"],
  ["cache_control", "use cacheControl of the request, or promptCacheBreakpoint in a text part"]
])

const callKeys: Table = new Map([
  ["input", "use arguments: JSON text"],
  ["args", "use arguments: JSON text"],
  ["parameters", "use arguments: JSON text"],
  ["tool_name", "use name"],
  ["tool_call_id", "use callId"]
])

const resultKeys: Table = new Map([
  ["content", "use output: a text, or a list of parts"],
  ["result", "use output: a text, or a list of parts"],
  ["tool_use_id", "use callId"],
  ["tool_call_id", "use callId"],
  ["name", "is not available: callId says which call it answers"]
])

/**
 * One item of the input.
 *
 * @since 0.1.0
 */
export const ofItem = (item: unknown): Hint | undefined => {
  if (Predicate.isString(item)) return hint("is no item: use Input.user(text)")
  if (!Wire.isJsonObject(item)) return undefined
  const { content, role, type } = item
  if (role === undefined) {
    const found = ofType(item, itemTypes)
    if (found !== undefined) return found
    if (Predicate.isString(type) && bareParts.has(type)) {
      return hint("is a part of a message: put it into one, as Input.user([part])")
    }
  }
  if (type === "function_call") {
    return key(item, callKeys) ?? (Wire.isJsonObject(item["arguments"])
      ? { path: ["arguments"], problem: "must be JSON text: JSON.stringify makes it" }
      : undefined)
  }
  if (type === "function_call_output") {
    return key(item, resultKeys) ?? (Wire.isJsonObject(item["output"])
      ? { path: ["output"], problem: "must be a text or a list of parts: JSON.stringify makes JSON text" }
      : undefined)
  }
  if (role === undefined || type !== undefined && type !== "message") return undefined
  const found = key(item, messageKeys)
  if (found !== undefined) return found
  const inside = Array.isArray(content) ? first(content, ofPart) : undefined
  return inside === undefined ? undefined : { path: ["content", ...inside.path], problem: inside.problem }
}

const run = "leave it out: the model only asks for a call; run it yourself and send Input.functionCallOutput"

const toolKeys: Table = new Map([
  ["function", "write its name, description and parameters beside type, as Tool.make does: there is no object between"],
  ["input_schema", "use parameters"],
  ["json_schema", "use parameters"],
  ["args_schema", "use parameters"],
  ["schema", "use parameters"],
  ["function_declarations", "make each of them by Tool.make: a tool is one function"],
  ["google_search", "use Tool.webSearch()"],
  ["google_search_retrieval", "use Tool.webSearch()"],
  ["url_context", "use Tool.webFetch()"],
  ["cache_control", "use cacheControl of the request"],
  ["execute", run],
  ["handler", run],
  ["invoke", run],
  ["func", run]
])

const toolTypes: ReadonlyArray<readonly [type: RegExp, problem: string]> = [
  [/^web_search_20250305$|^browser_search$|^google_search$/, "use Tool.webSearch()"],
  [/^web_fetch/, "use Tool.webFetch()"],
  [/^retrieval$/, "use file_search"],
  [/^code_execution/, "use code_interpreter"],
  [/^bash_\d/, "use openrouter:bash"],
  [/^tool$/, "use function, or Tool.make"]
]

/**
 * One tool.
 *
 * @since 0.1.0
 */
export const ofTool = (tool: unknown): Hint | undefined => {
  if (!Wire.isJsonObject(tool)) return Predicate.isString(tool) ? hint("is no tool: use Tool.make") : undefined
  const { name, parameters, type } = tool
  const found = key(tool, toolKeys)
  if (found !== undefined) return found
  if (type === undefined && name !== undefined) return hint("needs a type: use Tool.make, which adds it")
  const problem = toolTypes.find(([pattern]) => Predicate.isString(type) && pattern.test(type))?.[1]
  if (problem !== undefined) return { path: ["type"], problem }
  const isSchema = Predicate.isFunction(parameters) || Wire.isJsonObject(parameters) && "~standard" in parameters
  return type === "function" && isSchema
    ? { path: ["parameters"], problem: "must be JSON Schema: Schema.toJsonSchemaDocument makes it from a schema" }
    : undefined
}

const toolName = (tool: unknown): unknown => Wire.isJsonObject(tool) ? tool["name"] : undefined

/**
 * The choice of a tool, in a request with these tools.
 *
 * @since 0.1.0
 */
export const ofToolChoice = (choice: unknown, tools: unknown): Hint | undefined => {
  if (Predicate.isString(choice)) {
    if (["auto", "none", "required"].includes(choice)) return undefined
    if (choice === "any") return hint("use \"required\"")
    const isName = Array.isArray(tools) && tools.some((tool) => toolName(tool) === choice)
    return hint(
      `use Tool.choose(${isName ? JSON.stringify(choice) : "name"}) for one tool; a text is auto, none or required`
    )
  }
  if (!Wire.isJsonObject(choice) || Wire.raw(choice) !== undefined) return undefined
  const { type } = choice
  if ("function" in choice) return { path: ["function"], problem: "use Tool.choose(name): there is no object between" }
  if (type === "auto" || type === "none") return hint(`use ${JSON.stringify(type)}`)
  if (type === "any" || type === "required") return hint("use \"required\"")
  return type === "tool" ? hint("use Tool.choose(name)") : undefined
}
