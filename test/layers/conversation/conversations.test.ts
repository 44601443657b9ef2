import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, FileSystem, Layer, Option, Schema, Stream } from "effect"
import {
  type AppendLog,
  Conversation,
  Conversations,
  type CreateResponse,
  Input,
  type OpenRouter,
  OpenRouterError,
  type Outcome,
  Usd,
  Wire
} from "effect-openrouter"
import { Emulator, OpenRouterTest } from "effect-openrouter/testing"
import { readFileSync, statSync } from "node:fs"
import { inspect } from "node:util"
import { KeyLocks } from "../../../src/layers/conversation/KeyLocks.ts"
import { emulated, model } from "../client/support.ts"
import { inject } from "../log/support.ts"

/** What a request says, item by item. */
const saidIn = ({ input }: CreateResponse.CreateResponse): ReadonlyArray<string> =>
  typeof input === "string" ? [input] : (input ?? []).map((item) => {
    if (item.type === "message" || item.type === undefined) {
      const { content = "" } = item
      return typeof content === "string"
        ? content
        : content.map((part) => "text" in part && typeof part.text === "string" ? part.text : part.type).join("")
    }
    return item.type
  })

/** Replies with what was said last, and how much was said before. */
const echo = OpenRouterTest.layer((request) => {
  const said = saidIn(request)
  return `${said.length}: ${said.at(-1)}`
})

const ask = (key: string, input: string) =>
  Effect.map(Conversations.respond(key, { model, input }), (answer) => answer.text)

const said = (key: string) =>
  Effect.map(Conversations.get(key), (conversation) => saidIn({ input: conversation.items }))

const inMemory = (options?: Conversations.Options) => Layer.merge(echo, Conversations.layerMemory(options))

const failureOf = <A, E>(exit: Exit.Exit<A, E>): E | undefined =>
  Exit.isFailure(exit) ? Option.getOrUndefined(Exit.findErrorOption(exit)) : undefined

