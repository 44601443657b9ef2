import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, FileSystem, Layer } from "effect"
import { Conversations, Journal, OpenRouter, RateGate, RetryPolicy, Transport } from "effect-openrouter"
import { Cassette, Emulator } from "effect-openrouter/testing"
import { apiKey, model, ungated } from "../layers/client/support.ts"
import { below, mutate, type Mutation, type Random } from "./mutate.ts"
import { fuzz } from "./support.ts"

const client = ungated(OpenRouter.layer({ apiKey })).pipe(Layer.provide(Emulator.layerHttpClient()))

const ask = (n: number) =>
  Effect.exit(OpenRouter.respond({ model: n % 4 === 3 ? "emulator/refusal" : model, input: `${n}` }))

const questions = [0, 1, 2, 3, 4, 5]

/** Changes one line of a file, or its bytes at the end. */
const mutateLine = (random: Random, text: string): Mutation => {
  const lines = text.split("\n")
  const at = below(random, lines.length)
  if (random() < 0.1) return { kind: `cut in line ${at}`, text: text.slice(0, below(random, text.length)) }
  const { kind, text: changed } = mutate(random, lines[at] ?? "")
  return { kind: `line ${at}: ${kind}`, text: lines.toSpliced(at, 1, changed).join("\n") }
}

/** What a file may never do to the program that opens it: a defect that is not said to be one. */
const defectOf = (exit: Exit.Exit<unknown, unknown>): string | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  const defect = exit.cause.reasons.find((reason) =>
    reason._tag === "Die" && !(reason.defect instanceof Cassette.CassetteMiss)
  )
  return defect === undefined ? undefined : Cause.pretty(exit.cause).slice(0, 600)
}

/** A file: how it comes to be, and what is done with it once it has been changed. */
interface Kept {
  readonly write: (path: string) => Effect.Effect<unknown, unknown, FileSystem.FileSystem>
  readonly read: (path: string) => Effect.Effect<unknown, unknown, FileSystem.FileSystem>
}

const files: Readonly<Record<"journal" | "conversations" | "cassette", Kept>> = {
  journal: {
    write: (path: string) =>
      Effect.forEach(questions, ask).pipe(
        Journal.resumable("run"),
        Effect.provide([client, Journal.layerFile(path)], { local: true })
      ),
    read: (path: string) =>
      Effect.gen(function*() {
        yield* Effect.exit(Journal.summary("run"))
        return yield* Effect.forEach(questions, ask).pipe(Journal.resumable("run"))
      }).pipe(Effect.provide([client, Journal.layerFile(path)], { local: true }))
  },
  conversations: {
    write: (path: string) =>
      Effect.forEach(questions, (n) => Conversations.respond(`talk:${n % 3}`, { model, input: `${n}` })).pipe(
        Effect.provide([client, Conversations.layerFile(path)], { local: true })
      ),
    read: (path: string) =>
      Effect.gen(function*() {
        for (const key of yield* Conversations.keys) yield* Effect.exit(Conversations.get(key))
        return yield* Conversations.respond("talk:0", { model, input: "And now?" })
      }).pipe(Effect.provide([client, Conversations.layerFile(path)], { local: true }))
  },
  cassette: {
    write: (path: string) =>
      Effect.forEach(questions, ask).pipe(Effect.provide(played(path, "record"), { local: true })),
    read: (path: string) => Effect.forEach(questions, ask).pipe(Effect.provide(played(path, "replay"), { local: true }))
  }
}

const played = (path: string, mode: "record" | "replay") =>
  OpenRouter.layerTransport.pipe(
    Layer.provide(RateGate.none),
    Layer.provideMerge(Cassette.layer(path, mode, { unused: "ignore" })),
    Layer.provide(Transport.layer({ apiKey })),
    Layer.provide(Emulator.layerHttpClient())
  )

describe("a file that was changed at random", () => {
  it.live.each(["journal", "conversations", "cassette"] as const)(
    "is read, or refused by a typed error: %s",
    (name) =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const folder = yield* fs.makeTempDirectoryScoped()
        const path = `${folder}/file`
        const { read, write } = files[name]
        yield* write(path)
        const text = yield* fs.readFileString(path)
        const ends = { good: 0, bad: 0 }
        yield* fuzz({
          name,
          cases: 400,
          // Which line is changed is left to chance.
          corpus: Array.from({ length: 11 }, () => text),
          mutate: mutateLine,
          run: (mutation) =>
            Effect.gen(function*() {
              yield* fs.writeFileString(path, mutation.text)
              // A changed status may be one that is tried again.
              const exit = yield* Effect.exit(RetryPolicy.with(read(path), RetryPolicy.none))
              ends[Exit.isSuccess(exit) ? "good" : "bad"]++
              return defectOf(exit)
            })
        })
        assert.isAbove(ends.good, 10, JSON.stringify(ends))
      }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer)),
    60_000
  )
})
