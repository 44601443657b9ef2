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
import type { LimitState } from "../../services/RateGate.ts"
import * as GateLog from "./GateLog.ts"
import * as GateMetrics from "./GateMetrics.ts"
import * as GateState from "./GateState.ts"
import { GateTime } from "./GateTime.ts"
import type { Lane } from "./Lane.ts"
import { Lanes } from "./Lanes.ts"
import { Queue } from "./Queue.ts"
import type { Waiter } from "./Queue.ts"
import type { SharedLimits } from "./SharedLimits.ts"
import * as Together from "./Together.ts"

/**
 * The gate of one process.
 *
 * @since 0.1.0
 */
export class MemoryGate implements Admission.Admission {
  readonly stage = "wait"
  readonly admit: (attempt: Admission.Attempt) => Effect.Effect<Admission.Settle, RequestError>
  readonly #time = new GateTime()
  readonly #lanes: Lanes<Waiter>
  readonly #queue: Queue = new Queue(this.#time, (lane, now, waiter, isTry) => this.#grant(lane, now, waiter, isTry))
  readonly #shared: SharedLimits | undefined

  /** `shared`: what other processes know, asked after this gate has let a call go. */
  constructor(known: ReadonlyArray<KnownLimit.Options>, shared: SharedLimits | undefined) {
    this.#lanes = new Lanes(known)
    this.#shared = shared
    this.admit = shared === undefined
      ? (attempt) => this.#here(attempt)
      : (attempt) =>
        Together.pass({
          attempt,
          shared,
          time: this.#time,
          here: (attempt) => this.#here(attempt),
          laneOf: (now) => this.#lanes.of(attempt.call, now)
        })
  }

  #here(attempt: Together.Asking): Effect.Effect<Admission.Settle, RequestError> {
    return Effect.withFiber((fiber) => {
      const clock = fiber.getRef(Clock.Clock)
      const now = this.#time.now(clock)
      const { request } = attempt.call
      const lane = this.#lanes.of(attempt.call, now)
      const tokens = lane.countsTokens && request !== undefined ? Tokens.ofRequest(request) : 0
      return lane.isEmpty && lane.readyAt(now, tokens) <= now
        ? Exit.succeed(this.#take(lane, now, attempt, tokens, clock, false, false))
        : this.#wait(lane, attempt, tokens, clock)
    })
  }

  readonly after = ({ model }: Admission.Call, error: OpenRouterError): "wait" | "end" | undefined => {
    if (this.#queue.hasRefused(error)) return "end"
    return Verdict.ofError(error, model)?._tag === "Refused" ? "wait" : undefined
  }

  /** What it knows now. */
  state(clock: Clock.Clock): ReadonlyArray<LimitState> {
    const now = this.#time.now(clock)
    return GateState.of(this.#lanes, now, this.#time.ahead)
  }

  /** Forgets what was learned of a model and of the limits that it shares, or of everything; who waits goes on. */
  reset(model: string | undefined, clock: Clock.Clock): Effect.Effect<void> {
    const now = this.#time.now(clock)
    const limiters = new Set<Limiter>()
    const keys = new Map<string, Set<string>>()
    for (const lane of this.#lanes) {
      if (model !== undefined && !(lane.model?.split(",").includes(model) ?? false)) continue
      for (const limiter of lane.limiters) limiters.add(limiter)
      const ofAccount = keys.get(lane.account) ?? new Set()
      keys.set(lane.account, ofAccount)
      for (const key of lane.keys) ofAccount.add(key)
    }
    if (model === undefined) { for (const { shared } of this.#lanes.shared()) limiters.add(shared.limit) }
    for (const limiter of limiters) limiter.clear(now)
    this.#queue.look(now, true)
    const shared = this.#shared
    // Those of two accounts lie on two nodes of a cluster.
    return shared === undefined
      ? Effect.void
      : Effect.forEach(keys.values(), (keys) => shared.forget([...keys]), { discard: true })
  }

  #wait(
    lane: Lane<Waiter>,
    attempt: Together.Asking,
    tokens: number,
    clock: Clock.Clock
  ): Effect.Effect<Admission.Settle, RequestError> {
    return GateMetrics.waiting(Effect.callback((resume) => {
      attempt.onWait?.(this.#waitIn(lane, tokens, this.#time.now(clock)))
      const waiter = this.#queue.add(lane, attempt, tokens, clock, resume)
      return Effect.sync(() => {
        if (waiter.isWaiting) this.#queue.remove(lane, waiter)
      })
    }))
  }

  /** What keeps a call waiting: what is held or down, or its turn. */
  #waitIn(lane: Lane<Waiter>, tokens: number, now: number): Admission.Wait {
    const until = lane.readyAt(now, tokens)
    return {
      reason: "rate_gate",
      until: until > now && until < Infinity ? until - this.#time.ahead : undefined,
      error: lane.limiters.find((limiter) => limiter.because !== undefined && limiter.readyAt(now) > now)?.because
    }
  }

  #grant(lane: Lane<Waiter>, now: number, waiter: Waiter, isTry: boolean): Admission.Settle {
    return this.#take(lane, now, waiter.attempted, waiter.tokens, waiter.clock, true, isTry)
  }

  #take(
    lane: Lane<Waiter>,
    takenAt: number,
    attempt: Together.Asking,
    tokens: number,
    clock: Clock.Clock,
    hasWaited: boolean,
    isTry: boolean
  ): Admission.Settle {
    const places = lane.take(takenAt, tokens, hasWaited)
    const settle: Admission.Settle = (ended) => {
      lane.inFlight--
      if (ended._tag === "NotSent") return this.#notSent(lane, takenAt, this.#time.now(clock), places)
      const now = this.#time.after(ended.endedAt)
      const { exit } = ended
      if (Exit.isSuccess(exit)) {
        if (places.length > 0) endKnown(lane, places, now, ended, undefined)
        return this.#answered(lane, takenAt, now)
      }
      const error = Option.getOrUndefined(Exit.findErrorOption(exit))
      const verdict = error === undefined ? undefined : Verdict.ofError(error, lane.model)
      if (places.length > 0) endKnown(lane, places, now, ended, verdict)
      return this.#failed(lane, takenAt, now, verdict)
    }
    if (isTry) attempt.tries?.()
    if (!isTry && !lane.limiter.downtime.isOn) {
      attempt.took?.(settle)
      return settle
    }
    // One that tries has told what it was sent for as soon as its answer begins.
    let told: Effect.Effect<void> = Exit.void
    const settleTry: Admission.Settle = (ended) => Effect.andThen(told, settle(ended))
    attempt.took?.(settleTry, () => {
      told = this.#answered(lane, takenAt, this.#time.now(clock))
    })
    return settleTry
  }

  #notSent(
    lane: Lane<Waiter>,
    takenAt: number,
    now: number,
    places: ReadonlyArray<KnownLimit.Place>
  ): Effect.Effect<void> {
    for (const limiter of lane.limiters) limiter.giveBack(now, takenAt)
    places.forEach((place, index) => lane.known[index]?.limit.giveBack(place, now))
    this.#queue.look(now, true)
    return Exit.void
  }

