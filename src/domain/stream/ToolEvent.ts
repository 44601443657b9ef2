/**
 * The events of a stream that speak of calls: the model's of your functions, and those of the tools that the server runs.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Wire from "../wire/Wire.ts"
import * as EventFields from "./EventFields.ts"

const optional = Schema.optionalKey

/**
 * A server tool reached the stage that the type names.
 *
 * @since 0.1.0
 */
export const ToolProgress = Wire.LazyStruct(() => ({
  type: Schema.Literals([
    "response.image_generation_call.in_progress",
    "response.image_generation_call.generating",
    "response.image_generation_call.completed",
    "response.code_interpreter_call.in_progress",
    "response.code_interpreter_call.interpreting",
    "response.code_interpreter_call.completed",
    "response.web_search_call.in_progress",
    "response.web_search_call.searching",
    "response.web_search_call.completed",
    "response.fusion_call.in_progress",
    "response.fusion_call.completed"
  ]),
  ...EventFields.item
}))

/**
 * @since 0.1.0
 */
export interface ToolProgress extends Schema.Schema.Type<typeof ToolProgress> {}

/**
 * The next piece of a function call's JSON arguments.
 *
 * @since 0.1.0
 */
export const FunctionCallArgumentsDelta = Wire.LazyStruct(() => ({
  type: Schema.tag("response.function_call_arguments.delta"),
  ...EventFields.item,
  delta: Wire.JsonText
}))

/**
 * @since 0.1.0
 */
export interface FunctionCallArgumentsDelta extends Schema.Schema.Type<typeof FunctionCallArgumentsDelta> {}

/**
 * The whole JSON text of a function call's arguments.
 *
 * @since 0.1.0
 */
export const FunctionCallArgumentsDone = Wire.LazyStruct(() => ({
  type: Schema.tag("response.function_call_arguments.done"),
  ...EventFields.item,
  name: optional(Schema.String),
  arguments: Wire.promised(Wire.JsonText, "")
}))

/**
 * @since 0.1.0
 */
export interface FunctionCallArgumentsDone extends Schema.Schema.Type<typeof FunctionCallArgumentsDone> {}

/**
 * The next piece of the text that a custom tool is called with.
 *
 * @since 0.1.0
 */
export const CustomToolCallInputDelta = Wire.LazyStruct(() => ({
  type: Schema.tag("response.custom_tool_call_input.delta"),
  ...EventFields.item,
  delta: Wire.JsonText
}))

/**
 * @since 0.1.0
 */
export interface CustomToolCallInputDelta extends Schema.Schema.Type<typeof CustomToolCallInputDelta> {}

/**
 * The whole text that a custom tool is called with.
 *
 * @since 0.1.0
 */
export const CustomToolCallInputDone = Wire.LazyStruct(() => ({
  type: Schema.tag("response.custom_tool_call_input.done"),
  ...EventFields.item,
  input: Wire.promised(Wire.JsonText, "")
}))

/**
 * @since 0.1.0
 */
export interface CustomToolCallInputDone extends Schema.Schema.Type<typeof CustomToolCallInputDone> {}

/**
 * The next piece of a patch.
 *
 * @since 0.1.0
 */
export const ApplyPatchDiffDelta = Wire.LazyStruct(() => ({
  type: Schema.tag("response.apply_patch_call_operation_diff.delta"),
  ...EventFields.item,
  delta: Schema.String
}))

/**
 * @since 0.1.0
 */
export interface ApplyPatchDiffDelta extends Schema.Schema.Type<typeof ApplyPatchDiffDelta> {}

/**
 * The whole patch.
 *
 * @since 0.1.0
 */
export const ApplyPatchDiffDone = Wire.LazyStruct(() => ({
  type: Schema.tag("response.apply_patch_call_operation_diff.done"),
  ...EventFields.item,
  diff: Wire.promised(Schema.String, "")
}))

/**
 * @since 0.1.0
 */
export interface ApplyPatchDiffDone extends Schema.Schema.Type<typeof ApplyPatchDiffDone> {}

/**
 * The next piece of the code that the interpreter will run.
 *
 * @since 0.1.0
 */
export const CodeInterpreterCodeDelta = Wire.LazyStruct(() => ({
  type: Schema.tag("response.code_interpreter_call_code.delta"),
  ...EventFields.item,
  delta: Schema.String
}))

