/**
 * What the server of the benchmark answers: bodies and streams in OpenRouter's shape, made up here.
 *
 * Every body is a whole response object with the echoed fields that real ones have; the checks of `@openrouter/sdk` accept
 * them. Each has a twin in the shape of the chat endpoint, for the clients that know no other.
 */

/** The number of text deltas in a stream. */
export const deltaCount = 1000

/** The characters of text in a stream, in all; a client that lost some has not measured anything. */
export const streamTextLength = (deltas: number): number => texts(deltas).reduce((sum, text) => sum + text.length, 0)

export const model = "openai/gpt-5-mini"

/** The request of every call, in the words of the wire. */
export const request = {
  model,
  instructions: "You are the chronicler of a small town. Answer in a few plain sentences.",
  input: "Describe the town square on a market day, and who is there this morning.",
  max_output_tokens: 1200,
  temperature: 0.7
} as const

const words = "the baker sets warm bread beside the old fountain while children chase a dog between stalls of apples"
  .split(" ")

/** Text of a given length, always the same. */
const prose = (length: number, seed = 0): string => {
  let text = ""
  for (let index = seed; text.length < length; index++) text += `${words[(index * 7 + seed) % words.length]} `
  return text.slice(0, length)
}

const usage = {
  input_tokens: 412,
  input_tokens_details: { cached_tokens: 256, cache_write_tokens: 0 },
  output_tokens: 388,
  output_tokens_details: { reasoning_tokens: 64 },
  total_tokens: 800,
  cost: 0.00087315,
  is_byok: false,
  cost_details: {
    upstream_inference_cost: null,
    upstream_inference_input_cost: 0.000103,
    upstream_inference_output_cost: 0.000776
  }
}

const weatherTool = (index: number) => ({
  type: "function",
  name: `look_up_${index}`,
  description: prose(120, index),
  strict: null,
  parameters: {
    type: "object",
    properties: {
      place: { type: "string", description: prose(60, index) },
      unit: { type: "string", enum: ["metric", "imperial"] },
      days: { type: "integer", minimum: 1, maximum: 14 }
    },
    required: ["place"],
    additionalProperties: false
  }
})

const responseOf = (id: string, output: ReadonlyArray<object>, more: object = {}) => ({
  id: `gen-1790000000-${id}`,
  object: "response",
  created_at: 1790000000,
  completed_at: 1790000004,
  model: `${model}-2026-08-07`,
  status: "completed",
  output,
  error: null,
  incomplete_details: null,
  usage,
  max_tool_calls: null,
  tools: [],
  tool_choice: "auto",
  parallel_tool_calls: true,
  max_output_tokens: request.max_output_tokens,
  temperature: request.temperature,
  top_p: 1,
  presence_penalty: 0,
  frequency_penalty: 0,
  top_logprobs: 0,
  metadata: {},
  background: false,
  previous_response_id: null,
  service_tier: "default",
  truncation: "disabled",
  store: false,
  instructions: request.instructions,
  reasoning: { effort: "medium", summary: null },
  safety_identifier: null,
  prompt_cache_key: null,
  user: null,
  text: { format: { type: "text" }, verbosity: "medium" },
  ...more
})

const message = (index: number, text: string, annotations: ReadonlyArray<object> = []) => ({
  id: `msg_bench_${index}`,
  type: "message",
  role: "assistant",
  status: "completed",
  content: [{ type: "output_text", text, annotations, logprobs: [] }]
})

const citation = (index: number) => ({
  type: "url_citation",
  url: `https://town.example/archive/${1900 + index}/market?page=${index}`,
  title: prose(48, index),
  start_index: index * 20,
  end_index: index * 20 + 17
})

const reasoning = (index: number) => ({
  id: `rs_bench_${index}`,
  type: "reasoning",
  status: "completed",
  summary: [{ type: "summary_text", text: prose(220, index) }],
  encrypted_content: Buffer.from(prose(600, index)).toString("base64"),
  format: "openai-responses-v1"
})

const functionCall = (index: number) => ({
  id: `fc_bench_${index}`,
  type: "function_call",
  call_id: `call_bench_${index}`,
  name: `look_up_${index % 8}`,
  arguments: JSON.stringify({ place: prose(30, index), unit: "metric", days: 1 + index % 14 }),
  status: "completed"
})

