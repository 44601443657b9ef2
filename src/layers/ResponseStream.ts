/**
 * The way of one streamed call: open, read, fold, settle; again as the policy says while nothing has been delivered.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Answer from "../domain/Answer.ts"
import * as CreateResponse from "../domain/CreateResponse.ts"
import { ConnectionFailed, MalformedResponse, TimedOut } from "../domain/OpenRouterError.ts"
import type { OpenRouterError } from "../domain/OpenRouterError.ts"
import type * as Outcome from "../domain/Outcome.ts"
import * as ResponseAccumulator from "../domain/ResponseAccumulator.ts"
import type * as StreamEvent from "../domain/StreamEvent.ts"
import * as Wire from "../domain/Wire.ts"
import * as CostLedger from "../services/CostLedger.ts"
import type { EventChannel, StreamError } from "../services/OpenRouter.ts"
import * as RetryPolicy from "../services/RetryPolicy.ts"
import * as StreamDeadlines from "../services/StreamDeadlines.ts"
import * as EventReader from "./EventReader.ts"
import type * as Transport from "./Transport.ts"

/** After the last event, how long the rest of the body is read, so that the connection can be used again. */
const drainMillis = 200

/** One sending of the request. */
interface Attempt {
  readonly scope: Scope.Closeable
  readonly startedAt: number
  /** The time of the last event, once there was one. */
  lastEventAt: number | undefined
  /** Set by the terminal event: until then the rest of the body is read. */
  drainUntil: number | undefined
}

/** An attempt whose answer is a stream. */
interface Reading extends Attempt {
  readonly headers: Answer.Answer["headers"]
  readonly bytes: Pull.Pull<Arr.NonEmptyReadonlyArray<Uint8Array>, ConnectionFailed>
  readonly reader: EventReader.EventReader
  readonly accumulator: ResponseAccumulator.ResponseAccumulator
}

type Events = Arr.NonEmptyReadonlyArray<StreamEvent.StreamEvent>

type EventPull = Pull.Pull<Events, StreamError, Outcome.Outcome>

/**
 * Makes the streams of a client.
 *
 * @since 0.1.0
 */
