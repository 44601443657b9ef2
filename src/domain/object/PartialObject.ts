/**
 * The value of a schema while its JSON is still arriving.
 *
 * Texts, lists, objects and structs grow. Numbers, literals, dates and everything else that is made of its JSON appear when
 * they are complete, and so does what is marked with `whole`; what does not fit does not appear.
 *
 * @since 0.1.0
 */
import type * as BigDecimal from "effect/BigDecimal"
import type * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import type { Pipeable } from "effect/Pipeable"
import * as Wire from "../wire/Wire.ts"
import type { Decoders } from "./Decoders.ts"
import * as ObjectJson from "./ObjectJson.ts"
import { entriesName } from "./ObjectSchema.ts"
import type { ListNode, Node, ObjectNode } from "./PartialJson.ts"
import { toJson } from "./PartialJson.ts"
import * as Shape from "./Shape.ts"

/** Values that are there or not, never in part. */
type Whole =
  | string
  | number
  | bigint
  | boolean
  | symbol
  | null
  | undefined
  | Date
  | URL
  | RegExp
  | Uint8Array
  | Equal.Equal
  | Pipeable
  | DateTime.DateTime
  | Duration.Duration
  | BigDecimal.BigDecimal
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | ((...args: ReadonlyArray<never>) => unknown)

/**
 * What there may be of a value: members that may be missing, lists that may be shorter.
 *
 * @since 0.1.0
 */
export type DeepPartial<A> = A extends Whole ? A
  : A extends ReadonlyArray<infer Item>
    ? number extends A["length"] ? ReadonlyArray<DeepPartial<Item>> : { readonly [K in keyof A]?: DeepPartial<A[K]> }
  : { readonly [K in keyof A]?: DeepPartial<A[K]> }

/**
 * What there is of a part, if anything.
 *
 * @since 0.1.0
 */
export const absent: unique symbol = Symbol("absent")

/**
 * Makes what there is of one value, again and again while its JSON grows. What is complete is made once.
 *
 * @since 0.1.0
 */
export const maker = (shape: Shape.Shape, decoders: Decoders): (node: Node) => unknown => {
  /** Values of nodes that do not change any more. */
  const complete = new Map<Node, { readonly shape: Shape.Shape; readonly value: unknown }>()

  const whole = (own: Shape.Shape, node: Node): unknown => {
    if (node.isOpen) return absent
    const exit = decoders.of(own.ast)(ObjectJson.read(own, toJson(node), decoders).json)
    return Exit.isSuccess(exit) ? exit.value : absent
  }

  const of = (shape: Shape.Shape, node: Node): unknown => {
    if (node.isOpen) return madeOf(shape, node)
    const known = complete.get(node)
    if (known?.shape === shape) return known.value
    const value = madeOf(shape, node)
    complete.set(node, { shape, value })
    return value
  }

  const madeOf = (shape: Shape.Shape, node: Node): unknown => {
    const own = Shape.resolved(shape)
    if (own.isWhole || shape.isWhole) return whole(own, node)
    switch (own._tag) {
      case "Null":
        return node._tag === "Scalar" && node.value === null ? null : absent
      case "Text":
        return node._tag === "Text" ? node.text : absent
      case "List":
        return node._tag === "List" ? items(own.item, node) : absent
      case "Tuple":
        return tuple(own, node)
      case "Struct":
        return struct(own, node)
      case "Union":
        return union(own, node)
      default:
        return whole(own, node)
    }
  }

  const items = (item: Shape.Shape, node: ListNode): ReadonlyArray<unknown> =>
    node.items.map((node) => of(item, node)).filter(isThere)

  /** The places that are there without a gap. */
  const tuple = (own: Shape.Tuple, node: Node): unknown => {
    const { elements, rest } = own
    if (node._tag !== "Object" && node._tag !== "List" || own.tail.length > 0) return whole(own, node)
    const made: Array<unknown> = []
    for (const [index, { name, shape }] of elements.entries()) {
      const element = node._tag === "List" ? node.items[index] : node.members.get(name)
      const value = element === undefined ? absent : of(shape, element)
      if (value === absent) return made
      made.push(value)
    }
    const more = node._tag === "List"
      ? { ...node, items: node.items.slice(elements.length) }
      : node.members.get("rest")
    return rest !== undefined && more?._tag === "List" ? [...made, ...items(rest, more)] : made
  }

  const struct = (own: Shape.Struct, node: Node): unknown => {
    const { entries, fields } = own
    if (entries !== undefined && fields.length === 0 && node._tag === "List") {
      return Object.fromEntries(pairs(entries, node))
    }
    if (node._tag !== "Object") return absent
    const made: Array<readonly [string, unknown]> = []
    for (const field of fields) {
      const member = node.members.get(field.name)
      if (member === undefined) continue
      const isNone = member._tag === "Scalar" && member.value === null && field.isOptional &&
        !Shape.takesNull(field.shape)
      const value = isNone ? absent : of(field.shape, member)
      if (value !== absent) made.push([field.key, value])
    }
    return Object.fromEntries(entries === undefined ? made : [...made, ...others(own, entries, node)])
  }

  const others = (
    own: Shape.Struct,
    entries: Shape.Entries,
    { members }: ObjectNode
  ): ReadonlyArray<readonly [string, unknown]> =>
    Array.from(members).flatMap(([name, member]) => {
      if (own.fields.some((field) => field.name === name)) return []
      if (own.fields.length > 0 && name === entriesName(own) && member._tag === "List") return pairs(entries, member)
      return entry(entries, name, member)
    })

  const pairs = (entries: Shape.Entries, { items }: ListNode): ReadonlyArray<readonly [string, unknown]> =>
    items.flatMap((pair) => {
      const [key, value] = pair._tag === "Object"
        ? [pair.members.get("key") ?? pair.members.get("0"), pair.members.get("value") ?? pair.members.get("1")]
        : pair._tag === "List"
        ? pair.items
        : []
      return key?._tag === "Text" && !key.isOpen && value !== undefined ? entry(entries, key.text, value) : []
    })

  /** An entry, if its name is one and there is something of its value. */
  const entry = (entries: Shape.Entries, name: string, member: Node): ReadonlyArray<readonly [string, unknown]> => {
    const { ast, constraints } = entries.key
    const isName = constraints.length === 0 || Exit.isSuccess(decoders.of(ast)(name))
    const value = isName ? of(entries.value, member) : absent
    return isThere(value) ? [[name, value]] : []
  }

  /** As soon as only one member is left that it can be. */
  const union = (own: Shape.Union, node: Node): unknown => {
    const left = own.members.filter((member) => isPossible(member, node))
    const [only] = left
    if (only !== undefined && left.length === 1) return of(only, node)
    return whole(own, node)
  }

  return (node) => of(shape, node)
}

