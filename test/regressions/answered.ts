import { Effect, Layer, Stream } from "effect"
import {
  type CreateResponse,
  OpenRouter,
  type Outcome,
  RetryPolicy,
  type StreamEvent,
  type Wire
} from "effect-openrouter"
import { HttpClient, HttpClientResponse } from "effect/http"
import { apiKey } from "../layers/client/support.ts"

export type Json = Wire.JsonObject

export const request: CreateResponse.Sendable = { model: "openai/gpt-5", input: "What do you sell?" }

export const text = (words: string): Json => ({ type: "output_text", text: words, annotations: [] })

export const message = (words: string, fields: Json = {}): Json => ({
  type: "message",
  id: `msg_${words}`,
  role: "assistant",
  status: "completed",
  content: [text(words)],
  ...fields
})

export const call = (fields: Json = {}): Json => ({
  type: "function_call",
  id: "fc_1",
  call_id: "call_1",
  name: "sell",
  arguments: "{\"bread\":1}",
  status: "completed",
  ...fields
})

export const response = (output: unknown, fields: Json = {}): Json => ({
  id: "gen-1",
  model: "openai/gpt-5",
  status: "completed",
  output,
  usage: { input_tokens: 1, output_tokens: 2, total_tokens: 3, cost: 0.25 },
  ...fields
})

const client = (
  body: string,
  contentType: string,
  options: { readonly maxAnswerBytes?: number }
): Layer.Layer<OpenRouter.OpenRouter> =>
  OpenRouter.layer({ apiKey, ...options }).pipe(
    Layer.provide(Layer.succeed(
      HttpClient.HttpClient,
      HttpClient.make((request) =>
        Effect.sync(() =>
          HttpClientResponse.fromWeb(request, new Response(body, { headers: { "content-type": contentType } }))
        )
      )
    )),
    Layer.merge(Layer.succeed(RetryPolicy.CurrentRetryPolicy, RetryPolicy.none))
  )

/** A client whose server answers with this response. */
export const answering = (json: unknown, options = {}) => client(JSON.stringify(json), "application/json", options)

/** A client whose server streams these events. */
export const streaming = (events: ReadonlyArray<Json>, options = {}) =>
  client(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(""), "text/event-stream", options)

const ignore = (_: StreamEvent.StreamEvent) => Effect.void

export const read = (json: unknown) => OpenRouter.outcome(request).pipe(Effect.provide(answering(json)))

export const streamed = (events: ReadonlyArray<Json>) =>
  OpenRouter.streamOutcome(request, ignore).pipe(Effect.provide(streaming(events)))

/** The pieces of text that a stream shows. */
export const pieces = (events: ReadonlyArray<Json>) =>
  OpenRouter.streamText(request).pipe(Stream.runCollect, Effect.provide(streaming(events)))

export const added = (output_index: number, item: Json): Json => ({
  type: "response.output_item.added",
  output_index,
  item
})

export const done = (output_index: number, item: Json): Json => ({
  type: "response.output_item.done",
  output_index,
  item
})

export const delta = (output_index: number, delta: string, fields: Json = {}): Json => ({
  type: "response.output_text.delta",
  output_index,
  content_index: 0,
  delta,
  ...fields
})

export const end = (output: unknown, fields: Json = {}): Json => ({
  type: "response.completed",
  response: response(output, fields)
})

/** An item as it begins. */
export const begun = (item: Json): Json => ({
  ...item,
  status: "in_progress",
  ...("content" in item ? { content: [] } : {}),
  ...("arguments" in item ? { arguments: "" } : {})
})

/** What counts of an outcome, whichever way it came. */
export const summary = (outcome: Outcome.Outcome) => ({
  tag: outcome._tag,
  text: outcome._tag === "Completed" ? outcome.text : "partialText" in outcome ? outcome.partialText : "",
  calls: outcome._tag === "Completed"
    ? outcome.functionCalls.map(({ arguments: text, callId, name }) => ({ callId, name, text }))
    : [],
  cost: String(outcome.cost)
})
