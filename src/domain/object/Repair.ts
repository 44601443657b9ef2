/**
 * What was done to an answer so that it could be read.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * A thing that was done; none of them changes a value:
 *
 * - `ByteOrderMark`, `ThinkBlock`, `CodeFence`, `SurroundingText`: what stood before or around the JSON was left out;
 * - `TrailingComma`: a comma before the end of a list or an object was left out;
 * - `ControlCharacter`: a line break or another control character within a text was read as itself;
 * - `Unwrapped`: the value came by itself, not in the object that was asked for;
 * - `Misfit`: an item of a list that keeps what fits was left out; `path` is where it was, `issue` what is wrong with it.
 *
 * @since 0.1.0
 */
export const Repair = Schema.TaggedUnion({
  ByteOrderMark: {},
  ThinkBlock: {},
  CodeFence: {},
  SurroundingText: {},
  TrailingComma: {},
  ControlCharacter: {},
  Unwrapped: {},
  Misfit: { path: Schema.String, issue: Schema.String }
})

/**
 * @since 0.1.0
 */
export type Repair = typeof Repair.Type
