/**
 * One run of a program with a journal: the middleware that answers its calls from what is stored, and stores what they end with.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import type { RequestError } from "../domain/error/OpenRouterError.ts"
import * as JournalEnd from "../domain/journal/JournalEnd.ts"
import type * as JournalLine from "../domain/journal/JournalLine.ts"
import type { Outcome } from "../domain/outcome/Outcome.ts"
import * as StreamEvent from "../domain/stream/StreamEvent.ts"
import * as Wire from "../domain/wire/Wire.ts"
import * as CallKey from "./CallKey.ts"
import type { JournalError, Run } from "./Journal.ts"
import { staged } from "./Middleware.ts"
import type { Middleware } from "./Middleware.ts"
import { OpenRouter, replay } from "./OpenRouter.ts"
import type { StreamError } from "./OpenRouter.ts"
import { bodyOf, booked, marking, PlacedCalls } from "./PlacedCalls.ts"
import type { Asked } from "./PlacedCalls.ts"

/**
 * One run of a program.
 *
 * @since 0.1.0
 */
export class JournaledRun {
  readonly name: string
  readonly run: Run
  readonly middleware: Middleware
  /** Fails once the journal has failed. */
  readonly broken: Effect.Effect<never, JournalError>
  readonly #broken: Deferred.Deferred<never, JournalError>
  readonly #isRetrying: boolean
  readonly #calls: PlacedCalls
  #isClosed = false

