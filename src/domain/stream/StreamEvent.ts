/**
 * The events of a streamed answer: those of the API typed, any other kept as it came.
 *
 * Told apart by `type`, which has the wire's spelling: `event.type === "response.output_text.delta"`. An event of an
 * unknown type, or of a known type in an unexpected shape, has `type: "unknown"` and its JSON in `raw`; the latter also an
 * `issue`. `Wire.raw(event)` is the JSON of a typed one.
 *
 * @since 0.1.0
 */
import * as SchemaParser from "effect/SchemaParser"
import { lazy } from "../wire/Lazy.ts"
import * as Wire from "../wire/Wire.ts"
import * as ResponseEvent from "./ResponseEvent.ts"
import * as Text from "./TextEvent.ts"
import * as Tool from "./ToolEvent.ts"

export { fromOutcome, ofResponse } from "./OutcomeEvents.ts"
export * from "./ResponseEvent.ts"
export * from "./TextEvent.ts"
export * from "./ToolEvent.ts"

/**
 * The typed events by their wire type.
 *
 * @since 0.1.0
 */
export const arms = {
  "response.created": ResponseEvent.ResponseProgress,
  "response.queued": ResponseEvent.ResponseProgress,
  "response.in_progress": ResponseEvent.ResponseProgress,
  "response.completed": ResponseEvent.ResponseCompleted,
  "response.incomplete": ResponseEvent.ResponseIncomplete,
  "response.failed": ResponseEvent.ResponseFailed,
  "response.done": ResponseEvent.ResponseDone,
  "response.cancelled": ResponseEvent.ResponseDone,
  "response.error": ResponseEvent.ErrorEvent,
  error: ResponseEvent.ErrorEvent,
  "response.debug": ResponseEvent.Debug,
  "response.output_item.added": ResponseEvent.OutputItemAdded,
  "response.output_item.done": ResponseEvent.OutputItemDone,
  "response.content_part.added": Text.ContentPartAdded,
  "response.content_part.done": Text.ContentPartDone,
  "response.output_text.delta": Text.OutputTextDelta,
  "response.output_text.done": Text.OutputTextDone,
  "response.output_text.annotation.added": Text.AnnotationAdded,
  "response.refusal.delta": Text.RefusalDelta,
  "response.refusal.done": Text.RefusalDone,
  "response.reasoning_text.delta": Text.ReasoningTextDelta,
  "response.reasoning_text.done": Text.ReasoningTextDone,
  "response.reasoning_summary_part.added": Text.ReasoningSummaryPartAdded,
  "response.reasoning_summary_part.done": Text.ReasoningSummaryPartDone,
  "response.reasoning_summary_text.delta": Text.ReasoningSummaryTextDelta,
  "response.reasoning_summary_text.done": Text.ReasoningSummaryTextDone,
  "response.function_call_arguments.delta": Tool.FunctionCallArgumentsDelta,
  "response.function_call_arguments.done": Tool.FunctionCallArgumentsDone,
  "response.custom_tool_call_input.delta": Tool.CustomToolCallInputDelta,
  "response.custom_tool_call_input.done": Tool.CustomToolCallInputDone,
  "response.apply_patch_call_operation_diff.delta": Tool.ApplyPatchDiffDelta,
  "response.apply_patch_call_operation_diff.done": Tool.ApplyPatchDiffDone,
  "response.code_interpreter_call_code.delta": Tool.CodeInterpreterCodeDelta,
  "response.code_interpreter_call_code.done": Tool.CodeInterpreterCodeDone,
  "response.code_interpreter_call.in_progress": Tool.ToolProgress,
  "response.code_interpreter_call.interpreting": Tool.ToolProgress,
  "response.code_interpreter_call.completed": Tool.ToolProgress,
  "response.web_search_call.in_progress": Tool.ToolProgress,
  "response.web_search_call.searching": Tool.ToolProgress,
  "response.web_search_call.completed": Tool.ToolProgress,
  "response.image_generation_call.in_progress": Tool.ToolProgress,
  "response.image_generation_call.generating": Tool.ToolProgress,
  "response.image_generation_call.completed": Tool.ToolProgress,
  "response.image_generation_call.partial_image": Tool.PartialImage,
  "response.fusion_call.in_progress": Tool.ToolProgress,
  "response.fusion_call.completed": Tool.ToolProgress,
  "response.fusion_call.panel.added": Tool.FusionPanelAdded,
  "response.fusion_call.panel.delta": Tool.FusionPanelDelta,
  "response.fusion_call.panel.reasoning.delta": Tool.FusionPanelDelta,
  "response.fusion_call.panel.completed": Tool.FusionPanelCompleted,
  "response.fusion_call.panel.failed": Tool.FusionPanelFailed,
  "response.fusion_call.analysis.in_progress": Tool.FusionAnalysisInProgress,
  "response.fusion_call.analysis.completed": Tool.FusionAnalysisCompleted
}

/**
 * The schema of {@link StreamEvent}, by name.
 *
 * @since 0.1.0
 */
export interface StreamEventSchema extends Wire.OpenUnion<typeof arms> {}

/**
 * One event of a stream.
 *
 * @since 0.1.0
 */
export const StreamEvent: StreamEventSchema = Wire.OpenUnion(arms, {
  identifier: "StreamEvent",
  fallback: "error"
})

/**
 * @since 0.1.0
 */
export type StreamEvent = typeof StreamEvent.Type

