/**
 * An outcome as the events in which it would have come, had its call been streamed.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import type { Outcome } from "../outcome/Outcome.ts"
import type { FunctionCall, Message, OutputItem, Reasoning } from "../response/OutputItem.ts"
import type { Response } from "../response/Response.ts"
import * as Wire from "../wire/Wire.ts"
import type { StreamEvent, Terminal } from "./StreamEvent.ts"

/**
 * The event with which a stream of this response ends.
 *
 * @since 0.1.0
 */
export const ofResponse = (response: Response): Terminal => {
  switch (response.status) {
    case "incomplete":
    case "in_progress":
    case "queued":
      return { type: "response.incomplete", response }
    case "failed":
    case "cancelled":
      return { type: "response.failed", response }
    default:
      return { type: "response.completed", response }
  }
}

/**
 * The events in which an outcome would have come: its stages, each item from its beginning over its text word by word to
 * its end, and the terminal event. Folded, they give the same response.
 *
 * @since 0.1.0
 */
export const fromOutcome = ({ response }: Outcome): Arr.NonEmptyReadonlyArray<StreamEvent> => {
  const { completedAt: _1, error: _2, errorType: _3, incompleteDetails: _4, usage: _5, ...begun } = response
  const started: Response = { ...begun, status: "in_progress", output: [] }
  const events: Arr.NonEmptyReadonlyArray<StreamEvent> = [
    { type: "response.created", response: started },
    { type: "response.in_progress", response: started },
    ...response.output.flatMap(ofItem),
    ofResponse(response)
  ]
  return Arr.map(events, (event, sequenceNumber) => ({ ...event, sequenceNumber }))
}

const ofItem = (item: OutputItem, outputIndex: number): ReadonlyArray<StreamEvent> => {
  const place: Place = { outputIndex, ...Wire.compact({ itemId: "id" in item ? item.id : undefined }) }
  const done: StreamEvent = { type: "response.output_item.done", outputIndex, item }
  const added = (begun: OutputItem): StreamEvent => ({ type: "response.output_item.added", outputIndex, item: begun })
  switch (item.type) {
    case "message":
      return [added({ ...item, status: "in_progress", content: [] }), ...ofContent(item, place), done]
    case "reasoning":
      return [added(withoutText(item)), ...ofReasoning(item, place), done]
    case "function_call":
      return [added({ ...item, status: "in_progress", arguments: "" }), ...ofArguments(item, place), done]
    default:
      return [added(item), done]
  }
}

interface Place {
  readonly outputIndex: number
  readonly itemId?: string
}

const ofContent = ({ content }: Message, place: Place): ReadonlyArray<StreamEvent> =>
  content.flatMap((part, contentIndex): ReadonlyArray<StreamEvent> => {
    const at = { ...place, contentIndex }
    const done: StreamEvent = { type: "response.content_part.done", ...at, part }
    switch (part.type) {
      case "output_text":
        return [
          { type: "response.content_part.added", ...at, part: { type: "output_text", text: "", annotations: [] } },
          ...words(part.text).map((delta): StreamEvent => ({ type: "response.output_text.delta", ...at, delta })),
          { type: "response.output_text.done", ...at, text: part.text },
          done
        ]
      case "refusal":
        return [
          { type: "response.content_part.added", ...at, part: { type: "refusal", refusal: "" } },
          ...words(part.refusal).map((delta): StreamEvent => ({ type: "response.refusal.delta", ...at, delta })),
          { type: "response.refusal.done", ...at, refusal: part.refusal },
          done
        ]
      default:
        return [{ type: "response.content_part.added", ...at, part }, done]
    }
  })

const withoutText = ({ content: _, encryptedContent: _1, ...item }: Reasoning): Reasoning => ({
  ...item,
  ...(item.summary === undefined ? {} : { summary: [] })
})

const ofReasoning = ({ content = [], summary = [] }: Reasoning, place: Place): ReadonlyArray<StreamEvent> => [
  ...summary.flatMap((part, summaryIndex): ReadonlyArray<StreamEvent> => {
    const at = { ...place, summaryIndex }
    return part.type === "unknown" ? [] : [
      { type: "response.reasoning_summary_part.added", ...at, part: { ...part, text: "" } },
      ...words(part.text).map((delta): StreamEvent => ({
        type: "response.reasoning_summary_text.delta",
        ...at,
        delta
      })),
      { type: "response.reasoning_summary_text.done", ...at, text: part.text },
      { type: "response.reasoning_summary_part.done", ...at, part }
    ]
  }),
  ...content.flatMap((part, contentIndex): ReadonlyArray<StreamEvent> => {
    const at = { ...place, contentIndex }
    return part.type === "unknown" ? [] : [
      ...words(part.text).map((delta): StreamEvent => ({ type: "response.reasoning_text.delta", ...at, delta })),
      { type: "response.reasoning_text.done", ...at, text: part.text }
    ]
  })
]

const ofArguments = ({ arguments: text, name }: FunctionCall, place: Place): ReadonlyArray<StreamEvent> => [
  ...(text === "" ? [] : [{ type: "response.function_call_arguments.delta" as const, ...place, delta: text }]),
  { type: "response.function_call_arguments.done", ...place, name, arguments: text }
]

/** A text in words, each with the white space before it; joined they are the text. */
const words = (text: string): ReadonlyArray<string> => text.match(/\s*\S+|\s+$/g) ?? []
