import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema, Stream } from "effect"
import {
  Model,
  OpenRouter,
  type OpenRouterError,
  type Outcome,
  OutputItem,
  Response,
  ResponseAccumulator,
  StreamEvent
} from "effect-openrouter"
import * as A from "./answered.ts"

const completed = (outcome: Outcome.Outcome): Outcome.Completed => {
  if (outcome._tag !== "Completed") throw new Error(`it is ${outcome._tag}`)
  return outcome
}

const failure = <X, E extends OpenRouterError.OpenRouterError | OpenRouter.UnansweredCalls, R>(
  self: Effect.Effect<X, E, R>
) => Effect.flip(self)

const Bread = Schema.Struct({ answer: Schema.String })

describe("errors of paid answers", () => {
  const items = [
    { type: "reasoning", id: "rs_1", summary: [{ type: "summary_text", text: "Hm." }] },
    A.message("Only"),
    A.call()
  ]
  const types = ["reasoning", "message", "function_call"]
  const events = items.flatMap((item, index) => [A.added(index, A.begun(item)), A.done(index, item)])
  const typesOf = (error: OpenRouterError.OpenRouterError | OpenRouter.UnansweredCalls) =>
    "response" in error ? error.response?.output.map(({ type }) => type) : undefined

  const bodies: ReadonlyArray<readonly [tag: string, body: A.Json]> = [
    ["Incomplete", A.response(items, { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } })],
    ["Refused", A.response([...items, A.message("", { content: [{ type: "refusal", refusal: "No" }] })])],
    ["GenerationFailed", A.response(items, { status: "failed" })],
    ["RateLimited", A.response(items, { status: "failed", error: { code: "rate_limit_exceeded", message: "no" } })]
  ]

  it.effect.each(bodies)("#5 %s carries items, reasoning and calls", ([tag, body]) =>
    Effect.gen(function*() {
      const error = yield* failure(OpenRouter.respond(A.request)).pipe(Effect.provide(A.answering(body)))
      assert.strictEqual(error._tag, tag)
      assert.deepStrictEqual(typesOf(error)?.slice(0, 3), types)
    }))

  it.effect("#5 InvalidOutput carries items, reasoning and calls", () =>
    Effect.gen(function*() {
      const error = yield* failure(OpenRouter.respondObject({ ...A.request, schema: Bread })).pipe(
        Effect.provide(A.answering(A.response(items)))
      )
      assert.strictEqual(error._tag, "InvalidOutput")
      assert.deepStrictEqual(typesOf(error), types)
    }))

  const cuts: ReadonlyArray<readonly [tag: string, ends: ReadonlyArray<A.Json>]> = [
    ["StreamInterrupted", []],
    ["GenerationFailed", [{ type: "error", error: { code: null, message: "Foobar" } }]],
    ["RateLimited", [{ type: "error", error: { code: 429, message: "slow down" } }]]
  ]
  it.effect.each(cuts)("#5 %s of a stream carries items, reasoning and calls", ([tag, ends]) =>
    Effect.gen(function*() {
      const error = yield* failure(Stream.runDrain(OpenRouter.stream(A.request))).pipe(
        Effect.provide(A.streaming([...events, ...ends]))
      )
      assert.strictEqual(error._tag, tag)
      assert.deepStrictEqual(typesOf(error), types)
    }))
})

