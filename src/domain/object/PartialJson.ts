/**
 * JSON that is still arriving, read as far as it goes.
 *
 * What has come stands in a tree whose open parts are known: the outermost down to the one that is being written. Texts are
 * there as far as they go, but do not end with half of a surrogate pair; unfinished keys, numbers and words are left out.
 *
 * @since 0.1.0
 */
import * as Surrogates from "../wire/Surrogates.ts"

/**
 * A part of the JSON. What is not open is complete.
 *
 * @since 0.1.0
 */
export type Node = ObjectNode | ListNode | TextNode | ScalarNode

/**
 * @since 0.1.0
 */
export interface ObjectNode {
  readonly _tag: "Object"
  readonly members: Map<string, Node>
  /** A key came twice; the later one counts. */
  isRepeated: boolean
  isOpen: boolean
}

/**
 * @since 0.1.0
 */
export interface ListNode {
  readonly _tag: "List"
  readonly items: Array<Node>
  isOpen: boolean
}

/**
 * @since 0.1.0
 */
export interface TextNode {
  readonly _tag: "Text"
  text: string
  isOpen: boolean
}

/**
 * A number, a boolean or `null`.
 *
 * @since 0.1.0
 */
export interface ScalarNode {
  readonly _tag: "Scalar"
  readonly value: number | boolean | null
  readonly isOpen: false
}

/**
 * Reads one JSON text in pieces.
 *
 * @since 0.1.0
 */
export interface PartialJson {
  /** Takes the next piece in. Its cost is that of the piece. */
  readonly push: (piece: string) => void
  /** What there is so far, or `undefined` before there is anything. It goes on growing. */
  readonly root: () => Node | undefined
  /** The value so far, or `undefined` before there is one. Its cost is that of the whole text. */
  readonly value: () => unknown
  /** How many characters have arrived. */
  readonly length: () => number
}

/** Where the next character belongs: to a value or its surroundings, a string, a number or word. */
type Place = "between" | "text" | "word"

const escapes: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" }

/**
 * Starts to read.
 *
 * With `isLenient` what stands before the first bracket is left out: a byte order mark, thoughts, a code fence, words.
 *
 * @since 0.1.0
 */
