/**
 * Answers in memory: those used last, as many and as large together as it may hold.
 *
 * @since 0.1.0
 */
import type { StoredAnswer } from "./StoredAnswer.ts"

interface Kept {
  readonly answer: StoredAnswer
  readonly size: number
}

/**
 * The answers that are kept, by key.
 *
 * @since 0.1.0
 */
export class Memory {
  readonly #answers = new Map<string, Kept>()
  readonly #capacity: number
  readonly #maxBytes: number
  #bytes = 0

  /** So many answers, and so many bytes of them together. */
  constructor(capacity: number, maxBytes: number) {
    this.#capacity = capacity
    this.#maxBytes = maxBytes
  }

  /** The answer of a key that was kept after `since` (epoch milliseconds). */
  get(key: string, since: number): StoredAnswer | undefined {
    const kept = this.#answers.get(key)
    if (kept === undefined || kept.answer.storedAt <= since) return undefined
    this.#answers.delete(key)
    this.#answers.set(key, kept)
    return kept.answer
  }

  /** Keeps an answer, and gives up those that were used longest ago while there is too much. */
  set(key: string, answer: StoredAnswer): void {
    this.#forget(key)
    const size = bytesOf(answer.outcome.response)
    if (this.#capacity <= 0 || size > this.#maxBytes) return
    this.#answers.set(key, { answer, size })
    this.#bytes += size
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= this.#capacity && this.#bytes <= this.#maxBytes) return
      this.#forget(oldest)
    }
  }

  #forget(key: string): void {
    this.#bytes -= this.#answers.get(key)?.size ?? 0
    this.#answers.delete(key)
  }
}

/** What any value takes, about: its header and its place in what holds it. */
const bytesOfValue = 16

/** About how much memory plain data takes: characters as two bytes. */
const bytesOf = (data: unknown): number => {
  let bytes = 0
  const left = [data]
  while (left.length > 0) {
    const value = left.pop()
    bytes += bytesOfValue
    if (typeof value === "string") bytes += value.length * 2
    else if (typeof value === "object" && value !== null) { for (const part of Object.values(value)) left.push(part) }
  }
  return bytes
}
