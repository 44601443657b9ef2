/**
 * What a request's `input` consists of: messages with their parts, function results, and the history sent back.
 *
 * Every decoded output item is an input item, so `[...response.output, Input.user("…")]` continues a conversation, and
 * history travels exactly as it came. {@link user}, {@link system} and the others make the common messages shorter.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { SummaryPart } from "../response/ContentPart.ts"
import * as McpItem from "../response/McpItem.ts"
import * as OpenAiToolCall from "../response/OpenAiToolCall.ts"
import { ItemStatus, SearchStatus } from "../response/OpenAiToolCall.ts"
import * as OpenRouterToolCall from "../response/OpenRouterToolCall.ts"
import * as OutputItem from "../response/OutputItem.ts"
import * as WorkspaceCall from "../response/WorkspaceCall.ts"
import * as Wire from "../wire/Wire.ts"
import { InputImage, InputPart, InputText, mediaByHand, ResultPart } from "./InputPart.ts"
import { ReasoningEffort } from "./RequestSettings.ts"
import { Tools } from "./Tool.ts"

export {
  audio,
  audioBytes,
  file,
  fileBytes,
  image,
  imageBytes,
  InputAudio,
  InputFile,
  InputImage,
  InputPart,
  InputText,
  InputVideo,
  PromptCacheBreakpoint,
  ResultPart,
  text,
  video,
  videoBytes
} from "./InputPart.ts"

const optional = Schema.optional

/** What other APIs call the roles. */
const roles = new Map([
  ["tool", "tool is no role here: the result of a call is an item of its own, made by Input.functionCallOutput"],
  [
    "function",
    "function is no role here: the result of a call is an item of its own, made by Input.functionCallOutput"
  ],
  ["model", "must be assistant, not model"],
  ["ai", "must be assistant, not ai"],
  ["human", "must be user, not human"]
])

/** Why the API would not take a message of this role with these parts, or `undefined`. */
const misfit = (message: {
  readonly type?: "message" | undefined
  readonly id?: string | undefined
  readonly role: string
  readonly content?: string | ReadonlyArray<InputPart> | undefined
}): string | Wire.Flaw | undefined => {
  const issue = roles.get(message.role)
  if (issue !== undefined) return { path: ["role"], issue }
  if (typeof message.content !== "object") return undefined
  const isOutput = (part: InputPart) => part.type === "output_text" || part.type === "refusal"
  if (!message.content.some(isOutput)) return undefined
  const isWhole = message.role === "assistant" && message.type === "message" && message.id !== undefined
  return isWhole && message.content.every((part) => isOutput(part) || part.type === "unknown")
    ? undefined
    : "must be the item of the response, or have its text as a string: OpenRouter takes output parts only in an " +
      "assistant's message with type, id and no other parts"
}

/**
 * A message of any role. `type` may be left out.
 *
 * @since 0.1.0
 */
export const InputMessage = Wire.LazyStruct(() => ({
  type: optional(Schema.Literal("message")),
  id: optional(Schema.String),
  role: Wire.OpenLiterals(["user", "system", "developer", "assistant"]),
  content: optional(Schema.Union([Schema.String, Schema.Array(InputPart)])),
  status: optional(ItemStatus),
  phase: optional(OutputItem.Phase)
}))

/**
 * @since 0.1.0
 */
export interface InputMessage extends Schema.Schema.Type<typeof InputMessage> {}

/**
 * The result of a function that the model asked for. `output` is text, JSON text by convention, or parts.
 *
 * @since 0.1.0
 */
export const FunctionCallOutput = Wire.LazyStruct(() => ({
  type: Schema.tag("function_call_output"),
  id: optional(Schema.String),
  callId: Schema.String,
  output: Schema.Union([Schema.String, Schema.Array(ResultPart)]),
  status: optional(ItemStatus)
}))

/**
 * @since 0.1.0
 */
export interface FunctionCallOutput extends Schema.Schema.Type<typeof FunctionCallOutput> {}

