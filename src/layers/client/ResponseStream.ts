/**
 * The way of one streamed call: open, read, fold, settle; again as the policy says while nothing has been delivered.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Pull from "effect/Pull"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import { ConnectionFailed, MalformedResponse, TimedOut } from "../../domain/error/OpenRouterError.ts"
import * as HttpAnswer from "../../domain/outcome/HttpAnswer.ts"
import * as Outcome from "../../domain/outcome/Outcome.ts"
import * as CreateResponse from "../../domain/request/CreateResponse.ts"
import * as ResponseAccumulator from "../../domain/stream/ResponseAccumulator.ts"
import * as StreamEvent from "../../domain/stream/StreamEvent.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import * as CostLedger from "../../services/CostLedger.ts"
import type { EventChannel, StreamError } from "../../services/OpenRouter.ts"
import * as RetryPolicy from "../../services/RetryPolicy.ts"
import * as StreamDeadlines from "../../services/StreamDeadlines.ts"
import * as EventReader from "./EventReader.ts"
import * as Tracing from "./Tracing.ts"
import * as Transport from "./Transport.ts"
import * as Watchdog from "./Watchdog.ts"

/** After the last event, how long the rest of the body is read, so that the connection can be used again. */
const drain = Duration.millis(200)

type Events = Arr.NonEmptyReadonlyArray<StreamEvent.StreamEvent>

type EventPull = Pull.Pull<Events, StreamError, Outcome.Outcome>

type Ended = Result.Result<Outcome.Outcome, StreamError>

/** One sending of the request, and what is known of its answer. */
interface Attempt {
  readonly scope: Scope.Closeable
  readonly startedAt: number
  /** The time of the last event, once there was one. */
  lastEventAt: number | undefined
  /** Until when the rest of its body is read, once it has ended. */
  drainUntil: number | undefined
  /** How it ended, as soon as an event says so. */
  ended: Ended | undefined
  /** True once the ledger knows. */
  isBooked: boolean
}

/** An attempt whose answer is a stream. */
interface Reading {
  readonly attempt: Attempt
  readonly headers: HttpAnswer.HttpAnswer["headers"]
  readonly bytes: Pull.Pull<Arr.NonEmptyReadonlyArray<Uint8Array>, Transport.Unanswered>
  readonly reader: EventReader.EventReader
  readonly accumulator: ResponseAccumulator.ResponseAccumulator
}

/**
 * Makes the streams of a client.
 *
 * @since 0.1.0
 */
export const make = (
  transport: Transport.Transport,
  settings: Transport.Options
): (request: CreateResponse.CreateResponse) => EventChannel => {
  const client: Client = {
    transport,
    scrub: settings.scrub,
    toOutcome: Transport.withoutKey(HttpAnswer.toOutcome, settings.scrub, (outcome) => outcome._tag === "Completed")
  }
  return (request) => {
    const body = CreateResponse.toBody(request, { stream: true })
    return Result.isFailure(body)
      ? Channel.fail(body.failure)
      : Channel.fromTransformBracket((_upstream, _outer, scope) =>
        Effect.map(start(request, scope), (run) => pullOf(run, body.success, client))
      )
  }
}

/** What all streams of a client share. */
interface Client {
  readonly transport: Transport.Transport
  readonly scrub: Transport.Scrub
  readonly toOutcome: typeof HttpAnswer.toOutcome
}

/** What the attempts of one stream share. */
interface Run {
  readonly model: string | undefined
  readonly scope: Scope.Scope
  readonly clock: Clock.Clock
  readonly deadlines: StreamDeadlines.StreamDeadlines
  /** The instant at which all of it must be over. */
  readonly totalAt: number
  readonly watchdog: Watchdog.Watchdog
  readonly again: RetryPolicy.Again
  readonly settle: (attempt: Attempt, ended: Ended) => void
  attempts: number
  attempt: Attempt | undefined
}

const start = (request: CreateResponse.CreateResponse, scope: Scope.Scope): Effect.Effect<Run> =>
  Effect.gen(function*() {
    const model = request.model ?? request.models?.[0]
    const clock = yield* Clock.Clock
    const deadlines = yield* StreamDeadlines.CurrentStreamDeadlines
    const book = yield* CostLedger.book
    const again = yield* RetryPolicy.start
    const span = yield* Tracing.stream(
      { "gen_ai.operation.name": "generate_content", "gen_ai.request.model": model },
      scope
    )
    const totalAt = clock.currentTimeMillisUnsafe() + Duration.toMillis(deadlines.total)
    const watchdog = yield* Watchdog.make({
      clock,
      scope,
      shortest: Duration.min(deadlines.firstEvent, deadlines.idle),
      latest: totalAt,
      restsWhenIdle: false
    })
    const settle: Run["settle"] = (attempt, ended) => {
      if (attempt.isBooked) return
      attempt.isBooked = true
      book(Result.isSuccess(ended) ? Exit.succeed(ended.success) : Exit.fail(ended.failure))
      if (span !== undefined && Result.isSuccess(ended)) Tracing.annotateOutcome(span, ended.success)
    }
    const run: Run = {
      model,
      scope,
      clock,
      deadlines,
      totalAt,
      watchdog,
      again,
      settle,
      attempts: 0,
      attempt: undefined
    }
    // A consumer may leave at any time: what is known by then is booked, and the rest as unknown.
    yield* Scope.addFinalizer(
      scope,
      Effect.sync(() => {
        const { attempt } = run
        if (attempt === undefined || attempt.isBooked) return
        if (attempt.ended !== undefined) return settle(attempt, attempt.ended)
        attempt.isBooked = true
        book(Exit.interrupt())
      })
    )
    return run
  })

