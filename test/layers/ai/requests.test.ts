import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import { OpenRouter, Tool as RequestTool } from "effect-openrouter"
import { OpenRouterLanguageModel, OpenRouterServerTool } from "effect-openrouter/ai"
import { LanguageModel, Prompt, Tool, Toolkit } from "effect/ai"
import { Base64 } from "effect/encoding"
import {
  ask,
  bodies,
  body,
  collect,
  functionCall,
  handlers,
  input,
  message,
  provider,
  reply,
  toolkit
} from "./support.ts"

const hello = provider([reply([message("Hello.")])])

/** What a prompt becomes. */
const sent = (prompt: Prompt.RawInput) => Effect.andThen(LanguageModel.generateText({ prompt }), input)

const user = (part: Prompt.UserMessagePartEncoded): Prompt.RawInput => [{ role: "user", content: [part] }]

const bytes = new Uint8Array([1, 2, 3])

const base64 = Base64.encode(bytes)

const files: ReadonlyArray<
  readonly [string, Omit<Prompt.FilePartEncoded, "type">, { readonly [name: string]: unknown }]
> = [
  ["an image by URL", { mediaType: "image/png", data: new URL("https://x.org/a.png") }, {
    type: "input_image",
    detail: "auto",
    image_url: "https://x.org/a.png"
  }],
  ["an image by the text of a URL", { mediaType: "image/png", data: "https://x.org/a.png" }, {
    type: "input_image",
    detail: "auto",
    image_url: "https://x.org/a.png"
  }],
  ["an image of bytes, looked at closely", {
    mediaType: "image/png",
    data: bytes,
    options: { openrouter: { detail: "high" } }
  }, { type: "input_image", detail: "high", image_url: `data:image/png;base64,${base64}` }],
  ["an image of base64", { mediaType: "image/png", data: base64 }, {
    type: "input_image",
    detail: "auto",
    image_url: `data:image/png;base64,${base64}`
  }],
  ["an image of a data URL", { mediaType: "image/png", data: `data:image/png;base64,${base64}` }, {
    type: "input_image",
    detail: "auto",
    image_url: `data:image/png;base64,${base64}`
  }],
  ["an image of any kind", { mediaType: "image/*", data: bytes }, {
    type: "input_image",
    detail: "auto",
    image_url: `data:image/jpeg;base64,${base64}`
  }],
  ["a PDF with a name", { mediaType: "application/pdf", data: bytes, fileName: "plan.pdf" }, {
    type: "input_file",
    filename: "plan.pdf",
    file_data: `data:application/pdf;base64,${base64}`
  }],
  ["a PDF without one, by URL", { mediaType: "application/pdf", data: "https://x.org/a.pdf" }, {
    type: "input_file",
    filename: "file.pdf",
    file_url: "https://x.org/a.pdf"
  }],
  ["a sound", { mediaType: "audio/mpeg", data: bytes }, {
    type: "input_audio",
    input_audio: { data: base64, format: "mp3" }
  }],
  ["a film", { mediaType: "video/mp4", data: "https://x.org/a.mp4" }, {
    type: "input_video",
    video_url: "https://x.org/a.mp4"
  }]
]

