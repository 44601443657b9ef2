/**
 * Values told apart by a discriminator, where an unknown or malformed value is kept, not rejected.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Codec from "./Codec.ts"
import { describedAs } from "./Described.ts"
import { checking, Fresh, generatedFrom, isJsonObject, raw, withRaw } from "./Json.ts"
import type { JsonObject } from "./Json.ts"
import { deferred, lazy } from "./Lazy.ts"

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
export interface OpenUnion<A extends Arms> extends
  Schema.decodeTo<
    Schema.declareConstructor<A[keyof A]["Type"] | Unknown, A[keyof A]["Type"] | Unknown, readonly []>,
    Schema.declare<unknown>
  >
{
  /** The schemas of the arms by the wire value of their discriminator; spread them into a union of your own. */
  readonly arms: A
}

/**
 * Makes a union that never rejects what it reads.
 *
 * Decoding looks up the arm by the discriminator. What does not fit is left out of the typed view, at any depth: an optional
 * field, an element of a list. An unknown discriminator, or a known one without what its arm needs, becomes {@link Unknown}
 * with its JSON kept. A decoded value remembers its JSON ({@link raw}) and encodes to exactly that. Encoding a value made by
 * hand checks it against its arm; the issue names the field.
 *
 * @since 0.1.0
 */
export const OpenUnion = <const A extends Arms>(arms: A, options: Options<A>): OpenUnion<A> =>
  deferred(() => make(arms, options), { arms })

interface Options<A extends Arms> {
  readonly identifier: string
  /** The wire key that tells the arms apart, also the key in the decoded value. Default `type`. */
  readonly discriminator?: string
  /** The arm of a value that has no discriminator. Default: none, such a value is unknown. */
  readonly fallback?: keyof A & string
  /** Stricter arms for values made by hand, where the API demands more of a request than it promises in an answer. */
  readonly byHand?: Partial<A> | Arms
}

