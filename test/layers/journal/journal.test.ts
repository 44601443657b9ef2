import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, FileSystem, Layer, Redacted, Ref, Stream } from "effect"
import { Budget, CostLedger, Journal, OpenRouter, RetryPolicy, Usd } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"
import { appendFileSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { apiKey, model, once, ungated } from "../client/support.ts"

const client = (options?: Emulator.Options) =>
  Layer.provideMerge(ungated(OpenRouter.layer({ apiKey })), Emulator.layerHttpClient(options))

/** How often the server was asked, and what it charged. */
const asked = Effect.flatMap(Emulator.Emulator, ({ ledger, requests }) =>
  Effect.gen(function*() {
    const { total } = yield* ledger
    return { times: (yield* requests).length, charged: Usd.toText(Usd.fromDecimal(total)) }
  }))

const times = Effect.map(asked, ({ times }) => times)

const ask = (input: string, fields: { readonly model?: string } = {}) => OpenRouter.respond({ model, input, ...fields })

/** Two equal calls and another one, in scopes, at once. */
const scene = Effect.forEach(
  ["Ann", "Bob", "Ann"],
  (name) => ask(`What does ${name} want?`).pipe(CostLedger.scope(name), Effect.map(({ text }) => text)),
  { concurrency: "unbounded" }
)

/** A path in a folder that is gone after the test. */
const inFolder = <A, E, R>(f: (path: string) => Effect.Effect<A, E, R>) =>
  Effect.scoped(Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    return yield* f(`${yield* fs.makeTempDirectoryScoped()}/journal.jsonl`)
  })).pipe(Effect.provide(NodeServices.layer))

/** Runs something with a file, as a process of its own would. */
const inProcess = <A, E, R>(self: Effect.Effect<A, E, R>, path: string, options?: Journal.FileOptions) =>
  Effect.provide(self, Layer.provide(Journal.layerFile(path, options), NodeServices.layer), { local: true })

const linesOf = (path: string): ReadonlyArray<string> =>
  readFileSync(path, "utf8").split("\n").filter((line) => line !== "")

describe("a run that is taken up again", () => {
  it.effect("is answered from the journal, and books what it saved", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        const program = CostLedger.measured(Journal.resumable(scene, "run"))
        const [first, paid] = yield* inProcess(program, path)
        const before = yield* asked
        assert.deepStrictEqual([before.times, paid.calls], [3, 3])
        const [second, saved] = yield* inProcess(program, path)
        assert.deepStrictEqual(second, first)
        assert.deepStrictEqual(yield* asked, before)
        assert.deepStrictEqual([saved.calls, saved.savedCalls], [0, 3])
        assert.strictEqual(Usd.toText(saved.saved), Usd.toText(paid.cost))
        // Wrapping the program changes no key.
        yield* inProcess(Effect.scoped(CostLedger.measured(program).pipe(CostLedger.scope("outer"))), path)
        assert.deepStrictEqual(yield* asked, before)
      })
    ).pipe(Effect.provide(client())))

  it.effect("goes on where it broke off: equal requests are told apart by their order alone", () =>
    Effect.gen(function*() {
      const gate = yield* Deferred.make<void>()
      const texts = yield* Ref.make<ReadonlyArray<string>>([])
      const one = Effect.flatMap(ask("Roll a die."), ({ text }) => Ref.update(texts, (all) => [...all, text]))
      const program = Effect.andThen(one, Effect.andThen(Deferred.await(gate), one)).pipe(Journal.resumable("run"))
      const fiber = yield* Effect.forkChild(program)
      while ((yield* Ref.get(texts)).length === 0) yield* Effect.yieldNow
      yield* Fiber.interrupt(fiber)
      yield* Deferred.succeed(gate, undefined)
      yield* program
      assert.strictEqual(yield* times, 2)
      yield* program
      assert.strictEqual(yield* times, 2)
      assert.strictEqual((yield* Journal.summary("run")).starts, 3)
    }).pipe(Effect.provide([client(), Journal.layerMemory])))

  it.effect("asks again what was changed, in its place or its request", () =>
    Effect.gen(function*() {
      const runs = [
        ask("One"),
        ask("Two"),
        ask("One", { model: "openai/gpt-5-mini" }),
        CostLedger.scope(ask("One"), "inside"),
        OpenRouter.withDefaults(ask("One"), { temperature: 0.5 })
      ]
      for (const [index, run] of runs.entries()) {
        yield* Journal.resumable(run, "run")
        assert.strictEqual(yield* times, index + 1)
      }
      for (const run of runs) yield* Journal.resumable(run, "run")
      yield* Journal.resumable(ask("One"), "another run")
      assert.strictEqual(yield* times, runs.length + 1)
    }).pipe(Effect.provide([client(), Journal.layerMemory])))

  it.effect("gives the events of a stream, of an effect or a stream", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        const text = Stream.mkString(OpenRouter.streamText({ model, input: "Tell." }))
        const first = yield* inProcess(Journal.resumable(text, "run"), path)
        const second = yield* inProcess(Journal.resumable(text, "run"), path)
        const third = yield* inProcess(
          Stream.mkString(Journal.resumable(OpenRouter.streamText({ model, input: "Tell." }), "run")),
          path
        )
        assert.deepStrictEqual([second, third], [first, first])
        assert.strictEqual(yield* times, 1)
        const { isFinished, starts } = yield* inProcess(Journal.summary("run"), path)
        assert.deepStrictEqual([isFinished, starts], [true, 3])
      })
    ).pipe(Effect.provide(client())))

  it.effect("has embeddings, and asks other endpoints each time", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        const program = Effect.all([
          OpenRouter.embeddings({ model: "openai/text-embedding-3-small", input: "harbour" }),
          Effect.map(OpenRouter.models(), ({ length }) => length)
        ]).pipe(Journal.resumable("run"))
        const first = yield* inProcess(program, path)
        assert.deepStrictEqual(yield* inProcess(program, path), first)
        assert.strictEqual(yield* times, 3)
      })
    ).pipe(Effect.provide(client())))

  it.effect("has every kind of outcome as it was", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        const names = ["echo", "refusal", "incomplete", "empty", "unknown-item", "no-usage"]
        const program = Effect.forEach(
          names,
          (name) => OpenRouter.outcome({ model: `emulator/${name}`, input: "Hello there" })
        )
        const [first, paid] = yield* CostLedger.measured(inProcess(Journal.resumable(program, "run"), path))
        const sent = yield* times
        const [second, saved] = yield* CostLedger.measured(inProcess(Journal.resumable(program, "run"), path))
        assert.deepStrictEqual(second, first)
        assert.strictEqual(yield* times, sent)
        assert.strictEqual(Usd.toText(saved.saved), Usd.toText(paid.cost))
      })
    ).pipe(Effect.provide([client(), once])))
})

