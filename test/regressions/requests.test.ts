/** Requests: what is refused before it is sent, and what is said about it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Result, Schema, Stream } from "effect"
import { CreateResponse, Input, OpenRouter, Tool } from "effect-openrouter"
import { OpenRouterTest } from "effect-openrouter/testing"
import { final, model, ok, scripted, sent, untyped } from "../layers/client/support.ts"

/** Why a request, written as people write it, is not sent. */
const refusal = (request: unknown) => {
  const body = CreateResponse.toBody(untyped(JSON.stringify(request)), { stream: false })
  return Result.isFailure(body) ? body.failure : assert.fail(`was accepted: ${body.success}`)
}

const bodyOf = (request: CreateResponse.CreateResponse) => {
  const body = CreateResponse.toBody(request, { stream: false })
  if (Result.isFailure(body)) return assert.fail(body.failure.message)
  const json: CreateResponse.CreateResponse & { readonly tools?: ReadonlyArray<object> } = JSON.parse(body.success)
  return json
}

const user = (...content: ReadonlyArray<unknown>) => ({ model, input: [{ role: "user", content }] })

const tool = (tool: object) => ({ model, input: "Hi", tools: [tool] })

describe("what belongs to other APIs", () => {
  const top: ReadonlyArray<readonly [written: string, value: unknown, instead: string]> = [
    ["messages", [{ role: "user", content: "Hi" }], "use input"],
    ["contents", [{ parts: [{ text: "Hi" }] }], "use input"],
    ["max_tokens", 5, "use maxOutputTokens"],
    ["maxTokens", 5, "use maxOutputTokens"],
    ["max_completion_tokens", 5, "use maxOutputTokens"],
    ["maxCompletionTokens", 5, "use maxOutputTokens"],
    ["system", "Be brief.", "use instructions"],
    ["systemPrompt", "Be brief.", "use instructions"],
    ["system_instruction", "Be brief.", "use instructions"],
    ["stop", ["\n"], "is not available"],
    ["stopSequences", ["\n"], "is not available"],
    ["response_format", { type: "json_object" }, "use text.format"],
    ["responseFormat", { type: "json_object" }, "use text.format"],
    ["schema", { type: "object" }, "use OpenRouter.respondObject"],
    ["reasoning_effort", "high", "use reasoning.effort"],
    ["reasoningEffort", "high", "use reasoning.effort"],
    ["thinking", { type: "enabled", budget_tokens: 2000 }, "use reasoning, such as { maxTokens: 2000 }"],
    ["verbosity", "low", "use text.verbosity"],
    ["extra_body", { provider: {} }, "write its fields beside the others"],
    ["headers", { "x-a": "b" }, "use OpenRouter.withHeaders"],
    ["transforms", ["middle-out"], "use plugins"],
    ["usage", { include: true }, "leave it out"],
    ["stream_options", { include_usage: true }, "leave it out"],
    ["logprobs", true, "use topLogprobs"],
    ["seed", 7, "is not available"],
    ["n", 2, "is not available"],
    ["logit_bias", {}, "is not available"],
    ["functions", [], "use tools"],
    ["function_call", "auto", "use toolChoice"],
    ["web_search_options", {}, "use tools"],
    ["timeout", 1000, "use Deadlines.with"],
    ["maxRetries", 2, "use RetryPolicy.with"],
    ["abortSignal", {}, "leave it out"],
    ["apiKey", "sk", "is an option of the layer"],
    ["stream", true, "leave it out"],
    ["store", true, "is not available"],
    ["previousResponseId", "resp_1", "is not available"],
    ["route", "fallback", "use provider.sort.partition"],
    ["preset", "mine", "use model"]
  ]

  it.each(top)("#30 %s", (name, value, instead) => {
    const error = refusal({ model, input: "Hi", [name]: value })
    assert.strictEqual(error.field, name)
    // The useful half comes first.
    assert.isTrue(error.message.startsWith(`${name}: ${instead}`), error.message)
  })

  it("#30 what is said to be used is there", () => {
    const fields = new Set(Object.keys(CreateResponse.CreateResponse.fields))
    for (const [name, value] of top) {
      const { message } = refusal({ model, input: "Hi", [name]: value })
      const [, field] = /: use ([a-z]\w*)/.exec(message) ?? []
      if (field !== undefined) assert.isTrue(fields.has(field), message)
    }
  })

  const inside: ReadonlyArray<readonly [name: string, request: unknown, field: string, instead: string]> = [
    ["a part text", user({ type: "text", text: "Hi" }), "input[0].content[0].type", "use Input.text"],
    ["a part without type", user({ text: "Hi" }), "input[0].content[0]", "use Input.text"],
    ["a text as a part", user("Hi"), "input[0].content[0]", "is no part: use Input.text"],
    [
      "a part image_url",
      user({ type: "image_url", image_url: { url: "https://a.b/c.png" } }),
      "input[0].content[0].type",
      "use Input.image"
    ],
    [
      "a part image",
      user({ type: "image", source: { type: "base64", media_type: "image/png", data: "iVBORw0KGgo=" } }),
      "input[0].content[0].type",
      "use Input.image"
    ],
    [
      "an image's URL in an object",
      user({ type: "input_image", detail: "auto", imageUrl: { url: "https://a.b/c.png" } }),
      "input[0].content[0].imageUrl",
      "is the URL itself"
    ],
    [
      "a part in the API's spelling",
      user({ type: "input_image", detail: "auto", image_url: "https://a.b/c.png" }),
      "input[0].content[0].image_url",
      "use imageUrl"
    ],
    ["a part file", user({ type: "file", file: { file_data: "…" } }), "input[0].content[0].type", "use Input.file"],
    ["a part document", user({ type: "document", source: {} }), "input[0].content[0].type", "use Input.file"],
    [
      "a part video_url",
      user({ type: "video_url", video_url: { url: "https://a.b" } }),
      "input[0].content[0].type",
      "use Input.video"
    ],
    [
      "a part tool_result",
      user({ type: "tool_result", tool_use_id: "c", content: "7" }),
      "input[0].content[0].type",
      "use Input.functionCallOutput"
    ],
    [
      "a mark of the cache",
      user({ type: "input_text", text: "Hi", cache_control: { type: "ephemeral" } }),
      "input[0].content[0].cache_control",
      "use promptCacheBreakpoint"
    ],
    ["the role tool", { model, input: [{ role: "tool", content: "7" }] }, "input[0].role", "tool is no role here"],
    [
      "the role tool, with its id",
      { model, input: [{ role: "tool", tool_call_id: "c", content: "7" }] },
      "input[0].tool_call_id",
      "use Input.functionCallOutput"
    ],
    ["the role model", { model, input: [{ role: "model", content: "Hi" }] }, "input[0].role", "must be assistant"],
    [
      "tool_calls",
      { model, input: [{ role: "assistant", content: "", tool_calls: [{ id: "c" }] }] },
      "input[0].tool_calls",
      "write the call as an item of the input"
    ],
    ["parts", { model, input: [{ role: "user", parts: [{ text: "Hi" }] }] }, "input[0].parts", "use content"],
    ["a name", { model, input: [{ role: "user", name: "bob", content: "Hi" }] }, "input[0].name", "is not available"],
    ["a text as an item", { model, input: ["Hi"] }, "input[0]", "is no item: use Input.user"],
    ["a part as an item", { model, input: [{ type: "input_text", text: "Hi" }] }, "input[0]", "is a part of a message"],
    ["an item alone", { model, input: { role: "user", content: "Hi" } }, "input", "must be a text or a list"],
    [
      "arguments as an object",
      { model, input: [{ type: "function_call", callId: "c", name: "f", arguments: { a: 1 } }] },
      "input[0].arguments",
      "must be JSON text"
    ],
    [
      "a result as an object",
      { model, input: [{ type: "function_call_output", callId: "c", output: { a: 1 } }] },
      "input[0].output",
      "must be a text"
    ],
    [
      "a call in the API's spelling",
      { model, input: [{ type: "function_call_output", call_id: "c", output: "7" }] },
      "input[0].call_id",
      "use callId"
    ],
    [
      "a tool with a function inside",
      tool({ type: "function", function: { name: "f", parameters: {} } }),
      "tools[0].function",
      "write its name, description and parameters beside type"
    ],
    ["a tool with input_schema", tool({ name: "f", input_schema: {} }), "tools[0].input_schema", "use parameters"],
    ["a tool with inputSchema", tool({ name: "f", inputSchema: {} }), "tools[0].inputSchema", "use parameters"],
    ["a tool without type", tool({ name: "f", parameters: {} }), "tools[0]", "needs a type: use Tool.make"],
    [
      "functionDeclarations",
      tool({ functionDeclarations: [{ name: "f" }] }),
      "tools[0].functionDeclarations",
      "make each of them by Tool.make"
    ],
    ["tools by name", { model, input: "Hi", tools: { f: {} } }, "tools", "must be a list"],
    ["a tool of Anthropic", tool({ type: "web_search_20250305" }), "tools[0].type", "use Tool.webSearch()"],
    [
      "a choice with a function inside",
      { ...tool(Tool.make({ name: "f" })), toolChoice: { type: "function", function: { name: "f" } } },
      "toolChoice.function",
      "use Tool.choose(name)"
    ],
    ["the choice any", { ...tool(Tool.make({ name: "f" })), toolChoice: "any" }, "toolChoice", "use \"required\""],
    [
      "a format with json_schema inside",
      { model, input: "Hi", text: { format: { type: "json_schema", json_schema: { name: "a", schema: {} } } } },
      "text.format.json_schema",
      "write its name and schema beside type"
    ],
    ["reasoning as text", { model, input: "Hi", reasoning: "high" }, "reasoning", "is an object, such as"],
    ["a budget", { model, input: "Hi", reasoning: { budget_tokens: 1 } }, "reasoning.budget_tokens", "use maxTokens"],
    ["a prompt as text", { model, prompt: "Hi" }, "prompt", "use input"],
    ["models as model", { model: ["a/b", "c/d"], input: "Hi" }, "model", "is one model; use models"],
    ["a provider as text", { model, input: "Hi", provider: "openai" }, "provider", "is an object, such as"],
    ["a plugin as text", { model, input: "Hi", plugins: ["web"] }, "plugins[0]", "is an object, such as"]
  ]

  it.each(inside)("#30 inside: %s", (_, request, field, instead) => {
    const error = refusal(request)
    assert.strictEqual(error.field, field)
    assert.isTrue(error.message.startsWith(`${field}: ${instead}`), error.message)
  })

  it("#30 another spelling is offered where it is a field, and only there", () => {
    const said = (request: object) => refusal({ model, input: "Hi", ...request }).message
    assert.include(said({ top_p: 1 }), "use topP")
    assert.include(said({ provider: { max_price: { prompt: 1 } } }), "use maxPrice")
    assert.notInclude(said({ provider: { max_cost: 1 } }), "use")
    assert.notInclude(said({ reasoning: { max_words: 1 } }), "use")
    assert.notInclude(said({ of_tomorrow: 1 }), "use")
  })

  it("#30 in JSON the right field is called as in JSON", () => {
    for (const [name, field] of [["max_tokens", "max_output_tokens"], ["reasoning_effort", "reasoning.effort"]]) {
      const read = CreateResponse.fromWire({ model, input: "Hi", [name ?? ""]: 5 })
      assert.include(Result.isFailure(read) ? read.failure.message : "", `${name}: use ${field}`)
    }
  })

  it("#30 nothing is said about what is right beside what is wrong", () => {
    const { field } = refusal({
      model,
      input: [
        { role: "user", content: [Input.text("a"), Input.image("https://a.b/c.png")] },
        { type: "function_call", callId: "c", name: "f", arguments: "{}" },
        { type: "function_call_output", callId: "c", output: [Input.text("7")] },
        { type: "custom_tool_call", callId: "d", name: "g", input: "x" }
      ],
      tools: [Tool.make({ name: "f" }), Tool.webSearch(), { type: "custom", name: "g" }],
      toolChoice: "auto",
      prompt: { id: "p" },
      text: { format: { type: "text" } },
      reasoning: { effort: "low" },
      temperature: "hot"
    })
    assert.strictEqual(field, "temperature")
  })
})

