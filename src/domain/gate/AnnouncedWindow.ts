/**
 * A limit that the server announced: so many requests per window, and when the next window begins.
 *
 * Only refusals announce anything (successes carry no rate-limit headers), so the length of a window is learned from the resets
 * of two refusals, and the second one is asked for: once a window of unknown length is used up, one more request goes. Between
 * two resets may lie several windows, such as where nobody asked in between. No window is shorter than the longest time from a
 * request to its announced reset; so two resets that are less than twice that apart are one window apart, and others teach
 * nothing. Told the time, it knows no clock, and questions change nothing. All times are epoch milliseconds.
 *
 * @since 0.1.0
 */

/** At the beginning of a window one request goes first: if our clock is early, one is refused instead of all. */
const leadMillis = 25

/** How fast a window of unknown length is tried beyond its limit, and after how much silence at least it is taken to be over. */
const tryMillis = 250
const silenceMillis = 1000

/** How often a learned limit is tried, to find one that was raised: at first, and at most. */
const raiseMillis = 30_000
const maxRaiseMillis = 60 * 60 * 1000

/** Where processes place the beginning of one window so near to each other, they mean the same. */
const nearMillis = 250

/** Two measures of one length differ by less than this part of it. */
const tolerance = 0.02

/**
 * A window as processes together know it, which share a limit.
 *
 * @since 0.1.0
 */
export interface SharedWindow {
  /** Requests per window. */
  readonly limit: number
  /** Milliseconds; absent until two resets have told it. */
  readonly length: number | undefined
  /** When the window that is counted begins, by the clock of this process. */
  readonly startsAt: number
  /** Requests beyond the limit that may go in it, to learn. */
  readonly extra: number
  /** Requests that all of them together have sent in it. */
  readonly taken: number
}

/**
 * An announced limit and what is used of it.
 *
 * @since 0.1.0
 */
export class AnnouncedWindow {
  /** Requests per window as announced; absent until then. */
  limit: number | undefined
  /** The length of a window, once two resets have told it. */
  length: number | undefined
  /** When the window that was counted last begins. */
  startsAt = 0
  /** Requests sent in it. */
  taken = 0
  /** What of the limit is ours: less than all where others use the same key. */
  #share = Infinity
  #refusedHere = 0
  /** True while refusals of the last window still come that lessen the share. */
  #isLessening = false
  /** Requests beyond the limit that may go in this window, to learn. */
  #extra = 0
  #raise = 1
  #raiseEvery = raiseMillis
  #raiseAt = Infinity
  #lastTakenAt = 0
  /** The latest announced reset. */
  #lastReset: number | undefined
  /** The longest time from a request to its announced reset: no window is shorter. */
  #least = 0
  /** What all processes have sent in it; absent for one that goes alone. */
  #takenByAll: number | undefined