describe("errors", () => {
  const failing = (name: string) => Effect.exit(ask("Hello", { model: `emulator/${name}` }))

  it.effect("that the program went on from stay as they were, unless it says otherwise", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        const names = ["status-500", "status-429", "context-length", "html"]
        const program = Effect.forEach(names, failing)
        const first = yield* inProcess(Journal.resumable(program, "run"), path)
        const sent = yield* times
        const second = yield* inProcess(Journal.resumable(program, "run"), path)
        assert.deepStrictEqual(second, first)
        assert.isTrue(second.every(Exit.isFailure))
        assert.strictEqual(yield* times, sent)
        assert.strictEqual((yield* inProcess(Journal.summary("run"), path)).errors, names.length)
        yield* inProcess(Journal.resumable(program, "run", { errors: "retry" }), path)
        assert.strictEqual(yield* times, 2 * sent)
      })
    ).pipe(Effect.provide([client(), once])))

  it.effect("of the whole account, of a budget and of our own checks are asked again", () =>
    Effect.gen(function*() {
      const program = Effect.all([
        failing("no-credits"),
        failing("status-401"),
        Effect.exit(OpenRouter.respond({ model, input: "x", maxOutputTokens: 0.5 })),
        Effect.exit(Budget.limit(ask("Hello"), "0"))
      ])
      const first = yield* Journal.resumable(program, "run")
      assert.isTrue(first.every(Exit.isFailure))
      assert.strictEqual((yield* Journal.summary("run")).calls, 0)
      yield* Journal.resumable(program, "run")
      // And once for the prices.
      assert.strictEqual(yield* times, 5)
    }).pipe(Effect.provide([client(), Journal.layerMemory, once])))

  it.effect("of streams are stored if nothing was seen of them; what broke off or was left is asked again", () =>
    Effect.gen(function*() {
      const read = (name: string) =>
        Effect.exit(Stream.runDrain(OpenRouter.stream({ model: `emulator/${name}`, input: "Hello" })))
      const program = Effect.all([
        read("status-500"),
        read("stream-cut"),
        Effect.exit(Stream.runDrain(Stream.take(OpenRouter.streamText({ model, input: "Tell." }), 1)))
      ])
      yield* Journal.resumable(program, "run")
      yield* Journal.resumable(program, "run")
      assert.strictEqual(yield* times, 5)
    }).pipe(Effect.provide([client(), Journal.layerMemory, once])))
})

