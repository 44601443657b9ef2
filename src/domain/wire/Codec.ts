/**
 * Reads and writes JSON by a schema in one pass: what is checked is renamed at once, and issues are left to the schema.
 *
 * Almost every answer and every request has the shape that is expected, so that shape is tried first and fast. For anything
 * else the pass ends with a {@link misfit}, and the schema is asked, which comes to the same result or says what is wrong.
 * Both passes are made from the schema itself.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as SchemaCompiler from "effect/schema/SchemaCompiler"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaParser from "effect/SchemaParser"
import * as Fitting from "./Fitting.ts"
import { type Convert, isPlainObject, misfit } from "./Fitting.ts"
import { lazy } from "./Lazy.ts"
import * as Leaf from "./Leaf.ts"

export { type Convert, misfit } from "./Fitting.ts"

/**
 * How the values of a schema are read and written; a side that is left out is done by the schema.
 *
 * @since 0.1.0
 */
export interface Codec {
  readonly read: Convert
  readonly write?: Convert
  /** Reads what fits and leaves the rest out. Default: it is read as a whole, or not at all. */
  readonly lenient?: Convert
  /** Reading is the same whatever the parse options say of keys that the schema does not have. */
  readonly readsAnyKeys?: boolean
}

type Side = "read" | "write" | "lenient"

type Transformation = SchemaAST.Link["transformation"]

