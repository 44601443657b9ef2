/**
 * `effect-openrouter generation`: what OpenRouter recorded of a call.
 *
 * @since 0.1.0
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import type * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Generation from "../../domain/endpoint/Generation.ts"
import type { RequestError } from "../../domain/error/OpenRouterError.ts"
import * as OpenRouter from "../../services/OpenRouter.ts"
import * as Flags from "./Flags.ts"
import * as Table from "./Table.ts"

const flags = {
  id: Argument.String("id").pipe(Argument.withDescription("The generation id of an answer or an error, such as gen-…")),
  wait: Flags.duration("wait", "0 seconds", "How long to wait for the record, which comes seconds after the call"),
  json: Flags.json,
  emulator: Flags.emulator
}

const millis = (value: number | undefined): string | undefined => value === undefined ? undefined : `${value} ms`

const encode = Schema.encodeSync(Schema.toCodecJson(Generation.Generation))

const toText = (record: Generation.Generation): string =>
  Table.pairs([
    ["id", record.id],
    ["model", record.model],
    ["provider", record.providerName],
    ["at", record.createdAt],
    ["cost", record.totalCost ?? "unknown"],
    ["billed by the provider", record.isByok === true ? record.upstreamInferenceCost : undefined],
    ["tokens in", record.nativeTokensPrompt ?? record.tokensPrompt],
    ["  cached", record.nativeTokensCached],
    ["tokens out", record.nativeTokensCompletion ?? record.tokensCompletion],
    ["  reasoning", record.nativeTokensReasoning],
    ["finished", record.finishReason],
    ["cancelled", record.cancelled === true ? "yes" : undefined],
    ["streamed", record.streamed === undefined ? undefined : record.streamed ? "yes" : "no"],
    ["latency", millis(record.latency)],
    ["time", millis(record.generationTime)]
  ])

/**
 * The command.
 *
 * @since 0.1.0
 */
export const command: Command.Command<
  "generation",
  Command.Command.Config.Infer<typeof flags>,
  {},
  RequestError | Generation.GenerationNotFound | Config.ConfigError,
  never
> = Command.make("generation", flags, ({ id, json, wait }) =>
  OpenRouter.generation(id, { wait }).pipe(
    Effect.flatMap((record) => Console.log(json ? JSON.stringify(encode(record)) : toText(record)))
  )).pipe(
    Command.provide(({ emulator }) => Flags.client(emulator)),
    Command.withDescription("Show what OpenRouter recorded of a call: its cost, its tokens, its provider."),
    Command.withExamples([
      {
        command: "effect-openrouter generation gen-1788000000-abc --wait '30 seconds'",
        description: "Right after a call"
      }
    ])
  )
