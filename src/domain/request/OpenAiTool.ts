/**
 * Tools in the shape that OpenAI gave them, which the provider or OpenRouter runs: search, code, computers, MCP, shells.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { deferred } from "../wire/Lazy.ts"
import * as Wire from "../wire/Wire.ts"
import {
  ApproximateLocation,
  SearchContextSize,
  SearchEngine,
  SearchMode,
  UserLocation,
  XSearch
} from "./SearchSettings.ts"

const optional = Schema.optional

const search = () => ({
  engine: optional(SearchEngine),
  /** Results of each search; OpenRouter's default: 5. */
  maxResults: optional(Schema.Int),
  /** Searches of the whole request. */
  maxUses: optional(Schema.Int),
  mode: optional(SearchMode),
  searchContextSize: optional(SearchContextSize),
  filters: optional(Wire.Struct({
    allowedDomains: optional(Schema.Array(Schema.String)),
    blockedDomains: optional(Schema.Array(Schema.String)),
    excludedDomains: optional(Schema.Array(Schema.String))
  })),
  xSearch: optional(XSearch)
})

/**
 * A web search. OpenRouter recommends its own tool `openrouter:web_search`.
 *
 * @since 0.1.0
 */
export const WebSearchTool = Wire.LazyStruct(() => ({
  type: Schema.tag("web_search"),
  ...search(),
  userLocation: optional(UserLocation)
}))

/**
 * @since 0.1.0
 */
export interface WebSearchTool extends Schema.Schema.Type<typeof WebSearchTool> {}

/**
 * The web search as of 2025-08-26.
 *
 * @since 0.1.0
 */
export const DatedWebSearchTool = WebSearchTool.with(() => ({ type: Schema.tag("web_search_2025_08_26") }))

/**
 * @since 0.1.0
 */
export interface DatedWebSearchTool extends Schema.Schema.Type<typeof DatedWebSearchTool> {}

/**
 * The preview of the web search.
 *
 * @since 0.1.0
 */
export const PreviewWebSearchTool = Wire.LazyStruct(() => ({
  type: Schema.tag("web_search_preview"),
  ...search(),
  userLocation: optional(ApproximateLocation)
}))

/**
 * @since 0.1.0
 */
export interface PreviewWebSearchTool extends Schema.Schema.Type<typeof PreviewWebSearchTool> {}

/**
 * The preview of the web search as of 2025-03-11.
 *
 * @since 0.1.0
 */
export const DatedPreviewWebSearchTool = Wire.LazyStruct(() => ({
  type: Schema.tag("web_search_preview_2025_03_11"),
  ...search(),
  userLocation: optional(ApproximateLocation)
}))

/**
 * @since 0.1.0
 */
export interface DatedPreviewWebSearchTool extends Schema.Schema.Type<typeof DatedPreviewWebSearchTool> {}

const scalar = Schema.Union([Schema.String, Schema.Finite])

/**
 * A condition on the attributes of files: a comparison, or several conditions joined.
 *
 * @since 0.1.0
 */
export const FileFilter = deferred(() =>
  Schema.Union([
    Wire.Struct({
      type: Schema.Literals(["eq", "ne", "gt", "gte", "lt", "lte"]),
      key: Schema.String,
      value: Schema.Union([scalar, Schema.Boolean, Schema.Array(scalar)])
    }),
    Wire.Struct({ type: Schema.Literals(["and", "or"]), filters: Schema.Array(Wire.JsonObject) })
  ])
)

/**
 * @since 0.1.0
 */
export type FileFilter = typeof FileFilter.Type

/**
 * A search in vector stores.
 *
 * @since 0.1.0
 */
export const FileSearchTool = Wire.LazyStruct(() => ({
  type: Schema.tag("file_search"),
  vectorStoreIds: Schema.Array(Schema.String),
  maxNumResults: optional(Schema.Int),
  filters: optional(FileFilter),
  rankingOptions: optional(Wire.Struct({
    ranker: optional(Wire.OpenLiterals(["auto", "default-2024-11-15"])),
    scoreThreshold: optional(Schema.Finite)
  }))
}))

/**
 * @since 0.1.0
 */
export interface FileSearchTool extends Schema.Schema.Type<typeof FileSearchTool> {}

/**
 * A computer that you run for the model. The display is measured in pixels.
 *
 * @since 0.1.0
 */
export const ComputerUseTool = Wire.LazyStruct(() => ({
  type: Schema.tag("computer_use_preview"),
  displayHeight: Schema.Int,
  displayWidth: Schema.Int,
  environment: Wire.OpenLiterals(["windows", "mac", "linux", "ubuntu", "browser"])
}))

/**
 * @since 0.1.0
 */
export interface ComputerUseTool extends Schema.Schema.Type<typeof ComputerUseTool> {}

/**
 * Code that runs in a container: an existing one by its id, or a new one.
 *
 * @since 0.1.0
 */