  constructor(name: string, run: Run, options: {
    /** How many scopes enclose the run. */
    readonly depth: number
    readonly isRetrying: boolean
    readonly broken: Deferred.Deferred<never, JournalError>
  }) {
    this.name = name
    this.run = run
    this.#calls = new PlacedCalls(options.depth)
    this.#isRetrying = options.isRetrying
    this.#broken = options.broken
    this.broken = Deferred.await(options.broken)
    this.middleware = staged("journal", (service) => this.#wrap(service))
  }

  /** What is asked from now on is not journaled: nobody reads it again. */
  close(): void {
    this.#isClosed = true
  }

  #wrap(service: OpenRouter["Service"]): OpenRouter["Service"] {
    return OpenRouter.of({
      prices: service.prices,
      outcome: (request) =>
        Effect.withFiber((fiber) => {
          const body = this.#isClosed ? undefined : bodyOf(request)
          if (body === undefined) return service.outcome(request)
          return this.#answered(
            () => this.#calls.ask(fiber, "respond", body, request.model, CallKey.make(fiber, service.target, request)),
            (asked) => Effect.updateContext(service.outcome(request), marking(asked, request)),
            JournalEnd.outcomes
          )
        }),
      events: (request) => {
        const body = this.#isClosed ? undefined : bodyOf(request)
        return body === undefined ?
          service.events(request) :
          Channel.fromTransform((upstream, scope) =>
            Effect.withFiber((fiber) => {
              const cacheKey = CallKey.make(fiber, service.target, request)
              const asked = this.#calls.ask(fiber, "stream", body, request.model, cacheKey)
              const open = Effect.suspend(() =>
                Channel.toTransform(Channel.updateContext(service.events(request), marking(asked, request)))(
                  upstream,
                  scope
                )
              )
              return this.#streamed(asked, scope, open)
            })
          )
      },
      call: (call) => {
        const { body, schema } = call
        if (this.#isClosed || schema === undefined || body === undefined || Result.isFailure(body)) {
          return service.call(call)
        }
        return Effect.withFiber((fiber) =>
          this.#answered(
            () => this.#calls.ask(fiber, call.name, `${call.path}\n${body.success}`, call.model, undefined),
            () => service.call(call),
            JournalEnd.valuesOf(call, schema)
          )
        )
      }
    })
  }

  /** Answers a call from what is stored, or makes it and stores how it ended. */
  #answered<A>(
    ask: () => Asked,
    make: (asked: Asked) => Effect.Effect<A, RequestError>,
    kind: JournalEnd.Kind<A>
  ): Effect.Effect<A, RequestError> {
    return Effect.uninterruptibleMask(Effect.fnUntraced({ self: this }, function*(restore) {
      const asked = ask()
      const giveBack = Effect.sync(() => this.#calls.giveBack(asked))
      const found = yield* Effect.onInterrupt(restore(this.#find(asked)), () => giveBack)
      if (found !== undefined) {
        const stored = kind.read(found.answer)
        if (stored !== undefined) {
          yield* booked(asked, found)
          return yield* stored
        }
      }
      yield* this.#append(yield* startedLine(this.name, asked))
      const exit = yield* Effect.exit(restore(make(asked)))
      const end = Exit.isSuccess(exit) ? kind.write(exit.value) : JournalEnd.ofCause(exit.cause)
      if (end === undefined) this.#calls.giveBack(asked)
      else yield* this.#store(yield* endedLine(this.name, asked, end))
      return yield* exit
    }))
  }

  /** The events of a stored outcome, or those that arrive; the last ones when the outcome is stored. */
  #streamed(
    asked: Asked,
    scope: Scope.Scope,
    open: Effect.Effect<EventPull>
  ): Effect.Effect<EventPull> {
    let isStored = false
    const store = (end: JournalEnd.End): Effect.Effect<void> =>
      Effect.uninterruptible(Effect.flatMap(endedLine(this.name, asked, end), (line) => {
        isStored = true
        return this.#store(line)
      }))
    return Effect.gen({ self: this }, function*(): Effect.fn.Return<EventPull> {
      yield* Scope.addFinalizer(scope, Effect.sync(() => isStored ? undefined : this.#calls.giveBack(asked)))
      const found = yield* this.#find(asked)
      const stored = found === undefined ? undefined : JournalEnd.outcomes.read(found.answer)
      if (found === undefined || stored === undefined) {
        yield* this.#append(yield* startedLine(this.name, asked))
        return storing(yield* open, store)
      }
      isStored = true
      yield* booked(asked, found)
      return Exit.isFailure(stored)
        ? Effect.failCause(stored.cause)
        : yield* Channel.toTransform(replay(stored.value))(Cause.done(), scope)
    })
  }

  #find(asked: Asked): Effect.Effect<JournalLine.Ended | undefined> {
    return Effect.matchEffect(this.run.find(asked.key), {
      onFailure: (error) => this.#fails(error),
      onSuccess: (found) => {
        asked.isRepeat = this.#isRetrying && found?.answer._tag === "Error"
        return Effect.succeed(asked.isRepeat ? undefined : found)
      }
    })
  }

  #append(line: JournalLine.Started): Effect.Effect<void> {
    return Effect.catch(this.run.append(line), (error) => this.#fails(error))
  }

  /** What was paid for is the program's, whether it can be stored or not. */
  #store(line: JournalLine.Ended): Effect.Effect<void> {
    return Effect.catch(this.run.append(line), (error) => Effect.asVoid(Deferred.fail(this.#broken, error)))
  }

  /** The program is about to be interrupted by the failure of its journal; until then nothing is sent. */
  #fails(error: JournalError): Effect.Effect<never> {
    return Effect.andThen(Deferred.fail(this.#broken, error), Effect.interruptible(Effect.never))
  }
}

type Events = Arr.NonEmptyReadonlyArray<StreamEvent.StreamEvent>

type EventPull = Pull.Pull<Events, StreamError, Outcome>

/**
 * The events of a stream that is stored before its last events are given. One that breaks off after it has begun is not stored,
 * nor is one that is left.
 */
const storing = (pull: EventPull, store: (end: JournalEnd.End) => Effect.Effect<void>): EventPull => {
  let hasBegun = false
  let rest: EventPull | undefined
  const failed = (cause: Cause.Cause<StreamError>): Effect.Effect<never, StreamError> => {
    const end = hasBegun ? undefined : JournalEnd.ofCause(cause)
    return end === undefined ? Effect.failCause(cause) : Effect.andThen(store(end), Effect.failCause(cause))
  }
  const done = (outcome: Outcome): Effect.Effect<never, Cause.Done<Outcome>> =>
    Effect.andThen(store(JournalEnd.ofOutcome(outcome)), Cause.done(outcome))
  // Behind the event that ends a stream nothing is told but how it ended.
  const ending: EventPull = Effect.suspend(() =>
    Pull.matchEffect(pull, { onSuccess: () => ending, onFailure: failed, onDone: done })
  )
  return Effect.suspend((): EventPull =>
    rest ?? Pull.matchEffect(pull, {
      onSuccess: (events): Effect.Effect<Events> => {
        hasBegun = true
        const last = events[events.length - 1]
        return last === undefined || !StreamEvent.isTerminal(last)
          ? Effect.succeed(events)
          : Effect.map(Effect.exit(ending), (exit) => {
            rest = exit
            return events
          })
      },
      onFailure: failed,
      onDone: done
    })
  )
}

const lineOf = (run: string, { call, key, model, scopes }: Asked) =>
  Effect.map(DateTime.now, (time) => ({ run, time, key, call, scopes, ...Wire.compact({ model }) }))

const startedLine = (run: string, asked: Asked): Effect.Effect<JournalLine.Started> =>
  Effect.map(lineOf(run, asked), (line) => ({ _tag: "Started", ...line }))

const endedLine = (run: string, asked: Asked, end: JournalEnd.End): Effect.Effect<JournalLine.Ended> =>
  Effect.map(lineOf(run, asked), (line) => ({ _tag: "Ended", ...line, ...end }))
