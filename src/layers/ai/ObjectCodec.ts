/**
 * Structured answers of `LanguageModel.generateObject`: the JSON Schema that is sent, and how the text of an answer is read.
 *
 * The schema is that of `effect/ai` for OpenAI's strict mode, which `LanguageModel` brings into a program anyway. A root that is no
 * plain object, such as a union, is asked for in an object of one field. An answer may also be the plain JSON of the schema: models
 * without a strict mode leave out what is optional, and write records as they are.
 *
 * @since 0.1.0
 */
import type * as LanguageModel from "effect/ai/LanguageModel"
import { toCodecOpenAI } from "effect/ai/OpenAiStructuredOutput"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as ArgumentsSchema from "../../domain/request/ArgumentsSchema.ts"
import * as Wire from "../../domain/wire/Wire.ts"

/**
 * What `LanguageModel` reads answers with. It throws for a schema that JSON cannot express.
 *
 * @since 0.1.0
 */
export const transformer: LanguageModel.CodecTransformer = (schema) =>
  Result.getOrElse(Result.try(() => toCodecOpenAI(schema)), () => {
    const inside = Schema.Struct({ value: schema }).pipe(
      Schema.decodeTo(
        Schema.toType(schema),
        SchemaTransformation.transform({ decode: ({ value }) => value, encode: (value) => ({ value }) })
      )
    )
    return toCodecOpenAI(inside)
  })

/**
 * How a schema is asked for, and what its answers are decoded with.
 *
 * @since 0.1.0
 */
export interface ObjectCodec {
  readonly jsonSchema: Wire.JsonObject
  /** What `LanguageModel` decodes. */
  readonly codec: Schema.Codec<unknown, unknown>
  /** The plain JSON of the schema. */
  readonly plain: Schema.Codec<unknown, unknown>
}

/**
 * Prepares a schema, or says what about it cannot be asked for.
 *
 * @since 0.1.0
 */
export const make = (schema: Schema.Top, strict: boolean): Result.Result<ObjectCodec, string> =>
  Result.flatMap(
    Result.try({
      try: () => {
        const { codec, jsonSchema } = transformer(schema)
        return {
          jsonSchema: strict ? jsonSchema : ArgumentsSchema.toJsonSchema(schema),
          // What they need is there at run time: the caller of `generateObject` has it.
          codec: Schema.make<Schema.Codec<unknown, unknown>>(codec.ast),
          plain: Schema.make<Schema.Codec<unknown, unknown>>(Schema.toCodecJson(schema).ast)
        }
      },
      catch: (cause) => `the schema cannot be asked for${cause instanceof Error ? `: ${cause.message}` : ""}`
    }),
    (made) => {
      const free = strict ? anything(made.jsonSchema, "") : undefined
      return free === undefined
        ? Result.succeed(made)
        : Result.fail(
          `the schema must say what ${free || "the value"} is: strict mode takes nothing that may be anything`
        )
    }
  )

/** The path of a part of a JSON Schema that says nothing. */
const anything = (schema: unknown, path: string): string | undefined => {
  if (!Wire.isJsonObject(schema)) return undefined
  if (Object.keys(schema).every((key) => key === "description" || key === "title")) return path
  const { $defs, anyOf, items, properties } = schema
  const parts = [
    ...Object.entries(Wire.isJsonObject(properties) ? properties : {}),
    ...Object.entries(Wire.isJsonObject($defs) ? $defs : {}),
    ...(Array.isArray(anyOf) ? anyOf.map((member) => ["", member] as const) : []),
    ...(items === undefined ? [] : [["[]", items] as const])
  ]
  for (const [name, part] of parts) {
    const found = anything(part, name === "" ? path : path === "" ? name : `${path}.${name}`)
    if (found !== undefined) return found
  }
  return undefined
}

/**
 * The text of an answer as `LanguageModel` decodes it: as it came, or the object in it, where a fence or other words are around
 * it. Fails with what is wrong if the text has no value of the schema.
 *
 * @since 0.1.0
 */
export const read = Effect.fnUntraced(function*(
  { codec, plain }: ObjectCodec,
  text: string
): Effect.fn.Return<string, string> {
  if (text === "") return yield* Effect.fail("it has no text")
  const decode = SchemaParser.decodeUnknownEffect(codec)
  const fitting = Effect.fnUntraced(function*(json: unknown): Effect.fn.Return<unknown, SchemaIssue.Issue> {
    const decoded = yield* Effect.result(decode(json))
    if (Result.isSuccess(decoded)) return json
    const value = yield* Effect.result(SchemaParser.decodeUnknownEffect(plain)(json))
    return Result.isSuccess(value)
      ? yield* SchemaParser.encodeUnknownEffect(codec)(value.success)
      : yield* Effect.fail(decoded.failure)
  })
  let problem = "it is not JSON"
  for (const candidate of [text, text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1)]) {
    const parsed = Result.try((): unknown => JSON.parse(candidate))
    if (Result.isFailure(parsed)) continue
    const json = yield* Effect.result(fitting(parsed.success))
    if (Result.isSuccess(json)) return json.success === parsed.success ? candidate : JSON.stringify(json.success)
    problem = wordsOf(json.failure)
  }
  return yield* Effect.fail(problem)
})

const wordsOf = SchemaIssue.makeFormatterDefault()
