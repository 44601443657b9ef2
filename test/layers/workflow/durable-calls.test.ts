import { describe, expect, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer, Option, Random, Schema, Stream } from "effect"
import { CostLedger, type CreateResponse, OpenRouter, RetryPolicy, Usd } from "effect-openrouter"
import { OpenRouterTest } from "effect-openrouter/testing"
import { DurableCalls } from "effect-openrouter/workflow"
import { TestClock } from "effect/testing"
import { Activity, Workflow, WorkflowEngine } from "effect/workflow"

const memory = DurableCalls.layer.pipe(Layer.provide(WorkflowEngine.layerMemory))

const settings = {
  payload: { id: Schema.String },
  success: Schema.Json,
  error: Schema.String,
  idempotencyKey: ({ id }: { readonly id: string }) => id
}
const Body = Workflow.make("Body", settings)
const Patient = Workflow.make("Patient", settings).annotate(Workflow.SuspendOnFailure, true)

const ask = (input: string) => Effect.map(OpenRouter.respond({ model: "openai/gpt-5", input }), ({ text }) => text)

const tagged = Effect.mapError((error: { readonly _tag: string }) => error._tag)

/** Answers with the question and the number of the call, after a while. */
const counting = (latency: (input: string) => number = () => 0) => {
  const asked: Array<string> = []
  return {
    asked,
    script: (request: CreateResponse.CreateResponse) =>
      Effect.suspend(() => {
        const input = String(request.input)
        const answer = OpenRouterTest.answer({ text: `${input} #${asked.push(input)}`, cost: "0.01" })
        return Effect.delay(Effect.succeed(answer), latency(input))
      })
  }
}

/** Suspends the first runs of a body there; a later one goes on. */
const suspending = (times = 1) => {
  let left = times
  return Effect.flatMap(
    WorkflowEngine.WorkflowInstance,
    (instance) => left-- > 0 ? Workflow.suspend(instance) : Effect.void
  )
}

/** Begins a workflow, and resumes it each time that it was suspended. */
const through = (workflow: typeof Body | typeof Patient, resumptions = 1) =>
  Effect.gen(function*() {
    const id = yield* workflow.execute({ id: "1" }, { discard: true })
    for (let n = 0; n < resumptions; n++) {
      while (Option.isNone(yield* workflow.poll(id))) yield* TestClock.adjust("1 second")
      yield* workflow.resume(id)
    }
    const fiber = yield* Effect.forkChild(workflow.execute({ id: "1" }))
    while (fiber.pollUnsafe() === undefined) yield* TestClock.adjust("1 second")
    return yield* Fiber.join(fiber)
  })

describe("calls of a workflow", () => {
  it.effect("are not sent again when it is run on, whatever kind they are", () => {
    const { asked, script } = counting()
    const pause = suspending()
    const reports: Array<CostLedger.Report> = []
    const body = Body.toLayer(() =>
      Effect.gen(function*() {
        const ledger = yield* CostLedger.make({ name: "body" })
        const found = yield* Effect.gen(function*() {
          const plain = yield* ask("a")
          const events = yield* Stream.runCollect(OpenRouter.stream({ model: "openai/gpt-5", input: "s" }))
          const two = yield* Effect.all([ask("b"), ask("b")], { concurrency: 2 })
          const vectors = yield* OpenRouter.embeddings({ model: "e", input: ["x"] })
          return [plain, events.at(-1)?.type ?? null, ...two, vectors.data.length]
        }).pipe(ledger.run)
        reports.push(yield* ledger.report)
        yield* pause
        return found
      }).pipe(tagged)
    )
    const embeddings = { object: "list", model: "e", data: [{ object: "embedding", index: 0, embedding: [1] }] }
    return Effect.gen(function*() {
      expect(yield* through(Body)).toEqual(["a #1", "response.completed", "b #3", "b #4", 1])
      expect(asked).toEqual(["a", "s", "b", "b"])
      expect(
        reports.map((report) => [report.calls, Usd.format(report.cost), report.savedCalls, Usd.format(report.saved)])
      )
        .toEqual([[5, "$0.04", 0, "$0.00"], [0, "$0.00", 5, "$0.04"]])
    }).pipe(Effect.provide(
      body.pipe(
        Layer.provideMerge(memory),
        Layer.provideMerge(OpenRouterTest.layer(script, { endpoints: { "/embeddings": embeddings } }))
      )
    ))
  })

  it.effect("inside of an activity of the program are a part of it", () => {
    const { asked, script } = counting()
    const pause = suspending()
    const own = Activity.make({
      name: "own",
      success: Schema.Array(Schema.String),
      execute: Effect.orDie(Effect.all([ask("a"), ask("a")]))
    })
    const body = Body.toLayer(() =>
      Effect.gen(function*() {
        const inside = yield* own
        const outside = yield* ask("a")
        yield* pause
        return [...inside, outside]
      }).pipe(tagged)
    )
    return Effect.gen(function*() {
      expect(yield* through(Body)).toEqual(["a #1", "a #2", "a #3"])
      expect(asked).toEqual(["a", "a", "a"])
    }).pipe(Effect.provide(body.pipe(Layer.provideMerge(memory), Layer.provideMerge(OpenRouterTest.layer(script)))))
  })

  it.effect("outside of a workflow are what they are", () =>
    Effect.gen(function*() {
      expect(yield* ask("a")).toBe("a #1")
      expect(yield* ask("a")).toBe("a #2")
    }).pipe(Effect.provide([memory, OpenRouterTest.layer(counting().script)])))

  it.effect("of two executions, and of a child, are apart", () => {
    const { asked, script } = counting()
    const Child = Workflow.make("Child", settings)
    const child = Child.toLayer(() => tagged(ask("a")))
    const body = Body.toLayer(({ id }) =>
      Effect.gen(function*() {
        const own = yield* tagged(ask("a"))
        return [own, yield* Child.execute({ id })]
      })
    )
    return Effect.gen(function*() {
      expect(yield* Body.execute({ id: "1" })).toEqual(["a #1", "a #2"])
      expect(yield* Body.execute({ id: "2" })).toEqual(["a #3", "a #4"])
      expect(yield* Body.execute({ id: "1" })).toEqual(["a #1", "a #2"])
      expect(asked.length).toBe(4)
    }).pipe(
      Effect.provide(
        Layer.merge(body, child).pipe(Layer.provideMerge(memory), Layer.provideMerge(OpenRouterTest.layer(script)))
      )
    )
  })
})