const pullOf = (run: Run, body: string, { scrub, toOutcome, transport }: Client): EventPull => {
  let reading: Reading | undefined
  /** Events of an answer that came at once, and then its end. */
  let rest: EventPull | undefined

  const over = (attempt: Attempt, ended: Ended, wasDelivered: boolean): EventPull => {
    run.settle(attempt, ended)
    reading = undefined
    const after: EventPull = Result.isSuccess(ended)
      ? Cause.done(ended.success)
      : wasDelivered
      ? Effect.fail(ended.failure)
      : Effect.flatMap(againInTime(run, ended.failure), () => open)
    return Effect.flatMap(Scope.close(attempt.scope, Exit.void), () => after)
  }

  const open: EventPull = Effect.suspend(() => {
    const attempt: Attempt = {
      scope: Scope.forkUnsafe(run.scope),
      startedAt: run.clock.currentTimeMillisUnsafe(),
      lastEventAt: undefined,
      drainUntil: undefined,
      ended: undefined,
      isBooked: false
    }
    run.attempt = attempt
    run.attempts++
    const context = { model: run.model, attempts: run.attempts }
    return within(run, attempt, Scope.provide(transport.open(body, context), attempt.scope)).pipe(
      Effect.matchEffect({
        onFailure: (error) => over(attempt, Result.fail(error), false),
        onSuccess: (opened) => {
          if (opened._tag === "Answer") return atOnce(attempt, opened.answer)
          reading = {
            attempt,
            headers: opened.headers,
            bytes: opened.pull,
            reader: EventReader.make(scrub),
            accumulator: ResponseAccumulator.make()
          }
          return read(reading)
        }
      })
    )
  })

  /** A server may answer a request for a stream in one piece: then its end is its only event. */
  const atOnce = (attempt: Attempt, answer: HttpAnswer.HttpAnswer): EventPull => {
    const context = { model: run.model, attempts: run.attempts, now: run.clock.currentTimeMillisUnsafe() }
    const ended = toOutcome(answer, context)
    if (Result.isFailure(ended)) return over(attempt, ended, false)
    run.settle(attempt, ended)
    rest = over(attempt, ended, true)
    return Effect.succeed(Arr.of(StreamEvent.ofResponse(ended.success.response)))
  }

  const read = (reading: Reading): EventPull =>
    Effect.matchEffect(next(run, reading), {
      onSuccess: (chunks) => deliver(reading, reading.reader.read(chunks)),
      onFailure: (error) =>
        !Cause.isDone(error)
          ? over(reading.attempt, brokenOff(run, reading, error), reading.accumulator.hasOutput)
          : reading.accumulator.terminal === undefined && reading.reader.problem() === undefined
          ? deliverLast(reading)
          : over(reading.attempt, endOf(run, reading), reading.accumulator.hasOutput)
    })

  /** Folds events in and hands them on; those of a failure that may be tried again are not handed on. */
  const deliver = (reading: Reading, events: ReadonlyArray<StreamEvent.StreamEvent>): EventPull => {
    const { accumulator, attempt, reader } = reading
    const wasOver = accumulator.terminal !== undefined
    for (const event of events) accumulator.add(event)
    if (events.some(isSemantic)) attempt.lastEventAt = run.clock.currentTimeMillisUnsafe()
    const { hasOutput, terminal } = accumulator
    if (terminal !== undefined) {
      attempt.ended = endOf(run, reading)
      // An `error` may be followed by a failed response that has the usage; all others are the last word.
      if (terminal !== "error") run.settle(attempt, attempt.ended)
    }
    const isFailure = terminal === "failed" || terminal === "error" || reader.problem() !== undefined
    return wasOver || (isFailure && !hasOutput) || !Arr.isReadonlyArrayNonEmpty(events)
      ? read(reading)
      : Effect.succeed(events)
  }

  const deliverLast = (current: Reading): EventPull => {
    const last = current.reader.end()
    reading = { ...current, bytes: Cause.done() }
    return last.length === 0
      ? over(current.attempt, endOf(run, current), current.accumulator.hasOutput)
      : deliver(reading, last)
  }

  return Effect.suspend(() => {
    if (rest !== undefined) return rest
    if (reading === undefined) return open
    // While nobody asked for events the stream was not silent.
    const { attempt } = reading
    if (attempt.lastEventAt !== undefined) attempt.lastEventAt = run.clock.currentTimeMillisUnsafe()
    return read(reading)
  })
}

