/**
 * What the JSON of a schema looks like, part by part: the one description from which the JSON Schema of a request, the
 * reading and writing of its answer, and the partial values of a stream are made.
 *
 * A shape is about the JSON of a part, and knows the part of the schema that it is of, with what it says on either side of
 * a transformation.
 *
 * @since 0.1.0
 */
import type * as SchemaAST from "effect/SchemaAST"
import type { Constraint } from "./Constraint.ts"

/**
 * What is known of every part.
 *
 * @since 0.1.0
 */
export interface Part {
  /** The part of the schema, both sides of it. */
  readonly ast: SchemaAST.AST
  readonly identifier: string | undefined
  /** What the schema says about the part, each text once. */
  readonly descriptions: ReadonlyArray<string>
  /** What the value has to keep to. */
  readonly constraints: ReadonlyArray<Constraint>
  /** True if a value can only be made of the whole JSON of this part. */
  readonly isWhole: boolean
}

/**
 * `null`. `isValue` says whether that is what the schema itself takes, or what stands for a missing value.
 *
 * @since 0.1.0
 */
export interface Null extends Part {
  readonly _tag: "Null"
  readonly isValue: boolean
}

/**
 * @since 0.1.0
 */
export interface Boolean extends Part {
  readonly _tag: "Boolean"
}

/**
 * @since 0.1.0
 */
export interface Number extends Part {
  readonly _tag: "Number"
  readonly isInteger: boolean
}

/**
 * A text. A duration is one in ISO 8601 for the model, and something else in the JSON of Effect.
 *
 * @since 0.1.0
 */
export interface Text extends Part {
  readonly _tag: "Text"
  readonly isDuration: boolean
}

/**
 * One of some values.
 *
 * @since 0.1.0
 */
export interface Literals extends Part {
  readonly _tag: "Literals"
  readonly values: ReadonlyArray<string | number | boolean>
}

/**
 * A list. One that keeps what fits leaves the other items out.
 *
 * @since 0.1.0
 */
export interface List extends Part {
  readonly _tag: "List"
  readonly item: Shape
  readonly keepsFitting: boolean
}

/**
 * A list whose places have shapes of their own: `elements`, then any number of `rest`, then `tail`.
 *
 * @since 0.1.0
 */
export interface Tuple extends Part {
  readonly _tag: "Tuple"
  readonly elements: ReadonlyArray<Field>
  readonly rest: Shape | undefined
  readonly tail: ReadonlyArray<Field>
}

/**
 * An object with fields of its own, with entries under names that are not known before, or with both.
 *
 * @since 0.1.0
 */
export interface Struct extends Part {
  readonly _tag: "Struct"
  readonly fields: ReadonlyArray<Field>
  readonly entries: Entries | undefined
}

/**
 * A field of a struct, or a place of a tuple.
 *
 * @since 0.1.0
 */
export interface Field {
  /** Its name in the JSON. */
  readonly name: string
  /** Its name in the value. */
  readonly key: string
  readonly shape: Shape
  readonly isOptional: boolean
  readonly descriptions: ReadonlyArray<string>
}

/**
 * @since 0.1.0
 */
export interface Entries {
  readonly key: Shape
  readonly value: Shape
}

/**
 * One of some shapes; each of them differs from the others.
 *
 * @since 0.1.0
 */
export interface Union extends Part {
  readonly _tag: "Union"
  readonly members: ReadonlyArray<Shape>
}

/**
 * An `Option`: its value, or `null`.
 *
 * @since 0.1.0
 */
export interface Maybe extends Part {
  readonly _tag: "Maybe"
  readonly value: Shape
}

/**
 * A shape that is looked at later, because it may be in itself.
 *
 * @since 0.1.0
 */
export interface Suspended extends Part {
  readonly _tag: "Suspended"
  readonly target: () => Shape
}

/**
 * Something of which nothing is known. `isJson` says whether any JSON will do; else no JSON does.
 *
 * @since 0.1.0
 */
export interface Anything extends Part {
  readonly _tag: "Anything"
  readonly isJson: boolean
}

/**
 * @since 0.1.0
 */
export type Shape =
  | Null
  | Boolean
  | Number
  | Text
  | Literals
  | List
  | Tuple
  | Struct
  | Union
  | Maybe
  | Suspended
  | Anything

/**
 * The shape itself, where it is one to look at later.
 *
 * @since 0.1.0
 */
