/**
 * The events of one streamed answer: read, folded, and how they end.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { ConnectionFailed, MalformedResponse, TimedOut } from "../../domain/error/OpenRouterError.ts"
import type { RequestError } from "../../domain/error/OpenRouterError.ts"
import type * as HttpAnswer from "../../domain/outcome/HttpAnswer.ts"
import * as Outcome from "../../domain/outcome/Outcome.ts"
import * as ResponseAccumulator from "../../domain/stream/ResponseAccumulator.ts"
import * as StreamEvent from "../../domain/stream/StreamEvent.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import type { Answer } from "../../services/Transport.ts"
import { EventReader } from "./EventReader.ts"
import type { Sending } from "./Sending.ts"
import { endedPull } from "./StreamAttempt.ts"
import type { Ended, EventSource } from "./StreamAttempt.ts"
import * as Watchdog from "./Watchdog.ts"

/** After the last event, how long the rest of the body is read, so that the connection can be used again. */
const drain = 200

/** After so many reads without an event others get their turn; large events come in many pieces. */
const maxEmptyReads = 16_384

type Bytes = Pull.Pull<Arr.NonEmptyReadonlyArray<Uint8Array>, RequestError>

/**
 * What this needs to know of the client.
 *
 * @since 0.1.0
 */
export interface Reading {
  readonly sending: Sending
  readonly scrub: (text: string) => string
  /** How many characters of items, or of an answer in one piece instead of a stream, may arrive. */
  readonly maxAnswerBytes: number
  /** How many characters an event may have. */
  readonly maxEventBytes: number
  readonly toOutcome: typeof HttpAnswer.toOutcome
}

/**
 * The events of an answer to a request for a stream, whatever it is; its connection is held by the scope.
 *
 * @since 0.1.0
 */
export const open = (answer: Answer, reading: Reading): Effect.Effect<EventSource, never, Scope.Scope> =>
  Effect.map(pullOf(answer), (bytes) => new ResponseStream(bytes, answer.headers, reading))

/** Without the lock of `Stream.toPull`: nobody pulls twice at a time. What does not open fails when it is pulled. */
const pullOf = ({ chunks }: Answer): Effect.Effect<Bytes, never, Scope.Scope> =>
  Effect.flatMap(Effect.scope, (scope) => Channel.toTransform(Stream.toChannel(chunks))(Cause.done(), scope)).pipe(
    Effect.catchCause((cause) => Effect.succeed(Effect.failCause(cause)))
  )

/**
 * A server may answer a request for a stream in one piece: then its end is its only event.
 *
 * @since 0.1.0
 */
export const ofAnswer = (answer: HttpAnswer.HttpAnswer, { sending, toOutcome }: Reading): EventSource => {
  const ended: Ended = toOutcome(answer, sending.context)
  let isTold = false
  return {
    ended: () => ended,
    generationId: () => Result.isSuccess(ended) ? ended.success.generationId : ended.failure.generationId,
    givenUp: () => ended,
    isOver: () => true,
    pull: Effect.suspend((): EventSource["pull"] => {
      if (Result.isFailure(ended)) return Effect.fail(ended.failure)
      if (isTold) return Cause.done(ended.success)
      isTold = true
      return Effect.succeed(Arr.of(StreamEvent.ofResponse(ended.success.response)))
    })
  }
}

class ResponseStream implements EventSource {
  readonly #reading: Reading
  readonly #headers: Answer["headers"]
  readonly #reader: EventReader
  readonly #accumulator = ResponseAccumulator.make()
  #bytes: Bytes
  /** What the body is instead of a stream. */
  #answer: EventSource | undefined
  #emptyReads = 0
  /** Until when the rest of the body is read, once the events have ended. */
  #drainUntil: number | undefined

  constructor(bytes: Bytes, headers: Answer["headers"], reading: Reading) {
    this.#bytes = bytes
    this.#headers = headers
    this.#reading = reading
    // A server that does not say what it sends is taken to send what it was asked for.
    const type = headers["content-type"]
    const isDeclared = type === undefined || type.toLowerCase().includes("event-stream")
    const { maxAnswerBytes, maxEventBytes, scrub } = reading
    this.#reader = new EventReader({ isDeclared, maxAnswerBytes, maxEventBytes, scrub })
  }

