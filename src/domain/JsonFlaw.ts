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
export const find = (value: unknown): JsonFlaw | undefined => search(value, [], new Set())

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
  const json = raw(value)
  for (const [key, member] of Object.entries(typeof json === "object" && json !== null ? json : value)) {
    const flaw = search(key, path, around) ??
      search(member, [...path, Array.isArray(value) ? Number(key) : key], around)
    if (flaw !== undefined) return flaw
  }
  around.delete(value)
  return undefined
}
