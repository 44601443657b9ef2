/**
 * Random changes of texts that are JSON, or streams of it. The same seed makes the same changes.
 */

/** Numbers from 0 up to 1. */
export type Random = () => number

/** Mulberry32. */
export const random = (seed: number): Random => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

export const below = (random: Random, limit: number): number => Math.floor(random() * limit)

export const pick = <A>(random: Random, values: ReadonlyArray<A>, otherwise: A): A =>
  values[below(random, values.length)] ?? otherwise

/** One case: the changed text, and what was done to it. */
export interface Mutation {
  readonly kind: string
  readonly text: string
}

const depth = 10_000

/** Values that JSON may have, but nobody expects; as JSON text. */
const surprises: ReadonlyArray<readonly [kind: string, json: string]> = [
  ["null", "null"],
  ["true", "true"],
  ["text", "\"surprise\""],
  ["empty text", "\"\""],
  ["zero", "0"],
  ["minus zero", "-0"],
  ["fraction", "0.1"],
  ["negative", "-1"],
  ["huge", "1e308"],
  ["infinite", "1e999"],
  ["tiny", "5e-324"],
  ["unsafe", "9007199254740993"],
  ["many digits", `0.${"3".repeat(400)}`],
  ["as text", "\"12.5\""],
  ["NaN as text", "\"NaN\""],
  ["list", "[]"],
  ["object", "{}"],
  ["list of nulls", "[null,null]"],
  ["nested", "{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":5}]}"],
  ["deep list", "[".repeat(depth) + "]".repeat(depth)],
  ["deep object", "{\"a\":".repeat(depth) + "1" + "}".repeat(depth)],
  ["deep content", "{\"type\":\"message\",\"content\":[".repeat(2000) + "]}".repeat(2000)],
  ["long text", `"${"x".repeat(100_000)}"`],
  ["long key", `{"${"k".repeat(100_000)}":1}`],
  ["prototype", "{\"__proto__\":{\"polluted\":true},\"constructor\":{\"prototype\":{\"polluted\":true}}}"],
  ["half a pair", "\"\\ud83c\""],
  ["control characters", "\"\\u0000\\u001b\\u2028\""]
]

const literals = ["NaN", "Infinity", "-Infinity", "undefined", "01", "1.", "'x'", "{a:1}", "[1,]", "\u0000", ""]

const names = ["__proto__", "constructor", "toString", "type", "id", "", "output", "error", "status", "hasOwnProperty"]

const json = (text: string): { readonly value: unknown } | undefined => {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return undefined
  }
}

/** Where a value stands in its parents. */
type Path = ReadonlyArray<string | number>

const isObject = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const paths = (value: unknown, path: Path, into: Array<Path>): Array<Path> => {
  into.push(path)
  if (into.length > 2000) return into
  if (Array.isArray(value)) { for (const [index, one] of value.entries()) paths(one, [...path, index], into) }
  else if (isObject(value)) { for (const [key, one] of Object.entries(value)) paths(one, [...path, key], into) }
  return into
}

const marker = "\u0001here\u0001"

/** The value with another one at a place; undefined removes it. */
const replaced = (value: unknown, path: Path, change: (value: unknown) => unknown): unknown => {
  const [head, ...rest] = path
  if (head === undefined) return change(value)
  if (Array.isArray(value)) {
    return value.flatMap((one: unknown, index) => {
      const next = index === head ? replaced(one, rest, change) : one
      return next === undefined ? [] : [next]
    })
  }
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, key === head ? replaced(one, rest, change) : one])
  )
}