const make = <const A extends Arms>(arms: A, options: Options<A>) => {
  type Known = A[keyof A]["Type"]
  type Value = Known | Unknown
  const discriminator = options.discriminator ?? "type"
  const knownArms = lazy(() =>
    new Map(
      Object.entries<Schema.Codec<Known, unknown>>(arms).map(([type, arm]) => {
        const decode = lazy(() => SchemaParser.decodeUnknownExit(arm))
        const check = checking(() => Schema.toType(arm))
        return [type, { read: Codec.reader(arm), decode, lenient: Codec.lenientReader(arm), check }] as const
      })
    )
  )
  const encodingArms = lazy(() =>
    new Map(
      Object.entries<Schema.Codec<object, unknown>>({ ...arms, ...options.byHand }).map(([type, schema]) => {
        const encode = lazy(() => SchemaParser.encodeUnknownEffect(schema))
        return [type, { schema, write: Codec.writer(schema), encode }] as const
      })
    )
  )
  const typeOf = (value: JsonObject): string | undefined => {
    const type = value[discriminator]
    return typeof type === "string" ? type : type === undefined ? options.fallback : undefined
  }
  const decode = (json: unknown): Value => {
    if (!isJsonObject(json)) return unknownOf("", json)
    const arm = knownArms().get(typeOf(json) ?? "")
    const value = arm === undefined ? Codec.misfit : arm.read(json)
    if (value !== Codec.misfit) return withRaw(value, json)
    const type = json[discriminator]
    const wireType = typeof type === "string" ? type : ""
    if (arm === undefined) return unknownOf(wireType, json)
    const exit = arm.decode()(json)
    if (Exit.isSuccess(exit)) return withRaw(exit.value, json)
    const part = arm.lenient(json)
    return part !== Codec.misfit ? withRaw(part, json) : unknownOf(wireType, json, issueText(exit))
  }
  const encodingArm = (value: unknown) => encodingArms().get(isJsonObject(value) ? typeOf(value) ?? "" : "")
  const write = (value: unknown): unknown => {
    const json = raw(value)
    if (json !== undefined) return json
    return isUnknown(value) ? value.raw : encodingArm(value)?.write(value) ?? Codec.misfit
  }
  const strayed = (value: JsonObject): string => {
    const type = value[discriminator]
    return typeof type === "string"
      ? `has the ${discriminator} ${
        JSON.stringify(type)
      }, which this version does not know; to send it nevertheless, ` +
        "write { type: \"unknown\", wireType, raw } with its JSON as raw"
      : `needs a ${discriminator}, one of ${Array.from(encodingArms().keys()).join(", ")}`
  }
  const encode = (value: Value, parseOptions: SchemaAST.ParseOptions): Effect.Effect<unknown, SchemaIssue.Issue> => {
    const json = raw(value)
    if (json !== undefined) return Effect.succeed(json)
    if (isUnknown(value)) return Effect.succeed(value.raw)
    const arm = encodingArm(value)
    if (arm !== undefined) return arm.encode()(value, parseOptions)
    const message = isJsonObject(value) ? strayed(value) : "is no object"
    return Effect.fail(new SchemaIssue.InvalidValue({ message }, value, parseOptions))
  }
  const fresh = new Fresh<Value>()
  const Target = Schema.declareConstructor<Value>()([], () => (value, ast, parseOptions) => {
    if (fresh.take(value)) return Effect.succeed(value)
    if (!isJsonObject(value)) return Effect.fail(new SchemaIssue.InvalidType(ast, value, parseOptions))
    if (isUnknown(value)) return Effect.succeed(value)
    const arm = knownArms().get(typeOf(value) ?? "")
    return arm === undefined
      ? Effect.fail(new SchemaIssue.InvalidValue({ message: strayed(value) }, value, parseOptions))
      : arm.check(value, parseOptions)
  }, {
    identifier: options.identifier,
    expected: "an object",
    toCodecJson: () =>
      Schema.link<Value>()(
        Schema.Union([...membersOf(arms).map((arm) => Schema.toType(arm)), Unknown]),
        SchemaTransformation.passthrough()
      ),
    toCodecArbitrary: () =>
      generatedFrom<object>(Schema.Union(Array.from(encodingArms().values(), ({ schema }) => schema)))
  })
  const AnyJson = Schema.declare(
    (_: unknown): _ is unknown => true,
    describedAs<unknown>({
      identifier: options.identifier,
      parts: () => membersOf(arms),
      describe: (members) => ({
        anyOf: [...members, {
          type: "object",
          properties: { [discriminator]: { type: "string", not: { enum: Object.keys(arms) } } },
          required: [discriminator]
        }]
      })
    })
  )
  const union = AnyJson.pipe(Schema.decodeTo(
    Target,
    SchemaTransformation.transformEffect<Value, unknown>({
      decode: (json) => Effect.succeed(fresh.made(decode(json))),
      encode
    })
  ))
  return Codec.serving(union, { read: decode, write, readsAnyKeys: true })
}

/** The arms, each once, although several types may share one. */
const membersOf = (arms: Arms): ReadonlyArray<Schema.Codec<object, unknown>> => Array.from(new Set(Object.values(arms)))

/**
 * True for the arm of an open union that keeps what this version does not know.
 *
 * @since 0.1.0
 */
export const isUnknown: (u: unknown) => u is Unknown = Schema.is(Unknown)

const unknownOf = (wireType: string, json: unknown, issue?: string): Unknown =>
  withRaw({ type: "unknown", wireType, raw: json, ...(issue === undefined ? {} : { issue }) }, json)

const formatIssue = SchemaIssue.makeFormatterDefault()

const issueText = (exit: Exit.Failure<unknown, SchemaIssue.Issue>): string => {
  const issue = Exit.findErrorOption(exit)
  return issue._tag === "Some" ? formatIssue(issue.value) : "undecodable"
}
