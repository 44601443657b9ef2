/**
 * Structured answers of `LanguageModel.generateObject`: the JSON Schema that is sent, and how the text of an answer is read.
 *
 * They are those of `OpenRouter.respondObject`: every schema that JSON can express will do, also one whose root is no object.
 *
 * @since 0.1.0
 */
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as NearJson from "../../domain/object/NearJson.ts"
import type * as ObjectFormat from "../../domain/object/ObjectFormat.ts"
import * as ObjectJson from "../../domain/object/ObjectJson.ts"
import * as ObjectSchema from "../../domain/object/ObjectSchema.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import * as ObjectCall from "../../services/ObjectCall.ts"

/**
 * Where formats are kept, by schema.
 *
 * @since 0.1.0
 */
export type Formats = Parameters<typeof ObjectCall.formatOf>[2]

/**
 * What `LanguageModel` reads answers with. It throws for a schema that cannot be asked for.
 *
 * @since 0.1.0
 */
export const transformer = (formats: Formats): LanguageModel.CodecTransformer => (schema) => {
  const strict = ObjectCall.formatOf(schema, true, formats)
  const made = Result.isSuccess(strict) ? strict : ObjectCall.formatOf(schema, false, formats)
  if (Result.isFailure(made)) throw new Error(`the schema ${made.failure}`)
  const format = made.success
  const codec = Schema.Unknown.pipe(Schema.decodeTo(
    Schema.toCodecJson(schema),
    SchemaTransformation.transformEffect<Schema.Json, unknown>({
      decode: (json, options) => {
        const { json: read, notes } = ObjectJson.read(format.shape, unwrapped(format, json), format.decoders)
        if (notes.repeated.length > 0) {
          return Effect.fail(new SchemaIssue.InvalidValue({ message: "a key is there twice" }, json, options))
        }
        return SchemaParser.decodeUnknownEffect(Schema.Json)(read, options)
      },
      encode: (json) =>
        Effect.succeed(
          wrapped(format, Option.getOrElse(ObjectJson.write(format.shape, json, format.isStrict), () => json))
        )
    })
  ))
  return { codec, jsonSchema: { ...format.jsonSchema } }
}

/** A value that is in an object of one field; some models leave the object out. */
const unwrapped = (format: ObjectFormat.ObjectFormat, json: unknown): unknown =>
  format.isWrapped && Wire.isJsonObject(json) && Object.keys(json).join() === ObjectSchema.wrapper
    ? json[ObjectSchema.wrapper]
    : json

const wrapped = (format: ObjectFormat.ObjectFormat, json: unknown): unknown =>
  format.isWrapped ? { [ObjectSchema.wrapper]: json } : json

/**
 * The JSON text of an answer: as it came, or what is nearly JSON in it made JSON. Fails with what is wrong if the text has no
 * value of the schema.
 *
 * @since 0.1.0
 */
export const read = Effect.fnUntraced(function*(
  codec: Schema.Constraint,
  text: string
): Effect.fn.Return<string, string> {
  if (text === "") return yield* Effect.fail("it has no text")
  // What the schema needs is there at run time: the caller of `generateObject` has it.
  const decode = SchemaParser.decodeUnknownEffect(Schema.make<Schema.Codec<unknown>>(codec.ast))
  let problem = "it is not JSON"
  const parsed = Result.try((): unknown => JSON.parse(text))
  if (Result.isSuccess(parsed)) {
    const decoded = yield* Effect.result(decode(parsed.success))
    if (Result.isSuccess(decoded)) return text
    problem = wordsOf(decoded.failure)
    if (typeof parsed.success === "object") return yield* Effect.fail(problem)
  }
  let isFirst = Result.isFailure(parsed)
  for (const found of NearJson.find(text)) {
    const decoded = yield* Effect.result(decode(found.json))
    if (Result.isSuccess(decoded)) return JSON.stringify(found.json)
    if (isFirst) problem = wordsOf(decoded.failure)
    isFirst = false
  }
  return yield* Effect.fail(problem)
})

const wordsOf = SchemaIssue.makeFormatterDefault()
