/**
 * One run of the body of a workflow: the middleware that makes each call an activity, and the sleeps between two of them.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Activity from "effect/workflow/Activity"
import * as DurableClock from "effect/workflow/DurableClock"
import { WorkflowEngine, WorkflowInstance } from "effect/workflow/WorkflowEngine"
import { Complete } from "../../domain/error/OpenRouterError.ts"
import type { OpenRouterError, RequestError } from "../../domain/error/OpenRouterError.ts"
import * as JournalEnd from "../../domain/journal/JournalEnd.ts"
import { Answer } from "../../domain/journal/JournalLine.ts"
import * as Usd from "../../domain/money/Usd.ts"
import type { Outcome } from "../../domain/outcome/Outcome.ts"
import { lazy } from "../../domain/wire/Lazy.ts"
import * as Sha256 from "../../domain/wire/Sha256.ts"
import * as CallKey from "../../services/CallKey.ts"
import { staged } from "../../services/Middleware.ts"
import type { Middleware } from "../../services/Middleware.ts"
import { OpenRouter, replay } from "../../services/OpenRouter.ts"
import type { StreamError } from "../../services/OpenRouter.ts"
import { bodyOf, booked, marking, PlacedCalls } from "../../services/PlacedCalls.ts"
import type { Asked } from "../../services/PlacedCalls.ts"
import * as RetryPolicy from "../../services/RetryPolicy.ts"
import type * as StoredReplies from "./StoredReplies.ts"

/**
 * How calls wait in a workflow.
 *
 * @since 0.1.0
 */
export interface Waits {
  /** How long an activity waits for its attempts; a longer wait is a durable sleep. */
  readonly inMemory: Duration.Duration
  /** The longest durable sleep: a call that would wait longer fails with the error that says so. */
  readonly longest: Duration.Duration
  /** So many durable sleeps may a call take. */
  readonly times: number
}

/** Before the names of all activities, sleeps and deferreds of this library. */
const prefix = "effect-openrouter"

/** How an activity ended that the workflow goes on from: the call ended, or it is to be made again then. */
const Stored = lazy(() =>
  Schema.Union([
    Schema.TaggedStruct("Ended", {
      answer: Answer,
      outcome: Schema.String,
      cost: Schema.optionalKey(Usd.Usd),
      generationId: Schema.optionalKey(Schema.String)
    }),
    Schema.TaggedStruct("Waits", { until: Schema.DateTimeUtc })
  ])
)

type Stored = ReturnType<typeof Stored>["Type"]

/** The codecs are made once: an activity makes its own anew for each call, and these are large. */
const codecs = lazy(() => {
  const stored = Schema.toCodecJson(Stored())
  return {
    write: Schema.encodeEffect(stored),
    read: Schema.decodeEffect(stored),
    writeError: Schema.encodeEffect(Complete),
    readError: Schema.decodeEffect(Complete)
  }
})

type Engine = Context.Context<WorkflowEngine | WorkflowInstance>

/** What a call of any kind may fail with. */
type Failure = RequestError | StreamError

/**
 * One run of a body. A replay is another one: it counts equal calls anew, and so finds them under their names.
 *
 * @since 0.1.0
 */
export class DurableRun {
  readonly middleware: Middleware
  readonly #calls: PlacedCalls
  readonly #waits: Waits
  readonly #instance: WorkflowInstance["Service"]
  readonly #find: StoredReplies.Find | undefined