describe("what every server refuses", () => {
  it("#31 neither input nor prompt", () => {
    assert.strictEqual(refusal({ model }).field, "input")
    assert.strictEqual(refusal({ model, input: [] }).field, "input")
    assert.deepStrictEqual(bodyOf({ prompt: { id: "p" } }), { prompt: { id: "p" } })
    assert.isFalse(Schema.is(CreateResponse.CreateResponse)({ model }))
    assert.isTrue(Schema.is(CreateResponse.CreateResponse)({ model, input: "Hi" }))
  })

  it.effect("#31 the compiler asks for an input in each call, and defaults count when it is checked", () =>
    Effect.gen(function*() {
      const schema = Schema.Struct({ n: Schema.Int })
      const calls = [
        // @ts-expect-error -- neither input nor prompt
        OpenRouter.respond({ model }),
        // @ts-expect-error -- neither input nor prompt
        OpenRouter.outcome({ model }),
        // @ts-expect-error -- neither input nor prompt
        Stream.runDrain(OpenRouter.stream({ model })),
        // @ts-expect-error -- neither input nor prompt
        Stream.runDrain(OpenRouter.streamText({ model })),
        // @ts-expect-error -- neither input nor prompt
        OpenRouter.streamOutcome({ model }, () => Effect.void),
        // @ts-expect-error -- neither input nor prompt
        OpenRouter.respondObject({ model, schema }),
        // @ts-expect-error -- neither input nor prompt
        Stream.runDrain(OpenRouter.streamObject({ model, schema }))
      ]
      for (const call of calls) {
        const error = yield* Effect.flip<unknown, unknown, OpenRouter.OpenRouter>(call)
        assert.include(error, { _tag: "InvalidRequest", field: "input" })
      }
      assert.deepStrictEqual(yield* sent, [])
      yield* OpenRouter.respond({ prompt: { id: "p" } })
      yield* OpenRouter.OpenRouter.use((client) => client.outcome({ model })).pipe(
        OpenRouter.withDefaults({ input: "Hi" })
      )
      assert.strictEqual((yield* sent).length, 2)
    }).pipe(Effect.provide(final(scripted([ok()])))))

  it("#31 a choice that is none", () => {
    const tools = [Tool.make({ name: "weather" })]
    const said = (toolChoice: unknown, more: object = { tools }) => {
      const { field, message } = refusal({ model, input: "Hi", toolChoice, ...more })
      assert.strictEqual(field, "toolChoice")
      return message
    }
    assert.include(said("weather"), `use Tool.choose("weather")`)
    assert.include(said("of tomorrow"), "use Tool.choose(name)")
    assert.include(said(Tool.choose("wether")), "needs a function of this name in tools")
    assert.include(said("required", {}), "needs a tool in tools")
    assert.include(said(Tool.choose("weather"), {}), "needs a function of this name in tools")
    for (const toolChoice of ["auto", "none", "required", Tool.choose("weather")] as const) {
      assert.isDefined(bodyOf({ input: "Hi", tools, toolChoice }))
    }
    assert.isDefined(
      bodyOf({ input: [{ type: "additional_tools", role: "developer", tools }], toolChoice: "required" })
    )
    const newer = bodyOf({ input: "Hi", toolChoice: { type: "unknown", wireType: "", raw: "validated" } })
    assert.propertyVal(newer, "tool_choice", "validated")
  })

  it("#31 names of tools", () => {
    for (const name of ["get weather", "wetter/heute", "wétter", "", "x".repeat(129)]) {
      assert.strictEqual(refusal(tool(Tool.make({ name }))).field, "tools[0].name")
      assert.strictEqual(refusal(tool({ type: "custom", name })).field, "tools[0].name")
      assert.strictEqual(
        refusal(tool({ type: "namespace", name: "town", description: "", tools: [{ type: "function", name }] })).field,
        "tools[0].tools[0].name"
      )
    }
    for (const name of ["get_weather", "mcp__a-b", "town.weather", "x".repeat(128)]) {
      bodyOf({
        input: "Hi",
        tools: [Tool.make({ name })]
      })
    }
  })

  it("#31 two tools of one name, anywhere", () => {
    const one = Tool.make({ name: "one" })
    const inner = { type: "function", name: "a" }
    const twice = [one, Tool.webSearch(), { type: "custom", name: "one" }] as const
    assert.strictEqual(refusal({ model, input: "Hi", tools: twice }).field, "tools[2].name")
    assert.strictEqual(
      refusal(tool({ type: "namespace", name: "town", description: "", tools: [{ type: "custom", name: "a" }, inner] }))
        .field,
      "tools[0].tools[1].name"
    )
    assert.strictEqual(
      refusal({ model, input: [{ type: "additional_tools", role: "developer", tools: [one, one] }] }).field,
      "input[0].tools[1].name"
    )
    const advisor = { type: "openrouter:advisor", parameters: { name: "a" } } as const
    assert.strictEqual(bodyOf({ input: "Hi", tools: [one, advisor, advisor, Tool.webSearch()] }).tools?.length, 4)
  })

  it("#31 a schema of arguments has the type and the properties that it lacks", () => {
    const sentOf = (parameters: { readonly [key: string]: unknown } | null) => {
      const inside = { type: "function", name: "f", parameters: parameters ?? {} } as const
      const namespace = { type: "namespace", name: "n", description: "", tools: [inside] } as const
      const [first, second] = bodyOf({ input: "Hi", tools: [Tool.make({ name: "f", parameters }), namespace] }).tools ??
        []
      if (parameters !== null) assert.nestedPropertyVal(second, "tools[0].name", "f")
      const of = (tool: unknown) => JSON.stringify(Object(tool).parameters)
      if (parameters !== null) assert.strictEqual(of(Object(second).tools[0]), of(first))
      return JSON.parse(of(first))
    }
    const properties = { city: { type: "string" } }
    assert.deepStrictEqual(sentOf({ type: "object" }), { type: "object", properties: {} })
    assert.deepStrictEqual(sentOf({}), { type: "object", properties: {} })
    assert.deepStrictEqual(sentOf({ properties }), { type: "object", properties })
    assert.deepStrictEqual(sentOf({ type: "object", properties }), { type: "object", properties })
    assert.deepStrictEqual(sentOf({ $ref: "#/$defs/a" }), { $ref: "#/$defs/a" })
    assert.isNull(sentOf(null))
    assert.strictEqual(
      refusal(tool(Tool.make({ name: "f", parameters: { type: "string" } }))).field,
      "tools[0].parameters"
    )
    const body = CreateResponse.toBody(
      // @ts-expect-error -- Tool.make takes a schema of Effect; the field itself holds JSON Schema
      { input: "Hi", tools: [{ type: "function", name: "f", parameters: Schema.Struct({ a: Schema.String }) }] },
      { stream: false }
    )
    assert.include(Result.isFailure(body) ? body.failure.message : "", "must be JSON Schema")
  })

  const content = "input[0].content[0]"

  it.each<readonly [name: string, part: Input.InputPart, field: string, instead: string]>([
    ["base64 for a file's URL", Input.file("JVBERi0xLjQKJeLjz9M="), "fileUrl", "Input.fileBytes"],
    ["base64 of any kind", Input.file("QUJD".repeat(20)), "fileUrl", "Input.fileBytes"],
    ["a path for a file", Input.file("./a.pdf"), "fileUrl", "Input.fileBytes"],
    ["a path for an image", Input.image("./a.png"), "imageUrl", "Input.imageBytes"],
    ["a whole path", Input.image("/home/bob/a.png"), "imageUrl", "Input.imageBytes"],
    ["a path of Windows", Input.image("C:\\a.png"), "imageUrl", "Input.imageBytes"],
    ["a file's own URL", Input.image("file:///a.png"), "imageUrl", "Input.imageBytes"],
    ["a blob", Input.image("blob:https://a.b/1"), "imageUrl", "Input.imageBytes"],
    ["base64 for an image", Input.image("iVBORw0KGgo="), "imageUrl", "Input.imageBytes"],
    ["a data URL without base64", Input.image("data:image/png,abc"), "imageUrl", "data:<media type>;base64,<data>"],
    ["nothing", Input.image(""), "imageUrl", "Input.imageBytes"],
    ["base64 as a file's data", { type: "input_file", fileData: "JVBERi0xLjQK" }, "fileData", "Input.fileBytes"],
    ["a path for a video", Input.video("a.mp4"), "videoUrl", "Input.videoBytes"],
    ["a data URL for a sound", Input.audio("data:audio/wav;base64,UklG", "wav"), "inputAudio.data", "Input.audioBytes"],
    ["a path for a sound", Input.audio("./a.wav", "wav"), "inputAudio.data", "Input.audioBytes"]
  ])("#31 %s", (_, part, field, instead) => {
    const error = refusal({ model, input: [{ role: "user", content: [part] }] })
    assert.strictEqual(error.field, `${content}.${field}`)
    assert.include(error.message, instead)
    assert.notInclude(error.message, "JVBERi")
  })

  it("#31 an image and a file from nowhere, and those in results and prompts", () => {
    assert.strictEqual(refusal(user({ type: "input_image", detail: "auto" })).field, content)
    assert.strictEqual(refusal(user({ type: "input_file" })).field, content)
    const output = Input.functionCallOutput({ callId: "c" }, [Input.image("a.png")])
    assert.strictEqual(refusal({ model, input: [output] }).field, "input[0].output[0].imageUrl")
    assert.strictEqual(
      refusal({ prompt: { id: "p", variables: { picture: Input.image("a.png") } } }).field,
      "prompt.variables.picture.imageUrl"
    )
    const images = ["https://a.b/c", "HTTP://a.b/c", "data:image/png;base64,iVBORw0KGgo=", "gs://bucket/a.png"]
    assert.isDefined(bodyOf({ input: [Input.user(images.map((url) => Input.image(url)))] }))
  })

  it("#31 bytes become data URLs", () => {
    const bytes = new TextEncoder().encode("Hello")
    assert.deepStrictEqual(Input.imageBytes(bytes, "image/png", { detail: "low" }), {
      type: "input_image",
      detail: "low",
      imageUrl: "data:image/png;base64,SGVsbG8="
    })
    assert.deepStrictEqual(Input.fileBytes(bytes, "application/pdf", { filename: "a.pdf" }), {
      type: "input_file",
      fileData: "data:application/pdf;base64,SGVsbG8=",
      filename: "a.pdf"
    })
    assert.deepStrictEqual(Input.audioBytes(bytes, "mp3"), Input.audio("SGVsbG8=", "mp3"))
    assert.deepStrictEqual(Input.videoBytes(bytes, "video/mp4"), Input.video("data:video/mp4;base64,SGVsbG8="))
    const all = [
      Input.imageBytes(bytes, "image/png"),
      Input.fileBytes(bytes, "text/plain"),
      Input.audioBytes(bytes, "wav"),
      Input.videoBytes(bytes, "video/mp4")
    ]
    assert.isDefined(bodyOf({ input: [Input.user(all)] }))
  })
})

