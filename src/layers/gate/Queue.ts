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
import { Alarm } from "./Alarm.ts"
import type { GateTime } from "./GateTime.ts"
import type { Lane } from "./Lane.ts"
import { isBefore } from "./Turns.ts"
import type { Turn } from "./Turns.ts"

/**
 * One who waits.
 *
 * @since 0.1.0
 */
export interface Waiter extends Turn {
  readonly attempted: Admission.Attempt
  readonly clock: Clock.Clock
  readonly tokens: number
  /** How long each limit of its lane had been held when its call first came. */
  readonly heldBefore: ReadonlyArray<number>
  /** Called once, with its place or with the error that keeps it from waiting. */
  readonly resume: (exit: Exit.Exit<Admission.Settle, RequestError>) => void
}

/**
 * Lets one go; `isTry`: although a limit is held.
 *
 * @since 0.1.0
 */
export type Grant = (lane: Lane<Waiter>, now: number, waiter: Waiter, isTry: boolean) => Admission.Settle

/**
 * Those who wait at a gate.
 *
 * @since 0.1.0
 */
export class Queue {
  readonly #time: GateTime
  readonly #grant: Grant
  readonly #lanes = new Set<Lane<Waiter>>()
  /** What was held when a call first came to wait. */
  readonly #heldBefore = new WeakMap<Admission.Call, ReadonlyArray<number>>()
  readonly #refusals = new WeakSet<OpenRouterError>()
  readonly #alarm: Alarm
  #clock: Clock.Clock | undefined
  #arrivals = 0

  constructor(time: GateTime, grant: Grant) {
    this.#time = time
    this.#grant = grant
    this.#alarm = new Alarm(time, (now) => this.#pump(now))
  }

  add(
    lane: Lane<Waiter>,
    attempt: Admission.Attempt,
    tokens: number,
    clock: Clock.Clock,
    resume: Waiter["resume"]
  ): Waiter {
    const now = this.#time.now(clock)
    const { call } = attempt
    let heldBefore = this.#heldBefore.get(call)
    if (heldBefore === undefined) {
      heldBefore = lane.heldMillis(now)
      this.#heldBefore.set(call, heldBefore)
    }
    const waiter: Waiter = {
      startedAt: call.startedAt,
      attempt: attempt.number,
      arrival: this.#arrivals++,
      isWaiting: true,
      attempted: attempt,
      clock,
      tokens,
      heldBefore,
      resume
    }
    this.#clock = clock
    lane.enqueue(waiter)
    this.#lanes.add(lane)
    const isFirst = lane.turns.first === waiter
    if (!lane.isClosed(now)) lane.giveUpAt = -Infinity
    else if (!isFirst || now >= lane.heldUntil(now) || lane.tryAt(now, tokens) > now) {
      const ended = this.#judge(lane, waiter, now)
      if (ended !== undefined) {
        if (lane.turns.size === 0) this.#lanes.delete(lane)
        ended()
        return waiter
      }
      this.#wakeBy(lane, lane.giveUpAt, now)
    }
    // Who queues behind others changes nothing for them.
    if (isFirst) this.#look(lane, now)
    return waiter
  }

  /** The caller of one who waits has gone. */
  remove(lane: Lane<Waiter>, waiter: Waiter): void {
    const now = this.#time.now(waiter.clock)
    const wasFirst = lane.turns.first === waiter
    lane.dequeue(waiter)
    if (!wasFirst) return
    // Those whom it kept from a limit may go.
    if (lane.release()) this.look(now, true)
    else this.#look(lane, now)
  }