/** A codec in the annotations of a schema, and the transformations that it stands for. */
class Annotated {
  readonly codec: Codec
  readonly #transformations: ReadonlyArray<Transformation>
  constructor(codec: Codec, transformations: ReadonlyArray<Transformation>) {
    this.codec = codec
    this.#transformations = transformations
  }
  /** True if the schema has these transformations, and no others. */
  standsFor(ast: SchemaAST.AST): boolean {
    const transformations = transformationsOf(ast)
    return transformations.length === this.#transformations.length &&
      transformations.every((one, index) => one === this.#transformations[index])
  }
}

const annotation = "effect-openrouter/Codec"

/** The transformations of a schema; a field with a default adds one to those of what it holds. */
const transformationsOf = (ast: SchemaAST.AST): ReadonlyArray<Transformation> =>
  ast.encoding?.map(({ transformation }) => transformation) ?? []

/**
 * The annotation of a schema whose values come from JSON by the transformations that it has.
 *
 * Transformations that are added to the schema later turn it off.
 *
 * @since 0.1.0
 */
export const ofTransformation = (schema: Schema.Top, codec: Codec): { readonly [annotation]: unknown } => ({
  [annotation]: new Annotated(codec, transformationsOf(schema.ast))
})

/**
 * The schema with a codec: every decoding and encoding by it, also as a part of another schema, goes through that first.
 *
 * @since 0.1.0
 */
export const serving = <S extends Schema.Top>(schema: S, codec: Codec): S["Rebuild"] => {
  const served = schema.annotate(ofTransformation(schema, codec))
  const { ast } = served
  SchemaCompiler.set(
    ast,
    operations(ast, codec.read, (options) => codec.readsAnyKeys === true || options.onExcessProperty !== "error")
  )
  if (codec.write !== undefined) {
    const flipped = SchemaAST.flip(ast)
    SchemaCompiler.set(flipped, operations(flipped, careful(codec.write), () => true))
  }
  return served
}

const operations = (
  ast: SchemaAST.AST,
  convert: Convert,
  isApt: (options: SchemaAST.ParseOptions) => boolean
): SchemaCompiler.CompiledDecoder => {
  // The same schema, but one that nothing is installed for.
  const interpreted = lazy(() =>
    SchemaParser.decodeUnknownEffect(Schema.make<Schema.Codec<unknown>>(ast).annotate({ [annotation]: undefined }))
  )
  return {
    decode: (input, options) => {
      if (options.disableChecks === true || !isApt(options)) return SchemaCompiler.invalid
      const value = convert(input)
      return value === misfit ? SchemaCompiler.invalid : value
    },
    decodeEffect: (input, options) =>
      input === SchemaCompiler.missing ? Effect.succeed(input) : interpreted()(input, options)
  }
}

/**
 * The annotation of a schema whose values are their JSON.
 *
 * @since 0.1.0
 */
export const ofTest = (fits: (value: unknown) => boolean): { readonly [annotation]: unknown } => {
  const convert = Leaf.testing(fits)
  return { [annotation]: new Annotated({ read: convert, write: convert }, []) }
}

/**
 * The reader of a schema: from JSON to its values.
 *
 * @since 0.1.0
 */
export const reader = <A>(schema: Schema.Codec<A, unknown>): (json: unknown) => A | typeof misfit => {
  const read = later(() => convertOf(schema.ast, "read"))
  return (json) => {
    const value = read(json)
    return isOf(schema, value) ? value : misfit
  }
}

/**
 * The reader of a schema that leaves out what does not fit, at any depth: an optional field, an element of a list, an entry
 * of a record. An object that lacks what it must have is left out as a whole, or {@link misfit} if nothing is around it.
 *
 * @since 0.1.0
 */
export const lenientReader = <A>(schema: Schema.Codec<A, unknown>): (json: unknown) => A | typeof misfit => {
  const read = lazy(() => convertOf(schema.ast, "lenient"))
  return (json) => {
    const value = read()(json)
    return isOf(schema, value) ? value : misfit
  }
}

/** What was read by a schema is of its type. The compiler cannot know this; the tests compare it with the schema's word. */
const isOf = <A>(_schema: Schema.Codec<A, unknown>, value: unknown): value is A => value !== misfit

/**
 * The writer of a schema: from its values to JSON. Keys that the schema does not have are misfits, and so is what throws,
 * such as a getter.
 *
 * @since 0.1.0
 */
export const writer = (schema: Schema.Codec<unknown, unknown>): Convert =>
  careful(later(() => convertOf(schema.ast, "write")))

/** A conversion that is made when it is first needed. */
const later = (make: () => Convert): Convert => {
  let convert: Convert = (value) => {
    convert = make()
    return convert(value)
  }
  return (value) => convert(value)
}

/** What throws is a misfit, such as a getter; the schema then says what it is. */
const careful = (convert: Convert): Convert => (value) => {
  try {
    return convert(value)
  } catch {
    return misfit
  }
}

const convertOf = (ast: SchemaAST.AST, side: Side): Convert => {
  const convert = isFlipped(ast) ? undefined : annotatedOf(ast, side) ?? plainOf(ast, side)
  return (convert === undefined ? undefined : checked(ast, convert, side)) ?? bySchema(ast, side)
}

/** Checks of the encoded side come only with a schema that was turned around. */
const isFlipped = (ast: SchemaAST.AST): boolean => "encodingChecks" in ast && ast.encodingChecks !== undefined

/**
 * An annotation of a schema; that of one with checks is kept by the last of them.
 *
 * @since 0.1.0
 */
export const annotationOf = (ast: SchemaAST.AST, name: string): unknown =>
  ast.annotations?.[name] ?? ast.checks?.at(-1)?.annotations?.[name]

const annotatedOf = (ast: SchemaAST.AST, side: Side): Convert | undefined => {
  const annotated = annotationOf(ast, annotation)
  return annotated instanceof Annotated && annotated.standsFor(ast)
    ? annotated.codec[side] ?? (side === "lenient" ? annotated.codec.read : undefined)
    : undefined
}

const plainOf = (ast: SchemaAST.AST, side: Side): Convert | undefined => {
  if (ast.encoding !== undefined) return undefined
  switch (ast._tag) {
    case "Suspend":
      return later(() => convertOf(ast.thunk(), side))
    case "Arrays": {
      const [element, ...others] = ast.rest
      return element !== undefined && others.length === 0 && ast.elements.length === 0
        ? side === "lenient" ? Fitting.elements(convertOf(element, side)) : Leaf.arrayOf(convertOf(element, side))
        : undefined
    }
    case "Objects":
      return side === "lenient" ? Fitting.object(ast, convertOf) : undefined
    case "Union":
      return ast.options?.mode === "oneOf" ? undefined : unionOf(ast.types, side)
    default:
      return Leaf.ofAst(ast)
  }
}

/** The checks of a schema look at its values, also when these are written. */
const checked = (ast: SchemaAST.AST, convert: Convert, side: Side): Convert | undefined => {
  const { checks } = ast
  if (checks === undefined || Leaf.numberTests.has(checks)) return convert
  const filters = checks.filter((check) => check._tag === "Filter")
  if (filters.length < checks.length) return undefined
  return (value) => {
    const converted = convert(value)
    if (converted === misfit) return misfit
    const own = side === "write" ? value : converted
    return filters.every((filter) => filter.run(own, ast, {}) === undefined) ? converted : misfit
  }
}

/** Before a member gives up a part, another one may fit as a whole. */
const unionOf = (types: ReadonlyArray<SchemaAST.AST>, side: Side): Convert => {
  const sides: ReadonlyArray<Side> = side === "lenient" ? ["read", "lenient"] : [side]
  return Leaf.firstOf(sides.flatMap((side) => types.map((member) => convertOf(member, side))))
}

const bySchema = (ast: SchemaAST.AST, side: Side): Convert => {
  const schema = Schema.make<Schema.Codec<unknown, unknown>>(ast)
  const convert = side !== "write"
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
 * The codec of a struct, from its fields by their names in JSON. What is read has its members in the order of the JSON,
 * what is written in the order of the fields. `usual` is asked first, and gives `undefined` for what it does not read. `fits`
 * is what its checks say of the whole.
 *
 * @since 0.1.0
 */
export const struct = (
  fields: () => ReadonlyMap<string, Field>,
  { fits, usual }: {
    readonly fits?: ((value: { readonly [key: string]: unknown }) => boolean) | undefined
    readonly usual?: ((json: { readonly [key: string]: unknown }) => unknown) | undefined
  } = {}
): Codec => {
  const reading = lazy(() => readPlanOf(fields()))
  const writing = lazy(() => entriesOf(fields(), "write"))
  const lenient = lazy(() => Fitting.struct(fields(), convertOf))
  return {
    lenient: (json) => lenient()(json),
    read: (json) => {
      if (!isPlainObject(json)) return misfit
      const known = usual?.(json)
      if (known !== undefined) return known
      const { entries, order, required } = reading()
      const out: Record<string, unknown> = {}
      let found = 0
      let position = 0
      for (const name in json) {
        let entry = order[position]
        if (entry === undefined || entry.name !== name) {
          entry = entries.get(name)
          if (entry === undefined) continue
          order[position] = entry
        }
        position++
        const member = json[name]
        if (member === null && entry.nullIsAbsent) continue
        const value = entry.isText && typeof member === "string" ? member : entry.convert(member)
        if (value === misfit) return misfit
        out[entry.key] = value
        if (entry.isRequired) found++
      }
      return found === required && (fits === undefined || fits(out)) ? out : misfit
    },
    write: (value) => {
      if (!isPlainObject(value) || fits !== undefined && !fits(value)) return misfit
      const out: Record<string, unknown> = {}
      let known = 0
      for (const { convert, isRequired, key, name } of writing()) {
        const member = value[key]
        if (member === undefined && !(key in value)) {
          if (isRequired) return misfit
          continue
        }
        if (!Object.prototype.propertyIsEnumerable.call(value, key)) return misfit
        known++
        const json = convert(member)
        if (json === misfit) return misfit
        if (json !== undefined) out[name] = json
      }
      return known === Object.keys(value).length && Object.getOwnPropertySymbols(value).length === 0 ? out : misfit
    }
  }
}

interface Entry {
  readonly key: string
  readonly name: string
  readonly nullIsAbsent: boolean
  /** The field is not left out, or the schema has something to put in its place. */
  readonly isRequired: boolean
  /** Any text fits, and is not converted. */
  readonly isText: boolean
  readonly convert: Convert
}

const entriesOf = (fields: ReadonlyMap<string, Field>, side: Side): ReadonlyArray<Entry> =>
  Array.from(fields, ([name, { ast, key, nullIsAbsent }]): Entry => {
    const convert = convertOf(ast, side)
    return {
      key,
      name,
      nullIsAbsent,
      isRequired: !SchemaAST.isOptional(ast) || ast.encoding !== undefined && annotatedOf(ast, "read") === undefined,
      isText: convert === Leaf.ofText,
      convert
    }
  })

/** How a struct is read. */
interface ReadPlan {
  readonly entries: ReadonlyMap<string, Entry>
  readonly required: number
  /**
   * The entries in the order in which the JSON before this one had them. Mostly the next one has the same, and comparing
   * a name is quicker than looking it up.
   */
  readonly order: Array<Entry>
}

const readPlanOf = (fields: ReadonlyMap<string, Field>): ReadPlan => {
  const entries = new Map<string, Entry>()
  // JSON that already has a name of ours is for the schema to judge.
  for (const { key } of fields.values()) {
    const convert = () => misfit
    entries.set(key, { key, name: key, nullIsAbsent: false, isRequired: false, isText: false, convert })
  }
  const known = entriesOf(fields, "read")
  for (const entry of known) entries.set(entry.name, entry)
  return { entries, required: known.filter(({ isRequired }) => isRequired).length, order: [] }
}