describe("a request that throws where it is read", () => {
  const throwing = <A extends object>(fields: A, name: string): A =>
    Object.defineProperty({ ...fields }, name, {
      enumerable: true,
      get: (): never => {
        throw new Error("of the caller")
      }
    })

  const request: CreateResponse.Sendable = throwing({ model, input: "Hi" }, "instructions")
  const schema = Schema.Struct({ n: Schema.Int })

  const calls: ReadonlyArray<
    readonly [name: string, call: () => Effect.Effect<unknown, unknown, OpenRouter.OpenRouter>]
  > = [
    ["respond", () => OpenRouter.respond(request)],
    ["outcome", () => OpenRouter.outcome(request)],
    ["outcome of the service", () => OpenRouter.OpenRouter.use((client) => client.outcome(request))],
    ["stream", () => Stream.runDrain(OpenRouter.stream(request))],
    ["streamText", () => Stream.runDrain(OpenRouter.streamText(request))],
    ["streamOutcome", () => OpenRouter.streamOutcome(request, () => Effect.void)],
    ["respondObject", () => OpenRouter.respondObject(throwing({ input: "Hi", schema }, "instructions"))],
    ["streamObject", () => Stream.runDrain(OpenRouter.streamObject(throwing({ input: "Hi", schema }, "model")))],
    ["with defaults", () => OpenRouter.respond(request).pipe(OpenRouter.withDefaults({ topK: 1 }))],
    [
      "a stream with defaults",
      () => Stream.runDrain(OpenRouter.stream(request)).pipe(OpenRouter.withDefaults({ topK: 1 }))
    ],
    ["deep inside", () => OpenRouter.respond({ input: [throwing(Input.user("Hi"), "content")] })],
    [
      "in JSON",
      () => OpenRouter.respond({ input: "Hi", tools: [Tool.make({ name: "f", parameters: throwing({}, "a") })] })
    ],
    ["a proxy", () => OpenRouter.respond(revoked({ input: "Hi" }))],
    ["embeddings", () => OpenRouter.embeddings(throwing({ model: "a/b", input: "Hi" }, "input"))],
    ["models", () => OpenRouter.models(throwing({}, "sort"))],
    ["an id that is no text", () => OpenRouter.modelEndpoints("\ud800/a")],
    ["a generation that is no text", () => OpenRouter.generation("\ud800")]
  ]

  const revoked = <A extends object>(value: A): A => {
    const { proxy, revoke } = Proxy.revocable(value, {})
    revoke()
    return proxy
  }

  it.effect.each(calls)("#32 %s: it is the failure of an effect", ([_, call]) =>
    Effect.gen(function*() {
      const effect = call()
      const exit = yield* Effect.exit(Effect.flip(effect))
      if (Exit.isFailure(exit)) return assert.fail(String(exit.cause))
      assert.include(exit.value, { _tag: "InvalidRequest", origin: "local" })
      assert.notInclude(String(exit.value), "of the caller")
      assert.deepStrictEqual(yield* sent, [])
    }).pipe(Effect.provide(final(scripted([ok()])))))

  it("#32 the error names what throws", () => {
    const fieldOf = (request: CreateResponse.CreateResponse) => {
      const body = CreateResponse.toBody(request, { stream: false })
      return Result.isFailure(body) ? body.failure.field : undefined
    }
    assert.strictEqual(fieldOf(request), "instructions")
    assert.strictEqual(fieldOf({ input: [throwing(Input.user("Hi"), "content")] }), "input[0].content")
  })
})

