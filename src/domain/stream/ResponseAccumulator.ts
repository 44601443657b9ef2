/**
 * Folds the events of a stream into the response that the call would have given without streaming.
 *
 * One accumulator belongs to one stream and changes with each event: a stream is read by one consumer, and a fold over
 * immutable data would copy the answer with every token. It holds no more than the answer itself, not the events.
 *
 * Items are told apart as `ItemPlaces` says; they may come in any order and interleave. A finished item is kept exactly as
 * it arrived, unless it lacks the text that its pieces had; of an unfinished one the pieces are put together. The terminal
 * event's response lists them once more, and is the last word, except where it lacks what was streamed.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as E from "../error/AnswerError.ts"
import * as Classification from "../error/Classification.ts"
import * as Outcome from "../outcome/Outcome.ts"
import { Annotation, SummaryPart } from "../response/ContentPart.ts"
import * as Response from "../response/Response.ts"
import * as Wire from "../wire/Wire.ts"
import { ItemPlaces } from "./ItemPlaces.ts"
import type { Place } from "./ItemPlaces.ts"
import * as ListedItems from "./ListedItems.ts"
import * as StreamedItem from "./StreamedItem.ts"
import * as StreamEvent from "./StreamEvent.ts"

/**
 * How a stream ended by its own words.
 *
 * @since 0.1.0
 */
export type Terminal = "completed" | "incomplete" | "failed" | "error"

/**
 * What has arrived of a stream.
 *
 * @since 0.1.0
 */
export interface Snapshot {
  /**
   * The terminal event's response, with the streamed items and texts that it lacks. Before the end: what arrived, with the status
   * `in_progress`. After an `error` event: what arrived, with the status `failed`.
   */
  readonly response: Response.Response
  /** The text of the answer so far, without commentary. */
  readonly partialText: string
  /** True once anything of the answer was delivered; see {@link StreamEvent.isOutput}. */
  readonly hasOutput: boolean
  /** Absent while the stream goes on, or if it was cut off. */
  readonly terminal: Terminal | undefined
}

const annotationJson = StreamedItem.jsonOf(Annotation)
const partJson = StreamedItem.jsonOf(StreamEvent.Part)
const summaryJson = StreamedItem.jsonOf(SummaryPart)
const errorJson = StreamedItem.jsonOf(StreamEvent.ErrorEvent)

/**
 * The state of one stream. Make it with {@link make}.
 *
 * @since 0.1.0
 */
export class ResponseAccumulator {
  readonly #places = new ItemPlaces()
  readonly #items = new Map<Place, StreamedItem.StreamedItem>()
  #progress: Response.Response | undefined
  #end: Exclude<StreamEvent.Terminal, StreamEvent.ErrorEvent> | undefined
  #error: StreamEvent.ErrorEvent | undefined
  /** The response of the end, completed. */
  #ended: Response.Response | undefined
  #hasOutput = false
  /** True once an event came that says something. */
  #hasBegun = false
  /** The item that was looked at last. */
  #item = new StreamedItem.StreamedItem()
  #size = 0

  /** How many characters of items are held: text, arguments and all else that was streamed of them. */
  get size(): number {
    return this.#size
  }

  /** True once anything of the answer was delivered; see {@link StreamEvent.isOutput}. */
  get hasOutput(): boolean {
    return this.#hasOutput
  }