/**
 * The result of a custom tool that the model called.
 *
 * @since 0.1.0
 */
export const CustomToolCallOutput = Wire.LazyStruct(() => ({
  type: Schema.tag("custom_tool_call_output"),
  id: optional(Schema.String),
  callId: Schema.String,
  output: Schema.Union([Schema.String, Schema.Array(ResultPart)])
}))

/**
 * @since 0.1.0
 */
export interface CustomToolCallOutput extends Schema.Schema.Type<typeof CustomToolCallOutput> {}

/**
 * A mark that the provider put into the history where it compacted the conversation.
 *
 * @since 0.1.0
 */
export const ContextCompaction = Wire.LazyStruct(() => ({
  type: Schema.tag("context_compaction"),
  id: optional(Schema.String),
  encryptedContent: optional(Schema.String)
}))

/**
 * @since 0.1.0
 */
export interface ContextCompaction extends Schema.Schema.Type<typeof ContextCompaction> {}

/**
 * An item by its id, for providers that know it; OpenRouter itself stores nothing.
 *
 * @since 0.1.0
 */
export const ItemReference = Wire.LazyStruct(() => ({ type: Schema.tag("item_reference"), id: Schema.String }))

/**
 * @since 0.1.0
 */
export interface ItemReference extends Schema.Schema.Type<typeof ItemReference> {}

/**
 * Tools that the model has from this point of the input on.
 *
 * @since 0.1.0
 */
export const AdditionalTools = Wire.LazyStruct(() => ({
  type: Schema.tag("additional_tools"),
  id: optional(Schema.String),
  role: Wire.OpenLiterals([
    "developer",
    "system",
    "user",
    "assistant",
    "tool",
    "critic",
    "discriminator",
    "unknown"
  ]),
  tools: Tools
}))

/**
 * @since 0.1.0
 */
export interface AdditionalTools extends Schema.Schema.Type<typeof AdditionalTools> {}

/** Content that only the provider can read. */
const EncryptedContent = Wire.LazyStruct(() => ({
  type: Schema.tag("encrypted_content"),
  encryptedContent: Schema.String
}))

const agentParts = { input_text: InputText, input_image: InputImage, encrypted_content: EncryptedContent }

/**
 * A message from one agent to another; agents are named by path, such as `/root/worker`.
 *
 * @since 0.1.0
 */
export const AgentMessage = Wire.LazyStruct(() => ({
  type: Schema.tag("agent_message"),
  id: optional(Schema.String),
  author: Schema.String,
  recipient: Schema.String,
  agent: optional(Wire.Struct({ agentName: Schema.String })),
  content: Schema.Array(Wire.OpenUnion(agentParts, {
    identifier: "AgentPart",
    byHand: { input_image: mediaByHand.input_image }
  }))
}))

/**
 * @since 0.1.0
 */
export interface AgentMessage extends Schema.Schema.Type<typeof AgentMessage> {}

/**
 * How much the model reasons from this point of the input on.
 *
 * @since 0.1.0
 */
export const ConfigurationUpdate = Wire.LazyStruct(() => ({
  type: Schema.tag("configuration_update"),
  id: optional(Schema.String),
  reasoning: Wire.Struct({ effort: ReasoningEffort })
}))

/**
 * @since 0.1.0
 */
export interface ConfigurationUpdate extends Schema.Schema.Type<typeof ConfigurationUpdate> {}

const inputArms = {
  ...OutputItem.arms,
  message: InputMessage,
  function_call_output: FunctionCallOutput,
  custom_tool_call_output: CustomToolCallOutput,
  apply_patch_call_output: WorkspaceCall.ApplyPatchCallOutput,
  local_shell_call_output: WorkspaceCall.LocalShellCallOutput,
  mcp_approval_response: McpItem.McpApprovalResponse,
  context_compaction: ContextCompaction,
  item_reference: ItemReference,
  additional_tools: AdditionalTools,
  agent_message: AgentMessage,
  configuration_update: ConfigurationUpdate
}

