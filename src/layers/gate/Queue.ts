/**
 * Those who wait at a gate: whose turn it is, and when to look again.
 *
 * Each lane has its turns; where lanes share a limit, the earlier call goes first. One alarm wakes those whose time has come.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Exit from "effect/Exit"
import type { OpenRouterError, RequestError } from "../../domain/error/OpenRouterError.ts"
import * as Verdict from "../../domain/gate/Verdict.ts"
import type * as Admission from "../../services/Admission.ts"
import * as Watchdog from "../client/Watchdog.ts"
import type { Lane } from "./Lane.ts"
import { isBefore } from "./Turns.ts"
import type { Turn } from "./Turns.ts"

/** An alarm that comes so late says that the process was busy; it is given so long to read what has come. */
const lateMillis = 20
const graceMillis = 10

/**
 * One who waits.
 *
 * @since 0.1.0
 */
export interface Waiter extends Turn {
  readonly attempted: Admission.Attempt
  readonly clock: Clock.Clock
  readonly tokens: number
  /** How long its call may still wait for what is closed, in milliseconds. */
  readonly patience: number
  /** For how long each limit of its lane had been closed when it came. */
  readonly closedBefore: ReadonlyArray<number>
  /** Called once, with its place or with the error that keeps it from waiting. */
  readonly resume: (exit: Exit.Exit<Admission.Settle, RequestError>) => void
  /** Its place, from the moment it is given. */
  place: Admission.Settle | undefined
}

/**
 * Those who wait at a gate.
 *
 * @since 0.1.0
 */
export class Queue {
  readonly #grant: (lane: Lane<Waiter>, now: number, waiter: Waiter) => Admission.Settle
  readonly #lanes = new Set<Lane<Waiter>>()
  /** How long calls have waited before for what was closed; it does not count any more once requests got through. */
  readonly #waited = new WeakMap<Admission.Call, { readonly millis: number; readonly progress: number }>()
  readonly #watchdogs = new WeakMap<Clock.Clock, Watchdog.Watchdog>()
  readonly #alarm: Watchdog.Deadline = Watchdog.deadline(Infinity)
  readonly #refusals = new WeakSet<OpenRouterError>()
  #watchdog: Watchdog.Watchdog | undefined
  #clock: Clock.Clock | undefined
  #arrivals = 0
  #isLate = false

  constructor(grant: (lane: Lane<Waiter>, now: number, waiter: Waiter) => Admission.Settle) {
    this.#grant = grant
  }

  add(
    lane: Lane<Waiter>,
    attempt: Admission.Attempt,
    tokens: number,
    clock: Clock.Clock,
    resume: Waiter["resume"]
  ): Waiter {
    const now = clock.currentTimeMillisUnsafe()
    const { call } = attempt
    const waiter: Waiter = {
      startedAt: call.startedAt,
      attempt: attempt.number,
      arrival: this.#arrivals++,
      isWaiting: true,
      attempted: attempt,
      clock,
      tokens,
      patience: call.maxWait - this.#waitedBefore(lane, call),
      closedBefore: lane.closedMillis(now),
      resume,
      place: undefined
    }
    this.#use(clock)
    lane.enqueue(waiter)
    this.#lanes.add(lane)
    // Who queues behind others changes nothing for them.
    if (lane.turns.first === waiter || lane.closed(now).length > 0) this.#look(lane, now)
    return waiter
  }

  /** The caller of one who waits has gone. */
  remove(lane: Lane<Waiter>, waiter: Waiter): void {
    const now = waiter.clock.currentTimeMillisUnsafe()
    const wasFirst = lane.turns.first === waiter
    this.#leave(lane, waiter, now)
    if (wasFirst) this.#look(lane, now)
  }

  /** Something has ended, or a limit has changed: those whom it concerns may go. */
  look(now: number, isChanged: boolean): void {
    if (this.#lanes.size === 0) return
    let isDue = false
    for (const lane of this.#lanes) {
      if (!isChanged && lane.wakeAt !== Infinity) continue
      lane.wakeAt = 0
      isDue = true
    }
    if (isDue) this.#pump(now)
  }

  /** True for an error by which a wait was ended here. */
  hasRefused(error: OpenRouterError): boolean {
    return this.#refusals.has(error)
  }

  #look(lane: Lane<Waiter>, now: number): void {
    lane.wakeAt = 0
    this.#pump(now)
  }

