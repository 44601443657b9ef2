/**
 * Calls of server tools that ask other models: an advisor, a worker, a panel.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Wire from "../wire/Wire.ts"
import { ItemStatus } from "./OpenAiToolCall.ts"

const optional = Schema.optionalKey

/**
 * How far a call got that can also fail.
 *
 * @since 0.1.0
 */
export const FailableStatus = Wire.OpenLiterals(["in_progress", "completed", "incomplete", "failed"])

/**
 * @since 0.1.0
 */
export type FailableStatus = typeof FailableStatus.Type

/**
 * Where the models of a panel agree, differ, and what only one of them saw.
 *
 * @since 0.1.0
 */
export const FusionAnalysis = Wire.LazyStruct(() => ({
  consensus: Schema.Array(Schema.String),
  contradictions: Schema.Array(Wire.Struct({
    topic: Schema.String,
    stances: Schema.Array(Wire.Struct({ model: Schema.String, stance: Schema.String }))
  })),
  partialCoverage: Schema.Array(Wire.Struct({ point: Schema.String, models: Schema.Array(Schema.String) })),
  uniqueInsights: Schema.Array(Wire.Struct({ model: Schema.String, insight: Schema.String })),
  blindSpots: Schema.Array(Schema.String)
}))

/**
 * @since 0.1.0
 */
export interface FusionAnalysis extends Schema.Schema.Type<typeof FusionAnalysis> {}

/**
 * Advice of a stronger model. Send the item back unchanged: it is the advisor's memory.
 *
 * @since 0.1.0
 */
export const Advisor = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:advisor"),
  id: optional(Schema.String),
  status: optional(FailableStatus),
  model: optional(Schema.String),
  /** Which of several advisors it was. */
  instanceName: optional(Schema.String),
  prompt: optional(Schema.String),
  advice: optional(Schema.String),
  error: optional(Schema.String)
}))

/**
 * @since 0.1.0
 */
export interface Advisor extends Schema.Schema.Type<typeof Advisor> {}

/**
 * A task that a worker model did. Send the item back unchanged: function calls of the worker refer to its `callId`.
 *
 * @since 0.1.0
 */
export const Subagent = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:subagent"),
  id: optional(Schema.String),
  status: optional(FailableStatus),
  callId: optional(Schema.String),
  model: optional(Schema.String),
  /** The configured name of the worker; none for an unnamed one. */
  name: optional(Schema.String),
  /** Which of several workers it was. */
  instanceName: optional(Schema.String),
  taskName: optional(Schema.String),
  taskDescription: optional(Schema.String),
  outcome: optional(Schema.String),
  error: optional(Schema.String)
}))

/**
 * @since 0.1.0
 */
export interface Subagent extends Schema.Schema.Type<typeof Subagent> {}

/**
 * The opinions of a panel of models and their analysis. `failureReason` is a code, `error` its text.
 *
 * @since 0.1.0
 */
export const Fusion = Wire.LazyStruct(() => ({
  type: Schema.tag("openrouter:fusion"),
  id: optional(Schema.String),
  status: optional(ItemStatus),
  analysis: optional(FusionAnalysis),
  responses: optional(Schema.Array(Wire.Struct({ model: Schema.String, content: optional(Schema.String) }))),
  sources: optional(Schema.Array(Wire.Struct({ url: Schema.String, title: Schema.String }))),
  failedModels: optional(Schema.Array(Wire.Struct({
    model: Schema.String,
    error: Schema.String,
    statusCode: optional(Schema.Int)
  }))),
  failureReason: optional(Schema.String),
  error: optional(Schema.String)
}))

/**
 * @since 0.1.0
 */
export interface Fusion extends Schema.Schema.Type<typeof Fusion> {}
