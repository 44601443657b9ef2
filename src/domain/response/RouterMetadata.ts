/**
 * How OpenRouter routed a request: the answer's `openrouterMetadata`, for clients made with `routerMetadata: true`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Figure from "../money/Figure.ts"
import * as Wire from "../wire/Wire.ts"

const optional = Schema.optionalKey

/**
 * What was tried, where it was sent, and what ran around it.
 *
 * @since 0.1.0
 */
export const RouterMetadata = Wire.LazyStruct(() => ({
  /** The model as it was asked for. */
  requested: optional(Schema.String),
  strategy: optional(Wire.OpenLiterals([
    "direct",
    "auto",
    "free",
    "latest",
    "alias",
    "fallback",
    "pareto",
    "bodybuilder",
    "fusion"
  ])),
  region: optional(Schema.String),
  summary: optional(Schema.String),
  /** Which attempt succeeded, from 1. */
  attempt: optional(Schema.Finite),
  isByok: optional(Schema.Boolean),
  endpoints: optional(Wire.Struct({
    total: optional(Schema.Finite),
    available: optional(Schema.Array(Wire.Struct({
      provider: optional(Schema.String),
      model: optional(Schema.String),
      selected: optional(Schema.Boolean)
    })))
  })),
  /** OpenRouter's own attempts behind one answer, with the HTTP status of each. */
  attempts: optional(Schema.Array(Wire.Struct({
    provider: optional(Schema.String),
    model: optional(Schema.String),
    status: optional(Schema.Finite)
  }))),
  params: optional(Wire.JsonObject),
  /** Guardrails, plugins and server tools, in order. */
  pipeline: optional(Schema.Array(Wire.Struct({
    type: optional(Wire.OpenLiterals([
      "guardrail",
      "plugin",
      "server_tools",
      "response_healing",
      "context_compression"
    ])),
    name: optional(Schema.String),
    summary: optional(Schema.String),
    costUsd: Figure.cost,
    data: optional(Wire.JsonObject),
    guardrailId: optional(Schema.String),
    guardrailScope: optional(Schema.String)
  }))),
  /** Milliseconds. */
  generationTime: optional(Schema.Finite)
}))

/**
 * @since 0.1.0
 */
export interface RouterMetadata extends Schema.Schema.Type<typeof RouterMetadata> {}
