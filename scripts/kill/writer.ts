/**
 * Continues many conversations in a file as fast as it can, until it is killed. It notes each answer once it has it, in a file of
 * its own.
 */
import { NodeFileSystem } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { Conversations } from "effect-openrouter"
import { OpenRouterTest } from "effect-openrouter/testing"
import { openSync, writeSync } from "node:fs"
import { depth, filler, keys, numberOf } from "./talk.ts"

const [file = "", notes = ""] = process.argv.slice(2)

const noted = openSync(notes, "a")

const talk = (key: string) =>
  Effect.gen(function*() {
    const n = numberOf(yield* Conversations.get(key)) + 1
    yield* Conversations.respond(key, { model: "vendor/any", input: `${n} ${filler}` })
    writeSync(noted, `${key} ${n}\n`)
  })

const program = Effect.gen(function*() {
  process.send?.("ready")
  yield* Effect.forEach(keys, (key) => Effect.forever(talk(key)), { concurrency: "unbounded" })
})

await program.pipe(
  Effect.provide(Layer.merge(
    OpenRouterTest.layer((request) =>
      Effect.as(Effect.yieldNow, `answer to ${Array.isArray(request.input) ? request.input.length : 0} ${filler}`)
    ),
    Layer.provide(Conversations.layerFile(file, { depth }), NodeFileSystem.layer)
  )),
  Effect.runPromise
)
