/**
 * Answers without a script: the same for the same seed and request, and valid for the schema that was asked for.
 *
 * Words come from the emulator's models, because they can be read. What those cannot make of the request's JSON Schema (a
 * filter of the program's own, a rule that JSON Schema does not have) is drawn from the schema itself, by `effect/Arbitrary`.
 *
 * @since 0.1.0
 */
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as Draw from "../../domain/emulator/Draw.ts"
import * as SchemaJson from "../../domain/emulator/SchemaJson.ts"
import * as Text from "../../domain/emulator/Text.ts"
import * as ObjectFormat from "../../domain/object/ObjectFormat.ts"
import * as CreateResponse from "../../domain/request/CreateResponse.ts"
import * as ObjectText from "./ObjectText.ts"
import * as Shown from "./Shown.ts"
import { TestFailure } from "./TestFailure.ts"
import type { Asked } from "./TestScript.ts"

/** So many readable answers are tried before one is drawn that may be hard to read. */
const tries = 8

/**
 * The text that answers a request.
 *
 * @since 0.1.0
 */
export const text = (asked: Asked, seed: number): Effect.Effect<string> =>
  Effect.suspend(() => {
    const { request, schema } = asked
    const draw = Draw.make(seed, bytesOf(request))
    const format = request.text?.format
    if (format === undefined || format.type === "text") return Effect.succeed(spoken(draw))
    const jsonSchema = "schema" in format ? format.schema : { type: "object" }
    if (schema === undefined) return Effect.succeed(JSON.stringify(SchemaJson.generate(jsonSchema, draw)))
    return Effect.map(structured(asked, schema, jsonSchema, draw), (json) => JSON.stringify(json))
  })

/** Equal requests have equal bytes. */
const bytesOf = (request: CreateResponse.CreateResponse): string =>
  Result.getOrElse(CreateResponse.toBody(request, { stream: false }), () => "")

const spoken = (draw: Draw.Draw): string =>
  Array.from({ length: Draw.integer(draw, 1, 2) }, (_, index) => Text.sentence(Draw.child(draw, index))).join(" ")

/** What can be read, with drawn parts where it does not fit; all of it drawn if that does not fit either. */
const structured = Effect.fnUntraced(function*(
  asked: Asked,
  schema: Schema.Codec<unknown, unknown>,
  jsonSchema: unknown,
  draw: Draw.Draw
): Effect.fn.Return<unknown> {
  const format = yield* ObjectText.formatOf(schema, asked.request)
  const misfits = (json: unknown) => ObjectFormat.misfits(format, schema, json)
  const first = SchemaJson.generate(jsonSchema, draw)
  const places = misfits(first)
  if (places.length === 0) return first
  for (let n = 1; n < tries; n++) {
    const other = SchemaJson.generate(jsonSchema, Draw.child(draw, `try ${n}`))
    if (misfits(other).length === 0) return other
  }
  const sampled = yield* drawn(asked, draw, schema, format)
  let mended: unknown = first
  let open = places
  // What is read in stages tells of a later stage only when the earlier ones are well.
  for (let round = 0; round < rounds && open.length > 0; round++) {
    for (const path of open) mended = replaced(mended, path, partFor(sampled, path))
    open = misfits(mended)
  }
  return open.length === 0 ? mended : sampled
})

const rounds = 3

/** What is drawn for a place; lists may be of different lengths. */
const partFor = (sampled: unknown, path: ReadonlyArray<PropertyKey>): unknown =>
  path.reduce((found: unknown, key) => {
    if (Array.isArray(found)) return found[Number(key) % found.length]
    return ObjectText.at(found, [key])
  }, sampled)

/** A copy with another value at one place. */
const replaced = (json: unknown, path: ReadonlyArray<PropertyKey>, value: unknown): unknown => {
  const [key, ...rest] = path
  if (key === undefined) return value
  if (Array.isArray(json)) {
    return json.map((inner, index) => index === Number(key) ? replaced(inner, rest, value) : inner)
  }
  return Predicate.isObject(json) ? { ...json, [key]: replaced(json[key], rest, value) } : json
}

const drawn = Effect.fnUntraced(function*(
  { request }: Asked,
  draw: Draw.Draw,
  schema: Schema.Codec<unknown, unknown>,
  format: ObjectFormat.ObjectFormat
): Effect.fn.Return<unknown> {
  const arbitrary = yield* Effect.try({ try: () => Arbitrary.schema(schema), catch: wordsOf }).pipe(Effect.result)
  if (Result.isFailure(arbitrary)) return yield* unanswerable(request, arbitrary.failure)
  const seed = Draw.toKey(draw)
  let reason = "no value of it was found"
  for (const size of sizes) {
    const sampled = yield* Effect.result(
      Arbitrary.sampleEffect(arbitrary.success, { count: samples, size, seed, maxDiscards })
    )
    if (Result.isFailure(sampled)) continue
    reason = "none of its values can be written as JSON and read back"
    for (const value of sampled.success) {
      const text = yield* ObjectText.write(format, schema, value)
      // Not all values survive their JSON: there are no infinite numbers in it.
      if (Result.isFailure(text)) continue
      const json: unknown = JSON.parse(text.success)
      if (ObjectFormat.misfits(format, schema, json).length === 0) return json
    }
  }
  return yield* unanswerable(request, reason)
})

/** Small values first: rules that few values meet need larger ones. */
const sizes = [3, 30, 1000, 100_000]

const samples = 5

const maxDiscards = 2000

const wordsOf = (cause: unknown): string => cause instanceof Error ? cause.message : String(cause)

const unanswerable = (request: CreateResponse.CreateResponse, reason: string): Effect.Effect<never> =>
  Effect.die(
    new TestFailure(
      `layerAuto finds no answer for the schema of this call (${reason}); give one with layer and bySchema\n` +
        `the call: ${Shown.request(request)}`
    )
  )
