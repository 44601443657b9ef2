/**
 * The settings of a request that are objects of their own: reasoning, text format, caching, tracing, stop conditions.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { lazy } from "../wire/Lazy.ts"
import * as Wire from "../wire/Wire.ts"
import { ResultPart } from "./InputPart.ts"

const optional = Schema.optional

/**
 * How hard the model thinks; which of these a model knows differs.
 *
 * @since 0.1.0
 */
export const ReasoningEffort = Wire.OpenLiterals(["max", "xhigh", "high", "medium", "low", "minimal", "none"])

/**
 * @since 0.1.0
 */
export type ReasoningEffort = typeof ReasoningEffort.Type

/**
 * How much and how the model reasons. `enabled: true` alone means medium effort.
 *
 * @since 0.1.0
 */
export const ReasoningConfig = Wire.LazyStruct(() => ({
  effort: optional(ReasoningEffort),
  summary: optional(Wire.OpenLiterals(["auto", "concise", "detailed"])),
  maxTokens: optional(Schema.Int),
  enabled: optional(Schema.Boolean),
  /** Which reasoning of earlier turns the model sees; OpenAI's GPT-5.6 and newer. */
  context: optional(Wire.OpenLiterals(["auto", "all_turns", "current_turn"])),
  /** OpenAI's GPT-5.6 and newer. */
  mode: optional(Wire.OpenLiterals(["standard", "pro"]))
}))

/**
 * @since 0.1.0
 */
export interface ReasoningConfig extends Schema.Schema.Type<typeof ReasoningConfig> {}

const formats = {
  text: Wire.LazyStruct(() => ({ type: Schema.tag("text") })),
  json_object: Wire.LazyStruct(() => ({ type: Schema.tag("json_object") })),
  json_schema: Wire.LazyStruct(() => ({
    type: Schema.tag("json_schema"),
    name: Schema.NonEmptyString,
    description: optional(Schema.String),
    schema: Wire.JsonObject,
    strict: optional(Schema.Boolean)
  }))
}

/**
 * What the text of the answer is: free text, any JSON object, or JSON of a schema.
 *
 * Not every endpoint enforces a schema, so decode the answer; `provider: { requireParameters: true }` leaves only those
 * that claim to.
 *
 * @since 0.1.0
 */
export const TextFormat: Wire.OpenUnion<typeof formats> = Wire.OpenUnion(formats, { identifier: "TextFormat" })

/**
 * @since 0.1.0
 */
export type TextFormat = typeof TextFormat.Type

/**
 * The shape of the answer's text, and how talkative it is.
 *
 * @since 0.1.0
 */
export const TextConfig = Wire.LazyStruct(() => ({
  format: optional(TextFormat),
  verbosity: optional(Wire.OpenLiterals(["low", "medium", "high", "xhigh", "max"]))
}))

/**
 * @since 0.1.0
 */
export interface TextConfig extends Schema.Schema.Type<typeof TextConfig> {}

/**
 * A stored prompt template and the values of its variables.
 *
 * @since 0.1.0
 */
export const PromptTemplate = Wire.LazyStruct(() => ({
  id: Schema.String,
  variables: optional(Schema.Record(Schema.String, Schema.Union([Schema.String, ResultPart])))
}))

/**
 * @since 0.1.0
 */
export interface PromptTemplate extends Schema.Schema.Type<typeof PromptTemplate> {}

/**
 * Caches the prompt up to its last cacheable block, on providers with explicit prompt caching.
 *
 * @since 0.1.0
 */
export const CacheControl = Wire.LazyStruct(() => ({
  type: Schema.tag("ephemeral"),
  ttl: optional(Wire.OpenLiterals(["5m", "1h"]))
}))

/**
 * @since 0.1.0
 */
export interface CacheControl extends Schema.Schema.Type<typeof CacheControl> {}

/**
 * Caches only up to the parts marked with `promptCacheBreakpoint`; OpenAI's GPT-5.6 and newer.
 *
 * @since 0.1.0
 */
export const PromptCacheOptions = Wire.LazyStruct(() => ({
  mode: Wire.OpenLiterals(["explicit"]),
  ttl: optional(Schema.String)
}))

/**
 * @since 0.1.0
 */
export interface PromptCacheOptions extends Schema.Schema.Type<typeof PromptCacheOptions> {}

/**
 * What your observability tools are told about a request. Keys of your own are passed on under their own names.
 *
 * @since 0.1.0
 */
export const Trace = Schema.suspend(lazy(() =>
  Wire.OpenStruct({
    traceId: optional(Schema.String),
    traceName: optional(Schema.String),
    spanName: optional(Schema.String),
    generationName: optional(Schema.String),
    parentSpanId: optional(Schema.String)
  }, Schema.Unknown)
))

/**
 * @since 0.1.0
 */
export type Trace = typeof Trace.Type

/**
 * Settings of an image model, such as `aspect_ratio`; keys and values differ by model and travel as they are.
 *
 * @since 0.1.0
 */
export const ImageConfig = Schema.suspend(lazy(() =>
  Schema.Record(
    Schema.String,
    Schema.Union([Schema.String, Schema.Finite, Schema.Array(Schema.Unknown)])
  )
))

/**
 * @since 0.1.0
 */
export type ImageConfig = typeof ImageConfig.Type

/**
 * Asks for `response.debug` events in a stream: the request as the provider got it. Not for production.
 *
 * @since 0.1.0
 */
export const DebugOptions = Wire.LazyStruct(() => ({ echoUpstreamBody: optional(Schema.Boolean) }))

/**
 * @since 0.1.0
 */
export interface DebugOptions extends Schema.Schema.Type<typeof DebugOptions> {}

const conditions = {
  step_count_is: Wire.LazyStruct(() => ({ type: Schema.tag("step_count_is"), stepCount: Schema.Int })),
  has_tool_call: Wire.LazyStruct(() => ({ type: Schema.tag("has_tool_call"), toolName: Schema.NonEmptyString })),
  max_tokens_used: Wire.LazyStruct(() => ({ type: Schema.tag("max_tokens_used"), maxTokens: Schema.Int })),
  max_cost: Wire.LazyStruct(() => ({
    type: Schema.tag("max_cost"),
    /** US dollars. */
    maxCostInDollars: Schema.Finite
  })),
  finish_reason_is: Wire.LazyStruct(() => ({ type: Schema.tag("finish_reason_is"), reason: Schema.NonEmptyString }))
}

/**
 * When OpenRouter stops running server tools: after steps, a certain tool, tokens, dollars, or a finish reason.
 *
 * @since 0.1.0
 */
export const StopCondition: Wire.OpenUnion<typeof conditions> = Wire.OpenUnion(conditions, {
  identifier: "StopCondition"
})

/**
 * @since 0.1.0
 */
export type StopCondition = typeof StopCondition.Type
