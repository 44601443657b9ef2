/**
 * Text that is nearly JSON: JSON in a code fence or between words, behind a block of thoughts or a byte order mark, with a
 * comma too many or a line break within a text.
 *
 * Only what leaves no doubt is repaired, and everything is told. What was cut off is not completed, quotes are not guessed.
 *
 * @since 0.1.0
 */
import type { Repair } from "./Repair.ts"

/**
 * JSON that was found in a text, and what was done to read it.
 *
 * @since 0.1.0
 */
export interface Found {
  readonly text: string
  readonly json: unknown
  readonly repairs: ReadonlyArray<Repair>
}

/** So many places of a text are looked at. */
const maxPlaces = 16

/**
 * The JSON values that a text may mean, the likeliest first.
 *
 * @since 0.1.0
 */
export function* find(text: string): Generator<Found> {
  const repairs: Array<Repair> = []
  let rest = text
  if (rest.startsWith(byteOrderMark)) {
    rest = rest.slice(1)
    repairs.push({ _tag: "ByteOrderMark" })
  }
  const answer = withoutThoughts(rest)
  // Behind thoughts that do not end there is no answer, whatever is in them.
  if (answer === undefined) return
  if (answer !== rest) repairs.push({ _tag: "ThinkBlock" })
  yield* read(answer, repairs)
  const trimmed = answer.trim()
  let places = 0
  for (const [whole, inner = ""] of answer.matchAll(fences)) {
    if (places++ === maxPlaces) break
    const isAlone = whole.trim() === trimmed
    yield* read(inner, [...repairs, { _tag: "CodeFence" }, ...(isAlone ? [] : around)])
  }
  // With two values nobody knows which is meant; the schema may.
  for (const span of spans(answer)) yield* read(span, [...repairs, ...around])
}

const byteOrderMark = "\uFEFF"

const around: ReadonlyArray<Repair> = [{ _tag: "SurroundingText" }]

/** A fence that is not closed reaches to the end. */
const fences = /```[^\S\n]*[\w-]*[^\S\n]*\n([^]*?)(?:\n[^\S\n]*```|$)/g

/** Some templates show only the end of the thoughts. */
const withoutThoughts = (text: string): string | undefined => {
  const block = /^\s*<(think|thinking|thought|reasoning)>/.exec(text)
  if (block !== null) {
    const end = text.indexOf(`</${block[1]}>`)
    return end === -1 ? undefined : withoutThoughts(text.slice(end + `</${block[1]}>`.length))
  }
  const end = /^[^{["]*?<\/think>/.exec(text)
  return end === null ? text : text.slice(end[0].length)
}

function* read(text: string, repairs: ReadonlyArray<Repair>): Generator<Found> {
  const plain = parsed(text)
  if (plain !== undefined) return yield { text, json: plain.json, repairs }
  const mended = mend(text)
  const json = mended.repairs.length === 0 ? undefined : parsed(mended.text)
  if (json !== undefined) yield { text: mended.text, json: json.json, repairs: [...repairs, ...mended.repairs] }
}

const parsed = (text: string): { readonly json: unknown } | undefined => {
  try {
    return { json: JSON.parse(text) }
  } catch {
    return undefined
  }
}

/** Objects and lists in a text, outermost only, each to the bracket that closes it. */
function* spans(text: string): Generator<string> {
  let at = 0
  for (let places = 0; places < maxPlaces; places++) {
    const start = at + text.slice(at).search(/[{[]/)
    if (start < at) return
    const end = endOf(text, start)
    if (end !== undefined) yield text.slice(start, end)
    at = end ?? start + 1
  }
}

/** Behind the bracket that closes the one at `start`. */
const endOf = (text: string, start: number): number | undefined => {
  const closers: Array<string> = []
  let isText = false
  for (let at = start; at < text.length; at++) {
    const char = text.charAt(at)
    if (isText) {
      if (char === "\\") at++
      else if (char === "\"") isText = false
    } else if (char === "\"") isText = true
    else if (char === "{" || char === "[") closers.push(char === "{" ? "}" : "]")
    else if (char === "}" || char === "]") {
      if (closers.pop() !== char) return undefined
      if (closers.length === 0) return at + 1
    }
  }
  return undefined
}

/** Leaves out commas before a closing bracket, and writes control characters within texts as escapes. */
const mend = (text: string): { readonly text: string; readonly repairs: ReadonlyArray<Repair> } => {
  let made = ""
  let kept = 0
  let isText = false
  let hasComma = false
  let hasControl = false
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at)
    if (!isText) {
      if (char === "\"") isText = true
      else if (char === "," && /^,\s*[}\]]/.test(text.slice(at, at + maxSpace))) {
        made += text.slice(kept, at)
        kept = at + 1
        hasComma = true
      }
    } else if (char === "\\") at++
    else if (char === "\"") isText = false
    else if (char < " ") {
      made += `${text.slice(kept, at)}\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`
      kept = at + 1
      hasControl = true
    }
  }
  return {
    text: made + text.slice(kept),
    repairs: [
      ...(hasComma ? [{ _tag: "TrailingComma" } as const] : []),
      ...(hasControl ? [{ _tag: "ControlCharacter" } as const] : [])
    ]
  }
}

/** Characters between a comma and a bracket. */
const maxSpace = 200
