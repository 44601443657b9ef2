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
import type { Answer, SharedLimits } from "./SharedLimits.ts"

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
    return Effect.uninterruptibleMask(Effect.fnUntraced({ self: this }, function*(restore) {
      for (;;) {
        const settle = yield* restore(this.#here(attempt))
        const askedAt = yield* Clock.currentTimeMillis
        const lane = this.lanes.of(attempt.call, askedAt)
        // One that goes although a limit is closed tries whether it still is.
        const tries = lane.limiters.some(({ closedUntil }) => askedAt < closedUntil)
        const answer = yield* restore(shared.pass(lane.keys, lane.limiters.map(({ window }) => window), tries)).pipe(
          Effect.onInterrupt(() => settle({ _tag: "NotSent", exit: Exit.interrupt() }))
        )
        const { hold } = answer
        agree(lane, answer)
        if (hold === undefined) {
          return (ended: Admission.Ended) =>
            ended._tag === "Sent" ? settle(ended) : Effect.andThen(settle(ended), shared.giveBack(lane.keys, answer))
        }
        lane.limiters[hold.index]?.heldElsewhere(yield* Clock.currentTimeMillis, hold.until, hold.isClosed)
        yield* settle({ _tag: "NotSent", exit: Exit.void })
      }
    }))
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
  reset(model: string | undefined, now: number): Effect.Effect<void> {
    const keys = new Set<string>()
    for (const lane of this.lanes) {
      if (model !== undefined && lane.model !== model) continue
      lane.limiter.clear(now)
      for (const key of model === undefined ? lane.keys : lane.keys.slice(0, 1)) keys.add(key)
    }
    if (model === undefined) {
      for (const { shared } of this.lanes.shared()) shared.limit.clear(now)
    }
    this.#queue.look(now, true)
    return this.#shared === undefined || keys.size === 0 ? Effect.void : this.#shared.forget([...keys])
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
        else limit.ended(place, now, lane.countsTokens ? tokensOf(ended) : undefined)
      }
      return ended._tag === "NotSent" ? this.#notSent(lane, takenAt, now) : this.#sent(lane, takenAt, now, ended)
    }
  }

  #notSent(lane: Lane<Waiter>, takenAt: number, now: number): Effect.Effect<void> {
    for (const limiter of lane.limiters) limiter.giveBack(takenAt)
    this.#queue.look(now, true)
    return Exit.void
  }

  /** What was let through before a refusal came knows nothing of it, however late it left: so `takenAt` counts. */
  #sent(lane: Lane<Waiter>, takenAt: number, now: number, { exit }: Admission.Sent): Effect.Effect<void> {
    if (Exit.isSuccess(exit)) {
      let isOpened = false
      let told: Effect.Effect<void> = Exit.void
      for (let index = 0; index < lane.limiters.length; index++) {
        const limiter = lane.limiters[index]
        const wasClosed = limiter !== undefined && now < limiter.closedUntil
        if (!limiter?.answered(now, takenAt)) continue
        isOpened = true
        if (wasClosed && this.#shared !== undefined) {
          told = Effect.andThen(told, this.#shared.opened(lane.keys[index] ?? ""))
        }
      }
      this.#queue.look(now, isOpened || lane.countsTokens)
      return told
    }
    for (const limiter of lane.limiters) limiter.downtime.ended(takenAt)
    const error = Option.getOrUndefined(Exit.findErrorOption(exit))
    const verdict = error === undefined ? undefined : Verdict.ofError(error, lane.model)
    const closing = verdict === undefined ? undefined : this.#closing(lane, now, takenAt, verdict)
    this.#queue.look(now, true)
    return closing ?? Exit.void
  }

  /** Learns from a refusal or a failure; gives what is to be told of it. */
  #closing(
    lane: Lane<Waiter>,
    now: number,
    takenAt: number,
    verdict: Verdict.Verdict
  ): Effect.Effect<void> | undefined {
    const limiter = verdict._tag === "Failed" ? lane.limiter : lane.limiterOf(verdict.reach)
    const wasNotable = limiter.closedUntil - now > notableMillis
    const isClosed = verdict._tag === "Failed"
      ? limiter.failed(now, takenAt, verdict)
      : limiter.refused(now, takenAt, verdict)
    if (!isClosed) return undefined
    const millis = limiter.closedUntil - now
    // Only what was announced holds for others: they have a pace of their own.
    const announced = verdict._tag === "Failed" ? verdict.until : verdict.resetAt
    const shared = this.#shared === undefined || announced === undefined || announced <= now
      ? Exit.void
      : this.#shared.closed(
        lane.keys[lane.limiters.indexOf(limiter)] ?? "",
        announced,
        verdict._tag === "Failed" ? undefined : verdict.limit
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

/** What processes together know wins over what this one has learned. */
const agree = ({ limiters }: Lane<Waiter>, { isTogether, windows }: Answer): void => {
  for (let index = 0; index < limiters.length; index++) {
    const window = windows[index]
    if (window !== undefined) limiters[index]?.agree(window)
    else if (!isTogether) limiters[index]?.window.goAlone()
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

/** Tokens in and out, as far as the end of an attempt tells. */
const tokensOf = ({ costs }: Admission.Sent): number | undefined => {
  const tokens = costs.inputTokens + costs.outputTokens
  return tokens === 0 ? undefined : tokens
}
