/**
 * The first line of a log: what it is, in which version of its format, and who wrote it.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/**
 * What the lines of a log are.
 *
 * @since 0.1.0
 */
export interface Format {
  /** Such as `effect-openrouter/conversations`. */
  readonly name: string
  /** The newest version that is understood, and the one that is written. */
  readonly version: number
}

/** Who writes the file, for those who find one. */
const library = "effect-openrouter"

const Header = Schema.fromJsonString(Schema.Struct({ format: Schema.String, version: Schema.Finite }))

const decode = Schema.decodeUnknownResult(Header)

/**
 * The line of a format.
 *
 * @since 0.1.0
 */
export const line = ({ name, version }: Format): string => JSON.stringify({ format: name, version, library })

/**
 * What the first line of a file says of it.
 *
 * @since 0.1.0
 */
export const check = (text: string, format: Format): "known" | "newer" | "foreign" => {
  const header = Result.getOrUndefined(decode(text))
  if (header?.format !== format.name) return "foreign"
  return header.version > format.version ? "newer" : "known"
}

/**
 * True for what may be left of a header that was cut off while it was written.
 *
 * @since 0.1.0
 */
export const isTorn = (text: string, format: Format): boolean => {
  const start = `{"format":${JSON.stringify(format.name)},`
  return start.startsWith(text) || text.startsWith(start)
}
