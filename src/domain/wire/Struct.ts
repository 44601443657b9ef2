/**
 * Objects whose camelCase fields are members in snake_case of a JSON object.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as JsonSchema from "effect/JsonSchema"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Codec from "./Codec.ts"
import { describedAs, jsonOf, orNull } from "./Described.ts"
import { isJsonObject, JsonObject, snakeCase } from "./Json.ts"
import { deferred, lazy } from "./Lazy.ts"

/**
 * A struct with camelCase fields whose encoded form is a snake_case JSON object.
 *
 * @since 0.1.0
 */
export interface Struct<Fields extends Schema.Struct.Fields> extends Schema.BottomLazy<SchemaAST.AST, Struct<Fields>> {
  readonly "Type": Schema.Struct.Type<Fields>
  readonly "Encoded": JsonObject
  readonly "DecodingServices": Schema.Struct.DecodingServices<Fields>
  readonly "EncodingServices": Schema.Struct.EncodingServices<Fields>
  readonly "~type.make.in": Schema.Struct.MakeIn<Fields>
  readonly "~type.make": Schema.Struct.MakeIn<Fields>
  readonly "Iso": Schema.Struct.Iso<Fields>
  /** The schemas of the fields; spread them into a struct of your own. */
  readonly fields: Fields
  /** A struct with other fields, made of these, for example by `Struct.pick` or `Struct.assign`; names in JSON stay. */
  mapFields<To extends Schema.Struct.Fields>(f: (fields: Fields) => To): Struct<{ readonly [K in keyof To]: To[K] }>
}

/** The names in JSON that {@link snakeCase} does not give. */
type Names<Fields> = { readonly [K in keyof Fields]?: string }

/**
 * Makes a struct that reads and writes snake_case JSON.
 *
 * Keys are renamed by {@link snakeCase}; `keys` names the exceptions. While decoding, a `null` in an optional field that
 * does not itself accept `null` counts as absent; while encoding, `undefined` is left out. Unknown keys reach the struct,
 * so the parse option `onExcessProperty` works as usual (default: they are ignored).
 *
 * @since 0.1.0
 */
export const Struct = <const Fields extends Schema.Struct.Fields>(
  fields: Fields,
  keys: Names<Fields> = {}
): Struct<Fields> => make(fields, { keys })

interface Options<Value = unknown> {
  readonly keys: object
  /** Its name among the definitions of JSON Schema. */
  readonly identifier?: string | undefined
  /** Looks at the whole; a struct with other fields, made from this one, does not have it. */
  readonly check?: Check | undefined
  /**
   * Reads JSON in its usual shape, for a struct that comes by the hundred: plain code is six times as fast as any that goes
   * by a list of fields. Of all else it gives `undefined`.
   */
  readonly usual?: ((json: JsonObject) => Value | undefined) | undefined
}

/**
 * What is wrong with a struct whose fields are right, and at which of them; `undefined` if nothing is.
 *
 * @since 0.1.0
 */
export type Check = (value: JsonObject) => Flaw | undefined

/**
 * Where a struct is wrong as a whole.
 *
 * @since 0.1.0
 */
export interface Flaw {
  readonly path: ReadonlyArray<PropertyKey>
  readonly issue: string
}

const make = <const Fields extends Schema.Struct.Fields>(
  fields: Fields,
  options: Options<Schema.Struct.Type<NoInfer<Fields>>>
): Struct<Fields> => {
  const tables = lazy(() => renamingTables(fields, options.keys))
  const { check } = options
  const struct = Schema.Struct(fields)
  const renamed = JsonObject.annotate(describedAs<JsonObject>({
    identifier: options.identifier,
    parts: () => Object.values<Schema.Constraint>(fields),
    describe: (members) => describe(tables().toDomain, members)
  })).pipe(
    Schema.decodeTo(
      check === undefined
        ? struct
        : struct.check(Schema.makeFilter((value) => isJsonObject(value) ? check(value) : true)),
      renaming<Schema.Struct<Fields>["Encoded"]>(tables)
    )
  )
  const { usual } = options
  const fits = check === undefined ? undefined : (value: JsonObject) => check(value) === undefined
  const { ast } = Codec.serving(renamed, Codec.struct(() => tables().toDomain, { fits, usual }))
  return Schema.make<Struct<Fields>>(ast, {
    fields,
    mapFields: <To extends Schema.Struct.Fields>(f: (fields: Fields) => To) => make(f(fields), { keys: options.keys })
  })
}

/**
 * A struct that is built when it is first used.
 *
 * @since 0.1.0
 */
export interface LazyStruct<Fields extends Schema.Struct.Fields> extends Struct<Fields> {
  /** The same struct with some fields replaced, for example optional ones by required ones. */
  readonly with: <const More extends Schema.Struct.Fields>(more: () => More) => LazyStruct<Fields & More>
}

/**
 * Makes a {@link Struct} that costs next to nothing until it is first used.
 *
 * @since 0.1.0
 */
export const LazyStruct = <const Fields extends Schema.Struct.Fields>(
  fields: () => Fields,
  keys: Names<NoInfer<Fields>> = {},
  options: Omit<Options<Schema.Struct.Type<NoInfer<Fields>>>, "keys"> = {}
): LazyStruct<Fields> => lazily(fields, { keys, ...options })

const lazily = <const Fields extends Schema.Struct.Fields>(
  fields: () => Fields,
  options: Options<Schema.Struct.Type<NoInfer<Fields>>>
): LazyStruct<Fields> =>
  deferred(() => make(fields(), options), {
    with: <const More extends Schema.Struct.Fields>(more: () => More) =>
      lazily<Fields & More>(() => ({ ...fields(), ...more() }), { keys: options.keys })
  })

