/**
 * How fast requests go where the server announces no limit.
 *
 * At first contact it opens by time without refusal: a few dozen requests at once, and then more every quarter of a second, twice
 * as many each time. Refusals come fast and answers slowly, so this costs an account without a limit about a second, where
 * opening by success would cost it several generations; what is answered meanwhile makes room for another one all the same. After
 * more refusals than chance explains it holds a rate: cut by each burst of refusals, raised again towards the rate of the last
 * cut, and slowly beyond it.
 *
 * Some servers refuse at random. To them a rate is nothing, so each cut is a trial: at four fifths of what was accepted, a server
 * whose limit was reached refuses nothing, and one that throws dice as many as before. If some of the trial are refused, the cut
 * was in vain: it is undone, and from then on it takes a larger share than that to cut again.
 *
 * Told the time, it knows no clock, and questions change nothing. Epoch milliseconds throughout.
 *
 * @since 0.1.0
 */
import { RefusedShare } from "./RefusedShare.ts"

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

/** What remains of the accepted rate after a cut, and of a rate that lets hardly anything through. */
const cuts = { usual: 0.8, deep: 0.5 }

/** Requests at the rate of a cut that show whether it helped, and for how long they are waited for at most. */
const trial = { requests: 20, millis: 5000, fewest: 8 }

/**
 * The share of refused requests that is taken for chance at first contact, and the largest that ever is; what is less than the
 * least of them is none, as soon as a trial without refusals says so.
 */
const tolerance = { least: 0.1, first: 0.12, most: 0.4 }

/**
 * The pace of requests.
 *
 * @since 0.1.0
 */
export class Pace {
  /** Requests per second; `Infinity` until something was refused. */
  rate = Infinity
  #step: number
  #stepBeganAt = 0
  #stepEndsAt = 0
  /** What went in this step, and what of that is still without an answer. */
  #stepTaken = 0
  #unanswered = 0
  /** True from a failure to the next answer: no step is larger than the one before. */
  #isFailing = false
  readonly #share = new RefusedShare()
  /** The share of refusals that says nothing; 0 where each of them is a sign of a limit. */
  #tolerance = 0
  #tokens = 0
  #refilledAt = 0
  #grownAt = 0
  #ceiling = Infinity
  #cutAt = -Infinity
  #sentSinceCut = 0
  /** By how much each further refusal of the first burst lessens the rate. */
  #lessening = 0
  /** When the first request of the trial that follows a cut went; `undefined` where there is none. */
  #triedAt: number | undefined
  #isTrial = false
  /** True for the second trial, which follows one of whose requests some were refused. */
  #isSecond = false
  #refusedInTrial = 0
  /** What the last trial is about: the rate and the share of refusals before it. */
  #rateBefore = Infinity
  #shareBefore = 0

  /** `isOpen`: no steps at first contact. */
  constructor(isOpen: boolean) {
    this.#step = isOpen ? Infinity : firstStep
  }

  /** True if a rate has let several requests through since it was cut. */
  get isSteady(): boolean {
    return this.rate !== Infinity && this.#sentSinceCut > fewSent
  }

  /** True while what is answered makes room for another one. */
  get isOpening(): boolean {
    return this.rate === Infinity && this.#step !== Infinity
  }

  /** True if so many were sent lately that one refusal may be chance; a rate allows for that itself. */
  get isBusy(): boolean {
    return this.rate !== Infinity || this.#share.isTelling
  }

