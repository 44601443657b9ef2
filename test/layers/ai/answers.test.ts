import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Schema, SchemaGetter } from "effect"
import { CostLedger, Usd } from "effect-openrouter"
import { OpenRouterServerTool } from "effect-openrouter/ai"
import { type AiError, LanguageModel, Prompt, Tool, Toolkit } from "effect/ai"
import { Base64 } from "effect/encoding"
import { at } from "../emulator/support.ts"
import {
  ask,
  bodies,
  functionCall,
  handlers,
  input,
  message,
  own,
  partsOf,
  provider,
  reply,
  toolkit,
  typesOf,
  usage
} from "./support.ts"

const Person = Schema.Struct({ name: Schema.String, age: Schema.optionalKey(Schema.Int) })

const int = { type: "integer", minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }

const person = LanguageModel.generateObject({ prompt: "Who?", schema: Person, objectName: "person" })

/** The reason of a failure, what it costs, and what the ledger says. */
const failing = <A, R>(program: Effect.Effect<A, AiError.AiError, R>) =>
  Effect.map(CostLedger.measured(Effect.flip(program)), ([{ reason }, { cost }]) => ({
    reason,
    cost: at(own(reason), "cost"),
    booked: Usd.toNumber(cost)
  }))

describe("an answer", () => {
  it.effect("has its text, its usage, and in the metadata what effect/ai has no word for", () =>
    Effect.gen(function*() {
      const { content, finishReason, text, usage } = yield* ask
      assert.strictEqual(text, "Hello.")
      assert.strictEqual(finishReason, "stop")
      assert.deepStrictEqual({ ...usage.inputTokens }, { total: 12, cacheRead: 4, cacheWrite: 2, uncached: 8 })
      assert.deepStrictEqual({ ...usage.outputTokens }, { total: 8, reasoning: 5, text: 3 })
      assert.deepStrictEqual(typesOf(content), ["response-metadata", "text", "finish"])
      assert.strictEqual(at(content, "0.id"), "gen-1")
      assert.strictEqual(at(content, "0.modelId"), "openai/gpt-5-2025")
      assert.deepStrictEqual(own(content.at(-1)), {
        attempts: 1,
        cost: "0.0125",
        callCost: "0.0125",
        generationId: "gen-1",
        model: "openai/gpt-5-2025",
        serviceTier: "flex",
        provider: "Azure"
      })
    }).pipe(Effect.provide(provider([
      reply([message("Hello.")], {
        service_tier: "flex",
        openrouter_metadata: {
          endpoints: { available: [{ provider: "Azure", selected: true }, { provider: "OpenAI", selected: false }] }
        }
      })
    ]))))

  it.effect("has reasoning once, and sends it back as it came", () => {
    const reasoning = {
      type: "reasoning",
      id: "rs_1",
      summary: [{ type: "summary_text", text: "I " }, { type: "summary_text", text: "think." }],
      encrypted_content: "sealed",
      unheard_of: { x: 1 }
    }
    const both = {
      type: "reasoning",
      id: "rs_2",
      summary: [{ type: "summary_text", text: "short" }],
      content: [
        { type: "reasoning_text", text: "long" }
      ]
    }
    return Effect.gen(function*() {
      const answer = yield* ask
      assert.strictEqual(answer.reasoningText, "I \n\nthink.long")
      const history = Prompt.fromResponseParts(answer.content)
      yield* LanguageModel.generateText({ prompt: Prompt.concat(history, "And?") })
      assert.deepStrictEqual(yield* input, [
        reasoning,
        both,
        {
          type: "message",
          id: "msg_1",
          role: "assistant",
          status: "completed",
          phase: "final_answer",
          content: [{ type: "output_text", text: "Hello.", annotations: [] }]
        },
        { role: "user", content: [{ type: "input_text", text: "And?" }] }
      ])
    }).pipe(Effect.provide(provider([reply([reasoning, both, message("Hello.", { phase: "final_answer" })])])))
  })

  it.effect("sends each piece of reasoning back, also where several share an id", () => {
    const piece = (encrypted_content: string) => ({ type: "reasoning", id: "rs_1", summary: [], encrypted_content })
    return Effect.gen(function*() {
      const { content } = yield* ask
      yield* LanguageModel.generateText({ prompt: Prompt.concat(Prompt.fromResponseParts(content), "And?") })
      const sent = yield* input
      assert.deepStrictEqual([at(sent, "0"), at(sent, "1")], [piece("one"), piece("two, longer")])
    }).pipe(Effect.provide(provider([reply([piece("one"), piece("two, longer"), message("Hello.")])])))
  })

  it.effect("keeps items that have no part: they go back with the history, in their place", () => {
    const items = [
      { type: "openrouter:new_thing", id: "x", status: "completed", value: [1] },
      { type: "openrouter:web_search", id: "ws", status: "completed", action: { type: "search", query: "bern" } },
      message("Working on it.", { id: "msg_0", phase: "commentary" })
    ]
    return Effect.gen(function*() {
      const answer = yield* ask
      assert.strictEqual(answer.text, "Hello.")
      yield* LanguageModel.generateText({ prompt: Prompt.concat(Prompt.fromResponseParts(answer.content), "And?") })
      const sent = yield* input
      assert.deepStrictEqual([0, 1, 2].map((index) => at(sent, `${index}`)), items)
    }).pipe(Effect.provide(provider([reply([...items, message("Hello.")])])))
  })

  it.effect("has sources, and leaves out a URL that is none", () =>
    Effect.gen(function*() {
      const { content } = yield* ask
      assert.deepStrictEqual(partsOf(content, "source").map((part) => [at(part, "title"), String(at(part, "url"))]), [
        ["Bern", "https://bern.ch/"],
        ["https://x.org/a", "https://x.org/a"],
        ["a.pdf", "undefined"]
      ])
      assert.deepStrictEqual(own(partsOf(content, "source")[0]), { startIndex: 0, endIndex: 5 })
    }).pipe(Effect.provide(provider([reply([message("", {
      content: [{
        type: "output_text",
        text: "Hello.",
        annotations: [
          { type: "url_citation", url: "https://bern.ch", title: "Bern", start_index: 0, end_index: 5 },
          { type: "url_citation", url: "no url", title: "Nothing" },
          { type: "url_citation", url: "https://x.org/a" },
          { type: "file_citation", file_id: "f1", filename: "a.pdf", index: 3 },
          { type: "news", x: 1 }
        ]
      }]
    })])]))))

  it.effect("has images as files, and sends their items back", () => {
    const png = Base64.encode(new Uint8Array([1, 2, 3]))
    const image = { type: "image_generation_call", id: "ig", status: "completed", result: png }
    return Effect.gen(function*() {
      const { content } = yield* ask
      const [file] = partsOf(content, "file")
      assert.deepStrictEqual(at(file, "data"), new Uint8Array([1, 2, 3]))
      assert.strictEqual(at(file, "mediaType"), "image/png")
      yield* LanguageModel.generateText({ prompt: Prompt.concat(Prompt.fromResponseParts(content), "Nice.") })
      assert.deepStrictEqual(at(yield* input, "0"), image)
    }).pipe(Effect.provide(provider([reply([image])])))
  })

  it.effect.each(
    [
      [{ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } }, "length", "max_output_tokens"],
      [{ status: "incomplete", incomplete_details: { reason: "content_filter" } }, "content-filter", "content_filter"],
      [{ status: "incomplete", incomplete_details: { reason: "max_cost" } }, "other", "max_cost"]
    ] as const
  )("that stopped early has its text so far: %j", ([members, finishReason, reason]) =>
    Effect.gen(function*() {
      const answer = yield* ask
      assert.strictEqual(answer.text, "Once upon")
      assert.strictEqual(answer.finishReason, finishReason)
      assert.strictEqual(at(own(answer.content.at(-1)), "incompleteReason"), reason)
    }).pipe(Effect.provide(provider([reply([message("Once upon")], members)]))))

  it.effect("that is refused has the words in the metadata, and goes back as a refusal", () => {
    const refusal = { type: "refusal", refusal: "I can't." }
    return Effect.gen(function*() {
      const { content, finishReason, text } = yield* ask
      assert.strictEqual(text, "")
      assert.strictEqual(finishReason, "content-filter")
      assert.strictEqual(at(own(content.at(-1)), "refusal"), "I can't.")
      assert.deepStrictEqual(own(content[1]), { id: "msg_1", refusal: "I can't." })
      yield* LanguageModel.generateText({ prompt: Prompt.concat(Prompt.fromResponseParts(content), "Please.") })
      assert.deepStrictEqual(at(yield* input, "0.content"), [refusal])
    }).pipe(Effect.provide(provider([reply([message("", { content: [refusal] })])])))
  })
})