describe("a prompt", () => {
  it.effect("has messages of all roles", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(
        yield* sent([
          { role: "system", content: "Be short." },
          { role: "user", content: "Hi" },
          { role: "assistant", content: "Hello." },
          { role: "system", content: "Be shorter." },
          { role: "user", content: [{ type: "text", text: "And?" }, { type: "text", text: "So?" }] }
        ]),
        [
          { role: "system", content: "Be short." },
          { role: "user", content: [{ type: "input_text", text: "Hi" }] },
          { role: "assistant", content: "Hello." },
          { role: "system", content: "Be shorter." },
          { role: "user", content: [{ type: "input_text", text: "And?" }, { type: "input_text", text: "So?" }] }
        ]
      )
    }).pipe(Effect.provide(hello)))

  it.effect.each(files)("has %s", ([_, part, expected]) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* sent(user({ type: "file", ...part })), [{ role: "user", content: [expected] }])
    }).pipe(Effect.provide(hello)))

  it.effect("marks what the provider shall cache: a text, a message, the instructions", () =>
    Effect.gen(function*() {
      const options = { openrouter: { cacheControl: { type: "ephemeral" } } } as const
      const mark = { prompt_cache_breakpoint: { mode: "explicit" } }
      const text = (text: string) => ({ type: "input_text", text })
      assert.deepStrictEqual(
        yield* sent([
          { role: "system", content: "Be short.", options },
          { role: "user", content: [{ type: "text", text: "long", options }, { type: "text", text: "short" }] },
          {
            role: "user",
            options,
            content: [{ type: "text", text: "a" }, { type: "text", text: "b" }, {
              type: "file",
              mediaType: "image/png",
              data: "https://x.org/a.png"
            }]
          }
        ]),
        [
          { role: "system", content: [{ ...text("Be short."), ...mark }] },
          { role: "user", content: [{ ...text("long"), ...mark }, text("short")] },
          {
            role: "user",
            content: [text("a"), { ...text("b"), ...mark }, {
              type: "input_image",
              detail: "auto",
              image_url: "https://x.org/a.png"
            }]
          }
        ]
      )
    }).pipe(Effect.provide(hello)))

  it.effect("has calls and their results, failures in words", () =>
    Effect.gen(function*() {
      const call = { type: "tool-call", providerExecuted: false } as const
      const result = { type: "tool-result", providerExecuted: false, isFailure: false } as const
      assert.deepStrictEqual(
        yield* sent([
          { role: "user", content: "Hi" },
          {
            role: "assistant",
            content: [
              { type: "reasoning", text: "of another provider", options: { openai: { encryptedContent: "x" } } },
              { ...call, id: "a", name: "weather", params: { city: "Bern" } },
              { ...call, id: "b", name: "weather", params: "{\"city\":" }
            ]
          },
          {
            role: "tool",
            content: [
              { ...result, id: "a", name: "weather", result: { sky: "blue" } },
              { ...result, id: "b", name: "weather", isFailure: true, result: { _tag: "Broke" } },
              { ...result, id: "c", name: "weather", result: undefined },
              {
                ...result,
                id: "d",
                name: "weather",
                result: "x",
                modelOutput: [{ type: "text", text: "see" }, { type: "file", mediaType: "image/png", data: base64 }]
              }
            ]
          }
        ]),
        [
          { role: "user", content: [{ type: "input_text", text: "Hi" }] },
          { type: "function_call", call_id: "a", name: "weather", arguments: `{"city":"Bern"}` },
          { type: "function_call", call_id: "b", name: "weather", arguments: `{"city":` },
          { type: "function_call_output", call_id: "a", output: `{"sky":"blue"}` },
          { type: "function_call_output", call_id: "b", output: `Error: {"_tag":"Broke"}` },
          { type: "function_call_output", call_id: "c", output: "null" },
          {
            type: "function_call_output",
            call_id: "d",
            output: [{ type: "input_text", text: "see" }, {
              type: "input_image",
              detail: "auto",
              image_url: `data:image/png;base64,${base64}`
            }]
          }
        ]
      )
    }).pipe(Effect.provide(hello)))

  it.effect("sends a call of an answer back byte for byte, with the result", () => {
    const call = { ...functionCall("weather", `{ "city": "Bern" }`), thought_signature: "sealed" }
    return Effect.gen(function*() {
      const { content } = yield* LanguageModel.generateText({ prompt: "Hi", toolkit })
      assert.deepStrictEqual(yield* sent(Prompt.concat(Prompt.make("Hi"), Prompt.fromResponseParts(content))), [
        { role: "user", content: [{ type: "input_text", text: "Hi" }] },
        call,
        { type: "function_call_output", call_id: "call_weather", output: "sunny in Bern" }
      ])
    }).pipe(Effect.provide([handlers(), provider([reply([call]), reply([message("Hello.")])])]))
  })
})

