/**
 * Settings that web searches have in common, whoever runs them: tools of OpenRouter, OpenAI-style tools, the plugin.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Wire from "../wire/Wire.ts"

const optional = Schema.optional

/**
 * Who searches; `auto` is the provider's own search if it has one, else Exa.
 *
 * @since 0.1.0
 */
export const SearchEngine = Wire.OpenLiterals(["auto", "native", "exa", "parallel", "firecrawl", "perplexity"])

/**
 * @since 0.1.0
 */
export type SearchEngine = typeof SearchEngine.Type

/**
 * How an engine searches; a mode that the engine does not have is ignored.
 *
 * @since 0.1.0
 */
export const SearchMode = Wire.OpenLiterals([
  "auto",
  "instant",
  "fast",
  "deep-lite",
  "deep",
  "deep-reasoning",
  "turbo",
  "basic",
  "advanced"
])

/**
 * @since 0.1.0
 */
export type SearchMode = typeof SearchMode.Type

/**
 * How much of each result the model gets to see.
 *
 * @since 0.1.0
 */
export const SearchContextSize = Wire.OpenLiterals(["low", "medium", "high"])

/**
 * @since 0.1.0
 */
export type SearchContextSize = typeof SearchContextSize.Type

/**
 * Where the user is, roughly. `country` is a code of two letters, `timezone` an IANA name.
 *
 * @since 0.1.0
 */
export const UserLocation = Wire.LazyStruct(() => ({
  type: optional(Schema.Literal("approximate")),
  city: optional(Schema.String),
  region: optional(Schema.String),
  country: optional(Schema.String),
  timezone: optional(Schema.String)
}))

/**
 * @since 0.1.0
 */
export interface UserLocation extends Schema.Schema.Type<typeof UserLocation> {}

/**
 * The same where the API insists on being told that the place is rough.
 *
 * @since 0.1.0
 */
export const ApproximateLocation = UserLocation.with(() => ({ type: Schema.tag("approximate") }))

/**
 * @since 0.1.0
 */
export interface ApproximateLocation extends Schema.Schema.Type<typeof ApproximateLocation> {}

/**
 * Narrows a search of posts on X, for models of xAI. Dates are ISO 8601.
 *
 * @since 0.1.0
 */
export const XSearch = Wire.LazyStruct(() => ({
  allowedXHandles: optional(Schema.Array(Schema.String)),
  excludedXHandles: optional(Schema.Array(Schema.String)),
  fromDate: optional(Schema.String),
  toDate: optional(Schema.String),
  enableImageUnderstanding: optional(Schema.Boolean),
  enableVideoUnderstanding: optional(Schema.Boolean)
}))

/**
 * @since 0.1.0
 */
export interface XSearch extends Schema.Schema.Type<typeof XSearch> {}
