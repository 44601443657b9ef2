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
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { lazy } from "./Lazy.ts"
import { raw, withRaw } from "./Raw.ts"
import * as WireReader from "./WireReader.ts"

export { raw, withRaw } from "./Raw.ts"

/**
 * A JSON object as it travels: any keys, values not looked at yet.
 *
 * @since 0.1.0
 */
export interface JsonObject {
  readonly [key: string]: unknown
}

/**
 * True for an object that is neither `null` nor an array.
 *
 * @since 0.1.0
 */
export const isJsonObject = (u: unknown): u is JsonObject => Predicate.isObject(u)

/**
 * Schema of a {@link JsonObject}; it does not look at the values.
 *
 * @since 0.1.0
 */
export const JsonObject: Schema.declare<JsonObject> = Schema.declare(isJsonObject, {
  identifier: "JsonObject",
  expected: "an object",
  toCodecArbitrary: () => generatedFrom<JsonObject>(Schema.Record(Schema.String, Schema.Json))
})

/** How property tests make values of a declaration: as values of `schema`. Encoding never comes this way. */
const generatedFrom = <A>(schema: Schema.Codec<A, unknown>): SchemaAST.Link =>
  Schema.link<A>()(schema, {
    decode: SchemaGetter.passthrough({ strict: false }),
    encode: SchemaGetter.forbiddenEncoding
  })

/**
 * The wire name of a camelCase field: `maxOutputTokens` becomes `max_output_tokens`.
 *
 * @since 0.1.0
 */
export const snakeCase = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

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
  return JsonObject.pipe(
    Schema.decodeTo(Schema.Struct(fields), renaming<Schema.Struct<Fields>["Encoded"]>(tables))
  ).annotate(WireReader.annotate(WireReader.struct(() => tables().toDomain), { isTransformation: true }))
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
  const toDomain = new Map<string, WireReader.Field>()
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
 * A value whose `type` this version does not know, or whose known `type` did not have the expected shape.
 *
 * `raw` is the whole JSON and is what is sent back; `issue` says what was wrong with a known type.
 *
 * @since 0.1.0
 */
export const Unknown: Schema.Struct<{
  readonly type: Schema.tag<"unknown">
  readonly wireType: Schema.String
  readonly raw: Schema.Unknown
  readonly issue: Schema.optionalKey<Schema.String>
}> = Schema.Struct({
  type: Schema.tag("unknown"),
  wireType: Schema.String,
  raw: Schema.Unknown,
  issue: Schema.optionalKey(Schema.String)
})

/**
 * @since 0.1.0
 */
export interface Unknown extends Schema.Schema.Type<typeof Unknown> {}

/**
 * The arms of an open union by the wire value of their discriminator.
 *
 * @since 0.1.0
 */
export interface Arms {
  readonly [type: string]: Schema.Codec<object, unknown>
}

/**
 * An open union; its encoded side is any JSON.
 *
 * @since 0.1.0
 */
export interface OpenUnion<A extends Arms>
  extends Schema.decodeTo<Schema.declare<A[keyof A]["Type"] | Unknown>, Schema.Unknown>
{}

/**
 * Makes a union that never rejects what it reads.
 *
 * Decoding looks up the arm by the discriminator. An optional field of the wrong type is left out of the typed view; an
 * unknown discriminator, or a known one without what its arm needs, becomes {@link Unknown} with its JSON kept. A decoded
 * value remembers its JSON ({@link raw}) and encodes to exactly that. Encoding a value made by hand checks it against its
 * arm; the issue names the field.
 *
 * @since 0.1.0
 */
