/**
 * The one place that knows how a camelCase type meets OpenRouter's snake_case JSON.
 *
 * - {@link Struct}: an object whose keys are renamed in one pass; `null` means "absent" for optional fields.
 * - {@link LazyStruct}: the same, built when it is first used; for what most programs never meet.
 * - {@link OpenStruct}: the same, with keys of the caller's own.
 * - {@link OpenUnion}: values told apart by a discriminator, where an unknown or malformed value is kept, not rejected.
 * - {@link OpenLiterals}: an enum that autocompletes the known values and accepts any string.
 * - {@link raw}: the JSON that a decoded value came from. It is what is sent back, so unknown fields survive.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Codec from "./Codec.ts"
import { generatedFrom, JsonObject, snakeCase } from "./Json.ts"
import { lazy } from "./Lazy.ts"

export { isJsonObject, JsonObject, raw, snakeCase, withRaw } from "./Json.ts"
export { type Arms, isUnknown, OpenUnion, Unknown } from "./OpenUnion.ts"

/**
 * A struct with camelCase fields whose encoded form is a snake_case JSON object.
 *
 * @since 0.1.0
 */
export interface Struct<Fields extends Schema.Struct.Fields>
  extends Schema.decodeTo<Schema.Struct<Fields>, Schema.declare<JsonObject>>
{}

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
  keys: { readonly [K in keyof Fields]?: string } = {}
): Struct<Fields> => {
  const tables = lazy(() => renamingTables(fields, keys))
  const struct = JsonObject.pipe(
    Schema.decodeTo(Schema.Struct(fields), renaming<Schema.Struct<Fields>["Encoded"]>(tables))
  )
  return struct.annotate(Codec.ofTransformation(struct, Codec.struct(() => tables().toDomain)))
}

/**
 * A struct that is built when it is first used.
 *
 * @since 0.1.0
 */
export interface LazyStruct<Fields extends Schema.Struct.Fields> extends Schema.suspend<Struct<Fields>> {
  /** The same struct with some fields replaced, for example optional ones by required ones. */
  readonly with: <const More extends Schema.Struct.Fields>(more: () => More) => LazyStruct<Fields & More>
  /** The struct itself, which is built by this if it was not yet; it can be annotated and checked. */
  readonly struct: () => Struct<Fields>
}

/**
 * Makes a {@link Struct} that costs next to nothing until it is first used.
 *
 * @since 0.1.0
 */
export const LazyStruct = <const Fields extends Schema.Struct.Fields>(
  fields: () => Fields,
  keys: { readonly [K in keyof NoInfer<Fields>]?: string } = {}
): LazyStruct<Fields> => lazily(fields, keys)

const lazily = <const Fields extends Schema.Struct.Fields>(fields: () => Fields, keys: object): LazyStruct<Fields> => {
  const struct = lazy(() => Struct(fields(), keys))
  const extended = <const More extends Schema.Struct.Fields>(more: () => More) =>
    lazily<Fields & More>(() => ({ ...fields(), ...more() }), keys)
  return Object.assign(Schema.suspend(struct), { with: extended, struct })
}

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
  return JsonObject.pipe(
    Schema.decodeTo(target, renaming<(typeof target)["Encoded"]>(lazy(() => renamingTables(fields, {}))))
  )
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

/**
 * The same object without its undefined members: an optional field is absent, not undefined.
 *
 * @since 0.1.0
 */
export const compact = <A extends object>(members: A): { readonly [K in keyof A]?: Exclude<A[K], undefined> } => {
  const out: { [K in keyof A]?: Exclude<A[K], undefined> } = {}
  for (const key in members) {
    const value = members[key]
    if (isDefined(value)) out[key] = value
  }
  return out
}

const isDefined = <A>(value: A): value is Exclude<A, undefined> => value !== undefined

/** Assignment, except that `__proto__`, which JSON may contain, does not become a prototype. */
const assign = (target: Record<string, unknown>, key: string, value: unknown): void => {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
  } else target[key] = value
}

/**
 * A string enum that stays open: the known values autocomplete, any other string is accepted.
 *
 * @since 0.1.0
 */
export interface OpenLiterals<L extends string> extends Schema.declare<L | (string & {})> {}

/**
 * Makes an open enum from the values that the API documents today.
 *
 * @since 0.1.0
 */
export const OpenLiterals = <const L extends ReadonlyArray<string>>(literals: L): OpenLiterals<L[number]> =>
  Schema.declare((u: unknown): u is L[number] | (string & {}) => typeof u === "string", {
    expected: `a string such as ${literals.map((literal) => JSON.stringify(literal)).join(", ")}`,
    toCodecArbitrary: () => generatedFrom<string>(Schema.Literals(literals)),
    ...Codec.ofTest(Predicate.isString)
  })
