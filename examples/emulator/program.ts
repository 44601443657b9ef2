/** The command of the emulator; `examples/emulator.ts` runs it. */
import { NodeHttpServer } from "@effect/platform-node"
import { Console, Layer, Option, Schema } from "effect"
import { Emulator } from "effect-openrouter/testing"
import { Command, Flag } from "effect/cli"
import { HttpServer } from "effect/http"
import { createServer } from "node:http"
import { run } from "../command.ts"

const flags = {
  port: Flag.Int("port").pipe(
    Flag.withAlias("p"),
    Flag.withDescription("Port to listen on; 0 takes a free one"),
    Flag.withDefault(8787)
  ),
  host: Flag.String("host").pipe(Flag.withDescription("Address to listen on"), Flag.withDefault("127.0.0.1")),
  seed: Flag.Int("seed").pipe(Flag.withDescription("Another seed gives other answers"), Flag.withDefault(0)),
  key: Flag.String("key").pipe(Flag.withDescription("The only API key to accept; any by default"), Flag.optional),
  credits: Flag.String("credits").pipe(Flag.withDescription("USD of the account"), Flag.withDefault("100")),
  latency: Flag.String("latency").pipe(
    Flag.withDescription("Time until an answer is sent, e.g. '300 millis'"),
    Flag.withDefault("0 millis"),
    Flag.withSchema(Schema.DurationFromString)
  ),
  tokensPerDelta: Flag.Int("tokens-per-delta").pipe(
    Flag.withDescription("Tokens in each delta of a stream"),
    Flag.withDefault(1)
  ),
  eventDelay: Flag.String("event-delay").pipe(
    Flag.withDescription("Time between two events of a stream, e.g. '20 millis'"),
    Flag.withDefault("0 millis"),
    Flag.withSchema(Schema.DurationFromString)
  ),
  chunkBytes: Flag.Int("chunk-bytes").pipe(
    Flag.withDescription("Bytes per chunk of a stream; one event per chunk by default"),
    Flag.optional
  ),
  rateLimit: Flag.Int("rate-limit").pipe(
    Flag.withDescription("Requests per window for each key and model; no limit by default"),
    Flag.optional
  ),
  rateWindow: Flag.String("rate-window").pipe(
    Flag.withDescription("Length of the window"),
    Flag.withDefault("60 seconds"),
    Flag.withSchema(Schema.DurationFromString)
  ),
  rateHint: Flag.Literals("rate-hint", ["both", "headers", "body", "retry-after", "none"]).pipe(
    Flag.withDescription("Where a 429 tells when to come back"),
    Flag.withDefault("both")
  )
}

const command = Command.make("emulator", flags, (options) =>
  Layer.launch(
    Layer.effectDiscard(
      HttpServer.addressFormattedWith((address) => Console.log(`OpenRouter emulator: ${address}/api/v1`))
    ).pipe(
      Layer.provideMerge(Emulator.layerServer({
        seed: options.seed,
        credits: options.credits,
        latency: options.latency,
        rateLimitHint: options.rateHint,
        stream: {
          tokensPerDelta: options.tokensPerDelta,
          eventDelay: options.eventDelay,
          ...Option.match(options.chunkBytes, { onNone: () => ({}), onSome: (chunkBytes) => ({ chunkBytes }) })
        },
        ...Option.match(options.rateLimit, {
          onNone: () => ({}),
          onSome: (requests) => ({ rateLimit: { requests, window: options.rateWindow } })
        }),
        ...Option.match(options.key, { onNone: () => ({}), onSome: (key) => ({ keys: [key] }) })
      })),
      Layer.provide(NodeHttpServer.layer(createServer, { port: options.port, host: options.host }))
    )
  ))

run(command)
