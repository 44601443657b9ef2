/**
 * What a schema's checks say about the JSON of a part: in keywords of JSON Schema, and in words for the model where no
 * keyword may be used.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import type * as SchemaAST from "effect/SchemaAST"
import * as Wire from "../wire/Wire.ts"

/**
 * One thing that a value has to keep to.
 *
 * @since 0.1.0
 */
export interface Constraint {
  /** In JSON Schema; empty if it cannot be said there. */
  readonly keywords: Wire.JsonObject
  /** In words. */
  readonly words: string | undefined
  /** True if something better may be known. */
  readonly isGuess?: boolean
}

/**
 * What the checks of a part say. `type` is that of its JSON; without one the checks are about a value that is made of the
 * JSON, so that only words are left.
 *
 * @since 0.1.0
 */
export const ofChecks = (
  checks: SchemaAST.Checks | undefined,
  type: "string" | "number" | "array" | "object" | undefined
): ReadonlyArray<Constraint> => checks?.flatMap((check) => ofCheck(check, type)) ?? []

type Check = SchemaAST.Checks[number]

const ofCheck = (check: Check, type: Parameters<typeof ofChecks>[1]): ReadonlyArray<Constraint> => {
  if (check._tag === "FilterGroup" && check.annotations?.toJsonSchema === undefined) {
    return check.checks.flatMap((inner) => ofCheck(inner, type))
  }
  const words = wordsOf(check)
  if (type === undefined) return words === undefined ? [] : [{ keywords: {}, words }]
  const keywords = flat(keywordsOf(check, type))
  return words === undefined && Object.keys(keywords).length === 0 ? [] : [{ keywords, words }]
}

/** The model is told a number's kind by its type. */
const untold = ["effect/schema/isFinite", "effect/schema/isInt"]

const wordsOf = ({ annotations }: Check): string | undefined => {
  const { expected, representation } = annotations ?? {}
  return representation !== undefined && untold.includes(representation.id) ? undefined : expected
}

const keywordsOf = (check: Check, type: "string" | "number" | "array" | "object"): Wire.JsonObject => {
  const { representation, toJsonSchema } = check.annotations ?? {}
  // Not with the bounds of what is exact in JavaScript, which tell a model nothing.
  if (representation?.id === "effect/schema/isInt") return { type: "integer" }
  const made: unknown = toJsonSchema?.({ type, schemas: [] })
  const fragment = Array.isArray(made) ? made[0] : made
  if (Wire.isJsonObject(fragment) && Object.keys(fragment).length > 0) return fragment
  // Effect gives a pattern only of expressions with the flag `u`, because others may mean something else there.
  const payload: unknown = representation?.id === "effect/schema/isPattern" ? representation.payload : undefined
  if (!Wire.isJsonObject(payload) || typeof payload["source"] !== "string" || payload["flags"] !== "") return {}
  return isUnicode(payload["source"]) ? { pattern: payload["source"] } : {}
}

const isUnicode = (source: string): boolean => {
  try {
    return new RegExp(source, "u").source === source
  } catch {
    return false
  }
}

/** Keywords of `allOf` beside the others, as far as they differ. */
const flat = ({ allOf, ...keywords }: Wire.JsonObject): Wire.JsonObject =>
  Array.isArray(allOf) ? Object.assign({}, ...allOf.filter(Wire.isJsonObject).map(flat), keywords) : keywords

/**
 * True if some keyword says more of a text than that it is one.
 *
 * @since 0.1.0
 */
export const sayMore = (constraints: ReadonlyArray<Constraint>): boolean =>
  constraints.some(({ keywords }) => Object.keys(keywords).length > 0)

/**
 * All keywords of some constraints that `isAllowed`, and in words what is not in them.
 *
 * Bounds are the tightest of all. Of several patterns the first is a keyword, because no keyword holds two.
 *
 * @since 0.1.0
 */
export const merged = (
  constraints: ReadonlyArray<Constraint>,
  isAllowed: (keyword: string, value: unknown) => boolean
): { readonly keywords: Wire.JsonObject; readonly words: ReadonlyArray<string> } => {
  const keywords: Record<string, unknown> = {}
  const words: Array<string> = []
  for (const constraint of constraints) {
    const own = Object.entries(constraint.keywords)
    let isSaid = own.length > 0
    for (const [keyword, value] of own) {
      const known = keywords[keyword]
      const kept = isAllowed(keyword, value) ? tightest(keyword, known, value) : undefined
      if (kept === undefined) isSaid = false
      else keywords[keyword] = kept
    }
    if (!isSaid && constraint.words !== undefined) words.push(constraint.words)
  }
  return { keywords, words }
}

/** What holds for both, or `undefined` if no keyword says it. */
const tightest = (keyword: string, known: unknown, value: unknown): unknown => {
  if (known === undefined || known === value) return value
  if (!Predicate.isNumber(known) || !Predicate.isNumber(value)) return undefined
  if (/^(?:exclusiveM|m)in/.test(keyword)) return Math.max(known, value)
  return /^(?:exclusiveM|m)ax/.test(keyword) ? Math.min(known, value) : undefined
}
