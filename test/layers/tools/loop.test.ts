import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, Ref, Schema } from "effect"
import {
  Budget,
  CostLedger,
  Input,
  OpenRouter,
  OpenRouterError,
  Prices,
  Tool as RequestTool,
  Tools,
  Usd
} from "effect-openrouter"
import { Emulator, OpenRouterTest } from "effect-openrouter/testing"
import { AiError, Tool, Toolkit } from "effect/ai"
import { call, handlers, overEmulator, rules, scripted, told, toolkit, ways } from "./scripted.ts"

const model = "openai/gpt-5"

const request = { model, input: "Bern?", toolkit }

/** A toolkit of one tool that is called with a number. */
const counting = <E>(handler: (n: number) => Effect.Effect<unknown, E>) => {
  const toolkit = Toolkit.make(Tool.make("count", {
    parameters: Schema.Struct({ n: Schema.Int }),
    success: Schema.Unknown
  }))
  return { toolkit, layer: toolkit.toLayer({ count: ({ n }) => Effect.orDie(handler(n)) }) }
}

const calls = (...ns: ReadonlyArray<number>) => ns.map((n) => call("count", { n }, `c${n}`))

describe.each(ways)("a loop over $name", ({ asked, layer }) => {
  it.effect("runs a call, sends its result back and gives the answer", () =>
    Effect.gen(function*() {
      const run = yield* Tools.run({ ...request, instructions: "Be short." })
      assert.strictEqual(run.text, "It is sunny.")
      assert.strictEqual(run._tag, "Answered")
      assert.strictEqual(run.steps, 2)
      assert.strictEqual(run.costs.calls, 2)
      const requests = yield* asked
      assert.strictEqual(requests.length, 2)
      assert.include(requests[1]?.input, "sunny in Bern")
      assert.deepStrictEqual(told(run.transcript), { call_weather: "sunny in Bern" })
      assert.deepStrictEqual(run.transcript.map((item) => item.type ?? "message"), [
        "message",
        "function_call",
        "function_call_output",
        "message"
      ])
    }).pipe(Effect.provide([handlers(), layer([call("weather", { city: "Bern" }), "It is sunny."])])))

  it.effect("tells the model of bad arguments, unknown tools and declared failures, shortly", () =>
    Effect.gen(function*() {
      const run = yield* Tools.run(request)
      assert.strictEqual(run.text, "Well.")
      const outputs = told(run.transcript)
      assert.match(String(outputs["a"]), /^Error: the arguments do not fit: .*eur/s)
      assert.strictEqual(outputs["b"], "Error: the arguments are not valid JSON")
      assert.strictEqual(outputs["c"], `Error: there is no tool "fly"; the tools are: weather, pay`)
      assert.strictEqual(outputs["d"], `Error: {"_tag":"Broke","missing":900}`)
      assert.strictEqual(outputs["e"], `Error: there is no tool "toString"; the tools are: weather, pay`)
      assert.strictEqual(outputs["f"], `{"paid":5}`)
    }).pipe(Effect.provide([
      handlers(),
      layer([
        [
          call("pay", { eur: "much" }, "a"),
          call("weather", "{\"city\":", "b"),
          call("fly", {}, "c"),
          call("pay", { eur: 1000 }, "d"),
          call("toString", {}, "e"),
          call("pay", { eur: 5 }, "f")
        ],
        "Well."
      ])
    ])))

  it.effect("runs the calls of a step at the same time, bounded, and answers in their order", () => {
    let running = 0
    let most = 0
    const { layer: handling, toolkit } = counting((n) =>
      Effect.gen(function*() {
        most = Math.max(most, ++running)
        yield* Effect.yieldNow
        yield* Effect.repeat(Effect.yieldNow, { times: 20 - n })
        running--
        return n
      })
    )
    return Effect.gen(function*() {
      const run = yield* Tools.run({ model, input: "Count", toolkit, concurrency: 3 })
      assert.strictEqual(most, 3)
      assert.deepStrictEqual(
        Object.entries(told(run.transcript)),
        [1, 2, 3, 4, 5, 6, 7].map((n): [string, unknown] => [`c${n}`, `${n}`])
      )
    }).pipe(Effect.provide([handling, layer([calls(1, 2, 3, 4, 5, 6, 7), "Done."])]))
  })

  it.effect("stops a model that asks for the same again and again, however it writes it", () => {
    const log: Array<string> = []
    return Effect.gen(function*() {
      const error = yield* Effect.flip(Tools.run(request))
      assert(error._tag === "ToolLoopDetected")
      assert.strictEqual(error.tool, "weather")
      assert.strictEqual(error.repeats, 3)
      assert.strictEqual(error.steps, 3)
      assert.strictEqual(error.costs.calls, 3)
      assert.deepStrictEqual(log, ["weather Bern", "weather Thun", "weather Bern"], "the third is not run")
      const last = error.transcript?.at(-1)
      assert(last?.type === "function_call_output")
      assert.match(String(last.output), /again and again/)
    }).pipe(Effect.provide([
      handlers(log),
      layer([
        [call("weather", { city: "Bern", day: "1" }, "a"), call("weather", { city: "Thun" }, "x")],
        call("weather", { day: "1", city: "Bern" }, "b"),
        call("weather", "{ \"city\": \"Bern\", \"day\": \"1\" }", "c")
      ])
    ]))
  })

  it.effect("ends at maxSteps with what there is", () => {
    const log: Array<string> = []
    return Effect.gen(function*() {
      const error = yield* Effect.flip(Tools.run({ ...request, maxSteps: 2 }))
      assert(error._tag === "MaxStepsReached")
      assert.deepInclude({ ...error }, { limit: "maxSteps", max: 2, steps: 2 })
      assert.strictEqual(error.costs.calls, 2)
      assert.deepStrictEqual(told(error.transcript ?? []), { a: "sunny in A", b: "sunny in B" })
    }).pipe(Effect.provide([
      handlers(log),
      layer([call("weather", { city: "A" }, "a"), call("weather", { city: "B" }, "b")])
    ]))
  })

  it.effect("asks for a last answer at maxSteps, in which nothing may be called", () =>
    Effect.gen(function*() {
      const run = yield* Tools.run({ ...request, maxSteps: 1, onMaxSteps: "answer" })
      assert(run._tag === "Answered")
      assert.deepInclude({ ...run }, { text: "Sunny, I think.", endedBy: "maxSteps", steps: 2 })
      assert.deepStrictEqual((yield* asked).map(({ toolChoice }) => toolChoice ?? "auto"), ["auto", "none"])
    }).pipe(Effect.provide([handlers(), layer([call("weather", { city: "A" }, "a"), "Sunny, I think."])])))

  it.effect("ends at maxCalls, and runs no more than that", () => {
    const log: Array<string> = []
    return Effect.gen(function*() {
      const error = yield* Effect.flip(Tools.run({ ...request, maxCalls: 2 }))
      assert(error._tag === "MaxStepsReached")
      assert.deepInclude({ ...error }, { limit: "maxCalls", max: 2, steps: 1 })
      assert.strictEqual(log.length, 2)
      assert.match(String(told(error.transcript ?? [])["c"]), /limit of calls/)
    }).pipe(Effect.provide([
      handlers(log),
      layer([["a", "b", "c"].map((city) => call("weather", { city }, city))])
    ]))
  })

  it.effect("cuts long results, and says so to the model", () => {
    const { layer: handling, toolkit } = counting((n) => Effect.succeed("🏰".repeat(n)))
    return Effect.gen(function*() {
      const run = yield* Tools.run({ model, input: "Count", toolkit, maxResult: 101 })
      const output = String(told(run.transcript)["c1000"])
      assert.strictEqual(output, `${"🏰".repeat(50)}\n[cut here: the result has 2000 characters, the limit is 101]`)
      assert.strictEqual(told(run.transcript)["c50"], "🏰".repeat(50))
    }).pipe(Effect.provide([handling, layer([calls(50, 1000), "Done."])]))
  })

  it.effect("ends after a step of your choice", () =>
    Effect.gen(function*() {
      const run = yield* Tools.run({
        ...request,
        stopWhen: ({ results }) => results.some(({ isFailure, name }) => name === "pay" && isFailure)
      })
      assert(run._tag === "Answered")
      assert.deepInclude({ ...run }, { text: "I pay.", endedBy: "stopWhen", steps: 2 })
    }).pipe(Effect.provide([
      handlers(),
      layer([call("weather", { city: "A" }, "a"), ["I pay.", call("pay", { eur: 700 })]])
    ])))

  it.effect("lets every step be changed", () =>
    Effect.gen(function*() {
      yield* Tools.run({
        ...request,
        prepareStep: ({ number, transcript }) =>
          Effect.succeed(number === 2 ? { input: transcript.slice(1), activeTools: ["pay"] } : {})
      })
      const [first, second, third] = yield* asked
      assert.include(first?.input, "Bern?")
      assert.notInclude(second?.input, "Bern?")
      assert.include(third?.input, "Bern?", "the transcript stays whole")
      assert.include(third?.input, `there is no tool \\"weather\\"; the tools are: pay`)
      const counts = [first, second, third].map((request) => Array.isArray(request?.tools) ? request.tools.length : 0)
      assert.deepStrictEqual(counts, [2, 1, 2])
    }).pipe(Effect.provide([
      handlers(),
      layer([call("weather", { city: "A" }, "a"), call("weather", { city: "B" }, "b"), "Done."])
    ])))

  it.effect("does not force calls for ever", () =>
    Effect.gen(function*() {
      yield* Tools.run({ ...request, toolChoice: RequestTool.choose("weather") })
      const choices = (yield* asked).map(({ toolChoice }) => toolChoice)
      assert.deepStrictEqual(choices, [{ type: "function", name: "weather" }, "auto"])
    }).pipe(Effect.provide([handlers(), layer([call("weather", { city: "A" }), "Done."])])))

  it.effect("decodes the answer, if it has a shape", () =>
    Effect.gen(function*() {
      const run = yield* Tools.run({ ...request, schema: Schema.Struct({ warm: Schema.Boolean }) })
      assert.deepStrictEqual(run.value, { warm: true })
    }).pipe(Effect.provide([handlers(), layer([call("weather", { city: "A" }), `{"warm":true}`])])))

  it.effect("asks for the value where stopWhen ends a run that has one", () =>
    Effect.gen(function*() {
      const run = yield* Tools.run({
        ...request,
        schema: Schema.Struct({ warm: Schema.Boolean }),
        stopWhen: () => Effect.succeed(true)
      })
      assert(run._tag === "Answered")
      assert.deepStrictEqual([run.value, run.endedBy, run.steps], [{ warm: true }, "stopWhen", 2])
    }).pipe(Effect.provide([handlers(), layer([call("weather", { city: "A" }), `{"warm":true}`])])))

  it.effect("fails with InvalidOutput, and keeps what was paid", () =>
    Effect.gen(function*() {
      const end = yield* Tools.outcome({ ...request, schema: Schema.Struct({ warm: Schema.Boolean }) })
      assert(end._tag === "Stopped")
      assert.strictEqual(end.error._tag, "InvalidOutput")
      assert.strictEqual(end.costs.calls, 2)
      assert.strictEqual(end.transcript.length, 4)
    }).pipe(Effect.provide([handlers(), layer([call("weather", { city: "A" }), "Warm."])])))

  it.effect("fails with what a handler did not declare, and keeps what was paid", () => {
    const { layer: handling, toolkit } = (() => {
      const toolkit = Toolkit.make(Tool.make("count", { parameters: Schema.Struct({ n: Schema.Int }) }))
      const reason = new AiError.RateLimitError({})
      return {
        toolkit,
        layer: toolkit.toLayer({ count: ({ n }) => n === 2 ? Effect.fail(reason) : Effect.void })
      }
    })()
    return Effect.gen(function*() {
      const end = yield* Tools.outcome({ model, input: "Count", toolkit, concurrency: 1 })
      assert(end._tag === "Stopped")
      assert(end.error._tag === "AiError")
      assert.strictEqual(end.error.reason._tag, "RateLimitError")
      assert.strictEqual(end.costs.calls, 1)
      assert.deepStrictEqual(told(end.transcript), {
        c1: "null",
        c2: "Error: the run was stopped before this call was done",
        c3: "Error: the run was stopped before this call was done"
      })
    }).pipe(Effect.provide([handling, layer([calls(1, 2, 3)])]))
  })

  it.effect("dies of a defect, and interrupts the other handlers", () => {
    let interrupted = 0
    const { layer: handling, toolkit } = counting((n) =>
      n === 2
        ? Effect.andThen(Effect.repeat(Effect.yieldNow, { times: 10 }), Effect.die("broken"))
        : Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++))
    )
    return Effect.gen(function*() {
      const exit = yield* Effect.exit(Tools.outcome({ model, input: "Count", toolkit }))
      assert(Exit.isFailure(exit))
      assert.isTrue(Cause.hasDies(exit.cause))
      assert.strictEqual(interrupted, 2)
    }).pipe(Effect.provide([handling, layer([calls(1, 2, 3)])]))
  })

  it.effect("interrupts its handlers when it is interrupted", () =>
    Effect.gen(function*() {
      const begun = yield* Deferred.make<void>()
      const interrupted = yield* Ref.make(0)
      const { layer: handling, toolkit } = counting((n) =>
        Effect.andThen(n === 3 ? Deferred.succeed(begun, undefined) : Effect.void, Effect.never).pipe(
          Effect.onInterrupt(() => Ref.update(interrupted, (n) => n + 1))
        )
      )
      const fiber = yield* Effect.forkChild(Effect.provide(
        Tools.run({ model, input: "Count", toolkit }),
        [handling, layer([calls(1, 2, 3)])]
      ))
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* Ref.get(interrupted), 3)
    }))
})