export const OpenUnion = <const A extends Arms>(arms: A, options: {
  readonly identifier: string
  /** The wire key that tells the arms apart, also the key in the decoded value. Default `type`. */
  readonly discriminator?: string
  /** The arm of a value that has no discriminator. Default: none, such a value is unknown. */
  readonly fallback?: keyof A & string
  /** Stricter arms for values made by hand, where the API demands more of a request than it promises in an answer. */
  readonly byHand?: Partial<A> | Arms
}): OpenUnion<A> => {
  type Known = A[keyof A]["Type"]
  type Value = Known | Unknown
  const discriminator = options.discriminator ?? "type"
  const decodingArms = lazy(() =>
    new Map(
      Object.entries<Schema.Codec<Known, unknown>>(arms).map(([type, arm]) => {
        const decode = lazy(() => SchemaParser.decodeUnknownExit(arm))
        return [type, { read: WireReader.make(arm), decode }] as const
      })
    )
  )
  const encodingArms = lazy(() =>
    new Map(Object.entries<Schema.Codec<object, unknown>>({ ...arms, ...options.byHand }))
  )
  const encoders = new Map<string, ReturnType<typeof SchemaParser.encodeUnknownEffect<Schema.Codec<object, unknown>>>>()
  const typeOf = (value: JsonObject): string | undefined => {
    const type = value[discriminator]
    return typeof type === "string" ? type : type === undefined ? options.fallback : undefined
  }
  const decode = (json: unknown): Value => {
    if (!isJsonObject(json)) return { type: "unknown", wireType: "", raw: json }
    const armType = typeOf(json) ?? ""
    const type = json[discriminator]
    const wireType = typeof type === "string" ? type : ""
    const arm = decodingArms().get(armType)
    if (arm === undefined) return { type: "unknown", wireType, raw: json }
    const read = arm.read(json)
    if (read !== WireReader.misfit) return withRaw(read, json)
    const decodeArm = arm.decode()
    const exit = decodeArm(json)
    if (Exit.isSuccess(exit)) return withRaw(exit.value, json)
    for (let part = withoutMisfit(json, exit); part !== undefined;) {
      const again = decodeArm(part)
      if (Exit.isSuccess(again)) return withRaw(again.value, json)
      part = withoutMisfit(part, again)
    }
    return { type: "unknown", wireType, raw: json, issue: issueText(exit) }
  }
  const encode = (value: Value, parseOptions: SchemaAST.ParseOptions): Effect.Effect<unknown, SchemaIssue.Issue> => {
    const json = raw(value)
    if (json !== undefined) return Effect.succeed(json)
    if (isUnknown(value)) return Effect.succeed(value.raw)
    const armType = isJsonObject(value) ? typeOf(value) ?? "" : ""
    let encoder = encoders.get(armType)
    if (encoder === undefined) {
      const arm = encodingArms().get(armType)
      if (arm === undefined) {
        const expected = `one of ${Array.from(encodingArms().keys()).join(", ")} as ${discriminator}`
        return Effect.fail(new SchemaIssue.InvalidValue({ message: expected }, value, parseOptions))
      }
      encoder = SchemaParser.encodeUnknownEffect(arm)
      encoders.set(armType, encoder)
    }
    return encoder(value, parseOptions)
  }
  const Target = Schema.declare((u: unknown): u is Value => isJsonObject(u), {
    identifier: options.identifier,
    expected: "an object",
    toCodecArbitrary: () => generatedFrom<object>(Schema.Union(Array.from(encodingArms().values())))
  })
  return Schema.Unknown.pipe(Schema.decodeTo(
    Target,
    SchemaTransformation.transformEffect<Value, unknown>({ decode: (json) => Effect.succeed(decode(json)), encode })
  )).annotate(WireReader.annotate(decode, { isTransformation: true }))
}

/**
 * True for the arm of an open union that keeps what this version does not know.
 *
 * @since 0.1.0
 */
export const isUnknown: (u: unknown) => u is Unknown = Schema.is(Unknown)

const formatIssue = SchemaIssue.makeFormatterDefault()
const formatIssues = SchemaIssue.makeFormatterStandardSchemaV1()

/** The object without the key at which decoding failed, or `undefined` if there is none to leave out. */
const withoutMisfit = (json: JsonObject, exit: Exit.Failure<unknown, SchemaIssue.Issue>): JsonObject | undefined => {
  const issue = Exit.findErrorOption(exit)
  const segment = issue._tag === "Some" ? formatIssues(issue.value).issues[0]?.path?.[0] : undefined
  if (segment === undefined) return undefined
  const name = String(typeof segment === "object" ? segment.key : segment)
  const key = [snakeCase(name), name].find((key) => json[key] !== undefined)
  if (key === undefined) return undefined
  const { [key]: _, ...others } = json
  return others
}

const issueText = (exit: Exit.Failure<unknown, SchemaIssue.Issue>): string => {
  const issue = Exit.findErrorOption(exit)
  return issue._tag === "Some" ? formatIssue(issue.value) : "undecodable"
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
    ...stringReader
  })

const stringReader = WireReader.annotate((json) => typeof json === "string" ? json : WireReader.misfit, {
  isTransformation: false
})
