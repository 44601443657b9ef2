/**
 * The way of the calls of one model through the limits that hold for it.
 *
 * @since 0.1.0
 */
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
  readonly known: ReadonlyArray<Shared<KnownLimit.KnownLimit>>
  /** The model's own first, then those it shares. */
  readonly limiters: ReadonlyArray<Limiter>
  readonly countsTokens: boolean
  readonly turns: Turns<T> = new Turns()
  /** When to look again whether the next one may go; `Infinity` until an attempt ends. */
  wakeAt = 0
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
    readonly known: ReadonlyArray<Shared<KnownLimit.KnownLimit>>
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
    for (const { limit } of this.known) at = Math.max(at, limit.readyAt(now, tokens))
    return at
  }

  /** Lets one go. */
  take(now: number, tokens: number): ReadonlyArray<KnownLimit.Place> {
    this.inFlight++
    for (const limiter of this.limiters) limiter.take(now)
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

  /** The limits that are closed, not only used up. */
  closed(now: number): ReadonlyArray<Limiter> {
    return this.limiters.filter((limiter) => limiter.isClosed(now))
  }

  /** For how long each of its limits has been closed in all. */
  closedMillis(now: number): ReadonlyArray<number> {
    return this.limiters.map((limiter) => limiter.closedMillis(now))
  }

  /** For how long somebody has waited for what is closed who came when {@link closedMillis} was `before`. */
  waitedMillis(now: number, before: ReadonlyArray<number>): number {
    return this.limiters.reduce(
      (most, limiter, index) => Math.max(most, limiter.waitedMillis(now, before[index] ?? 0)),
      0
    )
  }

  /** Another number whenever requests got through what was closed. */
  get progress(): number {
    return this.limiters.reduce((sum, { progress }) => sum + progress, 0)
  }
}

const noPlaces: ReadonlyArray<KnownLimit.Place> = []
