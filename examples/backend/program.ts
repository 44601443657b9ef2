/** The command of the backend; `main.ts` runs it. */
import { NodeHttpServer } from "@effect/platform-node"
import { Config, Console, Effect, Layer, Option } from "effect"
import { OpenRouterNode } from "effect-openrouter/node"
import { Command, Flag } from "effect/cli"
import { HttpServer } from "effect/http"
import { createServer } from "node:http"
import { run } from "../command.ts"
import { Assistant } from "./Assistant.ts"
import * as Emulated from "./Emulated.ts"
import * as Server from "./Server.ts"

const flags = {
  port: Flag.Int("port").pipe(Flag.withDefault(3000), Flag.withDescription("Where it listens (3000); 0 is any")),
  model: Flag.String("model").pipe(
    Flag.withDefault("openai/gpt-5-mini"),
    Flag.withDescription("Who answers (openai/gpt-5-mini)")
  ),
  perUser: Flag.String("per-user").pipe(
    Flag.withDefault("0.02"),
    Flag.withDescription("USD that a user may spend in a day (0.02)")
  ),
  together: Flag.String("together").pipe(
    Flag.withDefault("1"),
    Flag.withDescription("USD that all may spend in a day (1)")
  )
}

/** OpenRouter itself where there is a key. */
const client = Layer.unwrap(Effect.gen(function*() {
  const key = yield* Config.option(Config.Redacted("OPENROUTER_API_KEY"))
  if (Option.isSome(key)) return OpenRouterNode.layerUndici
  yield* Console.error(
    "No OPENROUTER_API_KEY: the emulator answers. Ask it /busy, /slow, /cut, /refuse, /long or /key to see it fail."
  )
  return Emulated.layer
}))

const backend = Command.make(
  "backend",
  flags,
  ({ port, ...options }) =>
    Layer.effectDiscard(HttpServer.addressFormattedWith((address) => Console.log(`The page is at ${address}`))).pipe(
      Layer.provide(Server.layer),
      Layer.provide(Assistant.layer(options)),
      Layer.provide(client),
      Layer.provide(NodeHttpServer.layer(createServer, { port, host: "127.0.0.1" })),
      Layer.launch
    )
)

run(backend)
