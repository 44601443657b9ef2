/**
 * OpenRouter's tools that ask other models: an advisor, a worker, a panel.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Wire from "../wire/Wire.ts"
import { CacheControl, ReasoningEffort } from "./RequestSettings.ts"

const optional = Schema.optional

const Name = Schema.String.check(Schema.isPattern(/^[a-zA-Z0-9 _-]{1,64}$/, {
  message: "is no tool name; OpenRouter takes 1 to 64 letters, digits, spaces, underscores and dashes"
}))

/**
 * How much another model reasons.
 *
 * @since 0.1.0
 */
export const ToolReasoning = Wire.LazyStruct(() => ({
  effort: optional(ReasoningEffort),
  maxTokens: optional(Schema.Int)
}))

/**
 * @since 0.1.0
 */
export interface ToolReasoning extends Schema.Schema.Type<typeof ToolReasoning> {}

/**
 * A server tool for another model.
 *
 * @since 0.1.0
 */
export const NestedTool = Wire.LazyStruct(() => ({
  /** For example `openrouter:web_search`. */
  type: Schema.String,
  /** Under their wire names. */
  parameters: optional(Wire.JsonObject)
}))

/**
 * @since 0.1.0
 */
export interface NestedTool extends Schema.Schema.Type<typeof NestedTool> {}

/**
 * A stronger model to ask. Give several entries different names; one of them may have none.
 *
 * @since 0.1.0
 */
export const Advisor = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:advisor"),
  parameters: optional(Wire.Struct({
    name: optional(Name),
    /** The advisor; the calling model may choose if it is absent. */
    model: optional(Schema.String),
    instructions: optional(Schema.String),
    /** Whether the advisor reads the conversation, or only the question. OpenRouter's default: false. */
    forwardTranscript: optional(Schema.Boolean),
    maxCompletionTokens: optional(Schema.Int),
    reasoning: optional(ToolReasoning),
    temperature: optional(Schema.Finite),
    /** Whether a stream shows the advice as it is written. OpenRouter's default: false. */
    stream: optional(Schema.Boolean)
  }))
}))

/**
 * @since 0.1.0
 */
export interface Advisor extends Schema.Schema.Type<typeof Advisor> {}

/**
 * A worker model for tasks on their own. Give several entries different names; one may have none.
 *
 * @since 0.1.0
 */
export const Subagent = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:subagent"),
  parameters: optional(Wire.Struct({
    name: optional(Name),
    /** The worker; the request's model if it is absent. */
    model: optional(Schema.String),
    instructions: optional(Schema.String),
    /** Server tools for the worker. */
    tools: optional(Schema.Array(NestedTool)),
    /** Experimental: the worker may call all functions of the request. */
    inheritFunctions: optional(Schema.Boolean),
    /** Experimental: the worker may call these functions of the request. */
    inheritedFunctionNames: optional(Schema.Array(Schema.NonEmptyString)),
    /** Steps with tools; at most 25. */
    maxToolCalls: optional(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 25 }))),
    maxCompletionTokens: optional(Schema.Int),
    reasoning: optional(ToolReasoning),
    temperature: optional(Schema.Finite)
  }))
}))

/**
 * @since 0.1.0
 */
export interface Subagent extends Schema.Schema.Type<typeof Subagent> {}

/**
 * The models of a panel: 1 to 8 slugs.
 *
 * @since 0.1.0
 */
export const PanelModels = Schema.Array(Schema.String).check(Schema.isMinLength(1), Schema.isMaxLength(8))

/**
 * The tools of a panel: at most 8.
 *
 * @since 0.1.0
 */
export const PanelTools = Schema.Array(Schema.suspend(() => NestedTool)).check(Schema.isMaxLength(8))

/**
 * The steps of a panel's model: 1 to 16.
 *
 * @since 0.1.0
 */
export const PanelSteps = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 16 }))

/**
 * A panel of models whose opinions another model analyses. Each of them is billed.
 *
 * @since 0.1.0
 */
export const Fusion = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:fusion"),
  parameters: optional(Wire.Struct({
    /** The panel: 1 to 8 models. */
    analysisModels: optional(PanelModels),
    /** The analyst; the request's model if it is absent. */
    model: optional(Schema.String),
    /** Server tools for the panel and the analyst: at most 8; an empty list means none. */
    tools: optional(PanelTools),
    /** Steps with tools; OpenRouter's default: 4, at most 16. */
    maxToolCalls: optional(PanelSteps),
    /** OpenRouter's default: 16000. */
    maxCompletionTokens: optional(Schema.Int),
    reasoning: optional(ToolReasoning),
    temperature: optional(Schema.Finite),
    cacheControl: optional(CacheControl)
  }))
}))

/**
 * @since 0.1.0
 */
export interface Fusion extends Schema.Schema.Type<typeof Fusion> {}
