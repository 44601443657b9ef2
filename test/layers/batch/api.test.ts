import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, FileSystem, Layer, Random, Redacted, References, Result, Schema } from "effect"
import {
  Batch,
  BatchApi,
  Budget,
  CostLedger,
  Deadlines,
  Input,
  OpenRouter,
  RateGate,
  RetryPolicy,
  Transport,
  Usd
} from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"
import { TestClock } from "effect/testing"

const apiKey = Redacted.make("test")

const url = "http://emulator/api/v1"

/** A client of an emulator, and the emulator. */
const client = OpenRouter.layer({ apiKey, apiUrl: url }).pipe(
  Layer.provideMerge(Emulator.layerHttpClient({ prices: {}, credits: "100000", maxBodyBytes: 1e9 }))
)

const requests = (count: number, model = "openai/gpt-5") =>
  Array.from({ length: count }, (_, n) => ({ model, input: `Is ${n} a prime?` }))

const fast = { every: 1, settle: 0 }

const tagOf = (answered: Batch.Answered): string =>
  Result.isSuccess(answered)
    ? answered.success._tag
    : answered.failure._tag === "BatchUnfinished"
    ? answered.failure.reason
    : answered.failure._tag

const countsOf = (answers: ReadonlyArray<Batch.Answered>) => {
  const counts: Record<string, number> = {}
  for (const answer of answers) counts[tagOf(answer)] = (counts[tagOf(answer)] ?? 0) + 1
  return counts
}

/** Submits and waits, and tells what was booked and what the server charged. */
const ran = (model: string, count: number, options: Batch.AwaitOptions = {}) =>
  Effect.gen(function*() {
    const asked = requests(count, model)
    const emulator = yield* Emulator.Emulator
    const [answers, spent] = yield* CostLedger.measured(
      Effect.flatMap(
        Batch.submit(asked, fast),
        (handle) => Batch.await(handle, { ...fast, requests: asked, resubmit: 0, ...options })
      )
    )
    const { total } = yield* emulator.ledger
    assert.strictEqual(`${Usd.fromDecimal(total)}`, `${spent.cost}`)
    return { answers, spent, counts: countsOf(answers) }
  }).pipe(Effect.provide(client))

