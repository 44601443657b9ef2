/**
 * One attempt of a streamed call: it begins as an effect, which may be repeated, and goes on as a pull, which may not.
 *
 * It reads until the first piece of the answer, or a good end without one. Until then nothing is delivered; what came
 * before that piece (stages, events that this version does not know) is held and delivered with it. Of an attempt that is
 * repeated nothing is delivered, of the last one everything. So what a consumer sees does not depend on how the bytes of
 * the stream were cut.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as CallCost from "../../domain/error/CallCost.ts"
import type { EmptyCompletion, TimedOut } from "../../domain/error/OpenRouterError.ts"
import * as Outcome from "../../domain/outcome/Outcome.ts"
import * as StreamEvent from "../../domain/stream/StreamEvent.ts"
import type { StreamError } from "../../services/OpenRouter.ts"
import { Pump } from "./Pump.ts"
import type { Sending } from "./Sending.ts"

/**
 * How a stream ended.
 *
 * @since 0.1.0
 */
export type Ended = Result.Result<Outcome.Outcome, StreamError>

type Events = Arr.NonEmptyReadonlyArray<StreamEvent.StreamEvent>

/** A stream that says so much has begun, whatever it says. */
const maxHeld = 1000

/** Of events that keep the connection busy no more are kept: a stalled stream may send them for hours. */
const maxKeepAlives = 100

type EventPull = Pull.Pull<Events, StreamError, Outcome.Outcome>

/**
 * The events of one attempt.
 *
 * @since 0.1.0
 */
export interface EventSource {
  /** The next events, up to the terminal one; done with the outcome, or fails with the error that the events mean. */
  readonly pull: EventPull
  /** How it would end if nothing more came; `undefined` if its own words do not say. */
  readonly ended: () => Ended | undefined
  /** True once nothing can change how it ended. */
  readonly isOver: () => boolean
  /** The id of the generation, as far as the events have told it. */
  readonly generationId: () => string | undefined
  /** How a stream ends that is given up because of a deadline. */
  readonly givenUp: (error: TimedOut) => Ended
}

/**
 * An attempt that will not be repeated: its first events, and what follows.
 *
 * @since 0.1.0
 */
export interface Begun {
  readonly first: ReadonlyArray<StreamEvent.StreamEvent>
  readonly rest: EventPull
}

/**
 * What the attempt that was last to end before its first piece has to say, should it not be repeated.
 *
 * @since 0.1.0
 */
export interface Held {
  events: ReadonlyArray<StreamEvent.StreamEvent>
  /** How it ended, if it was an answer with nothing in it. */
  outcome: Outcome.Outcome | undefined
}

/**
 * Sends the request and reads until the answer has begun.
 *
 * `settle` is told the end as soon as it is certain, or when the scope closes before; it may be told more than once.
 *
 * @since 0.1.0
 */
