import { NodeFileSystem, NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, ConfigProvider, DateTime, Effect, Exit, Fiber, FileSystem, Layer, Ref, Stream } from "effect"
import { CostLedger, Deadlines, OpenRouter, OpenRouterError, RateGate, RetryPolicy, Transport } from "effect-openrouter"
import { DispatchHttpClient } from "effect-openrouter/node"
import { Cassette, Emulator } from "effect-openrouter/testing"
import { FetchHttpClient, HttpServer } from "effect/http"
import { TestClock } from "effect/testing"
import { createServer } from "node:http"
import { apiKey, atT0, model } from "../client/support.ts"

/** A directory of its own for each test. */
const inDirectory = <A, E, R>(f: (path: string) => Effect.Effect<A, E, R>) =>
  Effect.scoped(Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    const directory = yield* files.makeTempDirectoryScoped()
    return yield* f(`${directory}/deep/town.cassette.json`)
  })).pipe(Effect.provide(NodeFileSystem.layer))

const read = (path: string) => Effect.flatMap(FileSystem.FileSystem, (files) => files.readFileString(path))

const live = (options?: Emulator.Options) =>
  Transport.layer({ apiKey }).pipe(Layer.provide(Emulator.layerHttpClient(options)))

/** What cannot be reached: who replays must not ask it. */
const nowhere = Layer.succeed(Transport.Transport, Transport.make(() => Effect.die("the network was asked")))

const over = (
  path: string,
  mode: Cassette.Mode,
  transport: Layer.Layer<Transport.Transport> = live(),
  options?: Cassette.Options
) =>
  OpenRouter.layerTransport.pipe(
    Layer.provide(RateGate.none),
    Layer.provideMerge(Cassette.layer(path, mode, options)),
    Layer.provide([transport, NodeFileSystem.layer])
  )

/** Runs a program in a session of its own. */
const session =
  (path: string, mode: Cassette.Mode, transport?: Layer.Layer<Transport.Transport>, options?: Cassette.Options) =>
  <A, E, R>(program: Effect.Effect<A, E, R>) => Effect.provide(program, over(path, mode, transport, options))

const ask = (input: string, slug = model) => OpenRouter.respond({ model: slug, input })

const env = (values: Record<string, string>) =>
  Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: values }))

/** What a program saw of a call: its outcome or error, its events, its attempts, and what was booked. */
const seen = <A, E, R>(program: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(CostLedger.measured(Effect.exit(program)), { startImmediately: true })
    for (let minute = 0; minute < 30 && fiber.pollUnsafe() === undefined; minute++) yield* TestClock.adjust("1 minute")
    const [exit, report] = yield* Fiber.join(fiber)
    return { exit: toFacts(exit), cost: String(report.cost), calls: report.calls }
  })

/** A reset is as far away as it was, to within a second, which is how exact the date of an answer is. */
const withoutInstants = (name: string, value: unknown): unknown =>
  name === "resetAt" || name === "retryAfter" ? undefined : value

const toFacts = (exit: Exit.Exit<unknown, unknown>): unknown =>
  JSON.parse(JSON.stringify(Exit.isSuccess(exit) ? exit.value ?? null : exit.cause.reasons), withoutInstants)

const plain = [
  "openai/gpt-5",
  ..."echo status-400 status-401 status-402 status-403 status-404 status-408 status-413 status-429 status-500 status-502"
    .split(" ").map((name) => `emulator/${name}`),
  ...("status-503 status-524 status-529 flaky-502 flaky-429 slow-3000 refusal incomplete content-filter failed " +
    "failed-rate-limit-exceeded error-in-200 empty no-usage unknown-item padded truncated html no-body moderation " +
    "guardrail no-credits in-flight-budget context-length invalid-prompt no-endpoints hang disconnect").split(" ")
    .map((name) => `emulator/${name}`)
]

const streamed = [
  ...plain,
  ...("cut cut-700 reset reset-900 stall stall-2 silence silence-3 error error-flat error-nested error-nested-then-failed " +
    "error-failed error-failed-short error-response-error error-null-code error-with-usage error-first no-terminal no-done " +
    "empty-output rotating-ids reversed interleaved unknown-events broken-json noise huge-1 json slow-50 bytes-7")
    .split(" ")
    .map((name) => `emulator/stream-${name}`)
]

