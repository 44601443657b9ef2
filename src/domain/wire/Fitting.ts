/**
 * Reading JSON of which a part does not fit: that part is left out, and the rest is read.
 *
 * @since 0.1.0
 */
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaParser from "effect/SchemaParser"
import { lazy } from "./Lazy.ts"

/**
 * What a pass gives for a value that does not have the expected shape.
 *
 * @since 0.1.0
 */
export const misfit: unique symbol = Symbol("effect-openrouter/Codec/misfit")

/**
 * Converts a value as its schema would, or gives {@link misfit}.
 *
 * @since 0.1.0
 */
export type Convert = (value: unknown) => unknown

/**
 * True for an object that is no instance: of those, with what they inherit, the schema knows better what counts.
 *
 * @since 0.1.0
 */
export const isPlainObject = (value: unknown): value is { readonly [key: string]: unknown } => {
  if (!Predicate.isObject(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** How the values of a schema are read as a whole, or as far as they fit. */
type ConvertOf = (ast: SchemaAST.AST, side: "read" | "lenient") => Convert

/**
 * The elements of a list that fit.
 *
 * @since 0.1.0
 */
export const elements = (convert: Convert): Convert => (value) =>
  Array.isArray(value) ? value.map(convert).filter((element) => element !== misfit) : misfit

/**
 * An object whose keys are the same in JSON, without what does not fit; `undefined` if it has keys of another kind.
 *
 * @since 0.1.0
 */
export const object = (
  { indexSignatures, propertySignatures }: SchemaAST.Objects,
  convertOf: ConvertOf
): Convert | undefined => {
  if (indexSignatures.length > 1 || propertySignatures.some(({ name }) => typeof name !== "string")) return undefined
  const members = propertySignatures.map(({ name, type }) => ({ name: String(name), ...memberOf(type, convertOf) }))
  const [others] = indexSignatures.map(({ parameter, type }) => ({
    isKey: convertOf(parameter, "read"),
    convert: convertOf(type, "lenient")
  }))
  const names = new Set(members.map(({ name }) => name))
  return (json) => {
    if (!isPlainObject(json)) return misfit
    const out: Record<string, unknown> = {}
    for (const { convert, name, whenAbsent } of members) {
      const value = orAbsent(json[name], convert, whenAbsent)
      if (value === misfit) return misfit
      if (value !== undefined) out[name] = value
    }
    if (others === undefined) return out
    for (const [key, member] of Object.entries(json)) {
      if (names.has(key) || key === "__proto__" || others.isKey(key) === misfit) continue
      const value = others.convert(member)
      if (value !== misfit) out[key] = value
    }
    return out
  }
}

interface Member {
  readonly convert: Convert
  /** What stands for a member that is absent or does not fit: its default, `undefined` for none, or a {@link misfit}. */
  readonly whenAbsent: () => unknown
}

const memberOf = (ast: SchemaAST.AST, convertOf: ConvertOf): Member => {
  const hasDefault = ast.encoding !== undefined
  const decode = lazy(() =>
    SchemaParser.decodeUnknownExit(Schema.Struct({ member: Schema.make<Schema.Codec<unknown>>(ast) }))
  )
  return {
    convert: convertOf(ast, "lenient"),
    whenAbsent: () => {
      if (SchemaAST.isOptional(ast) && !hasDefault) return undefined
      const exit = hasDefault ? decode()({}) : undefined
      return exit !== undefined && Exit.isSuccess(exit) ? exit.value.member : misfit
    }
  }
}

const orAbsent = (member: unknown, convert: Convert, whenAbsent: () => unknown): unknown => {
  const value = member === undefined ? misfit : convert(member)
  return value === misfit ? whenAbsent() : value
}

/**
 * An object whose keys have other names in JSON, without what does not fit.
 *
 * @since 0.1.0
 */
export const struct = (fields: ReadonlyMap<string, Field>, convertOf: ConvertOf): Convert => {
  const entries = Array.from(fields, ([name, { ast, key, nullIsAbsent }]) => ({
    key,
    name,
    nullIsAbsent,
    ...memberOf(ast, convertOf)
  }))
  return (json) => {
    if (!isPlainObject(json)) return misfit
    const out: Record<string, unknown> = {}
    for (const { convert, key, name, nullIsAbsent, whenAbsent } of entries) {
      // Our own names are read as well, as the schema does.
      const member = json[name] === undefined ? json[key] : json[name]
      const value = orAbsent(member === null && nullIsAbsent ? undefined : member, convert, whenAbsent)
      if (value === misfit) return misfit
      if (value !== undefined) out[key] = value
    }
    return out
  }
}

interface Field {
  readonly key: string
  readonly nullIsAbsent: boolean
  readonly ast: SchemaAST.AST
}