export const make = (options: { readonly isLenient?: boolean } = {}): PartialJson => {
  let length = 0
  let place: Place = "between"
  let root: Node | undefined
  /** The text is no JSON: what came before that stays. */
  let isBroken = false
  /** What came before the JSON, while it is not clear where that begins. */
  let before: string | undefined = options.isLenient === true ? "" : undefined
  /** The open objects and lists, innermost last. */
  const open: Array<ObjectNode | ListNode> = []
  /** The text that is being read; a key has no place in the tree. */
  let text: TextNode = { _tag: "Text", text: "", isOpen: true }
  let isKey = false
  let key: string | undefined
  /** True behind a value, where a comma or a bracket comes next. */
  let isFull = false
  let word = ""
  /** Hexadecimal digits of an escape sequence that are still to come; -1 right after the backslash. */
  let escape = 0
  let code = 0
  /** A first half of a surrogate pair. */
  let half = ""

  const add = (node: Node): void => {
    const parent = open.at(-1)
    if (parent === undefined) {
      if (root === undefined) root = node
      else isBroken = true
    } else if (parent._tag === "List") parent.items.push(node)
    else if (key === undefined) isBroken = true
    else {
      if (parent.members.has(key)) parent.isRepeated = true
      parent.members.set(key, node)
      key = undefined
    }
    isFull = node._tag === "Scalar"
  }

  const write = (chars: string): void => {
    if (half === "" && !Surrogates.isCut(chars)) {
      text.text += chars
      return
    }
    const all = half + chars
    half = Surrogates.isHigh(all.charCodeAt(all.length - 1)) ? all.slice(-1) : ""
    text.text += half === "" ? all : all.slice(0, -1)
  }

  const endWord = (): void => {
    try {
      const value: unknown = JSON.parse(word)
      if (value === null || typeof value === "number" || typeof value === "boolean") {
        add({ _tag: "Scalar", value, isOpen: false })
      } else isBroken = true
    } catch {
      isBroken = true
    }
    word = ""
    place = "between"
  }

  /** Reads a text from `at`; gives the place behind what it has read. */
  const inText = (piece: string, at: number): number => {
    const char = piece.charAt(at)
    if (escape === -1) {
      escape = char === "u" ? 4 : 0
      code = 0
      if (escape === 0) write(escapes[char] ?? char)
    } else if (escape > 0) {
      escape--
      code = code * 16 + Number.parseInt(char, 16)
      if (escape === 0) write(String.fromCharCode(code))
    } else if (char === "\\") escape = -1
    else if (char === "\"") {
      text.text += half
      half = ""
      text.isOpen = false
      place = "between"
      if (isKey) key = text.text
      else isFull = true
    } else {
      let end = at + 1
      for (let code = piece.charCodeAt(end); code !== quote && code !== backslash && end < piece.length;) {
        code = piece.charCodeAt(++end)
      }
      write(piece.slice(at, end))
      return end
    }
    return at + 1
  }

  const close = (tag: Node["_tag"]): void => {
    const closed = open.pop()
    if (closed?._tag !== tag || key !== undefined) isBroken = true
    else closed.isOpen = false
    isFull = true
  }

  const begin = (node: ObjectNode | ListNode): void => {
    add(node)
    if (!isBroken) open.push(node)
  }

  const between = (char: string): void => {
    switch (char) {
      case " ":
      case "\n":
      case "\r":
      case "\t":
      case ":":
        return
      case ",":
        isFull = false
        return
      case "}":
        return close("Object")
      case "]":
        return close("List")
    }
    if (isFull || root !== undefined && open.length === 0) {
      isBroken = true
      return
    }
    switch (char) {
      case "{":
        return begin({ _tag: "Object", members: new Map(), isRepeated: false, isOpen: true })
      case "[":
        return begin({ _tag: "List", items: [], isOpen: true })
      case "\"":
        isKey = open.at(-1)?._tag === "Object" && key === undefined
        text = { _tag: "Text", text: "", isOpen: true }
        place = "text"
        if (!isKey) add(text)
        return
      default:
        place = "word"
        word = char
    }
  }

  /** Reads on from `at`; gives the place behind what it has read. */
  const step = (piece: string, at: number): number => {
    if (place === "text") return inText(piece, at)
    const char = piece.charAt(at)
    if (place === "word" && !endsWord(char)) word += char
    else {
      if (place === "word") endWord()
      if (!isBroken) between(char)
    }
    return at + 1
  }

  const take = (piece: string): void => {
    let at = isBroken ? piece.length : 0
    while (at < piece.length) {
      at = step(piece, at)
      if (isBroken) return
    }
  }

  return {
    push: (piece) => {
      length += piece.length
      if (before === undefined) return take(piece)
      before += piece
      const start = startOf(before)
      if (start === undefined) return
      const rest = before.slice(start)
      before = undefined
      take(rest)
    },
    root: () => root,
    value: () => root === undefined ? undefined : toJson(root),
    length: () => length
  }
}

const quote = 34

const backslash = 92

const endsWord = (char: string): boolean => char <= " " || char === "," || char === "}" || char === "]" || char === ":"

/** Where the JSON begins, once that is clear. */
const startOf = (text: string): number | undefined => {
  const thoughts = /^\uFEFF?\s*<(think|thinking|thought|reasoning)>/.exec(text)
  const end = thoughts === null ? 0 : text.indexOf(`</${thoughts[1]}>`)
  // Thoughts may have brackets too.
  if (end === -1 || thoughts === null && /^\uFEFF?\s*<\w{0,9}$/.test(text)) return undefined
  const start = text.slice(end).search(/[{[]/)
  return start === -1 ? undefined : end + start
}

/**
 * The JSON of a part, as far as it goes.
 *
 * @since 0.1.0
 */
export const toJson = (node: Node): unknown => {
  switch (node._tag) {
    case "Object":
      return Object.fromEntries(Array.from(node.members, ([key, member]) => [key, toJson(member)]))
    case "List":
      return node.items.map(toJson)
    case "Text":
      return node.text
    case "Scalar":
      return node.value
  }
}
