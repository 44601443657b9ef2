/**
 * Whose turn it is: those who wait, in the order in which their calls began.
 *
 * @since 0.1.0
 */

/**
 * One who waits. A call that was sent before goes before others that began in the same millisecond.
 *
 * @since 0.1.0
 */
export interface Turn {
  /** When the call began. */
  readonly startedAt: number
  /** The number of its attempt. */
  readonly attempt: number
  /** The number of its arrival. */
  readonly arrival: number
  /** False once it has left or had its turn. */
  isWaiting: boolean
}

/**
 * True if `a` goes before `b`.
 *
 * @since 0.1.0
 */
export const isBefore = (a: Turn, b: Turn): boolean =>
  a.startedAt !== b.startedAt
    ? a.startedAt < b.startedAt
    : a.attempt !== b.attempt
    ? a.attempt > b.attempt
    : a.arrival < b.arrival

/**
 * A heap of turns; those who leave stay in it until they come up or are many.
 *
 * @since 0.1.0
 */
export class Turns<T extends Turn> {
  #heap: Array<T> = []
  /** How many wait. */
  size = 0

  add(turn: T): void {
    this.size++
    this.#push(turn)
  }

  #push(turn: T): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(turn)
    while (at > 0) {
      const up = (at - 1) >> 1
      const parent = heap[up]
      if (parent === undefined || isBefore(parent, turn)) break
      heap[at] = parent
      at = up
    }
    heap[at] = turn
  }

  /** Who is next; they stay. */
  get first(): T | undefined {
    let first = this.#heap[0]
    while (first !== undefined && !first.isWaiting) {
      this.#removeFirst()
      first = this.#heap[0]
    }
    return first
  }

  /** Takes note that one does not wait any more. */
  remove(turn: T): void {
    if (!turn.isWaiting) return
    turn.isWaiting = false
    this.size--
    if (this.#heap.length > 64 && this.size * 2 < this.#heap.length) {
      const waiting = this.all
      this.#heap = []
      for (const one of waiting) this.#push(one)
    }
  }

  /** All who wait, in no order. */
  get all(): ReadonlyArray<T> {
    return this.#heap.filter(({ isWaiting }) => isWaiting)
  }

  #removeFirst(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      const right = left + 1
      let next = heap[left]
      let nextAt = left
      const other = heap[right]
      if (other !== undefined && next !== undefined && isBefore(other, next)) {
        next = other
        nextAt = right
      }
      if (next === undefined || isBefore(last, next)) break
      heap[at] = next
      at = nextAt
    }
    heap[at] = last
  }
}