  /** How the stream ended by its own words. */
  get terminal(): Terminal | undefined {
    switch (this.#end?.type) {
      case "response.completed":
        return "completed"
      case "response.incomplete":
        return "incomplete"
      case "response.failed":
        return "failed"
      case "response.done":
      case "response.cancelled":
        return terminalOf(statusOf(this.#end))
      case undefined:
        return this.#error === undefined ? undefined : "error"
    }
  }

  /**
   * Takes the next event in; false if it ignores it. What follows the end is ignored, except for the response that follows
   * an `error`.
   */
  add(event: StreamEvent.StreamEvent): boolean {
    if (this.#end !== undefined) return false
    this.#hasBegun ||= !StreamEvent.isKeepAlive(event)
    switch (event.type) {
      case "response.completed":
      case "response.incomplete":
      case "response.failed":
      case "response.done":
      case "response.cancelled":
        if (StreamEvent.isOutput(event)) this.#hasOutput = true
        this.#end = event
        return true
    }
    if (this.#error !== undefined) return false
    if (StreamEvent.isOutput(event)) this.#hasOutput = true
    switch (event.type) {
      case "error":
      case "response.error":
        this.#error = event
        break
      case "response.created":
      case "response.queued":
      case "response.in_progress":
        this.#progress = event.response
        break
      default:
        this.#addPiece(event)
    }
    return true
  }

  #addPiece(event: StreamEvent.StreamEvent): void {
    switch (event.type) {
      case "response.output_text.delta":
        return this.#grow(this.#part(event, "output_text").text.add(event.delta))
      case "response.output_text.done":
        return this.#grow(this.#part(event, "output_text").text.finish(event.text))
      case "response.refusal.delta":
        return this.#grow(this.#part(event, "refusal").text.add(event.delta))
      case "response.refusal.done":
        return this.#grow(this.#part(event, "refusal").text.finish(event.refusal))
      case "response.reasoning_text.delta":
        return this.#grow(this.#part(event, "reasoning_text").text.add(event.delta))
      case "response.reasoning_text.done":
        return this.#grow(this.#part(event, "reasoning_text").text.finish(event.text))
      case "response.reasoning_summary_text.delta":
        return this.#grow(this.#summary(event).text.add(event.delta))
      case "response.reasoning_summary_text.done":
        return this.#grow(this.#summary(event).text.finish(event.text))
      case "response.function_call_arguments.delta":
        return this.#grow(this.#call(event, "arguments").add(event.delta))
      case "response.function_call_arguments.done":
        return this.#grow(this.#call(event, "arguments", event.name).finish(event.arguments))
      case "response.custom_tool_call_input.delta":
        return this.#grow(this.#call(event, "input").add(event.delta))
      case "response.custom_tool_call_input.done":
        return this.#grow(this.#call(event, "input").finish(event.input))
      case "response.apply_patch_call_operation_diff.delta":
        return this.#grow(this.#call(event, "diff").add(event.delta))
      case "response.apply_patch_call_operation_diff.done":
        return this.#grow(this.#call(event, "diff").finish(event.diff))
      case "response.code_interpreter_call_code.delta":
        return this.#grow(this.#call(event, "code").add(event.delta))
      case "response.code_interpreter_call_code.done":
        return this.#grow(this.#call(event, "code").finish(event.code))
      case "response.output_item.added":
        return this.#grow(this.#at(this.#places.ofAdded(event)).begin(event.item))
      case "response.output_item.done":
        return this.#hold(this.#at(this.#places.ofDone(event)).end(event.item))
      case "response.content_part.added":
        return this.#grow(this.#part(event, partTypeOf(event.part)).begin(partJson(event.part)))
      case "response.content_part.done":
        return this.#grow(this.#part(event, partTypeOf(event.part)).end(partJson(event.part)))
      case "response.reasoning_summary_part.added":
        return this.#grow(this.#summary(event).begin(summaryJson(event.part)))
      case "response.reasoning_summary_part.done":
        return this.#grow(this.#summary(event).end(summaryJson(event.part)))
      case "response.output_text.annotation.added":
        return this.#grow(
          this.#part(event, "output_text").annotate(event.annotationIndex, annotationJson(event.annotation))
        )
    }
  }

  /** Takes note of how much more is held of the item that was looked at last; of one that is over nothing more is. */
  #grow(characters: number): void {
    if (!this.#item.isDone) this.#hold(characters)
  }

  #hold(characters: number): void {
    this.#item.size += characters
    this.#size += characters
  }

  /** The item at a place, made if there is none. */
  #at(place: Place): StreamedItem.StreamedItem {
    let item = this.#items.get(place)
    if (item === undefined) {
      item = new StreamedItem.StreamedItem()
      this.#items.set(place, item)
    }
    return this.#item = item
  }

