import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { CreateResponse, Input, type OpenRouterError, Tool } from "effect-openrouter"

const bodyOf = (request: CreateResponse.CreateResponse): unknown => {
  const body = CreateResponse.toBody(request, { stream: false })
  if (Result.isFailure(body)) return assert.fail(body.failure.message)
  const json: unknown = JSON.parse(body.success)
  return json
}

const refused = <A, E extends OpenRouterError.OpenRouterError>(result: Result.Result<A, E>): E =>
  Result.isFailure(result) ? result.failure : assert.fail("was accepted")

const fieldRefused = (request: CreateResponse.CreateResponse) => {
  const error = refused(CreateResponse.toBody({ input: "Hi", ...request }, { stream: false }))
  assert.strictEqual(error.origin, "local")
  return error.field
}

describe("a request", () => {
  it("is written in the API's names, whatever it has", () => {
    assert.deepStrictEqual(
      bodyOf({
        model: "openai/gpt-5",
        input: [
          Input.system("Be brief."),
          Input.user([
            { type: "input_text", text: "What is this?", promptCacheBreakpoint: { mode: "explicit" } },
            Input.image("https://example.com/cat.png", { detail: "low" }),
            Input.file("https://example.com/cat.pdf"),
            Input.file("data:text/plain;base64,eA==", { filename: "x.txt" }),
            Input.audio("UklGRg==", "wav"),
            Input.video("https://example.com/cat.mp4")
          ])
        ],
        tools: [
          Tool.make({ name: "now" }),
          Tool.make({ name: "add", parameters: { type: "object" }, strict: true, deferLoading: true }),
          Tool.webSearch({ maxResults: 3, userLocation: { city: "Riga" } }),
          Tool.webFetch(),
          { type: "openrouter:image_generation", parameters: { model: "openai/gpt-5-image", aspect_ratio: "1:1" } },
          { type: "mcp", serverLabel: "docs", serverUrl: "https://example.com", requireApproval: "never" },
          { type: "unknown", wireType: "x_search", raw: { type: "x_search", from_date: "2026-01-01" } }
        ],
        toolChoice: { type: "allowed_tools", mode: "required", tools: [{ type: "function", name: "add" }] },
        stopServerToolsWhen: [{ type: "step_count_is", stepCount: 3 }, { type: "max_cost", maxCostInDollars: 0.5 }],
        plugins: [
          { id: "auto-router", allowedModels: ["anthropic/*"], costTier: "low" },
          { id: "switchyard-router", algorithm: "stage" }
        ],
        reasoning: { effort: "high", maxTokens: 100 },
        text: {
          format: { type: "json_schema", name: "x", schema: { type: "object" }, strict: true },
          verbosity: "max"
        },
        include: ["reasoning.encrypted_content"],
        cacheControl: { type: "ephemeral", ttl: "1h" },
        promptCacheOptions: { mode: "explicit", ttl: "30m" },
        promptCacheKey: "town",
        sessionId: "tick-1",
        trace: { traceId: "t", generationName: "g", customer: { id: 7 } },
        imageConfig: { aspect_ratio: "16:9" },
        modalities: ["text", "image"],
        debug: { echoUpstreamBody: true },
        safetyIdentifier: "hash",
        user: "bob",
        prompt: { id: "p", variables: { name: "Bob", picture: Input.image("https://example.com/u") } },
        provider: { maxPrice: { prompt: 0.0000001, completion: "1.50" }, preferredMaxLatency: { p90: 3 } }
      }),
      {
        model: "openai/gpt-5",
        input: [
          { role: "system", content: "Be brief." },
          {
            role: "user",
            content: [
              { type: "input_text", text: "What is this?", prompt_cache_breakpoint: { mode: "explicit" } },
              { type: "input_image", detail: "low", image_url: "https://example.com/cat.png" },
              { type: "input_file", file_url: "https://example.com/cat.pdf" },
              { type: "input_file", file_data: "data:text/plain;base64,eA==", filename: "x.txt" },
              { type: "input_audio", input_audio: { data: "UklGRg==", format: "wav" } },
              { type: "input_video", video_url: "https://example.com/cat.mp4" }
            ]
          }
        ],
        tools: [
          { type: "function", name: "now", parameters: null },
          {
            type: "function",
            name: "add",
            parameters: { type: "object", properties: {} },
            strict: true,
            defer_loading: true
          },
          { type: "openrouter:web_search", parameters: { max_results: 3, user_location: { city: "Riga" } } },
          { type: "openrouter:web_fetch" },
          { type: "openrouter:image_generation", parameters: { model: "openai/gpt-5-image", aspect_ratio: "1:1" } },
          { type: "mcp", server_label: "docs", server_url: "https://example.com", require_approval: "never" },
          { type: "x_search", from_date: "2026-01-01" }
        ],
        tool_choice: { type: "allowed_tools", mode: "required", tools: [{ type: "function", name: "add" }] },
        stop_server_tools_when: [
          { type: "step_count_is", step_count: 3 },
          { type: "max_cost", max_cost_in_dollars: 0.5 }
        ],
        plugins: [
          { id: "auto-router", allowed_models: ["anthropic/*"], cost_tier: "low" },
          { id: "switchyard-router", algorithm: "stage" }
        ],
        reasoning: { effort: "high", max_tokens: 100 },
        text: {
          format: { type: "json_schema", name: "x", schema: { type: "object" }, strict: true },
          verbosity: "max"
        },
        include: ["reasoning.encrypted_content"],
        cache_control: { type: "ephemeral", ttl: "1h" },
        prompt_cache_options: { mode: "explicit", ttl: "30m" },
        prompt_cache_key: "town",
        session_id: "tick-1",
        trace: { trace_id: "t", generation_name: "g", customer: { id: 7 } },
        image_config: { aspect_ratio: "16:9" },
        modalities: ["text", "image"],
        debug: { echo_upstream_body: true },
        safety_identifier: "hash",
        user: "bob",
        prompt: {
          id: "p",
          variables: {
            name: "Bob",
            picture: { type: "input_image", detail: "auto", image_url: "https://example.com/u" }
          }
        },
        provider: { max_price: { prompt: "0.0000001", completion: "1.50" }, preferred_max_latency: { p90: 3 } }
      }
    )
  })

  it("offers what the API would reject not even to the compiler", () => {
    const requests: ReadonlyArray<CreateResponse.CreateResponse> = [
      // @ts-expect-error the API is stateless
      { model: "m", previousResponseId: "resp_1" },
      // @ts-expect-error the API stores nothing
      { model: "m", store: true },
      // @ts-expect-error a misspelt field
      { model: "m", maxOutputToken: 1 },
      // @ts-expect-error deprecated
      { model: "m", route: "fallback" },
      // @ts-expect-error a misspelt field of a tool
      { tools: [{ type: "openrouter:web_search", parameters: { maxResult: 1 } }] },
      // @ts-expect-error a misspelt type of a plugin
      { plugins: [{ id: "wep" }] },
      // @ts-expect-error an image without its detail
      { input: [{ role: "user", content: [{ type: "input_image", imageUrl: "u" }] }] }
    ]
    assert.deepStrictEqual(
      requests.map((request) =>
        Result.isFailure(CreateResponse.toBody({ input: "Hi", ...request }, { stream: false }))
      ),
      [
        true,
        true,
        true,
        true,
        true,
        true,
        true
      ]
    )
  })

  it.each<readonly [field: string, request: CreateResponse.CreateResponse]>([
    ["metadata", { metadata: { ["k".repeat(65)]: "v" } }],
    ["metadata", { metadata: { k: "v".repeat(513) } }],
    ["metadata", { metadata: { "k[0]": "v" } }],
    ["metadata", { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`k${n}`, "v"])) }],
    ["user", { user: "u".repeat(257) }],
    ["sessionId", { sessionId: "s".repeat(257) }],
    ["model", { model: " " }],
    ["maxOutputTokens", { maxOutputTokens: 1.5 }],
    ["temperature", { temperature: Number.NaN }],
    ["stopServerToolsWhen", { stopServerToolsWhen: [] }],
    ["stopServerToolsWhen[0].toolName", { stopServerToolsWhen: [{ type: "has_tool_call", toolName: "" }] }],
    ["provider.maxPrice.prompt", { provider: { maxPrice: { prompt: "cheap" } } }],
    ["provider.maxPrice.image", { provider: { maxPrice: { image: -1 } } }],
    ["plugins[0].costQualityTradeoff", { plugins: [{ id: "auto-router", costQualityTradeoff: 11 }] }],
    ["plugins[1].tools", {
      plugins: [{ id: "web" }, {
        id: "fusion",
        tools: Array.from({ length: 9 }, () => ({ type: "openrouter:web_search" }))
      }]
    }],
    ["tools[0].parameters.maxToolCalls", {
      tools: [{ type: "openrouter:subagent", parameters: { maxToolCalls: 26 } }]
    }],
    ["tools[0].parameters.name", { tools: [{ type: "openrouter:advisor", parameters: { name: "söö" } }] }],
    ["tools[0].name", { tools: [Tool.make({ name: "" })] }],
    ["input[0].summary", { input: [{ type: "reasoning", id: "r" }] }],
    ["input[0].status", { input: [{ type: "openrouter:bash", command: "ls" }] }],
    ["input[0]", { input: [{ role: "assistant", content: [{ type: "output_text", text: "hi" }] }] }],
    ["input[0]", {
      input: [{
        type: "message",
        id: "m",
        role: "user",
        content: [{ type: "output_text", text: "hi" }, Input.text("x")]
      }]
    }]
  ])("names %s when it is beyond a limit", (field, request) => {
    assert.strictEqual(fieldRefused(request), field)
  })

  it("takes the limits themselves", () => {
    bodyOf({
      input: "Hi",
      user: "u".repeat(256),
      sessionId: "s".repeat(256),
      metadata: Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`${n}`.padStart(64, "k"), "v".repeat(512)]))
    })
  })

  it("takes an assistant's message with output parts if it is whole", () => {
    const message = {
      type: "message",
      id: "m",
      role: "assistant",
      content: [{ type: "output_text", text: "hi" }]
    } as const
    assert.deepStrictEqual(bodyOf({ input: [message] }), { input: [message] })
  })

  it("accepts values that are newer than this version", () => {
    assert.deepStrictEqual(
      bodyOf({ input: "Hi", serviceTier: "warp", reasoning: { effort: "colossal" }, include: ["everything"] }),
      { input: "Hi", service_tier: "warp", reasoning: { effort: "colossal" }, include: ["everything"] }
    )
  })
})

