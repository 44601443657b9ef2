/**
 * Calls of tools in the shape that OpenAI gave them: searches, images, code, computers, and custom tools of yours.
 *
 * What the model or the provider did not finish is absent.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Wire from "../wire/Wire.ts"

const optional = Schema.optionalKey

/**
 * How far an item got.
 *
 * @since 0.1.0
 */
export const ItemStatus = Wire.OpenLiterals(["completed", "incomplete", "in_progress"])

/**
 * @since 0.1.0
 */
export type ItemStatus = typeof ItemStatus.Type

/**
 * How far a search got.
 *
 * @since 0.1.0
 */
export const SearchStatus = Wire.OpenLiterals(["completed", "searching", "in_progress", "failed"])

/**
 * @since 0.1.0
 */
export type SearchStatus = typeof SearchStatus.Type

/**
 * The model called a custom tool of yours with plain text. Answer with a `custom_tool_call_output` of the same `callId`.
 *
 * @since 0.1.0
 */
export const CustomToolCall = Wire.LazyStruct(() => ({
  type: Schema.tag("custom_tool_call"),
  id: optional(Schema.String),
  callId: Schema.String,
  name: Schema.String,
  /** Empty if the model wrote nothing. */
  input: Wire.promised(Wire.JsonText, ""),
  namespace: optional(Schema.String),
  status: optional(ItemStatus)
}))

/**
 * @since 0.1.0
 */
export interface CustomToolCall extends Schema.Schema.Type<typeof CustomToolCall> {}

const searchSources = { url: Wire.LazyStruct(() => ({ type: Schema.tag("url"), url: Schema.String })) }

/**
 * Where a web search looked.
 *
 * @since 0.1.0
 */
export const WebSearchSource: Wire.OpenUnion<typeof searchSources> = Wire.OpenUnion(searchSources, {
  identifier: "WebSearchSource"
})

/**
 * @since 0.1.0
 */
export type WebSearchSource = typeof WebSearchSource.Type

const searchActions = {
  search: Wire.LazyStruct(() => ({
    type: Schema.tag("search"),
    query: optional(Schema.String),
    queries: optional(Schema.Array(Schema.String)),
    sources: optional(Schema.Array(WebSearchSource))
  })),
  open_page: Wire.LazyStruct(() => ({ type: Schema.tag("open_page"), url: optional(Schema.String) })),
  find_in_page: Wire.LazyStruct(() => ({
    type: Schema.tag("find_in_page"),
    url: optional(Schema.String),
    pattern: optional(Schema.String)
  }))
}

/**
 * What a web search did: searched, opened a page, or looked for something in one.
 *
 * @since 0.1.0
 */
export const WebSearchAction: Wire.OpenUnion<typeof searchActions> = Wire.OpenUnion(searchActions, {
  identifier: "WebSearchAction",
  byHand: {
    search: searchActions.search.with(() => ({ query: Schema.String })),
    find_in_page: searchActions.find_in_page.with(() => ({ url: Schema.String, pattern: Schema.String }))
  }
})

/**
 * @since 0.1.0
 */
export type WebSearchAction = typeof WebSearchAction.Type

/**
 * A web search that the provider ran.
 *
 * @since 0.1.0
 */
export const WebSearchCall = Wire.LazyStruct(() => ({
  type: Schema.tag("web_search_call"),
  id: optional(Schema.String),
  status: optional(SearchStatus),
  action: optional(WebSearchAction)
}))

/**
 * @since 0.1.0
 */
export interface WebSearchCall extends Schema.Schema.Type<typeof WebSearchCall> {}

/**
 * A search in vector stores that the provider ran. `results` come only if `include` asked for them.
 *
 * @since 0.1.0
 */
export const FileSearchCall = Wire.LazyStruct(() => ({
  type: Schema.tag("file_search_call"),
  id: optional(Schema.String),
  status: optional(SearchStatus),
  queries: optional(Schema.Array(Schema.String)),
  results: optional(Schema.Array(Schema.Unknown))
}))

/**
 * @since 0.1.0
 */
export interface FileSearchCall extends Schema.Schema.Type<typeof FileSearchCall> {}

/**
 * An image that the provider made. `result` is base64.
 *
 * @since 0.1.0
 */
export const ImageGenerationCall = Wire.LazyStruct(() => ({
  type: Schema.tag("image_generation_call"),
  id: optional(Schema.String),
  status: optional(Wire.OpenLiterals(["in_progress", "completed", "generating", "failed"])),
  result: optional(Schema.String),
  prompt: optional(Schema.String),
  revisedPrompt: optional(Schema.String),
  background: optional(Schema.String),
  outputFormat: optional(Schema.String),
  quality: optional(Schema.String),
  size: optional(Schema.String)
}))

/**
 * @since 0.1.0
 */
export interface ImageGenerationCall extends Schema.Schema.Type<typeof ImageGenerationCall> {}