describe("tools", () => {
  const choosing = (toolChoice: LanguageModel.ToolChoice<"weather" | "pay" | "OpenRouterDatetime">) => {
    const Pay = Tool.make("pay", { parameters: Schema.Struct({ eur: Schema.Int }), success: Schema.String })
    const all = Toolkit.make(...Object.values(toolkit.tools), Pay, OpenRouterServerTool.datetime())
    return LanguageModel.generateText({ prompt: "Hi", toolkit: all, toolChoice }).pipe(
      Effect.provide(all.toLayer({ weather: () => Effect.succeed(""), pay: () => Effect.succeed("") })),
      Effect.andThen(body)
    )
  }

  it.effect.each(
    [
      ["auto", "auto"],
      ["none", "none"],
      ["required", "required"],
      [{ tool: "pay" }, { type: "function", name: "pay" }],
      [{ tool: "OpenRouterDatetime" }, {
        type: "allowed_tools",
        mode: "required",
        tools: [{ type: "openrouter:datetime" }]
      }],
      [{ oneOf: ["pay"] }, "auto"],
      [{ mode: "required", oneOf: ["pay"] }, "required"]
    ] as const
  )("are chosen: %j", ([choice, expected]) =>
    Effect.gen(function*() {
      const { tool_choice, tools } = yield* choosing(choice)
      assert.deepStrictEqual(tool_choice, expected)
      assert.strictEqual(
        Array.isArray(tools) ? tools.length : 0,
        typeof choice === "object" && "oneOf" in choice ? 1 : 3
      )
    }).pipe(Effect.provide(hello)))

  it.effect("that there are none are not spoken of", () =>
    Effect.gen(function*() {
      yield* ask
      assert.notProperty(yield* body, "tools")
      assert.notProperty(yield* body, "tool_choice")
    }).pipe(Effect.provide(hello)))

  it.effect("are described: strict ones, those of raw JSON Schema, and those of the server", () => {
    const Strict = Tool.make("strict", {
      description: "Strict",
      parameters: Schema.Struct({ a: Schema.optionalKey(Schema.String) }),
      success: Schema.String
    }).annotate(Tool.Strict, true)
    const Dynamic = Tool.dynamic("dynamic", { parameters: { type: "object", properties: { q: { type: "string" } } } })
    const Preview = Tool.providerDefined({
      id: "openai.web_search",
      customName: "Preview",
      providerName: "web_search",
      args: Schema.Struct({ maxResults: Schema.Int })
    })({ maxResults: 2 })
    const Newer = Tool.providerDefined({
      id: "openrouter.newer",
      customName: "Newer",
      providerName: "openrouter:newer",
      args: Schema.Struct({ some_thing: Schema.Int })
    })({ some_thing: 2 })
    const all = Toolkit.make(
      ...Object.values(toolkit.tools),
      Strict,
      Dynamic,
      Preview,
      Newer,
      OpenRouterServerTool.webFetch({ maxUses: 1 }),
      OpenRouterServerTool.bash()
    )
    return Effect.gen(function*() {
      yield* LanguageModel.generateText({ prompt: "Hi", toolkit: all })
      assert.deepStrictEqual((yield* body)["tools"], [
        {
          type: "function",
          name: "weather",
          description: "The weather in a city",
          parameters: {
            type: "object",
            properties: { city: { type: "string" }, day: { type: "string" } },
            required: ["city"],
            additionalProperties: false
          }
        },
        {
          type: "function",
          name: "strict",
          description: "Strict",
          strict: true,
          parameters: {
            type: "object",
            properties: { a: { anyOf: [{ type: "string" }, { type: "null" }] } },
            required: ["a"],
            additionalProperties: false
          }
        },
        { type: "function", name: "dynamic", parameters: { type: "object", properties: { q: { type: "string" } } } },
        { type: "web_search", max_results: 2 },
        { type: "openrouter:newer", parameters: { some_thing: 2 } },
        { type: "openrouter:web_fetch", parameters: { max_uses: 1 } },
        { type: "openrouter:bash", parameters: { engine: "openrouter" } }
      ])
    }).pipe(Effect.provide([
      all.toLayer({
        weather: () => Effect.succeed(""),
        strict: () => Effect.succeed(""),
        dynamic: () => Effect.succeed("")
      }),
      hello
    ]))
  })

  it.effect("that cannot be described fail before anything is sent", () => {
    const Odd = Tool.make("odd", {
      parameters: Schema.Union([Schema.Struct({ a: Schema.String }), Schema.Struct({ b: Schema.String })]),
      success: Schema.String
    })
    const odd = Toolkit.make(Odd.annotate(Tool.Strict, true))
    return Effect.gen(function*() {
      const { reason } = yield* Effect.flip(LanguageModel.generateText({ prompt: "Hi", toolkit: odd }))
      assert.strictEqual(reason._tag, "ToolConfigurationError")
      assert.deepStrictEqual(yield* bodies, [])
    }).pipe(Effect.provide([odd.toLayer({ odd: () => Effect.succeed("") }), hello]))
  })
})

