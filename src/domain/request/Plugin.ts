/**
 * Plugins that OpenRouter runs around a request.
 *
 * `enabled: false` turns off a plugin that the account has on by default.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Wire from "../wire/Wire.ts"
import { PanelModels, PanelSteps, PanelTools } from "./ModelTool.ts"
import { ApproximateLocation, SearchMode, XSearch } from "./SearchSettings.ts"

const optional = Schema.optional

/**
 * Checks the input with OpenRouter's moderation before the model sees it.
 *
 * @since 0.1.0
 */
export const Moderation = Wire.LazyStruct(() => ({ id: Schema.tag("moderation") }))

/**
 * @since 0.1.0
 */
export interface Moderation extends Schema.Schema.Type<typeof Moderation> {}

/**
 * Searches the web. OpenRouter deprecates it in favour of the tool `openrouter:web_search`.
 *
 * @since 0.1.0
 */
export const Web = Wire.LazyStruct(() => ({
  id: Schema.tag("web"),
  enabled: optional(Schema.Boolean),
  engine: optional(Wire.OpenLiterals(["native", "exa", "parallel", "firecrawl", "perplexity"])),
  mode: optional(SearchMode),
  maxResults: optional(Schema.Int),
  /** Searches of one turn. */
  maxUses: optional(Schema.Int),
  searchPrompt: optional(Schema.String),
  /** May have wildcards and paths, such as `*.substack.com` and `openai.com/blog`. */
  includeDomains: optional(Schema.Array(Schema.String)),
  excludeDomains: optional(Schema.Array(Schema.String)),
  userLocation: optional(ApproximateLocation),
  xSearch: optional(XSearch)
}))

/**
 * @since 0.1.0
 */
export interface Web extends Schema.Schema.Type<typeof Web> {}

/**
 * Reads web pages that the input mentions.
 *
 * @since 0.1.0
 */
export const WebFetch = Wire.LazyStruct(() => ({
  id: Schema.tag("web-fetch"),
  maxUses: optional(Schema.Int),
  /** Tokens, roughly; longer content is cut. */
  maxContentTokens: optional(Schema.Int),
  allowedDomains: optional(Schema.Array(Schema.String)),
  blockedDomains: optional(Schema.Array(Schema.String))
}))

/**
 * @since 0.1.0
 */
export interface WebFetch extends Schema.Schema.Type<typeof WebFetch> {}

/**
 * Reads files for models that cannot.
 *
 * @since 0.1.0
 */
export const FileParser = Wire.LazyStruct(() => ({
  id: Schema.tag("file-parser"),
  enabled: optional(Schema.Boolean),
  pdf: optional(Wire.Struct({
    engine: optional(Wire.OpenLiterals(["mistral-ocr", "native", "cloudflare-ai", "pdf-text"]))
  }))
}))

/**
 * @since 0.1.0
 */
export interface FileParser extends Schema.Schema.Type<typeof FileParser> {}

/**
 * Repairs malformed JSON of structured answers; has no effect on streams.
 *
 * @since 0.1.0
 */
export const ResponseHealing = Wire.LazyStruct(() => ({
  id: Schema.tag("response-healing"),
  enabled: optional(Schema.Boolean)
}))

/**
 * @since 0.1.0
 */
export interface ResponseHealing extends Schema.Schema.Type<typeof ResponseHealing> {}

/**
 * Drops the middle of an input that is too long. On by default for models with a context of at most 8k tokens.
 *
 * @since 0.1.0
 */
export const ContextCompression = Wire.LazyStruct(() => ({
  id: Schema.tag("context-compression"),
  enabled: optional(Schema.Boolean),
  engine: optional(Wire.OpenLiterals(["middle-out"]))
}))

/**
 * @since 0.1.0
 */
export interface ContextCompression extends Schema.Schema.Type<typeof ContextCompression> {}

/** Patterns of models: at most 1024 of at most 1024 characters each. */
const ModelPatterns = Schema.Array(Schema.String.check(Schema.isMaxLength(1024))).check(Schema.isMaxLength(1024))

const CostTier = Wire.OpenLiterals(["low", "medium", "high", "xhigh", "max"])

const Tradeoff = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10 }))

/**
 * Settings of the model `openrouter/auto`. Patterns may have wildcards, such as `anthropic/*`.
 *
 * @since 0.1.0
 */