  #part(event: PieceOf<{ readonly contentIndex?: number }>, type: StreamedItem.PartType): StreamedItem.StreamedPart {
    const place = this.#places.ofPiece(event, type === "reasoning_text" ? "reasoning" : "message")
    return this.#at(place).part(type, event.contentIndex, event.itemId)
  }

  #summary(event: PieceOf<{ readonly summaryIndex?: number }>): StreamedItem.StreamedPart {
    return this.#at(this.#places.ofPiece(event, "reasoning")).part("summary_text", event.summaryIndex, event.itemId)
  }

  #call(event: PieceOf<object>, text: StreamedItem.CallText, name?: string): StreamedItem.StreamedText {
    const place = this.#places.ofPiece(event, StreamedItem.typeOfCall[text])
    return this.#at(place).call(text, event.itemId, name)
  }

  /** The items so far, in the order of the response. */
  #streamed(): ReadonlyArray<ListedItems.Streamed> {
    return this.#places.inOrder.flatMap((place) => {
      const streamed = this.#items.get(place)
      const item = streamed?.toItem()
      return streamed === undefined || item === undefined
        ? []
        : [{ item, index: place.index, isWhole: streamed.isWhole }]
    })
  }

  #response(): Response.Response {
    const end = this.#end
    if (end !== undefined) return this.#ended ??= this.#completed(end)
    const start = this.#progress ?? Wire.withRaw<Response.Response>({ status: "in_progress", output: [] }, {})
    const output = this.#streamed().map(({ item }) => item)
    if (this.#error === undefined) return change(start, { status: "in_progress", output })
    const { code, errorType, message } = this.#error
    const error = Wire.compact({ code, message })
    return change(start, { status: "failed", output, error, ...Wire.compact({ errorType }) })
  }

  #completed(end: Exclude<StreamEvent.Terminal, StreamEvent.ErrorEvent>): Response.Response {
    const { response } = end
    const status = statusOf(end)
    const output = ListedItems.completed(response.output, this.#streamed())
    if (output === response.output) return status === response.status ? response : change(response, { status })
    return change(response, { status, output })
  }

  /** What has arrived. It may be asked for at any time; its cost is that of the unfinished items. */
  snapshot(): Snapshot {
    const response = this.#response()
    return { response, partialText: Response.text(response), hasOutput: this.#hasOutput, terminal: this.terminal }
  }

  /** See {@link outcome}. */
  outcome(context: Outcome.AnswerContext): Result.Result<Outcome.Outcome, StreamFailure> {
    const { partialText, response, terminal } = this.snapshot()
    const error = this.#error
    const isExplained = terminal !== "error" && (terminal !== "failed" || response.error !== undefined)
    const ended = terminal !== undefined && (isExplained || error === undefined)
      ? Outcome.fromResponse(response, context)
      : undefined
    if (ended !== undefined && (error === undefined || !isVague(ended))) return ended
    const base = Outcome.knownOf(response, context)
    const soFar = partialText === "" ? {} : { partialText }
    if (error === undefined) {
      return Result.fail(
        new E.StreamInterrupted({
          ...base,
          ...soFar,
          hasBegun: this.#hasBegun,
          message: "the stream ended without its terminal event"
        })
      )
    }
    const answer: Classification.Answer = {
      ...base,
      ...soFar,
      status: 200,
      headers: context.headers,
      // Details that the event has no field for are in its JSON only.
      body: Wire.raw(error) ?? errorJson(error),
      now: context.now,
      serverAhead: context.serverAhead,
      fallbackMessage: "the stream reported an error and gave no message"
    }
    const failure = Classification.classify(answer)
    if (ended !== undefined && (failure === undefined || failure._tag === "ServerError")) return ended
    if (failure !== undefined) return Result.fail(failure)
    const failed = Classification.generationFailed(answer)
    const paid = Wire.compact({ usage: failed.usage, cost: failed.cost })
    return Result.succeed({ ...base, ...paid, response, _tag: "Failed", error: failed })
  }
}

/** A failed response that says no more than that it failed; the error event before it may have said why. */
const isVague = (ended: Result.Result<Outcome.Outcome, StreamFailure>): boolean =>
  Result.isSuccess(ended) ? ended.success._tag === "Failed" : ended.failure._tag === "ServerError"

type PieceOf<Place> = Place & { readonly outputIndex: number; readonly itemId?: string }

const partTypeOf = (part: StreamEvent.Part): StreamedItem.PartType =>
  part.type === "unknown" ? "output_text" : part.type

/** The status of the response, unless the event that carries it says that it is no longer so. */
const statusOf = ({ response: { status }, type }: Exclude<StreamEvent.Terminal, StreamEvent.ErrorEvent>): string => {
  const isEnd = status !== "in_progress" && status !== "queued"
  const isBad = status === "failed" || status === "cancelled"
  switch (type) {
    case "response.completed":
    case "response.done":
      return isEnd ? status : "completed"
    case "response.cancelled":
      return isBad ? status : "cancelled"
    case "response.incomplete":
      return isBad ? status : "incomplete"
    case "response.failed":
      return isBad ? status : "failed"
  }
}

const terminalOf = (status: string): Terminal => {
  switch (status) {
    case "incomplete":
      return "incomplete"
    case "failed":
    case "cancelled":
      return "failed"
    default:
      return "completed"
  }
}

/** The response with other fields; its JSON is changed alike. */
const change = (response: Response.Response, fields: Partial<Response.Response>): Response.Response => {
  const changed = { ...response, ...fields }
  const raw = Wire.raw(response)
  if (!Wire.isJsonObject(raw)) return changed
  const { errorType, output, ...others } = fields
  return Wire.withRaw(changed, {
    ...raw,
    ...others,
    ...(errorType === undefined ? {} : { error_type: errorType }),
    ...(output === undefined ? {} : { output: output.map(StreamedItem.itemJson) })
  })
}

/**
 * A failure that the words of a stream, or their absence, can mean.
 *
 * @since 0.1.0
 */
export type StreamFailure = Classification.ServerSideError | E.StreamInterrupted

/**
 * The state before the first event.
 *
 * @since 0.1.0
 */
export const make = (): ResponseAccumulator => new ResponseAccumulator()

/**
 * Takes the next event in; gives back the same accumulator.
 *
 * @since 0.1.0
 */
export const add = (self: ResponseAccumulator, event: StreamEvent.StreamEvent): ResponseAccumulator => {
  self.add(event)
  return self
}

/**
 * How a stream that is over ended, as {@link Outcome.fromResponse} says it of a response that came at once.
 *
 * An in-band error is the error that its words mean, exactly as if it had come with its HTTP status; without a terminal
 * event the stream was cut off: `StreamInterrupted`. All errors carry the text so far and what is known of the usage.
 *
 * @since 0.1.0
 */
export const outcome = (
  self: ResponseAccumulator,
  context: Outcome.AnswerContext
): Result.Result<Outcome.Outcome, StreamFailure> => self.outcome(context)
