/**
 * The shape of an answer from a file with a JSON Schema.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as JsonSchema from "effect/JsonSchema"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaRepresentation from "effect/SchemaRepresentation"
import { InvalidOutput } from "../../domain/error/OpenRouterError.ts"
import * as NearJson from "../../domain/object/NearJson.ts"
import type * as Outcome from "../../domain/outcome/Outcome.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import { Misused } from "./ExitCode.ts"

/**
 * A JSON Schema, and how its values are checked.
 *
 * @since 0.1.0
 */
export interface JsonShape {
  /** What the model sees: the title of the schema, or `answer`. */
  readonly name: string
  readonly schema: Wire.JsonObject
  readonly check: (json: unknown) => Result.Result<unknown, string>
}

/**
 * Why an answer is not of the shape.
 *
 * @since 0.1.0
 */
export type ShapeError = InvalidOutput

/** A schema that can be sent, but not be checked here, is the model's business alone. */
const checkOf = (schema: Wire.JsonObject): JsonShape["check"] => {
  try {
    const imported = SchemaRepresentation.fromJsonSchemaDocument(
      JsonSchema.fromSchemaDraft2020_12({ ...schema }),
      { patterns: "ignore" }
    )
    const decode = Schema.decodeUnknownResult(Schema.make<Schema.Codec<unknown>>(imported.ast))
    return (json) => Result.mapError(Result.map(decode(json), () => json), ({ message }) => message)
  } catch {
    return Result.succeed
  }
}

const nameOf = ({ title }: Wire.JsonObject): string => {
  const name = typeof title === "string" ? title.replaceAll(/[^\w-]+/g, "_").slice(0, 64) : ""
  return name === "" ? "answer" : name
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * The shape that a file describes.
 *
 * @since 0.1.0
 */
export const make = (text: string): Effect.Effect<JsonShape, Misused> => {
  const json = parse(text)
  return Wire.isJsonObject(json)
    ? Effect.succeed({ name: nameOf(json), schema: json, check: checkOf(json) })
    : Effect.fail(new Misused({ message: "--schema: the file is no JSON object" }))
}

/**
 * The JSON of an answer, if it is of the shape.
 *
 * @since 0.1.0
 */
export const read = (shape: JsonShape, answer: Outcome.Completed): Result.Result<unknown, ShapeError> => {
  const { attempts, callCost, cost, generationId, model, response, text, usage } = answer
  let issue = "it is not JSON"
  for (const { json } of NearJson.find(text)) {
    const checked = shape.check(json)
    if (Result.isSuccess(checked)) return Result.succeed(checked.success)
    issue = checked.failure
  }
  return Result.fail(
    new InvalidOutput({
      attempts,
      response,
      ...Wire.compact({ callCost, cost, generationId, model, usage }),
      message: `the answer does not fit the schema: ${issue}`,
      text,
      issue
    })
  )
}
