/**
 * `effect-openrouter ask`: one question, one answer.
 *
 * @since 0.1.0
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import type * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Outcome from "../../domain/outcome/Outcome.ts"
import type { Sendable } from "../../domain/request/CreateResponse.ts"
import type { Tool } from "../../domain/request/Tool.ts"
import * as ShownText from "../../domain/stream/ShownText.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import * as OpenRouter from "../../services/OpenRouter.ts"
import * as AnswerJson from "./AnswerJson.ts"
import { Misused, type Unfinished } from "./ExitCode.ts"
import * as Flags from "./Flags.ts"
import * as JsonShape from "./JsonShape.ts"
import * as Screen from "./Screen.ts"
import * as Spending from "./Spending.ts"

/** The tools that OpenRouter runs itself, without its prefix. */
const tools = [
  "web_search",
  "web_fetch",
  "datetime",
  "image_generation",
  "files",
  "bash",
  "shell",
  "apply_patch",
  "advisor",
  "subagent",
  "fusion"
] as const

const flags = {
  prompt: Argument.String("prompt").pipe(Argument.withDescription("What is asked; - reads it from stdin")),
  model: Flags.model,
  system: Flags.system,
  schema: Flag.FileText("schema").pipe(
    Flag.withDescription("A file with the JSON Schema of the answer, which is then JSON"),
    Flag.optional
  ),
  strict: Flag.Boolean("strict").pipe(
    Flags.defaulted(true, "Hold the model to the schema; --no-strict for a schema that strict mode does not take")
  ),
  tools: Flag.Literals("tool", tools).pipe(
    Flag.withDescription("A tool that OpenRouter runs for the model, may be repeated"),
    Flag.atLeast(0)
  ),
  stream: Flag.Boolean("stream").pipe(
    Flag.withDescription("Write while the answer arrives, or not: --no-stream (default: on a terminal)"),
    Flag.optional
  ),
  cost: Flag.Boolean("cost").pipe(
    Flag.withDescription("Say on stderr what it cost, or not: --no-cost (default: on a terminal)"),
    Flag.optional
  ),
  maxTokens: Flags.maxTokens,
  temperature: Flags.temperature,
  effort: Flags.effort,
  budget: Flags.budget,
  json: Flags.json,
  emulator: Flags.emulator
}

type Options = Command.Command.Config.Infer<typeof flags>

const toolOf = (name: typeof tools[number]): Tool => ({ type: `openrouter:${name}` })

const requestOf = (options: Options, input: string, shape: JsonShape.JsonShape | undefined): Sendable => ({
  model: options.model,
  input,
  ...Wire.compact({
    instructions: Option.getOrUndefined(options.system),
    maxOutputTokens: Option.getOrUndefined(options.maxTokens),
    temperature: Option.getOrUndefined(options.temperature)
  }),
  ...Option.match(options.effort, { onNone: () => ({}), onSome: (effort) => ({ reasoning: { effort } }) }),
  ...(options.tools.length > 0 && { tools: options.tools.map(toolOf) }),
  ...(shape !== undefined && {
    text: { format: { type: "json_schema", name: shape.name, schema: shape.schema, strict: options.strict } }
  })
})

/** Writes the text while it arrives; gives how it ended. */
const streamed = Effect.fnUntraced(function*(request: Sendable) {
  const shown = ShownText.make()
  let isLineOpen = false
  const print = (text: string) => {
    if (text === "") return Effect.void
    isLineOpen = !text.endsWith("\n")
    return Screen.print(text)
  }
  const outcome = yield* OpenRouter.streamOutcome(request, (event) => print(shown.next(event))).pipe(
    // Whatever comes next begins a line of its own.
    Effect.onExit(() => isLineOpen ? Screen.print("\n") : Effect.void)
  )
  if (outcome._tag === "Completed") {
    const rest = shown.rest(outcome.text)
    if (rest !== "") yield* Screen.print(`${rest}\n`)
  }
  return outcome
})

const textOf = (outcome: Outcome.Outcome): string => {
  switch (outcome._tag) {
    case "Completed":
      return outcome.text
    case "Incomplete":
    case "Refused":
      return outcome.partialText
    default:
      return ""
  }
}

const asked = Effect.fnUntraced(function*(options: Options, request: Sendable, shape: JsonShape.JsonShape | undefined) {
  const isTerminal = yield* Screen.isTerminal
  const isStream = Option.getOrElse(options.stream, () => isTerminal && !options.json && shape === undefined)
  const outcome = yield* isStream ? streamed(request) : OpenRouter.outcome(request)
  const value = shape === undefined || outcome._tag !== "Completed" ? undefined : JsonShape.read(shape, outcome)
  if (options.json) yield* Console.log(JSON.stringify(AnswerJson.make(outcome, textOf(outcome), value)))
  else if (value?._tag === "Success") yield* Console.log(JSON.stringify(value.success, undefined, isTerminal ? 2 : 0))
  else if (!isStream && textOf(outcome) !== "") yield* Console.log(textOf(outcome))
  if (outcome._tag !== "Completed") return yield* Outcome.toError(outcome)
  if (value?._tag === "Failure") return yield* value.failure
})

/**
 * The command.
 *
 * @since 0.1.0
 */
export const command: Command.Command<
  "ask",
  Options,
  {},
  Misused | Unfinished | Config.ConfigError | OpenRouter.StreamError | OpenRouter.RespondError | JsonShape.ShapeError,
  never
> = Command.make("ask", flags, (options) =>
  Effect.gen(function*() {
    const isStream = Option.contains(options.stream, true)
    if (isStream && options.json) return yield* new Misused({ message: "--json is one document; leave --stream out" })
    if (isStream && Option.isSome(options.schema)) {
      return yield* new Misused({ message: "an answer is checked against --schema as a whole; leave --stream out" })
    }
    const shape = Option.isNone(options.schema) ? undefined : yield* JsonShape.make(options.schema.value)
    const input = options.prompt === "-" ? yield* Screen.stdin : options.prompt
    if (input.trim() === "") return yield* new Misused({ message: "the prompt is empty" })
    const [, spent] = yield* asked(options, requestOf(options, input, shape), shape).pipe(
      Flags.within(options.budget),
      Spending.told
    )
    const isWatched = yield* Screen.isWatched
    if (Option.getOrElse(options.cost, () => isWatched && !options.json)) {
      yield* Console.error(`${Spending.toLine(spent)}, ${spent.inputTokens} tokens in, ${spent.outputTokens} out`)
    }
  })).pipe(
    Command.provide(({ emulator }) => Flags.client(emulator)),
    Command.withDescription("Ask a model. The answer goes to stdout, and nothing else does."),
    Command.withExamples([
      { command: "effect-openrouter ask --model openai/gpt-5 'Describe the town square.'", description: "Ask" },
      { command: "git diff | effect-openrouter ask --system 'Review this.' -", description: "About what comes in" },
      { command: "effect-openrouter ask --schema city.json --json 'Bern?' | jq .value", description: "For programs" }
    ])
  )
