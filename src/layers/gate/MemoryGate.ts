/**
 * The gate of one process: lets a call go when all limits that hold for it do, and learns from how it ended.
 *
 * Where nobody waits and nothing is known to be limited, a call passes in one step.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type { OpenRouterError, RequestError } from "../../domain/error/OpenRouterError.ts"
import type * as KnownLimit from "../../domain/gate/KnownLimit.ts"
import type { Limiter } from "../../domain/gate/Limiter.ts"
import * as Verdict from "../../domain/gate/Verdict.ts"
import * as Tokens from "../../domain/request/Tokens.ts"
import type * as Admission from "../../services/Admission.ts"
import * as GateMetrics from "./GateMetrics.ts"
import type { Lane } from "./Lane.ts"
import { Lanes } from "./Lanes.ts"
import { Queue } from "./Queue.ts"
import type { Waiter } from "./Queue.ts"
import type { SharedLimits } from "./SharedLimits.ts"

/** A limit that closes for longer than this says so in the log. */
const notableMillis = 5000

/**
 * The gate of one process.
 *
 * @since 0.1.0
 */
export class MemoryGate implements Admission.Admission {
  readonly stage = "wait"
  readonly lanes: Lanes<Waiter>
  readonly #queue: Queue = new Queue((lane, now, { clock, tokens }) => this.#grant(lane, now, tokens, clock))

  readonly #shared: SharedLimits | undefined

  /** `shared`: what other processes know, asked after this gate has let a call go. */
  constructor(known: ReadonlyArray<KnownLimit.Options>, shared: SharedLimits | undefined) {
    this.lanes = new Lanes(known)
    this.#shared = shared
    this.admit = shared === undefined
      ? (attempt) => this.#here(attempt)
      : (attempt) => this.#everywhere(attempt, shared)
  }

  readonly admit: (attempt: Admission.Attempt) => Effect.Effect<Admission.Settle, RequestError>