describe("Tools.run", () => {
  it.effect("takes what the program's defaults say, tools among it", () =>
    Effect.gen(function*() {
      yield* Tools.run({ input: "Hi", toolkit }).pipe(
        OpenRouter.withDefaults({ model, tools: [RequestTool.webSearch()], temperature: 0 })
      )
      const [request] = yield* OpenRouterTest.calls
      assert.strictEqual(request?.model, model)
      assert.deepStrictEqual(request?.tools?.map(({ type }) => type), ["function", "function", "openrouter:web_search"])
    }).pipe(Effect.provide([handlers(), scripted(["Done."])])))

  it.effect("sends what a toolkit takes: descriptions, optional keys, strict tools, tools of OpenRouter", () =>
    Effect.gen(function*() {
      const Strict = Tool.make("strict", {
        parameters: Schema.Struct({ a: Schema.optionalKey(Schema.String) }),
        success: Schema.String
      }).annotate(Tool.Strict, true)
      const Dynamic = Tool.dynamic("dynamic", { parameters: { type: "object", properties: { q: { type: "string" } } } })
      const Search = Tool.providerDefined({
        id: "openrouter.web_search",
        customName: "Search",
        providerName: "openrouter:web_search",
        args: Schema.Struct({ max_results: Schema.Int })
      })({ max_results: 3 })
      const toolkit = Toolkit.make(Strict, Dynamic, Search)
      const run = yield* Tools.run({ model, input: "Hi", toolkit }).pipe(
        Effect.provide(toolkit.toLayer({
          strict: ({ a }) => Effect.succeed(a ?? "none"),
          dynamic: (parameters) => Effect.succeed(parameters)
        }))
      )
      assert.deepStrictEqual(told(run.transcript), { a: "none", b: `{"q":"x"}` })
      const [request] = yield* OpenRouterTest.calls
      assert.deepStrictEqual(request?.tools, [
        {
          type: "function",
          name: "strict",
          strict: true,
          parameters: {
            type: "object",
            properties: { a: { anyOf: [{ type: "string" }, { type: "null" }] } },
            required: ["a"],
            additionalProperties: false
          }
        },
        { type: "function", name: "dynamic", parameters: { type: "object", properties: { q: { type: "string" } } } },
        {
          type: "unknown",
          wireType: "openrouter:web_search",
          raw: { type: "openrouter:web_search", parameters: { max_results: 3 } }
        }
      ])
    }).pipe(
      Effect.provide(scripted([[call("strict", { a: null }, "a"), call("dynamic", { q: "x" }, "b")], "Done."]))
    ))

  it.effect("reads and writes what JSON has no form for, and shows the model pictures", () =>
    Effect.gen(function*() {
      const Book = Tool.make("book", {
        parameters: Schema.Struct({ at: Schema.DateTimeUtc, nights: Schema.BigInt }),
        success: Schema.Struct({ until: Schema.DateTimeUtc })
      })
      const Photo = Tool.make("photo", {
        success: Schema.Uint8Array,
        toModelOutput: (bytes) => [
          Prompted.text("Here:"),
          Prompted.file(bytes)
        ]
      })
      const toolkit = Toolkit.make(Book, Photo)
      const run = yield* Tools.run({ model, input: "Hi", toolkit }).pipe(
        Effect.provide(toolkit.toLayer({
          book: ({ at }) => Effect.succeed({ until: at }),
          photo: () => Effect.succeed(new Uint8Array([1, 2, 3]))
        }))
      )
      assert.deepStrictEqual(told(run.transcript), {
        a: `{"until":"2026-12-01T00:00:00.000Z"}`,
        b: [{ type: "input_text", text: "Here:" }, Input.imageBytes(new Uint8Array([1, 2, 3]), "image/png")]
      })
    }).pipe(Effect.provide(scripted([
      [call("book", { at: "2026-12-01T00:00:00.000Z", nights: "2" }, "a"), call("photo", {}, "b")],
      "Done."
    ]))))

  it.effect("has failures of tools with failureMode \"return\" as results, undeclared ones among them", () =>
    Effect.gen(function*() {
      const toolkit = Toolkit.make(Tool.make("count", {
        parameters: Schema.Struct({ n: Schema.Int }),
        failure: Schema.String,
        failureMode: "return"
      }))
      const run = yield* Tools.run({ model, input: "Hi", toolkit }).pipe(
        Effect.provide(toolkit.toLayer({
          count: ({ n }) => Effect.fail(n === 1 ? "too small" : new AiError.RateLimitError({}))
        }))
      )
      const outputs = told(run.transcript)
      assert.strictEqual(outputs["c1"], "Error: too small")
      assert.match(String(outputs["c2"]), /^Error: .*[Rr]ate limit/)
      assert.match(String(outputs["x"]), /^Error: the arguments do not fit/)
    }).pipe(Effect.provide(scripted([[...calls(1, 2), call("count", {}, "x")], "Done."]))))

  it.effect("says which option cannot be used, before anything is sent", () =>
    Effect.gen(function*() {
      for (
        const [name, value] of [["maxSteps", 0], ["maxCalls", -1], ["maxRepeats", 1], ["concurrency", 0.5]] as const
      ) {
        const error = yield* Effect.flip(Tools.run({ ...request, [name]: value }))
        assert(error._tag === "InvalidRequest")
        assert.strictEqual(error.field, name)
      }
      assert.deepStrictEqual(yield* OpenRouterTest.calls, [])
    }).pipe(Effect.provide([handlers(), scripted([])])))
})