const decodeAny = lazy(() => SchemaParser.decodeUnknownSync(StreamEvent))

/**
 * Decodes the parsed JSON of one event. Never throws: what is not understood is kept as `unknown`.
 *
 * A stream consists of deltas, so those of the usual shape are read directly; the result is the one of the schema, which
 * reads everything else.
 *
 * @since 0.1.0
 */
export const decode = (json: unknown): StreamEvent =>
  Wire.isJsonObject(json) ? decodeDelta(json) ?? decodeAny()(json) : decodeAny()(json)

/** The event if it is a delta with all fields of the expected types, or `undefined`. */
const decodeDelta = (json: Wire.JsonObject): StreamEvent | undefined => {
  const { delta, type } = json
  if (typeof delta !== "string") return undefined
  const sequenceNumber = json["sequence_number"]
  const itemId = json["item_id"]
  const outputIndex = json["output_index"]
  if (!isNumber(sequenceNumber) || typeof itemId !== "string" || !isNumber(outputIndex)) return undefined
  switch (type) {
    case "response.output_text.delta": {
      const contentIndex = json["content_index"]
      const logprobs = json["logprobs"]
      if (!isNumber(contentIndex)) return undefined
      if (logprobs === undefined) {
        return Wire.withRaw({ type, sequenceNumber, itemId, outputIndex, contentIndex, delta }, json)
      }
      if (!isArray(logprobs)) return undefined
      return Wire.withRaw({ type, sequenceNumber, itemId, outputIndex, contentIndex, delta, logprobs }, json)
    }
    case "response.refusal.delta":
    case "response.reasoning_text.delta": {
      const contentIndex = json["content_index"]
      if (!isNumber(contentIndex)) return undefined
      return Wire.withRaw({ type, sequenceNumber, itemId, outputIndex, contentIndex, delta }, json)
    }
    case "response.reasoning_summary_text.delta": {
      const summaryIndex = json["summary_index"]
      if (!isNumber(summaryIndex)) return undefined
      return Wire.withRaw({ type, sequenceNumber, itemId, outputIndex, summaryIndex, delta }, json)
    }
    case "response.function_call_arguments.delta":
    case "response.custom_tool_call_input.delta":
    case "response.apply_patch_call_operation_diff.delta":
    case "response.code_interpreter_call_code.delta":
      return Wire.withRaw({ type, sequenceNumber, itemId, outputIndex, delta }, json)
    default:
      return undefined
  }
}

const isNumber = (u: unknown): u is number => typeof u === "number" && Number.isFinite(u)

const isArray = (u: unknown): u is ReadonlyArray<unknown> => Array.isArray(u)

/**
 * An event that ends a stream.
 *
 * @since 0.1.0
 */
export type Terminal =
  | ResponseEvent.ResponseCompleted
  | ResponseEvent.ResponseIncomplete
  | ResponseEvent.ResponseFailed
  | ResponseEvent.ResponseDone
  | ResponseEvent.ErrorEvent

/**
 * True for an event that ends the stream. Read on after an {@link ErrorEvent}: a `response.failed` with the usage may
 * follow.
 *
 * @since 0.1.0
 */
export const isTerminal = (event: StreamEvent): event is Terminal => {
  switch (event.type) {
    case "response.completed":
    case "response.incomplete":
    case "response.failed":
    case "response.done":
    case "response.cancelled":
    case "response.error":
    case "error":
      return true
    default:
      return false
  }
}

/**
 * True if a stream has begun to answer with this event: it is neither a stage (`response.created`, `response.queued`,
 * `response.in_progress`), nor an end, nor a debug event, nor one that this version does not know.
 *
 * From the first piece on a call is not repeated; what came before it is delivered together with it.
 *
 * @since 0.1.0
 */
export const isPiece = (event: StreamEvent): boolean => {
  switch (event.type) {
    case "response.created":
    case "response.queued":
    case "response.in_progress":
    case "response.debug":
    case "unknown":
      return false
    default:
      return !isTerminal(event)
  }
}

/**
 * True if the event brings something of the answer: an item, a part of one, or a response that has items.
 *
 * After such an event the call must not be repeated behind the consumer's back. Stages, errors, debug events and
 * keep-alives bring nothing.
 *
 * @since 0.1.0
 */
export const isOutput = (event: StreamEvent): boolean => {
  if (isPiece(event)) return true
  if ("response" in event) return event.response.output.length > 0
  return event.type === "unknown" && Wire.isJsonObject(event.raw) && typeof event.raw["output_index"] === "number"
}

const keepAliveNames = /^(response[._])?(keep[._ -]?alive|ping|pong|heart[._ -]?beat|noop)$/i

/**
 * True for an event that only keeps the connection busy, in any of the names that providers and gateways have for it
 * (`keepalive`, `response.keep_alive`, `ping`, `heartbeat`), or that has nothing in it.
 *
 * It says nothing about the answer: no deadline is fed by it, and a stream has not begun with it.
 *
 * @since 0.1.0
 */
export const isKeepAlive = (event: StreamEvent): boolean => {
  if (event.type !== "unknown") return false
  const { raw, wireType } = event
  if (wireType !== "") return keepAliveNames.test(wireType)
  if (!Wire.isJsonObject(raw)) return raw === null || typeof raw === "string" && keepAliveNames.test(raw.trim())
  const { event: name } = raw
  return Object.keys(raw).length === 0 || typeof name === "string" && keepAliveNames.test(name)
}