  /** When the next request may go; not later than `now` if at once. */
  readyAt(now: number): number {
    if (this.rate === Infinity) return this.#stepTaken < this.#step || this.#unanswered === 0 ? 0 : this.#stepEndsAt
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
    this.#share.take(now)
    if (this.rate === Infinity) {
      if (this.#step !== Infinity) this.#takeOfStep(now)
      return
    }
    this.#lessening = 0
    if (this.#isTrial) this.#takeOfTrial(now)
    this.#tokens = Math.max(0, this.#tokensAt(now) - 1)
    this.#refilledAt = Math.max(this.#refilledAt, now)
    this.#sentSinceCut++
    if (hasWaited && !this.#isTrial) this.#grow(now)
    else this.#grownAt = Math.max(this.#grownAt, now)
  }

  #takeOfStep(now: number): void {
    if (now >= this.#stepEndsAt) {
      // Without demand nothing was tried, and nothing is known.
      if (this.#stepTaken >= this.#step / 2 && !this.#isFailing) this.#step *= 2
      if (this.#step > openStep) this.#step = Infinity
      this.#stepBeganAt = now
      this.#stepEndsAt = now + (this.#step === firstStep ? firstStepMillis : stepMillis)
      this.#stepTaken = 0
      this.#unanswered = 0
    }
    this.#stepTaken++
    this.#unanswered++
  }

  #takeOfTrial(now: number): void {
    if (this.#triedAt === undefined) this.#triedAt = now
    if (this.#sentSinceCut >= trial.requests || now - this.#triedAt > trial.millis) this.#judge(now, this.#triedAt)
  }

  /** The trial is over. */
  #judge(now: number, triedAt: number): void {
    this.#isTrial = false
    this.#grownAt = Math.max(this.#grownAt, now)
    this.#share.clear(now)
    const sent = this.#sentSinceCut
    const refused = this.#refusedInTrial
    if (refused === 0) {
      // By chance none of them was refused, or the dice are gone; the next one tells.
      this.#tolerance = this.#tolerance < tolerance.least ? 0 : this.#tolerance / 2
      return
    }
    if (sent < trial.fewest) return
    if (!this.#isSecond) {
      // Holds and what had been saved may have hidden a limit: half of what was accepted is below any.
      this.rate = Math.max(
        lowestRate,
        cuts.deep * Math.min(this.rate, (sent - refused) * 1000 / Math.max(1, now - triedAt))
      )
      this.#begin(now)
      this.#isSecond = true
      return
    }
    const share = refused / sent
    this.#tolerance = Math.min(tolerance.most, Math.max(tolerance.first, 2 * share + 0.02))
    // Clearly more were refused at the rate before it: that one is too high all the same.
    if (this.#shareBefore > 2 * share + 0.1) return
    this.rate = this.#rateBefore
    this.#ceiling = Infinity
  }

  /** Begins a trial. */
  #begin(now: number): void {
    this.#cutAt = now
    this.#sentSinceCut = 0
    this.#isTrial = true
    this.#isSecond = false
    this.#triedAt = undefined
    this.#refusedInTrial = 0
    this.#share.clear(now)
  }

  /** One that was let through has not been sent. */
  giveBack(takenAt: number): void {
    this.#share.giveBack()
    if (this.rate !== Infinity) {
      if (takenAt > this.#cutAt) this.#tokens++
      return
    }
    if (this.#stepTaken > 0) this.#stepTaken--
    this.#answeredOne(takenAt)
  }

  /** One of this step is not without an answer any more, where it is one of this step. */
  #answeredOne(takenAt: number): void {
    if (takenAt >= this.#stepBeganAt && this.#unanswered > 0) this.#unanswered--
  }

  #grow(now: number): void {
    const seconds = Math.max(0, now - this.#grownAt) / 1000
    this.#grownAt = Math.max(now, this.#grownAt)
    this.rate *= this.rate < this.#ceiling * 0.9
      ? 1 + growth.below * Math.min(1, seconds)
      : 1 + growth.around * Math.min(10, seconds)
    // What was refused there is not any more.
    if (this.rate > this.#ceiling * 1.2) this.#ceiling = Infinity
    if (this.rate > openRate) this.clear()
  }

  /**
   * What was sent before the last cut knows nothing of it: a burst of refusals is one cut. The next request may go at
   * `resetAt`, if that was announced. Gives true if it cut, and false where it was cut already or where chance explains it.
   */
  refused(now: number, takenAt: number, resetAt: number | undefined): boolean {
    if (takenAt <= this.#cutAt) {
      if (this.#lessening > 0) this.rate = Math.max(firstRate, this.rate - this.#lessening)
      return false
    }
    this.#share.refused(now, takenAt)
    if (this.rate === Infinity) {
      if (!this.#share.exceeds(tolerance.first)) return false
      this.rate = Math.max(firstRate, this.#share.acceptedRate(now) * cuts.usual)
      this.#lessening = this.#share.perRequest(now) * cuts.usual
      this.#begin(now)
      // Nobody knows yet what it is four fifths of.
      this.#isTrial = false
    } else if (this.#cuts()) this.#begin(now)
    else {
      // While it is closed nothing is learned.
      this.#grownAt = Math.max(this.#grownAt, resetAt ?? now)
      return false
    }
    this.#grownAt = resetAt ?? now
    this.#tokens = resetAt === undefined ? 0 : 1
    this.#refilledAt = resetAt ?? now
    return true
  }

  /** Cuts the rate, if a refusal is a reason for it. */
  #cuts(): boolean {
    if (this.#isTrial) {
      const sent = this.#sentSinceCut
      this.#refusedInTrial++
      const isAll = this.#refusedInTrial >= Math.max(2, sent)
      if (!isAll && this.#refusedInTrial <= 2 + tolerance.most * sent) return false
      this.#cutTo(cuts.deep)
      return true
    }
    const isFew = this.#sentSinceCut <= fewSent
    if (this.#tolerance > 0 && !this.#share.exceeds(this.#tolerance)) return false
    this.#rateBefore = this.rate
    this.#shareBefore = this.#share.isTelling ? this.#share.value : 0
    this.#cutTo(isFew ? cuts.deep : cuts.usual * (1 - this.#shareBefore))
    return true
  }

  #cutTo(part: number): void {
    this.#ceiling = this.rate
    this.rate = Math.max(lowestRate, this.rate * part)
  }

  /** Something failed that is no refusal: for a second no rate grows, and no step until something is answered. */
  failed(now: number): void {
    this.#grownAt = Math.max(this.#grownAt, now + 1000)
    this.#isFailing = true
  }

  /** One that was let through at `takenAt` was answered. */
  answered(takenAt: number): void {
    this.#isFailing = false
    this.#answeredOne(takenAt)
  }

  /** After an outage: a learned rate holds, and where there is none it is as at first contact. */
  reopen(): void {
    if (this.rate === Infinity) this.clear(true)
  }

  /** No refusal is remembered; `steps` begins anew with a few dozen. */
  clear(steps = false): void {
    this.rate = Infinity
    this.#step = steps ? firstStep : Infinity
    this.#stepBeganAt = 0
    this.#stepEndsAt = 0
    this.#stepTaken = 0
    this.#unanswered = 0
    this.#isFailing = false
    this.#ceiling = Infinity
    this.#cutAt = -Infinity
    this.#lessening = 0
    this.#tolerance = 0
    this.#isTrial = false
    this.#share.clear(0)
  }
}
