/**
 * How far the clock of a server is ahead of ours, read from the `Date` headers of its answers.
 *
 * A `Date` has whole seconds and has been under way, so clocks that agree within two seconds count as equal, and so does a
 * difference that is known already: all resets of a window have to mean the same instant here, also where the answers that
 * tell it bear different dates. What is read is late by up to a second, never early. Told the time, it knows no clock.
 *
 * @since 0.1.0
 */

const toleratedMillis = 2000

/**
 * The clock of a server, as it shows in its answers.
 *
 * @since 0.1.0
 */
export class ServerClock {
  #ahead = 0
  #date: string | undefined

  /** Reads the `Date` of an answer that has just arrived; gives by how many milliseconds that clock is ahead. */
  aheadBy(date: string | undefined, now: number): number {
    // The same second as before says nothing new.
    if (date === undefined || date === this.#date) return this.#ahead
    this.#date = date
    const ahead = Date.parse(date) - now
    if (Math.abs(ahead - this.#ahead) > toleratedMillis) this.#ahead = Math.abs(ahead) > toleratedMillis ? ahead : 0
    return this.#ahead
  }
}
