/**
 * The events of a stream that bring text: of messages, refusals and reasoning.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { Annotation, OutputText, ReasoningText, Refusal, SummaryPart } from "../response/ContentPart.ts"
import * as Wire from "../wire/Wire.ts"
import * as EventFields from "./EventFields.ts"

const optional = Schema.optionalKey

const parts = { output_text: OutputText, refusal: Refusal, reasoning_text: ReasoningText }

/**
 * A part of a message or of reasoning.
 *
 * @since 0.1.0
 */
export const Part: Wire.OpenUnion<typeof parts> = Wire.OpenUnion(parts, { identifier: "Part" })

/**
 * @since 0.1.0
 */
export type Part = typeof Part.Type

/**
 * A part of an item's content began.
 *
 * @since 0.1.0
 */
export const ContentPartAdded = Wire.LazyStruct(() => ({
  type: Schema.tag("response.content_part.added"),
  ...EventFields.part,
  part: Part
}))

/**
 * @since 0.1.0
 */
export interface ContentPartAdded extends Schema.Schema.Type<typeof ContentPartAdded> {}

/**
 * A part of an item's content as it will stand in the item.
 *
 * @since 0.1.0
 */
export const ContentPartDone = Wire.LazyStruct(() => ({
  type: Schema.tag("response.content_part.done"),
  ...EventFields.part,
  part: Part
}))

/**
 * @since 0.1.0
 */
export interface ContentPartDone extends Schema.Schema.Type<typeof ContentPartDone> {}

/**
 * The next piece of the answer's text.
 *
 * @since 0.1.0
 */
export const OutputTextDelta = Wire.LazyStruct(() => ({
  type: Schema.tag("response.output_text.delta"),
  ...EventFields.part,
  delta: Schema.String,
  logprobs: optional(Schema.Array(Schema.Unknown))
}))

/**
 * @since 0.1.0
 */
export interface OutputTextDelta extends Schema.Schema.Type<typeof OutputTextDelta> {}

/**
 * The whole text of a part.
 *
 * @since 0.1.0
 */
export const OutputTextDone = Wire.LazyStruct(() => ({
  type: Schema.tag("response.output_text.done"),
  ...EventFields.part,
  text: Wire.promised(Schema.String, ""),
  logprobs: optional(Schema.Array(Schema.Unknown))
}))

/**
 * @since 0.1.0
 */
export interface OutputTextDone extends Schema.Schema.Type<typeof OutputTextDone> {}

/**
 * The text cites something.
 *
 * @since 0.1.0
 */
export const AnnotationAdded = Wire.LazyStruct(() => ({
  type: Schema.tag("response.output_text.annotation.added"),
  ...EventFields.part,
  annotationIndex: optional(Schema.Finite),
  annotation: Annotation
}))

/**
 * @since 0.1.0
 */
export interface AnnotationAdded extends Schema.Schema.Type<typeof AnnotationAdded> {}

/**
 * The next piece of the words with which the model refuses.
 *
 * @since 0.1.0
 */
export const RefusalDelta = Wire.LazyStruct(() => ({
  type: Schema.tag("response.refusal.delta"),
  ...EventFields.part,
  delta: Schema.String
}))

/**
 * @since 0.1.0
 */
export interface RefusalDelta extends Schema.Schema.Type<typeof RefusalDelta> {}

/**
 * All the words with which the model refuses.
 *
 * @since 0.1.0
 */
export const RefusalDone = Wire.LazyStruct(() => ({
  type: Schema.tag("response.refusal.done"),
  ...EventFields.part,
  refusal: Wire.promised(Schema.String, "")
}))

/**
 * @since 0.1.0
 */
export interface RefusalDone extends Schema.Schema.Type<typeof RefusalDone> {}

/**
 * The next piece of the reasoning.
 *
 * @since 0.1.0
 */
export const ReasoningTextDelta = Wire.LazyStruct(() => ({
  type: Schema.tag("response.reasoning_text.delta"),
  ...EventFields.part,
  delta: Schema.String
}))

/**
 * @since 0.1.0
 */
export interface ReasoningTextDelta extends Schema.Schema.Type<typeof ReasoningTextDelta> {}

/**
 * The whole text of a part of the reasoning.
 *
 * @since 0.1.0
 */
export const ReasoningTextDone = Wire.LazyStruct(() => ({
  type: Schema.tag("response.reasoning_text.done"),
  ...EventFields.part,
  text: Wire.promised(Schema.String, "")
}))

/**
 * @since 0.1.0
 */
export interface ReasoningTextDone extends Schema.Schema.Type<typeof ReasoningTextDone> {}

/**
 * A part of the summary of the reasoning began.
 *
 * @since 0.1.0
 */
export const ReasoningSummaryPartAdded = Wire.LazyStruct(() => ({
  type: Schema.tag("response.reasoning_summary_part.added"),
  ...EventFields.summary,
  part: SummaryPart
}))

/**
 * @since 0.1.0
 */
export interface ReasoningSummaryPartAdded extends Schema.Schema.Type<typeof ReasoningSummaryPartAdded> {}

/**
 * A part of the summary as it will stand in the item.
 *
 * @since 0.1.0
 */
export const ReasoningSummaryPartDone = Wire.LazyStruct(() => ({
  type: Schema.tag("response.reasoning_summary_part.done"),
  ...EventFields.summary,
  part: SummaryPart
}))

/**
 * @since 0.1.0
 */
export interface ReasoningSummaryPartDone extends Schema.Schema.Type<typeof ReasoningSummaryPartDone> {}

/**
 * The next piece of the summary of the reasoning.
 *
 * @since 0.1.0
 */
export const ReasoningSummaryTextDelta = Wire.LazyStruct(() => ({
  type: Schema.tag("response.reasoning_summary_text.delta"),
  ...EventFields.summary,
  delta: Schema.String
}))

/**
 * @since 0.1.0
 */
export interface ReasoningSummaryTextDelta extends Schema.Schema.Type<typeof ReasoningSummaryTextDelta> {}

/**
 * The whole text of a part of the summary.
 *
 * @since 0.1.0
 */
export const ReasoningSummaryTextDone = Wire.LazyStruct(() => ({
  type: Schema.tag("response.reasoning_summary_text.done"),
  ...EventFields.summary,
  text: Wire.promised(Schema.String, "")
}))

/**
 * @since 0.1.0
 */
export interface ReasoningSummaryTextDone extends Schema.Schema.Type<typeof ReasoningSummaryTextDone> {}