const codeOutputs = {
  logs: Wire.LazyStruct(() => ({ type: Schema.tag("logs"), logs: Schema.String })),
  image: Wire.LazyStruct(() => ({ type: Schema.tag("image"), url: Schema.String })),
  file: Wire.LazyStruct(() => ({
    type: Schema.tag("file"),
    id: optional(Schema.String),
    filename: optional(Schema.String),
    mediaType: optional(Schema.String),
    sizeBytes: optional(Schema.Int),
    sha256: optional(Schema.String),
    status: optional(Schema.String),
    errorCode: optional(Schema.String),
    /** Stops working at `expiresAt`: fetch the file soon instead of keeping the URL. */
    downloadUrl: optional(Schema.String),
    /** ISO 8601. */
    expiresAt: optional(Schema.String)
  }))
}

/**
 * What a run of code left: text, an image or a file.
 *
 * @since 0.1.0
 */
export const CodeOutput: Wire.OpenUnion<typeof codeOutputs> = Wire.OpenUnion(codeOutputs, { identifier: "CodeOutput" })

/**
 * @since 0.1.0
 */
export type CodeOutput = typeof CodeOutput.Type

/**
 * Code that the provider ran. `outputs` come only if `include` asked for them.
 *
 * @since 0.1.0
 */
export const CodeInterpreterCall = Wire.LazyStruct(() => ({
  type: Schema.tag("code_interpreter_call"),
  id: optional(Schema.String),
  status: optional(Wire.OpenLiterals(["in_progress", "completed", "incomplete", "interpreting", "failed"])),
  code: optional(Schema.String),
  containerId: optional(Schema.String),
  outputs: optional(Schema.Array(CodeOutput))
}))

/**
 * @since 0.1.0
 */
export interface CodeInterpreterCall extends Schema.Schema.Type<typeof CodeInterpreterCall> {}

const Point = Wire.LazyStruct(() => ({ x: Schema.Finite, y: Schema.Finite }))

const computerActions = {
  click: Wire.LazyStruct(() => ({
    type: Schema.tag("click"),
    x: Schema.Finite,
    y: Schema.Finite,
    button: optional(Wire.OpenLiterals(["left", "right", "wheel", "back", "forward"])),
    /** Held down meanwhile. */
    keys: optional(Schema.Array(Schema.String))
  })),
  double_click: Wire.LazyStruct(() => ({
    type: Schema.tag("double_click"),
    x: Schema.Finite,
    y: Schema.Finite,
    keys: optional(Schema.Array(Schema.String))
  })),
  drag: Wire.LazyStruct(() => ({
    type: Schema.tag("drag"),
    path: Schema.Array(Point),
    keys: optional(Schema.Array(Schema.String))
  })),
  keypress: Wire.LazyStruct(() => ({ type: Schema.tag("keypress"), keys: Schema.Array(Schema.String) })),
  move: Wire.LazyStruct(() => ({
    type: Schema.tag("move"),
    x: Schema.Finite,
    y: Schema.Finite,
    keys: optional(Schema.Array(Schema.String))
  })),
  screenshot: Wire.LazyStruct(() => ({ type: Schema.tag("screenshot") })),
  scroll: Wire.LazyStruct(() => ({
    type: Schema.tag("scroll"),
    x: Schema.Finite,
    y: Schema.Finite,
    scrollX: optional(Schema.Finite),
    scrollY: optional(Schema.Finite),
    keys: optional(Schema.Array(Schema.String))
  })),
  type: Wire.LazyStruct(() => ({ type: Schema.tag("type"), text: Schema.String })),
  wait: Wire.LazyStruct(() => ({ type: Schema.tag("wait") }))
}

/**
 * One thing to do on a computer. Coordinates are pixels of the screen.
 *
 * OpenRouter's specification leaves it open; these are OpenAI's.
 *
 * @since 0.1.0
 */
export const ComputerAction: Wire.OpenUnion<typeof computerActions> = Wire.OpenUnion(computerActions, {
  identifier: "ComputerAction"
})

/**
 * @since 0.1.0
 */
export type ComputerAction = typeof ComputerAction.Type

/**
 * The model wants something done on a computer, such as a click or a screenshot: one `action`, or several `actions` in
 * their order. Answer with a `computer_call_output` of the same `callId`.
 *
 * @since 0.1.0
 */
export const ComputerCall = Wire.LazyStruct(() => ({
  type: Schema.tag("computer_call"),
  id: optional(Schema.String),
  callId: Schema.String,
  status: optional(ItemStatus),
  action: optional(ComputerAction),
  actions: optional(Schema.Array(ComputerAction)),
  pendingSafetyChecks: optional(Schema.Array(Wire.Struct({
    id: Schema.String,
    code: optional(Schema.String),
    message: optional(Schema.String)
  })))
}))

/**
 * @since 0.1.0
 */
export interface ComputerCall extends Schema.Schema.Type<typeof ComputerCall> {}