const identified = () => ({ id: Schema.String })
const started = () => ({ id: Schema.String, status: ItemStatus })
const searched = () => ({ id: Schema.String, status: SearchStatus })

/** Items of the history that are made by hand instead: what the API promises in no answer, but wants in a request. */
const byHand = {
  message: Schema.suspend(() =>
    InputMessage.check(Schema.makeFilter(misfit, { expected: "a message that OpenRouter takes" }))
  ),
  reasoning: OutputItem.Reasoning.with(() => ({ id: Schema.String, summary: Schema.Array(SummaryPart) })),
  function_call: OutputItem.FunctionCall.with(() => ({
    subagentItems: optional(Schema.Array(Wire.OpenStruct({ type: Schema.String }, Schema.Unknown)))
  })),
  web_search_call: OpenAiToolCall.WebSearchCall.with(searched),
  file_search_call: OpenAiToolCall.FileSearchCall.with(() => ({ ...searched(), queries: Schema.Array(Schema.String) })),
  image_generation_call: OpenAiToolCall.ImageGenerationCall.with(() => ({
    id: Schema.String,
    status: Wire.OpenLiterals(["in_progress", "completed", "generating", "failed"])
  })),
  code_interpreter_call: OpenAiToolCall.CodeInterpreterCall.with(() => ({
    id: Schema.String,
    status: Wire.OpenLiterals(["in_progress", "completed", "incomplete", "interpreting", "failed"])
  })),
  computer_call: OpenAiToolCall.ComputerCall.with(() => ({
    status: ItemStatus,
    pendingSafetyChecks: Schema.Array(Wire.Struct({ id: Schema.String, code: Schema.String, message: Schema.String }))
  })),
  apply_patch_call: WorkspaceCall.ApplyPatchCall.with(() => ({
    status: Wire.OpenLiterals(["in_progress", "completed"])
  })),
  shell_call: WorkspaceCall.ShellCall.with(() => ({ action: WorkspaceCall.ShellAction })),
  local_shell_call: WorkspaceCall.LocalShellCall.with(() => ({
    ...started(),
    action: WorkspaceCall.LocalShellAction.with(() => ({ env: Schema.Record(Schema.String, Schema.String) }))
  })),
  mcp_list_tools: McpItem.McpListTools.with(identified),
  mcp_call: McpItem.McpCall.with(identified),
  ...OpenRouterToolCall.armsByHand
}

/**
 * The schema of {@link InputItem}, by name.
 *
 * @since 0.1.0
 */
export interface InputItemSchema extends Wire.OpenUnion<typeof inputArms> {}

/**
 * One item of a request's input.
 *
 * @since 0.1.0
 */
export const InputItem: InputItemSchema = Wire.OpenUnion(inputArms, {
  identifier: "InputItem",
  fallback: "message",
  byHand
})

/**
 * @since 0.1.0
 */
export type InputItem = typeof InputItem.Type

/**
 * The content of a message made by hand: text, or parts such as {@link image}.
 *
 * @since 0.1.0
 */
export type Content = string | ReadonlyArray<InputPart>

/**
 * What the user says.
 *
 * @since 0.1.0
 */
export const user = (content: Content): InputMessage => ({ role: "user", content })

/**
 * Instructions of the application.
 *
 * @since 0.1.0
 */
export const system = (content: Content): InputMessage => ({ role: "system", content })

/**
 * Instructions of the developer, which rank above the user's.
 *
 * @since 0.1.0
 */
export const developer = (content: Content): InputMessage => ({ role: "developer", content })

/**
 * What the model said, as plain text. To send back a real answer use `response.output`: it keeps ids and reasoning.
 *
 * @since 0.1.0
 */
export const assistant = (content: string): InputMessage => ({ role: "assistant", content })

/**
 * The result of a function call, for the call that asked for it.
 *
 * @since 0.1.0
 */
export const functionCallOutput = (
  call: { readonly callId: string },
  output: string | ReadonlyArray<ResultPart>
): FunctionCallOutput => ({
  type: "function_call_output",
  callId: call.callId,
  output
})
