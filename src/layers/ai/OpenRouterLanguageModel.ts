/**
 * OpenRouter as the `LanguageModel` of `effect/ai`.
 *
 * It is a way to the `OpenRouter` service, so retries, the gate, ledgers, budgets, caches, journals and test layers hold for
 * programs over `LanguageModel` as for all others. `generateText`, `generateObject`, `streamText`, toolkits, `Chat` and
 * `ExecutionPlan` work. What `effect/ai` has no word for is in the metadata of parts and errors under `openrouter`: the cost,
 * the generation id, refusals, the cache, and the items that go back with the history.
 *
 * **Example** (A program that knows no provider)
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { LanguageModel } from "effect/ai"
 * import { OpenRouter } from "effect-openrouter"
 * import { OpenRouterLanguageModel } from "effect-openrouter/ai"
 *
 * const model = OpenRouterLanguageModel.model("openai/gpt-5").pipe(Layer.provide(OpenRouter.layerFetch))
 *
 * const program = LanguageModel.generateText({ prompt: "Describe the town square." }).pipe(
 *   Effect.map(({ text }) => text),
 *   Effect.provide(model)
 * )
 * ```
 *
 * @since 0.1.0
 */
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Model from "effect/ai/Model"
import type * as Response from "effect/ai/Response"
import * as Arr from "effect/Array"
import * as Channel from "effect/Channel"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import type { OpenRouterError } from "../../domain/error/OpenRouterError.ts"
import type { Usage } from "../../domain/money/Usage.ts"
import * as Outcome from "../../domain/outcome/Outcome.ts"
import type { CreateResponse } from "../../domain/request/CreateResponse.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import { CurrentObjectSchema, OpenRouter } from "../../services/OpenRouter.ts"
import * as Program from "../../services/Program.ts"
import { changed, CurrentTelemetry } from "../../services/Telemetry.ts"
import type { Settings } from "../../services/Telemetry.ts"
import * as GenAi from "../client/GenAi.ts"
import * as CallParts from "./CallParts.ts"
import * as ObjectCodec from "./ObjectCodec.ts"
import * as OpenRouterAiError from "./OpenRouterAiError.ts"
import * as ProviderRequest from "./ProviderRequest.ts"
import type { Config, Prepared } from "./ProviderRequest.ts"
import * as ResponseParts from "./ResponseParts.ts"
import { StreamParts } from "./StreamParts.ts"

export type { CacheOptions, FileOptions, Finish, Item, ResponseInfo, Source, Text } from "./Metadata.ts"
export type { Config } from "./ProviderRequest.ts"

/**
 * What the language models of the running program ask otherwise than they were made to.
 *
 * @since 0.1.0
 */
export const CurrentConfig: Context.Reference<Config> = /* @__PURE__ */ Context.Reference<Config>(
  "effect-openrouter/OpenRouterLanguageModel/CurrentConfig",
  { defaultValue: () => ({}) }
)

/**
 * Has the language models of an effect or a stream ask otherwise: each field takes the place of the model's own, also
 * `model`. Inner overrides come before outer ones. (`OpenRouter.withDefaults` gives fields that both leave out.)
 *
 * `tools` are asked for besides those of the toolkit, and `toolChoice` holds where there is no toolkit.
 *
 * **Example** (More thought for one call)
 *
 * ```ts
 * import { LanguageModel } from "effect/ai"
 * import { OpenRouterLanguageModel } from "effect-openrouter/ai"
 *
 * const program = LanguageModel.generateText({ prompt: "Plan the day of the baker." }).pipe(
 *   OpenRouterLanguageModel.withConfigOverride({ reasoning: { effort: "high" }, maxOutputTokens: 4000 })
 * )
 * ```
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
 * What a language model is made from.
 *
 * @since 0.1.0
 */
export interface Options {
  /** `author/slug[:variant]`, such as `openai/gpt-5`. */
  readonly model: string
  /** How it asks; each call may override it, see {@link withConfigOverride}. */
  readonly config?: Config | undefined
}

