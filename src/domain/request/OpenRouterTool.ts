/**
 * OpenRouter's own tools (`openrouter:*`): OpenRouter runs them while the model answers, as often as the model wants.
 *
 * They are billed besides tokens. `maxToolCalls` and `stopServerToolsWhen` of the request limit how long they go on.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Wire from "../wire/Wire.ts"
import { Advisor, Fusion, Subagent } from "./ModelTool.ts"
import { SearchContextSize, SearchEngine, SearchMode, UserLocation, XSearch } from "./SearchSettings.ts"

const optional = Schema.optional

/**
 * Searches the web. Default: 5 results of each search, 50 of the whole request.
 *
 * @since 0.1.0
 */
export const WebSearch = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:web_search"),
  parameters: optional(Wire.Struct({
    engine: optional(SearchEngine),
    mode: optional(SearchMode),
    /** Results of each search; OpenRouter's default: 5. */
    maxResults: optional(Schema.Int),
    /** Results of the whole request; OpenRouter's default: 50. */
    maxTotalResults: optional(Schema.Int),
    /** Searches of the whole request. */
    maxUses: optional(Schema.Int),
    /** Characters of each result; overrides `searchContextSize`. */
    maxCharacters: optional(Schema.Int),
    searchContextSize: optional(SearchContextSize),
    /** Only these; not together with `excludedDomains`. */
    allowedDomains: optional(Schema.Array(Schema.String)),
    excludedDomains: optional(Schema.Array(Schema.String)),
    userLocation: optional(UserLocation),
    xSearch: optional(XSearch)
  }))
}))

/**
 * @since 0.1.0
 */
export interface WebSearch extends Schema.Schema.Type<typeof WebSearch> {}

/**
 * Reads web pages and PDFs by URL.
 *
 * @since 0.1.0
 */
export const WebFetch = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:web_fetch"),
  parameters: optional(Wire.Struct({
    engine: optional(Wire.OpenLiterals(["auto", "native", "openrouter", "exa", "parallel", "firecrawl"])),
    /** Fetches of the whole request. */
    maxUses: optional(Schema.Int),
    /** Tokens, roughly; longer content is cut. */
    maxContentTokens: optional(Schema.Int),
    allowedDomains: optional(Schema.Array(Schema.String)),
    blockedDomains: optional(Schema.Array(Schema.String))
  }))
}))

/**
 * @since 0.1.0
 */
export interface WebFetch extends Schema.Schema.Type<typeof WebFetch> {}

/**
 * Tells the model the time.
 *
 * @since 0.1.0
 */
export const Datetime = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:datetime"),
  parameters: optional(Wire.Struct({
    /** IANA name; OpenRouter's default: UTC. */
    timezone: optional(Schema.String)
  }))
}))

/**
 * @since 0.1.0
 */
export interface Datetime extends Schema.Schema.Type<typeof Datetime> {}

/**
 * Has an image model draw. `parameters` is its `model` and its settings, such as `aspect_ratio`, under their wire names.
 *
 * @since 0.1.0
 */
export const ImageGeneration = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:image_generation"),
  parameters: optional(Wire.OpenStruct(
    { model: Schema.optionalKey(Schema.String) },
    Schema.Union([Schema.String, Schema.Finite, Schema.Array(Schema.Unknown)])
  ))
}))

/**
 * @since 0.1.0
 */
export interface ImageGeneration extends Schema.Schema.Type<typeof ImageGeneration> {}

/**
 * Lets the model read and write the files of the API key's workspace.
 *
 * @since 0.1.0
 */
export const Files = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:files"),
  /** OpenRouter documents none so far. */
  parameters: optional(Wire.JsonObject)
}))

/**
 * @since 0.1.0
 */
export interface Files extends Schema.Schema.Type<typeof Files> {}