describe("Batch.submit and Batch.await", () => {
  it.live("makes batches by model and by size, and books what they cost", () =>
    Effect.gen(function*() {
      const { requests: seen } = yield* Emulator.Emulator
      const asked = [...requests(6000), ...requests(6000, "anthropic/claude-sonnet-4.5")]
      const mixed = asked.map((_, n) => asked[n % 2 === 0 ? n / 2 : 6000 + (n - 1) / 2] ?? { model: "", input: "" })
      const [answers, spent] = yield* CostLedger.measured(
        Effect.flatMap(Batch.submit(mixed, fast), (handle) => {
          assert.deepStrictEqual(handle.parts.map(({ model, places }) => [model, places.length]), [
            ["openai/gpt-5", 5000],
            ["anthropic/claude-sonnet-4.5", 5000],
            ["openai/gpt-5", 1000],
            ["anthropic/claude-sonnet-4.5", 1000]
          ])
          // A handle is a value: what waits for it may be another process.
          const stored = Schema.encodeSync(Schema.fromJsonString(Batch.Handle))(handle)
          return Batch.await(Schema.decodeSync(Schema.fromJsonString(Batch.Handle))(stored), fast)
        })
      )
      const { accounts, total } = yield* Effect.flatMap(Emulator.Emulator, ({ ledger }) => ledger)
      assert.strictEqual(answers.length, 12_000)
      assert.isTrue(answers.every((answer) => Result.isSuccess(answer)))
      assert.strictEqual(`${Usd.fromDecimal(total)}`, `${spent.cost}`)
      assert.deepStrictEqual([spent.calls, spent.unknown], [12_000, 0])
      assert.deepStrictEqual(accounts.map(({ calls }) => calls), [6000, 6000])
      assert.strictEqual((yield* seen).filter(({ method }) => method === "POST").length, 4)
      const [answer] = answers
      assert.isTrue(
        answer !== undefined && Result.isSuccess(answer) && answer.success.generationId?.startsWith("gen-batch-")
      )
    }).pipe(Effect.provide(client)), 30_000)

  it.live.each<readonly [string, { readonly [end: string]: number }]>([
    ["rejected", { failed: 12 }],
    ["failed", { Completed: 6, failed: 6 }],
    ["expired", { Completed: 6, expired: 6 }],
    ["cancelled", { Completed: 6, cancelled: 6 }],
    ["shuffled", { Completed: 12 }],
    ["double", { Completed: 12 }],
    ["missing", { Completed: 8, missing: 4 }],
    ["malformed", { Completed: 8, MalformedResponse: 2, missing: 2 }],
    ["costless", { Completed: 12 }],
    ["partly", { Completed: 8, ServerError: 4 }]
  ])("gives each request of a batch that is %s its own end", ([fault, expected]) =>
    Effect.gen(function*() {
      const { answers, counts, spent } = yield* ran(`emulator/batch-${fault}`, 12)
      assert.deepStrictEqual(counts, expected)
      assert.strictEqual(spent.unknown, 0)
      if (fault !== "shuffled") return
      const { answers: straight } = yield* ran("emulator/batch-none", 12)
      const texts = (all: ReadonlyArray<Batch.Answered>) =>
        all.map((answer) => Result.isSuccess(answer) && answer.success._tag === "Completed" ? answer.success.text : "")
      assert.strictEqual(new Set(texts(answers)).size, 12)
      assert.strictEqual(new Set(texts(straight)).size, 12)
    }))

  it.live("keeps what a batch has answered that expired, and sends the rest again once", () =>
    Effect.gen(function*() {
      const once = yield* ran("emulator/batch-expired-once", 12, { resubmit: 1 })
      assert.deepStrictEqual(once.counts, { Completed: 12 })
      assert.strictEqual(once.spent.calls, 12)
      // Of the second batch as well only half is answered.
      const twice = yield* ran("emulator/batch-expired", 12, { resubmit: 1 })
      assert.deepStrictEqual(twice.counts, { Completed: 9, expired: 3 })
    }))

  it.live("gives a line the error that its request would have had by itself", () =>
    Effect.gen(function*() {
      const ends = yield* Effect.forEach(
        [
          "refusal",
          "incomplete",
          "failed",
          "empty",
          "status-429",
          "status-503",
          "context-length",
          "moderation",
          "hang"
        ],
        (name) => Effect.map(ran(`emulator/${name}`, 1), ({ counts }) => Object.keys(counts)[0])
      )
      assert.deepStrictEqual(ends, [
        "Refused",
        "Incomplete",
        "ServerError",
        "Empty",
        "RateLimited",
        "ProviderOverloaded",
        "ContextLengthExceeded",
        "Refused",
        "ServerError"
      ])
    }))

  it.live("reads values by their schema", () =>
    Effect.gen(function*() {
      const Verdict = Schema.Struct({ isPrime: Schema.Boolean })
      const asked = [7, 8].map((n) => ({ model: "openai/gpt-5", input: `Is ${n} a prime?`, schema: Verdict }))
      const handle = yield* Batch.submitObjects(asked, fast)
      const answers = yield* Batch.awaitObjects(handle, { ...fast, schema: Verdict })
      assert.deepStrictEqual(
        answers.map((answer) => Result.isSuccess(answer) && typeof answer.success.value.isPrime === "boolean"),
        [true, true]
      )
    }).pipe(Effect.provide(client)))

  it.live("sends nothing that a batch cannot carry", () =>
    Effect.gen(function*() {
      const { requests: seen } = yield* Emulator.Emulator
      const model = "openai/gpt-5"
      const fieldOf = (request: Parameters<typeof OpenRouter.respond>[0]) =>
        Effect.map(Effect.flip(Batch.submit([...requests(1), request], fast)), (error) =>
          error._tag === "InvalidRequest" ? error.field : error._tag)
      const image = (imageUrl: string) => ({ type: "input_image" as const, detail: "auto" as const, imageUrl })
      const fields = yield* Effect.forEach([
        { input: "no model" },
        { model, models: ["a/b"], input: "x" },
        { model: "openai/gpt-5:online", input: "x" },
        { model, input: "x", plugins: [{ id: "web" as const }] },
        { model, input: "x", temperature: Number.NaN },
        { model, input: [Input.user([image("data:image/png;base64,AAAA")])] }
      ], fieldOf)
      assert.deepStrictEqual(fields, [
        "requests[1].model",
        "requests[1].models",
        "requests[1].model",
        "requests[1].plugins[0]",
        "requests[1].temperature",
        "requests[1].input[0].content[0]"
      ])
      assert.strictEqual((yield* seen).length, 0)
      yield* Batch.submit([{ model, input: [Input.user([image("https://example.com/a.png")])] }], fast)
      assert.strictEqual((yield* seen).length, 1)
    }).pipe(Effect.provide(client)))

  it.live("can be cancelled, and says where the API is not", () =>
    Effect.gen(function*() {
      const slow = OpenRouter.layer({ apiKey, apiUrl: url }).pipe(
        Layer.provideMerge(Emulator.layerHttpClient({ batchTime: "1 hour" }))
      )
      const counts = yield* Effect.gen(function*() {
        const handle = yield* Batch.submit(requests(3))
        yield* Batch.cancel(handle)
        return countsOf(yield* Batch.await(handle, fast))
      }).pipe(Effect.provide(slow))
      assert.deepStrictEqual(counts, { cancelled: 3 })
      const error = yield* Effect.flip(Batch.submit(requests(1), { path: "/elsewhere" })).pipe(Effect.provide(client))
      assert.strictEqual(error._tag, "ModelUnavailable")
      assert.include(error.message, "path")
    }))
})

