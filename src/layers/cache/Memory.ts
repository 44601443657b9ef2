/**
 * Answers in memory: as many as were used last.
 *
 * @since 0.1.0
 */
import type { StoredAnswer } from "./StoredAnswer.ts"

/**
 * The answers that are kept, by key.
 *
 * @since 0.1.0
 */
export class Memory {
  readonly #answers = new Map<string, StoredAnswer>()
  readonly #capacity: number

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** The answer of a key that was kept after `since` (epoch milliseconds). */
  get(key: string, since: number): StoredAnswer | undefined {
    const answer = this.#answers.get(key)
    if (answer === undefined || answer.storedAt <= since) return undefined
    this.#answers.delete(key)
    this.#answers.set(key, answer)
    return answer
  }

  /** Keeps an answer, and gives up the one that was used longest ago if there are too many. */
  set(key: string, answer: StoredAnswer): void {
    if (this.#capacity <= 0) return
    this.#answers.delete(key)
    this.#answers.set(key, answer)
    if (this.#answers.size <= this.#capacity) return
    for (const oldest of this.#answers.keys()) {
      this.#answers.delete(oldest)
      return
    }
  }
}
