/**
 * The way of the calls of one model through the limits that hold for it.
 *
 * @since 0.1.0
 */
import type { OpenRouterError } from "../../domain/error/OpenRouterError.ts"
import type * as KnownLimit from "../../domain/gate/KnownLimit.ts"
import type { Limiter } from "../../domain/gate/Limiter.ts"
import type { Reach } from "../../domain/gate/Verdict.ts"
import { isBefore, Turns } from "./Turns.ts"
import type { Turn } from "./Turns.ts"

/**
 * A limit that the calls of several models share, and how many wait for their turn there.
 *
 * @since 0.1.0
 */
export interface Shared<L> {
  readonly limit: L
  waiting: number
}

/**
 * A limit that was given beforehand, and the lanes whose first one waits for nothing but it.
 *
 * @since 0.1.0
 */
export interface Known<T extends Turn> extends Shared<KnownLimit.KnownLimit> {
  readonly keeps: Set<Lane<T>>
}

/**
 * The way of the calls of one model.
 *
 * @since 0.1.0
 */
export class Lane<T extends Turn> {
  readonly account: string
  /** False for the lane of the plain endpoints. */
  readonly isOfModel: boolean
  /** Fallbacks joined by commas; absent for the plain endpoints and for a request that names none. */
  readonly model: string | undefined
  /** The lane's own. */
  readonly limiter: Limiter
  readonly free: Shared<Limiter> | undefined
  readonly whole: Shared<Limiter> | undefined
  readonly known: ReadonlyArray<Known<T>>
  /** The model's own first, then those it shares. */
  readonly limiters: ReadonlyArray<Limiter>
  readonly countsTokens: boolean
  readonly turns: Turns<T> = new Turns()
  /** When to look again whether the next one may go. */
  wakeAt = 0
  /** True if that may change by the end of any attempt. */
  waitsForEnd = false
  /** Before this the patience of nobody ends who waits here; in the past while that is not known. */
  giveUpAt = -Infinity
  inFlight = 0
  /** When a call last came. */
  usedAt = 0
  /** The names of its limits among processes, in their order. */
  readonly keys: ReadonlyArray<string>
  readonly #shared: ReadonlyArray<Shared<unknown>>

  constructor(options: {
    readonly account: string
    readonly model: string | undefined
    readonly limiter: Limiter
    readonly free: Shared<Limiter> | undefined
    readonly whole: Shared<Limiter> | undefined
    readonly known: ReadonlyArray<Known<T>>
  }) {
    const { free, known, limiter, whole } = options
    const shared = [free, whole].filter((one) => one !== undefined)
    this.account = options.account
    this.isOfModel = whole !== undefined
    this.model = options.model
    this.limiter = limiter
    this.free = free
    this.whole = whole
    this.known = known
    this.limiters = [limiter, ...shared.map(({ limit }) => limit)]
    // In braces what places all keys of one request on one node of a Redis cluster.
    const account = `{${options.account}}`
    this.keys = [
      `${account}:${this.isOfModel ? `model:${options.model ?? ""}` : "endpoints"}`,
      ...free === undefined ? [] : [`${account}:free`],
      ...whole === undefined ? [] : [`${account}:account`]
    ]
    this.countsTokens = known.some(({ limit }) => limit.countsTokens)
    this.#shared = [...shared, ...known]
  }