export const resolved = (shape: Shape): Exclude<Shape, Suspended> => {
  let found = shape
  for (let steps = 0; found._tag === "Suspended"; steps++) {
    if (steps > maxSteps) throw new Error("a part of the schema is nothing but itself")
    found = found.target()
  }
  return found
}

const maxSteps = 1000

/**
 * True if `null` is a value of the schema here, not just what stands for a missing one.
 *
 * @since 0.1.0
 */
export const takesNull = (shape: Shape): boolean => {
  const own = resolved(shape)
  return own._tag === "Maybe" || own._tag === "Null" && own.isValue || own._tag === "Anything" ||
    own._tag === "Union" && own.members.some(takesNull)
}

/**
 * True if the model may write `null` here.
 *
 * @since 0.1.0
 */
export const admitsNull = (shape: Shape): boolean => {
  const own = resolved(shape)
  return own._tag === "Null" || takesNull(own) || own._tag === "Union" && own.members.some(admitsNull)
}

/**
 * The parts that a part is made of.
 *
 * @since 0.1.0
 */
export const partsOf = (shape: Exclude<Shape, Suspended>): ReadonlyArray<readonly [shape: Shape, path: string]> => {
  switch (shape._tag) {
    case "List":
      return [[shape.item, "[]"]]
    case "Tuple":
      return [
        ...shape.elements.map(({ key, shape }) => [shape, `[${key}]`] as const),
        ...(shape.rest === undefined ? [] : [[shape.rest, "[]"] as const]),
        ...shape.tail.map(({ shape }) => [shape, "[]"] as const)
      ]
    case "Struct":
      return [
        ...shape.fields.map(({ key, shape }) => [shape, `.${key}`] as const),
        ...(shape.entries === undefined
          ? []
          : [[shape.entries.key, ".*"] as const, [shape.entries.value, ".*"] as const])
      ]
    case "Union":
      return shape.members.map((member) => [member, ""] as const)
    case "Maybe":
      return [[shape.value, ""]]
    default:
      return []
  }
}

/**
 * The parts that others look at later: those which may be in themselves.
 *
 * @since 0.1.0
 */
export const targetsOf = (root: Shape): ReadonlySet<Shape> => {
  const targets = new Set<Shape>()
  const seen = new Set<Shape>()
  const visit = (shape: Shape): void => {
    const own = resolved(shape)
    if (shape._tag === "Suspended") targets.add(own)
    if (seen.has(own)) return
    seen.add(own)
    for (const [part] of partsOf(own)) visit(part)
  }
  visit(root)
  return targets
}

/**
 * The parts whose JSON a model writes in another form than Effect's codec has; all others are the same for both.
 *
 * @since 0.1.0
 */
export const differingOf = (root: Shape): ReadonlySet<Shape> => {
  const parents = new Map<Shape, Array<Shape>>()
  const visit = (shape: Shape, parent?: Shape): void => {
    const own = resolved(shape)
    const known = parents.get(own)
    if (parent !== undefined) parents.set(own, [...known ?? [], parent])
    else if (known === undefined) parents.set(own, [])
    if (known === undefined) { for (const [part] of partsOf(own)) visit(part, own) }
  }
  visit(root)
  const differing = new Set<Shape>()
  const mark = (shape: Shape): void => {
    if (differing.has(shape)) return
    differing.add(shape)
    for (const parent of parents.get(shape) ?? []) mark(parent)
  }
  for (const shape of parents.keys()) if (differs(shape)) mark(shape)
  return differing
}

const differs = (shape: Shape): boolean => {
  switch (shape._tag) {
    case "Tuple":
    case "Maybe":
      return true
    case "Text":
      return shape.isDuration
    case "List":
      return shape.keepsFitting
    case "Struct":
      return shape.entries !== undefined || shape.fields.some(({ isOptional }) => isOptional)
    default:
      return false
  }
}

/**
 * Where the first part is that may be anything, such as `extra` or `list[]`; empty for the root, `undefined` if there is none.
 *
 * `isBad` says which of them count.
 *
 * @since 0.1.0
 */
export const pathOfAnything = (root: Shape, isBad: (part: Anything) => boolean): string | undefined => {
  const seen = new Set<Shape>()
  const find = (shape: Shape, path: string): string | undefined => {
    const own = resolved(shape)
    if (seen.has(own)) return undefined
    seen.add(own)
    if (own._tag === "Anything" && isBad(own)) return path
    for (const [part, name] of partsOf(own)) {
      const found = find(part, path === "" ? name.replace(/^\./, "") : `${path}${name}`)
      if (found !== undefined) return found
    }
    return undefined
  }
  return find(root, "")
}