  #waitedBefore(lane: Lane<Waiter>, call: Admission.Call): number {
    const waited = this.#waited.get(call)
    return waited?.progress === lane.progress ? waited.millis : 0
  }

  #leave(lane: Lane<Waiter>, waiter: Waiter, now: number): void {
    const { call } = waiter.attempted
    const millis = lane.waitedMillis(now, waiter.closedBefore)
    if (millis > 0) {
      this.#waited.set(call, { millis: millis + this.#waitedBefore(lane, call), progress: lane.progress })
    }
    lane.dequeue(waiter)
  }

  /** Lets those go whose time has come, and sets the alarm for the others. */
  #pump(now: number): void {
    const due: Array<Lane<Waiter>> = []
    for (const lane of this.#lanes) if (lane.wakeAt <= now) due.push(lane)
    const ended: Array<() => void> = []
    const go = (lane: Lane<Waiter>, waiter: Waiter) => {
      this.#leave(lane, waiter, now)
      const place = this.#grant(lane, now, waiter)
      waiter.place = place
      ended.push(() => waiter.resume(Exit.succeed(place)))
    }
    for (let lane = earliest(due); lane !== undefined; lane = earliest(due)) {
      const waiter = lane.next
      const at = waiter === undefined ? Infinity : lane.readyAt(now, waiter.tokens)
      if (waiter !== undefined && at <= now) go(lane, waiter)
      else {
        lane.wakeAt = Math.min(at, this.#giveUp(lane, now, go, ended))
        due.splice(due.indexOf(lane), 1)
      }
    }
    for (const lane of this.#lanes) if (lane.turns.size === 0) this.#lanes.delete(lane)
    this.#arm()
    // Last of all: whoever goes on may come back at once.
    for (const resume of ended) resume()
  }

  /**
   * Ends the wait of those who would wait too long for what is closed; one of them may try whether it still is. Gives the
   * instant at which the patience of the next one ends.
   */
  #giveUp(
    lane: Lane<Waiter>,
    now: number,
    go: (lane: Lane<Waiter>, waiter: Waiter) => void,
    ended: Array<() => void>
  ): number {
    const closed = lane.closed(now)
    if (closed.length === 0) return Infinity
    const until = Math.max(...closed.map(({ closedUntil }) => closedUntil))
    let next = Infinity
    for (const waiter of lane.turns.all) {
      const left = waiter.patience - lane.waitedMillis(now, waiter.closedBefore)
      if (left > 0 && until <= now + left) next = Math.min(next, now + left)
      else if (closed.every((limiter) => limiter.mayTry(now))) {
        for (const limiter of closed) limiter.tries(now)
        go(lane, waiter)
      } else {
        const error = closed.find(({ because }) => because !== undefined)?.because
        if (error === undefined) continue
        this.#leave(lane, waiter, now)
        const { call, number } = waiter.attempted
        const unsent = Verdict.unsent(error, {
          model: call.model,
          attempts: number - 1,
          until: until > now ? until : undefined,
          now
        })
        this.#refusals.add(unsent)
        ended.push(() => waiter.resume(Exit.fail(unsent)))
      }
    }
    return next
  }

  #use(clock: Clock.Clock): void {
    if (this.#clock === clock) return
    let watchdog = this.#watchdogs.get(clock)
    if (watchdog === undefined) {
      watchdog = new Watchdog.Watchdog(clock)
      this.#watchdogs.set(clock, watchdog)
    }
    this.#watchdog?.forget(this.#alarm)
    this.#watchdog = watchdog
    this.#clock = clock
  }

  #arm(): void {
    let next = Infinity
    for (const lane of this.#lanes) next = Math.min(next, lane.wakeAt)
    this.#alarm.at = next
    if (next === Infinity) this.#watchdog?.forget(this.#alarm)
    else {
      this.#alarm.expire = this.#onAlarm
      this.#watchdog?.watch(this.#alarm)
    }
  }

  readonly #onAlarm = (): void => {
    const clock = this.#clock
    if (clock === undefined) return
    const now = clock.currentTimeMillisUnsafe()
    // A process that was busy wakes late, and refusals that have come meanwhile are read after its timers.
    this.#isLate = !this.#isLate && now - this.#alarm.at > lateMillis
    if (!this.#isLate) return this.#pump(now)
    this.#alarm.at = now + graceMillis
    this.#alarm.expire = this.#onAlarm
    this.#watchdog?.watch(this.#alarm)
  }
}

/** The lane whose first one came first; linear, because few lanes wait. */
const earliest = (lanes: ReadonlyArray<Lane<Waiter>>): Lane<Waiter> | undefined => {
  let best: Lane<Waiter> | undefined
  for (const lane of lanes) {
    const a = best?.turns.first
    const b = lane.turns.first
    if (best === undefined || b === undefined || a !== undefined && isBefore(b, a)) best = lane
    if (b === undefined) return lane
  }
  return best
}