const module = "OpenRouterLanguageModel"

/** The span of `LanguageModel` has the tokens of the call, so that of the client has none. */
const underSpan = (outer: Settings): Settings => outer.outer === "none" ? changed(outer, { outer: "span" }) : outer

const begin = (span: Tracer.Span, request: CreateResponse, isStream: boolean): void => {
  const kind = { call: "responses", model: request.model, operation: "chat" }
  GenAi.describeCall(kind, request, isStream, (name, value) => span.attribute(name, value))
}

const tell = (span: Tracer.Span, usage: Usage | undefined): void => {
  const tokens = {
    "gen_ai.usage.input_tokens": usage?.inputTokens,
    "gen_ai.usage.output_tokens": usage?.outputTokens,
    "gen_ai.usage.cache_read.input_tokens": usage?.inputTokensDetails?.cachedTokens,
    "gen_ai.usage.reasoning.output_tokens": usage?.outputTokensDetails?.reasoningTokens
  }
  for (const [name, count] of Object.entries(tokens)) if (count !== undefined) span.attribute(name, count)
}

const answered = (span: Tracer.Span, outcome: Outcome.Outcome): void => {
  const { model, response, usage } = outcome
  if (response.id !== undefined) span.attribute("gen_ai.response.id", response.id)
  if (model !== undefined) span.attribute("gen_ai.response.model", model)
  span.attribute("gen_ai.response.finish_reasons", [GenAi.finishReasonOf(outcome)])
  tell(span, usage)
}

/**
 * Makes a language model over the `OpenRouter` service.
 *
 * @since 0.1.0
 */
export const make: (options: Options) => Effect.Effect<LanguageModel.LanguageModel, never, OpenRouter> = Effect
  .fnUntraced(
    function*({ config, model }) {
      const client = yield* OpenRouter
      const prepare = (options: LanguageModel.ProviderOptions, method: string) =>
        Effect.flatMap(
          CurrentConfig,
          (override) => ProviderRequest.prepare({ model, ...Wire.compact(config ?? {}), ...override }, options, method)
        )
      return yield* LanguageModel.make({
        codecTransformer: ObjectCodec.transformer,
        supportsSystemMessagesInHistory: Effect.succeed(true),
        generateText: Effect.fnUntraced(function*(options) {
          const method = options.responseFormat.type === "json" ? "generateObject" : "generateText"
          const prepared = yield* prepare(options, method)
          begin(options.span, prepared.request, false)
          const outcome = yield* client.outcome(prepared.request).pipe(
            Effect.provideService(CurrentObjectSchema, prepared.schema),
            Effect.updateService(CurrentTelemetry, underSpan),
            Effect.mapError((error) => failed(options.span, error, method))
          )
          answered(options.span, outcome)
          const problem = problemOf(outcome, prepared, method)
          if (problem !== undefined) return yield* Effect.fail(problem)
          const json = prepared.codec === undefined ? undefined : yield* valueOf(outcome, prepared.codec, method)
          return ResponseParts.fromOutcome(outcome, prepared.reading, json)
        }),
        streamText: (options) =>
          Stream.unwrap(Effect.map(prepare(options, "streamText"), (prepared) => streamed(client, options, prepared)))
      })
    }
  )

