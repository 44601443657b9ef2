/** A runner: it is given a database, a port and the URL of the API, and runs stories until it is stopped. */
import { NodeRuntime } from "@effect/platform-node"
import { Effect, Layer, Redacted } from "effect"
import { OpenRouter } from "effect-openrouter"
import { DispatchHttpClient } from "effect-openrouter/node"
import * as Story from "./Story.ts"

const [database = "", port = "0", apiUrl = ""] = process.argv.slice(2)

const say = (line: string) => Effect.sync(() => void process.send?.(line))

// Nobody is left to listen.
process.on("disconnect", () => process.exit())

const openRouter = OpenRouter.layer({ apiKey: Redacted.make("sk-or-v1-town"), apiUrl }).pipe(
  Layer.provide(DispatchHttpClient.layer)
)

const ready = Layer.effectDiscard(Effect.sync(() => void process.send?.("ready")))

NodeRuntime.runMain(Layer.launch(
  Story.storyLayer(say).pipe(
    Layer.provide(Story.runner({ database }, Number(port))),
    Layer.provide(openRouter),
    (story) => Layer.provide(ready, story)
  )
))