/** Waits for the next attempt, unless that would begin after all must be over. */
const againInTime = (run: Run, error: StreamError): Effect.Effect<void, StreamError> => {
  const left = run.totalAt - run.clock.currentTimeMillisUnsafe()
  const resetAt = "resetAt" in error ? error.resetAt : undefined
  return left === Infinity
    ? run.again(error)
    : resetAt !== undefined && DateTime.toEpochMillis(resetAt) > run.totalAt
    ? Effect.fail(error)
    : Effect.timeoutOrElse(run.again(error), {
      duration: Duration.millis(Math.max(0, left)),
      orElse: () => Effect.fail(error)
    })
}

/** The next bytes; after the last event only what comes at once. */
const next = (run: Run, { accumulator, attempt, bytes, reader }: Reading): Reading["bytes"] =>
  reader.problem() !== undefined
    ? Cause.done()
    : accumulator.terminal === undefined
    ? within(run, attempt, bytes)
    : Effect.suspend(() => {
      const now = run.clock.currentTimeMillisUnsafe()
      attempt.drainUntil ??= now + Duration.toMillis(drain)
      return attempt.drainUntil <= now ? Cause.done() : Effect.timeoutOrElse(bytes, {
        duration: Duration.millis(attempt.drainUntil - now),
        orElse: () => Cause.done()
      })
    })

/** Runs a wait under the deadlines. */
const within = <A, E>(run: Run, attempt: Attempt, self: Effect.Effect<A, E>): Effect.Effect<A, E | TimedOut> =>
  Effect.suspend(() => {
    const { firstEvent, idle, total } = run.deadlines
    const { lastEventAt, startedAt } = attempt
    const [phase, duration, since] = lastEventAt === undefined
      ? ["firstEvent" as const, firstEvent, startedAt]
      : ["idle" as const, idle, lastEventAt]
    const at = since + Duration.toMillis(duration)
    if (run.totalAt < at) return run.watchdog.guard(self, run.totalAt, () => timedOut(run, "total", total))
    return run.watchdog.guard(self, at, () => timedOut(run, phase, duration))
  })

const timedOut = (run: Run, phase: TimedOut["phase"], duration: Duration.Duration): TimedOut =>
  new TimedOut({
    phase,
    duration,
    message: phase === "firstEvent"
      ? "the stream did not begin in time"
      : phase === "idle"
      ? "the stream stalled"
      : "the stream took too long",
    attempts: run.attempts,
    ...Wire.compact({ model: run.model })
  })

/** How a stream that has no more events ended. */
const endOf = (run: Run, reading: Reading): Ended => {
  const { accumulator, headers, reader } = reading
  const problem = reader.problem()
  return problem !== undefined && accumulator.terminal === undefined
    ? Result.fail(
      new MalformedResponse({
        ...knownOf(run, reading),
        message: `the stream cannot be read: ${problem}`,
        body: Redacted.make("")
      })
    )
    : accumulator.outcome({
      headers,
      model: run.model,
      attempts: run.attempts,
      now: run.clock.currentTimeMillisUnsafe()
    })
}

/** The connection broke or a deadline passed: of no matter if the answer was complete. */
const brokenOff = (run: Run, reading: Reading, error: Transport.Unanswered): Ended => {
  if (reading.accumulator.terminal !== undefined) return endOf(run, reading)
  const known = { ...knownOf(run, reading), message: error.message }
  switch (error._tag) {
    case "TimedOut":
      return Result.fail(new TimedOut({ ...known, phase: error.phase, ...Wire.compact({ duration: error.duration }) }))
    case "ConnectionFailed":
      return Result.fail(
        new ConnectionFailed({ ...known, phase: error.phase, ...Wire.compact({ reason: error.reason }) })
      )
    case "MalformedResponse":
      return Result.fail(new MalformedResponse({ ...known, body: error.body }))
  }
}

const knownOf = (run: Run, { accumulator, headers }: Reading) => {
  const { partialText, response } = accumulator.snapshot()
  return {
    ...Outcome.knownOf(response, { headers, model: run.model, attempts: run.attempts }),
    ...(partialText === "" ? {} : { partialText })
  }
}

/** A keep-alive event says nothing about the answer. */
const isSemantic = (event: StreamEvent.StreamEvent): boolean =>
  event.type !== "unknown" || event.wireType !== "keepalive"