const webSearch = (index: number) => ({
  id: `ws_bench_${index}`,
  type: "web_search_call",
  status: "completed",
  action: { type: "search", query: prose(40, index), sources: [{ type: "url", url: `https://town.example/${index}` }] }
})

const range = <A>(count: number, make: (index: number) => A): Array<A> =>
  Array.from({ length: count }, (_, index) => make(index))

/** About 2 kB: one message, as most answers are. */
export const smallResponse = responseOf("small", [message(0, prose(740))])

/** About 50 kB: sixty items, two hundred annotations, eight tools echoed. */
export const largeResponse = responseOf(
  "large",
  [
    ...range(6, reasoning),
    ...range(18, webSearch),
    ...range(24, functionCall),
    ...range(10, (index) => message(index, prose(380, index), range(14, (inner) => citation(index * 14 + inner))))
  ],
  { tools: range(8, weatherTool) }
)

/** 429 as OpenRouter says it for free models: the reset is in the body. */
export const rateLimited = {
  error: {
    code: 429,
    message: "Rate limit exceeded: free-models-per-min. ",
    metadata: {
      headers: { "X-RateLimit-Limit": "20", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "4102444800000" },
      provider_name: null
    }
  },
  user_id: "user_bench"
}

const texts = (deltas: number): ReadonlyArray<string> => range(deltas, (index) => `${words[index % words.length]} `)

/** The events of a stream of so many text deltas. */
export const streamEvents = (deltas: number): ReadonlyArray<object> => {
  const text = texts(deltas).join("")
  const part = (text: string) => ({ type: "output_text", text, annotations: [], logprobs: [] })
  const item = (status: string, text: string) => ({
    id: "msg_bench_0",
    type: "message",
    role: "assistant",
    status,
    content: text === "" ? [] : [part(text)]
  })
  const begun = responseOf("stream", [], { status: "in_progress", usage: null, completed_at: null })
  const place = { output_index: 0, item_id: "msg_bench_0", content_index: 0 }
  const events: ReadonlyArray<object> = [
    { type: "response.created", response: begun },
    { type: "response.in_progress", response: begun },
    { type: "response.output_item.added", output_index: 0, item: item("in_progress", "") },
    { type: "response.content_part.added", ...place, part: part("") },
    ...texts(deltas).map((delta) => ({ type: "response.output_text.delta", ...place, delta, logprobs: [] })),
    { type: "response.output_text.done", ...place, text, logprobs: [] },
    { type: "response.content_part.done", ...place, part: part(text) },
    { type: "response.output_item.done", output_index: 0, item: item("completed", text) },
    { type: "response.completed", response: responseOf("stream", [item("completed", text)]) }
  ]
  return events.map((event, index) => ({ ...event, sequence_number: index }))
}

const chatUsage = { prompt_tokens: 412, completion_tokens: 388, total_tokens: 800, cost: usage.cost }

/** The twin of a body in the shape of the chat endpoint, of about the same size. */
export const chatTwin = (response: object) => ({
  id: "gen-1790000000-chat",
  object: "chat.completion",
  created: 1790000000,
  model,
  provider: "OpenAI",
  system_fingerprint: null,
  choices: [{
    index: 0,
    logprobs: null,
    finish_reason: "stop",
    native_finish_reason: "completed",
    message: {
      role: "assistant",
      content: prose(JSON.stringify(response).length - 500),
      refusal: null,
      reasoning: null
    }
  }],
  usage: chatUsage
})

/** The events of the chat endpoint's stream. */
export const chatStreamEvents = (deltas: number): ReadonlyArray<object> => {
  const chunk = (delta: object, more: object = {}) => ({
    id: "gen-1790000000-chat",
    provider: "OpenAI",
    model,
    object: "chat.completion.chunk",
    created: 1790000000,
    choices: [{ index: 0, delta, finish_reason: null, native_finish_reason: null, logprobs: null }],
    ...more
  })
  return [
    ...texts(deltas).map((content) => chunk({ role: "assistant", content })),
    chunk({ role: "assistant", content: "" }, {
      choices: [{
        index: 0,
        delta: { role: "assistant", content: "" },
        finish_reason: "stop",
        native_finish_reason: "completed",
        logprobs: null
      }],
      usage: chatUsage
    })
  ]
}

/** An event as it travels: OpenRouter sends no `event:` line. */
export const frame = (event: object): string => `data: ${JSON.stringify(event)}\n\n`
