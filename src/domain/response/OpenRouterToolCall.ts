/**
 * Calls of OpenRouter's own server tools (`openrouter:*`): OpenRouter runs them while the model answers.
 *
 * Fields appear as the call proceeds, so an item in progress may have a `status` only. Send the items back unchanged.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Wire from "../wire/Wire.ts"
import { Advisor, FailableStatus, Fusion, Subagent } from "./ModelToolCall.ts"
import { ItemStatus } from "./OpenAiToolCall.ts"
import { PatchOperation, ShellAction, ShellOutput } from "./WorkspaceCall.ts"

const optional = Schema.optionalKey

/**
 * The time that the model was told.
 *
 * @since 0.1.0
 */
export const Datetime = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:datetime"),
  id: optional(Schema.String),
  status: optional(ItemStatus),
  /** ISO 8601. */
  datetime: optional(Schema.String),
  /** IANA name. */
  timezone: optional(Schema.String)
}))

/**
 * @since 0.1.0
 */
export interface Datetime extends Schema.Schema.Type<typeof Datetime> {}

const SearchAction = Wire.LazyStruct(() => ({
  type: Schema.tag("search"),
  query: optional(Schema.String),
  /** Those with a URL. */
  sources: optional(Schema.Array(Wire.Struct({ type: Schema.tag("url"), url: Schema.String })))
}))

/**
 * A web search that OpenRouter ran.
 *
 * @since 0.1.0
 */
export const WebSearch = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:web_search"),
  id: optional(Schema.String),
  status: optional(ItemStatus),
  action: optional(SearchAction)
}))

/**
 * @since 0.1.0
 */
export interface WebSearch extends Schema.Schema.Type<typeof WebSearch> {}

/**
 * A web page or PDF that OpenRouter fetched. `error` says why it could not.
 *
 * @since 0.1.0
 */
export const WebFetch = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:web_fetch"),
  id: optional(Schema.String),
  status: optional(ItemStatus),
  url: optional(Schema.String),
  title: optional(Schema.String),
  content: optional(Schema.String),
  httpStatus: optional(Schema.Int),
  error: optional(Schema.String)
}), { httpStatus: "httpStatus" })

/**
 * @since 0.1.0
 */
export interface WebFetch extends Schema.Schema.Type<typeof WebFetch> {}

/**
 * A search in vector stores that OpenRouter ran.
 *
 * @since 0.1.0
 */
export const FileSearch = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:file_search"),
  id: optional(Schema.String),
  status: optional(ItemStatus),
  queries: optional(Schema.Array(Schema.String))
}))

/**
 * @since 0.1.0
 */
export interface FileSearch extends Schema.Schema.Type<typeof FileSearch> {}

/**
 * Code that OpenRouter ran.
 *
 * @since 0.1.0
 */
export const CodeInterpreter = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:code_interpreter"),
  id: optional(Schema.String),
  status: optional(ItemStatus),
  language: optional(Schema.String),
  code: optional(Schema.String),
  stdout: optional(Schema.String),
  stderr: optional(Schema.String),
  exitCode: optional(Schema.Int)
}), { exitCode: "exitCode" })

/**
 * @since 0.1.0
 */
export interface CodeInterpreter extends Schema.Schema.Type<typeof CodeInterpreter> {}

/**
 * An image that OpenRouter had made. `result` is base64 or a URL.
 *
 * @since 0.1.0
 */
export const ImageGeneration = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:image_generation"),
  id: optional(Schema.String),
  status: optional(ItemStatus),
  prompt: optional(Schema.String),
  revisedPrompt: optional(Schema.String),
  result: optional(Schema.String),
  imageUrl: optional(Schema.String),
  imageB64: optional(Schema.String)
}), { imageB64: "imageB64", imageUrl: "imageUrl", revisedPrompt: "revisedPrompt" })

/**
 * @since 0.1.0
 */
export interface ImageGeneration extends Schema.Schema.Type<typeof ImageGeneration> {}

/**
 * A step in a browser that OpenRouter runs.
 *
 * @since 0.1.0
 */
export const BrowserUse = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:browser_use"),
  id: optional(Schema.String),
  status: optional(ItemStatus),
  action: optional(Schema.String),
  screenshotB64: optional(Schema.String)
}), { screenshotB64: "screenshotB64" })

/**
 * @since 0.1.0
 */
export interface BrowserUse extends Schema.Schema.Type<typeof BrowserUse> {}

/**
 * A command in OpenRouter's sandbox.
 *
 * @since 0.1.0
 */
export const Bash = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:bash"),
  id: optional(Schema.String),
  status: optional(ItemStatus),
  callId: optional(Schema.String),
  /** What the model wrote, as JSON text. */
  arguments: optional(Wire.JsonText),
  command: optional(Schema.String),
  stdout: optional(Schema.String),
  stderr: optional(Schema.String),
  exitCode: optional(Schema.Int)
}), { exitCode: "exitCode" })

/**
 * @since 0.1.0
 */
export interface Bash extends Schema.Schema.Type<typeof Bash> {}

/**
 * Commands in OpenRouter's sandbox.
 *
 * @since 0.1.0
 */
export const Shell = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:shell"),
  id: optional(Schema.String),
  status: optional(ItemStatus),
  callId: optional(Schema.String),
  /** What the model wrote, as JSON text. */
  arguments: optional(Wire.JsonText),
  action: optional(ShellAction),
  output: optional(Schema.Array(ShellOutput))
}))

/**
 * @since 0.1.0
 */
export interface Shell extends Schema.Schema.Type<typeof Shell> {}

/**
 * A step in a file editor.
 *
 * @since 0.1.0
 */
