/**
 * Texts as vectors: `POST /embeddings`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Figure from "../money/Figure.ts"
import * as Costs from "../outcome/Costs.ts"
import { ProviderPreferences } from "../request/ProviderPreferences.ts"
import * as RequestBody from "../request/RequestBody.ts"
import * as Wire from "../wire/Wire.ts"
import * as Call from "./Call.ts"

const optional = Schema.optional

/**
 * A request for embeddings.
 *
 * @since 0.1.0
 */
export const CreateEmbeddings = Wire.LazyStruct(() => ({
  model: Schema.NonEmptyString,
  /** One text, or several: the answer has a vector for each. */
  input: Schema.Union([Schema.String, Schema.Array(Schema.String)]),
  dimensions: optional(Schema.Int),
  encodingFormat: optional(Wire.OpenLiterals(["float", "base64"])),
  /** What the text is for, such as `search_query` or `search_document`. */
  inputType: optional(Schema.String),
  provider: optional(ProviderPreferences),
  user: optional(Schema.String)
}))

/**
 * @since 0.1.0
 */
export interface CreateEmbeddings extends Schema.Schema.Type<typeof CreateEmbeddings> {}

const known = Schema.optionalKey

/**
 * The vector of one text: numbers, or base64 text if that was asked for.
 *
 * @since 0.1.0
 */
export const Embedding = Wire.LazyStruct(() => ({
  index: known(Schema.Finite),
  embedding: Schema.Union([Schema.Array(Schema.Finite), Schema.String])
}))

/**
 * @since 0.1.0
 */
export interface Embedding extends Schema.Schema.Type<typeof Embedding> {}

/**
 * The vectors in the order of the texts, and what they cost.
 *
 * @since 0.1.0
 */
export const Embeddings = Wire.LazyStruct(() => ({
  id: known(Schema.String),
  model: known(Schema.String),
  data: Schema.Array(Embedding),
  usage: known(Wire.Struct({
    promptTokens: Figure.count,
    totalTokens: Figure.count,
    cost: Figure.cost,
    isByok: known(Schema.Boolean)
  }))
}))

/**
 * @since 0.1.0
 */
export interface Embeddings extends Schema.Schema.Type<typeof Embeddings> {}

const write = RequestBody.writer(CreateEmbeddings)

const read = Call.reader(Embeddings, { from: "body" })

/**
 * `POST /embeddings`.
 *
 * @since 0.1.0
 */
export const embeddings = (request: CreateEmbeddings): Call.Call<Embeddings> => ({
  name: "embeddings",
  path: "/embeddings",
  model: request.model,
  body: write(request),
  read,
  schema: Embeddings,
  costs: ({ usage }) =>
    Costs.ofUsage(
      Wire.compact({ inputTokens: usage?.promptTokens, cost: usage?.cost, isByok: usage?.isByok }),
      { failed: false, billed: true }
    )
})
