/**
 * In how many steps in a row each call was asked for: a model that is stuck asks for the same again and again.
 *
 * @since 0.1.0
 */
import * as CanonicalJson from "../wire/CanonicalJson.ts"
import * as Sha256 from "../wire/Sha256.ts"

/**
 * Numbers of steps by a hash of the call, of the last step only.
 *
 * @since 0.1.0
 */
export interface Repeats {
  readonly [call: string]: number
}

/**
 * The hash of a call: equal for equal arguments, however they are written.
 *
 * @since 0.1.0
 */
export const keyOf = (call: { readonly name: string; readonly arguments: unknown }): string =>
  Sha256.hex(CanonicalJson.stringify([call.name, call.arguments]))

/**
 * Counts a step. Several equal calls of one step count once.
 *
 * @since 0.1.0
 */
export const next = (
  last: Repeats,
  calls: ReadonlyArray<{ readonly name: string; readonly arguments: unknown }>
): Repeats => Object.fromEntries(calls.map(keyOf).map((key) => [key, (last[key] ?? 0) + 1]))
