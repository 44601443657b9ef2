/**
 * What happens with a remote MCP server: its tools, the model's calls, and your approval of them.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Wire from "../wire/Wire.ts"

const optional = Schema.optionalKey

/**
 * The tools that a server offers.
 *
 * @since 0.1.0
 */
export const McpListTools = Wire.LazyStruct(() => ({
  type: Schema.tag("mcp_list_tools"),
  id: optional(Schema.String),
  serverLabel: Schema.String,
  /** Empty if the list could not be had; `error` says why. */
  tools: Wire.withDefault(
    Schema.Array(Wire.Struct({
      name: Schema.String,
      description: optional(Schema.String),
      /** JSON Schema of the arguments. */
      inputSchema: Wire.promised(Wire.JsonObject, {}),
      annotations: optional(Schema.Unknown)
    })),
    []
  ),
  error: optional(Schema.String)
}))

/**
 * @since 0.1.0
 */
export interface McpListTools extends Schema.Schema.Type<typeof McpListTools> {}

/**
 * The model wants to call a tool that needs your approval. Answer with an `mcp_approval_response`.
 *
 * @since 0.1.0
 */
export const McpApprovalRequest = Wire.LazyStruct(() => ({
  type: Schema.tag("mcp_approval_request"),
  id: Schema.String,
  serverLabel: Schema.String,
  name: Schema.String,
  /** JSON text. */
  arguments: Wire.promised(Wire.JsonText, "")
}))

/**
 * @since 0.1.0
 */
export interface McpApprovalRequest extends Schema.Schema.Type<typeof McpApprovalRequest> {}

/**
 * Whether the tool of an `mcp_approval_request` may be called.
 *
 * @since 0.1.0
 */
export const McpApprovalResponse = Wire.LazyStruct(() => ({
  type: Schema.tag("mcp_approval_response"),
  id: Schema.optional(Schema.String),
  approvalRequestId: Schema.String,
  approve: Schema.Boolean,
  reason: Schema.optional(Schema.String)
}))

/**
 * @since 0.1.0
 */
export interface McpApprovalResponse extends Schema.Schema.Type<typeof McpApprovalResponse> {}

/**
 * A call of a server's tool, with its output or its error.
 *
 * @since 0.1.0
 */
export const McpCall = Wire.LazyStruct(() => ({
  type: Schema.tag("mcp_call"),
  id: optional(Schema.String),
  serverLabel: Schema.String,
  name: Schema.String,
  /** JSON text. */
  arguments: Wire.promised(Wire.JsonText, ""),
  output: optional(Schema.String),
  error: optional(Schema.Union([Schema.String, Wire.JsonObject])),
  approvalRequestId: optional(Schema.String),
  status: optional(Wire.OpenLiterals(["in_progress", "completed", "incomplete", "calling", "failed"]))
}))

/**
 * @since 0.1.0
 */
export interface McpCall extends Schema.Schema.Type<typeof McpCall> {}
