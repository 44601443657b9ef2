/**
 * Repeatable choices: the same seed and the same text give the same draws, in any order and on any machine.
 *
 * A `Draw` is a point in a tree. `child` goes down one branch, so a value drawn for one field never depends on how many
 * values were drawn before it. That is what makes the emulator's answers independent of arrival order.
 *
 * @since 0.1.0
 */

/**
 * One point of the tree: 64 bits that came from the seed and the path.
 *
 * @since 0.1.0
 */
export interface Draw {
  readonly high: number
  readonly low: number
}

const absorb = (draw: Draw, text: string): Draw => {
  let high = draw.high
  let low = draw.low
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    high = Math.imul(high ^ code, 2654435761)
    low = Math.imul(low ^ code, 1597334677)
  }
  // Without the final mixing, texts that differ only in their last character draw neighbouring numbers.
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909)
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909)
  return { high: high >>> 0, low: low >>> 0 }
}

/**
 * The root of the tree for a seed and a text.
 *
 * @since 0.1.0
 */
export const make = (seed: number, text: string): Draw =>
  absorb(absorb({ high: 0xdeadbeef, low: 0x41c6ce57 }, String(seed)), text)

/**
 * The branch with the given name.
 *
 * @since 0.1.0
 */
export const child = (draw: Draw, name: string | number): Draw => absorb(draw, `/${name}`)

/**
 * A number from 0 (inclusive) to 1 (exclusive).
 *
 * @since 0.1.0
 */
export const fraction = (draw: Draw): number => ((draw.high >>> 6) * 0x8000000 + (draw.low >>> 5)) / 0x20000000000000

/**
 * A whole number from `minimum` to `maximum`, both inclusive.
 *
 * @since 0.1.0
 */
export const integer = (draw: Draw, minimum: number, maximum: number): number =>
  minimum + Math.floor(fraction(draw) * (Math.max(minimum, maximum) - minimum + 1))

/**
 * One element, or `undefined` when there is none.
 *
 * @since 0.1.0
 */
export const pick = <A>(draw: Draw, from: ReadonlyArray<A>): A | undefined => from[integer(draw, 0, from.length - 1)]

const alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/**
 * An identifier of `length` letters and digits.
 *
 * @since 0.1.0
 */
export const identifier = (draw: Draw, length: number): string => {
  let text = ""
  for (let i = 0; i < length; i++) text += alphabet.charAt(integer(child(draw, i), 0, alphabet.length - 1))
  return text
}

/**
 * A text that stands for the draw, so that equal draws can be found again.
 *
 * @since 0.1.0
 */
export const toKey = (draw: Draw): string => `${draw.high.toString(36)}.${draw.low.toString(36)}`
