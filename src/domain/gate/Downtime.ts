/**
 * Whether a model is down: after five failures in a row one request at a time tries it, until one gets through.
 *
 * A try that takes longer than failures do is a good sign: then another one goes, and twice as many each time, because an answer
 * may take minutes. Told the time, it knows no clock, and questions change nothing. Epoch milliseconds throughout.
 *
 * @since 0.1.0
 */

const failuresToClose = 5
const firstPause = 500
const longestPause = 5000

/** One that tries keeps others from it for twice as long as failures took lately and so much more, and no longer than this. */
const tryMillis = 1000
const longestTry = 30_000

/**
 * Failures in a row, and what follows from them.
 *
 * @since 0.1.0
 */
export class Downtime {
  isOn = false
  /** When it began, while it is on. */
  since = 0
  #failures = 0
  #pause = 0
  #steppedAt = 0
  #nextAt = 0
  /** Those that try now, how many may, and when the last one went. */
  #trying = 0
  #mayTry = 1
  #triedAt = -Infinity
  /** How long failures take. */
  #slowness = 0

  /** When the next request may go; not later than `now` if at once. */
  readyAt(now: number): number {
    if (!this.isOn) return 0
    if (this.#trying < this.#mayTry) return this.#nextAt
    const back = this.#triedAt + Math.min(longestTry, 2 * this.#slowness + tryMillis)
    return now < back ? Math.max(this.#nextAt, back) : this.#nextAt
  }

  take(now: number): void {
    if (!this.isOn) return
    if (this.#trying >= this.#mayTry) this.#mayTry = 2 * this.#trying
    this.#trying++
    this.#triedAt = now
  }

  /** One has ended, however. */
  ended(takenAt: number): void {
    if (this.isOn && takenAt >= this.since && this.#trying > 0) this.#trying--
  }

  /** Gives true if this closes it. */
  failed(now: number, takenAt: number): boolean {
    this.#failures++
    this.#slowness = Math.max(now - takenAt, 0.75 * this.#slowness + 0.25 * (now - takenAt))
    if (this.#failures < failuresToClose || this.isOn && takenAt < this.#steppedAt) return false
    const isNew = !this.isOn
    if (isNew) {
      this.since = now
      this.#trying = 0
      this.#triedAt = -Infinity
    }
    this.isOn = true
    this.#mayTry = 1
    this.#pause = isNew ? firstPause : Math.min(longestPause, this.#pause * 2)
    this.#steppedAt = now
    this.#nextAt = now + this.#pause
    return isNew
  }

  /** It works. Gives true if this opens it again. */
  answered(): boolean {
    const wasOn = this.isOn
    this.isOn = false
    this.#failures = 0
    this.#trying = 0
    return wasOn
  }
}
