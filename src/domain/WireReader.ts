/**
 * Reads JSON by a schema in one pass: what it checks, it also renames, and issues are left to the schema.
 *
 * Almost every answer has the shape that is expected, so that shape is read first and fast. For anything else a reader says
 * {@link misfit}, and the schema is asked, which finds the same result or says what is wrong. A reader is made from the
 * schema itself: there is no second description of the protocol.
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
 * What a reader gives for a value that does not have the expected shape.
 *
 * @since 0.1.0
 */
export const misfit: unique symbol = Symbol("effect-openrouter/WireReader/misfit")

/**
 * Reads a value: gives what the schema would decode it to, or {@link misfit}.
 *
 * @since 0.1.0
 */
export type Read = (json: unknown) => unknown

/** A reader in the annotations of a schema. One of a transformation holds only as long as the schema still has it. */
class Annotated {
  readonly read: Read
  readonly isTransformation: boolean
  constructor(read: Read, isTransformation: boolean) {
    this.read = read
    this.isTransformation = isTransformation
  }
}

const annotation = "effect-openrouter/WireReader"

/**
 * The annotation of a schema that says how to read it. Checks that are added later turn it off.
 *
 * @since 0.1.0
 */
export const annotate = (
  read: Read,
  options: { readonly isTransformation: boolean }
): { readonly [annotation]: unknown } => ({ [annotation]: new Annotated(read, options.isTransformation) })

/**
 * The reader of a schema.
 *
 * @since 0.1.0
 */
export const make = <A>(schema: Schema.Codec<A, unknown>): (json: unknown) => A | typeof misfit => {
  const read = lazy(() => readerOf(schema.ast))
  return (json) => {
    const value = read()(json)
    return isRead(schema, value) ? value : misfit
  }
}

/** What the reader of a schema gives is a value of the schema, unless it is a misfit. */
const isRead = <A>(_schema: Schema.Codec<A, unknown>, value: unknown): value is A => value !== misfit

const readerOf = (ast: SchemaAST.AST): Read => {
  const annotated = ast.annotations?.[annotation]
  if (
    annotated instanceof Annotated && ast.checks === undefined &&
    (ast.encoding !== undefined) === annotated.isTransformation
  ) {
    return annotated.read
  }
  if (SchemaAST.isSuspend(ast) && isPlain(ast)) {
    const read = lazy(() => readerOf(ast.thunk()))
    return (json) => read()(json)
  }
  if (SchemaAST.isArrays(ast) && isPlain(ast)) {
    const [element, ...others] = ast.rest
    if (element !== undefined && others.length === 0 && ast.elements.length === 0) return arrayOf(readerOf(element))
  }
  const fits = leafOf(ast)
  return fits === undefined ? bySchema(ast) : (json) => fits(json) ? json : misfit
}

const isPlain = (ast: SchemaAST.AST): boolean => ast.checks === undefined && ast.encoding === undefined

const arrayOf = (read: Read): Read => (json) => {
  if (!Array.isArray(json)) return misfit
  const values: Array<unknown> = []
  for (let index = 0; index < json.length; index++) {
    const value = read(json[index])
    if (value === misfit) return misfit
    values.push(value)
  }
  return values
}

/** The test of a schema whose values are what they are read from. */
const leafOf = (ast: SchemaAST.AST): ((json: unknown) => boolean) | undefined => {
  if (ast.encoding !== undefined) return undefined
  if (SchemaAST.isNumber(ast)) {
    switch (ast.checks) {
      case undefined:
        return Predicate.isNumber
      case Schema.Finite.ast.checks:
        return Number.isFinite
      case Schema.Int.ast.checks:
        return Number.isSafeInteger
      default:
        return undefined
    }
  }
  if (ast.checks !== undefined) return undefined
  if (SchemaAST.isString(ast)) return Predicate.isString
  if (SchemaAST.isBoolean(ast)) return Predicate.isBoolean
  if (SchemaAST.isNull(ast)) return Predicate.isNull
  if (SchemaAST.isUndefined(ast)) return Predicate.isUndefined
  if (SchemaAST.isUnknown(ast)) return () => true
  if (SchemaAST.isLiteral(ast)) return (json) => json === ast.literal
  if (SchemaAST.isUnion(ast)) {
    const members = ast.types.map(leafOf)
    return members.every(Predicate.isNotUndefined) ? (json) => members.some((fits) => fits(json)) : undefined
  }
  return undefined
}

const bySchema = (ast: SchemaAST.AST): Read => {
  const decode = SchemaParser.decodeUnknownExit(Schema.make<Schema.Codec<unknown, unknown>>(ast))
  return (json) => {
    const exit = decode(json)
    return Exit.isSuccess(exit) ? exit.value : misfit
  }
}

/**
 * A field of a struct whose keys have other names in JSON.
 *
 * @since 0.1.0
 */
export interface Field {
  readonly key: string
  /** A `null` counts as absent. */
  readonly nullIsAbsent: boolean
  readonly ast: SchemaAST.AST
}

/**
 * The reader of a struct, from its fields by their names in JSON.
 *
 * @since 0.1.0
 */
export const struct = (fields: () => ReadonlyMap<string, Field>): Read => {
  const plan = lazy(() => planOf(fields()))
  return (json) => {
    if (!Predicate.isObject(json)) return misfit
    const { entries, required } = plan()
    const out: Record<string, unknown> = {}
    let missing = required
    for (const name of Object.keys(json)) {
      const entry = entries.get(name)
      if (entry === undefined) continue
      const member = json[name]
      if (member === null && entry.nullIsAbsent) continue
      const value = entry.read(member)
      if (value === misfit) return misfit
      out[entry.key] = value
      if (entry.isRequired) missing--
    }
    return missing === 0 ? out : misfit
  }
}

interface Entry {
  readonly key: string
  readonly nullIsAbsent: boolean
  readonly isRequired: boolean
  readonly read: Read
}

const planOf = (fields: ReadonlyMap<string, Field>) => {
  const entries = new Map<string, Entry>()
  let required = 0
  for (const [name, { ast, key, nullIsAbsent }] of fields) {
    const isRequired = !SchemaAST.isOptional(ast)
    if (isRequired) required++
    entries.set(name, { key, nullIsAbsent, isRequired, read: readerOf(ast) })
  }
  // JSON that already has a name of ours is for the schema to judge.
  for (const { key } of fields.values()) {
    if (!entries.has(key)) entries.set(key, { key, nullIsAbsent: false, isRequired: false, read: () => misfit })
  }
  return { entries, required }
}
