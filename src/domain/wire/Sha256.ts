/**
 * SHA-256 of a text, at once: the digests of the platforms are asynchronous or not there, and what is hashed here is short.
 * The same with a key, HMAC, signs what a program stores and reads again.
 *
 * @since 0.1.0
 */
import { lazy } from "./Lazy.ts"

/**
 * The SHA-256 of a text in UTF-8, as 64 hex digits.
 *
 * @since 0.1.0
 */
export const hex = (text: string): string => hexOf(digest(new TextEncoder().encode(text)))

/**
 * The HMAC-SHA-256 of a text in UTF-8 under a key, as 64 hex digits (RFC 2104).
 *
 * @since 0.1.0
 */
export const hmac = (key: string, text: string): string => {
  const bytes = new TextEncoder().encode(key)
  const block = new Uint8Array(64)
  block.set(bytes.length > 64 ? digest(bytes) : bytes)
  const inner = digest(joined(block.map((byte) => byte ^ 0x36), new TextEncoder().encode(text)))
  return hexOf(digest(joined(block.map((byte) => byte ^ 0x5c), inner)))
}

/**
 * Whether two digests in hex are equal, in a time that does not tell where they differ.
 *
 * @since 0.1.0
 */
export const isEqual = (self: string, that: string): boolean => {
  let difference = self.length ^ that.length
  for (let index = 0; index < self.length; index++) difference |= self.charCodeAt(index) ^ that.charCodeAt(index)
  return difference === 0
}

const joined = (first: Uint8Array, second: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(first.length + second.length)
  bytes.set(first)
  bytes.set(second, first.length)
  return bytes
}

const hexOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")

const digest = (bytes: Uint8Array): Uint8Array => {
  const { initial, round } = constants()
  const state = initial.slice()
  const words = new Int32Array(64)
  const blocks = padded(bytes)
  for (let offset = 0; offset < blocks.byteLength; offset += 64) {
    for (let index = 0; index < 16; index++) words[index] = blocks.getInt32(offset + index * 4)
    for (let index = 16; index < 64; index++) {
      const a = at(words, index - 15)
      const b = at(words, index - 2)
      words[index] = at(words, index - 16) + (turned(a, 7) ^ turned(a, 18) ^ a >>> 3) +
        at(words, index - 7) + (turned(b, 17) ^ turned(b, 19) ^ b >>> 10)
    }
    compress(state, words, round)
  }
  const view = new DataView(new ArrayBuffer(32))
  for (const [index, word] of state.entries()) view.setInt32(index * 4, word)
  return new Uint8Array(view.buffer)
}

const compress = (state: Int32Array, words: Int32Array, round: Int32Array): void => {
  let a = at(state, 0)
  let b = at(state, 1)
  let c = at(state, 2)
  let d = at(state, 3)
  let e = at(state, 4)
  let f = at(state, 5)
  let g = at(state, 6)
  let h = at(state, 7)
  for (let index = 0; index < 64; index++) {
    const choice = (e & f) ^ (~e & g)
    const first = h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + choice + at(round, index) + at(words, index)
    const majority = (a & b) ^ (a & c) ^ (b & c)
    const second = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + majority
    h = g
    g = f
    f = e
    e = d + first | 0
    d = c
    c = b
    b = a
    a = first + second | 0
  }
  state[0] = at(state, 0) + a
  state[1] = at(state, 1) + b
  state[2] = at(state, 2) + c
  state[3] = at(state, 3) + d
  state[4] = at(state, 4) + e
  state[5] = at(state, 5) + f
  state[6] = at(state, 6) + g
  state[7] = at(state, 7) + h
}

/** The bytes, a one bit, zeros, and the number of bits, in whole blocks. */
const padded = (bytes: Uint8Array): DataView => {
  const blocks = new Uint8Array(Math.ceil((bytes.length + 9) / 64) * 64)
  blocks.set(bytes)
  blocks[bytes.length] = 0x80
  const view = new DataView(blocks.buffer)
  view.setUint32(blocks.length - 8, Math.floor(bytes.length / 0x20000000))
  view.setUint32(blocks.length - 4, bytes.length << 3)
  return view
}

const at = (words: Int32Array, index: number): number => words[index] ?? 0

const turned = (word: number, bits: number): number => word >>> bits | word << 32 - bits

/** The first bits of the fractions of the roots of the first primes, as FIPS 180-4 defines the constants. */
const constants = lazy(() => {
  const primes: Array<number> = []
  for (let candidate = 2; primes.length < 64; candidate++) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate)
  }
  const fraction = (root: number): number => (root - Math.floor(root)) * 0x100000000
  return {
    initial: Int32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime)) | 0),
    round: Int32Array.from(primes, (prime) => fraction(Math.cbrt(prime)) | 0)
  }
})