  /** Something has ended, or a limit has changed: those whom it concerns may go. */
  look(now: number, isChanged: boolean): void {
    if (this.#lanes.size === 0) return
    let isDue = false
    for (const lane of this.#lanes) {
      if (!isChanged && !lane.waitsForEnd) continue
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

  #wakeBy(lane: Lane<Waiter>, at: number, now: number): void {
    if (at >= lane.wakeAt) return
    lane.wakeAt = at
    this.#arm(now)
  }

  /** Lets those go whose time has come, and sets the alarm for the others. */
  #pump(now: number): void {
    const due: Array<Lane<Waiter>> = []
    for (const lane of this.#lanes) if (lane.wakeAt <= now) due.push(lane)
    const ended: Array<() => void> = []
    for (let lane = earliest(due); lane !== undefined; lane = earliest(due)) {
      const waiter = lane.next
      const at = waiter === undefined ? Infinity : lane.firstReadyAt(now, waiter)
      if (waiter === undefined) this.#rest(lane, due, Infinity)
      else if (at <= now) this.#go(lane, waiter, now, false, ended)
      else if (lane.isClosed(now)) this.#whileClosed(lane, waiter, at, now, due, ended)
      else {
        lane.giveUpAt = -Infinity
        this.#rest(lane, due, at)
      }
      if (lane.waitsForEnd || waiter === undefined || waiter.isWaiting || lane.known.length === 0) continue
      // It may have kept others from a limit.
      for (const other of this.#lanes) {
        if (other.waitsForEnd && other !== lane && !due.includes(other)) due.push(other)
      }
    }
    for (const lane of this.#lanes) {
      if (lane.turns.size > 0) continue
      lane.release()
      this.#lanes.delete(lane)
    }
    this.#arm(now)
    // Last of all: whoever goes on may come back at once.
    for (const end of ended) end()
  }

  #rest(lane: Lane<Waiter>, due: Array<Lane<Waiter>>, at: number): void {
    lane.wakeAt = at
    due.splice(due.indexOf(lane), 1)
  }

  #go(lane: Lane<Waiter>, waiter: Waiter, now: number, isTry: boolean, ended: Array<() => void>): void {
    lane.dequeue(waiter)
    const place = this.#grant(lane, now, waiter, isTry)
    ended.push(() => waiter.resume(Exit.succeed(place)))
  }

  /** Of those who wait for what is closed, one tries now and then, and the wait of those who would wait too long ends. */
  #whileClosed(
    lane: Lane<Waiter>,
    waiter: Waiter,
    readyAt: number,
    now: number,
    due: Array<Lane<Waiter>>,
    ended: Array<() => void>
  ): void {
    const until = lane.heldUntil(now)
    const tryAt = until > now ? lane.tryAt(now, waiter.tokens) : Infinity
    if (tryAt <= now) {
      lane.tries(now)
      this.#go(lane, waiter, now, true, ended)
      return
    }
    if (until > lane.giveUpAt || now >= lane.giveUpAt) {
      lane.giveUpAt = Infinity
      for (const one of lane.turns.all) {
        const end = this.#judge(lane, one, now)
        if (end !== undefined) ended.push(end)
      }
    }
    // Where the first one has gone, its limit has to be looked at for the next one.
    if (waiter.isWaiting || lane.turns.size === 0) this.#rest(lane, due, Math.min(readyAt, tryAt, lane.giveUpAt))
  }

  /** Ends the wait of one who would wait too long for what is closed; gives what is to be called then. */
  #judge(lane: Lane<Waiter>, waiter: Waiter, now: number): (() => void) | undefined {
    const { call, number } = waiter.attempted
    const until = lane.heldUntil(now)
    const left = call.maxWait - lane.waitedMillis(now, waiter.heldBefore)
    if (left > 0 && until <= now + left) {
      lane.giveUpAt = Math.min(lane.giveUpAt, now + left)
      return undefined
    }
    const error = lane.errorAt(now)
    if (error === undefined) return undefined
    lane.dequeue(waiter)
    const wall = now - this.#time.ahead
    const unsent = Verdict.unsent(error, {
      model: call.model,
      attempts: number - 1,
      until: until > now ? until - this.#time.ahead : undefined,
      now: wall
    })
    this.#refusals.add(unsent)
    return () => waiter.resume(Exit.fail(unsent))
  }

  #arm(now: number): void {
    const clock = this.#clock
    if (clock === undefined) return
    let next = Infinity
    for (const lane of this.#lanes) next = Math.min(next, lane.wakeAt)
    this.#alarm.set(clock, now, next)
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
