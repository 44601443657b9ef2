/**
 * Answers that were paid for once, for whoever asks the same again.
 *
 * In the way of a call the cache is a middleware, inside of the journal and outside of budgets, gates and ledgers: a hit
 * passes none of them, costs nothing, and is booked as saved. It keeps complete answers only, of the shape that was asked for,
 * in memory and, if it is given a store, beyond the end of the process. Equal calls in flight share one, as with `SingleFlight`. Streams are answered from
 * the cache and kept when they end; in flight they are not shared.
 *
 * A store that fails or hangs is a miss and never an error: it is read with a timeout, written after the answer is on its
 * way, and left alone for ten seconds when it has failed. Answers are stored in plain text: keep the store as safe as what
 * models say.
 *
 * **Example** (The same question twice, one request)
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { OpenRouter, ResponseCache } from "effect-openrouter"
 *
 * const client = ResponseCache.layer({ timeToLive: "1 day" }).pipe(Layer.provide(OpenRouter.layerFetch))
 *
 * const ask = OpenRouter.respond({ model: "openai/gpt-5", input: "What is the capital of Switzerland?" })
 *
 * const program = Effect.gen(function*() {
 *   yield* ask
 *   const again = yield* ask
 *   return again.cache?.status === "HIT"
 * }).pipe(Effect.provide(client))
 * ```
 *
 * @since 0.1.0
 */
import * as Channel from "effect/Channel"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type { BackingPersistence } from "effect/persistence/Persistence"
import type * as Scope from "effect/Scope"
import type { RequestError } from "../domain/error/OpenRouterError.ts"
import type { Completed, Outcome } from "../domain/outcome/Outcome.ts"
import type { CreateResponse } from "../domain/request/CreateResponse.ts"
import * as CallKey from "../services/CallKey.ts"
import * as Middleware from "../services/Middleware.ts"
import { CurrentObjectProblem, replay } from "../services/OpenRouter.ts"
import type { OpenRouter } from "../services/OpenRouter.ts"
import { CurrentResponseCache } from "../services/ResponseCache.ts"
import { CurrentSingleFlight } from "../services/SingleFlight.ts"
import * as AnswerStore from "./cache/AnswerStore.ts"
import { Flights } from "./cache/Flights.ts"
import { Memory } from "./cache/Memory.ts"
import * as Saved from "./cache/Saved.ts"
import type { StoredAnswer } from "./cache/StoredAnswer.ts"
import { layerMiddleware } from "./OpenRouter.ts"

export * from "../services/ResponseCache.ts"

/**
 * What a cache is made from. A size that is no number, or less than nothing, is a defect.
 *
 * @since 0.1.0
 */
export interface Options<E = never, R = never> {
  /**
   * Where answers are kept beyond the end of the process: a backing of `effect/persistence/Persistence`, such as
   * `layerBackingRedis`, `layerBackingSql` or `layerBackingKvs`, with what it needs. It is opened beside the program; if
   * that fails calls go on, and it is tried again. Default: in memory only.
   */
  readonly store?: Layer.Layer<BackingPersistence, E, R> | undefined
  /** How old an answer may be. Default 1 hour. */
  readonly timeToLive?: Duration.Input | undefined
  /** How many answers are kept in memory, also in front of a store; those used last. Default 1,000; 0 keeps none. */
  readonly capacity?: number | undefined
  /**
   * How many bytes the answers in memory may take together, as estimated by the length of their texts; one with an image
   * may take megabytes. Default 64 MiB. A larger answer is kept in the store only.
   */
  readonly maxBytes?: number | undefined
  /** How long the store is waited for. Default 1 second. */
  readonly readTimeout?: Duration.Input | undefined
}

/** How a call that the cache made has ended: with an answer of the store, or a new one. */
interface Ended {
  readonly outcome: Outcome
  /** Epoch milliseconds; absent for a new one. */
  readonly storedAt?: number | undefined
}

