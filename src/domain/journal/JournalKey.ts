/**
 * What a call of a program is called when the program is run again: its place and the bytes of its request.
 *
 * @since 0.1.0
 */
import * as Sha256 from "../wire/Sha256.ts"

/**
 * The key of all calls with one body at one place: 32 hex digits. Equal calls are told apart by their numbers, see {@link nth}.
 *
 * @since 0.1.0
 */
export const of = (scopes: ReadonlyArray<string>, call: string, body: string): string =>
  Sha256.hex(`${JSON.stringify([call, ...scopes])}\n${body}`).slice(0, 32)

/**
 * The key of the call with this number, from 1, among those with one key.
 *
 * @since 0.1.0
 */
export const nth = (key: string, number: number): string => number === 1 ? key : `${key}-${number}`