/** A transport that stops for ever at its n-th exchange, before it is sent or after the server has served it. */
const halting = (at: number, when: "before" | "after", halted: Deferred.Deferred<void>) =>
  Layer.effect(
    Transport.Transport,
    Transport.Transport.useSync((inner): Transport.Transport["Service"] => {
      let count = 0
      const stop = Effect.andThen(Deferred.succeed(halted, undefined), Effect.never)
      return {
        ...inner,
        send: (request, onSent) => {
          if (count++ !== at) return inner.send(request, onSent)
          return when === "before" ? stop : Effect.andThen(inner.send(request, onSent), stop)
        }
      }
    })
  ).pipe(Layer.provide(Transport.layer({ apiKey, apiUrl: url })))

describe("a batch that takes long", () => {
  const slow = OpenRouter.layer({ apiKey, apiUrl: url }).pipe(
    Layer.provideMerge(Emulator.layerHttpClient({ batchTime: "1 hour" }))
  )

  it.effect("is looked at every 30 seconds, and outlives who waits", () =>
    Effect.gen(function*() {
      const { requests: seen } = yield* Emulator.Emulator
      const handle = yield* Batch.submit(requests(3))
      const first = yield* Effect.forkChild(Batch.await(handle))
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual((yield* seen).filter(({ method }) => method === "GET").length, 21)
      yield* Fiber.interrupt(first)
      const second = yield* Effect.forkChild(Batch.await(handle))
      yield* TestClock.adjust("51 minutes")
      assert.deepStrictEqual(countsOf(yield* Fiber.join(second)), { Completed: 3 })
    }).pipe(Effect.provide(slow)))

  it.live("is waited for while the server fails", () =>
    Effect.gen(function*() {
      let asked = 0
      const flaky = OpenRouter.layerTransport.pipe(Layer.provide(
        Layer.effect(
          Transport.Transport,
          Transport.Transport.useSync((inner): Transport.Transport["Service"] => ({
            ...inner,
            send: (request, onSent) =>
              request.method === "GET" && asked++ < 3
                ? Effect.succeed(Transport.answer({ status: 503, body: "{}" }))
                : inner.send(request, onSent)
          }))
        ).pipe(Layer.provide(Transport.layer({ apiKey, apiUrl: url })))
      ))
      const answers = yield* Effect.flatMap(Batch.submit(requests(2), fast), (handle) => Batch.await(handle, fast))
        .pipe(
          RetryPolicy.with(RetryPolicy.none),
          Effect.provide(flaky)
        )
      assert.deepStrictEqual([countsOf(answers), asked], [{ Completed: 2 }, 4])
    }).pipe(Effect.provide(client)))

  it.live("that is gone takes nothing away from the others", () =>
    Effect.gen(function*() {
      const handle = yield* Batch.submit([...requests(2), ...requests(1, "emulator/echo")], fast)
      const parts = handle.parts.map((part, index) => index === 0 ? { ...part, batch: "batch_gone" } : part)
      const answers = yield* Batch.await({ ...handle, parts }, fast)
      assert.deepStrictEqual(answers.map(tagOf), ["ModelUnavailable", "ModelUnavailable", "Completed"])
    }).pipe(Effect.provide(client)))
})