/**
 * A struct with camelCase fields that also has keys of the caller's own; those keep their names.
 *
 * @since 0.1.0
 */
export interface OpenStruct<Fields extends Schema.Struct.Fields, Rest extends Schema.Codec<unknown, unknown>>
  extends
    Schema.decodeTo<
      Schema.StructWithRest<Schema.Struct<Fields>, readonly [Schema.$Record<Schema.String, Rest>]>,
      Schema.declare<JsonObject>
    >
{}

/**
 * Makes a {@link Struct} that also has keys of the caller's own, whose values are described by `rest`.
 *
 * @since 0.1.0
 */
export const OpenStruct = <const Fields extends Schema.Struct.Fields, Rest extends Schema.Codec<unknown, unknown>>(
  fields: Fields,
  rest: Rest
): OpenStruct<Fields, Rest> => {
  const target = Schema.StructWithRest(Schema.Struct(fields), [Schema.Record(Schema.String, rest)])
  const tables = lazy(() => renamingTables(fields, {}))
  return JsonObject.annotate(describedAs<JsonObject>({
    parts: () => [rest, ...Object.values<Schema.Constraint>(fields)],
    describe: ([others = {}, ...members]) => ({
      ...describe(tables().toDomain, members),
      additionalProperties: others
    })
  })).pipe(Schema.decodeTo(target, renaming<(typeof target)["Encoded"]>(tables)))
}

/**
 * A field that is always there in the type, and has a default where JSON lacks it.
 *
 * @since 0.1.0
 */
export const withDefault = <S extends Schema.Codec<unknown, unknown>>(
  schema: S,
  json: S["Encoded"]
): Schema.withDecodingDefaultKey<S> => {
  const filled = schema.pipe(Schema.withDecodingDefaultKey(Effect.succeed(json)))
  return filled.annotate(
    Codec.ofTransformation(filled, {
      read: Codec.reader(schema),
      write: Codec.writer(schema),
      lenient: Codec.lenientReader(schema)
    })
  )
}

const promise = "effect-openrouter/Struct/promise"

/**
 * A field like that of {@link withDefault}, of which JSON Schema still says that it must be there: the API promises it, and
 * the default is for gateways that leave it out.
 *
 * @since 0.1.0
 */
export const promised = <S extends Schema.Codec<unknown, unknown>>(
  schema: S,
  json: S["Encoded"]
): Schema.withDecodingDefaultKey<S> => withDefault(schema, json).annotate({ [promise]: true })

/** An object with the members of a struct, and whatever else; `members` describes them in the order of the fields. */
const describe = (
  fields: ReadonlyMap<string, Codec.Field>,
  members: ReadonlyArray<JsonSchema.JsonSchema>
): JsonSchema.JsonSchema => {
  const properties: Record<string, JsonSchema.JsonSchema> = {}
  const required: Array<string> = []
  for (const [index, [name, { ast, nullIsAbsent }]] of Array.from(fields).entries()) {
    const member = members[index] ?? {}
    properties[name] = nullIsAbsent ? orNull(member) : member
    const isPromised = Codec.annotationOf(ast, promise) === true
    if (isPromised || !SchemaAST.isOptional(jsonOf(Schema.make<Schema.Codec<unknown>>(ast)))) required.push(name)
  }
  return { type: "object", properties, ...(required.length === 0 ? {} : { required }) }
}

/** Renames the keys of an object; see {@link Struct}. */
const renaming = <Encoded>(
  tables: () => ReturnType<typeof renamingTables>
): SchemaTransformation.Transformation<Encoded, JsonObject> => {
  const rename = SchemaTransformation.transform<JsonObject, JsonObject>({
    decode: (json) => {
      const { toDomain } = tables()
      const out: Record<string, unknown> = {}
      for (const wireKey of Object.keys(json)) {
        const value = json[wireKey]
        const field = toDomain.get(wireKey)
        if (field === undefined) assign(out, wireKey, value)
        else if (value !== null || !field.nullIsAbsent) out[field.key] = value
      }
      return out
    },
    encode: (value) => {
      const { toWire } = tables()
      const out: Record<string, unknown> = {}
      for (const key of Object.keys(value)) {
        const field = value[key]
        if (field !== undefined) assign(out, toWire.get(key) ?? key, field)
      }
      return out
    }
  })
  // The only cast of the library: the compiler cannot know the renamed keys, because their names are derived at run time.
  return rename as unknown as SchemaTransformation.Transformation<Encoded, JsonObject>
}

const renamingTables = (fields: Schema.Struct.Fields, keys: object) => {
  const toDomain = new Map<string, Codec.Field>()
  const toWire = new Map<string, string>()
  const overrides = new Map<string, unknown>(Object.entries(keys))
  for (const [key, field] of Object.entries<Schema.Constraint>(fields)) {
    const override = overrides.get(key)
    const wireKey = typeof override === "string" ? override : snakeCase(key)
    const { ast } = field
    toDomain.set(wireKey, { key, nullIsAbsent: SchemaAST.isOptional(ast) && !acceptsNull(ast), ast })
    toWire.set(key, wireKey)
  }
  return { toDomain, toWire }
}

const acceptsNull = (ast: SchemaAST.AST): boolean =>
  ast._tag === "Null" || ast._tag === "Unknown" || ast._tag === "Any" ||
  ast._tag === "Union" && ast.types.some(acceptsNull)

/** Assignment, except that `__proto__`, which JSON may contain, does not become a prototype. */
const assign = (target: Record<string, unknown>, key: string, value: unknown): void => {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
  } else target[key] = value
}
