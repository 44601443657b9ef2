/**
 * Where a value is no JSON, and why.
 *
 * Only values that could not be written are looked through, so it may take its time.
 *
 * @since 0.1.0
 */
import { raw } from "./Raw.ts"

/**
 * What keeps a value from being JSON, and where, such as `tools[7].parameters.maximum`.
 *
 * @since 0.1.0
 */
export interface JsonFlaw {
  readonly path: ReadonlyArray<PropertyKey>
  readonly problem: string
}

/**
 * The first flaw of a value; `undefined` if it is JSON.
 *
 * Of a value that was decoded it looks at the JSON that it came from, because that is what is sent.
 *
 * @since 0.1.0
 */
export const find = (value: unknown): JsonFlaw | undefined => {
  try {
    return search(value, [], new Set())
  } catch {
    return { path: [], problem: "cannot be written as JSON: it is nested too deeply, or a part of it throws" }
  }
}

const search = (value: unknown, path: ReadonlyArray<PropertyKey>, around: Set<object>): JsonFlaw | undefined => {
  switch (typeof value) {
    case "bigint":
      return { path, problem: "is a BigInt, which JSON cannot hold; use a number or text" }
    case "number":
      return Number.isFinite(value) ? undefined : { path, problem: `is ${value}, a number that JSON cannot hold` }
    case "string":
      return !/\p{Surrogate}/u.test(value) ? undefined : {
        path,
        problem:
          "has half of a surrogate pair, which is no valid text; cut texts between characters or use toWellFormed()"
      }
    case "object":
      return value === null ? undefined : searchInside(value, path, around)
    default:
      return undefined
  }
}

const searchInside = (value: object, path: ReadonlyArray<PropertyKey>, around: Set<object>): JsonFlaw | undefined => {
  if (around.has(value)) return { path, problem: "contains itself, which JSON cannot hold" }
  around.add(value)
  const sent = sentOf(value)
  if (typeof sent !== "object" || sent === null) return search(sent, path, around)
  for (const [key, member] of Object.entries(sent)) {
    const place = Array.isArray(sent) ? Number(key) : key
    const flaw = search(key, path, around) ?? search(member, [...path, place], around)
    if (flaw !== undefined) return flaw
  }
  around.delete(value)
  return undefined
}

/** What `JSON.stringify` would write. */
const sentOf = (value: object): unknown => {
  const json = raw(value)
  if (json !== undefined) return json
  return "toJSON" in value && typeof value.toJSON === "function" ? value.toJSON() : value
}