describe("failures in a workflow", () => {
  const failing = (error: () => OpenRouterTest.Reply) => {
    const asked: Array<string> = []
    return {
      asked,
      script: (request: CreateResponse.CreateResponse) =>
        Effect.sync(() => {
          const input = String(request.input)
          return asked.push(input) === 2 ? error() : OpenRouterTest.answer({ text: input })
        })
    }
  }

  it.effect("that a program goes on from are stored: a fallback stays taken", () => {
    const { asked, script } = failing(() => OpenRouterTest.accessDenied())
    const pause = suspending()
    const body = Patient.toLayer(() =>
      Effect.gen(function*() {
        const values = [yield* ask("a"), yield* Effect.catchTag(ask("b"), "AccessDenied", () => ask("instead"))]
        yield* pause
        return values
      }).pipe(tagged)
    )
    return Effect.gen(function*() {
      expect(yield* through(Patient)).toEqual(["a", "instead"])
      expect(asked).toEqual(["a", "b", "instead"])
    }).pipe(Effect.provide(body.pipe(Layer.provideMerge(memory), Layer.provideMerge(OpenRouterTest.layer(script)))))
  })

  it.effect("of the account suspend a workflow that is to be, and resuming sends that call alone", () => {
    const { asked, script } = failing(() => OpenRouterTest.paymentRequired())
    const body = Patient.toLayer(() => tagged(Effect.all([ask("a"), ask("b"), ask("c")])))
    return Effect.gen(function*() {
      expect(yield* through(Patient)).toEqual(["a", "b", "c"])
      expect(asked).toEqual(["a", "b", "b", "c"])
    }).pipe(Effect.provide(body.pipe(Layer.provideMerge(memory), Layer.provideMerge(OpenRouterTest.layer(script)))))
  })

  it.effect("of the account are the typed failure of the call elsewhere", () => {
    const { script } = failing(() => OpenRouterTest.paymentRequired())
    const body = Body.toLayer(() => tagged(Effect.all([ask("a"), ask("b"), ask("c")])))
    return Effect.gen(function*() {
      expect(yield* Effect.flip(Body.execute({ id: "1" }))).toBe("PaymentRequired")
    }).pipe(Effect.provide(body.pipe(Layer.provideMerge(memory), Layer.provideMerge(OpenRouterTest.layer(script)))))
  })
})