const environments = {
  container_auto: Wire.LazyStruct(() => ({
    type: Schema.tag("container_auto"),
    fileIds: optional(Schema.Array(Schema.String)),
    networkPolicy: optional(Wire.JsonObject)
  })),
  container_reference: Wire.LazyStruct(() => ({
    type: Schema.tag("container_reference"),
    containerId: Schema.String.check(Schema.isPattern(/^[\w-]{1,20}$/, {
      message: "is no container id; OpenRouter takes 1 to 20 letters, digits, underscores and dashes"
    }))
  }))
}

/**
 * Where commands run: in a new container, or in one that an earlier request left.
 *
 * @since 0.1.0
 */
export const Sandbox: Wire.OpenUnion<typeof environments> = Wire.OpenUnion(environments, { identifier: "Sandbox" })

/**
 * @since 0.1.0
 */
export type Sandbox = typeof Sandbox.Type

/**
 * Runs commands: in OpenRouter's sandbox with `engine: "openrouter"`, else yours to run.
 *
 * @since 0.1.0
 */
export const Bash = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:bash"),
  parameters: optional(Wire.Struct({
    engine: optional(Wire.OpenLiterals(["auto", "native", "openrouter"])),
    environment: optional(Sandbox),
    /** Seconds that an idle container stays; OpenRouter's default: 900, at most 2592000. */
    sleepAfterSeconds: optional(Schema.Int)
  }))
}))

/**
 * @since 0.1.0
 */
export interface Bash extends Schema.Schema.Type<typeof Bash> {}

/**
 * Runs commands in the provider's shell, or in OpenRouter's sandbox.
 *
 * @since 0.1.0
 */
export const Shell = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:shell"),
  parameters: optional(Wire.Struct({
    engine: optional(Wire.OpenLiterals(["auto", "openrouter"])),
    environment: optional(Sandbox),
    /** Seconds that an idle container stays; OpenRouter's default: 900, at most 2592000. */
    sleepAfterSeconds: optional(Schema.Int)
  }))
}))

/**
 * @since 0.1.0
 */
export interface Shell extends Schema.Schema.Type<typeof Shell> {}

/**
 * Lets the model change files by patches, which OpenRouter validates and you apply.
 *
 * @since 0.1.0
 */
export const ApplyPatch = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:apply_patch"),
  parameters: optional(Wire.Struct({
    engine: optional(Wire.OpenLiterals(["auto", "native", "openrouter"]))
  }))
}))

/**
 * @since 0.1.0
 */
export interface ApplyPatch extends Schema.Schema.Type<typeof ApplyPatch> {}

/**
 * Finds tools with `deferLoading` when the model needs them.
 *
 * @since 0.1.0
 */
export const ToolSearch = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:tool_search"),
  parameters: optional(Wire.Struct({
    /** OpenRouter's default: 5. */
    maxResults: optional(Schema.Int)
  }))
}))

/**
 * @since 0.1.0
 */
export interface ToolSearch extends Schema.Schema.Type<typeof ToolSearch> {}

/**
 * Searches OpenRouter's models. Experimental.
 *
 * @since 0.1.0
 */
export const SearchModels = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:experimental__search_models"),
  parameters: optional(Wire.Struct({
    /** OpenRouter's default: 5, at most 20. */
    maxResults: optional(Schema.Int)
  }))
}))

/**
 * @since 0.1.0
 */
export interface SearchModels extends Schema.Schema.Type<typeof SearchModels> {}

/**
 * OpenRouter's tools by their wire type.
 *
 * @since 0.1.0
 */
export const arms = {
  "openrouter:web_search": WebSearch,
  "openrouter:web_fetch": WebFetch,
  "openrouter:datetime": Datetime,
  "openrouter:image_generation": ImageGeneration,
  "openrouter:files": Files,
  "openrouter:bash": Bash,
  "openrouter:shell": Shell,
  "openrouter:apply_patch": ApplyPatch,
  "openrouter:tool_search": ToolSearch,
  "openrouter:experimental__search_models": SearchModels,
  "openrouter:advisor": Advisor,
  "openrouter:subagent": Subagent,
  "openrouter:fusion": Fusion
}
