/**
 * Wakes a gate when the next one who waits may go, by one sleeping fiber.
 *
 * It sleeps for a duration, not until an instant, so that a clock which is set back does not keep it asleep.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { GateTime } from "./GateTime.ts"

/** A timer cannot be set further ahead than this; it is set again when it wakes. */
const longestSleep = 24 * 60 * 60 * 1000

/** One that rings so late says that the process was busy; it is given so long to read what has come. */
const lateMillis = 20
const graceMillis = 10

/**
 * An alarm in the time of a gate.
 *
 * @since 0.1.0
 */
export class Alarm {
  readonly #time: GateTime
  readonly #ring: (now: number) => void
  #sleeper: Fiber.Fiber<void> | undefined
  #clock: Clock.Clock | undefined
  #at = Infinity
  #ahead = 0
  #isLate = false

  constructor(time: GateTime, ring: (now: number) => void) {
    this.#time = time
    this.#ring = ring
  }

  /** It rings at this instant and no other; never at `Infinity`. */
  set(clock: Clock.Clock, now: number, at: number): void {
    const { ahead } = this.#time
    if (this.#sleeper !== undefined && clock === this.#clock && at === this.#at && ahead === this.#ahead) return
    this.#stop()
    if (at === Infinity) return
    this.#clock = clock
    this.#at = at
    this.#ahead = ahead
    this.#sleep(clock, now, Math.min(Math.max(0, at - now), longestSleep))
  }

  #stop(): void {
    const sleeper = this.#sleeper
    this.#sleeper = undefined
    this.#at = Infinity
    sleeper?.interruptUnsafe()
  }

  #sleep(clock: Clock.Clock, now: number, millis: number): void {
    const sleeper = Effect.runFork(clock.sleep(Duration.millis(millis)))
    this.#sleeper = sleeper
    sleeper.addObserver(() => {
      if (this.#sleeper !== sleeper) return
      this.#sleeper = undefined
      this.#wake(clock, now + millis)
    })
  }

  #wake(clock: Clock.Clock, until: number): void {
    const now = this.#time.passed(clock, until)
    // A process that was busy wakes late, and refusals that have come meanwhile are read after its timers.
    this.#isLate = !this.#isLate && now - this.#at > lateMillis
    if (this.#isLate) return this.#sleep(clock, now, graceMillis)
    this.#at = Infinity
    this.#ring(now)
  }
}