describe("a paid answer", () => {
  it.effect("survives tokens with a fraction, and none at all", () =>
    Effect.gen(function*() {
      const answer = yield* ask
      assert.strictEqual(answer.usage.inputTokens.total, 2)
      assert.isUndefined((yield* ask).usage.inputTokens.total)
    }).pipe(Effect.provide(provider([
      reply([message("Hello.")], { usage: { input_tokens: 1.5, output_tokens: 2.2 } }),
      reply([message("Hello.")], { usage: null })
    ]))))

  it.effect("survives metadata that is odd: amounts, absent members, unknown fields", () =>
    Effect.gen(function*() {
      const { content, text } = yield* ask
      assert.strictEqual(text, "Hello.")
      assert.strictEqual(at(own(content.at(-1)), "cost"), "0.0000000123")
    }).pipe(Effect.provide(provider([
      reply([{ type: "reasoning", summary: [], odd: null }, message("Hello.", { id: null })], {
        usage: { ...usage, cost: 1.23e-8 }
      })
    ]))))

  it.effect("with a call of a tool that is not there keeps its text and its other calls", () => {
    const log: Array<string> = []
    return Effect.gen(function*() {
      const answer = yield* LanguageModel.generateText({ prompt: "Hi", toolkit })
      assert.strictEqual(answer.text, "Let me see.")
      assert.strictEqual(answer.finishReason, "tool-calls")
      assert.deepStrictEqual(log, ["Bern"])
      assert.deepStrictEqual(at(own(partsOf(answer.content, "finish")[0]), "unknownCalls"), [
        { id: "call_fly", name: "fly", arguments: "{}" }
      ])
    }).pipe(Effect.provide([
      handlers(log),
      provider([reply([
        message("Let me see."),
        functionCall("fly", "{}"),
        functionCall("weather", `{"city":"Bern"}`)
      ])])
    ]))
  })

  it.effect.each([true, false])(
    "that only calls what is not there fails with its cost (toolkit: %s)",
    (hasTools) =>
      Effect.gen(function*() {
        const { booked, cost, reason } = yield* hasTools
          ? failing(LanguageModel.generateText({ prompt: "Hi", toolkit }))
          : failing(ask)
        assert.strictEqual(reason._tag, "InvalidResponseError")
        assert.include(reason.message, hasTools ? "the tools are: weather" : "the tools are: none")
        assert.isFalse(reason.isRetryable)
        assert.strictEqual(cost, "0.0125")
        assert.strictEqual(booked, 0.0125)
        assert.strictEqual(at(own(reason), "unknownCalls.0.name"), "fly")
      }).pipe(Effect.provide([handlers(), provider([reply([functionCall("fly", "{}")])])]))
  )

  it.effect("with such a call is given to those who validate calls themselves", () =>
    Effect.gen(function*() {
      const answer = yield* LanguageModel.generateText({
        prompt: "Hi",
        toolkit,
        disableToolCallResolution: true,
        toolCallValidation: "deferred"
      })
      assert.deepStrictEqual(answer.toolCalls.map(({ name, params }) => [name, params]), [["fly", { high: true }]])
    }).pipe(Effect.provide([handlers(), provider([reply([functionCall("fly", `{"high":true}`)])])])))

  it.effect("has arguments that were parsed, also where there are none", () => {
    const log: Array<string> = []
    const Now = Tool.make("now", { success: Schema.String })
    const both = Toolkit.make(Now, ...Object.values(toolkit.tools))
    return Effect.gen(function*() {
      const answer = yield* LanguageModel.generateText({ prompt: "Hi", toolkit: both })
      assert.deepStrictEqual(answer.toolResults.map(({ result }) => result), ["noon", "sunny in Bern"])
    }).pipe(Effect.provide([
      both.toLayer({
        now: () => Effect.succeed("noon"),
        weather: ({ city }) => Effect.sync(() => (log.push(city), `sunny in ${city}`))
      }),
      provider([reply([functionCall("now", ""), functionCall("weather", `{"city":"Bern"}`)])])
    ]))
  })

  it.effect("with arguments that are no JSON lets the tool say so", () =>
    Effect.gen(function*() {
      const { reason } = yield* Effect.flip(LanguageModel.generateText({ prompt: "Hi", toolkit }))
      assert.strictEqual(reason._tag, "ToolParameterValidationError")
    }).pipe(Effect.provide([handlers(), provider([reply([functionCall("weather", `{"city":`)])])])))

  it.effect("of a strict tool has absent arguments where the model had to write null", () => {
    const Strict = Tool.make("strict", {
      parameters: Schema.Struct({ a: Schema.optionalKey(Schema.String), m: Schema.Record(Schema.String, Schema.Int) }),
      success: Schema.String
    }).annotate(Tool.Strict, true)
    const strict = Toolkit.make(Strict)
    return Effect.gen(function*() {
      const answer = yield* LanguageModel.generateText({ prompt: "Hi", toolkit: strict })
      assert.deepStrictEqual(answer.toolResults.map(({ result }) => result), [`none {"x":1}`])
    }).pipe(Effect.provide([
      strict.toLayer({ strict: ({ a, m }) => Effect.succeed(`${a ?? "none"} ${JSON.stringify(m)}`) }),
      provider([reply([functionCall("strict", `{"a":null,"m":[{"0":"x","1":1}]}`)])])
    ]))
  })

  const search = {
    type: "openrouter:web_search",
    id: "ws_1",
    status: "completed",
    action: { type: "search", query: "bern" }
  }

  it.effect("with results of a server tool has them as parts if the toolkit has the tool", () => {
    const searching = Toolkit.make(OpenRouterServerTool.webSearch({ maxResults: 3 }))
    return Effect.gen(function*() {
      const answer = yield* LanguageModel.generateText({ prompt: "Hi", toolkit: searching })
      assert.strictEqual(answer.finishReason, "stop")
      assert.deepStrictEqual(
        answer.toolCalls.map(({ name, params, providerExecuted }) => [name, params, providerExecuted]),
        [
          ["OpenRouterWebSearch", { action: search.action }, true]
        ]
      )
      assert.deepStrictEqual(answer.toolResults.map(({ result }) => result), [search])
      const [body] = yield* bodies
      assert.deepStrictEqual(body?.["tools"], [{ type: "openrouter:web_search", parameters: { max_results: 3 } }])
      yield* LanguageModel.generateText({ prompt: Prompt.concat(Prompt.fromResponseParts(answer.content), "And?") })
      assert.deepStrictEqual(at(yield* input, "0"), search)
      assert.strictEqual(at(yield* input, "1.id"), "msg_1")
    }).pipe(Effect.provide(provider([reply([search, message("It is sunny.")])])))
  })

  it.effect("with results of a server tool whose schemas do not take them keeps them as an item", () => {
    const searching = Toolkit.make(
      Tool.providerDefined({
        id: "openrouter.web_search",
        customName: "Search",
        providerName: "openrouter:web_search",
        success: Schema.Struct({ hits: Schema.Int })
      })(undefined)
    )
    return Effect.gen(function*() {
      const answer = yield* LanguageModel.generateText({ prompt: "Hi", toolkit: searching })
      assert.strictEqual(answer.text, "It is sunny.")
      assert.deepStrictEqual(at(own(answer.content[1]), "item"), search)
    }).pipe(Effect.provide(provider([reply([search, message("It is sunny.")])])))
  })
})