describe("conversations by key", () => {
  it.effect("send what was said under their key, and remember the answer", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* ask("bob", "one"), "1: one")
      assert.strictEqual(yield* ask("ann", "uno"), "1: uno")
      assert.strictEqual(yield* ask("bob", "two"), "3: two")
      assert.deepStrictEqual(yield* said("bob"), ["one", "1: one", "two", "3: two"])
      assert.deepStrictEqual((yield* Conversations.keys).toSorted(), ["ann", "bob"])
      yield* Conversations.remove("bob")
      assert.deepStrictEqual(yield* said("bob"), [])
      assert.deepStrictEqual(yield* Conversations.keys, ["ann"])
    }).pipe(Effect.provide(inMemory())))

  it.effect("begin with instructions, and fork", () =>
    Effect.gen(function*() {
      yield* Conversations.set("bob", Conversation.make(Input.system("You are Bob.")))
      yield* ask("bob", "one")
      yield* ask("bob", "two")
      yield* Conversations.fork("bob", "other", { turns: 1 })
      yield* Conversations.fork("bob", "copy")
      yield* ask("other", "three")
      assert.deepStrictEqual(yield* said("other"), ["You are Bob.", "one", "2: one", "three", "4: three"])
      assert.strictEqual((yield* said("copy")).length, 5)
      assert.strictEqual((yield* said("bob")).length, 5)
    }).pipe(Effect.provide(inMemory())))

  it.effect("are as deep as their prefix says", () =>
    Effect.gen(function*() {
      for (const key of ["intention:bob", "intention:bob:mood", "talk:bob", "x"]) {
        for (const n of [1, 2, 3, 4]) yield* ask(key, String(n))
      }
      assert.deepStrictEqual(yield* said("intention:bob"), ["3", "5: 3", "4", "5: 4"])
      assert.deepStrictEqual(yield* said("intention:bob:mood"), [])
      assert.strictEqual((yield* said("talk:bob")).length, 6)
      assert.strictEqual((yield* said("x")).length, 8)
    }).pipe(Effect.provide(inMemory({ depth: { "intention:": 2, "intention:bob:": 0, "talk:": 3 } }))))

  it.effect("are as long as they may be", () =>
    Effect.gen(function*() {
      for (const n of [1, 2, 3, 4, 5, 6]) yield* ask("bob", String(n))
      const kept = yield* Conversations.get("bob")
      assert.isAtMost(Conversation.tokens(kept), 100)
      assert.isAbove(Conversation.turns(kept), 0)
      assert.isBelow(Conversation.turns(kept), 6)
    }).pipe(Effect.provide(inMemory({ maxTokens: 100 }))))

  it.effect("stay as they were where a call fails, in whatever way", () =>
    Effect.gen(function*() {
      yield* ask("bob", "one")
      const exits = yield* Effect.forEach([1, 2, 3], (n) => Effect.exit(ask("bob", String(n))))
      assert.deepStrictEqual(exits.map((exit) => failureOf(exit)?._tag), ["Incomplete", "RateLimited", "Refused"])
      assert.deepStrictEqual(yield* said("bob"), ["one", "hello"])
      yield* ask("bob", "two")
      assert.deepStrictEqual(yield* said("bob"), ["one", "hello", "two", "hello again"])
    }).pipe(
      Effect.provide([
        OpenRouterTest.layer([
          "hello",
          new OpenRouterError.Incomplete({ message: "cut", reason: "max_output_tokens", partialText: "hel" }),
          new OpenRouterError.RateLimited({ message: "slow down" }),
          new OpenRouterError.Refused({ message: "no", refusal: "no", source: "model" }),
          "hello again"
        ]),
        Conversations.layerMemory()
      ])
    ))

  it.effect("go on one call at a time, and leave others alone", () =>
    Effect.gen(function*() {
      const gate = yield* Deferred.make<void>()
      const layer = OpenRouterTest.layer((request) => {
        const said = saidIn(request)
        const reply = `${said.length}`
        return said.at(-1) === "slow" ? Effect.as(Deferred.await(gate), reply) : reply
      })
      yield* Effect.gen(function*() {
        const fork = (key: string, input: string) => Effect.forkChild(ask(key, input), { startImmediately: true })
        const slow = yield* fork("bob", "slow")
        const left = yield* fork("bob", "left")
        const quick = yield* fork("bob", "quick")
        assert.strictEqual(yield* ask("ann", "quick"), "1")
        yield* Effect.yieldNow
        assert.isUndefined(quick.pollUnsafe())
        // Who waits can leave at once.
        yield* Fiber.interrupt(left)
        yield* Deferred.succeed(gate, undefined)
        assert.deepStrictEqual([yield* Fiber.join(slow), yield* Fiber.join(quick)], ["1", "3"])
        assert.deepStrictEqual(yield* said("bob"), ["slow", "1", "quick", "3"])
      }).pipe(Effect.provide([layer, Conversations.layerMemory()]))
    }))

  it.effect("free their key where a call is interrupted", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(ask("bob", "never"), { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* ask("bob", "one"), "one")
      assert.deepStrictEqual(yield* said("bob"), ["one", "one"])
    }).pipe(
      Effect.provide([
        OpenRouterTest.layer((request) => saidIn(request).at(-1) === "never" ? Effect.never : "one"),
        Conversations.layerMemory()
      ])
    ))

  it.effect("hold 500 calls of one key in order", () =>
    Effect.gen(function*() {
      yield* Effect.forEach(Array.from({ length: 500 }, (_, n) => n), (n) => ask("bob", String(n)), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(yield* said("bob"), ["499", "3: 499"])
    }).pipe(Effect.provide(inMemory({ depth: 1 }))))

  it.effect("tell who was slower than another process, with the answer that was paid for", () =>
    Effect.gen(function*() {
      const store = yield* Conversations.ConversationStore
      const process = Conversations.layer().pipe(
        Layer.provide(Layer.succeed(Conversations.ConversationStore, store)),
        Layer.fresh
      )
      const slow = Conversations.update("bob", (conversation) =>
        Effect.andThen(
          Effect.provide(ask("bob", "first"), process),
          Conversation.respond(conversation, { model, input: "second" })
        ))
      const error = failureOf(yield* Effect.exit(Effect.provide(slow, process)))
      assert.strictEqual(error?._tag, "ConversationConflict")
      if (error?._tag !== "ConversationConflict") return
      assert.strictEqual(error.answer?.text, "1: second")
      assert.strictEqual(error.key, "bob")
      for (const text of [JSON.stringify(error), inspect(error, { depth: 9 }), String(error)]) {
        assert.notInclude(text, "second")
      }
      assert.deepStrictEqual(
        yield* Schema.encodeEffect(Conversations.ConversationConflict)(error),
        { _tag: "ConversationConflict", key: "bob", message: error.message }
      )
      assert.deepStrictEqual(
        yield* Effect.provide(said("bob"), process),
        ["first", "1: first"]
      )
    }).pipe(Effect.provide([echo, Conversations.layerStoreMemory])))

  it.effect("do not take what was removed and said again for what it was", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        for (const layer of [Conversations.layerStoreMemory, Conversations.layerStoreFile(path)]) {
          yield* Effect.gen(function*() {
            const store = yield* Conversations.ConversationStore
            yield* store.save("bob", yield* store.load("bob"), Conversation.make("one"))
            const before = yield* store.load("bob")
            yield* store.remove("bob")
            yield* store.save("bob", yield* store.load("bob"), Conversation.make("two"))
            assert.isFalse(yield* store.save("bob", before, Conversation.make("three")))
          }).pipe(Effect.provide(layer, { local: true }))
        }
      })
    ))

  it.effect("give objects", () =>
    Effect.gen(function*() {
      const { value } = yield* Conversations.respondObject("bob", {
        model,
        input: "What does Bob want?",
        schema: Schema.Struct({ action: Schema.String })
      })
      assert.deepStrictEqual(value, { action: "bake" })
      assert.deepStrictEqual(yield* said("bob"), ["What does Bob want?", `{"action":"bake"}`])
    }).pipe(Effect.provide([OpenRouterTest.layer({ action: "bake" }), Conversations.layerMemory()])))

  it.effect("stream, and store the answer before they give it", () =>
    Effect.gen(function*() {
      const parts = Conversations.streamText("bob", { model, input: "one" })
      const seen: Array<string> = []
      yield* Stream.runForEach(parts, (part) =>
        Effect.gen(function*() {
          seen.push(part._tag === "Text" ? part.text : part.answer.text)
          assert.strictEqual((yield* said("bob")).length, part._tag === "Text" ? 0 : 2)
        }))
      assert.deepStrictEqual([seen.slice(0, -1).join(""), seen.at(-1)], ["1: one", "1: one"])
      // Whoever leaves has said nothing.
      yield* Stream.runDrain(Stream.take(Conversations.streamText("bob", { model, input: "two" }), 1))
      assert.strictEqual(yield* ask("bob", "three"), "3: three")
    }).pipe(Effect.provide(inMemory())))
})