describe("a client that dies", () => {
  it.live("finds its batches again, whenever that was, and pays for none twice", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const asked = [...requests(7), ...requests(5, "anthropic/claude-sonnet-4.5")]
      let halts = 0
      for (let seed = 0; seed < 20; seed++) {
        yield* Effect.gen(function*() {
          const emulator = yield* Emulator.Emulator
          const program = Effect.gen(function*() {
            const jobs = yield* Batch.jobs(`${folder}/${seed}.batches`)
            const options = { ...fast, jobs, maxRequests: 3 }
            return yield* Batch.await(yield* Batch.submit(asked, options), options)
          }).pipe(Effect.scoped)
          // It dies three times, at moments that the seed says.
          for (let times = 0; times < 3; times++) {
            const halted = yield* Deferred.make<void>()
            const at = yield* Random.nextIntBetween(0, 9)
            const when = (yield* Random.nextBoolean) ? "before" : "after"
            const dying = OpenRouter.layerTransport.pipe(Layer.provide(halting(at, when, halted)))
            const fiber = yield* Effect.forkChild(Effect.provide(program, dying))
            if (
              yield* Effect.raceFirst(Effect.as(Deferred.await(halted), true), Effect.as(Fiber.await(fiber), false))
            ) halts++
            yield* Fiber.interrupt(fiber)
          }
          const [answers, spent] = yield* CostLedger.measured(program).pipe(
            Effect.provide(OpenRouter.layer({ apiKey, apiUrl: url }))
          )
          assert.deepStrictEqual(countsOf(answers), { Completed: 12 })
          const { calls, total } = yield* emulator.ledger
          assert.strictEqual(calls, 12)
          assert.strictEqual(`${spent.cost}`, `${Usd.fromDecimal(total)}`)
        }).pipe(
          Random.withSeed(`seed ${seed}`),
          Effect.provide(Emulator.layerHttpClient({ seed }))
        )
      }
      assert.isAbove(halts, 20)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)), 30_000)

  it.live("looks for a batch whose acceptance it did not hear of", () =>
    Effect.gen(function*() {
      const asked = requests(4, "emulator/batch-lost")
      const handle = yield* Batch.submit(asked, fast)
      assert.deepStrictEqual(countsOf(yield* Batch.await(handle, fast)), { Completed: 4 })
      const { calls } = yield* Effect.flatMap(Emulator.Emulator, ({ ledger }) => ledger)
      assert.strictEqual(calls, 4)
    }).pipe(Effect.provide(client)))

  it.live("says so where nobody can tell, until it is told what to do", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const asked = requests(4, "emulator/batch-rejected")
      const { requests: seen } = yield* Emulator.Emulator
      const posts = Effect.map(seen, (all) => all.filter(({ method }) => method === "POST").length)
      const halted = yield* Deferred.make<void>()
      const submit = (uncertain?: Batch.SubmitOptions["uncertain"]) =>
        Effect.scoped(Effect.flatMap(
          Batch.jobs(`${folder}/one.batches`),
          (jobs) => Batch.submit(asked, { ...fast, jobs, uncertain })
        ))
      const dying = OpenRouter.layerTransport.pipe(Layer.provide(halting(0, "after", halted)))
      const fiber = yield* Effect.forkChild(Effect.provide(submit(), dying))
      yield* Deferred.await(halted)
      yield* Fiber.interrupt(fiber)
      // A batch without results is nobody's.
      const error = yield* Effect.flip(submit())
      assert(error._tag === "BatchUncertain")
      assert.deepStrictEqual([error.requests, error.model, error.candidates.length], [4, "emulator/batch-rejected", 1])
      assert.strictEqual(yield* posts, 1)
      const [batch = ""] = error.candidates
      const handle = yield* submit({ [error.intent]: batch })
      assert.deepStrictEqual(handle.parts.map(({ batch }) => batch), [batch])
      assert.strictEqual(yield* posts, 1)
    }).pipe(Effect.scoped, Effect.provide([client, NodeServices.layer])))

  it.live("sends nothing again where the list cannot be had", () =>
    Effect.gen(function*() {
      const asked = requests(2, "emulator/batch-lost")
      const nowhere = OpenRouter.layerTransport.pipe(Layer.provide(
        Layer.effect(
          Transport.Transport,
          Transport.Transport.useSync((inner): Transport.Transport["Service"] => ({
            ...inner,
            send: (request, onSent) =>
              request.method === "GET" && request.path === "/batches"
                ? Effect.succeed(Transport.answer({ status: 403, body: "{}" }))
                : inner.send(request, onSent)
          }))
        ).pipe(Layer.provide(Transport.layer({ apiKey, apiUrl: url })))
      ))
      const error = yield* Effect.flip(Batch.submit(asked, fast)).pipe(Effect.provide(nowhere))
      assert.strictEqual(error._tag, "BatchUncertain")
    }).pipe(Effect.provide(client)))
})

