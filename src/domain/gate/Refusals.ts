/**
 * Refusals in a row, without anything accepted in between, and what follows from them.
 *
 * Told the time, it knows no clock. Epoch milliseconds throughout.
 *
 * @since 0.1.0
 */

/** After a hold one request goes first; the others follow when it would have been refused. */
const leadMillis = 25

/** Refusals in a row from which on that is measured, and not guessed. */
const measuredRefusals = 2

/** One that is under way for twice as long as refusals took lately, and so much more, was accepted. */
const acceptedMillis = 250

/** How long one that announces nothing holds, and one that may be chance. */
const rests = { usual: 500, chance: 100 }

/** Refusals in a row, whatever is announced, after which each pause is twice as long. */
const patientRefusals = 4
const firstPause = 250
const longestPause = 20_000

/**
 * The last refusals of one limit.
 *
 * @since 0.1.0
 */
export class Refusals {
  /** When the last burst of them began to come. */
  at = -Infinity
  #inARow = 0
  /** How long they take. */
  #slowness = 0

  /** A request let through at `takenAt` was refused. Gives true for a burst's first: what was sent before it came is the same. */
  isNews(now: number, takenAt: number): boolean {
    this.#slowness = Math.max(now - takenAt, 0.75 * this.#slowness + 0.25 * (now - takenAt))
    return takenAt > this.at
  }

  /** A burst begins; `hasProgress`: something was accepted since the last one. */
  begin(now: number, hasProgress: boolean): void {
    this.at = now
    this.#inARow = hasProgress ? 1 : this.#inARow + 1
  }

  /** A request let through at `takenAt` was accepted. */
  accepted(takenAt: number): void {
    this.#inARow = takenAt > this.at ? 0 : 1
  }

  /** How long one that announces nothing holds at least, in milliseconds; `isChance`: one of so many that it may be chance. */
  rest(isChance: boolean): number {
    return isChance ? Math.min(rests.usual, rests.chance * this.#inARow) : rests.usual
  }

  /** How much longer each of them holds, in milliseconds. */
  get pause(): number {
    const impatience = this.#inARow - patientRefusals
    return impatience > 0 ? Math.min(longestPause, firstPause * 2 ** impatience) : 0
  }

  /** How long the others wait for the one that goes first, in milliseconds. */
  get lead(): number {
    return this.#inARow < measuredRefusals ? leadMillis : this.#refusedBy
  }

  /** How long a refusal takes, and a little more. */
  get #refusedBy(): number {
    return Math.max(leadMillis, Math.ceil(1.25 * this.#slowness))
  }

  /** True if a refusal of one that was let through at `takenAt` should have come by now. */
  isOutlived(now: number, takenAt: number): boolean {
    return now - takenAt > this.#refusedBy
  }

  /** True if one that was let through at `takenAt` and is under way was accepted, most likely. */
  isAccepted(now: number, takenAt: number): boolean {
    return now - takenAt > 2 * this.#slowness + acceptedMillis
  }

  clear(): void {
    this.at = -Infinity
    this.#inARow = 0
  }
}