/** A call that may be answered from the cache. */
interface Asked {
  readonly call: CallKey.CallKey
  readonly request: CreateResponse
  readonly isRefresh: boolean
  readonly timeToLive: Duration.Duration
  /** True for an answer that is complete, and of the shape that the caller asked for. */
  readonly isGood: (outcome: Outcome) => outcome is Completed
}

const defaultMaxBytes = 64 * 1024 * 1024

class Answers {
  readonly memory: Memory
  readonly store: AnswerStore.AnswerStore | undefined
  readonly flights: Flights<Ended, RequestError>

  constructor(capacity: number, maxBytes: number, store: AnswerStore.AnswerStore | undefined, scope: Scope.Scope) {
    this.memory = new Memory(capacity, maxBytes)
    this.store = store
    this.flights = new Flights(scope)
  }

  /** What memory has. */
  remembered({ call, isGood, isRefresh, timeToLive }: Asked, now: number): StoredAnswer | undefined {
    const answer = isRefresh ? undefined : this.memory.get(call.key, now - Duration.toMillis(timeToLive))
    return answer !== undefined && isGood(answer.outcome) ? answer : undefined
  }

  /** What the store has. */
  stored({ call, isGood, isRefresh, timeToLive }: Asked): Effect.Effect<StoredAnswer | undefined> {
    const { store } = this
    if (isRefresh || store === undefined) return Effect.undefined
    return Effect.flatMap(store.read(call.key), (answer) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const isOld = answer === undefined || answer.storedAt <= now - Duration.toMillis(timeToLive)
        if (isOld || !isGood(answer.outcome)) return undefined
        // A process whose clock is ahead must not make it younger than it can be.
        const kept = answer.storedAt > now ? { ...answer, storedAt: now } : answer
        this.memory.set(call.key, kept)
        return kept
      }))
  }

  /** Keeps an answer if it is a good one. */
  kept({ call, isGood, timeToLive }: Asked, outcome: Outcome): Effect.Effect<void> {
    if (!isGood(outcome)) return Effect.void
    return Effect.flatMap(Clock.currentTimeMillis, (storedAt) => {
      const answer = { outcome, storedAt }
      this.memory.set(call.key, answer)
      return this.store === undefined ? Effect.void : this.store.write(call.key, answer, timeToLive)
    })
  }

  /** Asks the store, and the client if that has no answer. */
  asked(
    asked: Asked,
    make: Effect.Effect<Outcome, RequestError>
  ): Effect.Effect<Ended, RequestError> {
    return Effect.flatMap(
      this.stored(asked),
      (answer): Effect.Effect<Ended, RequestError> =>
        answer !== undefined
          ? Effect.succeed(answer)
          : Effect.map(Effect.tap(make, (outcome) => this.kept(asked, outcome)), (outcome) => ({ outcome }))
    )
  }
}

/** An answer that was kept, as the end of a call that was not made. */
const hit = (
  { request, timeToLive }: Asked,
  call: "respond" | "stream",
  outcome: Outcome,
  storedAt: number
): Effect.Effect<Outcome> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Saved.reused(outcome, request, call, {
      by: "ResponseCache",
      age: Math.max(0, now - storedAt) / 1000,
      ttl: Duration.toSeconds(timeToLive)
    }))