/** Changes a value somewhere inside of a JSON text. */
const inside = (random: Random, text: string): Mutation | undefined => {
  const parsed = json(text)
  if (parsed === undefined) return undefined
  const path = pick(random, paths(parsed.value, [], []), [])
  const at = `at ${path.join(".")}`
  const written = (value: unknown) => JSON.stringify(value) ?? ""
  switch (below(random, 6)) {
    case 0:
      return { kind: `removed ${at}`, text: written(replaced(parsed.value, path, () => undefined)) }
    case 1: {
      const [other] = [pick(random, paths(parsed.value, [], []), [])]
      let found: unknown
      replaced(parsed.value, other, (value) => found = value)
      return { kind: `copied ${other.join(".")} ${at}`, text: written(replaced(parsed.value, path, () => found)) }
    }
    case 2: {
      const name = pick(random, names, "type")
      const [kind, surprise] = pick(random, surprises, ["null", "null"])
      const changed = replaced(parsed.value, path, (value) => isObject(value) ? { ...value, [marker]: 0 } : value)
      const member = `${JSON.stringify(name)}:${surprise}`
      return {
        kind: `${name}: ${kind} ${at}`,
        text: written(changed).replace(`${JSON.stringify(marker)}:0`, () => member)
      }
    }
    case 3: {
      const changed = replaced(parsed.value, path, (value) => Array.isArray(value) ? [...value, ...value, null] : value)
      return { kind: `doubled ${at}`, text: written(changed) }
    }
    default: {
      const [kind, surprise] = pick(random, surprises, ["null", "null"])
      const changed = written(replaced(parsed.value, path, () => marker))
      return { kind: `${kind} ${at}`, text: changed.replace(JSON.stringify(marker), () => surprise) }
    }
  }
}

/** Changes the characters of a text, JSON or not. */
const outside = (random: Random, text: string): Mutation => {
  const at = below(random, text.length + 1)
  switch (below(random, 7)) {
    case 0:
      return { kind: `cut at ${at}`, text: text.slice(0, at) }
    case 1:
      return { kind: `cut before ${at}`, text: text.slice(at) }
    case 2: {
      const code = text.charCodeAt(at) ^ (1 << below(random, 7))
      return { kind: `flipped at ${at}`, text: text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1) }
    }
    case 3: {
      const part = text.slice(at, at + below(random, 200))
      return { kind: `repeated at ${at}`, text: text.slice(0, at) + part + text.slice(at) }
    }
    case 4: {
      const literal = pick(random, literals, "")
      return {
        kind: `${JSON.stringify(literal)} for a value`,
        text: text.replace(/:\s*("[^"]*"|[\d.]+)/, () => `:${literal}`)
      }
    }
    case 5:
      return { kind: `nothing left from ${at}`, text: text.slice(0, at) + text.slice(at + below(random, 100)) }
    default:
      return {
        kind: "surrounded",
        text: `${pick(random, ["\uFEFF", "   \n", "data: ", ")]}',\n", "[", "<html>"], "")}${text}`
      }
  }
}

/** Changes a JSON text, mostly in one place. */
export const mutate = (random: Random, text: string): Mutation => {
  const first = random() < 0.7 ? inside(random, text) ?? outside(random, text) : outside(random, text)
  if (random() > 0.2 || first.text.length > 1_000_000) return first
  const second = outside(random, first.text)
  return { kind: `${first.kind}; ${second.kind}`, text: second.text }
}

/** Changes a stream: one of its events, their order, or its bytes. */
export const mutateStream = (random: Random, text: string): Mutation => {
  const blocks = text.split("\n\n")
  const at = below(random, blocks.length)
  const other = below(random, blocks.length)
  const block = blocks[at] ?? ""
  const withBlocks = (kind: string, changed: ReadonlyArray<string>): Mutation => ({ kind, text: changed.join("\n\n") })
  switch (below(random, 10)) {
    case 0:
      return withBlocks(`without block ${at}`, blocks.toSpliced(at, 1))
    case 1:
      return withBlocks(`block ${at} also at ${other}`, blocks.toSpliced(other, 0, block))
    case 2:
      return withBlocks(`block ${at} moved to ${other}`, blocks.toSpliced(at, 1).toSpliced(other, 0, block))
    case 3:
      return outside(random, text)
    case 4: {
      const line = pick(random, [
        "retry: -1",
        "retry: 1e9",
        "id: \u0000",
        "event: error",
        ":",
        "data",
        "data:",
        "data: null",
        "data: []",
        "data: {}",
        "data: {\"type\":\"error\"}",
        "data: {\"error\":{}}",
        "\uFEFF"
      ], ":")
      return withBlocks(`${line} at ${at}`, blocks.toSpliced(at, 0, line))
    }
    case 5:
      return { kind: "other newlines", text: text.replaceAll("\n", pick(random, ["\r", "\r\n", "\n\r"], "\r")) }
    default: {
      const changed = mutate(random, block.replace(/^data: /, ""))
      return withBlocks(`block ${at}: ${changed.kind}`, blocks.toSpliced(at, 1, `data: ${changed.text}`))
    }
  }
}
