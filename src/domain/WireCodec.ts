/**
 * Reads and writes JSON by a schema in one pass: what is checked is renamed at once, and issues are left to the schema.
 *
 * Almost every answer and every request has the shape that is expected, so that shape is tried first and fast. For anything
 * else the pass ends with a {@link misfit}, and the schema is asked, which comes to the same result or says what is wrong.
 * Both passes are made from the schema itself.
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
export const misfit: unique symbol = Symbol("effect-openrouter/WireCodec/misfit")

/**
 * Converts a value as its schema would, or gives {@link misfit}.
 *
 * @since 0.1.0
 */
export type Convert = (value: unknown) => unknown

/**
 * How the values of a schema are read and written; a side that is left out is done by the schema.
 *
 * @since 0.1.0
 */
export interface Codec {
  readonly read: Convert
  readonly write?: Convert
}

type Side = keyof Codec

/** A codec in the annotations of a schema, and how many transformations the schema had then. */
class Annotated {
  readonly codec: Codec
  readonly transformations: number
  constructor(codec: Codec, transformations: number) {
    this.codec = codec
    this.transformations = transformations
  }
}

const annotation = "effect-openrouter/WireCodec"

/**
 * The annotation of a schema whose values come from JSON by one transformation.
 *
 * Checks and transformations that are added to the schema later turn it off.
 *
 * @since 0.1.0
 */
export const ofTransformation = (codec: Codec): { readonly [annotation]: unknown } => ({
  [annotation]: new Annotated(codec, 1)
})

/**
 * The annotation of a schema whose values are their JSON.
 *
 * @since 0.1.0
 */
export const ofTest = (fits: (value: unknown) => boolean): { readonly [annotation]: unknown } => {
  const convert = testing(fits)
  return { [annotation]: new Annotated({ read: convert, write: convert }, 0) }
}

const testing = (fits: (value: unknown) => boolean): Convert => (value) => fits(value) ? value : misfit

/**
 * The reader of a schema: from JSON to its values.
 *
 * @since 0.1.0
 */
export const reader = <A>(schema: Schema.Codec<A, unknown>): (json: unknown) => A | typeof misfit => {
  const read = lazy(() => convertOf(schema.ast, "read"))
  return (json) => {
    const value = read()(json)
    return isOf(schema, value) ? value : misfit
  }
}

/** What was read by a schema is of its type. The compiler cannot know this; the tests compare it with the schema's word. */
const isOf = <A>(_schema: Schema.Codec<A, unknown>, value: unknown): value is A => value !== misfit

/**
 * The writer of a schema: from its values to JSON. Keys that the schema does not have are misfits.
 *
 * @since 0.1.0
 */
export const writer = (schema: Schema.Codec<unknown, unknown>): Convert => {
  const write = lazy(() => convertOf(schema.ast, "write"))
  return (value) => write()(value)
}

const convertOf = (ast: SchemaAST.AST, side: Side): Convert => {
  const annotated = annotatedOf(ast, side)
  if (annotated !== undefined) return annotated
  if (isPlain(ast)) {
    if (SchemaAST.isSuspend(ast)) {
      const convert = lazy(() => convertOf(ast.thunk(), side))
      return (value) => convert()(value)
    }
    if (SchemaAST.isArrays(ast)) {
      const [element, ...others] = ast.rest
      if (element !== undefined && others.length === 0 && ast.elements.length === 0) {
        return arrayOf(convertOf(element, side))
      }
    }
  }
  const fits = testOf(ast)
  return fits !== undefined ? testing(fits) : unionOf(ast, side) ?? bySchema(ast, side)
}

const annotatedOf = (ast: SchemaAST.AST, side: Side): Convert | undefined => {
  const annotated = ast.annotations?.[annotation]
  return annotated instanceof Annotated && ast.checks === undefined &&
      annotated.transformations === (ast.encoding?.length ?? 0)
    ? annotated.codec[side]
    : undefined
}

const isPlain = (ast: SchemaAST.AST): boolean => ast.checks === undefined && ast.encoding === undefined

const arrayOf = (convert: Convert): Convert => (value) => {
  if (!Array.isArray(value)) return misfit
  const elements: Array<unknown> = []
  for (let index = 0; index < value.length; index++) {
    const element = convert(value[index])
    if (element === misfit) return misfit
    elements.push(element)
  }
  return elements
}

