/**
 * For how long a limit has been held, so that it can be told how long somebody has waited for it.
 *
 * It has one hold at a time, whose end may be moved, and the sum of those before. Told the time, it knows no clock.
 *
 * @since 0.1.0
 */

/**
 * The times of the holds of one limit, in milliseconds.
 *
 * @since 0.1.0
 */
export class HeldTime {
  /** When the last hold began. */
  since = 0
  #until = 0
  /** How long those before it were. */
  #before = 0

  /** For how long it has been held in all. */
  millis(now: number): number {
    return this.#before + Math.max(0, Math.min(now, this.#until) - this.since)
  }

  /** Takes note until when it is held, which may be in the past; gives true if a hold begins. */
  note(now: number, until: number): boolean {
    if (now < this.#until) {
      this.#until = Math.max(now, until)
      return false
    }
    if (until <= now) return false
    this.#before += this.#until - this.since
    this.since = now
    this.#until = until
    return true
  }
}
