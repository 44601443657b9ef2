/**
 * An answer as caches keep it.
 *
 * @since 0.1.0
 */
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as SchemaParser from "effect/SchemaParser"
import * as Outcome from "../../domain/outcome/Outcome.ts"
import { lazy } from "../../domain/wire/Lazy.ts"
import * as Wire from "../../domain/wire/Wire.ts"

/**
 * An answer, and when it was kept (epoch milliseconds).
 *
 * @since 0.1.0
 */
export interface StoredAnswer {
  readonly outcome: Outcome.Completed
  readonly storedAt: number
}

const codec = lazy(() => {
  const schema = Schema.toCodecJson(Schema.Struct({ storedAt: Schema.Finite, outcome: Outcome.Completed }))
  return { encode: SchemaParser.encodeUnknownExit(schema), decode: SchemaParser.decodeUnknownExit(schema) }
})

/**
 * An answer as JSON; none if it cannot be written.
 *
 * @since 0.1.0
 */
export const toJson = (answer: StoredAnswer): object | undefined => {
  const exit = codec().encode(answer)
  return Exit.isSuccess(exit) && Wire.isJsonObject(exit.value) ? exit.value : undefined
}

/**
 * The answer of JSON that was stored; none if this version cannot read it.
 *
 * @since 0.1.0
 */
export const fromJson = (json: unknown): StoredAnswer | undefined => {
  const exit = codec().decode(json)
  return Exit.isSuccess(exit) ? exit.value : undefined
}