export const TextEditor = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:text_editor"),
  id: optional(Schema.String),
  status: optional(ItemStatus),
  command: optional(Wire.OpenLiterals(["view", "create", "str_replace", "insert"])),
  filePath: optional(Schema.String)
}), { filePath: "filePath" })

/**
 * @since 0.1.0
 */
export interface TextEditor extends Schema.Schema.Type<typeof TextEditor> {}

/**
 * A patch that OpenRouter found valid. Apply it and answer with an `apply_patch_call_output` of the same `callId`.
 *
 * @since 0.1.0
 */
export const ApplyPatch = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:apply_patch"),
  id: optional(Schema.String),
  status: optional(ItemStatus),
  callId: optional(Schema.String),
  operation: optional(PatchOperation)
}))

/**
 * @since 0.1.0
 */
export interface ApplyPatch extends Schema.Schema.Type<typeof ApplyPatch> {}

/**
 * A search among the tools that were deferred.
 *
 * @since 0.1.0
 */
export const ToolSearch = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:tool_search"),
  id: optional(Schema.String),
  status: optional(ItemStatus),
  query: optional(Schema.String)
}))

/**
 * @since 0.1.0
 */
export interface ToolSearch extends Schema.Schema.Type<typeof ToolSearch> {}

/**
 * A read, write or removal of a remembered value.
 *
 * @since 0.1.0
 */
export const Memory = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:memory"),
  id: optional(Schema.String),
  status: optional(ItemStatus),
  action: optional(Wire.OpenLiterals(["read", "write", "delete"])),
  key: optional(Schema.String),
  value: optional(Schema.Unknown)
}))

/**
 * @since 0.1.0
 */
export interface Memory extends Schema.Schema.Type<typeof Memory> {}

/**
 * A call of an MCP server's tool that OpenRouter made.
 *
 * @since 0.1.0
 */
export const Mcp = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:mcp"),
  id: optional(Schema.String),
  status: optional(ItemStatus),
  serverLabel: optional(Schema.String),
  toolName: optional(Schema.String)
}), { serverLabel: "serverLabel", toolName: "toolName" })

/**
 * @since 0.1.0
 */
export interface Mcp extends Schema.Schema.Type<typeof Mcp> {}

/**
 * A search among OpenRouter's models.
 *
 * @since 0.1.0
 */
export const SearchModels = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:experimental__search_models"),
  id: optional(Schema.String),
  status: optional(ItemStatus),
  query: optional(Schema.String),
  /** JSON text. */
  arguments: optional(Wire.JsonText)
}))

/**
 * @since 0.1.0
 */
export interface SearchModels extends Schema.Schema.Type<typeof SearchModels> {}

/**
 * A file operation in the workspace of the API key.
 *
 * @since 0.1.0
 */
export const Files = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:files"),
  id: optional(Schema.String),
  status: optional(ItemStatus),
  callId: optional(Schema.String),
  /** What the model wrote, as JSON text. */
  arguments: optional(Wire.JsonText),
  /** list, read, write or edit. */
  operation: optional(Schema.String),
  fileId: optional(Schema.String),
  filename: optional(Schema.String),
  /** JSON text. */
  result: optional(Wire.JsonText),
  error: optional(Schema.String)
}))

/**
 * @since 0.1.0
 */
export interface Files extends Schema.Schema.Type<typeof Files> {}

/**
 * The calls of server tools by their wire type.
 *
 * @since 0.1.0
 */
export const arms = {
  "openrouter:datetime": Datetime,
  "openrouter:web_search": WebSearch,
  "openrouter:web_fetch": WebFetch,
  "openrouter:file_search": FileSearch,
  "openrouter:code_interpreter": CodeInterpreter,
  "openrouter:image_generation": ImageGeneration,
  "openrouter:browser_use": BrowserUse,
  "openrouter:bash": Bash,
  "openrouter:shell": Shell,
  "openrouter:text_editor": TextEditor,
  "openrouter:apply_patch": ApplyPatch,
  "openrouter:tool_search": ToolSearch,
  "openrouter:memory": Memory,
  "openrouter:mcp": Mcp,
  "openrouter:experimental__search_models": SearchModels,
  "openrouter:files": Files,
  "openrouter:advisor": Advisor,
  "openrouter:subagent": Subagent,
  "openrouter:fusion": Fusion
}

const status = () => ({ status: ItemStatus })
const failable = () => ({ status: FailableStatus })

/**
 * The same as items made by hand: the API wants their status, and the whole time.
 *
 * @since 0.1.0
 */
export const armsByHand = {
  "openrouter:datetime": Datetime.with(() => ({
    status: ItemStatus,
    datetime: Schema.String,
    timezone: Schema.String
  })),
  "openrouter:web_search": WebSearch.with(() => ({
    status: ItemStatus,
    action: optional(SearchAction.with(() => ({ query: Schema.String })))
  })),
  "openrouter:web_fetch": WebFetch.with(status),
  "openrouter:file_search": FileSearch.with(status),
  "openrouter:code_interpreter": CodeInterpreter.with(status),
  "openrouter:image_generation": ImageGeneration.with(status),
  "openrouter:browser_use": BrowserUse.with(status),
  "openrouter:bash": Bash.with(status),
  "openrouter:shell": Shell.with(status),
  "openrouter:text_editor": TextEditor.with(status),
  "openrouter:apply_patch": ApplyPatch.with(status),
  "openrouter:tool_search": ToolSearch.with(status),
  "openrouter:memory": Memory.with(status),
  "openrouter:mcp": Mcp.with(status),
  "openrouter:experimental__search_models": SearchModels.with(status),
  "openrouter:files": Files.with(status),
  "openrouter:advisor": Advisor.with(failable),
  "openrouter:subagent": Subagent.with(failable),
  "openrouter:fusion": Fusion.with(status)
}
