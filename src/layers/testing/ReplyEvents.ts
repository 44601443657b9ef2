/**
 * From a reply to the events of a stream, each at its time.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as CallCost from "../../domain/error/CallCost.ts"
import * as E from "../../domain/error/OpenRouterError.ts"
import type * as Outcome from "../../domain/outcome/Outcome.ts"
import * as StreamEvent from "../../domain/stream/StreamEvent.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import type { StreamError } from "../../services/OpenRouter.ts"
import { endedPull } from "../client/StreamAttempt.ts"
import type { Ended, EventSource } from "../client/StreamAttempt.ts"
import * as ReplyOutcome from "./ReplyOutcome.ts"
import { TestFailure } from "./TestFailure.ts"
import { answer, isError, isPause, isTextStream, isToolCall } from "./TestReply.ts"
import type { Answer, Settled, TextStream } from "./TestReply.ts"

/**
 * The outcome of a call that does not stream: the whole of a stream comes after all its pauses.
 *
 * @since 0.1.0
 */
export const whole = (
  reply: Settled,
  asking: ReplyOutcome.Asking
): Effect.Effect<Outcome.Outcome, E.RequestError> => {
  if (!isTextStream(reply)) return answered(ReplyOutcome.make(reply, asking))
  const { end, steps, tail } = composed(reply)
  const paused = steps.reduce((sum, step) => sum + step.pause, tail)
  return Effect.andThen(
    slept(paused),
    answered(ReplyOutcome.make(end, asking))
  )
}

/** A stream that breaks off is nothing that can happen to a call that does not stream. */
const answered = (
  outcome: Effect.Effect<Outcome.Outcome, E.RequestError | E.StreamInterrupted>
): Effect.Effect<Outcome.Outcome, E.RequestError> =>
  Effect.catchTag(outcome, "StreamInterrupted", () =>
    Effect.die(
      new TestFailure(
        "the test's reply is StreamInterrupted, and the call does not stream: ConnectionFailed is what happens to it"
      )
    ))

/**
 * What a stream says, event by event, and how it ends.
 *
 * @since 0.1.0
 */
export const make = (
  reply: Settled,
  asking: ReplyOutcome.Asking
): Effect.Effect<EventSource, StreamError> => {
  if (isTextStream(reply)) {
    const { end, steps, tail } = composed(reply)
    return source(end, asking, steps, tail)
  }
  // An error that is no answer keeps the stream from being opened; one that breaks off was.
  return isError(reply) && reply._tag !== "StreamInterrupted"
    ? Effect.flatMap(ReplyOutcome.make(reply, asking), (outcome) => source(outcome, asking, undefined, 0))
    : source(reply, asking, undefined, 0)
}

/** A text, and the milliseconds that pass before it. */
interface Step {
  readonly pause: number
  readonly text: string
}

/** A stream as its texts, what passes after the last of them, and the reply that it amounts to. */
const composed = ({ details, pieces }: TextStream): {
  readonly steps: ReadonlyArray<Step>
  readonly tail: number
  readonly end: Answer | E.OpenRouterError
} => {
  const steps: Array<Step> = []
  const error = pieces.find(isError)
  const until = error === undefined ? pieces : pieces.slice(0, pieces.indexOf(error))
  let pause = 0
  for (const piece of until) {
    if (isPause(piece)) pause += Duration.toMillis(piece.duration)
    else if (typeof piece === "string" && piece !== "") {
      steps.push({ pause, text: piece })
      pause = 0
    }
  }
  const text = steps.map((step) => step.text).join("")
  const calls = pieces.filter(isToolCall)
  return {
    steps,
    tail: pause,
    end: error === undefined ? answer({ ...details, text, calls }) : withText(error, text)
  }
}

/** An error that ends a stream knows what came before it. */
const withText = (error: E.OpenRouterError, partialText: string): E.OpenRouterError => {
  if (partialText === "") return error
  const own = { message: error.message, partialText, ...Wire.compact({ response: error.response }) }
  switch (error._tag) {
    case "Incomplete":
      return new E.Incomplete({ ...error, ...own })
    case "GenerationFailed":
      return new E.GenerationFailed({ ...error, ...own })
    case "EmptyCompletion":
      return new E.EmptyCompletion({ ...error, ...own })
    case "InvalidOutput":
      return new E.InvalidOutput({ ...error, ...own, text: partialText })
    case "StreamInterrupted":
      return new E.StreamInterrupted({ ...error, ...own })
    default:
      return CallCost.remade(error, own)
  }
}