describe("the costs of a run", () => {
  const turns = [
    call("weather", { city: "A" }, "a"),
    call("weather", { city: "B" }, "b"),
    call("weather", { city: "C" }, "c"),
    "Done."
  ]

  it.effect("are those of all steps, on the result as in the ledger", () =>
    Effect.gen(function*() {
      const [run, spent] = yield* CostLedger.measured(Tools.run(request))
      const emulator = yield* Emulator.Emulator
      const { total } = yield* emulator.ledger
      assert.isTrue(Usd.equals(run.costs.cost, Usd.fromDecimal(total)))
      assert.isTrue(Usd.isGreaterThan(run.costs.cost, Usd.zero))
      assert.isTrue(Usd.equals(spent.cost, run.costs.cost))
      assert.deepStrictEqual([run.costs.calls, spent.calls], [4, 4])
    }).pipe(Effect.provide([handlers(), overEmulator(rules(turns))])))

  it.effect("and its transcript survive a failure in the middle", () =>
    Effect.gen(function*() {
      const end = yield* Tools.outcome({ ...request, stopWhen: () => false })
      assert(end._tag === "Stopped")
      assert.strictEqual(end.error._tag, "InvalidRequest")
      assert.strictEqual(end.steps, 3)
      assert.isTrue(Usd.isGreaterThan(end.costs.cost, Usd.zero))
      assert.deepStrictEqual(Object.keys(told(end.transcript)), ["a", "b", "c"])
      const emulator = yield* Emulator.Emulator
      yield* emulator.addRule({ reply: Emulator.Reply.text("Done.") })
      const rest = yield* Tools.run({ model, toolkit, input: end.transcript })
      assert.strictEqual(rest.text, "Done.")
      assert.strictEqual(rest.costs.calls, 1)
    }).pipe(Effect.provide([
      handlers(),
      overEmulator([...rules(turns.slice(0, 3)), { times: 1, reply: Emulator.Reply.failure(400) }])
    ])))

  it.effect("end with a budget", () =>
    Effect.gen(function*() {
      const end = yield* Tools.outcome({ ...request, maxOutputTokens: 50 }).pipe(Budget.limit("0.025"))
      assert(end._tag === "Stopped")
      assert.strictEqual(end.error._tag, "BudgetExceeded")
      assert.strictEqual(end.steps, 2)
      assert.isTrue(Usd.equals(end.costs.cost, Usd.make("0.02")))
    }).pipe(Effect.provide([
      handlers(),
      Prices.layerTable({ [model]: { prompt: "0", completion: "0.0002" } }),
      OpenRouterTest.layer((request) =>
        OpenRouterTest.answer({
          usage: { cost: Usd.make("0.01") },
          output: [{
            type: "function_call",
            callId: `c${request.input?.length}`,
            name: "weather",
            arguments: JSON.stringify({ city: `${request.input?.length}` })
          }]
        })
      )
    ])))

  it.effect("include the calls that handlers make", () =>
    Effect.gen(function*() {
      const toolkit = Toolkit.make(
        Tool.make("expert", { success: Schema.String, dependencies: [OpenRouter.OpenRouter] })
      )
      const run = yield* Tools.run({ model, input: "Hi", toolkit }).pipe(
        Effect.provide(toolkit.toLayer({
          expert: () => Effect.orDie(Effect.map(OpenRouter.respond({ model, input: "?" }), ({ text }) => text))
        }))
      )
      assert.strictEqual(run.costs.calls, 3)
      assert.deepStrictEqual(told(run.transcript), { call_expert: "I know." })
    }).pipe(Effect.provide(scripted([call("expert", {}), "I know.", "Done."]))))

  it.effect("know of an answer that was cut off", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Tools.run(request))
      assert(error._tag === "Incomplete")
      assert.strictEqual(error.partialText, "Half")
    }).pipe(Effect.provide([
      handlers(),
      OpenRouterTest.layer(
        new OpenRouterError.Incomplete({ message: "cut", reason: "max_output_tokens", partialText: "Half" })
      )
    ])))
})

const Prompted = {
  text: (text: string) => ({ ...part, type: "text" as const, text, options: {} }),
  file: (data: Uint8Array) => ({ ...part, type: "file" as const, mediaType: "image/png", data, options: {} })
}

const part = { "~effect/ai/Prompt/Part": "~effect/ai/Prompt/Part" } as const