describe("generateObject", () => {
  it.effect("asks for the schema and reads the value", () =>
    Effect.gen(function*() {
      const { value } = yield* person
      assert.deepStrictEqual(value, { name: "Ann" })
      const [body] = yield* bodies
      assert.deepStrictEqual(body?.["text"], {
        format: {
          type: "json_schema",
          name: "person",
          strict: true,
          schema: {
            type: "object",
            properties: { name: { type: "string" }, age: { anyOf: [int, { type: "null" }] } },
            required: ["name", "age"],
            additionalProperties: false
          }
        }
      })
      assert.deepStrictEqual(body?.["provider"], { require_parameters: true })
    }).pipe(Effect.provide(provider([reply([message(`{"name":"Ann","age":null}`)])]))))

  it.effect.each(
    [
      ["in a fence", "Here it is:\n```json\n{\"name\":\"Ann\",\"age\":3}\n```"],
      ["behind thoughts", "<think>Let me see.</think>{\"name\":\"Ann\",\"age\":3}"]
    ] as const
  )("reads JSON that is nearly one: %s", ([_, text]) =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* person).value, { name: "Ann", age: 3 })
    }).pipe(Effect.provide(provider([reply([message(text)])]))))

  it.effect("takes roots that are no objects, unions, records and transformations", () =>
    Effect.gen(function*() {
      const list = yield* LanguageModel.generateObject({
        prompt: "Who?",
        schema: Schema.Struct({ of: Schema.Record(Schema.String, Schema.Int), at: Schema.DateTimeUtcFromString })
      })
      assert.deepStrictEqual(list.value.of, { a: 1 })
      const union = yield* LanguageModel.generateObject({
        prompt: "Who?",
        schema: Schema.Union([Schema.Struct({ a: Schema.String }), Schema.Struct({ b: Schema.Int })])
      })
      assert.deepStrictEqual(union.value, { b: 2 })
    }).pipe(Effect.provide(provider([
      reply([message(`{"of":[{"0":"a","1":1}],"at":"2026-01-01T00:00:00Z"}`)]),
      reply([message(`{"value":{"b":2}}`)])
    ]))))

  it.effect("with a schema that needs services has them", () => {
    class Title extends Context.Service<Title, string>()("test/Title") {}
    const Titled = Schema.String.pipe(Schema.decodeTo(Schema.String, {
      decode: SchemaGetter.transformEffect((name: string) => Effect.map(Title, (title) => `${title} ${name}`)),
      encode: SchemaGetter.passthrough()
    }))
    return Effect.gen(function*() {
      const { value } = yield* LanguageModel.generateObject({ prompt: "Who?", schema: Schema.Struct({ name: Titled }) })
      assert.deepStrictEqual(value, { name: "Dr. Ann" })
    }).pipe(
      Effect.provideService(Title, "Dr."),
      Effect.provide(provider([reply([message(`{"name":"Ann"}`)])]))
    )
  })

  it.effect("fails before anything is sent if the schema cannot be asked for", () =>
    Effect.gen(function*() {
      const program = LanguageModel.generateObject({ prompt: "Who?", schema: Schema.Struct({ a: Schema.Unknown }) })
      const { booked, reason } = yield* failing(program)
      assert.strictEqual(reason._tag, "UnsupportedSchemaError")
      assert.strictEqual(booked, 0)
      assert.deepStrictEqual(yield* bodies, [])
    }).pipe(Effect.provide(provider([reply([message("{}")])]))))

  it.effect("fails with the text and its cost if the answer does not fit", () =>
    Effect.gen(function*() {
      const { booked, cost, reason } = yield* failing(person)
      assert.strictEqual(reason._tag, "StructuredOutputError")
      assert.strictEqual(at(reason, "responseText"), `{"name":5,"age":null}`)
      assert.strictEqual(at(reason, "usage.promptTokens"), 12)
      assert.strictEqual(cost, "0.0125")
      assert.strictEqual(booked, 0.0125)
    }).pipe(Effect.provide(provider([reply([message(`{"name":5,"age":null}`)])]))))

  it.effect.each(
    [
      ["ContentPolicyError", reply([message("", { content: [{ type: "refusal", refusal: "No." }] })])],
      [
        "UnknownError",
        reply([message("{\"name\":")], { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } })
      ],
      ["InvalidResponseError", reply([])],
      ["InvalidResponseError", reply([message("{")], { status: "failed", error: { code: "x", message: "broke" } })]
    ] as const
  )("fails with %s and the cost of what is no answer", ([tag, answer]) =>
    Effect.gen(function*() {
      const { booked, cost, reason } = yield* failing(person)
      assert.strictEqual(reason._tag, tag)
      assert.isFalse(reason.isRetryable)
      assert.strictEqual(cost, "0.0125")
      assert.strictEqual(booked, 0.0125)
    }).pipe(Effect.provide(provider([answer]))))

  it.effect("does not take commentary for a part of the value", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* person).value, { name: "Ann" })
    }).pipe(Effect.provide(provider([reply([
      message("I look it up.", { id: "msg_0", phase: "commentary" }),
      message(`{"name":"Ann","age":null}`)
    ])]))))
})