  /** True if nobody waits here, nor for a limit that is shared. */
  get isEmpty(): boolean {
    if (this.turns.size > 0) return false
    for (const shared of this.#shared) if (shared.waiting > 0) return false
    return true
  }

  /** When the next request may go; not later than `now` if at once, `Infinity` if not before another one has ended. */
  readyAt(now: number, tokens: number): number {
    let at = 0
    for (const limiter of this.limiters) at = Math.max(at, limiter.readyAt(now))
    for (const { limit } of this.known) at = Math.max(at, limit.readyAt(tokens))
    return at
  }

  /**
   * The same for the one who is first here. Of a limit that was given beforehand the first one who waits for nothing else keeps
   * those who came later from what there is of it, or one that needs much would never go.
   */
  firstReadyAt(now: number, first: T & { readonly tokens: number }): number {
    let at = 0
    for (const limiter of this.limiters) at = Math.max(at, limiter.readyAt(now))
    const isKept = at <= now
    this.waitsForEnd = false
    for (const { keeps, limit } of this.known) {
      keeps.delete(this)
      let knownAt = limit.readyAt(first.tokens)
      for (const lane of keeps) {
        const other = lane.turns.first
        if (other === undefined || !isBefore(other, first)) continue
        knownAt = Math.max(knownAt, lane.wakeAt, now + 1)
        this.waitsForEnd = true
      }
      if (knownAt === Infinity) this.waitsForEnd = true
      if (isKept && knownAt > now) keeps.add(this)
      at = Math.max(at, knownAt)
    }
    return at
  }

  /** When one may go to try what is held for long. */
  tryAt(now: number, tokens: number): number {
    let at = 0
    for (const limiter of this.limiters) {
      at = Math.max(at, now < limiter.heldUntil(now) ? limiter.tryAt(now) : limiter.readyAt(now))
    }
    for (const { limit } of this.known) at = Math.max(at, limit.readyAt(tokens))
    return at
  }

  /** Notes that one tries what is held. */
  tries(now: number): void {
    for (const limiter of this.limiters) if (now < limiter.heldUntil(now)) limiter.tries(now)
  }

  /** Lets one go. */
  take(now: number, tokens: number, hasWaited: boolean): ReadonlyArray<KnownLimit.Place> {
    this.inFlight++
    for (const limiter of this.limiters) limiter.take(now, hasWaited)
    return this.known.length === 0 ? noPlaces : this.known.map(({ limit }) => limit.take(now, tokens))
  }

  /** The limit that a refusal is about; a limit that does not hold for this model is no reason to hold back others. */
  limiterOf(reach: Reach): Limiter {
    const shared = reach === "free" ? this.free : reach === "account" ? this.whole : undefined
    return shared?.limit ?? this.limiter
  }

  /** Who goes next. Of a model that is down the one that was sent least often, so that none uses up its attempts on trying. */
  get next(): T | undefined {
    if (!this.limiter.downtime.isOn) return this.turns.first
    let next: T | undefined
    for (const turn of this.turns.all) {
      if (next === undefined || turn.attempt < next.attempt || turn.attempt === next.attempt && isBefore(turn, next)) {
        next = turn
      }
    }
    return next
  }

  enqueue(turn: T): void {
    this.turns.add(turn)
    for (const shared of this.#shared) shared.waiting++
  }

  dequeue(turn: T): void {
    this.turns.remove(turn)
    for (const shared of this.#shared) shared.waiting--
  }

  /** It keeps nobody from a limit any more; gives true if it did. */
  release(): boolean {
    let did = false
    for (const { keeps } of this.known) if (keeps.delete(this)) did = true
    return did
  }

  /** True while one of its limits is held or down. */
  isClosed(now: number): boolean {
    for (const limiter of this.limiters) if (limiter.isClosed(now)) return true
    return false
  }

  /** Until when it is held; not later than `now` if it is not. */
  heldUntil(now: number): number {
    let until = 0
    for (const limiter of this.limiters) until = Math.max(until, limiter.heldUntil(now))
    return until
  }

  /** The error of a call that does not wait, of the limit that keeps it longest. */
  errorAt(now: number): OpenRouterError | undefined {
    let longest: Limiter | undefined
    for (const limiter of this.limiters) {
      if (!limiter.isClosed(now)) continue
      if (longest === undefined || limiter.heldUntil(now) > longest.heldUntil(now)) longest = limiter
    }
    return longest?.errorAt(now)
  }

  /** For how long each of its limits has been held in all. */
  heldMillis(now: number): ReadonlyArray<number> {
    return this.limiters.map((limiter) => limiter.heldMillis(now))
  }

  /** For how long somebody has waited for what is held who came when {@link heldMillis} was `before`. */
  waitedMillis(now: number, before: ReadonlyArray<number>): number {
    let most = 0
    for (let index = 0; index < this.limiters.length; index++) {
      most = Math.max(most, this.limiters[index]?.waitedMillis(now, before[index] ?? 0) ?? 0)
    }
    return most
  }
}

const noPlaces: ReadonlyArray<KnownLimit.Place> = []
