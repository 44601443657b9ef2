/**
 * Where a value is no JSON, and why: also where JSON would leave a part of it out without a word.
 *
 * {@link losesNothing} is quick, for every request; {@link find} takes its time, for those that are not sent.
 *
 * @since 0.1.0
 */
import { raw } from "./Json.ts"

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
  const path: Array<PropertyKey> = []
  try {
    const problem = problemOf(value, path, new Set())
    return problem === undefined ? undefined : { path, problem }
  } catch (cause) {
    return cause instanceof RangeError
      ? { path: [], problem: "cannot be written as JSON: it is nested too deeply" }
      : { path, problem: "cannot be read: it throws" }
  }
}

/**
 * True if `JSON.stringify`, which accepted the value, left out no part of it and wrote no number as `null`.
 *
 * @since 0.1.0
 */
export const losesNothing = (value: unknown): boolean => {
  if (typeof value === "number") return Number.isFinite(value)
  if (typeof value !== "object" || value === null) return typeof value !== "function" && typeof value !== "symbol"
  if (Array.isArray(value)) {
    for (const element of value) if (element === undefined || !losesNothing(element)) return false
    return true
  }
  if (value instanceof Map || value instanceof Set) return false
  if ("toJSON" in value) return true
  for (const member of Object.values(value)) if (!losesNothing(member)) return false
  return true
}

/** The first problem; then `path` leads to it. */
const problemOf = (value: unknown, path: Array<PropertyKey>, around: Set<object>): string | undefined => {
  switch (typeof value) {
    case "bigint":
      return "is a BigInt, which JSON cannot hold; use a number or text"
    case "number":
      return Number.isFinite(value) ? undefined : `is ${value}, a number that JSON cannot hold`
    case "string":
      return /\p{Surrogate}/u.test(value)
        ? "has half of a surrogate pair, which is no valid text; cut texts between characters or use toWellFormed()"
        : undefined
    case "function":
    case "symbol":
      return `is a ${typeof value}, which JSON would leave out`
    case "object":
      return value === null ? undefined : problemInside(value, path, around)
    default:
      return undefined
  }
}

const problemInside = (value: object, path: Array<PropertyKey>, around: Set<object>): string | undefined => {
  if (around.has(value)) return "contains itself, which JSON cannot hold"
  if (value instanceof Map || value instanceof Set) {
    return "is a Map or a Set, of which JSON would hold nothing; use an object or an array"
  }
  const sent = sentOf(value)
  if (typeof sent !== "object" || sent === null) return problemOf(sent, path, around)
  around.add(value)
  for (const key of Object.keys(sent)) {
    const keyProblem = problemOf(key, path, around)
    if (keyProblem !== undefined) return keyProblem
    path.push(Array.isArray(sent) ? Number(key) : key)
    const member: unknown = Reflect.get(sent, key)
    const problem = member === undefined && Array.isArray(sent)
      ? "is undefined, which JSON would write as null"
      : problemOf(member, path, around)
    if (problem !== undefined) return problem
    path.pop()
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
