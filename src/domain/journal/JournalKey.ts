/**
 * What a call of a program is called when the program is run again: its place and the bytes of its request.
 *
 * @since 0.1.0
 */
import * as Sha256 from "../wire/Sha256.ts"

/**
 * The key of all calls with one body at one place: 32 hex digits. Equal calls are told apart by their ordinal, see {@link nth}.
 *
 * @since 0.1.0
 */
export const of = (scopes: ReadonlyArray<string>, call: string, body: string): string =>
  Sha256.hex(`${JSON.stringify([call, ...scopes])}\n${body}`).slice(0, 32)

/**
 * The key of the call of this ordinal, from 0, among those with one key.
 *
 * @since 0.1.0
 */
export const nth = (key: string, ordinal: number): string => ordinal === 0 ? key : `${key}-${ordinal}`

/**
 * Hands out ordinals, the lowest that is free.
 *
 * @since 0.1.0
 */
export class Ordinals {
  readonly #taken = new Map<string, Array<boolean>>()

  take(key: string): number {
    let taken = this.#taken.get(key)
    if (taken === undefined) {
      taken = []
      this.#taken.set(key, taken)
    }
    let ordinal = taken.indexOf(false)
    if (ordinal === -1) ordinal = taken.length
    taken[ordinal] = true
    return ordinal
  }

  /** Of a call that left nothing behind, such as one that was interrupted. */
  giveBack(key: string, ordinal: number): void {
    const taken = this.#taken.get(key)
    if (taken === undefined) return
    taken[ordinal] = false
    while (taken.length > 0 && taken[taken.length - 1] === false) taken.pop()
    if (taken.length === 0) this.#taken.delete(key)
  }
}