describe("what is sent", () => {
  const sentTo = Effect.flatMap(Emulator.Emulator, ({ requests }) => requests)

  it.effect("has its place and asks for OpenRouter's cache; the answer shows nothing of it", () =>
    Effect.gen(function*() {
      const program = Effect.all([
        ask("One"),
        OpenRouter.respond({ model, input: "One", metadata: { user: "ann" } }),
        OpenRouter.withHeaders(ask("Two"), { "X-OpenRouter-Cache": "false" })
      ])
      const answers = yield* Journal.resumable(program, "run")
      const sent = yield* sentTo
      assert.deepStrictEqual(
        sent.map(({ headers }) => headers["x-openrouter-cache"]),
        ["true", "true", "false"]
      )
      assert.strictEqual(new Set(sent.map(({ text }) => text)).size, 3)
      assert.isTrue(sent.every(({ text }) => text.includes("effect-openrouter-place")))
      for (const { response } of answers) assert.notInclude(JSON.stringify(response), "effect-openrouter-place")
      assert.deepStrictEqual(answers[1].response.metadata, { user: "ann" })
    }).pipe(Effect.provide([client(), Journal.layerMemory])))

  it.effect("goes without where metadata has no room", () =>
    Effect.gen(function*() {
      const metadata = Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`k${index}`, "v"]))
      const program = Journal.resumable(OpenRouter.respond({ model, input: "One", metadata }), "run")
      yield* program
      yield* program
      const sent = yield* sentTo
      assert.strictEqual(sent.length, 1)
      assert.isUndefined(sent[0]?.headers["x-openrouter-cache"])
    }).pipe(Effect.provide([client(), Journal.layerMemory])))

  it.effect("clears the cache when a failure inside of a 200 is repeated", () =>
    Effect.gen(function*() {
      yield* Journal.resumable(ask("One"), "run").pipe(RetryPolicy.with(RetryPolicy.make({ base: 0 })))
      assert.deepStrictEqual(
        (yield* sentTo).map(({ headers }) => headers["x-openrouter-cache-clear"]),
        [undefined, undefined, "true"]
      )
    }).pipe(Effect.provide([
      client({
        rules: [
          { nth: 1, reply: Emulator.Reply.failure(502) },
          { nth: 2, reply: Emulator.Reply.failure(502, { httpStatus: 200 }) }
        ]
      }),
      Journal.layerMemory
    ])))

  it.effect("never holds the key", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        yield* inProcess(
          Journal.resumable(Effect.all([scene, Effect.exit(ask("x", { model: "emulator/status-401" }))]), "run"),
          path
        )
        assert.notInclude(readFileSync(path, "utf8"), Redacted.value(apiKey))
      })
    ).pipe(Effect.provide(client())))
})

describe("budgets", () => {
  it.effect("count what is answered from the journal as spent, and never fail it", () =>
    Effect.gen(function*() {
      yield* Journal.resumable(scene, "run")
      const budget = yield* Budget.make("0.000001")
      const { charged } = yield* asked
      yield* Journal.resumable(budget.run(scene), "run")
      assert.strictEqual(Usd.toText(yield* budget.spent), charged)
      const error = yield* Effect.flip(budget.run(ask("One more")))
      assert.strictEqual(error._tag, "BudgetExceeded")
    }).pipe(Effect.provide([client(), Journal.layerMemory])))
})

