/**
 * The time of a gate, which never goes back: where a clock is set back, it goes on from where it was.
 *
 * So what was closed opens after as long as was announced, and not later by what the clock was set back. All limits are told this
 * time; instants that come from outside or go there are converted.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"

/** A timer may be so early. */
const earlyMillis = 5

/**
 * The time of one gate, in milliseconds.
 *
 * @since 0.1.0
 */
export class GateTime {
  #clock: Clock.Clock | undefined
  #last = -Infinity
  /** By how much it is ahead of the clock. */
  ahead = 0

  /** Reads a clock. */
  now(clock: Clock.Clock): number {
    const read = clock.currentTimeMillisUnsafe()
    if (clock !== this.#clock) {
      // Clocks of different programs have nothing in common.
      this.#clock = clock
      this.#last = -Infinity
      this.ahead = 0
    }
    const now = read + this.ahead
    if (now >= this.#last) {
      this.#last = now
      return now
    }
    this.ahead = this.#last - read
    return this.#last
  }

  /** It is not earlier than by what somebody read from the clock before. */
  after(read: number): number {
    const now = read + this.ahead
    if (now > this.#last) this.#last = now
    return this.#last
  }

  /** It is not earlier than this by a sleep that is over, whatever the clock says. */
  passed(clock: Clock.Clock, at: number): number {
    const now = this.now(clock)
    if (now >= at - earlyMillis) return now
    this.ahead += at - now
    this.#last = at
    return at
  }
}