/**
 * @since 0.1.0
 */
export interface CodeInterpreterCodeDelta extends Schema.Schema.Type<typeof CodeInterpreterCodeDelta> {}

/**
 * The whole code that the interpreter will run.
 *
 * @since 0.1.0
 */
export const CodeInterpreterCodeDone = Wire.LazyStruct(() => ({
  type: Schema.tag("response.code_interpreter_call_code.done"),
  ...EventFields.item,
  code: Wire.promised(Schema.String, "")
}))

/**
 * @since 0.1.0
 */
export interface CodeInterpreterCodeDone extends Schema.Schema.Type<typeof CodeInterpreterCodeDone> {}

/**
 * An unfinished image, to show while the model paints on. It is not kept: the finished one is in the item.
 *
 * @since 0.1.0
 */
export const PartialImage = Wire.LazyStruct(() => ({
  type: Schema.tag("response.image_generation_call.partial_image"),
  ...EventFields.item,
  /** Base64. */
  partialImageB64: Schema.String,
  partialImageIndex: optional(Schema.Finite)
}))

/**
 * @since 0.1.0
 */
export interface PartialImage extends Schema.Schema.Type<typeof PartialImage> {}

/**
 * A model of a fusion panel began to answer.
 *
 * @since 0.1.0
 */
export const FusionPanelAdded = Wire.LazyStruct(() => ({
  type: Schema.tag("response.fusion_call.panel.added"),
  ...EventFields.item,
  model: Schema.String
}))

/**
 * @since 0.1.0
 */
export interface FusionPanelAdded extends Schema.Schema.Type<typeof FusionPanelAdded> {}

/**
 * The next piece of what a model of the panel says.
 *
 * @since 0.1.0
 */
export const FusionPanelDelta = Wire.LazyStruct(() => ({
  type: Schema.Literals(["response.fusion_call.panel.delta", "response.fusion_call.panel.reasoning.delta"]),
  ...EventFields.item,
  model: Schema.String,
  delta: Schema.String
}))

/**
 * @since 0.1.0
 */
export interface FusionPanelDelta extends Schema.Schema.Type<typeof FusionPanelDelta> {}

/**
 * All that a model of the panel said.
 *
 * @since 0.1.0
 */
export const FusionPanelCompleted = Wire.LazyStruct(() => ({
  type: Schema.tag("response.fusion_call.panel.completed"),
  ...EventFields.item,
  model: Schema.String,
  content: Schema.String
}))

/**
 * @since 0.1.0
 */
export interface FusionPanelCompleted extends Schema.Schema.Type<typeof FusionPanelCompleted> {}

/**
 * A model of the panel failed; the others go on.
 *
 * @since 0.1.0
 */
export const FusionPanelFailed = Wire.LazyStruct(() => ({
  type: Schema.tag("response.fusion_call.panel.failed"),
  ...EventFields.item,
  model: Schema.String,
  error: Schema.String,
  statusCode: optional(Schema.Finite)
}))

/**
 * @since 0.1.0
 */
export interface FusionPanelFailed extends Schema.Schema.Type<typeof FusionPanelFailed> {}

/**
 * The panel's answers are being compared by `analystModel`.
 *
 * @since 0.1.0
 */
export const FusionAnalysisInProgress = Wire.LazyStruct(() => ({
  type: Schema.tag("response.fusion_call.analysis.in_progress"),
  ...EventFields.item,
  analystModel: optional(Schema.String),
  /** @deprecated The former name of `analystModel`. */
  judgeModel: optional(Schema.String)
}))

/**
 * @since 0.1.0
 */
export interface FusionAnalysisInProgress extends Schema.Schema.Type<typeof FusionAnalysisInProgress> {}

/**
 * How the panel's answers compare.
 *
 * @since 0.1.0
 */
export const FusionAnalysisCompleted = Wire.LazyStruct(() => ({
  type: Schema.tag("response.fusion_call.analysis.completed"),
  ...EventFields.item,
  analysis: Schema.Unknown
}))

/**
 * @since 0.1.0
 */
export interface FusionAnalysisCompleted extends Schema.Schema.Type<typeof FusionAnalysisCompleted> {}
