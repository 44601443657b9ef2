/**
 * How fast requests go where the server announces no limit.
 *
 * At first contact it opens by time without refusal: a few dozen requests at once, and then more every quarter of a second, twice
 * as many each time. Refusals come fast and answers slowly, so this costs an account without a limit about a second, where
 * opening by success would cost it several generations. After a refusal it holds a rate: cut by each burst of refusals, raised
 * again towards the rate of the last cut, and slowly beyond it. Told the time, it knows no clock, and questions change nothing.
 * Epoch milliseconds throughout.
 *
 * @since 0.1.0
 */

const firstStep = 32
/** The first step waits for longer: failures take longer than refusals do. */
const firstStepMillis = 400
const stepMillis = 250
/** So many in a quarter of a second are as good as no limit. */
const openStep = 8192

/** One request in twenty seconds. */
const lowestRate = 0.05
/** The least that is held after the first refusal. */
const firstRate = 2
/** So many a second are as good as no limit. */
const openRate = 5000

/** So few after a cut say that it was too small. */
const fewSent = 3

/** A whole request less a rounding error. */
const wholeRequest = 0.999_999

/** Growth of the rate in a second, below the last rate that was refused and around it. */
const growth = { below: 0.6, around: 0.01 }

/**
 * The pace of requests.
 *
 * @since 0.1.0
 */
export class Pace {
  /** Requests per second; `Infinity` until something was refused. */
  rate = Infinity
  #step: number
  #stepEndsAt = 0
  #stepUsed = 0
  /** True from a failure to the next answer: no step is larger than the one before. */
  #isFailing = false
  #sentLately = 0
  #takenAt = 0
  #tokens = 0
  #refilledAt = 0
  #grownAt = 0
  #ceiling = Infinity
  #cutAt = -Infinity
  #sentSinceCut = 0

  /** `isOpen`: no steps at first contact. */
  constructor(isOpen: boolean) {
    this.#step = isOpen ? Infinity : firstStep
  }

  /** True if a rate has let several requests through since it was cut. */
  get isSteady(): boolean {
    return this.rate !== Infinity && this.#sentSinceCut > fewSent
  }

  /** When the next request may go; not later than `now` if at once. */
  readyAt(now: number): number {
    if (this.rate === Infinity) return this.#stepUsed < this.#step ? 0 : this.#stepEndsAt
    const tokens = this.#tokensAt(now)
    return tokens > wholeRequest ? 0 : now + Math.max(1, (1 - tokens) * 1000 / this.rate)
  }

  #tokensAt(now: number): number {
    if (now <= this.#refilledAt) return this.#tokens
    const most = Math.max(1, this.rate * 0.025)
    return Math.min(most, this.#tokens + (now - this.#refilledAt) * this.rate / 1000)
  }

  /** One goes. `hasWaited`: it had to wait, so more are wanted than go. */
  take(now: number, hasWaited: boolean): void {
    if (this.rate === Infinity) this.#takeOfStep(now)
    else {
      this.#tokens = Math.max(0, this.#tokensAt(now) - 1)
      this.#refilledAt = Math.max(this.#refilledAt, now)
      this.#sentSinceCut++
      if (hasWaited) this.#grow(now)
      else this.#grownAt = Math.max(this.#grownAt, now)
    }
  }

  #takeOfStep(now: number): void {
    if (this.#step !== Infinity) {
      if (now >= this.#stepEndsAt) {
        // Without demand nothing was tried, and nothing is known.
        if (this.#stepUsed >= this.#step / 2 && !this.#isFailing) this.#step *= 2
        if (this.#step > openStep) this.#step = Infinity
        this.#stepEndsAt = now + (this.#step === firstStep ? firstStepMillis : stepMillis)
        this.#stepUsed = 0
      }
      this.#stepUsed++
    }
    this.#sentLately = now - this.#takenAt < 1000 ? this.#sentLately + 1 : 1
    if (this.#sentLately === 1) this.#takenAt = now
  }

  /** One that was let through has not been sent. */
  giveBack(takenAt: number): void {
    if (this.rate !== Infinity) {
      if (takenAt > this.#cutAt) this.#tokens++
    } else if (this.#stepUsed > 0) this.#stepUsed--
  }

  #grow(now: number): void {
    const seconds = Math.min(1, Math.max(0, now - this.#grownAt) / 1000)
    this.#grownAt = Math.max(now, this.#grownAt)
    this.rate *= 1 + seconds * (this.rate < this.#ceiling * 0.9 ? growth.below : growth.around)
    if (this.rate > openRate) this.clear()
  }

  /**
   * What was sent before the last cut knows nothing of it: a burst of refusals is one cut. The next request may go at
   * `resetAt`, if that was announced. Gives true if it cut.
   */
  refused(now: number, takenAt: number, resetAt: number | undefined): boolean {
    if (takenAt <= this.#cutAt) return false
    if (this.rate === Infinity) this.rate = Math.max(firstRate, this.#sentLately / 2)
    else {
      this.#ceiling = this.rate
      this.rate = Math.max(lowestRate, this.rate * (this.isSteady ? 0.8 : 0.5))
    }
    this.#cutAt = now
    // While it is closed nothing is learned.
    this.#grownAt = resetAt ?? now
    this.#sentSinceCut = 0
    this.#tokens = resetAt === undefined ? 0 : 1
    this.#refilledAt = resetAt ?? now
    return true
  }

  /** Something failed that is no refusal: for a second no rate grows, and no step until something is answered. */
  failed(now: number): void {
    this.#grownAt = Math.max(this.#grownAt, now + 1000)
    this.#isFailing = true
  }

  /** Something was answered. */
  answered(): void {
    this.#isFailing = false
  }

  /** After an outage: a learned rate holds, and where there is none it is as at first contact. */
  reopen(): void {
    if (this.rate === Infinity) this.clear(true)
  }

  /** No refusal is remembered; `steps` begins anew with a few dozen. */
  clear(steps = false): void {
    this.rate = Infinity
    this.#step = steps ? firstStep : Infinity
    this.#stepEndsAt = 0
    this.#stepUsed = 0
    this.#isFailing = false
    this.#ceiling = Infinity
    this.#cutAt = -Infinity
  }
}