describe("Batch.jsonl via the Batch API", () => {
  const Item = Schema.Struct({ id: Schema.String, model: Schema.String, prompt: Schema.String })

  const ask = ({ model, prompt }: typeof Item.Type) =>
    Effect.map(OpenRouter.respond({ model, input: prompt }), ({ text }) => text)

  const options = { input: Item, via: "batch-api", batch: { ...fast, wait: 20 } } as const

  const files = Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* fs.makeTempDirectoryScoped()
    const input = `${folder}/in.jsonl`
    const output = `${folder}/out.jsonl`
    return {
      input,
      output,
      remembered: fs.exists(`${output}.batches`),
      write: (items: ReadonlyArray<typeof Item.Type>) =>
        fs.writeFileString(input, items.map((item) => `${JSON.stringify(item)}\n`).join("")),
      lines: Effect.map(fs.readFileString(output), (text) => text.split("\n").slice(0, -1))
    }
  })

  const items = (count: number, models: ReadonlyArray<string>) =>
    Array.from(
      { length: count },
      (_, n) => ({ id: `${n}`, model: models[n % models.length] ?? "", prompt: `Item ${n}` })
    )

  it.live("sends the calls of all lines as few batches", () =>
    Effect.gen(function*() {
      const { input, lines, output, remembered, write } = yield* files
      const { ledger, requests: seen } = yield* Emulator.Emulator
      yield* write(items(300, ["emulator/echo", "openai/gpt-5"]))
      const [summary, spent] = yield* CostLedger.measured(Batch.jsonl(input, output, ask, options))
      assert.deepStrictEqual(summary.outcomes, { Success: 300 })
      assert.strictEqual((yield* seen).filter(({ method }) => method === "POST").length, 2)
      assert.include((yield* lines)[2], "Item 2")
      const { calls, total } = yield* ledger
      assert.strictEqual(calls, 300)
      assert.deepStrictEqual([spent.calls, `${spent.cost}`], [300, `${Usd.fromDecimal(total)}`])
      assert.isFalse(yield* remembered)
    }).pipe(Effect.scoped, Effect.provide([client, NodeServices.layer])))

  it.live("picks its batches up again wherever it was killed", () =>
    Effect.gen(function*() {
      let halts = 0
      for (let seed = 0; seed < 20; seed++) {
        yield* Effect.gen(function*() {
          const { input, lines, output, write } = yield* files
          yield* write(items(12, ["emulator/echo", "openai/gpt-5"]))
          const run = Batch.jsonl(input, output, ask, { ...options, batch: { ...options.batch, size: 3 } })
          for (let times = 0; times < 2; times++) {
            const halted = yield* Deferred.make<void>()
            const at = yield* Random.nextIntBetween(0, 8)
            const when = (yield* Random.nextBoolean) ? "before" : "after"
            const dying = OpenRouter.layerTransport.pipe(Layer.provide(halting(at, when, halted)))
            const fiber = yield* Effect.forkChild(Effect.provide(run, dying))
            if (
              yield* Effect.raceFirst(Effect.as(Deferred.await(halted), true), Effect.as(Fiber.await(fiber), false))
            ) halts++
            yield* Fiber.interrupt(fiber)
          }
          yield* Effect.provide(run, OpenRouter.layer({ apiKey, apiUrl: url }))
          assert.strictEqual((yield* lines).length, 12)
          const { calls } = yield* Effect.flatMap(Emulator.Emulator, ({ ledger }) => ledger)
          assert.strictEqual(calls, 12)
        }).pipe(Effect.scoped, Random.withSeed(`seed ${seed}`), Effect.provide(Emulator.layerHttpClient({ seed })))
      }
      assert.isAbove(halts, 10)
    }).pipe(Effect.provide(NodeServices.layer)), 30_000)

  it.live("asks again for errors that may pass, for all, or for none", () =>
    Effect.gen(function*() {
      const { input, output, write } = yield* files
      yield* write(items(3, ["emulator/status-503", "emulator/context-length", "emulator/echo"]))
      const run = (retry: "transient" | "all" | "none") =>
        Effect.map(Batch.jsonl(input, output, ask, { ...options, retry }), ({ outcomes }) => outcomes)
      const first = { ProviderOverloaded: 1, ContextLengthExceeded: 1, Success: 1 }
      assert.deepStrictEqual(yield* run("none"), first)
      assert.deepStrictEqual(yield* run("none"), { Skipped: 3 })
      assert.deepStrictEqual(yield* run("transient"), { Skipped: 2, ProviderOverloaded: 1 })
      assert.deepStrictEqual(yield* run("all"), { Skipped: 1, ProviderOverloaded: 1, ContextLengthExceeded: 1 })
    }).pipe(Effect.scoped, Effect.provide([client, NodeServices.layer])))

  it.live("fails where nobody can tell, and writes no line for it", () =>
    Effect.gen(function*() {
      const { input, lines, output, remembered, write } = yield* files
      yield* write(items(3, ["emulator/batch-unlisted"]))
      const without = OpenRouter.layerTransport.pipe(Layer.provide(
        Layer.effect(
          Transport.Transport,
          Transport.Transport.useSync((inner): Transport.Transport["Service"] => ({
            ...inner,
            send: (request, onSent) =>
              request.method === "GET"
                ? Effect.succeed(Transport.answer({ status: 403, body: "{}" }))
                : inner.send(request, onSent)
          }))
        ).pipe(Layer.provide(Transport.layer({ apiKey, apiUrl: url })))
      ))
      const error = yield* Effect.flip(Effect.provide(Batch.jsonl(input, output, ask, options), without))
      assert.strictEqual(error._tag, "BatchUncertain")
      assert.strictEqual((yield* lines).length, 0)
      assert.isTrue(yield* remembered)
    }).pipe(Effect.scoped, Effect.provide([client, NodeServices.layer])))
})