const inFolder = <A, E, R>(f: (path: string) => Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    return yield* f(`${yield* fs.makeTempDirectoryScoped()}/talks.jsonl`)
  }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))

/** The output of an answer as the server wrote it. */
const outputOf = ({ response }: Outcome.Completed): ReadonlyArray<unknown> => {
  const json = Wire.raw(response)
  return Wire.isJsonObject(json) && Array.isArray(json["output"]) ? json["output"] : []
}

/** A run of a process that has its conversations in a file. */
const run = (path: string, options?: Conversations.FileOptions) =>
<A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<
  A,
  E | AppendLog.AppendLogError,
  Exclude<R, Conversations.Conversations> | FileSystem.FileSystem
> => Effect.provide(effect, Conversations.layerFile(path, options), { local: true })

describe("conversations in a file", () => {
  it.effect("are there in the next run", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        const first = run(path, { depth: 2 })
        yield* Effect.forEach(["one", "two", "three"], (input) => ask("bob", input)).pipe(first)
        yield* Effect.andThen(ask("ann", "uno"), Conversations.remove("ann")).pipe(first)
        yield* Conversations.set("gil", Conversation.make(Input.system("You are Gil."))).pipe(first)
        const all = yield* Effect.all({
          bob: said("bob"),
          ann: said("ann"),
          gil: said("gil"),
          keys: Conversations.keys
        })
          .pipe(run(path, { fsync: true }))
        assert.deepStrictEqual(all, {
          bob: ["two", "3: two", "three", "5: three"],
          ann: [],
          gil: ["You are Gil."],
          keys: ["bob", "gil"]
        })
        // A change is a line with what is new.
        const lines = readFileSync(path, "utf8").trim().split("\n").map((line): unknown => JSON.parse(line))
        assert.deepStrictEqual(
          lines.map((line) => line instanceof Object && "keep" in line ? line.keep : undefined),
          [undefined, [0, 0], [2, 2], [0, 2], [0, 0], undefined, [0, 0]]
        )
      })
    ).pipe(Effect.provide(echo)))

  it.effect("send back what a server said as it came, also after a restart", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        const emulator = yield* Emulator.Emulator
        const think = (input: string) =>
          Conversations.respond("bob", {
            model,
            input,
            reasoning: { effort: "high" },
            include: ["reasoning.encrypted_content"]
          })
        const first = yield* run(path)(think("one"))
        const parts = yield* run(path)(Stream.runCollect(Conversations.streamText("bob", {
          model,
          input: "two",
          reasoning: { effort: "high" },
          include: ["reasoning.encrypted_content"]
        })))
        const second = parts.at(-1)
        yield* run(path)(think("three"))
        const last = (yield* emulator.requests).at(-1)
        const outputs = [first, second?._tag === "Complete" ? second.answer : first].map(outputOf)
        const body: { readonly input: ReadonlyArray<unknown> } = JSON.parse(JSON.stringify(last?.body))
        for (const output of outputs) assert.isAbove(output.length, 1)
        assert.deepStrictEqual(body.input, [
          { role: "user", content: "one" },
          ...outputs[0] ?? [],
          { role: "user", content: "two" },
          ...outputs[1] ?? [],
          { role: "user", content: "three" }
        ])
      })
    ).pipe(Effect.provide(emulated())))

  it.effect("have one process at a time", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(run(path)(Effect.asVoid(run(path)(Conversations.keys))))
        assert.strictEqual(error._tag, "AppendLogError")
        assert.strictEqual("reason" in error && error.reason, "inUse")
      })
    ))

  it.effect("are made smaller before they fill the disk, while calls go on", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        const text = "x".repeat(20_000)
        const keys = ["a", "b", "c", "d"]
        yield* Effect.forEach(keys, (key) =>
          Effect.forEach(Array.from({ length: 60 }, (_, n) => n), (n) => ask(key, `${n} ${text}`)), {
          concurrency: "unbounded"
        }).pipe(run(path, { depth: 2 }))
        // All together that was 10 MB.
        assert.isBelow(statSync(path).size, 3_000_000)
        for (const key of keys) {
          const kept = (yield* said(key).pipe(run(path))).map((text) =>
            text.split(" x")[0]
          )
          assert.deepStrictEqual(kept, ["58", "5: 58", "59", "5: 59"])
        }
      })
    ).pipe(Effect.provide(echo)))

  it.effect("give the answer that could not be stored on a full disk, and stay whole", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        const room = { bytes: Infinity }
        yield* Effect.gen(function*() {
          yield* ask("bob", "one")
          room.bytes = 20
          const error = failureOf(yield* Effect.exit(ask("bob", "two")))
          assert.strictEqual(error?._tag, "ConversationStoreError")
          if (error?._tag !== "ConversationStoreError") return
          assert.strictEqual(error.reason, "full")
          assert.strictEqual(error.answer?.text, "3: two")
          assert.isTrue(Usd.isZero(error.answer?.cost ?? Usd.make("1")))
          room.bytes = Infinity
          assert.strictEqual(yield* ask("bob", "three"), "3: three")
        }).pipe(run(path), Effect.updateService(FileSystem.FileSystem, (fs) => inject(fs, room)))
        assert.deepStrictEqual(yield* said("bob").pipe(run(path)), ["one", "1: one", "three", "3: three"])
      })
    ).pipe(Effect.provide(echo)))

  it.effect("do not open where a line in the middle is missing", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        yield* Effect.forEach(["one", "two", "three"], (input) => ask("bob", input)).pipe(run(path))
        const fs = yield* FileSystem.FileSystem
        const lines = readFileSync(path, "utf8").split("\n")
        for (
          const [content, line] of [
            [lines.toSpliced(2, 1), 3],
            [lines.toSpliced(2, 1, "{\"key\":1}"), 3],
            [lines.toSpliced(2, 1, "garbage"), 3]
          ] as const
        ) {
          yield* fs.writeFileString(path, content.join("\n"))
          const error = yield* Effect.flip(run(path)(Conversations.keys))
          assert.strictEqual(error._tag, "AppendLogError")
          if (error._tag === "AppendLogError") assert.deepStrictEqual([error.reason, error.line], ["unreadable", line])
        }
      })
    ).pipe(Effect.provide(echo)))
})

