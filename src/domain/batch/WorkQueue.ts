/**
 * Which item of a batch is next: those of one key one after another, and only so many ahead of what was given out.
 *
 * It belongs to one batch and changes with each item.
 *
 * @since 0.1.0
 */

/**
 * What tells items apart that must not run at the same time.
 *
 * @since 0.1.0
 */
export type Key = string | number | bigint | symbol | object

/**
 * An item, and its place in the input, from 0.
 *
 * @since 0.1.0
 */
export interface Entry<out I> {
  readonly index: number
  readonly item: I
  readonly key: Key | undefined
}

/**
 * The items that were read and have not ended.
 *
 * @since 0.1.0
 */
export class WorkQueue<I> {
  readonly #window: number
  readonly #keyOf: ((item: I, index: number) => Key | undefined) | undefined
  #items: Iterator<I> = [][Symbol.iterator]()
  #left = 0
  #next = 0
  /** Entries that were taken and not given out. */
  #open = 0
  /** Those that wait for one of the same key; a key that is here has one running. */
  readonly #parked = new Map<Key, Array<Entry<I>>>()

  /** `window`: how many items may be open, those that wait for their key included. */
  constructor(window: number, keyOf: ((item: I, index: number) => Key | undefined) | undefined) {
    this.#window = window
    this.#keyOf = keyOf
  }

  /** Adds the next items; what was there before is used up. */
  add(chunk: ReadonlyArray<I>): void {
    this.#items = chunk[Symbol.iterator]()
    this.#left = chunk.length
  }

  /** How many items were taken. */
  get taken(): number {
    return this.#next
  }

  /** True if there is nothing left of what was added. */
  get isUsedUp(): boolean {
    return this.#left === 0
  }

  /** True if something must be given out first. */
  get isFull(): boolean {
    return this.#open >= this.#window
  }

  /** The next item that may run now; `undefined` if there is none. */
  take(): Entry<I> | undefined {
    while (this.#left > 0 && !this.isFull) {
      const next = this.#items.next()
      this.#left--
      if (next.done === true) return undefined
      this.#open++
      const index = this.#next++
      const entry = { index, item: next.value, key: this.#keyOf?.(next.value, index) }
      if (entry.key === undefined) return entry
      const waiting = this.#parked.get(entry.key)
      if (waiting === undefined) {
        this.#parked.set(entry.key, [])
        return entry
      }
      waiting.push(entry)
    }
    return undefined
  }

  /** Ends an entry; gives the next one that waits for its key, which may run now. */
  finish({ key }: Entry<I>): Entry<I> | undefined {
    if (key === undefined) return undefined
    const waiting = this.#parked.get(key)
    const next = waiting?.shift()
    if (next === undefined) this.#parked.delete(key)
    return next
  }

  /** Makes room for so many more. */
  givenOut(count: number): void {
    this.#open -= count
  }
}