describe("BatchApi.layer", () => {
  const batched = (options: BatchApi.Options, emulated?: Parameters<typeof Emulator.layerHttpClient>[0]) =>
    BatchApi.layer({ ...fast, ...options }).pipe(
      Layer.provide(OpenRouter.layer({ apiKey, apiUrl: url })),
      Layer.provideMerge(Emulator.layerHttpClient(emulated))
    )

  const ask = (n: number, model = "emulator/echo") =>
    Effect.map(OpenRouter.respond({ model, input: `Item ${n}` }), ({ text }) => text)

  const all = Array.from({ length: 10 }, (_, n) => n)

  it.live("collects calls per model, and gives each its answer", () =>
    Effect.gen(function*() {
      const { requests: seen } = yield* Emulator.Emulator
      const [texts, spent] = yield* CostLedger.measured(
        Effect.forEach(all, (n) => CostLedger.scope(ask(n), `item ${n}`), { concurrency: "unbounded" })
      )
      assert.deepStrictEqual(texts, all.map((n) => `Item ${n}`))
      assert.strictEqual((yield* seen).filter(({ method }) => method === "POST").length, 3)
      const { total } = yield* Effect.flatMap(Emulator.Emulator, ({ ledger }) => ledger)
      assert.strictEqual(`${spent.cost}`, `${Usd.fromDecimal(total)}`)
      assert.strictEqual(spent.scopes.length, 10)
    }).pipe(Effect.provide(batched({ size: 4, wait: 20 }))))

  it.live("gives each call the error or the part of the costs that is its own", () =>
    Effect.gen(function*() {
      const [results, spent] = yield* CostLedger.measured(Effect.forEach(
        all,
        (n) => Effect.result(ask(n, n < 5 ? "emulator/batch-costless" : "emulator/batch-expired")),
        { concurrency: "unbounded" }
      ))
      const tags = results.map((result) => Result.isSuccess(result) ? "ok" : result.failure._tag)
      assert.deepStrictEqual(tags.slice(0, 7), Array.from({ length: 7 }, () => "ok"))
      assert.deepStrictEqual(tags.slice(7), ["ok", "ProviderTimeout", "ProviderTimeout"])
      const { total } = yield* Effect.flatMap(Emulator.Emulator, ({ ledger }) => ledger)
      assert.strictEqual(`${spent.cost}`, `${Usd.fromDecimal(total)}`)
    }).pipe(Effect.provide(batched({ wait: 5 }))))

  it.live("holds reservations, and refuses streams", () =>
    Effect.gen(function*() {
      const result = yield* Effect.result(Budget.limit(ask(1, "openai/gpt-5"), "0.0000001"))
      assert.isTrue(Result.isFailure(result) && result.failure._tag === "BudgetExceeded")
      const { requests: seen } = yield* Emulator.Emulator
      assert.strictEqual((yield* seen).filter(({ method }) => method === "POST").length, 0)
      const refused = yield* Effect.flip(OpenRouter.streamOutcome({ model: "a/b", input: "x" }, () => Effect.void))
      assert.strictEqual(refused._tag, "InvalidRequest")
    }).pipe(Effect.provide(batched({ wait: 5 }))))

  it.live("cancels a batch when nobody waits for it any more", () =>
    Effect.gen(function*() {
      const { requests: seen } = yield* Emulator.Emulator
      const cancelled = Effect.map(seen, (all) => all.some(({ path }) => path.endsWith("/cancel")))
      const until = (test: Effect.Effect<boolean>): Effect.Effect<void> =>
        Effect.flatMap(test, (is) => is ? Effect.void : Effect.delay(until(test), 2))
      const [one, other] = [yield* Effect.forkChild(ask(1)), yield* Effect.forkChild(ask(2))]
      yield* until(Effect.map(seen, (all) => all.some(({ method }) => method === "GET")))
      yield* Fiber.interrupt(one)
      yield* Effect.sleep(20)
      assert.isFalse(yield* cancelled)
      yield* Fiber.interrupt(other)
      yield* until(cancelled)
    }).pipe(Effect.provide(batched({ wait: 2 }, { batchTime: "1 hour" }))))

  it.effect("waits at no gate, and for no deadline of an exchange", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(
        Effect.forEach(all, (n) => ask(n), { concurrency: "unbounded" }).pipe(Deadlines.with({ response: "1 second" }))
      )
      yield* TestClock.adjust("2 hours")
      assert.strictEqual((yield* Fiber.join(fiber)).length, 10)
    }).pipe(Effect.provide(
      BatchApi.layer({ size: 10 }).pipe(
        Layer.provide(OpenRouter.layer({ apiKey, apiUrl: url })),
        Layer.provide(RateGate.layer({ limits: [{ concurrency: 1 }] })),
        Layer.provideMerge(Emulator.layerHttpClient({ batchTime: "1 hour" }))
      )
    )))

  it.live("answers the next process from what was remembered, and asks again for what got no answer", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const { ledger } = yield* Emulator.Emulator
      const run = Effect.scoped(Effect.gen(function*() {
        const jobs = yield* Batch.jobs(`${folder}/calls.batches`)
        const middleware = yield* BatchApi.make({ ...fast, wait: 2, jobs })
        const results = yield* Effect.forEach(
          ["emulator/echo", "emulator/status-503"],
          (model) => Effect.result(OpenRouter.withMiddleware(ask(1, model), middleware)),
          { concurrency: 2 }
        )
        return results.map((result) => Result.isSuccess(result) ? "ok" : result.failure._tag)
      }))
      const posts = Effect.map(
        Effect.flatMap(Emulator.Emulator, ({ requests }) => requests),
        (all) => all.filter(({ method }) => method === "POST").length
      )
      assert.deepStrictEqual(yield* run, ["ok", "ProviderOverloaded"])
      assert.strictEqual(yield* posts, 2)
      assert.deepStrictEqual(yield* run, ["ok", "ProviderOverloaded"])
      assert.strictEqual(yield* posts, 3)
      assert.strictEqual((yield* ledger).calls, 1)
    }).pipe(Effect.scoped, Effect.provide([client, NodeServices.layer])))

  it.live("keeps the calls of two clients apart", () =>
    Effect.gen(function*() {
      const http = yield* Layer.build(Emulator.layerHttpClient({ batchTime: "100 millis" }))
      const middleware = yield* BatchApi.make({ ...fast, wait: 2 })
      // The same key: what the server says tells nothing of a mix-up.
      const other = OpenRouter.layer({ apiKey, apiUrl: url, timeout: "1 hour" })
      const texts = yield* Effect.all([
        Effect.provide(OpenRouter.withMiddleware(ask(1), middleware), OpenRouter.layer({ apiKey, apiUrl: url })),
        Effect.delay(Effect.provide(OpenRouter.withMiddleware(ask(2), middleware), other), 30)
      ], { concurrency: 2 }).pipe(Effect.provide(http))
      assert.deepStrictEqual(texts, ["Item 1", "Item 2"])
    }).pipe(Effect.scoped))

  it.live("gives every call of an earlier process an end, also those that come after one that failed", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const run = <A, E, R>(self: Effect.Effect<A, E, R>) =>
        Effect.scoped(Effect.gen(function*() {
          const jobs = yield* Batch.jobs(`${folder}/calls.batches`)
          return yield* OpenRouter.withMiddleware(self, yield* BatchApi.make({ ...fast, wait: 2, jobs }))
        }))
      yield* run(Effect.forEach([1, 2], (n) => ask(n), { concurrency: 2 }))
      const gone = Emulator.layerHttpClient()
      const results = yield* run(Effect.forEach([1, 2], (n) => Effect.delay(Effect.result(ask(n)), 20))).pipe(
        Effect.provide(Layer.provide(OpenRouter.layer({ apiKey, apiUrl: url }), gone)),
        Effect.timeout("1500 millis")
      )
      assert.deepStrictEqual(
        results.map((result) => Result.isSuccess(result) ? "ok" : result.failure._tag),
        ["ModelUnavailable", "ModelUnavailable"]
      )
    }).pipe(Effect.scoped, Effect.provide([client, NodeServices.layer])))

  it.live("gives every call of an earlier process its answer, also those that come while it is given out", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const run = <A, E, R>(self: Effect.Effect<A, E, R>) =>
        Effect.scoped(Effect.gen(function*() {
          const jobs = yield* Batch.jobs(`${folder}/calls.batches`)
          return yield* OpenRouter.withMiddleware(self, yield* BatchApi.make({ ...fast, wait: 2, jobs }))
        }))
      const many = Array.from({ length: 100 }, (_, n) => n)
      yield* run(Effect.forEach(many, (n) => ask(n), { concurrency: "unbounded" }))
      const texts = yield* run(Effect.forEach(many.toReversed(), (n) => ask(n), { concurrency: 50 })).pipe(
        Effect.provideService(References.MaxOpsBeforeYield, 3),
        Effect.timeout("1500 millis")
      )
      assert.deepStrictEqual(texts, many.toReversed().map((n) => `Item ${n}`))
    }).pipe(Effect.scoped, Effect.provide([client, NodeServices.layer])))
})