describe("runs", () => {
  it.effect("have one owner at a time", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Journal.resumable(Effect.never, "run"), { startImmediately: true })
      assert.strictEqual((yield* Effect.flip(Journal.resumable(scene, "run")))._tag, "JournalInUse")
      assert.strictEqual((yield* Effect.flip(Journal.forget("run")))._tag, "JournalInUse")
      yield* Fiber.interrupt(fiber)
      yield* Journal.resumable(scene, "run")
    }).pipe(Effect.provide([client(), Journal.layerMemory])))

  it.effect("nest: an inner run is one of its own", () =>
    Effect.gen(function*() {
      const program = Effect.all([ask("One"), Journal.resumable(ask("One"), "inner", { onSuccess: "forget" })])
      yield* Journal.resumable(program, "outer")
      assert.deepStrictEqual((yield* Journal.list).map(({ calls, run }) => [run, calls]), [["outer", 1]])
      yield* Journal.resumable(program, "outer")
      assert.strictEqual(yield* times, 3)
    }).pipe(Effect.provide([client(), Journal.layerMemory])))

  it.effect("leave out what is to be asked each time", () =>
    Effect.gen(function*() {
      const program = Journal.resumable(Effect.all([ask("One"), Journal.bypass(ask("Two"))]), "run")
      yield* program
      yield* program
      assert.strictEqual(yield* times, 3)
    }).pipe(Effect.provide([client(), Journal.layerMemory])))

  it.effect("may be forked at a place, and forgotten", () =>
    Effect.gen(function*() {
      const tick = (n: number) => CostLedger.scope(ask(`Tick ${n}`), `tick ${n}`)
      const story = Effect.forEach([1, 2, 3], tick)
      yield* Journal.resumable(story, "story")
      yield* Journal.fork("story", "other", { until: ["tick 3"] })
      assert.strictEqual((yield* Journal.summary("other")).calls, 2)
      yield* Journal.resumable(story, "other")
      assert.strictEqual(yield* times, 4)
      const entries = yield* Stream.runCollect(Journal.entries("other"))
      assert.deepStrictEqual(entries.map(({ scopes }) => scopes), [["tick 1"], ["tick 2"], ["tick 3"]])
      assert.strictEqual((yield* Effect.flip(Journal.fork("none", "x")))._tag, "JournalError")
      assert.strictEqual((yield* Effect.flip(Journal.fork("story", "other")))._tag, "JournalError")
      yield* Journal.forget("story")
      assert.deepStrictEqual((yield* Journal.list).map(({ run }) => run), ["other"])
    }).pipe(Effect.provide([client(), Journal.layerMemory])))
})