  /** Passes this gate, and then what the processes share; who is kept there comes back here, and keeps its turn. */
  #everywhere(attempt: Admission.Attempt, shared: SharedLimits): Effect.Effect<Admission.Settle, RequestError> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(restore(this.#here(attempt)), (settle) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          const lane = this.lanes.of(attempt.call, now)
          const back = (exit: Exit.Exit<unknown, never>) => settle({ _tag: "NotSent", exit })
          return restore(shared.pass(lane.keys, lane.beyond)).pipe(
            Effect.onInterrupt(() => back(Exit.interrupt())),
            Effect.flatMap(({ index, isClosed, waitMillis }) => {
              if (waitMillis === 0) return Effect.succeed(settle)
              lane.limiters[index]?.heldElsewhere(now, now + waitMillis, isClosed)
              return Effect.andThen(back(Exit.void), restore(this.#everywhere(attempt, shared)))
            })
          )
        }))
    )
  }

  #here(attempt: Admission.Attempt): Effect.Effect<Admission.Settle, RequestError> {
    return Effect.withFiber((fiber) => {
      const clock = fiber.getRef(Clock.Clock)
      const now = clock.currentTimeMillisUnsafe()
      const { request } = attempt.call
      const lane = this.lanes.of(attempt.call, now)
      const tokens = lane.countsTokens && request !== undefined ? Tokens.ofRequest(request) : 0
      return lane.isEmpty && lane.readyAt(now, tokens) <= now
        ? Exit.succeed(this.#grant(lane, now, tokens, clock))
        : this.#wait(lane, attempt, tokens, clock)
    })
  }

  readonly after = ({ model }: Admission.Call, error: OpenRouterError): "wait" | "end" | undefined => {
    if (this.#queue.hasRefused(error)) return "end"
    return Verdict.ofError(error, model)?._tag === "Refused" ? "wait" : undefined
  }

  /** Forgets what was learned of a model, or of everything; who waits goes on. */
  reset(model: string | undefined, now: number): void {
    for (const lane of this.lanes) {
      if (model === undefined || lane.model === model) lane.limiter.clear(now)
    }
    if (model === undefined) { for (const { shared } of this.lanes.shared()) shared.limit.clear(now) }
    this.#queue.look(now, true)
  }

  #wait(
    lane: Lane<Waiter>,
    attempt: Admission.Attempt,
    tokens: number,
    clock: Clock.Clock
  ): Effect.Effect<Admission.Settle, RequestError> {
    return GateMetrics.waiting(Effect.callback((resume) => {
      attempt.onWait?.(waitIn(lane, tokens, clock.currentTimeMillisUnsafe()))
      const waiter = this.#queue.add(lane, attempt, tokens, clock, resume)
      return Effect.suspend(() => {
        const { isWaiting, place } = waiter
        if (isWaiting) this.#queue.remove(lane, waiter)
        // It was given its place, and never came to know.
        return place?.({ _tag: "NotSent", exit: Exit.interrupt() }) ?? Effect.void
      })
    }))
  }

  #grant(lane: Lane<Waiter>, takenAt: number, tokens: number, clock: Clock.Clock): Admission.Settle {
    const places = lane.take(takenAt, tokens)
    return (ended) => {
      const now = ended._tag === "Sent" ? ended.endedAt : clock.currentTimeMillisUnsafe()
      lane.inFlight--
      for (let index = 0; index < places.length; index++) {
        const place = places[index]
        const limit = lane.known[index]?.limit
        if (place === undefined || limit === undefined) continue
        if (ended._tag === "NotSent") limit.giveBack(place, now)
        else limit.ended(place, now, lane.countsTokens ? tokensOf(ended.exit) : undefined)
      }
      return ended._tag === "NotSent" ? this.#notSent(lane, takenAt, now) : this.#sent(lane, takenAt, now, ended)
    }
  }

  #notSent(lane: Lane<Waiter>, takenAt: number, now: number): Effect.Effect<void> {
    for (const limiter of lane.limiters) limiter.giveBack(takenAt)
    this.#queue.look(now, true)
    return Exit.void
  }

  #sent(lane: Lane<Waiter>, takenAt: number, now: number, { exit, sentAt }: Admission.Sent): Effect.Effect<void> {
    if (Exit.isSuccess(exit)) {
      let isOpened = false
      for (const limiter of lane.limiters) if (limiter.answered(now, sentAt)) isOpened = true
      this.#queue.look(now, isOpened || lane.countsTokens)
      return isOpened && this.#shared !== undefined ? this.#shared.opened(lane.keys[0] ?? "") : Exit.void
    }
    for (const limiter of lane.limiters) limiter.downtime.ended(takenAt)
    const error = Option.getOrUndefined(Exit.findErrorOption(exit))
    const verdict = error === undefined ? undefined : Verdict.ofError(error, lane.model)
    const closing = verdict === undefined ? undefined : this.#closing(lane, now, sentAt, verdict)
    this.#queue.look(now, true)
    return closing ?? Exit.void
  }

  /** Learns from a refusal or a failure; gives what is to be told of it. */
  #closing(lane: Lane<Waiter>, now: number, sentAt: number, verdict: Verdict.Verdict): Effect.Effect<void> | undefined {
    const limiter = verdict._tag === "Failed" ? lane.limiter : lane.limiterOf(verdict.reach)
    const wasNotable = limiter.closedUntil - now > notableMillis
    const isClosed = verdict._tag === "Failed"
      ? limiter.failed(now, sentAt, verdict)
      : limiter.refused(now, sentAt, verdict)
    if (!isClosed) return undefined
    const millis = limiter.closedUntil - now
    const shared = this.#shared === undefined || millis <= 0 ? Exit.void : this.#shared.closed(
      lane.keys[lane.limiters.indexOf(limiter)] ?? "",
      { millis, limit: limiter.window.limit, windowMillis: limiter.window.length }
    )
    const counted = Effect.andThen(GateMetrics.closed(verdict.error._tag), shared)
    return wasNotable || millis <= notableMillis ? counted : Effect.andThen(
      counted,
      Effect.logWarning(
        `the rate gate is closed for ${Math.round(millis / 1000)} s to ${
          named(lane, limiter)
        }: ${verdict.error.message}`
      )
    )
  }
}

/** What keeps a call waiting: what is closed, or its turn. */
const waitIn = (lane: Lane<Waiter>, tokens: number, now: number): Admission.Wait => {
  const until = lane.readyAt(now, tokens)
  return {
    reason: "rate_gate",
    until: until > now && until < Infinity ? until : undefined,
    error: lane.closed(now).find(({ because }) => because !== undefined)?.because
  }
}

const named = (lane: Lane<Waiter>, limiter: Limiter): string => {
  if (limiter === lane.whole?.limit) return "all models of this key"
  return limiter === lane.free?.limit ? "all free models" : lane.model ?? "requests without a model"
}

/** Tokens in and out, as far as an answer tells. */
const tokensOf = (exit: Exit.Exit<unknown, OpenRouterError>): number | undefined => {
  const usage = Exit.isSuccess(exit)
    ? Predicate.hasProperty(exit.value, "usage") ? exit.value.usage : undefined
    : Option.getOrUndefined(Exit.findErrorOption(exit))?.usage
  return Predicate.hasProperty(usage, "totalTokens") && typeof usage.totalTokens === "number"
    ? usage.totalTokens
    : undefined
}