describe("the text of an answer", () => {
  const look = A.message("Let me look…", { phase: "commentary" })
  const bread = A.message("{\"answer\":\"bread\"}", { phase: "final_answer" })
  const events = [
    A.added(0, A.begun(look)),
    A.delta(0, "Let me look…"),
    A.done(0, look),
    A.added(1, A.begun(bread)),
    A.delta(1, "{\"answer\":\"br"),
    A.delta(1, "ead\"}"),
    A.done(1, bread),
    A.end([look, bread])
  ]

  it.effect("#6 is the final answer's, and so is the structured value", () =>
    Effect.gen(function*() {
      const json = A.answering(A.response([look, bread]))
      const answer = yield* OpenRouter.respond(A.request).pipe(Effect.provide(json))
      assert.strictEqual(answer.text, "{\"answer\":\"bread\"}")
      assert.strictEqual(answer.response.output.length, 2)
      const { value } = yield* OpenRouter.respondObject({ ...A.request, schema: Bread }).pipe(Effect.provide(json))
      assert.deepStrictEqual(value, { answer: "bread" })
    }))

  it.effect("#6 is the final answer's in streams, and partial values show it", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* A.pieces(events)).join(""), "{\"answer\":\"bread\"}")
      const parts = yield* OpenRouter.streamObject({ ...A.request, schema: Bread }).pipe(
        Stream.runCollect,
        Effect.provide(A.streaming(events))
      )
      assert.deepStrictEqual(
        parts.map((part) => part._tag === "Partial" ? part.value : part.answer.value),
        [{ answer: "bread" }, { answer: "bread" }].slice(-parts.length)
      )
      assert.isAbove(parts.length, 1)
    }))

  it.effect("#6 is nothing where there is only commentary", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* A.read(A.response([look])))._tag, "Empty")
      const outcome = completed(yield* A.read(A.response([look, A.call()])))
      assert.strictEqual(outcome.text, "")
      assert.strictEqual(outcome.functionCalls.length, 1)
    }))

  it.effect("#7 counts an id once", () =>
    Effect.gen(function*() {
      const item = A.message("bread")
      const outcome = completed(yield* A.read(A.response([item, item, A.call(), A.call()])))
      assert.strictEqual(outcome.text, "bread")
      assert.strictEqual(outcome.functionCalls.length, 1)
      const twice = [0, 1].flatMap((
        index
      ) => [A.added(index, A.begun(item)), A.delta(index, "bread"), A.done(index, item)])
      for (const ends of [A.end([item, item]), A.end([])]) {
        assert.strictEqual(completed(yield* A.streamed([...twice, ends])).text, "bread")
        assert.strictEqual((yield* A.pieces([...twice, ends])).join(""), "bread")
      }
    }))

  it.effect("#7 keeps calls that share an item id but not the id of the call", () =>
    Effect.gen(function*() {
      const outcome = yield* A.read(A.response([A.call(), A.call({ call_id: "call_2" })]))
      assert.deepStrictEqual(completed(outcome).functionCalls.map(({ callId }) => callId), ["call_1", "call_2"])
    }))
})

describe("a call without arguments", () => {
  const forms: ReadonlyArray<readonly [form: unknown, text: string]> = [
    [null, ""],
    [undefined, ""],
    [{ bread: 1 }, "{\"bread\":1}"],
    [[1], "[1]"],
    ["{}", "{}"]
  ]

  it.effect.each(forms)("#8 is a call: %j", ([form, text]) =>
    Effect.gen(function*() {
      const item = A.call({ arguments: form })
      for (const outcome of [yield* A.read(A.response([item])), yield* A.streamed([A.end([item])])]) {
        assert.deepStrictEqual(completed(outcome).functionCalls.map((call) => call.arguments), [text])
      }
      const told = { type: "response.function_call_arguments.done", output_index: 0, item_id: "fc_1", arguments: form }
      const streamed = yield* A.streamed([A.added(0, A.begun(A.call())), told, A.end([])])
      assert.deepStrictEqual(completed(streamed).functionCalls.map((call) => call.arguments), [text])
    }))

  it("#8 is one whatever holds its text", () => {
    const decode = Schema.decodeUnknownSync(OutputItem.OutputItem)
    const items: ReadonlyArray<readonly [item: A.Json, key: string]> = [
      [{ type: "custom_tool_call", call_id: "c", name: "f" }, "input"],
      [{ type: "mcp_call", server_label: "s", name: "f" }, "arguments"],
      [{ type: "mcp_approval_request", id: "m", server_label: "s", name: "f" }, "arguments"]
    ]
    for (const [item, key] of items) {
      for (const [form, text] of forms) {
        const value = decode({ ...item, [key]: form })
        assert.strictEqual(value.type, item["type"])
        assert.strictEqual(Reflect.get(value, key), text)
      }
    }
    for (const type of ["shell_call", "openrouter:bash", "openrouter:shell", "openrouter:files"]) {
      const value = decode({ type, call_id: "c", arguments: { a: 1 } })
      assert.strictEqual(Reflect.get(value, "arguments"), "{\"a\":1}", type)
    }
  })
})