describe("the schema of an object", () => {
  const asked = (field: Schema.Codec<unknown, unknown>) =>
    Effect.gen(function*() {
      yield* Effect.ignore(OpenRouter.respondObject({ model, input: "Hi", schema: Schema.Struct({ field }) }))
      const [request] = yield* OpenRouterTest.calls
      const format = request?.text?.format
      return format?.type === "json_schema" ? Object(format.schema).properties.field : assert.fail("was not asked")
    }).pipe(Effect.provide(OpenRouterTest.layer("Hi")))

  it.effect("#33 a number is asked for as one, wherever it is", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* asked(Schema.Number), { type: "number" })
      assert.deepStrictEqual(yield* asked(Schema.NullOr(Schema.Number)), {
        anyOf: [{ type: "number" }, { type: "null" }]
      })
      for (const schema of [Schema.Array(Schema.Number), Schema.Record(Schema.String, Schema.Number)]) {
        assert.notInclude(JSON.stringify(yield* asked(schema)), "NaN")
      }
      class Deep extends Schema.Class<Deep>("Deep")({ n: Schema.Number }) {}
      assert.notInclude(JSON.stringify(yield* asked(Schema.Array(Deep))), "NaN")
    }))

  it.effect("#33 a number is read as one", () =>
    Effect.gen(function*() {
      const schema = Schema.Struct({ n: Schema.Number, m: Schema.optionalKey(Schema.Number) })
      const { value } = yield* OpenRouter.respondObject({ model, input: "Hi", schema })
      assert.deepStrictEqual(value, { n: 1.5 })
    }).pipe(Effect.provide(OpenRouterTest.layer(`{"n":1.5,"m":null}`))))

  const free: ReadonlyArray<readonly [name: string, schema: Schema.Codec<unknown, unknown>, path: string]> = [
    ["Unknown", Schema.Unknown, "field"],
    ["Any", Schema.Any, "field"],
    ["Json", Schema.Json, "field"],
    ["a list", Schema.Array(Schema.Unknown), "field[]"],
    ["a struct", Schema.Struct({ inner: Schema.Unknown }), "field.inner"],
    ["an option", Schema.NullOr(Schema.Unknown), "field"]
  ]

  it.effect.each(free)("#33 what may be anything is refused: %s", ([_, field, path]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        OpenRouter.respondObject({ model, input: "Hi", schema: Schema.Struct({ field }) })
      )
      assert.include(error, { _tag: "InvalidRequest", field: "schema" })
      assert.include(error.message, `must say what ${path} is`)
      assert.include(error.message, "Schema.fromJsonString(Schema.Unknown)")
      assert.deepStrictEqual(yield* OpenRouterTest.calls, [])
    }).pipe(Effect.provide(OpenRouterTest.layer("Hi"))))

  it.effect("#33 JSON text takes its place", () =>
    Effect.gen(function*() {
      const schema = Schema.Struct({ field: Schema.fromJsonString(Schema.Unknown) })
      const { value } = yield* OpenRouter.respondObject({ model, input: "Hi", schema })
      assert.deepStrictEqual(value, { field: [1] })
    }).pipe(Effect.provide(OpenRouterTest.layer(`{"field":"[1]"}`))))
})