describe("waits in a workflow", () => {
  /** Is closed for ten minutes to everything that begins with "slow". */
  const limited = Effect.map(Clock.currentTimeMillis, (start) => {
    const asked: Array<string> = []
    return {
      asked,
      script: (request: CreateResponse.CreateResponse) =>
        Effect.gen(function*() {
          const input = String(request.input)
          asked.push(input)
          const left = start + 600_000 - (yield* Clock.currentTimeMillis)
          if (input.startsWith("slow") && left > 0) return OpenRouterTest.rateLimited({ resetIn: left })
          yield* Effect.sleep("20 seconds")
          return OpenRouterTest.answer({ text: input })
        })
    }
  })

  it.effect("beyond a minute are sleeps, and cost no call in flight its answer", () =>
    Effect.gen(function*() {
      const { asked, script } = yield* limited
      let runs = 0
      const questions = ["a", "slow 1", "b", "c", "slow 2", "d", "e"]
      const body = Body.toLayer(() =>
        tagged(Effect.suspend(() => {
          runs++
          return Effect.forEach(questions, ask, { concurrency: 3 })
        }))
      )
      yield* Effect.gen(function*() {
        const start = yield* Clock.currentTimeMillis
        expect(yield* through(Body, 0)).toEqual(questions)
        const took = (yield* Clock.currentTimeMillis) - start
        expect(took).toBeGreaterThanOrEqual(620_000)
        expect(took).toBeLessThan(700_000)
        expect(asked.toSorted()).toEqual(["a", "b", "c", "d", "e", "slow 1", "slow 1", "slow 2", "slow 2"])
        expect(runs).toBeGreaterThan(1)
      }).pipe(Effect.provide(body.pipe(
        Layer.provideMerge(memory),
        Layer.provideMerge(OpenRouterTest.layer(script, { retries: true }))
      )))
    }))

  it.effect("do not happen where nobody waits: with `RetryPolicy.none`, and beyond `maxSleep`", () =>
    Effect.gen(function*() {
      const { asked, script } = yield* limited
      const body = Body.toLayer(({ id }) =>
        tagged(id === "none" ? RetryPolicy.with(ask("slow"), RetryPolicy.none) : ask("slow"))
      )
      const short = DurableCalls.layerWith({ maxSleep: "5 minutes" }).pipe(Layer.provide(WorkflowEngine.layerMemory))
      const layers = (engine: typeof memory) =>
        body.pipe(Layer.provideMerge(engine), Layer.provideMerge(OpenRouterTest.layer(script, { retries: true })))
      expect(yield* Effect.flip(Effect.provide(Body.execute({ id: "none" }), layers(memory)))).toBe("RateLimited")
      expect(yield* Effect.flip(Effect.provide(Body.execute({ id: "far" }), layers(short)))).toBe("RateLimited")
      expect(asked.length).toBe(2)
    }))
})

describe("a random program", () => {
  /** Rounds of calls at a few places, many of them equal. */
  const program = Effect.gen(function*() {
    const rounds: Array<ReadonlyArray<readonly [scope: string, input: string]>> = []
    for (let round = 0; round < 3; round++) {
      const size = yield* Random.nextIntBetween(1, 7)
      rounds.push(
        yield* Effect.all(Array.from({ length: size }, () =>
          Effect.all([
            Effect.map(Random.nextIntBetween(0, 2), (n) => `scope ${n}`),
            Effect.map(Random.nextIntBetween(0, 2), (n) => `question ${n}`)
          ])))
      )
    }
    return rounds
  })

  it.effect.each(Array.from({ length: 100 }, (_, seed) => seed))(
    "replays right in order %s of its ends",
    (seed) =>
      Effect.gen(function*() {
        const rounds = yield* program
        const random = yield* Random.Random
        const { asked, script } = counting(() => Math.floor(random.nextDoubleUnsafe() * 1000))
        const pauses = rounds.map(() => suspending(seed % 2 + 1))
        const told: Array<ReadonlyArray<string>> = []
        const body = Body.toLayer(() =>
          Effect.gen(function*() {
            const all: Array<string> = []
            for (const [index, round] of rounds.entries()) {
              const late = yield* Effect.all(round.map(() => Random.nextIntBetween(0, 300)))
              all.push(
                ...yield* Effect.forEach(
                  round.map((call, n) => [...call, late[n] ?? 0] as const),
                  ([scope, input, late]) => Effect.delay(CostLedger.scope(ask(input), scope), late),
                  { concurrency: "unbounded" }
                )
              )
              told.push(all.toSorted())
              yield* pauses[index] ?? Effect.void
            }
            return all
          }).pipe(tagged)
        )
        const calls = rounds.flat()
        const answers = yield* through(Body, rounds.length * (seed % 2 + 1)).pipe(
          Effect.provide(
            body.pipe(Layer.provideMerge(memory), Layer.provideMerge(OpenRouterTest.layer(script)))
          )
        )
        // Each call has an answer of its own, to its own question, and none was asked twice.
        expect(asked.length).toBe(calls.length)
        expect(new Set(Array.isArray(answers) ? answers : []).size).toBe(calls.length)
        expect(Array.isArray(answers) ? answers.map((text) => String(text).split(" #")[0]) : answers)
          .toEqual(calls.map(([, input]) => input))
        // Each run was told what the runs before it were.
        for (const all of told) expect(told.at(-1)).toEqual(expect.arrayContaining([...all]))
      }).pipe(Random.withSeed(`order ${seed}`))
  )
})
