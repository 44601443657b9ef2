/**
 * `effect-openrouter batch`: a file of questions, and a file of answers.
 *
 * @since 0.1.0
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import type * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import { failed } from "../../domain/batch/Progress.ts"
import type { RequestError } from "../../domain/error/OpenRouterError.ts"
import type { CreateResponse } from "../../domain/request/CreateResponse.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import type { AppendLogError } from "../../services/AppendLog.ts"
import * as OpenRouter from "../../services/OpenRouter.ts"
import * as Batch from "../Batch.ts"
import * as BatchLines from "./BatchLines.ts"
import * as BatchText from "./BatchText.ts"
import * as ExitCode from "./ExitCode.ts"
import * as Flags from "./Flags.ts"
import * as Screen from "./Screen.ts"
import * as Spending from "./Spending.ts"

const flags = {
  input: Argument.String("input").pipe(
    Argument.withDescription("JSON lines with a prompt, or requests as the API takes them; each may have an id")
  ),
  output: Argument.String("output").pipe(
    Argument.withDescription("Where the answers go; what is there already is not asked again")
  ),
  model: Flags.model,
  system: Flags.system,
  maxTokens: Flags.maxTokens,
  temperature: Flags.temperature,
  effort: Flags.effort,
  concurrency: Flag.Int("concurrency").pipe(
    Flag.withAlias("c"),
    Flags.defaulted(16, "How many calls at once"),
    Flag.withSchema(Flags.from(1, 10_000))
  ),
  budget: Flags.budget,
  dryRun: Flags.off("dry-run", "Say what it would cost, and ask no model"),
  expect: Flag.Int("expect-tokens").pipe(
    Flags.defaulted(500, "Tokens that an answer is likely to have, for the estimate"),
    Flag.withSchema(Flags.from(1))
  ),
  retryErrors: Flags.off("retry-errors", "Ask again where the output has an error"),
  quiet: Flags.off("quiet", "No progress on stderr"),
  json: Flags.json,
  emulator: Flags.emulator
}

type Options = Command.Command.Config.Infer<typeof flags>

/** What a line does not say. */
const defaultsOf = (options: Options): CreateResponse => ({
  model: options.model,
  ...Wire.compact({
    instructions: Option.getOrUndefined(options.system),
    maxOutputTokens: Option.getOrUndefined(options.maxTokens),
    temperature: Option.getOrUndefined(options.temperature)
  }),
  ...Option.match(options.effort, { onNone: () => ({}), onSome: (effort) => ({ reasoning: { effort } }) })
})

const errorsOf = ({ retryErrors }: Options): "keep" | "retry" => retryErrors ? "retry" : "keep"

const estimated = (options: Options) =>
  BatchLines.left(options.input, options.output, errorsOf(options)).pipe(
    Batch.estimate((request) => request, { outputTokens: options.expect }),
    OpenRouter.withDefaults(defaultsOf(options))
  )

const run = (options: Options) =>
  Batch.jsonl(
    options.input,
    options.output,
    (line) => {
      const request = BatchLines.requestOf(line)
      // All lines were read before.
      return request._tag === "Failure"
        ? Effect.die(new Error(request.failure))
        : Effect.map(OpenRouter.respond(request.success), BatchLines.answerOf)
    },
    {
      concurrency: options.concurrency,
      errors: errorsOf(options),
      progressEvery: "250 millis",
      onProgress: options.quiet ? undefined : Screen.progress
    }
  ).pipe(OpenRouter.withDefaults(defaultsOf(options)), Flags.within(options.budget))

const codeOf: ReadonlyMap<string, number> = new Map([
  ["PaymentRequired", ExitCode.ofGroup.unfunded],
  ["BudgetExceeded", ExitCode.ofGroup.unfunded],
  ["InvalidApiKey", ExitCode.ofGroup.rejected],
  ["AccessDenied", ExitCode.ofGroup.rejected]
])

/** Why a batch that is over is not well. */
const problemOf = (summary: Batch.Summary, output: string): ExitCode.Unfinished | undefined => {
  const { stopped } = summary
  if (stopped !== undefined) {
    return new ExitCode.Unfinished({
      message: `${stopped.message}; the same command goes on with what is missing`,
      exitCode: codeOf.get(stopped.stoppedBy ?? "") ?? 1
    })
  }
  const count = failed(summary)
  return count === 0 ? undefined : new ExitCode.Unfinished({
    message: `${count} of ${summary.ended} items failed; their errors are in ${output}, --retry-errors asks again`,
    exitCode: 1
  })
}

/**
 * The command.
 *
 * @since 0.1.0
 */
export const command: Command.Command<
  "batch",
  Options,
  {},
  | Batch.BatchFileError
  | AppendLogError
  | RequestError
  | ExitCode.Unfinished
  | Config.ConfigError
  | OpenRouter.RespondError,
  FileSystem.FileSystem
> = Command.make("batch", flags, (options) =>
  Effect.gen(function*() {
    const ids = yield* BatchLines.check(options.input)
    if (options.dryRun) {
      const estimate = yield* estimated(options)
      const there = ids.size - estimate.calls - estimate.invalid
      return yield* Console.log(
        options.json
          ? JSON.stringify(BatchText.estimateJson(estimate, there))
          : BatchText.estimate(estimate, there)
      )
    }
    // A batch needs no estimate: one that cannot be made is left out of the summary.
    const estimate = yield* Effect.option(estimated(options))
    const [summary] = yield* Spending.told(run(options))
    const expected = Option.getOrUndefined(estimate)
    yield* Console.log(
      options.json ? JSON.stringify(BatchText.summaryJson(summary, expected)) : BatchText.summary(summary, expected)
    )
    const problem = problemOf(summary, options.output)
    if (problem !== undefined) return yield* problem
  })).pipe(
    Command.provide(({ emulator }) => Flags.client(emulator)),
    Command.withDescription(
      "Ask for each line of a file. The output is its own journal: killed or stopped, the same command goes on where it was, and " +
        "pays for nothing twice."
    ),
    Command.withExamples([
      {
        command: "effect-openrouter batch prompts.jsonl answers.jsonl --model openai/gpt-5-mini --dry-run",
        description: "What would it cost?"
      },
      {
        command: "effect-openrouter batch prompts.jsonl answers.jsonl --budget 5",
        description: "For five dollars at most"
      }
    ])
  )