interface Scenario {
  readonly name: string
  readonly run: Effect.Effect<unknown, unknown, OpenRouter.OpenRouter>
}

const quick = Deadlines.with({ response: "20 seconds", firstEvent: "20 seconds", idle: "5 seconds" })

const events = (slug: string, input: string) => OpenRouter.stream({ model: slug, input })

const scenarios: ReadonlyArray<Scenario> = [
  ...plain.map((slug) => ({ name: slug, run: OpenRouter.outcome({ model: slug, input: "Hello" }).pipe(quick) })),
  ...streamed.map((slug) => ({
    name: `${slug} streamed`,
    run: Effect.gen(function*() {
      const all: Array<unknown> = []
      const exit = yield* events(slug, "Hello").pipe(
        Stream.runForEach((event) => Effect.sync(() => all.push(event))),
        quick,
        Effect.exit
      )
      return { all, end: toFacts(exit) }
    })
  })),
  ...[1, 3, 10].map((count) => ({
    name: `left after ${count}`,
    run: events(model, `leave after ${count}`).pipe(Stream.take(count), Stream.runCollect)
  })),
  {
    name: "interrupted",
    run: Effect.timeoutOption(events("emulator/stream-stall", "later").pipe(Stream.runDrain), 3000)
  },
  { name: "interrupted, plain", run: Effect.timeoutOption(ask("never", "emulator/hang"), 3000) },
  { name: "models", run: OpenRouter.models() },
  // Whose key it is, is not recorded.
  { name: "key", run: Effect.map(OpenRouter.key, ({ creatorUserId: _, label: __, workspaceId: ___, ...key }) => key) },
  { name: "embeddings", run: OpenRouter.embeddings({ model: "openai/text-embedding-3-small", input: ["a", "b"] }) }
]

