/**
 * Whether a model is down: after five failures in a row one request at a time tries it, until one gets through.
 *
 * Told the time, it knows no clock. Epoch milliseconds throughout.
 *
 * @since 0.1.0
 */

const failuresToClose = 5
const firstPause = 500
const longestPause = 5000
/** One that tries and does not come back for so long keeps no other from trying. */
const longestTry = 30_000

/**
 * Failures in a row, and what follows from them.
 *
 * @since 0.1.0
 */
export class Downtime {
  isOn = false
  #failures = 0
  #pause = 0
  #steppedAt = 0
  #nextAt = 0
  #tryingSince = -Infinity

  /** When the next request may go; not later than `now` if at once. */
  readyAt(now: number): number {
    if (!this.isOn) return 0
    const back = this.#tryingSince + longestTry
    return now < back ? Math.max(this.#nextAt, back) : this.#nextAt
  }

  take(now: number): void {
    if (this.isOn) this.#tryingSince = now
  }

  /** The one that tried has ended, however. */
  ended(takenAt: number): void {
    if (takenAt === this.#tryingSince) this.#tryingSince = -Infinity
  }

  /** Gives true if this closes it. */
  failed(now: number, takenAt: number): boolean {
    this.#failures++
    if (this.#failures < failuresToClose || this.isOn && takenAt < this.#steppedAt) return false
    const isNew = !this.isOn
    this.isOn = true
    this.#pause = isNew ? firstPause : Math.min(longestPause, this.#pause * 2)
    this.#steppedAt = now
    this.#nextAt = now + this.#pause
    return isNew
  }

  /** Gives true if this opens it again. */
  answered(): boolean {
    const wasOn = this.isOn
    this.isOn = false
    this.#failures = 0
    this.#tryingSince = -Infinity
    return wasOn
  }
}