export const make = (
  transport: Transport.Transport,
  settings: Transport.Options
): (request: CreateResponse.CreateResponse) => EventChannel =>
(request) => {
  const body = CreateResponse.toBody(request, { stream: true })
  if (Result.isFailure(body)) return Channel.fail(body.failure)
  const model = request.model ?? request.models?.[0]
  return Channel.fromTransformBracket((_upstream, _outer, scope) =>
    Effect.gen(function*() {
      const clock = yield* Clock.Clock
      const deadlines = yield* StreamDeadlines.CurrentStreamDeadlines
      const book = yield* CostLedger.book
      const again = yield* RetryPolicy.start
      const startedAt = clock.currentTimeMillisUnsafe()
      let attempts = 0
      let reading: Reading | undefined
      let isInFlight = false

      const settle = (exit: Exit.Exit<Outcome.Outcome, OpenRouterError>): void => {
        if (isInFlight) book(exit)
        isInFlight = false
        reading = undefined
      }
      yield* Scope.addFinalizer(scope, Effect.sync(() => settle(Exit.interrupt())))

      const finish = (attempt: Attempt, outcome: Outcome.Outcome): EventPull => {
        settle(Exit.succeed(outcome))
        return Effect.andThen(Scope.close(attempt.scope, Exit.void), Cause.done(outcome))
      }

      const fail = (attempt: Attempt, error: StreamError, wasDelivered: boolean): EventPull => {
        settle(Exit.fail(error))
        const next = wasDelivered ? Effect.fail(error) : Effect.flatMap(again(error), () => open)
        return Effect.andThen(Scope.close(attempt.scope, Exit.void), next)
      }

      const finishWith = (
        attempt: Attempt,
        result: Result.Result<Outcome.Outcome, StreamError>,
        wasDelivered: boolean
      ) => Result.isSuccess(result) ? finish(attempt, result.success) : fail(attempt, result.failure, wasDelivered)

      const open: EventPull = Effect.suspend(() => {
        const now = clock.currentTimeMillisUnsafe()
        const attempt: Attempt = {
          scope: Scope.forkUnsafe(scope),
          startedAt: now,
          lastEventAt: undefined,
          drainUntil: undefined
        }
        attempts++
        isInFlight = true
        return transport.open(body.success, { model, attempts }).pipe(
          Scope.provide(attempt.scope),
          within(attempt),
          Effect.matchEffect({
            onFailure: (error) => fail(attempt, error, false),
            onSuccess: (opened) => {
              if (opened._tag === "Answer") return finishWith(attempt, interpret(opened.answer), false)
              reading = {
                ...attempt,
                headers: opened.headers,
                bytes: opened.pull,
                reader: EventReader.make(settings.scrub),
                accumulator: ResponseAccumulator.make()
              }
              return read(reading)
            }
          })
        )
      })

      const interpret = (answer: Answer.Answer): Result.Result<Outcome.Outcome, StreamError> => {
        return Answer.toOutcome(answer, { model, attempts, now: clock.currentTimeMillisUnsafe() })
      }

      const read = (attempt: Reading): EventPull =>
        Effect.matchEffect(within(attempt)(attempt.bytes), {
          onSuccess: (chunks) => received(attempt, chunks),
          onFailure: (error) => Cause.isDone(error) ? ended(attempt) : broken(attempt, error)
        })

      const received = (attempt: Reading, chunks: Arr.NonEmptyReadonlyArray<Uint8Array>): EventPull => {
        const events: Array<StreamEvent.StreamEvent> = []
        for (const chunk of chunks) {
          const read = attempt.reader.read(chunk)
          if (!isEvents(read)) return fail(attempt, unreadable(attempt, read.message), attempt.accumulator.hasOutput)
          for (const event of read) events.push(event)
        }
        return deliver(attempt, events)
      }

      /** Folds events in and hands them on; those of a failure that will be tried again are not handed on. */
      const deliver = (attempt: Reading, events: ReadonlyArray<StreamEvent.StreamEvent>): EventPull => {
        const wasOver = attempt.accumulator.terminal !== undefined
        for (const event of events) attempt.accumulator.add(event)
        const now = clock.currentTimeMillisUnsafe()
        if (events.some(isSemantic)) attempt.lastEventAt = now
        const { hasOutput, terminal } = attempt.accumulator
        if (terminal !== undefined) attempt.drainUntil ??= now + drainMillis
        const isFailure = terminal === "failed" || terminal === "error"
        return wasOver || (isFailure && !hasOutput) || !isNonEmpty(events) ? read(attempt) : Effect.succeed(events)
      }

      const ended = (attempt: Reading): EventPull => {
        const last = attempt.reader.end()
        if (isNonEmpty(last) && attempt.accumulator.terminal === undefined) {
          for (const event of last) attempt.accumulator.add(event)
          if (attempt.accumulator.hasOutput) {
            reading = { ...attempt, bytes: Cause.done() }
            return Effect.succeed(last)
          }
        }
        return over(attempt)
      }

      const over = (attempt: Reading): EventPull =>
        finishWith(
          attempt,
          attempt.accumulator.outcome({
            headers: attempt.headers,
            model,
            attempts,
            now: clock.currentTimeMillisUnsafe()
          }),
          attempt.accumulator.hasOutput
        )

      /** The connection broke or a deadline passed: of no matter if the answer was complete. */
      const broken = (attempt: Reading, error: ConnectionFailed | TimedOut): EventPull => {
        if (attempt.accumulator.terminal !== undefined) return over(attempt)
        const known = { ...knownOf(attempt), message: error.message }
        return fail(
          attempt,
          error._tag === "TimedOut"
            ? new TimedOut({ ...known, phase: error.phase, duration: error.duration })
            : new ConnectionFailed({ ...known, phase: error.phase, ...Wire.compact({ reason: error.reason }) }),
          attempt.accumulator.hasOutput
        )
      }

      const unreadable = (attempt: Reading, problem: string): MalformedResponse =>
        new MalformedResponse({ ...knownOf(attempt), message: `the stream cannot be read: ${problem}`, body: "" })

      const knownOf = (attempt: Reading) => {
        const { partialText, response } = attempt.accumulator.snapshot()
        return {
          attempts,
          ...Wire.compact({
            model: response.model ?? model,
            generationId: attempt.headers["x-generation-id"],
            partialText: partialText === "" ? undefined : partialText
          })
        }
      }

      /** The next instant at which waiting is over, and what that means. */
      const deadlineOf = (attempt: Attempt): { readonly at: number; readonly phase: TimedOut["phase"] } => {
        const total = startedAt + Duration.toMillis(deadlines.total)
        if (attempt.drainUntil !== undefined) return { at: attempt.drainUntil, phase: "idle" }
        const [phase, at] = attempt.lastEventAt === undefined
          ? ["firstEvent" as const, attempt.startedAt + Duration.toMillis(deadlines.firstEvent)]
          : ["idle" as const, attempt.lastEventAt + Duration.toMillis(deadlines.idle)]
        return total < at ? { at: total, phase: "total" } : { at, phase }
      }

      const within = (attempt: Attempt) => <A, E>(self: Effect.Effect<A, E>): Effect.Effect<A, E | TimedOut> => {
        const { at, phase } = deadlineOf(attempt)
        return at === Infinity ? self : Effect.timeoutOrElse(self, {
          duration: Duration.millis(Math.max(0, at - clock.currentTimeMillisUnsafe())),
          orElse: () =>
            Effect.fail(
              new TimedOut({
                phase,
                duration: phase === "total"
                  ? deadlines.total
                  : phase === "idle"
                  ? deadlines.idle
                  : deadlines.firstEvent,
                message: timeoutMessage[phase],
                attempts,
                ...Wire.compact({ model })
              })
            )
        })
      }

      return Effect.suspend(() => reading === undefined ? open : read(reading))
    })
  )
}

const timeoutMessage = {
  response: "the answer did not arrive in time",
  firstEvent: "the stream did not begin in time",
  idle: "the stream stalled",
  total: "the stream took too long"
} as const

const isEvents = <A>(read: ReadonlyArray<A> | { readonly message: string }): read is ReadonlyArray<A> =>
  Array.isArray(read)

const isNonEmpty = <A>(items: ReadonlyArray<A>): items is Arr.NonEmptyReadonlyArray<A> => items.length > 0

/** A keep-alive event says nothing about the answer. */
const isSemantic = (event: StreamEvent.StreamEvent): boolean =>
  event.type !== "unknown" || event.wireType !== "keepalive"
