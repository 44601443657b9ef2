/**
 * Whole lines of a file, read in pieces, so that a file of any size needs the memory of its longest line.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import type { LinePlace } from "../../services/AppendLog.ts"

/**
 * A line without its end, and where it is.
 *
 * @since 0.1.0
 */
export interface PlacedLine {
  readonly text: string
  readonly place: LinePlace
}

const pieceBytes = 65_536

const newline = 10

const decoder = /* @__PURE__ */ new TextDecoder()

/**
 * The text of bytes in UTF-8.
 *
 * @since 0.1.0
 */
export const textOf = (bytes: Uint8Array): string => decoder.decode(bytes)

/** What follows the last line break so far, in the pieces in which it came. */
class Rest {
  #pieces: Array<Uint8Array> = []
  #length = 0

  get length(): number {
    return this.#length
  }

  add(piece: Uint8Array): void {
    if (piece.length === 0) return
    this.#pieces.push(piece)
    this.#length += piece.length
  }

  /** All of it, which is then no longer here. */
  take(): Uint8Array {
    const [first] = this.#pieces
    if (first !== undefined && this.#pieces.length === 1) {
      this.#pieces = []
      this.#length = 0
      return first
    }
    const whole = new Uint8Array(this.#length)
    let offset = 0
    for (const piece of this.#pieces) {
      whole.set(piece, offset)
      offset += piece.length
    }
    this.#pieces = []
    this.#length = 0
    return whole
  }
}

/**
 * Reads the lines of an open file one piece at a time.
 *
 * @since 0.1.0
 */
export class LineReader {
  readonly #file: FileSystem.File
  readonly #end: number
  readonly #rest = new Rest()
  #position: number

  /** From one byte to before another, which may be beyond the end of the file. */
  constructor(file: FileSystem.File, start: number, end: number) {
    this.#file = file
    this.#position = start
    this.#end = end
  }

  /** Where the line begins that has no end yet. */
  get restOffset(): number {
    return this.#position - this.#rest.length
  }

  /** What follows the last line break. */
  takeRest(): Uint8Array {
    return this.#rest.take()
  }

  /** The lines that end within the next piece; `undefined` at the end of the file. */
  readonly next: Effect.Effect<ReadonlyArray<PlacedLine> | undefined, PlatformError> = Effect.suspend(() => {
    const size = Math.min(pieceBytes, this.#end - this.#position)
    if (size <= 0) return Effect.undefined
    const buffer = new Uint8Array(size)
    return Effect.map(
      this.#file.read(buffer, { position: BigInt(this.#position) }),
      (read) => read === 0 ? undefined : this.#linesOf(buffer.subarray(0, read))
    )
  })

  #linesOf(piece: Uint8Array): ReadonlyArray<PlacedLine> {
    const lines: Array<PlacedLine> = []
    const start = this.#position
    let from = 0
    for (let at = piece.indexOf(newline); at !== -1; at = piece.indexOf(newline, from)) {
      const offset = this.#rest.length === 0 ? start + from : start - this.#rest.length
      this.#rest.add(piece.subarray(from, at))
      const bytes = this.#rest.take()
      lines.push({ text: textOf(bytes), place: { offset, length: bytes.length } })
      from = at + 1
    }
    this.#rest.add(piece.subarray(from))
    this.#position += piece.length
    return lines
  }
}
