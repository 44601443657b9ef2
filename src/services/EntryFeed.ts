/**
 * Hands the entries of a ledger to those who read them.
 *
 * Each reader has a bounded buffer of its own. Whoever books never waits: what a full buffer has no room for is counted,
 * and arrives as `Dropped` in its place. Without a reader nothing is made and nothing is kept.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Pull from "effect/Pull"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Dropped, Entry, Line } from "../domain/ledger/LedgerEntry.ts"

/**
 * How entries are read.
 *
 * @since 0.1.0
 */
export interface ReadOptions {
  /** How many entries may wait for the reader. Default 1,024. */
  readonly bufferSize?: number | undefined
}

class Reader {
  readonly #size: number
  readonly #arrived = Latch.makeUnsafe(false)
  #lines: Array<Line> = []
  #dropped = 0
  #isClosed = false

  constructor(size: number) {
    this.#size = size
  }

  offer(entry: Entry): Effect.Effect<unknown> {
    if (this.#lines.length < this.#size) this.#lines.push(entry)
    else this.#dropped++
    return this.#arrived.open
  }

  /** No more will come: the stream ends after what is there. */
  readonly close: Effect.Effect<unknown> = Effect.suspend(() => {
    this.#isClosed = true
    return this.#arrived.open
  })

  readonly pull: Pull.Pull<Arr.NonEmptyReadonlyArray<Line>> = Effect.suspend(() => {
    const lines = this.#lines
    if (this.#dropped > 0) {
      const dropped: Dropped = { _tag: "Dropped", count: this.#dropped }
      lines.push(dropped)
      this.#dropped = 0
    }
    this.#lines = []
    if (Arr.isReadonlyArrayNonEmpty(lines)) return Effect.succeed(lines)
    if (this.#isClosed) return Cause.done()
    Latch.closeUnsafe(this.#arrived)
    return Effect.andThen(this.#arrived.await, this.pull)
  })
}

/**
 * The readers of one ledger.
 *
 * @since 0.1.0
 */
export class EntryFeed {
  readonly #readers = new Set<Reader>()
  #prefix = ""
  #count = 0

  /** True if nobody reads. */
  get isEmpty(): boolean {
    return this.#readers.size === 0
  }

  /** Tells all readers of an entry, which is made if there are any. */
  publish(make: (id: string) => Entry): Effect.Effect<void> {
    if (this.#readers.size === 0) return Effect.void
    const entry = make(`${this.#prefix}-${++this.#count}`)
    return Effect.forEach(this.#readers, (reader) => reader.offer(entry), { discard: true })
  }

  /** Reads from now on; the stream ends, when all is read, after the scope has been closed. */
  subscribe(options?: ReadOptions): Effect.Effect<Stream.Stream<Line>, never, Scope.Scope> {
    const reader = Effect.map(Random.nextIntBetween(0, 2 ** 48), (drawn) => {
      if (this.#prefix === "") this.#prefix = drawn.toString(36).padStart(10, "0")
      const reader = new Reader(Math.max(1, options?.bufferSize ?? 1024))
      this.#readers.add(reader)
      return reader
    })
    const left = (reader: Reader) =>
      Effect.suspend(() => {
        this.#readers.delete(reader)
        return reader.close
      })
    return Effect.map(Effect.acquireRelease(reader, left), (reader) => Stream.fromPull(Effect.succeed(reader.pull)))
  }
}
