/**
 * All that is known about the limit of one model, of the free models together, or of an account.
 *
 * It is *held* until one instant, and for one reason, whoever counts: a refusal announced when to come back, a pause follows one
 * that announced nothing, the window is used up, or other processes say so. Where calls fail in a row it is *down*, and one at a
 * time tries it. Else it is open, at a pace where no limit is announced. After each hold one request goes first, and the others
 * a little later.
 *
 * *Progress* is an accepted request: an answer, or a first one after a hold that is under way for longer than refusals take.
 * Without progress each hold is longer than the one before, and callers lose patience.
 *
 * Told the time, it knows no clock, and questions change nothing. Epoch milliseconds throughout; time never goes back.
 *
 * @since 0.1.0
 */
import { RateLimited } from "../error/OpenRouterError.ts"
import type { OpenRouterError } from "../error/OpenRouterError.ts"
import * as Wire from "../wire/Wire.ts"
import { AnnouncedWindow } from "./AnnouncedWindow.ts"
import type { SharedWindow } from "./AnnouncedWindow.ts"
import { Downtime } from "./Downtime.ts"
import { HeldTime } from "./HeldTime.ts"
import { Pace } from "./Pace.ts"
import { Refusals } from "./Refusals.ts"
import type { Failed, Refused } from "./Verdict.ts"

/** After a refusal that announces nothing. */
const longestPause = 20_000

/** What is held for long is tried so often: the reason may have gone. */
const tryMillis = 60_000

/** A reset that is past already is tried after so long. */
const lateMillis = 100

const maxChanges = 20

/**
 * Something that the limiter learned, and when.
 *
 * @since 0.1.0
 */
export interface Change {
  /** Epoch milliseconds. */
  readonly at: number
  readonly reason: string
}

/**
 * One limit as it is known.
 *
 * @since 0.1.0
 */
export class Limiter {
  readonly window: AnnouncedWindow = new AnnouncedWindow()
  readonly pace: Pace
  readonly downtime: Downtime = new Downtime()
  /** The error that closed it last; absent while it was never closed. */
  because: OpenRouterError | undefined
  /** What was said of its being closed, until something gets through; for whoever says it, so that it is said once. */
  told: "closed" | "down" | undefined
  /** What of {@link because} is about a window, and what is about an instant. */
  #windowError: OpenRouterError | undefined
  #pauseError: OpenRouterError | undefined
  /** The latest instant that was announced without a window, or by which we pause. */
  #pausedUntil = 0
  /** Others have used it up. */
  #usedUpUntil = 0
  readonly #held = new HeldTime()
  /** What {@link heldMillis} was when something was accepted last. */
  #progressMillis = 0
  #hasProgress = false
  /** When the first one after the last hold went, the same while that is under way, and what {@link heldMillis} was. */
  #openedAt = -1
  #firstAt = -1
  #firstHeldMillis = 0
  #isFirst = false
  /** True until one has gone after a refusal. */
  #isLed = false
  #followAt = 0
  #triedAt = 0
  readonly #refusals = new Refusals()
  /** True until something was refused or failed, or was said about it: most limiters never know more. */
  #isCalm = true
  readonly #isShared: boolean
  readonly #changes: Array<Change> = []

  /** `isShared`: it is no model's own, so nothing is tried at first contact. */
  constructor(isShared: boolean) {
    this.#isShared = isShared
    this.pace = new Pace(isShared)
  }

  /** The last things it learned, oldest first. */
  get changes(): ReadonlyArray<Change> {
    return this.#changes
  }

  /** True while it is held or down. */
  isClosed(now: number): boolean {
    return this.downtime.isOn || now < this.heldUntil(now)
  }

