/**
 * Undoes the compression of a body while it arrives, by Node's zlib.
 *
 * @since 0.1.0
 */
import type { Transform } from "node:stream"
import * as Zlib from "node:zlib"

/**
 * Where the inflated bytes go. Nothing is told after the end or an error, or once the inflater was destroyed.
 *
 * @since 0.1.0
 */
export interface Reader {
  readonly onData: (chunk: Uint8Array) => void
  /** After a `write` that gave false: there is room for more. */
  readonly onReady: () => void
  readonly onEnd: () => void
  readonly onError: (error: Error) => void
}

const { constants } = Zlib

/** Like browsers: what has arrived can be read at once, and a body may lack its end. */
const flushing = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH }

const gunzip = (): Transform => Zlib.createGunzip(flushing)

type Make = (first: Uint8Array) => Transform

const decoders: ReadonlyMap<string, Make> = new Map<string, Make>([
  ["gzip", gunzip],
  ["x-gzip", gunzip],
  // Some servers send it without the frame that it has by its standard, which begins with the number of the method.
  ["deflate", (first) => ((first[0] ?? 0) & 15) === 8 ? Zlib.createInflate(flushing) : Zlib.createInflateRaw(flushing)],
  ["br", () =>
    Zlib.createBrotliDecompress({
      flush: constants.BROTLI_OPERATION_FLUSH,
      finishFlush: constants.BROTLI_OPERATION_FLUSH
    })],
  // Not on Node before 22.15, nor everywhere else.
  ...(typeof Zlib.createZstdDecompress === "function"
    ? [["zstd", () => Zlib.createZstdDecompress()] satisfies readonly [string, Make]]
    : [])
])

/**
 * What this runtime can undo, as the value of `Accept-Encoding`.
 *
 * @since 0.1.0
 */
export const accepted: string = ["gzip", "deflate", "br", "zstd"].filter((coding) => decoders.has(coding)).join(", ")

/** The first byte of what is as the standard has it. */
const framed = new Uint8Array([8])

/** Nobody has reason to compress more often, except to keep a reader busy. */
const maxCodings = 4

/**
 * Makes an inflater for what a server says in `Content-Encoding`; `undefined` if there is nothing to undo, or something
 * unknown: then the body is what it is.
 *
 * @since 0.1.0
 */
export const make = (contentEncoding: string, reader: Reader): Inflater | undefined => {
  const names = contentEncoding.toLowerCase().split(",").map((name) => name.trim())
  const makes = names.filter((name) => name !== "" && name !== "identity").map((name) => decoders.get(name))
  const known = makes.filter((make) => make !== undefined)
  return known.length === 0 || known.length < makes.length || known.length > maxCodings
    ? undefined
    // What was done last is undone first.
    : new Inflater(known.reverse(), reader)
}

/**
 * Inflates one body.
 *
 * @since 0.1.0
 */
export class Inflater {
  readonly #makes: ReadonlyArray<Make>
  readonly #reader: Reader
  /** Made with the first bytes: there are none in many answers that could have some. */
  #decoders: ReadonlyArray<Transform> = []
  #isOver = false

  constructor(makes: ReadonlyArray<Make>, reader: Reader) {
    this.#makes = makes
    this.#reader = reader
  }

  /** Takes compressed bytes; false if no more of them should come before the reader is told so. */
  write(chunk: Uint8Array): boolean {
    if (this.#isOver || chunk.length === 0) return true
    if (this.#decoders.length === 0) this.#open(chunk)
    return this.#decoders[0]?.write(chunk) ?? true
  }

  /** No more compressed bytes will come. */
  end(): void {
    const [first] = this.#decoders
    if (first === undefined) this.#over(() => this.#reader.onEnd())
    else first.end()
  }

  /** No inflated bytes are told until {@link resume}. */
  pause(): void {
    this.#decoders.at(-1)?.pause()
  }

  resume(): void {
    this.#decoders.at(-1)?.resume()
  }

  destroy(): void {
    this.#isOver = true
    for (const decoder of this.#decoders) decoder.destroy()
  }

  #open(first: Uint8Array): void {
    const decoders = this.#makes.map((make, index) => make(index === 0 ? first : framed))
    this.#decoders = decoders
    for (const [index, decoder] of decoders.entries()) {
      decoder.on("error", (error) => {
        this.#over(() => this.#reader.onError(error))
        this.destroy()
      })
      const next = decoders[index + 1]
      if (next !== undefined) decoder.pipe(next)
    }
    decoders[0]?.on("drain", () => {
      if (!this.#isOver) this.#reader.onReady()
    })
    const last = decoders.at(-1)
    last?.on("data", (chunk: Uint8Array) => {
      if (!this.#isOver) this.#reader.onData(chunk)
    })
    last?.on("end", () => this.#over(() => this.#reader.onEnd()))
  }

  #over(tell: () => void): void {
    if (this.#isOver) return
    this.#isOver = true
    tell()
  }
}
