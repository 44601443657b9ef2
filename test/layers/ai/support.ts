import { Effect, Layer, Predicate, Schema, Stream } from "effect"
import { OpenRouterLanguageModel } from "effect-openrouter/ai"
import { LanguageModel, Tool, Toolkit } from "effect/ai"
import { once, type Reply, scripted, sent, ungated } from "../client/support.ts"
import { at } from "../emulator/support.ts"

export const model = "openai/gpt-5"

type Json = { readonly [key: string]: Schema.Json }

export const message = (text: string, members: Json = {}): Json => ({
  type: "message",
  id: "msg_1",
  role: "assistant",
  status: "completed",
  content: [{ type: "output_text", text, annotations: [] }],
  ...members
})

export const functionCall = (name: string, args: string, callId = `call_${name}`): Json => ({
  type: "function_call",
  id: `fc_${callId}`,
  call_id: callId,
  name,
  arguments: args,
  status: "completed"
})

export const usage = {
  input_tokens: 12,
  input_tokens_details: { cached_tokens: 4, cache_write_tokens: 2 },
  output_tokens: 8,
  output_tokens_details: { reasoning_tokens: 5 },
  total_tokens: 20,
  cost: 0.0125
}

export const response = (output: ReadonlyArray<Json>, members: Json = {}): Json => ({
  id: "gen-1",
  object: "response",
  created_at: 1_790_000_000,
  status: "completed",
  model: "openai/gpt-5-2025",
  output,
  usage,
  ...members
})

export const reply = (output: ReadonlyArray<Json>, members: Json = {}): Reply => ({
  body: JSON.stringify(response(output, members)),
  headers: { "content-type": "application/json", "x-generation-id": "gen-1" }
})

/** A stream of these events, as they come over the wire. */
export const sse = (events: ReadonlyArray<Json>): Reply => ({
  body: events.map((event, index) => `data: ${JSON.stringify({ sequence_number: index, ...event })}\n\n`).join("") +
    "data: [DONE]\n\n",
  headers: { "content-type": "text/event-stream", "x-generation-id": "gen-1" }
})

/** A server that says these things in turn, and the language model over it. */
export const provider = (replies: ReadonlyArray<Reply>, config?: OpenRouterLanguageModel.Config) =>
  OpenRouterLanguageModel.model(model, config).pipe(
    Layer.provideMerge(ungated(scripted(replies))),
    Layer.merge(once)
  )

const Body = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown))

/** The bodies of all requests. */
export const bodies = Effect.flatMap(
  sent,
  (sent) => Effect.forEach(sent, ({ body }) => Schema.decodeEffect(Body)(body))
)

/** The body of the last request. */
export const body = Effect.map(bodies, (bodies) => bodies.at(-1) ?? {})

export const input = Effect.map(body, (body) => body["input"])

/** The metadata of a part or of an error, under this provider's key. */
export const own = (part: unknown): unknown => at(part, "metadata.openrouter")

export const partsOf = (parts: ReadonlyArray<unknown>, type: string): ReadonlyArray<unknown> =>
  parts.filter((part) => Predicate.hasProperty(part, "type") && part.type === type)

export const typesOf = (parts: ReadonlyArray<{ readonly type: string }>) => parts.map(({ type }) => type)

export const collect = <A, E, R>(stream: Stream.Stream<A, E, R>) => Stream.runCollect(stream)

export const ask = LanguageModel.generateText({ prompt: "Hi" })

export const Weather = Tool.make("weather", {
  description: "The weather in a city",
  parameters: Schema.Struct({ city: Schema.String, day: Schema.optionalKey(Schema.String) }),
  success: Schema.String
})

export const toolkit = Toolkit.make(Weather)

/** What the handlers did. */
export const handlers = (log: Array<string> = []) =>
  toolkit.toLayer({
    weather: ({ city }) =>
      Effect.sync(() => {
        log.push(city)
        return `sunny in ${city}`
      })
  })