  /** `depth`: how many scopes enclose the run. `find`: how the replies of an earlier run are found, if they are in a database. */
  constructor(
    instance: WorkflowInstance["Service"],
    depth: number,
    waits: Waits,
    find: StoredReplies.Find | undefined
  ) {
    this.#find = find
    this.#instance = instance
    this.#calls = new PlacedCalls(depth)
    this.#waits = waits
    this.middleware = staged("journal", (service) => this.#wrap(service))
  }

  /** The engine, if a fiber runs the body itself: what an activity of the program calls is a part of that activity. */
  engineOf({ context }: Fiber.Fiber<unknown, unknown>): Engine | undefined {
    const engine = Context.getOption(context, WorkflowEngine)
    const instance = Context.getOption(context, WorkflowInstance)
    return Option.isSome(engine) && Option.isSome(instance) && instance.value === this.#instance
      ? Context.make(WorkflowEngine, engine.value).pipe(Context.add(WorkflowInstance, instance.value))
      : undefined
  }

  /** The name of something at the place of a fiber, which nothing else in the execution has. */
  nameOf(fiber: Fiber.Fiber<unknown, unknown>, kind: string, about: string): string {
    return `${prefix}/${kind}/${this.#calls.ask(fiber, kind, about, undefined, undefined).key}`
  }

  /** Of something in this execution, which no other one has: 32 hex digits. */
  markOf(name: string): string {
    return Sha256.hex(`${this.#instance.executionId}\n${name}`).slice(0, 32)
  }

  #wrap(service: OpenRouter["Service"]): OpenRouter["Service"] {
    return OpenRouter.of({
      prices: service.prices,
      target: service.target,
      outcome: (request) =>
        Effect.withFiber((fiber) => {
          const engine = this.engineOf(fiber)
          const body = engine === undefined ? undefined : bodyOf(request)
          if (engine === undefined || body === undefined) return service.outcome(request)
          return this.#durably(
            engine,
            () => this.#calls.ask(fiber, "respond", body, request.model, CallKey.make(fiber, service.target, request)),
            (asked) => Effect.updateContext(service.outcome(request), marking(asked, request, this.markOf(asked.key))),
            JournalEnd.outcomes,
            JournalEnd.isRequestError
          )
        }),
      events: (request) =>
        Channel.unwrap(Effect.withFiber((fiber) => {
          const engine = this.engineOf(fiber)
          const body = engine === undefined ? undefined : bodyOf(request)
          if (engine === undefined || body === undefined) return Effect.succeed(service.events(request))
          const outcome = this.#durably<Outcome, StreamError>(
            engine,
            () => this.#calls.ask(fiber, "stream", body, request.model, CallKey.make(fiber, service.target, request)),
            (asked) =>
              Channel.runDrain(
                Channel.updateContext(service.events(request), marking(asked, request, this.markOf(asked.key)))
              ),
            JournalEnd.outcomes,
            isStreamError
          )
          return Effect.map(outcome, replay)
        })),
      call: (call) => {
        const { body, schema } = call
        if (schema === undefined || body === undefined || Result.isFailure(body)) return service.call(call)
        return Effect.withFiber((fiber) => {
          const engine = this.engineOf(fiber)
          if (engine === undefined) return service.call(call)
          const about = `${call.path}\n${body.success}`
          return this.#durably(
            engine,
            () => this.#calls.ask(fiber, call.name, about, call.model, undefined),
            () => service.call(call),
            JournalEnd.valuesOf(call, schema),
            JournalEnd.isRequestError
          )
        })
      }
    })
  }

  /** Makes a call as activities: one, or one more after each durable sleep. */
  #durably<A, E extends Failure>(
    engine: Engine,
    ask: () => Asked,
    make: (asked: Asked) => Effect.Effect<A, E>,
    kind: JournalEnd.Kind<A>,
    isError: (error: OpenRouterError) => error is E & OpenRouterError
  ): Effect.Effect<A, E | RequestError> {
    return Effect.uninterruptibleMask(Effect.fnUntraced({ self: this }, function*(restore) {
      const asked = ask()
      for (let number = 1;; number++) {
        // Set by the activity where it runs here and now, and is not found.
        let isMade = false
        asked.isRepeat = number > 1
        const attempt = Effect.suspend(() => {
          isMade = true
          return this.#attempt(make(asked), kind, number)
        })
        const name = `${prefix}/${asked.call}/${number === 1 ? asked.key : `${asked.key}/${number}`}`
        const { read, readError, write, writeError } = codecs()
        const activity = Effect.suspend(() =>
          Effect.matchEffect(
            Effect.provideContext(
              Activity.make({
                name,
                success: Schema.Json,
                error: Schema.Json,
                execute: Effect.matchEffect(attempt, {
                  onFailure: (error) => Effect.flatMap(Effect.orDie(writeError(error)), Effect.fail),
                  onSuccess: (stored) => Effect.orDie(write(stored))
                })
              }),
              engine
            ),
            {
              onFailure: (json) => Effect.flatMap(Effect.orDie(readError(json)), Effect.fail),
              onSuccess: (json) => Effect.orDie(read(json))
            }
          )
        )
        const exit = yield* Effect.exit(restore(
          this.#find === undefined
            ? activity
            : Effect.flatMap(
              this.#find(this.#instance, name),
              (found) => Option.isSome(found) ? Effect.orDie(read(found.value)) : activity
            )
        ))
        if (Exit.isFailure(exit)) {
          const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
          if (error !== undefined) return yield* isError(error) ? Effect.fail(error) : Effect.die(error)
          if (Cause.hasInterruptsOnly(exit.cause)) this.#calls.giveBack(asked)
          return yield* Effect.failCause(dropError(exit.cause))
        }
        if (exit.value._tag === "Waits") {
          yield* restore(this.#sleep(engine, `${name}/wait`, exit.value.until)).pipe(
            Effect.onInterrupt(() => Effect.sync(() => this.#calls.giveBack(asked)))
          )
          continue
        }
        if (!isMade) yield* booked(asked, exit.value)
        const ended = kind.read(exit.value.answer)
        return yield* ended ?? Effect.die(new Error(`the answer under ${name} is of another kind than the call`))
      }
    }))
  }

  /** What is stored of an attempt. What it fails with ends every call of the key, or broke off in the middle. */
  #attempt<A, E extends Failure>(
    make: Effect.Effect<A, E>,
    kind: JournalEnd.Kind<A>,
    number: number
  ): Effect.Effect<Stored, Failure> {
    return Effect.flatMap(RetryPolicy.CurrentRetryPolicy, (policy) => {
      const patient = RetryPolicy.fromSchedule(policy.schedule, {
        maxWait: Duration.min(policy.maxWait, this.#waits.inMemory)
      })
      return Effect.matchEffect(RetryPolicy.with(make, patient), {
        onFailure: Effect.fnUntraced({ self: this }, function*(error): Effect.fn.Return<Stored, Failure> {
          const until = number > this.#waits.times || Duration.isZero(policy.maxWait)
            ? undefined
            : yield* this.#untilOf(error)
          if (until !== undefined) return { _tag: "Waits", until }
          const end = JournalEnd.ofFailure(error)
          return end === undefined ? yield* Effect.fail<Failure>(error) : { _tag: "Ended", ...end }
        }),
        onSuccess: (value): Effect.Effect<Stored> => {
          const end = kind.write(value)
          return end === undefined
            ? Effect.die(new Error("the answer cannot be written as its schema says"))
            : Effect.succeed({ _tag: "Ended", ...end })
        }
      })
    })
  }

  /** When a call that failed can be made again, if the server said so and it is not too late. */
  #untilOf(error: Failure): Effect.Effect<DateTime.Utc | undefined> {
    const resetAt = "resetAt" in error && RetryPolicy.isRetried(error) ? error.resetAt : undefined
    if (resetAt === undefined) return Effect.undefined
    return Effect.gen({ self: this }, function*() {
      const wait = DateTime.toEpochMillis(resetAt) - DateTime.toEpochMillis(yield* DateTime.now)
      if (wait <= 0 || wait > Duration.toMillis(this.#waits.longest)) return undefined
      // Those who wait for the same do not wake together.
      return DateTime.addDuration(resetAt, Math.ceil((yield* Random.next) * Math.min(1000, wait * 0.05)))
    })
  }

  /**
   * Waits for an instant: as long as other activities are in flight in memory, because a workflow that sleeps interrupts them;
   * then in the store, if it is still far.
   */
  #sleep(engine: Engine, name: string, until: DateTime.Utc): Effect.Effect<void> {
    const { activityState } = this.#instance
    const left = Effect.map(
      DateTime.now,
      (now) => Duration.millis(Math.max(0, DateTime.toEpochMillis(until) - DateTime.toEpochMillis(now)))
    )
    const alone = Effect.gen(function*() {
      do {
        yield* activityState.count > 0 ? activityState.latch.await : Effect.void
        // Whoever got the last answer may make the next call.
        for (let turn = 0; turn < 3; turn++) yield* Effect.yieldNow
      } while (activityState.count > 0)
    })
    return Effect.gen({ self: this }, function*() {
      yield* Effect.raceFirst(Effect.flatMap(left, Effect.sleep), alone)
      const duration = yield* left
      yield* Duration.isLessThanOrEqualTo(duration, this.#waits.inMemory)
        ? Effect.sleep(duration)
        : Effect.provideContext(DurableClock.sleep({ name, duration, inMemoryThreshold: 0 }), engine)
    })
  }
}

/**
 * The run of the workflow that the running fiber is in; none outside of one.
 *
 * @internal
 */
export const CurrentDurableRun: Context.Reference<DurableRun | undefined> = /* @__PURE__ */ Context.Reference<
  DurableRun | undefined
>(
  "effect-openrouter/DurableCalls/CurrentDurableRun",
  { defaultValue: () => undefined }
)

const isStreamError = (error: OpenRouterError): error is StreamError & OpenRouterError =>
  error._tag === "StreamInterrupted" || JournalEnd.isRequestError(error)

/** A cause that has no typed error. */
const dropError = (cause: Cause.Cause<unknown>): Cause.Cause<never> =>
  Cause.fromReasons(cause.reasons.filter((reason) => !Cause.isFailReason(reason)))