export const CodeInterpreterTool = Wire.LazyStruct(() => ({
  type: Schema.tag("code_interpreter"),
  container: Schema.Union([
    Schema.String,
    Wire.Struct({
      type: Schema.tag("auto"),
      fileIds: optional(Schema.Array(Schema.String)),
      memoryLimit: optional(Wire.OpenLiterals(["1g", "4g", "16g", "64g"]))
    })
  ])
}))

/**
 * @since 0.1.0
 */
export interface CodeInterpreterTool extends Schema.Schema.Type<typeof CodeInterpreterTool> {}

const toolNames = () => Wire.Struct({ toolNames: optional(Schema.Array(Schema.String)) })

/**
 * The tools of a remote MCP server, by URL or by connector. `authorization` and `headers` travel to that server.
 *
 * @since 0.1.0
 */
export const McpTool = Wire.LazyStruct(() => ({
  type: Schema.tag("mcp"),
  serverLabel: Schema.String,
  serverUrl: optional(Schema.String),
  serverDescription: optional(Schema.String),
  connectorId: optional(Wire.OpenLiterals([
    "connector_dropbox",
    "connector_gmail",
    "connector_googlecalendar",
    "connector_googledrive",
    "connector_microsoftteams",
    "connector_outlookcalendar",
    "connector_outlookemail",
    "connector_sharepoint"
  ])),
  authorization: optional(Schema.String),
  headers: optional(Schema.Record(Schema.String, Schema.String)),
  allowedTools: optional(Schema.Union([
    Schema.Array(Schema.String),
    Wire.Struct({ readOnly: optional(Schema.Boolean), toolNames: optional(Schema.Array(Schema.String)) })
  ])),
  /** Which calls wait for an `mcp_approval_response`. */
  requireApproval: optional(Schema.Union([
    Wire.OpenLiterals(["always", "never"]),
    Wire.Struct({ always: optional(toolNames()), never: optional(toolNames()) })
  ]))
}))

/**
 * @since 0.1.0
 */
export interface McpTool extends Schema.Schema.Type<typeof McpTool> {}

/**
 * An image generator of the provider.
 *
 * @since 0.1.0
 */
export const ImageGenerationTool = Wire.LazyStruct(() => ({
  type: Schema.tag("image_generation"),
  model: optional(Schema.String),
  /** For example `1024x1024`. */
  size: optional(Schema.String),
  quality: optional(Wire.OpenLiterals(["low", "medium", "high", "auto"])),
  background: optional(Wire.OpenLiterals(["transparent", "opaque", "auto"])),
  outputFormat: optional(Wire.OpenLiterals(["png", "webp", "jpeg"])),
  /** Percent. */
  outputCompression: optional(Schema.Int),
  moderation: optional(Wire.OpenLiterals(["auto", "low"])),
  /** How many unfinished images a stream shows before the finished one. */
  partialImages: optional(Schema.Int),
  inputFidelity: optional(Wire.OpenLiterals(["high", "low"])),
  inputImageMask: optional(Wire.Struct({ imageUrl: optional(Schema.String), fileId: optional(Schema.String) }))
}))

/**
 * @since 0.1.0
 */
export interface ImageGenerationTool extends Schema.Schema.Type<typeof ImageGenerationTool> {}

/**
 * A shell on your machine which takes one command at a time.
 *
 * @since 0.1.0
 */
export const LocalShellTool = Wire.LazyStruct(() => ({ type: Schema.tag("local_shell") }))

/**
 * @since 0.1.0
 */
export interface LocalShellTool extends Schema.Schema.Type<typeof LocalShellTool> {}

/**
 * A shell; the provider or OpenRouter's sandbox runs it where it can.
 *
 * @since 0.1.0
 */
export const ShellTool = Wire.LazyStruct(() => ({ type: Schema.tag("shell") }))

/**
 * @since 0.1.0
 */
export interface ShellTool extends Schema.Schema.Type<typeof ShellTool> {}

/**
 * Lets the model change files by patches that you apply.
 *
 * @since 0.1.0
 */
export const ApplyPatchTool = Wire.LazyStruct(() => ({ type: Schema.tag("apply_patch") }))

/**
 * @since 0.1.0
 */
export interface ApplyPatchTool extends Schema.Schema.Type<typeof ApplyPatchTool> {}

/**
 * The OpenAI-style tools by their wire type.
 *
 * @since 0.1.0
 */
export const arms = {
  web_search: WebSearchTool,
  web_search_2025_08_26: DatedWebSearchTool,
  web_search_preview: PreviewWebSearchTool,
  web_search_preview_2025_03_11: DatedPreviewWebSearchTool,
  file_search: FileSearchTool,
  computer_use_preview: ComputerUseTool,
  code_interpreter: CodeInterpreterTool,
  mcp: McpTool,
  image_generation: ImageGenerationTool,
  local_shell: LocalShellTool,
  shell: ShellTool,
  apply_patch: ApplyPatchTool
}