const isThere = (value: unknown): boolean => value !== absent

/**
 * True if two partial values of a schema are equal. Lists and plain objects, of which most of them consist, are compared
 * without the hashes that `Equal` takes.
 *
 * @since 0.1.0
 */
export const isSame = (a: unknown, b: unknown): boolean => {
  if (a === b) return true
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => isSame(item, b[index]))
  }
  if (!isPlain(a) || !isPlain(b)) return typeof a === "object" && Equal.equals(a, b)
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && isSame(a[key], b[key]))
}

const isPlain = (value: unknown): value is Wire.JsonObject =>
  Wire.isJsonObject(value) && Object.getPrototypeOf(value) === Object.prototype

/** True if the node may become JSON of the shape. */
const isPossible = (shape: Shape.Shape, node: Node): boolean => {
  const own = Shape.resolved(shape)
  switch (own._tag) {
    case "Null":
      return node._tag === "Scalar" && node.value === null
    case "Boolean":
      return node._tag === "Scalar" && typeof node.value === "boolean"
    case "Number":
      return node._tag === "Scalar" && typeof node.value === "number"
    case "Literals":
      return own.values.some((value) =>
        node._tag === "Text"
          ? node.isOpen ? typeof value === "string" && value.startsWith(node.text) : value === node.text
          : node._tag === "Scalar" && value === node.value
      )
    case "Text":
      return node._tag === "Text"
    case "List":
      return node._tag === "List"
    case "Tuple":
      return node._tag === "List" || node._tag === "Object"
    case "Struct":
      return node._tag === "Object"
        ? isPossibleStruct(own, node)
        : node._tag === "List" && own.entries !== undefined && own.fields.length === 0
    case "Union":
      return own.members.some((member) => isPossible(member, node))
    case "Maybe":
      return node._tag === "Scalar" && node.value === null || isPossible(own.value, node)
    case "Anything":
      return true
  }
}

/** Told by its literals, and by members that it has not. */
const isPossibleStruct = ({ entries, fields }: Shape.Struct, { members }: ObjectNode): boolean => {
  for (const [name, member] of members) {
    const field = fields.find((field) => field.name === name)
    if (field === undefined) {
      if (entries === undefined) return false
      continue
    }
    const { _tag } = Shape.resolved(field.shape)
    if (_tag === "Literals" && !field.isOptional && !isPossible(field.shape, member)) return false
  }
  return true
}