/**
 * Makes the middleware, for a part of a program; its memory and its connections live in the scope.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*<E = never, R = never>(
  options: Options<E, R> = {}
): Effect.fn.Return<Middleware.Middleware, never, R | Scope.Scope> {
  const scope = yield* Effect.scope
  const timeToLive = Duration.fromInputUnsafe(options.timeToLive ?? "1 hour")
  const store = options.store === undefined
    ? undefined
    : yield* AnswerStore.make(options.store, Duration.fromInputUnsafe(options.readTimeout ?? "1 second"))
  const { capacity = 1000, maxBytes = defaultMaxBytes } = options
  if (!(capacity >= 0 && maxBytes >= 0)) {
    return yield* Effect.die(
      new RangeError(`ResponseCache: capacity is ${capacity} and maxBytes ${maxBytes}; both are from 0`)
    )
  }
  const answers = new Answers(capacity, maxBytes, store, scope)

  const askedOf = (
    fiber: Fiber.Fiber<unknown, unknown>,
    service: OpenRouter["Service"],
    request: CreateResponse
  ): Asked | undefined => {
    const settings = fiber.getRef(CurrentResponseCache)
    const call = settings.mode === "off" ? undefined : CallKey.make(fiber, service.target, request)
    const problem = fiber.getRef(CurrentObjectProblem)
    return call === undefined ? undefined : {
      call,
      request,
      isGood: (outcome): outcome is Completed => outcome._tag === "Completed" && problem?.(outcome) === undefined,
      isRefresh: settings.mode === "refresh",
      timeToLive: settings.timeToLive === undefined ? timeToLive : Duration.fromInputUnsafe(settings.timeToLive)
    }
  }

  return Middleware.staged("cache", (service) => ({
    ...service,
    outcome: (request) =>
      Effect.withFiber((fiber: Fiber.Fiber<unknown, unknown>) => {
        const asked = askedOf(fiber, service, request)
        if (asked === undefined) return service.outcome(request)
        const { call, isRefresh } = asked
        const known = answers.remembered(asked, fiber.getRef(Clock.Clock).currentTimeMillisUnsafe())
        if (known !== undefined) return hit(asked, "respond", known.outcome, known.storedAt)
        const made = Effect.provideService(
          answers.asked(asked, service.outcome(request)),
          CallKey.CurrentCallKey,
          call
        )
        const ended = fiber.getRef(CurrentSingleFlight).share
          // One that wants a new answer joins no one who is content with an old one.
          ? answers.flights.join(isRefresh ? `${call.key} anew` : call.key, made, Saved.inTime(fiber, request))
          : Effect.map(Effect.exit(made), (exit) => ({ exit, isOwn: true }))
        return Effect.flatMap(ended, ({ exit, isOwn }): Effect.Effect<Outcome, RequestError> => {
          if (Exit.isFailure(exit)) {
            const failed = Exit.failCause(exit.cause)
            return isOwn ? failed : Saved.followed(failed, request)
          }
          const { outcome, storedAt } = exit.value
          if (storedAt !== undefined) return hit(asked, "respond", outcome, storedAt)
          return isOwn ? Effect.succeed(outcome) : Saved.followed(Exit.succeed(outcome), request)
        }).pipe(Effect.onExit((exit) => Effect.sync(() => givenBack(asked, exit))))
      }),
    events: (request) =>
      Channel.unwrap(Effect.withFiber((fiber: Fiber.Fiber<unknown, unknown>) => {
        const asked = askedOf(fiber, service, request)
        if (asked === undefined) return Effect.succeed(service.events(request))
        const { call } = asked
        let isGood = false
        const known = answers.remembered(asked, fiber.getRef(Clock.Clock).currentTimeMillisUnsafe())
        return Effect.map(
          known === undefined ? answers.stored(asked) : Effect.succeed(known),
          (known) =>
            known === undefined
              ? service.events(request).pipe(
                Channel.provideService(CallKey.CurrentCallKey, call),
                Channel.mapDoneEffect((outcome) => {
                  isGood = asked.isGood(outcome)
                  return Effect.as(answers.kept(asked, outcome), outcome)
                }),
                // A stream that is left ends well, but without its outcome.
                Channel.onExit(() => Effect.sync(() => isGood ? undefined : asked.call.giveBack()))
              )
              : Channel.unwrap(Effect.map(hit(asked, "stream", known.outcome, known.storedAt), replay))
        )
      }))
  }))
})

/** Nothing is kept of what failed or is not good, so another call may take its number. */
const givenBack = ({ call, isGood }: Asked, exit: Exit.Exit<Outcome, unknown>): void => {
  if (Exit.isFailure(exit) || !isGood(exit.value)) call.giveBack()
}

/**
 * Answers the calls of all who use a client from what was answered before.
 *
 * @since 0.1.0
 */
export const layer = <E = never, R = never>(
  options: Options<E, R> = {}
): Layer.Layer<OpenRouter, never, OpenRouter | Exclude<R, Scope.Scope>> =>
  Layer.unwrap(Effect.map(make(options), layerMiddleware))