  /** What was let through before a refusal came knows nothing of it, however late it left: so `takenAt` counts. */
  #answered(lane: Lane<Waiter>, takenAt: number, now: number): Effect.Effect<void> {
    let isOpened = false
    let told: Effect.Effect<void> = Exit.void
    for (let index = 0; index < lane.limiters.length; index++) {
      const limiter = lane.limiters[index]
      const wasHeld = limiter !== undefined && now < limiter.heldUntil(now)
      if (!limiter?.answered(now, takenAt)) continue
      isOpened = true
      told = Effect.andThen(told, GateLog.opened(lane, limiter))
      if (wasHeld && this.#shared !== undefined) {
        told = Effect.andThen(told, this.#shared.opened(lane.keys[index] ?? ""))
      }
    }
    this.#queue.look(now, isOpened || lane.countsTokens || lane.limiter.pace.isOpening)
    return told
  }

  #failed(
    lane: Lane<Waiter>,
    takenAt: number,
    now: number,
    verdict: Verdict.Verdict | undefined
  ): Effect.Effect<void> {
    let told: Effect.Effect<void> | undefined
    const limiter = verdict?._tag === "Refused" ? lane.limiterOf(verdict.reach) : lane.limiter
    for (const one of lane.limiters) if (one !== limiter || verdict === undefined) one.ended(now, takenAt)
    if (verdict?._tag === "Reached") {
      if (limiter.reached(now, takenAt)) told = GateLog.opened(lane, limiter)
    } else if (verdict !== undefined) told = this.#closing(lane, limiter, now, takenAt, verdict)
    this.#queue.look(now, true)
    return told ?? Exit.void
  }

  /** Learns from a refusal or a failure; gives what is to be told of it. */
  #closing(
    lane: Lane<Waiter>,
    limiter: Limiter,
    now: number,
    takenAt: number,
    verdict: Verdict.Refused | Verdict.Failed
  ): Effect.Effect<void> | undefined {
    const { ahead } = this.#time
    const announced = verdict._tag === "Failed" ? verdict.until : verdict.resetAt
    const until = announced === undefined ? undefined : announced + ahead
    const isClosed = verdict._tag === "Failed"
      ? limiter.failed(now, takenAt, { ...verdict, until })
      : limiter.refused(now, takenAt, { ...verdict, resetAt: until })
    const said = GateLog.closed(lane, limiter, now, verdict.error)
    if (!isClosed) return said
    // Only what was announced holds for others: they have a pace of their own.
    const shared = this.#shared === undefined || announced === undefined || until === undefined || until <= now
      ? Exit.void
      : this.#shared.closed(
        lane.keys[lane.limiters.indexOf(limiter)] ?? "",
        announced,
        verdict._tag === "Failed" ? undefined : verdict.limit,
        takenAt - ahead
      )
    const counted = Effect.andThen(GateMetrics.closed(verdict.error._tag), shared)
    return said === undefined ? counted : Effect.andThen(counted, said)
  }
}

/** What was refused or turned down has used no tokens. */
const endKnown = (
  lane: Lane<Waiter>,
  places: ReadonlyArray<KnownLimit.Place>,
  now: number,
  ended: Admission.Sent,
  verdict: Verdict.Verdict | undefined
): void => {
  const tokens = !lane.countsTokens ? undefined : tokensOf(ended) ?? (verdict?._tag === "Refused" ? 0 : undefined)
  for (let index = 0; index < places.length; index++) {
    const place = places[index]
    if (place !== undefined) lane.known[index]?.limit.ended(place, now, tokens)
  }
}

/** Tokens in and out, as far as the end of an attempt tells. */
const tokensOf = ({ costs }: Admission.Sent): number | undefined => {
  const tokens = costs.inputTokens + costs.outputTokens
  return tokens === 0 ? undefined : tokens
}