describe("locks by key", () => {
  it.effect("are there only while they are used, also where who waits has left", () =>
    Effect.gen(function*() {
      const locks = new KeyLocks()
      const gate = yield* Deferred.make<void>()
      const fibers = yield* Effect.forEach(
        Array.from({ length: 30 }, (_, n) => n),
        (n) => Effect.forkChild(locks.with(`key ${n % 3}`, Deferred.await(gate)), { startImmediately: true })
      )
      assert.strictEqual(locks.size, 3)
      // The first of them have a lock, and the others wait for one.
      yield* Fiber.interruptAll(fibers.slice(1, 20))
      assert.strictEqual(locks.size, 3)
      yield* Deferred.succeed(gate, undefined)
      yield* Effect.forEach([...fibers.slice(0, 1), ...fibers.slice(20)], (fiber) => Fiber.join(fiber))
      assert.strictEqual(locks.size, 0)
    }))
})

describe("calls in a conversation", () => {
  it.effect("stream and give objects as well", () =>
    Effect.gen(function*() {
      const start = Conversation.make(Input.system("You are Bob."))
      const parts = yield* Stream.runCollect(Conversation.streamText(start, { model, input: "one" }))
      assert.deepStrictEqual(parts.map((part) => part._tag), ["Text", "Text", "Complete"])
      const last = parts.at(-1)
      if (last?._tag !== "Complete") throw new Error("no end")
      const { answer, conversation } = yield* Conversation.respond(last.conversation, { model, input: "two" })
      assert.strictEqual(answer.text, "4: two")
      assert.deepStrictEqual(saidIn({ input: conversation.items }), [
        "You are Bob.",
        "one",
        "2: one",
        "two",
        "4: two"
      ])
      const piped = yield* Conversation.respond({ model, input: [Input.user("three")] })(conversation)
      assert.strictEqual(piped.answer.text, "6: three")
      assert.strictEqual(saidIn({ input: start.items }).length, 1)
    }).pipe(Effect.provide(echo)))

  it.effect("answer the calls of a model", () =>
    Effect.gen(function*() {
      const asked = yield* Conversation.respond(Conversation.empty, { model, input: "Go." })
      const call = asked.answer.functionCalls[0]
      assert.deepStrictEqual(Conversation.openCalls(asked.conversation), call === undefined ? [] : [call])
      const done = yield* Conversation.respond(asked.conversation, {
        model,
        input: [Input.functionCallOutput(call ?? { callId: "" }, "there")]
      })
      assert.deepStrictEqual(Conversation.openCalls(done.conversation), [])
      const requests = yield* OpenRouterTest.calls
      assert.deepStrictEqual(requests.map(saidIn), [["Go."], ["Go.", "function_call", "function_call_output"]])
    }).pipe(
      Effect.provide(OpenRouterTest.layer([
        OpenRouterTest.answer({ output: [{ type: "function_call", callId: "c1", name: "go", arguments: "{}" }] }),
        "Done."
      ]))
    ))

  it.effect("may have a stored prompt in the place of an input", () =>
    Effect.gen(function*() {
      yield* Conversation.respond(Conversation.empty, { model, prompt: { id: "pmpt_1" } })
      const next = yield* Conversation.respond(Conversation.make("one"), { model, prompt: { id: "pmpt_1" } })
      const [first, second] = yield* OpenRouterTest.calls
      assert.isUndefined(first?.input)
      assert.deepStrictEqual(saidIn(second ?? {}), ["one"])
      assert.strictEqual(Conversation.turns(next.conversation), 1)
    }).pipe(Effect.provide(OpenRouterTest.layer(() => "Done."))))

  it("are typed with the errors of the call", () => {
    const effect: Effect.Effect<Conversation.Turn, OpenRouter.RespondError, OpenRouter.OpenRouter> = Conversation
      .respond(Conversation.empty, { input: "x" })
    assert.isTrue(Effect.isEffect(effect))
  })
})