describe("an item that is nested very deeply", () => {
  const deep: unknown = JSON.parse("[".repeat(50_000) + "]".repeat(50_000))

  it("#8 is no defect as arguments, nor #26 as an item of a stream", () => {
    const item = { type: "function_call", call_id: "c", name: "f", arguments: deep }
    const value = Schema.decodeUnknownSync(OutputItem.OutputItem)(item)
    assert.strictEqual(value.type, "function_call")
    const accumulator = ResponseAccumulator.make()
    accumulator.add(StreamEvent.decode(A.done(0, item)))
    accumulator.add(StreamEvent.decode(A.done(1, A.message("x", { content: deep }))))
    assert.isAtLeast(accumulator.size, 100_000)
  })
})

describe("a truncated response that is called completed", () => {
  it.effect("#9 is incomplete, and its cut-off call is not handed out", () =>
    Effect.gen(function*() {
      const fields = { incomplete_details: { reason: "max_output_tokens" } }
      const cut = A.call({ arguments: "{\"br" })
      for (const outcome of [yield* A.read(A.response([cut], fields)), yield* A.streamed([A.end([cut], fields)])]) {
        assert.strictEqual(outcome._tag === "Incomplete" ? outcome.reason : outcome._tag, "max_output_tokens")
      }
      assert.strictEqual((yield* A.read(A.response([A.call({ status: "incomplete" })])))._tag, "Incomplete")
      const none = A.response([A.call()], { incomplete_details: { reason: null } })
      assert.strictEqual((yield* A.read(none))._tag, "Completed")
    }))
})