describe("the configuration", () => {
  const configured = provider([reply([message("Hello.")])], { temperature: 0.2, maxOutputTokens: 50 })

  it.effect("is that of the model, overridden for a part of a program, over the defaults of the program", () =>
    Effect.gen(function*() {
      yield* ask.pipe(
        OpenRouterLanguageModel.withConfigOverride({ temperature: 1 }),
        OpenRouterLanguageModel.withConfigOverride({ temperature: 0.7, model: "openai/gpt-5-mini", user: "u1" }),
        OpenRouter.withDefaults({ maxOutputTokens: 9, sessionId: "s1" })
      )
      yield* ask
      const [first, second] = yield* bodies
      const { input: _, ...fields } = first ?? {}
      assert.deepStrictEqual(fields, {
        model: "openai/gpt-5-mini",
        temperature: 1,
        max_output_tokens: 50,
        user: "u1",
        session_id: "s1"
      })
      assert.strictEqual(second?.["model"], "openai/gpt-5")
      assert.strictEqual(second?.["temperature"], 0.2)
    }).pipe(Effect.provide(configured)))

  it.effect("holds for streams", () =>
    Effect.gen(function*() {
      yield* LanguageModel.streamText({ prompt: "Hi" }).pipe(
        OpenRouterLanguageModel.withConfigOverride({ reasoning: { effort: "high" } }),
        Stream.catch(() => Stream.empty),
        collect
      )
      assert.deepStrictEqual((yield* body)["reasoning"], { effort: "high" })
      assert.strictEqual((yield* body)["stream"], true)
    }).pipe(Effect.provide(configured)))

  it.effect("adds tools to those of the toolkit, and keeps the rest of the text settings", () =>
    Effect.gen(function*() {
      const config = {
        tools: [RequestTool.webSearch()],
        text: { verbosity: "low" },
        strict: false,
        provider: { order: ["azure"] }
      } as const
      yield* LanguageModel.generateText({ prompt: "Hi", toolkit }).pipe(
        OpenRouterLanguageModel.withConfigOverride(config)
      )
      const { text, tools } = yield* body
      assert.deepStrictEqual(text, { verbosity: "low" })
      assert.strictEqual(Array.isArray(tools) ? tools.length : 0, 2)
      yield* Effect.exit(
        LanguageModel.generateObject({ prompt: "Hi", schema: Schema.Struct({ a: Schema.optionalKey(Schema.String) }) })
          .pipe(
            OpenRouterLanguageModel.withConfigOverride(config)
          )
      )
      const last = yield* body
      assert.deepStrictEqual(last["text"], {
        verbosity: "low",
        format: {
          type: "json_schema",
          name: "generateObject",
          strict: false,
          schema: {
            type: "object",
            properties: { a: { type: "string" } },
            additionalProperties: false
          }
        }
      })
      assert.deepStrictEqual(last["provider"], { order: ["azure"], require_parameters: true })
    }).pipe(Effect.provide([handlers(), configured])))

  it.effect("that OpenRouter would refuse fails before anything is sent, and names the field", () =>
    Effect.gen(function*() {
      const { reason } = yield* Effect.flip(
        OpenRouterLanguageModel.withConfigOverride(ask, { metadata: { "[x]": "y" } })
      )
      assert.strictEqual(reason._tag, "InvalidRequestError")
      assert.deepStrictEqual(yield* bodies, [])
    }).pipe(Effect.provide(configured)))
})
