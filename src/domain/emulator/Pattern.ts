/**
 * Strings that match a simple regular expression, for the `pattern` keyword of JSON Schema.
 *
 * Understands literals, classes, `.`, the escapes `\d \w \s`, groups, alternatives and quantifiers. Whatever is built is
 * tested against the expression itself, so a pattern outside of this subset gives `undefined`, never a wrong string.
 *
 * @since 0.1.0
 */
import * as Draw from "./Draw.ts"

/**
 * A string that matches `pattern` and keeps the limits of its length, or `undefined` when none was found.
 *
 * @since 0.1.0
 */
export const generate = (
  pattern: string,
  draw: Draw.Draw,
  limits: { readonly minimum: number; readonly maximum: number }
): string | undefined => {
  const expression = compile(pattern)
  if (expression === undefined) return undefined
  const node = alternatives({ pattern, index: 0 }).node
  if (shortest(node) > Math.min(limits.maximum, mostCharacters)) return undefined
  for (let attempt = 0; attempt < attempts; attempt++) {
    // Later attempts repeat more often, which reaches a minimal length.
    const candidate = write(node, Draw.child(draw, attempt), attempt)
    const fits = candidate.length >= limits.minimum && candidate.length <= limits.maximum
    if (fits && expression.test(candidate)) return candidate
  }
  return undefined
}

const attempts = 24

/** Whoever demands a longer text gets none that matches. */
const mostCharacters = 10_000

/** How much has to be written at least, by the longest of its alternatives: one may be picked that is too long otherwise. */
const shortest = (node: Node): number => {
  switch (node._tag) {
    case "Characters":
      return 1
    case "Sequence":
      return node.nodes.reduce((sum, inner) => sum + shortest(inner), 0)
    case "Choice":
      return Math.max(...node.nodes.map(shortest))
    case "Repeat":
      return node.minimum === 0 ? 0 : node.minimum * Math.max(1, shortest(node.node))
  }
}

const compile = (pattern: string): RegExp | undefined => {
  try {
    return new RegExp(pattern, "u")
  } catch {
    return undefined
  }
}

type Node =
  | { readonly _tag: "Characters"; readonly from: ReadonlyArray<string> }
  | { readonly _tag: "Sequence"; readonly nodes: ReadonlyArray<Node> }
  | { readonly _tag: "Choice"; readonly nodes: ReadonlyArray<Node> }
  | { readonly _tag: "Repeat"; readonly node: Node; readonly minimum: number; readonly maximum: number }

interface Cursor {
  readonly pattern: string
  readonly index: number
}

interface Parsed {
  readonly node: Node
  readonly index: number
}

const range = (from: string, to: string): ReadonlyArray<string> =>
  Array.from(
    { length: Math.max(0, to.charCodeAt(0) - from.charCodeAt(0) + 1) },
    (_, offset) => String.fromCharCode(from.charCodeAt(0) + offset)
  )

const digit = range("0", "9")
const letter = [...range("a", "z"), ...range("A", "Z")]
const printable = range(" ", "~")

const escaped = (char: string): ReadonlyArray<string> => {
  switch (char) {
    case "d":
      return digit
    case "w":
      return [...letter, ...digit, "_"]
    case "s":
      return [" "]
    case "D":
    case "S":
      return letter
    case "W":
      return ["-"]
    case "n":
      return ["\n"]
    case "t":
      return ["\t"]
    default:
      return [char]
  }
}

const alternatives = ({ index, pattern }: Cursor): Parsed => {
  const nodes: Array<Node> = []
  let at = index
  while (true) {
    const parsed = sequence({ pattern, index: at })
    nodes.push(parsed.node)
    at = parsed.index
    if (pattern[at] !== "|") break
    at++
  }
  return { node: { _tag: "Choice", nodes }, index: at }
}

const sequence = ({ index, pattern }: Cursor): Parsed => {
  const nodes: Array<Node> = []
  let at = index
  while (at < pattern.length && pattern[at] !== "|" && pattern[at] !== ")") {
    const parsed = quantified(pattern, atom({ pattern, index: at }))
    nodes.push(parsed.node)
    at = parsed.index
  }
  return { node: { _tag: "Sequence", nodes }, index: at }
}

const nothing: Node = { _tag: "Sequence", nodes: [] }

const atom = ({ index, pattern }: Cursor): Parsed => {
  const char = pattern.charAt(index)
  if (char === "^" || char === "$") return { node: nothing, index: index + 1 }
  if (char === ".") return { node: { _tag: "Characters", from: [...letter, ...digit] }, index: index + 1 }
  if (char === "[") return characterClass({ pattern, index })
  if (char === "\\") {
    const next = pattern.charAt(index + 1)
    // A word boundary takes no characters.
    const node: Node = next === "b" || next === "B" ? nothing : { _tag: "Characters", from: escaped(next) }
    return { node, index: index + 2 }
  }
  if (char === "(") {
    const opening = /^\((\?:|\?<[A-Za-z]\w*>|\?=|\?!|\?<=|\?<!)?/.exec(pattern.slice(index))?.[0] ?? "("
    const inner = alternatives({ pattern, index: index + opening.length })
    const looksAround = /^\(\?(=|!|<=|<!)/.test(opening)
    return { node: looksAround ? nothing : inner.node, index: inner.index + 1 }
  }
  return { node: { _tag: "Characters", from: [char] }, index: index + 1 }
}

const characterClass = ({ index, pattern }: Cursor): Parsed => {
  const negated = pattern[index + 1] === "^"
  let at = index + (negated ? 2 : 1)
  const from: Array<string> = []
  while (at < pattern.length && pattern[at] !== "]") {
    const char = pattern.charAt(at)
    if (char === "\\") {
      from.push(...escaped(pattern.charAt(at + 1)))
      at += 2
    } else if (pattern[at + 1] === "-" && pattern[at + 2] !== undefined && pattern[at + 2] !== "]") {
      from.push(...range(char, pattern.charAt(at + 2)))
      at += 3
    } else {
      from.push(char)
      at++
    }
  }
  return {
    node: { _tag: "Characters", from: negated ? printable.filter((char) => !from.includes(char)) : from },
    index: at + 1
  }
}

const quantified = (pattern: string, { index, node }: Parsed): Parsed => {
  const found = /^(?:([*+?])|\{(\d+)(,(\d*))?\})\??/.exec(pattern.slice(index))
  if (found === null) return { node, index }
  const [whole, sign, least, comma, most] = found
  const minimum = sign === undefined ? Number(least) : sign === "+" ? 1 : 0
  const open = sign === "*" || sign === "+" || (comma !== undefined && most === "")
  const maximum = sign === "?" ? 1 : open ? Infinity : comma === undefined ? minimum : Number(most)
  return { node: { _tag: "Repeat", node, minimum, maximum }, index: index + whole.length }
}

const write = (node: Node, draw: Draw.Draw, attempt: number): string => {
  switch (node._tag) {
    case "Characters":
      return Draw.pick(draw, node.from) ?? ""
    case "Sequence":
      return node.nodes.map((inner, index) => write(inner, Draw.child(draw, index), attempt)).join("")
    case "Choice":
      return write(Draw.pick(draw, node.nodes) ?? nothing, Draw.child(draw, "choice"), attempt)
    case "Repeat": {
      const most = Math.min(node.maximum, Math.max(node.minimum, 1) + 3 + attempt * 4)
      const count = Draw.integer(Draw.child(draw, "count"), node.minimum, most)
      return Array.from({ length: count }, (_, index) => write(node.node, Draw.child(draw, index), attempt)).join("")
    }
  }
}