  /** Until when it is held; not later than `now` if it is not, as where it is only down. */
  heldUntil(now: number): number {
    return Math.max(this.#pausedUntil, this.#usedUpUntil, this.window.heldUntil(now))
  }

  /** The error of a call that does not wait for what is held or down. */
  errorAt(now: number): OpenRouterError {
    const { window } = this
    const isDown = this.downtime.isOn && this.heldUntil(now) <= now
    if (isDown && this.because !== undefined) return this.because
    if (now < this.#pausedUntil && this.#pausedUntil >= this.heldUntil(now) && this.#pauseError !== undefined) {
      return this.#pauseError
    }
    if (now < window.startsAt && this.#windowError !== undefined) return this.#windowError
    return new RateLimited({
      message: window.limit === undefined
        ? "other processes have used up the limit"
        : `the limit of ${window.limit} requests is used up`,
      ...Wire.compact({ limit: window.limit })
    })
  }

  /**
   * For how long somebody has waited for what is held or down who came when {@link heldMillis} was `before`. What was before
   * something was accepted does not count: that was waiting for a turn.
   */
  waitedMillis(now: number, before: number): number {
    const since = this.#isFirstAccepted(now)
      ? Math.max(this.#progressMillis, this.#firstHeldMillis)
      : this.#progressMillis
    return this.heldMillis(now) - Math.max(before, since)
  }

  /** For how long it has been held or down in all. */
  heldMillis(now: number): number {
    return this.#held.millis(now)
  }

  /** When the next request may go; not later than `now` if at once. */
  readyAt(now: number): number {
    if (this.#isCalm) return this.pace.readyAt(now)
    const held = this.heldUntil(now)
    if (now < held) return held
    if (now < this.#followAt) return this.#followAt
    return Math.max(this.downtime.readyAt(now), this.window.readyAt(now), this.pace.readyAt(now))
  }

  /** When one may try although it is held. */
  tryAt(now: number): number {
    return Math.max(this.#triedAt + tryMillis, this.downtime.readyAt(now))
  }

  /** Notes that one tries what is held. */
  tries(now: number): void {
    this.#triedAt = now
  }

  /** One goes. `hasWaited`: it had to wait. */
  take(now: number, hasWaited: boolean): void {
    if (this.#isCalm) return this.pace.take(now, hasWaited)
    // While it was held nothing is learned of a pace.
    this.pace.take(now, hasWaited && !this.#isFirst)
    if (this.#isFirst) {
      if (this.#isFirstAccepted(now)) this.#progressed(this.#firstHeldMillis)
      this.#isFirst = false
      this.#openedAt = now
      this.#firstAt = now
      this.#firstHeldMillis = this.heldMillis(now)
    }
    if (this.#isLed) {
      this.#isLed = false
      this.#followAt = now + this.#refusals.lead
    }
    this.downtime.take(now)
    if (this.window.limit === undefined) return
    this.window.take(now)
    this.#noteHold(now)
  }

  /** One that was let through has not been sent: it is as if it had not gone. */
  giveBack(now: number, takenAt: number): void {
    this.downtime.ended(takenAt)
    this.window.giveBack(takenAt)
    this.pace.giveBack(takenAt)
    if (takenAt === this.#firstAt) {
      this.#firstAt = -1
      this.#isFirst = true
      if (this.#followAt > 0) this.#isLed = true
      this.#followAt = 0
    }
    this.#noteHold(now)
  }

  /** A request let through at `takenAt` has ended without a word about limits, as by a deadline of ours. */
  ended(now: number, takenAt: number): void {
    this.downtime.ended(takenAt)
    if (takenAt !== this.#firstAt) return
    if (this.#isFirstAccepted(now)) this.#progressed(this.#firstHeldMillis)
    this.#firstAt = -1
  }

  /** A request let through at `takenAt` was refused. Gives true if it became closed by that, or for longer. */
  refused(now: number, takenAt: number, { error, limit, resetAt }: Refused): boolean {
    this.#isCalm = false
    const heldBefore = this.heldUntil(now)
    const isNews = this.#isNews(now, takenAt)
    const { pause } = this.#refusals
    if (resetAt !== undefined && limit !== undefined) {
      const isOfThisWindow = takenAt >= this.window.startsAt
      this.pace.clear()
      this.window.refused(now, takenAt, resetAt, limit)
      this.#windowError = error
      if (pause > 0) this.#pause(now + pause, error)
      // Its window is over by now, or one of the clocks is a little wrong.
      if (resetAt <= now && isNews && isOfThisWindow) this.#pause(now + lateMillis, error)
      return this.#closed(now, heldBefore, error)
    }
    const wasSteady = this.pace.isSteady
    const hint = resetAt !== undefined && resetAt > now ? resetAt : undefined
    const isCut = this.pace.refused(now, takenAt, hint)
    if (isCut) this.#note(now, `refused: ${this.pace.rate.toPrecision(3)} a second`)
    else if (hint === undefined && !isNews) return false
    const paced = Math.min(longestPause, Math.ceil(1000 / this.pace.rate))
    // At a rate that has held for a while one step back is enough.
    const rest = isCut && wasSteady ? paced : Math.max(paced, this.#refusals.rest(!isCut && this.pace.isBusy))
    this.#pause(Math.max(hint ?? now + rest, now + pause), error)
    return this.#closed(now, heldBefore, error)
  }

  /** Takes note of a refusal; gives true for the first one of a burst. */
  #isNews(now: number, takenAt: number): boolean {
    const isNews = this.#refusals.isNews(now, takenAt)
    if (takenAt === this.#firstAt) this.#firstAt = -1
    if (isNews) {
      // Where a later one has been refused already, the first one would have been, too.
      const first = this.#firstAt
      const isFirstPassed = first >= 0 && first < takenAt && this.#refusals.isOutlived(now, first)
      if (isFirstPassed || this.#isFirstAccepted(now)) this.#progressed(this.#firstHeldMillis)
      this.#refusals.begin(now, this.#hasProgress)
      this.#hasProgress = false
    }
    return isNews
  }

  /** A request let through at `takenAt` failed by what it runs on. Gives true if it became closed by that, or for longer. */
  failed(now: number, takenAt: number, { error, until }: Failed): boolean {
    this.#isCalm = false
    const heldBefore = this.heldUntil(now)
    this.ended(now, takenAt)
    this.pace.failed(now)
    const isDown = this.downtime.failed(now, takenAt)
    if (isDown) {
      this.because = error
      this.#note(now, `down: ${error._tag}`)
    }
    if (until !== undefined) this.#pause(until, error)
    const isHeld = until !== undefined && this.#closed(now, heldBefore, error)
    this.#noteHold(now)
    return isHeld || isDown
  }

  /** A request let through at `takenAt` was accepted and answered. Gives true if it became open by that. */
  answered(now: number, takenAt: number): boolean {
    this.pace.answered(takenAt)
    if (this.#isCalm) return false
    const isHeld = now < this.heldUntil(now)
    if (takenAt >= this.#openedAt) {
      this.#refusals.accepted(takenAt)
      this.#progressed(this.heldMillis(now))
    }
    if (takenAt === this.#firstAt) this.#firstAt = -1
    // What was sent before it closed says nothing.
    const isOfNow = takenAt > this.#held.since
    const isUp = this.#works(now, takenAt)
    if (isHeld && isOfNow) {
      this.#pausedUntil = 0
      this.#usedUpUntil = 0
      this.window.clear()
      this.pace.clear(true)
    }
    if (!isUp && !(isHeld && isOfNow)) return false
    this.#open(now, "opened: a request got through")
    return true
  }

  /** A request let through at `takenAt` was answered, if not accepted: what it runs on works. Gives true if it is up by that. */
  reached(now: number, takenAt: number): boolean {
    this.ended(now, takenAt)
    this.pace.answered(takenAt)
    if (!this.#works(now, takenAt)) return false
    this.#open(now, "opened: it answers")
    return true
  }

  #works(now: number, takenAt: number): boolean {
    this.downtime.ended(takenAt)
    if (this.downtime.isOn && takenAt < this.downtime.since) return false
    if (!this.downtime.answered()) return false
    this.pace.reopen()
    this.#progressed(this.heldMillis(now))
    return true
  }

  #open(now: number, reason: string): void {
    this.#isLed = false
    this.#followAt = 0
    this.#noteHold(now)
    this.#note(now, reason)
  }

  /** Others have used it up, or know that it is closed: it waits until then. */
  heldElsewhere(now: number, until: number, isClosed: boolean): void {
    this.#isCalm = false
    const heldBefore = this.heldUntil(now)
    if (!isClosed) {
      this.#usedUpUntil = until
      this.#noteHold(now)
      return
    }
    const error = this.because ?? new RateLimited({ message: "another process was refused" })
    this.#pause(until, error)
    this.#closed(now, heldBefore, error)
  }

  /** Processes that share it have a window for it. */
  agree(now: number, window: SharedWindow): void {
    this.#isCalm = false
    if (this.window.limit === undefined) this.pace.clear()
    this.window.agree(window)
    this.#noteHold(now)
  }

  /** Forgets all it knows, and that it ever knew something. */
  forget(now: number): void {
    this.clear(now)
    this.because = undefined
    this.#changes.length = 0
  }

  /** Forgets all it knows. */
  clear(now: number): void {
    this.#pausedUntil = 0
    this.#usedUpUntil = 0
    this.#isLed = false
    this.#followAt = 0
    this.#firstAt = -1
    this.#refusals.clear()
    this.told = undefined
    this.#isCalm = true
    this.downtime.answered()
    this.window.clear()
    this.pace.clear(!this.#isShared)
    this.#noteHold(now)
    this.#note(now, "reset by hand")
  }

  #progressed(heldMillis: number): void {
    this.#hasProgress = true
    this.#progressMillis = Math.max(this.#progressMillis, heldMillis)
    if (this.told === "closed") this.told = undefined
  }

  #isFirstAccepted(now: number): boolean {
    return this.#firstAt >= 0 && this.#refusals.isAccepted(now, this.#firstAt)
  }

  #pause(until: number, error: OpenRouterError): void {
    if (until <= this.#pausedUntil) return
    this.#pausedUntil = until
    this.#pauseError = error
  }

  /** Takes note of a refusal or a hint; gives true if it is held for longer than before. */
  #closed(now: number, heldBefore: number, error: OpenRouterError): boolean {
    const until = this.heldUntil(now)
    this.#noteHold(now)
    // The newest announcement of a window wins, so it may be held for shorter.
    if (until <= now || until === heldBefore) return false
    this.because = error
    this.#isLed = true
    this.#followAt = 0
    this.#note(now, `closed for ${until - now} ms: ${error._tag}`)
    return until > heldBefore
  }

  #noteHold(now: number): void {
    const begins = this.#held.note(now, this.downtime.isOn ? Infinity : this.heldUntil(now))
    if (!begins) return
    this.#triedAt = now
    this.#isFirst = true
  }

  #note(at: number, reason: string): void {
    this.#changes.push({ at, reason })
    if (this.#changes.length > maxChanges) this.#changes.shift()
  }
}