const slept = (millis: number): Effect.Effect<void> =>
  millis === 0 ? Effect.void : millis === Infinity ? Effect.never : Effect.sleep(millis)

const source = Effect.fnUntraced(function*(
  end: Answer | Outcome.Outcome | E.OpenRouterError,
  asking: ReplyOutcome.Asking,
  /** Absent: the text comes word by word. */
  given: ReadonlyArray<Step> | undefined,
  tail: number
): Effect.fn.Return<EventSource, StreamError> {
  const ended = yield* Effect.result(ReplyOutcome.make(end, asking))
  const told = Result.isSuccess(ended)
    ? ended.success
    : yield* ReplyOutcome.completed(answer({ text: ended.failure.partialText ?? "" }), asking)
  const { events, lastPause } = timed(StreamEvent.fromOutcome(told), Result.isFailure(ended), given, tail)
  return new ReplySource(events, lastPause, ended)
})

/** The events at their times. Of a stream that breaks off they end with the last piece of its text. */
const timed = (
  all: ReadonlyArray<StreamEvent.StreamEvent>,
  isCut: boolean,
  given: ReadonlyArray<Step> = [],
  tail: number
): { readonly events: ReadonlyArray<TimedEvent>; readonly lastPause: number } => {
  const last = all.findLastIndex(isDelta)
  const delta = all.find(isDelta)
  const [begin] = given
  if (begin === undefined || delta === undefined) {
    // Word by word, or without a text: nothing passes but before the first event.
    const kept = isCut ? all.slice(0, last + 1) : all
    return {
      events: kept.map((event, index) => at(index, event, index === 0 ? tail : 0)),
      lastPause: kept.length === 0 ? tail : 0
    }
  }
  const before = all.slice(0, all.indexOf(delta))
  const after = isCut ? [] : all.slice(last + 1)
  const paced = [
    ...before.map((event, index) => ({ event, pause: index === 0 ? begin.pause : 0 })),
    ...given.map(({ pause, text }, index) => ({ event: { ...delta, delta: text }, pause: index === 0 ? 0 : pause })),
    ...after.map((event, index) => ({ event, pause: index === 0 ? tail : 0 }))
  ]
  return { events: paced.map(({ event, pause }, index) => at(index, event, pause)), lastPause: isCut ? tail : 0 }
}

const at = (sequenceNumber: number, event: StreamEvent.StreamEvent, pause: number): TimedEvent => {
  const numbered = { ...event, sequenceNumber }
  return { event: numbered, pause }
}

/** An event, and the milliseconds that pass before it. */
interface TimedEvent {
  readonly pause: number
  readonly event: StreamEvent.StreamEvent
}

const isDelta = (event: StreamEvent.StreamEvent): event is Extract<
  StreamEvent.StreamEvent,
  { readonly type: "response.output_text.delta" }
> => event.type === "response.output_text.delta"

/** The events of a reply, one at a time. */
class ReplySource implements EventSource {
  readonly #timeline: ReadonlyArray<TimedEvent>
  /** Milliseconds that pass before a stream breaks off. */
  readonly #lastPause: number
  readonly #end: Ended
  #next = 0
  #text = ""

  constructor(timeline: ReadonlyArray<TimedEvent>, lastPause: number, end: Ended) {
    this.#timeline = timeline
    this.#lastPause = lastPause
    this.#end = end
  }

  readonly pull: EventSource["pull"] = Effect.suspend((): EventSource["pull"] => {
    const timed = this.#timeline[this.#next]
    if (timed === undefined) return Effect.andThen(slept(this.#lastPause), endedPull(this.#end))
    const { event, pause } = timed
    const told = Effect.sync(() => {
      this.#next++
      if (isDelta(event)) this.#text += event.delta
      return Arr.of(event)
    })
    return pause === 0 ? told : Effect.andThen(slept(pause), told)
  })

  /** The last event of a stream that does not break off tells how it ends. */
  isOver(): boolean {
    return Result.isSuccess(this.#end) && this.#next === this.#timeline.length
  }

  ended(): Ended | undefined {
    return this.isOver() ? this.#end : undefined
  }

  generationId(): string | undefined {
    return Result.isSuccess(this.#end) ? this.#end.success.generationId : this.#end.failure.generationId
  }

  givenUp(error: E.TimedOut): Ended {
    if (this.isOver()) return this.#end
    return Result.fail(
      this.#text === "" ? error : new E.TimedOut({ ...error, message: error.message, partialText: this.#text })
    )
  }
}