describe("a cassette", () => {
  it.effect(
    "replays all that the emulator can do as it was, in any order",
    () =>
      inDirectory((path) =>
        Effect.gen(function*() {
          yield* atT0
          const recorded = new Map<string, unknown>()
          yield* Effect.forEach(
            scenarios,
            ({ name, run }) => Effect.map(seen(run), (facts) => recorded.set(name, facts))
          ).pipe(session(path, "record"))
          yield* TestClock.adjust("30 days")
          const unused = yield* Effect.forEach(
            scenarios.toReversed(),
            ({ name, run }) => Effect.map(seen(run), (facts) => assert.deepStrictEqual(facts, recorded.get(name), name))
          ).pipe(
            Effect.andThen(Effect.flatMap(Cassette.Cassette, ({ unused }) => unused)),
            session(path, "replay", nowhere)
          )
          assert.deepStrictEqual(unused, [])
          const text = yield* read(path)
          assert.notInclude(text, "sk-or-v1-0123456789abcdef")
          assert.notInclude(text, "user_emulator")
        })
      ),
    60_000
  )

  it.effect("a miss is a defect that shows the nearest request and the difference, and is not tried again", () =>
    inDirectory((path) =>
      Effect.gen(function*() {
        yield* Effect.all([ask("What does Bob want?"), ask("How deep is the well?")]).pipe(session(path, "record"))
        const defect = yield* defectOf(ask("What does Ann want?").pipe(session(path, "replay")))
        assert.instanceOf(defect, Cassette.CassetteMiss)
        assert.include(String(defect), `no answer to POST /responses openai/gpt-5 "What does Ann want?"`)
        assert.include(String(defect), "Nearest is entry 1 of 2, recorded 1970-01-01:")
        assert.include(String(defect), `  input: recorded "What does Bob want?", asked "What does Ann want?"`)
        const other = yield* defectOf(OpenRouter.credits.pipe(session(path, "replay")))
        assert.include(String(other), "None of its 2 entries is a GET of that path.")
        const empty = yield* defectOf(ask("Hello").pipe(session(`${path}.none`, "replay")))
        assert.include(String(empty), "It is empty.")
      })
    ))

  it.effect("auto sends what is not recorded, and never where CI is set", () =>
    inDirectory((path) =>
      Effect.gen(function*() {
        const [counted, sent] = yield* counting
        const auto = session(path, "auto", counted)
        for (const value of ["1", "true", "yes"]) {
          assert.instanceOf(yield* defectOf(ask("a").pipe(auto, env({ CI: value }))), Cassette.CassetteMiss)
        }
        assert.strictEqual(yield* sent, 0)
        const first = yield* ask("a").pipe(auto, env({ CI: "false" }))
        assert.strictEqual(yield* sent, 1)
        const both = yield* Effect.all([ask("a"), ask("b")]).pipe(auto, env({}))
        assert.strictEqual(yield* sent, 2)
        assert.strictEqual(both[0].text, first.text)
        const again = yield* Effect.all([ask("b"), ask("a")]).pipe(auto, env({ CI: "1" }))
        assert.deepStrictEqual(again.map(({ text }) => text), [both[1].text, both[0].text])
        assert.strictEqual(yield* sent, 2)
      })
    ))

  it.effect("several answers to one request come in order, the last one again and again", () =>
    inDirectory((path) =>
      Effect.gen(function*() {
        let count = 0
        const transport = Layer.succeed(
          Transport.Transport,
          Transport.make(() => Effect.sync(() => Transport.answer({ body: answerOf(`answer ${++count}`) })))
        )
        const texts = (times: number) =>
          Effect.forEach(Array.from({ length: times }), () => Effect.map(ask("same"), ({ text }) => text))
        assert.deepStrictEqual(
          yield* texts(3).pipe(session(path, "record", transport)),
          [1, 2, 3].map((n) => `answer ${n}`)
        )
        const replayed = yield* texts(4).pipe(session(path, "replay", nowhere))
        assert.deepStrictEqual(replayed, [1, 2, 3, 3].map((n) => `answer ${n}`))
      })
    ))

  it.effect("a recorded request is found whatever the order of its members, and without what is volatile", () =>
    inDirectory((path) =>
      Effect.gen(function*() {
        const recorded = yield* ask("Hello").pipe(session(path, "record"))
        const file = yield* read(path)
        const at = file.indexOf("\"model\": \"openai/gpt-5\"")
        assert.isAbove(at, -1)
        const call = OpenRouter.respond({ input: "Hello", model, sessionId: "s-17", metadata: { run: "12" } })
        assert.strictEqual((yield* call.pipe(session(path, "replay"))).text, recorded.text)
        const ofDay = OpenRouter.respond({ model, input: "Hello", user: "day 12" })
        assert.instanceOf(yield* defectOf(ofDay.pipe(session(path, "replay"))), Cassette.CassetteMiss)
        const normalize: Cassette.Options["normalize"] = (body) =>
          typeof body === "object" && body !== null && "user" in body
            ? { ...body, user: "" }
            : { ...Object(body), user: "" }
        const found = yield* ofDay.pipe(session(path, "replay", undefined, { normalize }))
        assert.strictEqual(found.text, recorded.text)
      })
    ))

  it.effect("answers that are too old are recorded anew in auto, and used in replay", () =>
    inDirectory((path) =>
      Effect.gen(function*() {
        yield* atT0
        const [counted, sent] = yield* counting
        const auto = session(path, "auto", counted, { maxAge: "30 days" })
        const run = ask("Hello").pipe(auto, env({}))
        yield* run
        yield* TestClock.adjust("29 days")
        yield* run
        assert.strictEqual(yield* sent, 1)
        yield* TestClock.adjust("2 days")
        yield* ask("Hello").pipe(session(path, "replay", nowhere, { maxAge: "30 days" }))
        yield* run
        assert.strictEqual(yield* sent, 2)
        assert.include(yield* read(path), DateTime.formatIso(yield* DateTime.now))
        yield* run
        assert.strictEqual(yield* sent, 2)
        // An entry may have an age of its own, which stays when it is recorded anew.
        const files = yield* FileSystem.FileSystem
        const text = yield* read(path)
        yield* files.writeFileString(path, text.replace(`"recordedAt"`, `"maxAge": "1 hour", "recordedAt"`))
        yield* TestClock.adjust("2 hours")
        yield* run
        assert.strictEqual(yield* sent, 3)
        assert.include(yield* read(path), `"maxAge": `)
      })
    ))

  it.effect("recorded delays are kept only when that is asked for", () =>
    inDirectory((path) =>
      Effect.gen(function*() {
        const slow = live({ latency: "2 seconds", stream: { eventDelay: "100 millis" } })
        const taken = (mode: Cassette.Mode, options?: Cassette.Options) =>
          Effect.gen(function*() {
            const from = yield* Clock.currentTimeMillis
            const fiber = yield* Effect.forkChild(
              OpenRouter.streamText({ model, input: "Hello" }).pipe(
                Stream.runDrain,
                Effect.andThen(Clock.currentTimeMillis)
              ),
              { startImmediately: true }
            )
            for (let step = 0; step < 1000 && fiber.pollUnsafe() === undefined; step++) {
              yield* TestClock.adjust("10 millis")
            }
            return (yield* Fiber.join(fiber)) - from
          }).pipe(session(path, mode, mode === "replay" ? nowhere : slow, options))
        const time = yield* taken("record")
        assert.isAbove(time, 2500)
        assert.strictEqual(yield* taken("replay"), 0)
        assert.strictEqual(yield* taken("replay", { delays: true }), 0)
        yield* taken("record", { delays: true })
        assert.strictEqual(yield* taken("replay"), 0)
        assert.strictEqual(yield* taken("replay", { delays: true }), time)
      })
    ))

  it.effect("says which entries were not used", () =>
    inDirectory((path) =>
      Effect.gen(function*() {
        yield* Effect.all([ask("a"), ask("b")]).pipe(session(path, "record"))
        const exit = yield* Effect.exit(ask("a").pipe(session(path, "replay", nowhere, { unused: "fail" })))
        assert.include(String(defectIn(exit)), `1 of 2 entries of the cassette ${path} were not used:`)
        assert.include(String(defectIn(exit)), `POST /responses openai/gpt-5 "b"`)
        yield* Effect.all([ask("b"), ask("a")]).pipe(session(path, "replay", nowhere, { unused: "fail" }))
        const counts = yield* Effect.gen(function*() {
          yield* ask("b")
          const { recorded, replayed, unused } = yield* Cassette.Cassette
          return [yield* replayed, yield* recorded, (yield* unused).length]
        }).pipe(session(path, "replay", nowhere, { unused: "ignore" }))
        assert.deepStrictEqual(counts, [1, 0, 1])
      })
    ))

  it.effect("recording anew replaces the answers to the same requests, and leaves the others", () =>
    inDirectory((path) =>
      Effect.gen(function*() {
        yield* Effect.all([ask("a"), ask("b"), ask("a")]).pipe(session(path, "record"))
        yield* ask("a").pipe(session(path, "record", live({ seed: 2 })))
        const entries = JSON.parse(yield* read(path)).entries
        assert.deepStrictEqual(
          entries.map((entry: { request: { json: { input: string } } }) => entry.request.json.input),
          ["a", "b"]
        )
        const files = yield* FileSystem.FileSystem
        const names = yield* files.readDirectory(path.replace(/\/[^/]*$/, ""))
        assert.deepStrictEqual(names, ["town.cassette.json"])
      })
    ))

  it.effect("keeps secrets out, also where they are in two chunks, and says the rest as it was", () =>
    inDirectory((path) =>
      Effect.gen(function*() {
        const encoder = new TextEncoder()
        const secret = "sk-or-v1-0123456789abcdef"
        const body = encoder.encode(
          `data: {"type":"response.output_text.delta","delta":"é 😀 Bob","user_id":"user_123"}\n\n: ${secret}\n\n` +
            `data: {"type":"response.completed","response":${answerOf(`Bob has ${secret}`)}}\n\n`
        )
        const chunks = Array.from({ length: Math.ceil(body.length / 7) }, (_, index) =>
          body.slice(index * 7, index * 7 + 7))
        const transport = Layer.succeed(
          Transport.Transport,
          Transport.make(() =>
            Effect.succeed(Transport.answer({
              headers: {
                "content-type": "text/event-stream",
                "set-cookie": "__cf=1",
                "x-generation-id": "gen-1",
                server: "x"
              },
              body: Stream.fromIterable(chunks)
            }))
          )
        )
        const scrub = (text: string) =>
          text.replaceAll("Bob", "Ann")
        const ask = OpenRouter.stream({ model, input: `Bob: ${secret}` }).pipe(Stream.runCollect)
        yield* ask.pipe(session(path, "record", transport, { scrub }))
        const text = yield* read(path)
        for (const word of ["0123456789", "Bob", "user_123", "__cf", "server"]) assert.notInclude(text, word)
        assert.include(text, "gen-1")
        yield* ask.pipe(session(path, "replay", nowhere, { scrub, unused: "fail" }))
        assert.include(text, "é 😀 Ann")
      })
    ))

  it.effect("keeps what travels to a remote MCP server out", () =>
    inDirectory((path) =>
      Effect.gen(function*() {
        const transport = Layer.succeed(
          Transport.Transport,
          Transport.make(() =>
            Effect.succeed(Transport.answer({ body: Stream.make(new TextEncoder().encode(answerOf("Bob"))) }))
          )
        )
        const ask = OpenRouter.respond({
          model,
          input: "Hello",
          tools: [{
            type: "mcp",
            serverLabel: "files",
            serverUrl: "https://example.com/mcp",
            authorization: "ghp_one\\\"two",
            headers: {
              Authorization: "Basic dGhyZWU=",
              "X-Api-Key": "four",
              Cookie: "a=five",
              "X-Auth-Token": "six",
              "X-Tenant": "seven"
            }
          }]
        })
        yield* ask.pipe(session(path, "record", transport))
        const text = yield* read(path)
        for (const word of ["ghp_one", "two", "dGhyZWU", "four", "five", "six"]) assert.notInclude(text, word)
        assert.include(text, "seven")
        yield* ask.pipe(session(path, "replay", nowhere, { unused: "fail" }))
      })
    ))

  it.effect("reading on where the recording program left is a defect that says so", () =>
    inDirectory((path) =>
      Effect.gen(function*() {
        const text = OpenRouter.streamText({ model, input: "Hello" })
        yield* text.pipe(Stream.take(1), Stream.runDrain, session(path, "record"))
        yield* text.pipe(Stream.take(1), Stream.runDrain, session(path, "replay", nowhere))
        const defect = yield* defectOf(text.pipe(Stream.runDrain, session(path, "replay", nowhere)))
        assert.instanceOf(defect, Cassette.CassetteEnded)
        assert.include(String(defect), "ends in the middle of the answer to POST /responses")
      })
    ))

  it.effect("many calls at once are recorded and replayed", () =>
    inDirectory((path) =>
      Effect.gen(function*() {
        const all = (reverse: boolean) => {
          const inputs = Array.from({ length: 200 }, (_, index) => `question ${index % 150}`)
          return Effect.forEach(
            reverse ? inputs.toReversed() : inputs,
            (input) => Effect.map(ask(input), ({ text }) => [input, text]),
            { concurrency: "unbounded" }
          ).pipe(
            Effect.map((pairs) => Object.fromEntries(pairs))
          )
        }
        const recorded = yield* all(false).pipe(session(path, "record"))
        assert.deepStrictEqual(yield* all(true).pipe(session(path, "replay", nowhere)), recorded)
      })
    ))

  it.effect("a file that is no cassette, or of a newer version, is a typed error", () =>
    inDirectory((path) =>
      Effect.gen(function*() {
        const files = yield* FileSystem.FileSystem
        yield* ask("a").pipe(session(path, "record"))
        const messages = yield* Effect.forEach(
          ["{", "[]", `{"format":2,"entries":[]}`, `{"format":1,"entries":[{}]}`],
          (text) =>
            Effect.gen(function*() {
              yield* files.writeFileString(path, text)
              const error = yield* Effect.flip(ask("a").pipe(session(path, "auto"), env({})))
              return error instanceof OpenRouterError.ConnectionFailed ? "" : error.message
            })
        )
        assert.include(messages[0], "is no cassette")
        assert.include(messages[1], "is no cassette")
        assert.include(messages[2], "format 2 of a newer version")
        assert.include(messages[3], "is no cassette")
      })
    ))

  it.live.each(["fetch", "dispatch"] as const)(
    "records what goes over a socket (%s)",
    (over) =>
      inDirectory((path) =>
        Effect.gen(function*() {
          const once = Effect.provideService(RetryPolicy.CurrentRetryPolicy, RetryPolicy.none)
          const program = Effect.gen(function*() {
            const facts: Array<unknown> = []
            for (const slug of ["openai/gpt-5", "emulator/status-502", "emulator/disconnect", "emulator/slow-50"]) {
              facts.push(toFacts(yield* Effect.exit(ask("Hello", slug))))
            }
            for (const slug of ["openai/gpt-5", "reset", "cut", "error", "bytes-7"]) {
              const name = slug.includes("/") ? slug : `emulator/stream-${slug}`
              const all: Array<unknown> = []
              const run = Stream.runForEach(events(name, "Hello"), (event) => Effect.sync(() => all.push(event)))
              facts.push(toFacts(yield* Effect.exit(run)), all)
            }
            facts.push(yield* events(model, "leave").pipe(Stream.take(2), Stream.runCollect))
            return JSON.parse(JSON.stringify(facts))
          }).pipe(once)
          const client = over === "fetch" ? FetchHttpClient.layer : DispatchHttpClient.layer
          const served = Layer.unwrap(
            Effect.map(
              HttpServer.HttpServer,
              ({ address }) =>
                Transport.layer({ apiKey, apiUrl: `http://127.0.0.1:${"port" in address ? address.port : 0}/api/v1` })
            )
          )
            .pipe(
              Layer.provide(client),
              Layer.merge(Emulator.layerServer()),
              Layer.provide(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" })),
              Layer.orDie
            )
          const recorded = yield* program.pipe(session(path, "record", served))
          const replayed = yield* program.pipe(session(path, "replay", nowhere, { unused: "fail" }))
          assert.deepStrictEqual(replayed, recorded)
        })
      ),
    20_000
  )

  it.effect("what a program does wrong is not recorded", () =>
    inDirectory((path) =>
      Effect.gen(function*() {
        const defect = yield* defectOf(ask("a").pipe(session(path, "record", nowhere)))
        assert.strictEqual(defect, "the network was asked")
        assert.strictEqual(yield* Effect.flatMap(FileSystem.FileSystem, (files) => files.exists(path)), false)
      })
    ))
})

const answerOf = (text: string) =>
  JSON.stringify({
    id: "resp_1",
    object: "response",
    status: "completed",
    model,
    output: [{ type: "message", role: "assistant", content: [{ type: "output_text", text, annotations: [] }] }],
    usage: { input_tokens: 3, output_tokens: 2, total_tokens: 5, cost: 0.00002 }
  })

const defectIn = (exit: Exit.Exit<unknown, unknown>): unknown =>
  Exit.isFailure(exit) ? exit.cause.reasons.find(Cause.isDieReason)?.defect : undefined

const defectOf = <A, E, R>(program: Effect.Effect<A, E, R>) => Effect.map(Effect.exit(program), defectIn)

/** The emulator behind a transport that counts what it sends. */
const counting = Effect.gen(function*() {
  const count = yield* Ref.make(0)
  const transport = Layer.effect(
    Transport.Transport,
    Transport.Transport.useSync((transport): Transport.Transport["Service"] => ({
      ...transport,
      send: (request, onSent) => Effect.andThen(Ref.update(count, (n) => n + 1), transport.send(request, onSent))
    }))
  ).pipe(Layer.provide(live()))
  return [transport, Ref.get(count)] as const
})
