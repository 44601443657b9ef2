/**
 * JSON that satisfies a JSON Schema: what an emulated model answers to `text.format: json_schema` and puts into the
 * arguments of a function call.
 *
 * Understands `type` (also a list), `properties`, `required`, `additionalProperties`, `items`, `prefixItems`, `enum`,
 * `const`, `anyOf`, `oneOf`, `allOf`, `$ref` into `$defs` or `definitions`, the limits of numbers, strings, arrays and
 * objects, the common `format`s and simple `pattern`s, and for texts what a `description` says of them. Anything else is
 * ignored.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import * as Draw from "./Draw.ts"
import * as Pattern from "./Pattern.ts"
import * as Hint from "./SchemaHint.ts"
import * as Text from "./Text.ts"

/**
 * A JSON Schema, as it came.
 *
 * @since 0.1.0
 */
export interface JsonSchema {
  readonly [keyword: PropertyKey]: unknown
}

/** Below this depth only what the schema demands is generated, so that recursive schemas end. */
const leafDepth = 4

/** A schema which demands infinite recursion is cut here. */
const maximumDepth = 64

/** A model ends somewhere: what demands more items or members, or more characters of a text, gets so many. */
const mostItems = 10_000
const mostCharacters = 100_000

/**
 * A value that satisfies `schema`, the same for the same draw.
 *
 * What demands more than 10,000 items or members in one place, or 100,000 characters, gets that many. A schema that nothing can satisfy (an unknown `$ref`, endless recursion) gives `null` at that place.
 *
 * @since 0.1.0
 */
export const generate = (schema: unknown, draw: Draw.Draw): Schema.Json =>
  value(schema, draw, { root: schema, depth: 0 })

interface Position {
  readonly root: unknown
  readonly depth: number
  /** The name of the member that the value is for. */
  readonly name?: string | undefined
}

const value = (input: unknown, draw: Draw.Draw, at: Position): Schema.Json => {
  if (at.depth > maximumDepth) return null
  const schema = flatten(input, at.root, 0)
  if (schema === undefined) return Text.word(draw)
  if ("const" in schema) return fromUnknown(schema["const"])
  const choices = list(schema["enum"])
  if (choices !== undefined) return fromUnknown(Draw.pick(draw, choices))
  const branches = list(schema["anyOf"]) ?? list(schema["oneOf"])
  if (branches !== undefined) {
    const { anyOf: _, oneOf: __, ...rest } = schema
    const index = branchIndex(branches, draw, at)
    return value({ allOf: [rest, branches[index]] }, Draw.child(draw, "branch"), { ...at, depth: at.depth + 1 })
  }
  switch (typeOf(schema, draw, at)) {
    case "null":
      return null
    case "boolean":
      return Draw.integer(draw, 0, 1) === 1
    case "integer":
      return numeric(schema, draw, 1)
    case "number":
      return numeric(schema, draw, 0.01)
    case "array":
      return array(schema, draw, at)
    case "object":
      return object(schema, draw, at)
    default:
      return text(schema, draw, at.name)
  }
}

/**
 * Follows `$ref` and merges `allOf`; `undefined` for a schema that says nothing at all.
 *
 * @since 0.1.0
 */
export const flatten = (input: unknown, root: unknown, steps: number): JsonSchema | undefined => {
  if (!Predicate.isObject(input) || steps > maximumDepth) return undefined
  const reference = input["$ref"]
  if (typeof reference === "string") {
    const { $ref: _, ...rest } = input
    return merge(flatten(resolve(reference, root), root, steps + 1) ?? {}, rest)
  }
  const parts = list(input["allOf"])
  if (parts === undefined) return input
  const { allOf: _, ...rest } = input
  return parts.reduce<JsonSchema>((merged, part) => merge(merged, flatten(part, root, steps + 1) ?? {}), rest)
}

const resolve = (reference: string, root: unknown): unknown =>
  reference.replace(/^#\/?/, "").split("/").filter((part) => part !== "").reduce<unknown>((found, part) => {
    const key = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~")
    return Predicate.isObject(found) ? found[key] : undefined
  }, root)

const merge = (a: JsonSchema, b: JsonSchema): JsonSchema => {
  const merged: { [keyword: PropertyKey]: unknown } = { ...a, ...b }
  if (Predicate.isObject(a["properties"]) && Predicate.isObject(b["properties"])) {
    merged["properties"] = { ...a["properties"], ...b["properties"] }
  }
  const required = [...list(a["required"]) ?? [], ...list(b["required"]) ?? []]
  if (required.length > 0) merged["required"] = required
  for (const keyword of ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"]) {
    const limits = [number(a[keyword]), number(b[keyword])].filter(Predicate.isNotUndefined)
    if (limits.length > 0) merged[keyword] = Math.max(...limits)
  }
  for (const keyword of ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"]) {
    const limits = [number(a[keyword]), number(b[keyword])].filter(Predicate.isNotUndefined)
    if (limits.length > 0) merged[keyword] = Math.min(...limits)
  }
  return merged
}

const branchIndex = (branches: ReadonlyArray<unknown>, draw: Draw.Draw, at: Position): number => {
  if (at.depth < leafDepth) return Draw.integer(draw, 0, branches.length - 1)
  const weights = branches.map((branch) => weight(branch))
  return weights.indexOf(Math.min(...weights))
}

/** How deep a branch is likely to grow: used to choose the one which ends soonest. */
const weight = (branch: unknown): number => {
  if (!Predicate.isObject(branch)) return 0
  if (branch["type"] === "null") return 0
  if (branch["$ref"] !== undefined) return 4
  const required = list(branch["required"])
  if (branch["type"] === "object" || branch["properties"] !== undefined) {
    return required === undefined || required.length === 0 ? 2 : 3
  }
  return branch["type"] === "array" ? 2 : 1
}

