/** The command of the batch; `main.ts` runs it. */
import { Console, Data, Effect, FileSystem, Layer, Path, Redacted, Runtime, Schema } from "effect"
import { Batch, Budget, OpenRouter } from "effect-openrouter"
import { OpenRouterNode } from "effect-openrouter/node"
import { Emulator } from "effect-openrouter/testing"
import { Command, Flag } from "effect/cli"
import { run } from "../command.ts"
import { show } from "./progress.ts"

/** Not all is there; the report has said so. */
class Unfinished extends Data.TaggedError("Unfinished") {
  override readonly [Runtime.errorReported] = false
}

const Prompt = Schema.Struct({ prompt: Schema.String })

const Answer = Schema.Struct({ text: Schema.String, cost: Schema.optionalKey(Schema.String) })

const about = Flag.withDescription
const folder = new URL("../../.cache/batch/", import.meta.url).pathname
const decimal = Flag.withSchema(Schema.String.check(Schema.isPattern(/^\d+(\.\d+)?$/)))

const flags = {
  input: Flag.String("input").pipe(
    Flag.withDefault(`${folder}prompts.jsonl`),
    about("The prompts (2,000 are made up)")
  ),
  output: Flag.String("output").pipe(Flag.withDefault(`${folder}answers.jsonl`), about("Where the answers go")),
  budget: Flag.String("budget").pipe(Flag.withDefault("10"), decimal, about("USD that they may cost (10)")),
  concurrency: Flag.Int("concurrency").pipe(Flag.withDefault(64), about("How many at once (64)")),
  credits: Flag.String("credits").pipe(Flag.withDefault("100"), decimal, about("USD of the emulator's account (100)")),
  live: Flag.Boolean("live").pipe(Flag.withDefault(false), about("Ask openrouter.ai, with OPENROUTER_API_KEY")),
  model: Flag.String("model").pipe(Flag.withDefault("openai/gpt-5"), about("Who answers (openai/gpt-5)"))
}

const emulated = (credits: string) =>
  OpenRouter.layer({ apiKey: Redacted.make("batch") }).pipe(Layer.provide(Emulator.layerHttpClient({
    credits,
    latency: "60 millis",
    rules: [{ when: { textIncludes: "77 secrets" }, reply: Emulator.Reply.refusal() }]
  })))

/** Makes prompts up where there are none. */
const provide = Effect.fnUntraced(function*(input: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  if (yield* fs.exists(input)) return
  yield* fs.makeDirectory(path.dirname(input), { recursive: true })
  const prompts = Array.from(
    { length: 2000 },
    (_, n) => JSON.stringify({ id: `p-${n}`, prompt: `Tell me ${n} secrets.` })
  )
  yield* fs.writeFileString(input, `${prompts.join("\n")}\n`)
})

const batch = Command.make(
  "batch",
  flags,
  Effect.fn(function*({ budget, concurrency, credits, input, live, model, output }) {
    const ask = ({ prompt }: typeof Prompt.Type) =>
      OpenRouter.respond({ model, input: prompt, maxOutputTokens: 300 }).pipe(
        Effect.map(({ cost, text }) => ({ text, ...(cost === undefined ? {} : { cost: `${cost}` }) })),
        // Half an answer is worth keeping.
        Effect.catchTag("Incomplete", ({ partialText }) => Effect.succeed({ text: `${partialText} …` }))
      )
    yield* provide(input)
    const summary = yield* Batch.jsonl(input, output, ask, {
      input: Prompt,
      output: Answer,
      concurrency,
      progressEvery: process.stderr.isTTY ? "100 millis" : "1 second",
      onProgress: show(process.stderr)
    }).pipe(
      Budget.limit(budget, { name: "the batch" }),
      Effect.provide(live ? OpenRouterNode.layerUndici : emulated(credits))
    )
    yield* Console.log(`${Batch.toTable(summary)}\n\n${output}`)
    if (summary.stopped === undefined) return
    yield* Console.error(`\n${summary.stopped.message}`)
    return yield* new Unfinished()
  })
)

run(batch)
