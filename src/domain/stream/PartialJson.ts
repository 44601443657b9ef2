/**
 * JSON that is still arriving, read as far as it goes.
 *
 * A text that breaks off is cut back to its last usable place and closed: unfinished strings are kept as far as they go, but
 * not with half of a surrogate pair at their end; unfinished keys, numbers and words are left out.
 *
 * @since 0.1.0
 */
import * as Surrogates from "../wire/Surrogates.ts"

/**
 * Reads one JSON text in pieces.
 *
 * @since 0.1.0
 */
export interface PartialJson {
  /** Takes the next piece in. Its cost is that of the piece. */
  readonly push: (piece: string) => void
  /** The value so far, or `undefined` before there is one. Its cost is that of the whole text. */
  readonly value: () => unknown
  /** How many characters have arrived. */
  readonly length: () => number
}

/** Where the next character belongs: to a value or its surroundings, a string, a number or word. */
type Place = "between" | "key" | "string" | "word"

/**
 * Starts to read.
 *
 * @since 0.1.0
 */
export const make = (): PartialJson => {
  const pieces: Array<string> = []
  let length = 0
  let place: Place = "between"
  /** What closes the open objects and arrays, innermost last. */
  const closers: Array<"}" | "]"> = []
  /** True where an object's next string is a key. */
  let isKeyNext = false
  /** Characters of an escape sequence that are still to come; -1 right after the backslash. */
  let escape = 0
  /** What the hexadecimal digits of an escape sequence say so far. */
  let code = 0
  /** The text up to here is JSON, if it is followed by `quote` and what closes it. */
  let usable = 0
  let quote: "" | "\"" = ""

  const use = (end: number, closing: "" | "\""): void => {
    usable = end
    quote = closing
  }

  const inString = (char: string, at: number): void => {
    let unit = 0
    if (escape === -1) {
      escape = char === "u" ? 4 : 0
      code = 0
    } else if (escape > 0) {
      escape--
      code = code * 16 + Number.parseInt(char, 16)
      if (escape === 0) unit = code
    } else if (char === "\\") escape = -1
    else if (char === "\"") {
      if (place === "string") use(at + 1, "")
      place = "between"
      return
    } else unit = char.charCodeAt(0)
    if (place === "string" && escape === 0 && !Surrogates.isHigh(unit)) use(at + 1, "\"")
  }

  const between = (char: string, at: number): void => {
    switch (char) {
      case "{":
      case "[":
        closers.push(char === "{" ? "}" : "]")
        isKeyNext = char === "{"
        return use(at + 1, "")
      case "}":
      case "]":
        closers.pop()
        isKeyNext = false
        return use(at + 1, "")
      case ",":
        isKeyNext = closers.at(-1) === "}"
        return
      case ":":
        isKeyNext = false
        return
      case "\"":
        place = isKeyNext ? "key" : "string"
        if (place === "string") use(at + 1, "\"")
        return
      case " ":
      case "\n":
      case "\r":
      case "\t":
        return
      default:
        place = "word"
    }
  }

  const take = (char: string, at: number): void => {
    if (place === "word" && /[\s,}\]]/.test(char)) {
      place = "between"
      use(at, "")
    }
    if (place === "key" || place === "string") inString(char, at)
    else if (place === "between") between(char, at)
  }

  return {
    push: (piece) => {
      for (let at = 0; at < piece.length; at++) take(piece.charAt(at), length + at)
      pieces.push(piece)
      length += piece.length
    },
    value: () => {
      if (usable === 0) return undefined
      const text = pieces.join("")
      pieces.splice(0, pieces.length, text)
      try {
        return JSON.parse(text.slice(0, usable) + quote + closers.toReversed().join(""))
      } catch {
        return undefined
      }
    },
    length: () => length
  }
}