  /** What is left of the window at `now`, or of the one that comes; absent without a limit. */
  remaining(now: number): number | undefined {
    if (this.limit === undefined) return undefined
    const share = Math.min(this.limit, this.#share)
    return this.#isOver(now) ? share : Math.max(0, share - this.taken)
  }

  /** Until when the next window is waited for: the counted one is used up, or the announced one has not begun. Else 0. */
  heldUntil(now: number): number {
    if (this.limit === undefined) return 0
    if (now < this.startsAt) return this.startsAt
    if (this.length === undefined || this.#isOver(now) || this.taken < this.#share + this.#extra) return 0
    return this.startsAt + this.length
  }

  /** When the next request may go; not later than `now` if at once. */
  readyAt(now: number): number {
    if (this.limit === undefined) return 0
    if (now < this.startsAt) return this.startsAt
    if (this.#isOver(now) || this.taken === 0) return 0
    const leadUntil = this.startsAt + leadMillis
    if (now < leadUntil) return leadUntil
    if (this.taken < this.#share + this.#extra) return 0
    return this.length === undefined ? this.#lastTakenAt + tryMillis : this.startsAt + this.length
  }

  take(now: number): void {
    if (this.limit === undefined) return
    this.#roll(now)
    if (this.length === undefined && this.taken >= this.#share + this.#extra) {
      // Twice as many each time, as long as none is refused.
      this.#extra = Math.max(1, this.#extra * 2)
    }
    this.taken++
    this.#lastTakenAt = now
    // The first one beyond a window of unknown length goes at once: it tells the length.
    if (this.length === undefined && this.taken === this.#share && this.#extra === 0) this.#extra = 1
  }

  /** A request that was let through has not been sent. */
  giveBack(takenAt: number): void {
    if (this.limit !== undefined && takenAt >= this.startsAt && this.taken > 0) this.taken--
  }

  /** A request let through at `takenAt` was refused until `resetAt`. */
  refused(now: number, takenAt: number, resetAt: number, limit: number): void {
    const isOver = resetAt <= now
    if (this.limit !== limit) this.#announce(now, limit)
    else if (takenAt >= this.startsAt && now >= this.startsAt) this.#refusedWithin(now, isOver)
    else if (this.#isLessening && resetAt === this.startsAt) this.#share = Math.max(1, this.#share - 1)
    // An answer that comes late tells of a window before the one that is counted.
    if (isOver && resetAt <= this.startsAt) return
    this.#learnLength(takenAt, resetAt)
    this.#beginAt(resetAt)
  }

  #announce(now: number, limit: number): void {
    this.limit = limit
    this.#share = limit
    this.#extra = 0
    this.#raise = 1
    this.#raiseEvery = raiseMillis
    this.#raiseAt = now + raiseMillis
    this.#isLessening = false
  }

  /** The window that is counted has refused one that is counted; if it is over, that tells nothing of what is left of it. */
  #refusedWithin(now: number, isOver: boolean): void {
    this.#refusedHere++
    this.#isLessening = !isOver && this.taken > 1 && !this.#isBeyond
    // Others use the same limit: what was let through here is what is left for us.
    if (this.#isLessening) this.#share = Math.max(1, this.taken - this.#refusedHere)
    else if (this.#isBeyond) this.#notRaised(now)
  }

  /** What processes together know wins over what this one has learned. They count together, so its share is all of it. */
  agree({ extra, length, limit, startsAt, taken }: SharedWindow): void {
    if (this.limit !== limit || this.#takenByAll === undefined) this.#share = limit
    this.limit = limit
    this.length = length
    const near = length === undefined ? nearMillis : Math.min(nearMillis, length / 4)
    if (Math.abs(startsAt - this.startsAt) > near) this.#beginAt(startsAt)
    else this.startsAt = startsAt
    this.#extra = extra
    this.#takenByAll = taken
  }

  /** The other processes cannot be reached. */
  goAlone(): void {
    this.#takenByAll = undefined
  }

  /** True if more went than is allowed: a refusal then tells nothing new. */
  get #isBeyond(): boolean {
    return this.#takenByAll === undefined ? this.taken > this.#share : this.#takenByAll > (this.limit ?? Infinity)
  }

  clear(): void {
    this.limit = undefined
    this.length = undefined
    this.#lastReset = undefined
    this.#least = 0
    this.#share = Infinity
    this.#beginAt(0)
  }

  #beginAt(at: number): void {
    if (at === this.startsAt) return
    this.startsAt = at
    this.taken = 0
    if (this.#takenByAll !== undefined) this.#takenByAll = 0
    this.#refusedHere = 0
    this.#extra = 0
  }

  #notRaised(now: number): void {
    this.#raise = 1
    this.#extra = 0
    this.#raiseAt = now + this.#raiseEvery
    this.#raiseEvery = Math.min(maxRaiseMillis, this.#raiseEvery * 2)
  }

  #learnLength(takenAt: number, resetAt: number): void {
    const last = this.#lastReset
    const left = resetAt - takenAt
    // One of the same burst: its reset is the same, or, told as a time from now, a little later.
    if (last === undefined || takenAt < last) {
      this.#lastReset = Math.max(last ?? 0, resetAt)
      this.#least = Math.max(this.#least, left)
      return
    }
    if (resetAt <= last) return
    this.#lastReset = resetAt
    const apart = resetAt - last
    // A window that is shorter than any can be is of another kind.
    this.#least = apart < this.#least * (1 - tolerance) ? left : Math.max(this.#least, left)
    const { length } = this
    const windows = length === undefined ? 0 : apart / length
    const fits = length !== undefined && left <= length * (1 + tolerance) && windows >= 1 - tolerance &&
      Math.abs(windows - Math.round(windows)) <= tolerance
    if (!fits) this.length = apart < 2 * this.#least ? apart : undefined
  }

  /** True if `now` is after the counted window, or most likely is, where nobody knows its length. */
  #isOver(now: number): boolean {
    if (this.length !== undefined) return now >= this.startsAt + this.length
    return this.taken > 0 && now >= Math.max(this.startsAt, this.#lastTakenAt) + Math.max(this.#least, silenceMillis)
  }

  /** Goes on to the window of `now`. */
  #roll(now: number): void {
    if (!this.#isOver(now)) return
    const { length } = this
    if (length === undefined) {
      this.#beginAt(now)
      return
    }
    const endsAt = this.startsAt + length
    // A refusal of what was sent at the last moment may still be under way.
    const isTold = this.#lastTakenAt + tryMillis <= endsAt
    if (this.taken > this.#share && this.#refusedHere === 0 && isTold && this.limit !== undefined) {
      // More than the limit went through: it was raised.
      this.limit += this.#extra
      this.#share = this.limit
      this.#raise *= 2
      this.#raiseAt = now
    } else if (this.#refusedHere === 0 && this.taken >= this.#share && this.#share < (this.limit ?? 0)) this.#share++
    this.#beginAt(endsAt + Math.floor((now - endsAt) / length) * length)
    if (now >= this.#raiseAt) this.#extra = this.#raise
  }
}
