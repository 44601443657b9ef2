/**
 * `effect-openrouter emulator`: OpenRouter's server on your own machine, for clients in any language.
 *
 * @since 0.1.0
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Emulator from "../testing/Emulator.ts"
import * as Child from "./Child.ts"
import * as EmulatorServer from "./EmulatorServer.ts"
import type * as ExitCode from "./ExitCode.ts"
import * as Flags from "./Flags.ts"

const flags = {
  port: Flag.Int("port").pipe(
    Flag.withAlias("p"),
    Flag.withDescription("Port to listen on; 0 takes a free one (default 8787, or 0 for a program)"),
    Flag.withSchema(Flags.from(0, 65_535)),
    Flag.optional
  ),
  host: Flag.String("host").pipe(Flags.defaulted("127.0.0.1", "Address to listen on")),
  seed: Flag.Int("seed").pipe(Flags.defaulted(0, "Another seed gives other answers")),
  keys: Flag.String("key").pipe(
    Flag.withDescription("An API key to accept, may be repeated; any by default"),
    Flag.atLeast(0)
  ),
  credits: Flag.String("credits").pipe(
    Flags.defaulted("100", "USD of the account"),
    Flag.withSchema(Flags.amount)
  ),
  latency: Flags.duration("latency", "0 millis", "Time until an answer is sent, e.g. '300 millis'"),
  tokensPerDelta: Flag.Int("tokens-per-delta").pipe(
    Flags.defaulted(1, "Tokens in each delta of a stream"),
    Flag.withSchema(Flags.from(1))
  ),
  eventDelay: Flags.duration("event-delay", "0 millis", "Time between two events of a stream, e.g. '20 millis'"),
  chunkBytes: Flag.Int("chunk-bytes").pipe(
    Flag.withDescription("Bytes per chunk of a stream; one event per chunk by default"),
    Flag.withSchema(Flags.from(1)),
    Flag.optional
  ),
  rateLimit: Flag.Int("rate-limit").pipe(
    Flag.withDescription("Requests per window for each key and model; no limit by default"),
    Flag.withSchema(Flags.from(1)),
    Flag.optional
  ),
  rateWindow: Flags.duration("rate-window", "60 seconds", "Length of the window"),
  rateHint: Flag.Literals("rate-hint", ["both", "headers", "body", "retry-after", "none"]).pipe(
    Flag.withDescription("Where a 429 tells when to come back (default both)"),
    Flag.withDefault("both")
  ),
  listed: Flags.off("listed-models", "Answer 400 to models that GET /models does not list"),
  virtual: Flags.off("virtual-time", "Never wait: delays move the server's clock instead"),
  verbose: Flags.off("verbose", "Log each request to stderr"),
  program: Argument.String("program").pipe(
    Argument.withDescription(
      "After --: a program and its arguments, run with OPENROUTER_API_URL and OPENROUTER_API_KEY set; ends with it"
    ),
    Argument.atLeast(0)
  )
}

/**
 * The command.
 *
 * @since 0.1.0
 */
export const command: Command.Command<
  "emulator",
  Command.Command.Config.Infer<typeof flags>,
  {},
  EmulatorServer.CannotListen | ExitCode.Misused | ExitCode.Unfinished,
  never
> = Command.make("emulator", flags, (options) =>
  Effect.scoped(Effect.gen(function*() {
    const emulator = yield* Emulator.make({
      seed: options.seed,
      credits: options.credits,
      latency: options.latency,
      rateLimitHint: options.rateHint,
      models: options.listed ? "listed" : "any",
      time: options.virtual ? "virtual" : "real",
      stream: {
        tokensPerDelta: options.tokensPerDelta,
        eventDelay: options.eventDelay,
        ...Option.match(options.chunkBytes, { onNone: () => ({}), onSome: (chunkBytes) => ({ chunkBytes }) })
      },
      ...Option.match(options.rateLimit, {
        onNone: () => ({}),
        onSome: (requests) => ({ rateLimit: { requests, window: options.rateWindow } })
      }),
      ...(options.keys.length > 0 && { keys: options.keys })
    })
    const isForProgram = options.program.length > 0
    const run = Effect.runForkWith(yield* Effect.context<never>())
    const url = yield* EmulatorServer.serve(emulator, {
      host: options.host,
      port: Option.getOrElse(options.port, () => isForProgram ? 0 : 8787),
      log: options.verbose ? (line) => void run(Console.error(line)) : undefined
    })
    if (isForProgram) {
      const OPENROUTER_API_KEY = options.keys[0] ?? "sk-or-v1-emulator"
      return yield* Child.run(options.program, { OPENROUTER_API_KEY, OPENROUTER_API_URL: `${url}/api/v1` })
    }
    yield* Console.log(`OpenRouter emulator: ${url}/api/v1`)
    return yield* Effect.never
  }))).pipe(
    Command.withDescription(
      "An OpenRouter server for tests, for clients in any language. It answers by itself, deterministically, and takes any " +
        "API key. The name of a model can provoke any failure, such as emulator/status-503 or emulator/stream-reset. " +
        "GET / tells what else it can do."
    ),
    Command.withExamples([
      { command: "effect-openrouter emulator --port 8787 --verbose", description: "Serve and log" },
      {
        command: "effect-openrouter emulator --rate-limit 20 --rate-window '10 seconds' --credits 5",
        description: "With limits"
      },
      { command: "effect-openrouter emulator -- node main.ts", description: "Run a program with it" }
    ])
  )
