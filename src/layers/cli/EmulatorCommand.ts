/**
 * `effect-openrouter emulator`: OpenRouter's server on your own machine, for clients in any language.
 *
 * @since 0.1.0
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Emulator from "../testing/Emulator.ts"
import * as EmulatorServer from "./EmulatorServer.ts"

const from = (minimum: number, maximum = Number.MAX_SAFE_INTEGER) =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const duration = (name: string) => Flag.String(name).pipe(Flag.withMetavar("duration"))

const flags = {
  port: Flag.Int("port").pipe(
    Flag.withAlias("p"),
    Flag.withDescription("Port to listen on; 0 takes a free one"),
    Flag.withDefault(8787),
    Flag.withSchema(from(0, 65_535))
  ),
  host: Flag.String("host").pipe(Flag.withDescription("Address to listen on"), Flag.withDefault("127.0.0.1")),
  seed: Flag.Int("seed").pipe(Flag.withDescription("Another seed gives other answers"), Flag.withDefault(0)),
  keys: Flag.String("key").pipe(
    Flag.withDescription("An API key to accept, may be repeated; any by default"),
    Flag.atLeast(0)
  ),
  credits: Flag.String("credits").pipe(
    Flag.withDescription("USD of the account"),
    Flag.withDefault("100"),
    Flag.withSchema(Schema.String.check(Schema.isPattern(/^\d+(\.\d+)?$/, { expected: "an amount such as 12.50" })))
  ),
  latency: duration("latency").pipe(
    Flag.withDescription("Time until an answer is sent, e.g. '300 millis'"),
    Flag.withDefault("0 millis"),
    Flag.withSchema(Schema.DurationFromString)
  ),
  tokensPerDelta: Flag.Int("tokens-per-delta").pipe(
    Flag.withDescription("Tokens in each delta of a stream"),
    Flag.withDefault(1),
    Flag.withSchema(from(1))
  ),
  eventDelay: duration("event-delay").pipe(
    Flag.withDescription("Time between two events of a stream, e.g. '20 millis'"),
    Flag.withDefault("0 millis"),
    Flag.withSchema(Schema.DurationFromString)
  ),
  chunkBytes: Flag.Int("chunk-bytes").pipe(
    Flag.withDescription("Bytes per chunk of a stream; one event per chunk by default"),
    Flag.withSchema(from(1)),
    Flag.optional
  ),
  rateLimit: Flag.Int("rate-limit").pipe(
    Flag.withDescription("Requests per window for each key and model; no limit by default"),
    Flag.withSchema(from(1)),
    Flag.optional
  ),
  rateWindow: duration("rate-window").pipe(
    Flag.withDescription("Length of the window"),
    Flag.withDefault("60 seconds"),
    Flag.withSchema(Schema.DurationFromString)
  ),
  rateHint: Flag.Literals("rate-hint", ["both", "headers", "body", "retry-after", "none"]).pipe(
    Flag.withDescription("Where a 429 tells when to come back"),
    Flag.withDefault("both")
  ),
  listed: Flag.Boolean("listed-models").pipe(
    Flag.withDescription("Answer 400 to models that GET /models does not list"),
    Flag.withDefault(false)
  ),
  virtual: Flag.Boolean("virtual-time").pipe(
    Flag.withDescription("Never wait: delays move the server's clock instead"),
    Flag.withDefault(false)
  ),
  verbose: Flag.Boolean("verbose").pipe(
    Flag.withDescription("Log each request to stderr"),
    Flag.withDefault(false)
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
  EmulatorServer.CannotListen,
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
    const run = Effect.runForkWith(yield* Effect.context<never>())
    const url = yield* EmulatorServer.serve(emulator, {
      host: options.host,
      port: options.port,
      log: options.verbose ? (line) => void run(Console.error(line)) : undefined
    })
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
      }
    ])
  )