const typeOf = (schema: JsonSchema, draw: Draw.Draw, at: Position): unknown => {
  const types = list(schema["type"])
  if (types !== undefined) {
    if (at.depth >= leafDepth && types.includes("null")) return "null"
    return Draw.pick(Draw.child(draw, "type"), types)
  }
  if (schema["type"] !== undefined) return schema["type"]
  if (schema["properties"] !== undefined || schema["required"] !== undefined) return "object"
  if (schema["items"] !== undefined || schema["prefixItems"] !== undefined) return "array"
  if (schema["minimum"] !== undefined || schema["maximum"] !== undefined) return "number"
  return "string"
}

const numeric = (schema: JsonSchema, draw: Draw.Draw, unit: number): number => {
  const step = number(schema["multipleOf"]) ?? unit
  const exclusiveMinimum = number(schema["exclusiveMinimum"])
  const exclusiveMaximum = number(schema["exclusiveMaximum"])
  const low = Math.max(
    number(schema["minimum"]) ?? -Infinity,
    exclusiveMinimum ?? -Infinity
  )
  const high = Math.min(number(schema["maximum"]) ?? Infinity, exclusiveMaximum ?? Infinity)
  const from = low !== -Infinity ? low : high === Infinity || high >= 0 ? Math.min(0, high) : high - 100
  const to = high !== Infinity ? high : from + 100
  let first = Math.ceil(from / step)
  let last = Math.floor(to / step)
  if (exclusiveMinimum !== undefined && first * step <= exclusiveMinimum) first++
  if (exclusiveMaximum !== undefined && last * step >= exclusiveMaximum) last--
  // A range narrower than one step: its middle is the only candidate that needs no finer grid.
  if (first > last) return (from + to) / 2
  const result = Draw.integer(draw, first, last) * step
  return Number.isInteger(step) ? result : Number(result.toFixed(8))
}

const array = (schema: JsonSchema, draw: Draw.Draw, at: Position): Schema.Json => {
  const minimum = Math.min(number(schema["minItems"]) ?? 0, mostItems)
  const prefix = list(schema["prefixItems"]) ?? []
  const closed = schema["items"] === false || (prefix.length > 0 && schema["items"] === undefined)
  const maximum = Math.min(number(schema["maxItems"]) ?? Infinity, closed ? prefix.length : Infinity)
  const generous = Math.min(maximum, Math.max(minimum, prefix.length, 3))
  const least = Math.min(maximum, Math.max(minimum, prefix.length))
  const length = at.depth >= leafDepth
    ? least
    : Draw.integer(Draw.child(draw, "length"), Math.max(least, Math.min(1, generous)), generous)
  return Array.from(
    { length },
    (_, index) => value(prefix[index] ?? schema["items"], Draw.child(draw, index), { ...at, depth: at.depth + 1 })
  )
}

const object = (schema: JsonSchema, draw: Draw.Draw, at: Position): Schema.Json => {
  const properties = Predicate.isObject(schema["properties"]) ? schema["properties"] : {}
  const required = list(schema["required"]) ?? []
  const entries: Array<readonly [string, Schema.Json]> = []
  const inner: Position = { ...at, depth: at.depth + 1 }
  for (const [key, property] of Object.entries(properties)) {
    const here = Draw.child(draw, key)
    const wanted = required.includes(key) || (at.depth < leafDepth && Draw.integer(Draw.child(here, "?"), 0, 1) === 1)
    if (wanted) entries.push([key, value(property, here, { ...inner, name: key })])
  }
  const open = schema["additionalProperties"]
  const minimum = Math.min(number(schema["minProperties"]) ?? 0, mostItems)
  if (Predicate.isObject(open) || (open !== false && entries.length < minimum)) {
    const count = Math.max(minimum, at.depth < leafDepth ? 2 : 0) - entries.length
    for (let index = 0; index < count; index++) {
      const here = Draw.child(draw, `+${index}`)
      entries.push([`${Text.word(here)}${index}`, value(open, here, inner)])
    }
  }
  return Object.fromEntries(entries)
}

const text = (schema: JsonSchema, draw: Draw.Draw, name: string | undefined): string => {
  const { description, format, pattern } = schema
  const limits = Hint.lengthIn(description, {
    minimum: number(schema["minLength"]) ?? 0,
    maximum: number(schema["maxLength"]) ?? Infinity
  })
  const { maximum } = limits
  const minimum = Math.min(limits.minimum, mostCharacters)
  const found = (typeof pattern === "string" ? Pattern.generate(pattern, draw, limits) : undefined) ??
    (typeof format === "string" ? Hint.formatted(format, draw) : undefined) ??
    (pattern === undefined ? Hint.hinted(description, name, draw, limits) : undefined)
  if (found !== undefined) return found
  let result = Text.sentence(draw)
  for (let index = 0; result.length < minimum; index++) result += ` ${Text.sentence(Draw.child(draw, index))}`
  // Trimming can only follow the cut when enough characters stay.
  const cut = result.slice(0, maximum)
  const trimmed = cut.trim()
  return trimmed.length >= minimum ? trimmed : cut
}

const list = (u: unknown): ReadonlyArray<unknown> | undefined => Array.isArray(u) && u.length > 0 ? u : undefined

const number = (u: unknown): number | undefined => typeof u === "number" && Number.isFinite(u) ? u : undefined

const fromUnknown = (u: unknown): Schema.Json => {
  if (u === null || typeof u === "string" || typeof u === "number" || typeof u === "boolean") return u
  if (Array.isArray(u)) return u.map(fromUnknown)
  if (!Predicate.isObject(u)) return null
  return Object.fromEntries(Object.entries(u).map(([key, inner]) => [key, fromUnknown(inner)]))
}
