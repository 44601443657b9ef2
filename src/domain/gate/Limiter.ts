/**
 * All that is known about the limit of one model, of the free models together, or of an account.
 *
 * It is closed until an instant that was announced or, without an announcement, for a moment; what follows is one request
 * that goes first, and the others a little later. It knows the announced window, holds a pace where nothing is announced, and
 * tries a model that is down one request at a time. Told the time, it knows no clock. Epoch milliseconds throughout.
 *
 * @since 0.1.0
 */
import { RateLimited } from "../error/OpenRouterError.ts"
import type { OpenRouterError } from "../error/OpenRouterError.ts"
import { AnnouncedWindow } from "./AnnouncedWindow.ts"
import type { SharedWindow } from "./AnnouncedWindow.ts"
import { Downtime } from "./Downtime.ts"
import { Pace } from "./Pace.ts"
import type { Failed, Refused } from "./Verdict.ts"

/** After an opening one request goes first; the others follow when it would have been refused. */
const leadMillis = 25

/** After a refusal that announces nothing. */
const leastPause = 500

/** Refusals in a row, whatever is announced, after which each pause is twice as long. */
const patientRefusals = 4
/** The one that goes first, and hardly any other. */
const fewTaken = 2
const firstPause = 250
const longestPause = 20_000

/** What is closed for long is tried so often: the reason may have gone. */
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
  closedUntil = 0
  /** How often requests got through between two closings. */
  progress = 0
  #usedUpUntil = 0
  #closedSince = 0
  #closedMillis = 0
  /** What {@link closedMillis} was when requests got through last. */
  #progressMillis = 0
  #hasAnswered = false
  /** True until one has gone after it opened. */
  #isLed = false
  #followAt = 0
  #triedAt = 0
  #refusalsInARow = 0
  #refusedAt = -Infinity
  #takenSinceOpened = 0
  readonly #changes: Array<Change> = []

  /** `isShared`: it is no model's own, so nothing is tried at first contact. */
  constructor(isShared: boolean) {
    this.pace = new Pace(isShared)
  }

  /** The last things it learned, oldest first. */
  get changes(): ReadonlyArray<Change> {
    return this.#changes
  }

  isClosed(now: number): boolean {
    return now < this.closedUntil || this.downtime.isOn
  }

  /**
   * For how long somebody has waited for what is closed who came when {@link closedMillis} was `before`. What was before
   * others got through does not count: that was waiting for a turn.
   */
  waitedMillis(now: number, before: number): number {
    return this.closedMillis(now) - Math.max(before, this.#progressMillis)
  }

  /** For how long it has been closed in all. */
  closedMillis(now: number): number {
    if (this.downtime.isOn) return this.#closedMillis + Math.max(0, now - this.#closedSince)
    return this.#closedMillis + Math.max(0, Math.min(now, this.closedUntil) - this.#closedSince)
  }

  /** When the next request may go; not later than `now` if at once. */
  readyAt(now: number): number {
    if (now < this.closedUntil) return this.closedUntil
    if (now < this.#usedUpUntil) return this.#usedUpUntil
    if (now < this.#followAt && now >= this.#followAt - leadMillis) return this.#followAt
    return Math.max(this.downtime.readyAt(now), this.window.readyAt(now), this.pace.readyAt(now))
  }

  /** True where something closed for so long that nobody waits may be tried once. */
  mayTry(now: number): boolean {
    return now - this.#triedAt >= tryMillis
  }

  /** Notes that one tries what is closed. */
  tries(now: number): void {
    this.#triedAt = now
  }

  take(now: number): void {
    if (this.#isLed) this.#followAt = now + leadMillis
    this.#isLed = false
    this.#takenSinceOpened++
    this.downtime.take(now)
    this.window.take(now)
    this.pace.take(now)
  }

  giveBack(takenAt: number): void {
    this.downtime.ended(takenAt)
    this.window.giveBack(takenAt)
  }

  /** A request let through at `takenAt` was refused. Gives true if it became closed by that, or for longer. */
  refused(now: number, takenAt: number, { error, limit, resetAt }: Refused): boolean {
    // A burst that was sent before the first of its refusals came is one refusal.
    const isNews = takenAt > this.#refusedAt
    if (isNews) {
      // Where others got through in between, this is no row.
      this.#refusalsInARow = this.#takenSinceOpened > fewTaken ? 1 : this.#refusalsInARow + 1
      this.#refusedAt = now
    }
    const patience = this.#refusalsInARow - patientRefusals
    const pause = patience > 0 ? Math.min(longestPause, firstPause * 2 ** patience) : 0
    if (resetAt !== undefined && limit !== undefined) {
      const isOfThisWindow = takenAt >= this.window.startsAt
      this.pace.clear()
      this.window.refused(now, takenAt, resetAt, limit)
      if (resetAt > now) return this.#close(now, Math.max(resetAt, now + pause), error)
      // Its window is over by now, or one of the clocks is a little wrong.
      return isNews && isOfThisWindow && this.#close(now, now + Math.max(pause, lateMillis), error)
    }
    const wasSteady = this.pace.isSteady
    const hint = resetAt !== undefined && resetAt > now ? resetAt : undefined
    if (this.pace.refused(now, takenAt, hint)) this.#note(now, `refused: ${this.pace.rate.toPrecision(3)} a second`)
    else if (hint === undefined) return false
    const paced = Math.min(longestPause, Math.ceil(1000 / this.pace.rate))
    // At a rate that has held for a while one step back is enough.
    const rest = now + (wasSteady ? paced : Math.max(leastPause, paced))
    return this.#close(now, Math.max(hint ?? rest, now + pause), error)
  }

  /** A request let through at `takenAt` failed by what it runs on. Gives true if it became closed by that, or for longer. */
  failed(now: number, takenAt: number, { error, until }: Failed): boolean {
    this.pace.failed(now)
    const wasClosed = this.isClosed(now)
    const before = this.closedMillis(now)
    const isDown = this.downtime.failed(now, takenAt)
    if (isDown) {
      this.because = error
      this.#note(now, `down: ${error._tag}`)
      if (!wasClosed) {
        this.#closedMillis = before
        this.#closedSince = now
      }
    }
    return until !== undefined && until > now ? this.#close(now, until, error) || isDown : isDown
  }

  /** A request let through at `takenAt` was answered. Gives true if it became open by that. */
  answered(now: number, takenAt: number): boolean {
    if (takenAt > this.#refusedAt) {
      this.#refusalsInARow = 0
      this.#hasAnswered = true
    }
    if (!this.downtime.isOn && now >= this.closedUntil) {
      this.downtime.answered()
      return false
    }
    // Sent before it closed: that says nothing.
    if (takenAt <= this.#closedSince) return false
    this.#closedMillis = this.closedMillis(now)
    this.#closedSince = now
    if (this.downtime.answered()) this.pace.clear(true)
    if (now < this.closedUntil) {
      this.closedUntil = now
      if (this.window.limit !== undefined) {
        this.window.clear()
        this.pace.clear(true)
      }
    }
    this.#isLed = false
    this.#followAt = 0
    this.#note(now, "opened: a request got through")
    return true
  }

  /** Others have used it up, or know that it is closed: it waits until then. */
  heldElsewhere(now: number, until: number, isClosed: boolean): void {
    if (isClosed) {
      this.#close(now, until, this.because ?? new RateLimited({ message: "another process was refused" }))
    } else this.#usedUpUntil = until
  }

  /** Processes that share it have a window for it. */
  agree(window: SharedWindow): void {
    if (this.window.limit === undefined) this.pace.clear()
    this.window.agree(window)
  }

  /** Forgets all it knows. */
  clear(now: number): void {
    this.#closedMillis = this.closedMillis(now)
    this.#closedSince = now
    this.closedUntil = 0
    this.#usedUpUntil = 0
    this.#isLed = false
    this.#followAt = 0
    this.#refusalsInARow = 0
    this.downtime.answered()
    this.window.clear()
    this.pace.clear(true)
    this.#note(now, "reset by hand")
  }

  #close(now: number, until: number, error: OpenRouterError): boolean {
    // The newest announcement wins where it is one of a window; of hints the longest.
    if (until === this.closedUntil || until < this.closedUntil && this.window.limit === undefined) return false
    if (!this.isClosed(now)) {
      this.#closedMillis = this.closedMillis(now)
      this.#closedSince = now
      this.#triedAt = now
      if (this.#hasAnswered || this.#takenSinceOpened > fewTaken) {
        this.#progressMillis = this.#closedMillis
        this.progress++
      }
    }
    this.closedUntil = until
    this.because = error
    this.#isLed = true
    this.#followAt = 0
    this.#takenSinceOpened = 0
    this.#hasAnswered = false
    this.#note(now, `closed for ${until - now} ms: ${error._tag}`)
    return true
  }

  #note(at: number, reason: string): void {
    this.#changes.push({ at, reason })
    if (this.#changes.length > maxChanges) this.#changes.shift()
  }
}