describe("a stream of a gateway", () => {
  it.effect("#10 keeps a finished call that the terminal event does not list", () =>
    Effect.gen(function*() {
      const item = A.message("bread")
      const outcome = completed(
        yield* A.streamed([A.done(0, item), A.added(1, A.begun(A.call())), A.done(1, A.call()), A.end([item])])
      )
      assert.deepStrictEqual(outcome.response.output.map(({ type }) => type), ["message", "function_call"])
      assert.strictEqual(outcome.functionCalls.length, 1)
      assert.strictEqual(outcome.text, "bread")
    }))

  it.effect("#10 may give several items one output_index", () =>
    Effect.gen(function*() {
      const [one, two] = [A.message("white "), A.message("bread")]
      const events = [one, two, A.call()].flatMap((item) => [
        A.added(0, A.begun(item)),
        ..."content" in item ? [A.delta(0, String(item["id"]).slice(4), { item_id: item["id"] })] : [],
        A.done(0, item)
      ])
      const outcome = completed(yield* A.streamed([...events, A.end([])]))
      assert.deepStrictEqual(A.summary(outcome).text, "white bread")
      assert.strictEqual(outcome.functionCalls.length, 1)
      assert.strictEqual((yield* A.pieces([...events, A.end([])])).join(""), "white bread")
      const cut = yield* failure(A.streamed(events))
      assert.strictEqual(cut.partialText, "white bread")
    }))

  it.effect("#10 may leave output_index out", () =>
    Effect.gen(function*() {
      const without = ({ output_index: _, ...event }: A.Json): A.Json => event
      const [one, two] = [A.message("white "), A.message("bread")]
      const events = [
        A.added(0, A.begun(one)),
        A.delta(0, "white ", { item_id: one["id"] }),
        A.done(0, one),
        A.added(1, A.begun(two)),
        A.delta(1, "bread", { item_id: two["id"] }),
        A.added(2, A.begun(A.call())),
        { type: "response.function_call_arguments.delta", output_index: 2, item_id: "fc_1", delta: "{}" }
      ].map(without)
      const outcome = completed(yield* A.streamed([...events, A.end([])]))
      assert.strictEqual(outcome.text, "white bread")
      assert.deepStrictEqual(outcome.functionCalls.map((call) => call.arguments), ["{}"])
      assert.strictEqual((yield* A.pieces([...events, A.end([])])).join(""), "white bread")
      const error = yield* failure(A.streamed([A.delta(0, "bre"), A.delta(0, "ad")].map(without)))
      assert.strictEqual(error.partialText, "bread")
    }))

  it.effect("#10 may leave out the texts when items are done", () =>
    Effect.gen(function*() {
      const item = A.message("bread")
      const empty = { ...item, content: [A.text("")] }
      const place = { output_index: 0, content_index: 0, item_id: item["id"] }
      const texts = [
        { type: "response.output_text.done", ...place, text: "" },
        { type: "response.output_text.done", ...place },
        { type: "response.content_part.done", ...place, part: A.text("") }
      ]
      const callDone = {
        type: "response.function_call_arguments.done",
        output_index: 1,
        item_id: "fc_1",
        arguments: ""
      }
      const events = [
        A.added(0, A.begun(item)),
        A.delta(0, "bread"),
        ...texts,
        A.added(1, A.begun(A.call())),
        { type: "response.function_call_arguments.delta", output_index: 1, item_id: "fc_1", delta: "{\"a\":1}" },
        callDone
      ]
      const endings = [
        [A.end([])],
        [A.done(0, empty), A.done(1, A.call({ arguments: "" })), A.end([])],
        [A.done(0, { ...item, content: [] }), A.done(1, A.call({ arguments: null })), A.end([])],
        [A.end([empty, A.call({ arguments: "" })])],
        [A.end([{ ...item, content: [] }, A.call({ arguments: null })])]
      ]
      for (const ending of endings) {
        const outcome = completed(yield* A.streamed([...events, ...ending]))
        assert.strictEqual(outcome.text, "bread")
        assert.deepStrictEqual(outcome.functionCalls.map((call) => call.arguments), ["{\"a\":1}"])
      }
    }))

  it.effect("#10 may end with response.done", () =>
    Effect.gen(function*() {
      const { response } = A.end([A.message("bread")])
      const events = [A.delta(0, "bread"), { type: "response.done", response }]
      assert.deepStrictEqual(A.summary(yield* A.streamed(events)), A.summary(yield* A.read(response)))
      const cut = A.response([A.message("br")], { status: "incomplete" })
      const incomplete = yield* A.streamed([{ type: "response.done", response: cut }])
      assert.strictEqual(incomplete._tag, "Incomplete")
      const failed = yield* A.streamed([{
        type: "response.cancelled",
        response: A.response([], { status: "cancelled" })
      }])
      assert.strictEqual(failed._tag, "Failed")
    }))

  it.effect("#10 may send content as a plain text", () =>
    Effect.gen(function*() {
      for (const content of ["bread", ["bread"], { type: "text", text: "bread" }, [{ type: "text", text: "bread" }]]) {
        const item = A.message("", { content })
        assert.strictEqual(completed(yield* A.read(A.response([item]))).text, "bread", JSON.stringify(content))
        assert.strictEqual(completed(yield* A.streamed([A.done(0, item), A.end([])])).text, "bread")
        const [kept] = (yield* A.read(A.response([item]))).response.output.map((one) =>
          Schema.encodeUnknownSync(OutputItem.OutputItem)(one)
        )
        assert.deepStrictEqual<unknown>(kept, item)
      }
      const reasoning = { type: "reasoning", summary: "Hm.", content: "Let me see." }
      const [item] = completed(yield* A.read(A.response([reasoning, A.message("x")]))).response.output
      assert.deepStrictEqual(item?.type === "reasoning" ? [item.summary, item.content] : [], [
        [{ type: "summary_text", text: "Hm." }],
        [{ type: "reasoning_text", text: "Let me see." }]
      ])
    }))

  it.effect("#10 may send a refusal without words beside text", () =>
    Effect.gen(function*() {
      const refusal = { type: "refusal", refusal: "" }
      const beside = A.message("bread", { content: [A.text("bread"), refusal] })
      assert.strictEqual(completed(yield* A.read(A.response([beside]))).text, "bread")
      const alone = yield* A.read(A.response([A.message("", { content: [refusal] })]))
      assert.strictEqual(alone._tag, "Refused")
    }))
})

