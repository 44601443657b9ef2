/**
 * The items of a response's `output`: messages, reasoning, calls; a type that is not known here is kept as it came.
 *
 * Items are history: put them into the `input` of the next request and they are sent back exactly as they arrived. Only
 * what makes an item usable is required; everything else may be absent, above all while an item is in progress.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Wire from "../wire/Wire.ts"
import { OutputContent, ReasoningContent, Summary } from "./ContentPart.ts"
import { McpApprovalRequest, McpCall, McpListTools } from "./McpItem.ts"
import {
  CodeInterpreterCall,
  ComputerCall,
  CustomToolCall,
  FileSearchCall,
  ImageGenerationCall,
  ItemStatus,
  WebSearchCall
} from "./OpenAiToolCall.ts"
import * as OpenRouterToolCall from "./OpenRouterToolCall.ts"
import { ApplyPatchCall, LocalShellCall, ShellCall, ShellCallOutput } from "./WorkspaceCall.ts"

const optional = Schema.optionalKey

/**
 * Whether a message is work in progress (`commentary`) or the answer (`final_answer`). Send it back unchanged.
 *
 * @since 0.1.0
 */
export const Phase = Wire.OpenLiterals(["commentary", "final_answer"])

/**
 * @since 0.1.0
 */
export type Phase = typeof Phase.Type

/**
 * A message of the model. What lacks its role or content is read as the assistant's, or as empty.
 *
 * @since 0.1.0
 */
export const Message = Wire.LazyStruct(
  () => ({
    type: Schema.tag("message"),
    id: optional(Schema.String),
    role: Wire.withDefault(Wire.OpenLiterals(["assistant"]), "assistant"),
    status: optional(ItemStatus),
    phase: optional(Phase),
    content: Wire.withDefault(OutputContent, [])
  }),
  {},
  { identifier: "Message" }
)

/**
 * @since 0.1.0
 */
export interface Message extends Schema.Schema.Type<typeof Message> {}

/**
 * The model's reasoning: a summary, the text if the provider shows it, or an encrypted form to send back.
 *
 * @since 0.1.0
 */
export const Reasoning = Wire.LazyStruct(() => ({
  type: Schema.tag("reasoning"),
  id: optional(Schema.String),
  summary: optional(Summary),
  content: optional(ReasoningContent),
  encryptedContent: optional(Schema.String),
  format: optional(Wire.OpenLiterals([
    "unknown",
    "openai-responses-v1",
    "azure-openai-responses-v1",
    "bedrock-openai-responses-v1",
    "bedrock-xai-responses-v1",
    "xai-responses-v1",
    "meta-responses-v1",
    "anthropic-claude-v1",
    "google-gemini-v1"
  ])),
  signature: optional(Schema.String),
  status: optional(ItemStatus)
}))

/**
 * @since 0.1.0
 */
export interface Reasoning extends Schema.Schema.Type<typeof Reasoning> {}

/**
 * The model asks for a function to be called. Answer with a `function_call_output` of the same `callId`.
 *
 * @since 0.1.0
 */
export const FunctionCall = Wire.LazyStruct(
  () => ({
    type: Schema.tag("function_call"),
    id: optional(Schema.String),
    callId: Schema.String,
    name: Schema.String,
    /** JSON text; the model may have written anything. Empty if it wrote nothing. */
    arguments: Wire.promised(Wire.JsonText, ""),
    namespace: optional(Schema.String),
    /** The `callId` of the `openrouter:subagent` item whose worker calls; none for calls of the model itself. */
    subagentId: optional(Schema.String),
    /** What the worker made so far; send it back unchanged. */
    subagentItems: optional(Schema.Array(Wire.JsonObject)),
    status: optional(ItemStatus)
  }),
  {},
  { identifier: "FunctionCall" }
)

/**
 * @since 0.1.0
 */
export interface FunctionCall extends Schema.Schema.Type<typeof FunctionCall> {}

/**
 * What stands for the part of a conversation that was compacted; only the provider can read it.
 *
 * @since 0.1.0
 */
export const Compaction = Wire.LazyStruct(() => ({
  type: Schema.tag("compaction"),
  id: optional(Schema.String),
  encryptedContent: Schema.String
}))

/**
 * @since 0.1.0
 */
export interface Compaction extends Schema.Schema.Type<typeof Compaction> {}

/**
 * The typed output items by their wire type.
 *
 * @since 0.1.0
 */
export const arms = {
  message: Message,
  reasoning: Reasoning,
  function_call: FunctionCall,
  custom_tool_call: CustomToolCall,
  web_search_call: WebSearchCall,
  file_search_call: FileSearchCall,
  image_generation_call: ImageGenerationCall,
  code_interpreter_call: CodeInterpreterCall,
  computer_call: ComputerCall,
  apply_patch_call: ApplyPatchCall,
  shell_call: ShellCall,
  shell_call_output: ShellCallOutput,
  local_shell_call: LocalShellCall,
  mcp_list_tools: McpListTools,
  mcp_approval_request: McpApprovalRequest,
  mcp_call: McpCall,
  compaction: Compaction,
  ...OpenRouterToolCall.arms
}

/**
 * The schema of {@link OutputItem}, by name.
 *
 * @since 0.1.0
 */
export interface OutputItemSchema extends Wire.OpenUnion<typeof arms> {}

/**
 * One item of a response's output. `type: "unknown"` keeps the JSON of what this version does not know.
 *
 * @since 0.1.0
 */
export const OutputItem: OutputItemSchema = Wire.OpenUnion(arms, { identifier: "OutputItem" })

/**
 * @since 0.1.0
 */
export type OutputItem = typeof OutputItem.Type