describe("a file", () => {
  it.live("has one process at a time, and lists what was in flight when one was killed", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        const first = yield* Effect.forkChild(
          inProcess(Journal.resumable(Effect.andThen(ask("One"), ask("x", { model: "emulator/hang" })), "run"), path)
        )
        while ((yield* times) < 2) yield* Effect.sleep(5)
        const error = yield* Effect.flip(inProcess(Journal.list, path))
        assert.strictEqual(error._tag, "JournalInUse")
        // A kill leaves the file as it is at any moment.
        const copy = `${path}.copy`
        writeFileSync(copy, readFileSync(path))
        appendFileSync(copy, `{"_tag":"Ended","run":"ru`)
        yield* Fiber.interrupt(first)
        const { calls, inFlight, unknown } = yield* inProcess(Journal.summary("run"), copy)
        assert.deepStrictEqual([calls, unknown, inFlight.map(({ model }) => model)], [1, 1, ["emulator/hang"]])
        yield* inProcess(Journal.resumable(ask("One"), "run"), copy)
        assert.strictEqual(yield* times, 2)
      })
    ).pipe(Effect.provide(client())))

  it.effect("keeps what counts when it is written anew", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        yield* inProcess(Effect.all([Journal.resumable(scene, "a"), Journal.resumable(scene, "b")]), path)
        const grown = linesOf(path).length
        yield* inProcess(Journal.forget("a"), path)
        assert.isBelow(linesOf(path).length, grown / 2)
        assert.notInclude(readFileSync(path, "utf8"), `"run":"a"`)
        yield* inProcess(Journal.resumable(scene, "b"), path)
        assert.strictEqual(yield* times, 6)
      })
    ).pipe(Effect.provide(client())))

  it.effect("loses no answer whose line lacks its end when it is written anew", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        yield* inProcess(Journal.resumable(ask("One"), "run"), path)
        const [header, opened, started, ended] = linesOf(path)
        // Many lines no longer count, and the last one was cut off before its line break.
        writeFileSync(path, [header, opened, started, started, started, ended].join("\n"))
        yield* inProcess(Journal.resumable(ask("One"), "run"), path)
        assert.strictEqual(yield* times, 1)
      })
    ).pipe(Effect.provide(client())))

  it.effect("loses what was replaced when it is written anew", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        const run = Effect.exit(OpenRouter.respond({ model: "emulator/status-500", input: "x" })).pipe(
          Journal.resumable("run", { errors: "retry" })
        )
        for (let time = 0; time < 10; time++) yield* inProcess(run, path)
        yield* inProcess(Journal.list, path)
        const ends = linesOf(path).filter((line) => line.includes(`"Ended"`))
        assert.isBelow(ends.length, 4)
        const before = readFileSync(path, "utf8")
        const { ino } = statSync(path)
        yield* inProcess(Journal.list, path)
        assert.strictEqual(readFileSync(path, "utf8"), before)
        assert.strictEqual(statSync(path).ino, ino)
        const { calls, errors, starts } = yield* inProcess(Journal.summary("run"), path)
        assert.deepStrictEqual([calls, errors, starts], [1, 1, 10])
      })
    ).pipe(Effect.provide([client(), once])))

  it.effect("has nothing of what was forgotten, also if that was killed, and the run began anew", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        const many = Effect.forEach(Array.from({ length: 30 }, (_, n) => n), (n) => ask(`${n}`))
        yield* inProcess(Journal.resumable(many, "other"), path)
        yield* inProcess(Journal.resumable(ask("One"), "run"), path)
        const forgotten = JSON.stringify({ _tag: "Forgotten", run: "run", time: "2026-01-01T00:00:00.000Z" })
        // Killed before the file was written anew.
        appendFileSync(path, `${forgotten}\n`)
        yield* inProcess(Journal.resumable(ask("Two"), "run"), path)
        yield* inProcess(Journal.forget("other"), path)
        const { calls, starts } = yield* inProcess(Journal.summary("run"), path)
        assert.deepStrictEqual([calls, starts], [1, 1])
      })
    ).pipe(Effect.provide(client())))

  it.effect("of a newer version, or of something else, is left as it is", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        for (const text of [`{"format":"effect-openrouter/journal","version":99}\n`, "Dear diary,\n"]) {
          writeFileSync(path, text)
          const error = yield* Effect.flip(inProcess(Journal.list, path))
          assert.strictEqual(error._tag, "JournalError")
          assert.strictEqual(readFileSync(path, "utf8"), text)
        }
      })
    ))

  it.effect("that cannot grow ends the program with its reason, and the answer is not lost on the way", () =>
    Effect.gen(function*() {
      const answers = yield* Ref.make(0)
      const error = yield* Effect.flip(
        inProcess(
          Journal.resumable(Effect.tap(ask("One"), () => Ref.update(answers, (n) => n + 1)), "run"),
          "/dev/full"
        )
      )
      assert.strictEqual(error._tag, "JournalError")
      assert.strictEqual(error._tag === "JournalError" ? error.reason : undefined, "full")
      // Nothing is sent where not even that can be written down.
      assert.strictEqual(yield* times, 0)
    }).pipe(Effect.provide(client())))

  it.effect("holds no text that is to be kept out", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        const redact = (text: string) => text.replaceAll("Ann", "N.")
        const program = Journal.resumable(ask("Ann, are you there?", { model: "emulator/echo" }), "run")
        const first = yield* inProcess(program, path, { redact })
        assert.include(first.text, "Ann")
        assert.notInclude(readFileSync(path, "utf8"), "Ann,")
        assert.strictEqual((yield* inProcess(program, path, { redact })).text, "N., are you there?")
      })
    ).pipe(Effect.provide(client())))

  it.effect("is read again whatever becomes of its texts, and found by its scopes", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        const redact = () => "*"
        const program = Effect.all([
          CostLedger.scope(ask("One"), "Ann"),
          Effect.exit(OpenRouter.respond({ model: "emulator/status-503", input: "x" })),
          Effect.exit(OpenRouter.outcome({ model: "emulator/incomplete", input: "x" })),
          OpenRouter.outcome({ model: "emulator/refusal", input: "x" }),
          ...[
            "status-400",
            "status-403",
            "status-404",
            "status-413",
            "status-429",
            "status-504",
            "failed",
            "html",
            "error-in-200",
            "content-filter",
            "disconnect"
          ].map(
            (name) => Effect.exit(OpenRouter.outcome({ model: `emulator/${name}`, input: "x" }))
          ),
          OpenRouter.embeddings({ model: "openai/text-embedding-3-small", input: "x" })
        ]).pipe(Journal.resumable("run"))
        yield* inProcess(program, path, { redact })
        const before = yield* times
        yield* inProcess(program, path, { redact })
        assert.strictEqual(yield* times, before)
        const entries = yield* inProcess(Stream.runCollect(Journal.entries("run")), path)
        assert.deepStrictEqual(entries[0]?.scopes, ["Ann"])
        assert.strictEqual(entries[0]?.model, model)
        yield* inProcess(Journal.fork("run", "other", { until: ["Ann"] }), path)
        assert.strictEqual((yield* inProcess(Journal.summary("other"), path)).calls, 0)
      })
    ).pipe(Effect.provide([client(), once])))
})