describe("lenient reading", () => {
  it("#11 leaves out one field whose wire name is an exception", () => {
    const endpoint = {
      name: "a",
      uptime_last_5m: "99%",
      uptime_last_30m: 98,
      latency_last_30m: { p50: "fast", p90: 2 }
    }
    const answer = { status: 200, headers: {}, text: JSON.stringify({ data: { id: "a/b", endpoints: [endpoint] } }) }
    const result = Model.modelEndpoints("a/b").read(answer, { attempts: 1, now: 0 })
    assert.deepStrictEqual(
      Result.getOrThrow(result).endpoints.map((one) => ({ ...one })),
      [{ name: "a", uptimeLast30m: 98, latencyLast30m: { p90: 2 } }]
    )
  })

  it("#11 leaves out one source of a web search", () => {
    const decode = Schema.decodeUnknownSync(OutputItem.OutputItem)
    const url = { type: "url", url: "https://example.com" }
    const item = decode({
      type: "openrouter:web_search",
      status: "completed",
      action: { type: "search", query: "bread", sources: [url, { type: "api", name: "weather" }, url] }
    })
    assert.deepStrictEqual(item.type === "openrouter:web_search" ? item.action : undefined, {
      type: "search",
      query: "bread",
      sources: [{ type: "url", url: url.url }, { type: "url", url: url.url }]
    })
    const fetched = decode({ type: "openrouter:web_fetch", url: "u", httpStatus: "200" })
    assert.deepStrictEqual({ ...fetched }, { type: "openrouter:web_fetch", url: "u" })
  })

  it("#11 leaves out no more than what does not fit of a response", () => {
    const json = A.response([A.message("bread")], {
      metadata: { a: "b", n: 1 },
      usage: { input_tokens: 1, output_tokens_details: { reasoning_tokens: "many" }, cost: 0.25, cost_details: 3 }
    })
    const { metadata, usage } = Result.getOrThrow(Response.decode(json))
    assert.deepStrictEqual(metadata, { a: "b" })
    assert.deepStrictEqual(usage?.outputTokensDetails, {})
    assert.strictEqual(String(usage?.cost), "$0.25")
  })
})

describe("an answer of steps alone", () => {
  const steps: ReadonlyArray<A.Json> = [
    { type: "web_search_call", status: "completed" },
    { type: "mcp_list_tools", server_label: "s", tools: [] },
    { type: "mcp_call", server_label: "s", name: "f", arguments: "{}", output: "x" },
    { type: "compaction", encrypted_content: "x" },
    { type: "file_search_call" },
    { type: "openrouter:bash", command: "ls" },
    { type: "image_generation_call", status: "failed" },
    { type: "code_interpreter_call", code: "1", outputs: [{ type: "logs", logs: "1" }] },
    { type: "shell_call", call_id: "c", action: { commands: [] } },
    { type: "shell_call_output", call_id: "c", output: [] },
    { type: "function_call", id: "no call id" }
  ]

  it.effect("#12 is empty", () =>
    Effect.gen(function*() {
      for (const step of steps.filter(({ type }) => type !== "shell_call")) {
        assert.strictEqual((yield* A.read(A.response([step])))._tag, "Empty", JSON.stringify(step))
      }
      assert.strictEqual((yield* A.read(A.response(steps)))._tag, "Empty")
      assert.strictEqual((yield* A.streamed([A.end(steps)]))._tag, "Empty")
    }))

  const results: ReadonlyArray<A.Json> = [
    A.call(),
    { type: "custom_tool_call", call_id: "c", name: "f", input: "" },
    { type: "computer_call", call_id: "c" },
    { type: "local_shell_call", call_id: "c", action: { type: "exec", command: ["ls"] } },
    { type: "shell_call", call_id: "d", action: { commands: ["ls"] } },
    { type: "apply_patch_call", call_id: "c", operation: { type: "delete_file", path: "a" } },
    { type: "openrouter:apply_patch", call_id: "c" },
    { type: "mcp_approval_request", id: "m", server_label: "s", name: "f", arguments: "{}" },
    { type: "image_generation_call", result: "aGk=" },
    { type: "openrouter:image_generation", imageUrl: "https://example.com/a.png" },
    { type: "code_interpreter_call", outputs: [{ type: "image", url: "u" }] },
    { type: "some_future_type" }
  ]

  it.effect.each(results.map((item) => [String(item["type"]), item] as const))(
    "#12 is completed with a call to answer or a result: %s",
    ([, item]) =>
      Effect.map(A.read(A.response([...steps, item])), (outcome) => assert.strictEqual(outcome._tag, "Completed"))
  )
})