  readonly pull: EventSource["pull"] = Effect.suspend(() =>
    this.#answer !== undefined ? this.#answer.pull : Effect.matchEffect(this.#next(), {
      onSuccess: (chunks) => this.#deliver(this.#reader.read(chunks)),
      onFailure: (error) => {
        if (!Cause.isDone(error)) return endedPull(this.givenUp(error))
        this.#bytes = Cause.done()
        const last = this.#hasEnded ? [] : this.#reader.end()
        if (last.length > 0) return this.#deliver(last)
        const text = this.#hasEnded ? undefined : this.#reader.text
        if (text === undefined) return endedPull(this.#outcome())
        this.#answer = ofAnswer({ status: 200, headers: this.#headers, text }, this.#reading)
        return this.#answer.pull
      }
    })
  )

  /** True once nothing more is read but the rest of the body. */
  get #hasEnded(): boolean {
    return this.#reader.isDone || this.#accumulator.terminal !== undefined || this.#problem !== undefined
  }

  /** Why the stream cannot be read on, once it cannot. */
  get #problem(): string | undefined {
    return this.#isTooLong
      ? `its text is longer than ${this.#reading.maxAnswerBytes} characters`
      : this.#reader.problem
  }

  get #isTooLong(): boolean {
    return this.#accumulator.size > this.#reading.maxAnswerBytes
  }

  /** The next bytes; after the last event only what comes at once. */
  #next(): Bytes {
    if (this.#problem !== undefined) return Cause.done()
    // A failed response with the usage may follow an error, but at once.
    if (this.#accumulator.terminal === undefined && !this.#reader.isDone) return this.#bytes
    const { clock, watchdog } = this.#reading.sending.running
    this.#drainUntil ??= clock.currentTimeMillisUnsafe() + drain
    return watchdog.guard(this.#bytes, Watchdog.deadline(this.#drainUntil), () => Cause.done())
  }

  /** Folds events in and hands them on; nothing behind the end is either. */
  #deliver(events: ReadonlyArray<StreamEvent.StreamEvent>): EventSource["pull"] {
    const isTaken = (event: StreamEvent.StreamEvent) => !this.#isTooLong && this.#accumulator.add(event)
    const end = events.findIndex((event) => !isTaken(event))
    const taken = end === -1 ? events : [...events.slice(0, end), ...events.slice(end + 1).filter(isTaken)]
    if (Arr.isReadonlyArrayNonEmpty(taken)) {
      this.#emptyReads = 0
      return Effect.succeed(taken)
    }
    // A server that says nothing without a pause must not keep timers and other fibers from running.
    if (this.#reading.sending.isLate) return endedPull(this.givenUp(this.#reading.sending.timedOut()))
    return ++this.#emptyReads % maxEmptyReads === 0 ? Effect.andThen(Effect.yieldNow, this.pull) : this.pull
  }

  isOver(): boolean {
    if (this.#answer !== undefined) return true
    const { terminal } = this.#accumulator
    // An `error` may be followed by a failed response that has the usage; all others are the last word.
    return terminal !== undefined && terminal !== "error"
  }

  ended(): Ended | undefined {
    if (this.#answer !== undefined) return this.#answer.ended()
    return this.#accumulator.terminal === undefined ? undefined : this.#outcome()
  }

  generationId(): string | undefined {
    return this.#known().generationId
  }

  /** How a stream that has no more events ended. */
  #outcome(): Ended {
    const problem = this.#problem
    const isOpen = this.#accumulator.terminal === undefined
    if (problem !== undefined && isOpen) {
      return Result.fail(
        new MalformedResponse({
          ...this.#known(),
          reason: "tooLarge",
          message: `the stream is too large: ${problem}`
        })
      )
    }
    return this.#accumulator.outcome({ ...this.#reading.sending.context, headers: this.#headers })
  }

  /** The connection broke or a deadline passed: of no matter if the answer was complete. */
  givenUp(error: RequestError): Ended {
    if (this.#accumulator.terminal !== undefined) return this.#outcome()
    const known = { ...this.#known(), message: error.message }
    switch (error._tag) {
      case "TimedOut":
        return Result.fail(
          new TimedOut({ ...known, phase: error.phase, ...Wire.compact({ duration: error.duration }) })
        )
      case "ConnectionFailed":
        return Result.fail(
          new ConnectionFailed({ ...known, phase: error.phase, ...Wire.compact({ reason: error.reason }) })
        )
      case "MalformedResponse":
        return Result.fail(
          new MalformedResponse({ ...known, ...Wire.compact({ body: error.body, reason: error.reason }) })
        )
      default:
        return Result.fail(error)
    }
  }

  #known() {
    const { partialText, response } = this.#accumulator.snapshot()
    return {
      ...Outcome.knownOf(response, { ...this.#reading.sending.context, headers: this.#headers }),
      ...(partialText === "" ? {} : { partialText })
    }
  }
}
