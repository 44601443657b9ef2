/**
 * How many of the requests that were sent lately were refused.
 *
 * Some servers refuse at random, as a provider under load does: a small share, however many are sent. One whose limit is reached
 * refuses whatever is more. So a few refusals among many requests say nothing, and a share that is too large says something.
 * Lately is a second or two, or so many requests where they are rare. Told the time, it knows no clock. Epoch milliseconds.
 *
 * @since 0.1.0
 */

const leastMillis = 1000
const leastSent = 32

/** So many refusals are chance, however few were sent. */
const chance = 2

/**
 * Requests that were sent lately, and those of them that were refused.
 *
 * @since 0.1.0
 */
export class RefusedShare {
  #since = 0
  #sent = 0
  #refused = 0
  #sentBefore = 0
  #refusedBefore = 0
  /** When a burst of refusals came last, what was sent since, and how many bursts came with nothing accepted in between. */
  #refusedAt = -Infinity
  #sentSince = 0
  #inARow = 0

  take(now: number): void {
    if (now - this.#since >= leastMillis) this.#roll(now)
    this.#sent++
    this.#sentSince++
  }

  #roll(now: number): void {
    // Few that were sent long ago are as good as none.
    const isRecent = now - this.#since < 10 * leastMillis
    if (isRecent && this.#sent < leastSent && this.#sent + this.#sentBefore > 0) return
    this.#sentBefore = isRecent ? this.#sent : 0
    this.#refusedBefore = isRecent ? this.#refused : 0
    this.#since = now
    this.#sent = 0
    this.#refused = 0
  }

  giveBack(): void {
    if (this.#sent > 0) this.#sent--
  }

  /** One that was let through at `takenAt` was refused. In a row they weigh more: dice have no memory, and a limit has one. */
  refused(now: number, takenAt: number): void {
    if (takenAt <= this.#refusedAt) {
      this.#refused++
      return
    }
    this.#inARow = this.#sentSince <= 1 ? this.#inARow + 1 : 1
    this.#refused += this.#inARow
    this.#refusedAt = now
    this.#sentSince = 0
  }

  /** True if more than this share was refused, and more than chance explains. */
  exceeds(share: number): boolean {
    return this.#refused + this.#refusedBefore > chance + share * (this.#sent + this.#sentBefore)
  }

  /** The share of the refused ones, from 0 to 1. */
  get value(): number {
    const sent = this.#sent + this.#sentBefore
    return sent === 0 ? 0 : Math.min(1, (this.#refused + this.#refusedBefore) / sent)
  }

  /** True if it is one of so many requests that it tells something. */
  get isTelling(): boolean {
    return this.#sent + this.#sentBefore >= leastSent / 2
  }

  /** Requests in a second that were not refused. */
  acceptedRate(now: number): number {
    return Math.max(0, this.#sent - this.#refused) * this.perRequest(now)
  }

  /** How much one request is of a rate. */
  perRequest(now: number): number {
    return 1000 / Math.max(leastMillis, now - this.#since)
  }

  clear(now: number): void {
    this.#inARow = 0
    this.#since = now
    this.#sent = 0
    this.#refused = 0
    this.#sentBefore = 0
    this.#refusedBefore = 0
  }
}
