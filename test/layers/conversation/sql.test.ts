import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer } from "effect"
import { Conversation, Conversations, type CreateResponse } from "effect-openrouter"
import { OpenRouterTest } from "effect-openrouter/testing"
import type { SqlClient } from "effect/sql"
import { DatabaseSync } from "node:sqlite"
import * as Sqlite from "./sqlite.ts"

const lengthOf = ({ input }: CreateResponse.CreateResponse): number => Array.isArray(input) ? input.length : 1

const echo = OpenRouterTest.layer((request) => `answer to ${lengthOf(request)}`)

const ask = (key: string, input: string) =>
  Effect.map(Conversations.respond(key, { model: "openai/gpt-5", input }), (answer) => answer.text)

/** A process of its own: a connection and locks of its own. */
const process = (file: string, options?: Conversations.SqlOptions) =>
  Layer.fresh(Layer.provide(Conversations.layerSql(options), Sqlite.layer(file)))

const inFolder = <A, E, R>(f: (file: string) => Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    return yield* f(`${yield* fs.makeTempDirectoryScoped()}/town.db`)
  }).pipe(Effect.scoped, Effect.provide([NodeFileSystem.layer, echo]))

describe("conversations in a database", () => {
  it.effect("are there in the next run", () =>
    inFolder((file) =>
      Effect.gen(function*() {
        yield* Effect.andThen(ask("bob", "one"), ask("bob", "two")).pipe(Effect.provide(process(file, { depth: 1 })))
        yield* Effect.gen(function*() {
          assert.strictEqual(Conversation.turns(yield* Conversations.get("bob")), 1)
          assert.strictEqual(yield* ask("bob", "three"), "answer to 3")
          assert.deepStrictEqual(yield* Conversations.keys, ["bob"])
          yield* Conversations.remove("bob")
          assert.deepStrictEqual(yield* Conversations.keys, [])
          assert.strictEqual(yield* ask("bob", "four"), "answer to 1")
        }).pipe(Effect.provide(process(file)))
      })
    ))

  it.effect("are shared by processes, of which the slower one is told with its answer", () =>
    inFolder((file) =>
      Effect.gen(function*() {
        const other = process(file)
        for (const before of [0, 1, 2]) {
          const slow = Conversations.update("bob", (conversation) =>
            Effect.andThen(
              Effect.provide(ask("bob", "first"), other),
              Conversation.respond(conversation, { model: "openai/gpt-5", input: "second" })
            ))
          const error = yield* Effect.flip(Effect.provide(slow, process(file)))
          assert.strictEqual(error._tag, "ConversationConflict")
          if (error._tag !== "ConversationConflict") return
          assert.strictEqual(error.answer?.text, `answer to ${before * 2 + 1}`)
        }
        assert.strictEqual(Conversation.turns(yield* Effect.provide(Conversations.get("bob"), other)), 3)
      })
    ))

  it.effect("lose nothing where two processes take turns, each trying again", () =>
    inFolder((file) =>
      Effect.gen(function*() {
        const said = (name: string) =>
          Effect.forEach([1, 2, 3, 4, 5], (n) =>
            Effect.retry(ask("bob", `${name} ${n}`), { while: ({ _tag }) => _tag === "ConversationConflict" })).pipe(
              Effect.provide(process(file))
            )
        yield* Effect.all([said("ann"), said("gil")], { concurrency: 2 })
        assert.strictEqual(Conversation.turns(yield* Effect.provide(Conversations.get("bob"), process(file))), 10)
      })
    ))

  it.effect("say typed what is wrong with the database, and give the answer", () =>
    inFolder((file) =>
      Effect.gen(function*() {
        yield* ask("bob", "one")
        const broken = Conversations.update("bob", (conversation) =>
          Effect.tap(
            Conversation.respond(conversation, { model: "openai/gpt-5", input: "two" }),
            () => Effect.sync(() => new DatabaseSync(file).exec("DROP TABLE talks"))
          ))
        const error = yield* Effect.flip(broken)
        assert.strictEqual(error._tag, "ConversationStoreError")
        if (error._tag === "ConversationStoreError") assert.strictEqual(error.answer?.text, "answer to 3")
      }).pipe(Effect.provide(process(file, { table: "talks" })))
    ))

  it.effect("say typed that a row cannot be read", () =>
    inFolder((file) =>
      Effect.gen(function*() {
        yield* ask("bob", "one")
        new DatabaseSync(file).exec("UPDATE openrouter_conversations SET items = 'junk'")
        const error = yield* Effect.flip(Conversations.get("bob"))
        assert.strictEqual(error.reason, "unreadable")
      }).pipe(Effect.provide(process(file)))
    ))

  it("need a client of Effect's", () => {
    const layer: Layer.Layer<Conversations.Conversations, unknown, SqlClient.SqlClient> = Conversations.layerSql()
    assert.isTrue(Layer.isLayer(layer))
  })
})