/** Made anew for each run of a stream. */
const streamed = (
  client: OpenRouter["Service"],
  { span }: LanguageModel.ProviderOptions,
  prepared: Prepared
): Stream.Stream<Response.StreamPartEncoded, AiError.AiError> => {
  const { reading, request } = prepared
  const parts = new StreamParts(reading)
  begin(span, request, true)
  return client.events(request).pipe(
    Channel.map((events): ReadonlyArray<Response.StreamPartEncoded> => events.flatMap((event) => parts.next(event))),
    Channel.filter(Arr.isReadonlyArrayNonEmpty),
    Channel.mapError((error) => failed(span, error, "streamText")),
    Channel.concatWith((outcome) => {
      answered(span, outcome)
      const problem = problemOf(outcome, prepared, "streamText")
      return problem === undefined
        ? Channel.succeed(Arr.append(parts.end(outcome), ResponseParts.finish(outcome, reading)))
        : Channel.fail(problem)
    }),
    // The history keeps what ended, so what has begun is ended before the failure.
    Channel.catch((error) => {
      const closing = parts.close()
      return Arr.isReadonlyArrayNonEmpty(closing)
        ? Channel.concatWith(Channel.succeed(closing), () => Channel.fail(error))
        : Channel.fail(error)
    }),
    Stream.fromChannel,
    Stream.updateService(CurrentTelemetry, underSpan),
    Stream.provideService(Tracer.ParentSpan, span)
  )
}

const failed = (span: Tracer.Span, error: OpenRouterError, method: string): AiError.AiError => {
  tell(span, error.usage)
  return OpenRouterAiError.fromError(error, { module, method })
}

/** Why an outcome is no answer. A text that is incomplete or refused is one: its finish says so. */
const problemOf = (outcome: Outcome.Outcome, prepared: Prepared, method: string): AiError.AiError | undefined => {
  if (outcome._tag === "Completed") return unanswerable(outcome, prepared, method)
  const isText = prepared.codec === undefined && (outcome._tag === "Incomplete" || outcome._tag === "Refused")
  return isText ? undefined : OpenRouterAiError.fromError(Outcome.toError(outcome), { module, method })
}

const known = (outcome: Outcome.Outcome, tag: string) => ({ tag, ...OpenRouterAiError.failed(outcome) })

/** An answer that only calls what is not there. */
const unanswerable = (
  outcome: Outcome.Completed,
  { reading }: Prepared,
  method: string
): AiError.AiError | undefined => {
  const { functionCalls, response, text } = outcome
  if (text !== "" || functionCalls.length === 0) return undefined
  const unknownCalls = CallParts.unknownCalls(response, reading)
    .map(({ arguments: args, callId: id, name }) => ({ id, name, arguments: args }))
  if (unknownCalls.length < functionCalls.length) return undefined
  const names = reading.tools.map((tool) => tool.name).join(", ") || "none"
  const description = `the answer only calls tools that are not there: ${
    unknownCalls.map(({ name }) => JSON.stringify(name)).join(", ")
  }; the tools are: ${names}`
  return AiError.make({
    module,
    method,
    reason: new AiError.InvalidResponseError({
      description,
      metadata: { openrouter: { ...known(outcome, "UnknownTool"), unknownCalls } }
    })
  })
}

/** The JSON text of an answer that is to have a value. */
const valueOf = (
  outcome: Outcome.Outcome,
  codec: NonNullable<Prepared["codec"]>,
  method: string
): Effect.Effect<string, AiError.AiError> => {
  const text = outcome._tag === "Completed" ? outcome.text : ""
  return Effect.mapError(ObjectCodec.read(codec, text), (description) =>
    AiError.make({
      module,
      method,
      reason: new AiError.StructuredOutputError({
        description,
        responseText: text,
        metadata: { openrouter: known(outcome, "InvalidOutput") },
        ...Wire.compact({ usage: OpenRouterAiError.usageOf(outcome.usage) })
      })
    }))
}

/**
 * The `LanguageModel` of a program.
 *
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<LanguageModel.LanguageModel, never, OpenRouter> =>
  Layer.effect(LanguageModel.LanguageModel, make(options))

/**
 * A model by its name: a layer that also says which one it is (`Model.ProviderName`, `Model.ModelName`), for
 * `Effect.provide` and for the steps of an `ExecutionPlan`.
 *
 * @since 0.1.0
 */
export const model = (
  name: string,
  config?: Config
): Model.Model<"openrouter", LanguageModel.LanguageModel, OpenRouter> =>
  Model.make("openrouter", name, layer({ model: name, config }))