describe("half of a surrogate pair", () => {
  const half = (text: string) => /[\ud800-\udbff]$/.test(text)
  const cut = (words: string) => Array.from({ length: words.length }, (_, at) => A.delta(0, words.charAt(at)))

  it.effect("#22 ends no piece of text", () =>
    Effect.gen(function*() {
      const shown = yield* A.pieces([...cut("a🍞b🍞"), A.end([A.message("a🍞b🍞")])])
      assert.isFalse(shown.some(half))
      assert.strictEqual(shown.join(""), "a🍞b🍞")
    }))

  it.effect("#22 ends no partial text of an error or outcome", () =>
    Effect.gen(function*() {
      const error = yield* failure(A.streamed(cut("a🍞").slice(0, -1)))
      assert.strictEqual(error.partialText, "a")
      const incomplete = yield* A.read(A.response([A.message("a🍞".slice(0, -1))], { status: "incomplete" }))
      assert.strictEqual(incomplete._tag === "Incomplete" ? incomplete.partialText : "", "a")
    }))

  it.effect("#22 ends no text of a partial value, escaped or not", () =>
    Effect.gen(function*() {
      for (const words of ["{\"answer\":\"a🍞b\"}", "{\"answer\":\"a\\ud83c\\udf5eb\"}"]) {
        const parts = yield* OpenRouter.streamObject({ ...A.request, schema: Bread }).pipe(
          Stream.runCollect,
          Effect.provide(A.streaming([...cut(words), A.end([A.message(words)])]))
        )
        const texts = parts.map((part) =>
          part._tag === "Partial" ? String(part.value["answer"]) : part.answer.value.answer
        )
        assert.isFalse(texts.some(half))
        assert.strictEqual(texts.at(-1), "a🍞b")
      }
    }))
})

describe("the limit of an answer", () => {
  const limited = (events: ReadonlyArray<A.Json>) =>
    failure(Stream.runDrain(OpenRouter.stream(A.request))).pipe(
      Effect.provide(A.streaming(events, { maxAnswerBytes: 10_000 }))
    )
  const many = (event: A.Json) => Array.from({ length: 30 }, () => event)
  const piece = "x".repeat(500)

  it.effect("#26 holds for the text, the arguments and the items of a stream", () =>
    Effect.gen(function*() {
      const streams: ReadonlyArray<ReadonlyArray<A.Json>> = [
        many(A.delta(0, piece)),
        many({ type: "response.function_call_arguments.delta", output_index: 0, item_id: "a", delta: piece }),
        many({ type: "response.reasoning_text.delta", output_index: 0, content_index: 0, delta: piece }),
        Array.from({ length: 30 }, (_, index) => A.done(index, A.message(piece, { id: `m${index}` }))),
        [{ type: "response.output_text.done", output_index: 0, content_index: 0, text: piece.repeat(30) }]
      ]
      for (const events of streams) {
        const error = yield* limited([...events, A.end([])])
        assert.strictEqual(error._tag, "MalformedResponse")
        assert.strictEqual(error._tag === "MalformedResponse" ? error.reason : "", "tooLarge")
        assert.isFalse(error.isRetryable)
        assert.isUndefined(error.cost)
      }
    }))

  it.effect("#26 counts a text once, however often a stream tells it", () =>
    Effect.gen(function*() {
      const words = piece.repeat(15)
      const item = A.message(words, { id: "m" })
      const events = [
        A.added(0, A.begun(item)),
        A.delta(0, words),
        { type: "response.output_text.done", output_index: 0, content_index: 0, text: words },
        { type: "response.content_part.done", output_index: 0, content_index: 0, part: A.text(words) },
        A.done(0, item),
        A.end([item])
      ]
      const outcome = yield* OpenRouter.streamOutcome(A.request, () => Effect.void).pipe(
        Effect.provide(A.streaming(events, { maxAnswerBytes: 10_000 }))
      )
      assert.strictEqual(completed(outcome).text, words)
    }))
})

describe("calls of a computer and of a shell", () => {
  it("#37 are typed", () => {
    const decode = Schema.decodeUnknownSync(OutputItem.OutputItem)
    const actions = [{ type: "click", button: "left", x: 1, y: 2 }, { type: "type", text: "hi" }, {
      type: "screenshot"
    }]
    const computer = decode({ type: "computer_call", call_id: "c", actions, pending_safety_checks: [] })
    assert.deepStrictEqual<unknown>(computer.type === "computer_call" ? computer.actions : [], actions)
    const shell = decode({ type: "local_shell_call", call_id: "c", action: { type: "exec", command: ["ls"] } })
    assert.deepStrictEqual(shell.type === "local_shell_call" ? shell.action.command : [], ["ls"])
  })
})
