/**
 * OpenRouter as the `EmbeddingModel` of `effect/ai`.
 *
 * Calls of `embed` that run at the same time become one request, as far as they are made in the same scopes and with the same
 * settings: what a request costs is booked where it was made.
 *
 * **Example** (The vectors of two texts)
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { EmbeddingModel } from "effect/ai"
 * import { OpenRouter } from "effect-openrouter"
 * import { OpenRouterEmbeddingModel } from "effect-openrouter/ai"
 *
 * const embeddings = OpenRouterEmbeddingModel.model("openai/text-embedding-3-small", { dimensions: 512 }).pipe(
 *   Layer.provide(OpenRouter.layerFetch)
 * )
 *
 * const program = Effect.gen(function*() {
 *   const model = yield* EmbeddingModel.EmbeddingModel
 *   return yield* model.embedMany(["the baker", "the mayor"])
 * }).pipe(Effect.provide(embeddings))
 * ```
 *
 * @since 0.1.0
 */
import * as AiError from "effect/ai/AiError"
import * as EmbeddingModel from "effect/ai/EmbeddingModel"
import * as Model from "effect/ai/Model"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import { dual } from "effect/Function"
import * as Hash from "effect/Hash"
import * as Layer from "effect/Layer"
import * as Embedding from "../../domain/endpoint/Embedding.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import { OpenRouter } from "../../services/OpenRouter.ts"
import * as Program from "../../services/Program.ts"
import * as OpenRouterAiError from "./OpenRouterAiError.ts"

/**
 * How an embedding model asks: every field of a request but its input and its encoding.
 *
 * @since 0.1.0
 */
export interface Config extends Partial<Omit<Embedding.CreateEmbeddings, "input" | "encodingFormat">> {}

/**
 * What the embedding models of the running program ask otherwise than they were made to.
 *
 * @since 0.1.0
 */
export const CurrentConfig: Context.Reference<Config> = /* @__PURE__ */ Context.Reference<Config>(
  "effect-openrouter/OpenRouterEmbeddingModel/CurrentConfig",
  { defaultValue: () => ({}) }
)

/**
 * Has the embedding models of an effect or a stream ask otherwise: each field takes the place of the model's own. Inner
 * overrides come before outer ones.
 *
 * @since 0.1.0
 */
export const withConfigOverride: {
  (config: Config): <P extends Program.Program>(self: P) => Program.Within<P>
  <P extends Program.Program>(self: P, config: Config): Program.Within<P>
} = /* @__PURE__ */ dual(
  2,
  <P extends Program.Program>(self: P, config: Config): Program.Within<P> =>
    Program.update(self, CurrentConfig, (outer) => ({ ...outer, ...Wire.compact(config) }))
)

/**
 * What an embedding model is made from.
 *
 * @since 0.1.0
 */
export interface Options {
  /** Such as `openai/text-embedding-3-small`. */
  readonly model: string
  /** How it asks; each call may override it, see {@link withConfigOverride}. */
  readonly config?: Config | undefined
}

const origin = { module: "OpenRouterEmbeddingModel", method: "embedMany" }

/**
 * The settings of this library at a call. Calls share a request only where all are the same, because the first one's hold for
 * it. They are compared by identity: two ledgers may look alike.
 */
class SettingsKey implements Equal.Equal {
  readonly #settings: ReadonlyArray<readonly [name: string, value: unknown]>

  constructor(context: Context.Context<never>) {
    this.#settings = Array.from(context.mapUnsafe).filter(([name]) => name.startsWith("effect-openrouter/"))
  }

  [Equal.symbol](that: Equal.Equal): boolean {
    if (!(that instanceof SettingsKey) || that.#settings.length !== this.#settings.length) return false
    const others = new Map(that.#settings)
    return this.#settings.every(([name, value]) => others.has(name) && isSame(value, others.get(name)))
  }

  [Hash.symbol](): number {
    return Hash.number(this.#settings.length)
  }
}

/** The names of scopes are a new list in each of them. */
const isSame = (a: unknown, b: unknown): boolean =>
  a === b ||
  Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item: unknown, index) => item === b[index])

/**
 * Makes an embedding model over the `OpenRouter` service.
 *
 * @since 0.1.0
 */
export const make: (
  options: Options
) => Effect.Effect<EmbeddingModel.EmbeddingModel, never, OpenRouter> = Effect.fnUntraced(function*({ config, model }) {
  const client = yield* OpenRouter
  return yield* EmbeddingModel.make({
    batchKey: (context) => new SettingsKey(context),
    embedMany: Effect.fnUntraced(function*({ inputs }) {
      const request = { model, ...Wire.compact(config ?? {}), ...(yield* CurrentConfig), input: inputs }
      const answer = yield* Effect.mapError(
        client.call(Embedding.embeddings(request)),
        (error) => OpenRouterAiError.fromError(error, origin)
      )
      const results = vectorsOf(answer, inputs.length)
      if (results === undefined) {
        return yield* Effect.fail(AiError.make({
          ...origin,
          reason: new AiError.InvalidResponseError({
            description: `the answer does not have a vector for each of ${inputs.length} texts`,
            metadata: {
              openrouter: {
                tag: "MalformedResponse",
                ...OpenRouterAiError.failed(Wire.compact({ model: answer.model, cost: answer.usage?.cost }))
              }
            }
          })
        }))
      }
      const tokens = answer.usage?.promptTokens
      return { results, usage: { inputTokens: tokens === undefined ? undefined : Math.round(tokens) } }
    })
  })
})

/** The vectors in the order of the texts, whatever the order in which they came. */
const vectorsOf = ({ data }: Embedding.Embeddings, count: number): Array<Array<number>> | undefined => {
  const vectors = new Map<number, Array<number>>()
  for (const [place, { embedding, index = place }] of data.entries()) {
    if (typeof embedding !== "string") vectors.set(index, Array.from(embedding))
  }
  const ordered = Array.from({ length: count }, (_, index) => vectors.get(index)).filter((vector) =>
    vector !== undefined
  )
  return ordered.length === count && data.length === count ? ordered : undefined
}

/**
 * The `EmbeddingModel` of a program.
 *
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<EmbeddingModel.EmbeddingModel, never, OpenRouter> =>
  Layer.effect(EmbeddingModel.EmbeddingModel, make(options))

/**
 * A model by its name, with the length of its vectors: a layer that also says which one it is (`Model.ProviderName`,
 * `Model.ModelName`, `EmbeddingModel.Dimensions`).
 *
 * @since 0.1.0
 */
export const model = (
  name: string,
  config: Config & { readonly dimensions: number }
): Model.Model<"openrouter", EmbeddingModel.EmbeddingModel | EmbeddingModel.Dimensions, OpenRouter> =>
  Model.make(
    "openrouter",
    name,
    Layer.merge(layer({ model: name, config }), Layer.succeed(EmbeddingModel.Dimensions, config.dimensions))
  )