export const AutoRouter = Wire.LazyStruct(() => ({
  id: Schema.tag("auto-router"),
  enabled: optional(Schema.Boolean),
  allowedModels: optional(ModelPatterns),
  excludedModels: optional(ModelPatterns),
  costTier: optional(CostTier),
  /** Deprecated by OpenRouter in favour of `costTier`. 0 (best) to 10 (cheapest). */
  costQualityTradeoff: optional(Tradeoff),
  /** Whether the model of the last answer goes on. OpenRouter's default: false. */
  pinModel: optional(Schema.Boolean)
}))

/**
 * @since 0.1.0
 */
export interface AutoRouter extends Schema.Schema.Type<typeof AutoRouter> {}

/**
 * Settings of the next version of the auto router.
 *
 * @since 0.1.0
 */
export const AutoBetaRouter = Wire.LazyStruct(() => ({
  id: Schema.tag("auto-beta-router"),
  enabled: optional(Schema.Boolean),
  allowedModels: optional(ModelPatterns),
  excludedModels: optional(ModelPatterns),
  costTier: optional(CostTier),
  /** Deprecated by OpenRouter in favour of `costTier`. 0 (best) to 10 (cheapest). */
  costQualityTradeoff: optional(Tradeoff)
}))

/**
 * @since 0.1.0
 */
export interface AutoBetaRouter extends Schema.Schema.Type<typeof AutoBetaRouter> {}

/**
 * Chooses a coding model by quality for its price.
 *
 * @since 0.1.0
 */
export const ParetoRouter = Wire.LazyStruct(() => ({
  id: Schema.tag("pareto-router"),
  enabled: optional(Schema.Boolean),
  /** 0 to 1; not used with `maxPrice`. */
  minCodingScore: optional(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))),
  /** US dollars per million input tokens. */
  maxPrice: optional(Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))),
  /** Which price counts: the listed one, or the mean of what was paid. */
  priceSource: optional(Wire.OpenLiterals(["prompt", "weighted_avg"]))
}))

/**
 * @since 0.1.0
 */
export interface ParetoRouter extends Schema.Schema.Type<typeof ParetoRouter> {}

/**
 * Answers with a panel of models and one that sums up. Each of them is billed.
 *
 * @since 0.1.0
 */
export const Fusion = Wire.LazyStruct(() => ({
  id: Schema.tag("fusion"),
  enabled: optional(Schema.Boolean),
  preset: optional(Wire.OpenLiterals(["general-high", "general-budget", "general-fast"])),
  /** The panel: 1 to 8 models. */
  analysisModels: optional(PanelModels),
  /** The model that sums up. */
  model: optional(Schema.String),
  /** Server tools for all of them: at most 8; an empty list means none. */
  tools: optional(PanelTools),
  /** Steps with tools; OpenRouter's default: 4, at most 16. */
  maxToolCalls: optional(PanelSteps)
}))

/**
 * @since 0.1.0
 */
export interface Fusion extends Schema.Schema.Type<typeof Fusion> {}

/**
 * Settings of the switchyard router. In OpenRouter's SDK, not yet in its documentation.
 *
 * @since 0.1.0
 */
export const SwitchyardRouter = Wire.LazyStruct(() => ({
  id: Schema.tag("switchyard-router"),
  /** OpenRouter's default: `capability`, which asks a small model how demanding the task is. */
  algorithm: optional(Wire.OpenLiterals(["capability", "stage", "auto", "random", "composite", "passthrough"]))
}))

/**
 * @since 0.1.0
 */
export interface SwitchyardRouter extends Schema.Schema.Type<typeof SwitchyardRouter> {}

const plugins = {
  moderation: Moderation,
  web: Web,
  "web-fetch": WebFetch,
  "file-parser": FileParser,
  "response-healing": ResponseHealing,
  "context-compression": ContextCompression,
  "auto-router": AutoRouter,
  "auto-beta-router": AutoBetaRouter,
  "pareto-router": ParetoRouter,
  fusion: Fusion,
  "switchyard-router": SwitchyardRouter
}

/**
 * A plugin by its `id`.
 *
 * @since 0.1.0
 */
export const Plugin: Wire.OpenUnion<typeof plugins> = Wire.OpenUnion(plugins, {
  identifier: "Plugin",
  discriminator: "id"
})

/**
 * @since 0.1.0
 */
export type Plugin = typeof Plugin.Type