export const begin = (options: {
  readonly sending: Sending
  /** Holds the connection, and is closed when the attempt is over. */
  readonly scope: Scope.Closeable
  readonly open: Effect.Effect<EventSource, StreamError, Scope.Scope>
  readonly settle: (exit: Exit.Exit<Outcome.Outcome, StreamError>) => Effect.Effect<void>
  readonly held: Held
}): Effect.Effect<Begun, StreamError | EmptyCompletion> => {
  const { held, open, scope, sending, settle } = options
  let source: EventSource | undefined
  held.events = []
  held.outcome = undefined

  const over = (end: Ended): Effect.Effect<Ended> =>
    Effect.suspend(() => {
      const ended = concluded(end, sending)
      return Effect.as(Effect.andThen(settle(toExit(ended)), Scope.close(scope, Exit.void)), ended)
    })

  /** A consumer may leave at any time: what is known by then counts. */
  const left = Effect.suspend(() => {
    sending.running.watchdog.forget(sending.deadline)
    const ended = source?.ended()
    sending.generationId ??= source?.generationId()
    return settle(ended === undefined ? Exit.interrupt() : toExit(concluded(ended, sending)))
  })

  /** A defect is told as what it is; to the finalizer it would look like a consumer who leaves. */
  const fallen = (defect: unknown): Effect.Effect<void> => settle(Exit.die(defect))

  const failed = (error: StreamError): Effect.Effect<never, StreamError> =>
    Effect.flatMap(over(Result.fail(error)), (ended) => Effect.fail(Result.isFailure(ended) ? ended.failure : error))

  const reading = (opened: EventSource): Effect.Effect<Begun, StreamError | EmptyCompletion> => {
    source = opened
    const { context, watchdog } = sending.running
    const pump = new Pump({
      pull: opened.pull,
      watchdog,
      deadline: sending.deadline,
      context,
      onExpired: () => endedPull(opened.givenUp(sending.timedOut()))
    })
    const next = Effect.suspend(() => {
      sending.asked()
      return pump.take
    })
    /** Takes note of what has arrived; the end of an attempt is told before the consumer can see it. */
    const arrived = (isMeaningful: boolean): Ended | undefined => {
      sending.arrived(isMeaningful)
      const ended = opened.isOver() ? opened.ended() : undefined
      return ended === undefined ? undefined : concluded(ended, sending)
    }
    const told = (ended: Ended | undefined): Effect.Effect<void> =>
      ended === undefined ? Effect.void : settle(toExit(ended))
    /** What only keeps the connection busy is handed over with the next event: the consumer would ask each time. */
    const following = (quiet: ReadonlyArray<StreamEvent.StreamEvent>): EventPull =>
      Effect.matchEffect(Effect.tapDefect(next, fallen), {
        onFailure: (end) => Effect.flatMap(over(toEnded(end)), endedPull),
        onSuccess: (events) => {
          const isMeaningful = events.some(saysSomething)
          const ended = arrived(isMeaningful)
          if (!isMeaningful && ended === undefined) return following(kept(quiet, events))
          const all = quiet.length === 0 ? events : Arr.appendAll(quiet, events)
          return ended === undefined ? Effect.succeed(all) : Effect.as(told(ended), all)
        }
      })
    const rest = following([])
    const untilPiece = (
      before: ReadonlyArray<StreamEvent.StreamEvent>
    ): Effect.Effect<Begun, StreamError | EmptyCompletion> =>
      Effect.matchEffect(next, {
        onFailure: (end) =>
          Effect.flatMap(over(toEnded(end)), (ended): Effect.Effect<Begun, StreamError | EmptyCompletion> => {
            const error = Result.isSuccess(ended) ? Outcome.vacancy(ended.success) : ended.failure
            if (error === undefined) return Effect.succeed({ first: before, rest: endedPull(ended) })
            held.events = before
            held.outcome = Result.getOrUndefined(ended)
            return Effect.fail(error)
          }),
        onSuccess: (events) => {
          const isPiece = events.some(StreamEvent.isPiece)
          if (isPiece) sending.began(sending.running.clock.currentTimeMillisUnsafe())
          const isMeaningful = isPiece || events.some(saysSomething)
          const ended = arrived(isMeaningful)
          const all = isMeaningful ? Arr.appendAll(before, events) : kept(before, events)
          const isGoodEnd = ended !== undefined && Result.isSuccess(ended) &&
            Outcome.vacancy(ended.success) === undefined
          const isBegun = isPiece || isGoodEnd || all.length > maxHeld
          return Effect.flatMap(
            told(ended),
            () => isBegun ? Effect.succeed({ first: all, rest }) : untilPiece(all)
          )
        }
      })
    return untilPiece([])
  }

  return Effect.tapDefect(
    Effect.andThen(
      Effect.andThen(Scope.addFinalizer(scope, left), Effect.catch(sending.admitted, failed)),
      Effect.matchEffect(sending.guard(Scope.provide(open, scope)), { onFailure: failed, onSuccess: reading })
    ),
    fallen
  )
}

const toExit = (ended: Ended): Exit.Exit<Outcome.Outcome, StreamError> =>
  Result.isSuccess(ended) ? Exit.succeed(ended.success) : Exit.fail(ended.failure)

const toEnded = (end: StreamError | Cause.Done<Outcome.Outcome>): Ended =>
  Cause.isDone(end) ? Result.succeed(end.value) : Result.fail(end)

/**
 * The end of a stream as what its pull gives last.
 *
 * @since 0.1.0
 */
export const endedPull = (ended: Ended): Pull.Pull<never, StreamError, Outcome.Outcome> =>
  Result.isSuccess(ended) ? Cause.done(ended.success) : Effect.fail(ended.failure)

/** How an attempt ended, with what the call has cost by then. */
const concluded = (ended: Ended, sending: Sending): Ended =>
  Result.isSuccess(ended)
    ? Result.succeed(sending.answered(ended.success))
    : Result.fail(sending.failed(ended.failure, CallCost.ofStream))

const saysSomething = (event: StreamEvent.StreamEvent): boolean => !StreamEvent.isKeepAlive(event)

const kept = (
  before: ReadonlyArray<StreamEvent.StreamEvent>,
  quiet: Events
): ReadonlyArray<StreamEvent.StreamEvent> => before.length < maxKeepAlives ? Arr.appendAll(before, quiet) : before

/**
 * The events of a call: those of the attempt that has begun, or of the last one that failed, and then its end.
 *
 * @since 0.1.0
 */
export const pulled = (begun: Effect.Effect<Begun, StreamError | EmptyCompletion>, held: Held): EventPull => {
  let rest: EventPull | undefined
  let isStarted = false
  /** An answer with nothing in it is an answer, once it is not repeated any more. */
  const endOf = (error: StreamError | EmptyCompletion): EventPull => {
    if (error._tag !== "EmptyCompletion") return Effect.fail(error)
    return held.outcome === undefined ? Effect.die(error) : Cause.done(held.outcome)
  }
  const start = Effect.flatMap(
    Effect.catch(
      begun,
      (error): Effect.Effect<Begun> => Effect.succeed({ first: held.events, rest: endOf(error) })
    ),
    (begun): EventPull => {
      rest = begun.rest
      return Arr.isReadonlyArrayNonEmpty(begun.first) ? Effect.succeed(begun.first) : rest
    }
  )
  return Effect.suspend(() => {
    if (rest !== undefined) return rest
    // Whoever gave up waiting for the first events does not send a second request by asking again.
    if (isStarted) return Effect.interrupt
    isStarted = true
    return start
  })
}