/** The test of a schema whose values are their JSON. */
const testOf = (ast: SchemaAST.AST): ((value: unknown) => boolean) | undefined => {
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
  if (SchemaAST.isLiteral(ast)) return (value) => value === ast.literal
  if (SchemaAST.isUnion(ast) && ast.options?.mode !== "oneOf") {
    const members = ast.types.map(testOf)
    return members.every(Predicate.isNotUndefined) ? (value) => members.some((fits) => fits(value)) : undefined
  }
  return undefined
}

/** A union of one structured member and primitive ones, such as that of an optional field. */
const unionOf = (ast: SchemaAST.AST, side: Side): Convert | undefined => {
  if (!SchemaAST.isUnion(ast) || !isPlain(ast) || ast.options?.mode === "oneOf") return undefined
  const primitives = ast.types.filter(isPrimitive)
  const [structured, ...others] = ast.types.filter((member) => !isPrimitive(member))
  if (structured === undefined || others.length > 0) return undefined
  const tests = primitives.map(testOf)
  if (!tests.every(Predicate.isNotUndefined)) return undefined
  const convert = convertOf(structured, side)
  return (value) =>
    typeof value === "object" && value !== null
      ? convert(value)
      : tests.some((fits) => fits(value))
      ? value
      : convert(value)
}

const isPrimitive = (ast: SchemaAST.AST): boolean =>
  SchemaAST.isString(ast) || SchemaAST.isNumber(ast) || SchemaAST.isBoolean(ast) || SchemaAST.isLiteral(ast) ||
  SchemaAST.isNull(ast) || SchemaAST.isUndefined(ast)

const bySchema = (ast: SchemaAST.AST, side: Side): Convert => {
  const schema = Schema.make<Schema.Codec<unknown, unknown>>(ast)
  const convert = side === "read"
    ? SchemaParser.decodeUnknownExit(schema)
    : SchemaParser.encodeUnknownExit(schema, { onExcessProperty: "error" })
  return (value) => {
    const exit = convert(value)
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
  /** In JSON, a `null` counts as absent. */
  readonly nullIsAbsent: boolean
  readonly ast: SchemaAST.AST
}

/**
 * The codec of a struct, from its fields by their names in JSON. Members come in the order of the fields.
 *
 * @since 0.1.0
 */
export const struct = (fields: () => ReadonlyMap<string, Field>): Codec => {
  const reading = lazy(() => readPlanOf(fields()))
  const writing = lazy(() => entriesOf(fields(), "write"))
  return {
    read: (json) => {
      if (!Predicate.isObject(json)) return misfit
      const { entries, ownNames } = reading()
      const out: Record<string, unknown> = {}
      for (const { convert, isRequired, key, name, nullIsAbsent } of entries) {
        const member = json[name]
        if (member === undefined) {
          if (isRequired || name in json) return misfit
        } else if (member !== null || !nullIsAbsent) {
          const value = convert(member)
          if (value === misfit) return misfit
          out[key] = value
        }
      }
      // JSON that already has a name of ours is for the schema to judge.
      for (const name of ownNames) if (name in json) return misfit
      return out
    },
    write: (value) => {
      if (!Predicate.isObject(value)) return misfit
      const out: Record<string, unknown> = {}
      let known = 0
      for (const { convert, isRequired, key, name } of writing()) {
        const member = value[key]
        if (member === undefined && !(key in value)) {
          if (isRequired) return misfit
          continue
        }
        known++
        const json = convert(member)
        if (json === misfit) return misfit
        if (json !== undefined) out[name] = json
      }
      return known === Object.keys(value).length ? out : misfit
    }
  }
}

interface Entry {
  readonly key: string
  readonly name: string
  readonly nullIsAbsent: boolean
  /** The field is not left out, or the schema has something to put in its place. */
  readonly isRequired: boolean
  readonly convert: Convert
}

const entriesOf = (fields: ReadonlyMap<string, Field>, side: Side): ReadonlyArray<Entry> =>
  Array.from(fields, ([name, { ast, key, nullIsAbsent }]): Entry => ({
    key,
    name,
    nullIsAbsent,
    isRequired: !SchemaAST.isOptional(ast) || ast.encoding !== undefined && annotatedOf(ast, "read") === undefined,
    convert: convertOf(ast, side)
  }))

const readPlanOf = (fields: ReadonlyMap<string, Field>) => ({
  entries: entriesOf(fields, "read"),
  ownNames: Array.from(fields.values(), ({ key }) => key).filter((key) => !fields.has(key))
})