describe("a recorded request", () => {
  const read = (json: unknown) => {
    const request = CreateResponse.fromWire(json)
    return Result.isSuccess(request) ? bodyOf(request.success) : assert.fail(request.failure.message)
  }

  it("comes back as it was, with what this version does not know", () => {
    const json = {
      model: "openai/gpt-5",
      input: [
        {
          role: "user",
          content: [{ type: "input_text", text: "hi", future: 1 }, { type: "input_hologram", data: [1] }]
        },
        { type: "tool_search_call", id: "t", arguments: { q: null } },
        { type: "reasoning", id: "r", summary: null, encrypted_content: "x", content: null }
      ],
      tools: [{ type: "x_search" }, { type: "function", name: "f", future: true }],
      tool_choice: { type: "mcp", server_label: "x" },
      plugins: [{ id: "new-plugin", level: 3 }],
      text: { format: { type: "yaml" } },
      trace: { trace_id: "t", own_key: null }
    }
    assert.deepStrictEqual(read(json), json)
  })

  it("loses only what means nothing: defaults and null", () => {
    assert.deepStrictEqual(
      read({
        model: "m",
        input: "Hi",
        store: false,
        background: false,
        previous_response_id: null,
        stream: true,
        instructions: null,
        reasoning: { effort: null, summary: "auto" }
      }),
      { model: "m", input: "Hi", reasoning: { summary: "auto" } }
    )
  })

  it.each<readonly [field: string, json: object]>([
    ["store", { store: true }],
    ["previous_response_id", { previous_response_id: "resp_1" }],
    ["conversation", { conversation: "conv_1" }],
    ["background", { background: true }],
    ["route", { route: "sort" }],
    ["preset", { preset: "mine" }],
    ["stream", { stream: "yes" }],
    ["prompt_cache_retention", { prompt_cache_retention: "24h" }],
    ["reasoning.generate_summary", { reasoning: { generate_summary: "auto" } }],
    ["prompt.version", { prompt: { id: "p", version: "2" } }],
    ["max_output_tokens", { max_output_tokens: "many" }]
  ])("is refused for %s, which it names", (field, json) => {
    const error = refused(CreateResponse.fromWire({ model: "m", input: "Hi", ...json }))
    assert.strictEqual(error.field, field)
    assert.include(error.message, field)
    assert.strictEqual(error.model, "m")
  })

  it("is refused if it is no object", () => {
    for (const json of [null, [], "x", 1]) {
      assert.strictEqual(refused(CreateResponse.fromWire(json))._tag, "InvalidRequest")
    }
  })
})
