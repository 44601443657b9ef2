import { assert } from "@effect/vitest"
import { Effect, type Schema, Stream } from "effect"
import { OpenRouter, type OpenRouterError } from "effect-openrouter"
import { final, json, model, type Reply, scripted } from "../layers/client/support.ts"

type Json = Schema.Json

/** A failure as a server knows it, before it puts it into an envelope. */
export interface Failure {
  /** With which HTTP status it comes where it comes before the answer. */
  readonly status: number
  readonly code?: string | null
  readonly type?: string
  readonly errorType?: string
  readonly message?: string
  readonly metadata?: { readonly [key: string]: Json }
}

/** An envelope: what the server sends, and whether it was asked for a stream. */
export interface Envelope {
  readonly name: string
  readonly stream: boolean
  readonly reply: (failure: Failure) => Reply
}

const compact = (members: { readonly [key: string]: Json | undefined }): { readonly [key: string]: Json } =>
  Object.fromEntries(Object.entries(members).flatMap(([key, value]) => value === undefined ? [] : [[key, value]]))

/** What stands in `error`, with the code as it is. */
const told = ({ code, errorType, message = "It failed.", metadata, type }: Failure) =>
  compact({
    message,
    code,
    type,
    metadata: metadata === undefined && errorType === undefined
      ? undefined
      : compact({ ...metadata, error_type: errorType })
  })

/** The same with OpenRouter's numeric code, where there is no other. */
const numbered = (failure: Failure) => ({ ...told(failure), code: failure.code ?? failure.status })

const event = (data: Json) => `data: ${JSON.stringify(data)}\n\n`

const sse = (...events: ReadonlyArray<Json>): Reply => ({
  headers: { "content-type": "text/event-stream" },
  body: `${event({ type: "response.created", response: { id: "gen-1", status: "in_progress", output: [] } })}${
    events.map(event).join("")
  }data: [DONE]\n\n`
})

const delta = { type: "response.output_text.delta", item_id: "m", output_index: 0, content_index: 0, delta: "So far" }

const failed = (failure: Failure) => ({ id: "gen-1", status: "failed", output: [], error: told(failure) })

const message = { type: "message", role: "assistant", content: [{ type: "output_text", text: "So far" }] }

/** Errors with an HTTP status, in their shapes. */
export const overHttp: ReadonlyArray<Envelope> = [
  { name: "HTTP", stream: false, reply: (f) => json({ error: numbered(f), user_id: "u" }, f.status) },
  { name: "HTTP, asked for a stream", stream: true, reply: (f) => json({ error: numbered(f) }, f.status) },
  { name: "HTTP, a list of one", stream: false, reply: (f) => json([{ error: numbered(f) }], f.status) },
  {
    name: "HTTP, the metadata beside",
    stream: false,
    reply: (f) => {
      const { metadata, ...error } = told(f)
      return json({ error, metadata: metadata ?? null }, f.status)
    }
  }
]

/** Failures inside of a 200 that say no status. */
export const inBand: ReadonlyArray<Envelope> = [
  { name: "200 {error}", stream: false, reply: (f) => json({ error: told(f) }) },
  { name: "200 [{error}]", stream: false, reply: (f) => json([{ error: told(f) }]) },
  {
    name: "200 {error} and the metadata beside",
    stream: false,
    reply: (f) => {
      const { metadata, ...error } = told(f)
      return json({ error, metadata: metadata ?? null })
    }
  },
  { name: "200 failed", stream: false, reply: (f) => json(failed(f)) },
  { name: "200 failed midway", stream: false, reply: (f) => json({ ...failed(f), output: [message] }) },
  { name: "200 JSON for a stream", stream: true, reply: (f) => json({ error: told(f) }) },
  {
    name: "200 JSON named a stream",
    stream: true,
    reply: (f) => json({ error: told(f) }, 200, { "content-type": "text/event-stream" })
  },
  { name: "response.failed", stream: true, reply: (f) => sse({ type: "response.failed", response: failed(f) }) },
  {
    name: "response.failed after a piece",
    stream: true,
    reply: (f) => sse(delta, { type: "response.failed", response: failed(f) })
  },
  { name: "error, nested", stream: true, reply: (f) => sse({ type: "error", sequence_number: 1, error: told(f) }) },
  { name: "response.error", stream: true, reply: (f) => sse({ type: "response.error", error: told(f) }) },
  { name: "error without a type", stream: true, reply: (f) => sse({ error: told(f), user_id: "u" }) },
  { name: "error after a piece", stream: true, reply: (f) => sse(delta, { type: "error", error: told(f) }) },
  {
    name: "error, then a failed response that says nothing",
    stream: true,
    reply: (f) =>
      sse({ type: "error", error: told(f) }, { type: "response.failed", response: { status: "failed", output: [] } })
  }
]

/** An event that is itself the error; it has no place for a type. */
export const flat: Envelope = {
  name: "error, flat",
  stream: true,
  reply: (f) => {
    const { type: _, ...error } = told(f)
    return sse({ ...error, type: "error", param: null, sequence_number: 1 })
  }
}

/** The places in which OpenRouter puts its `error_type`. */
export const canonical: ReadonlyArray<Envelope> = [
  {
    name: "200 failed, error_type at the top",
    stream: false,
    reply: ({ errorType }) =>
      json({
        status: "failed",
        output: [],
        error: { code: "server_error", message: "m" },
        error_type: errorType ?? null
      })
  },
  {
    name: "response.failed, error_type at the top",
    stream: true,
    reply: ({ errorType }) =>
      sse({
        type: "response.failed",
        response: { status: "failed", error: { code: "server_error", message: "m" }, error_type: errorType ?? null }
      })
  },
  {
    name: "200 {error}, error_type inside",
    stream: false,
    reply: ({ errorType }) => json({ error: { code: null, message: "m", error_type: errorType ?? null } })
  },
  {
    name: "error, error_type beside",
    stream: true,
    reply: ({ errorType }) => sse({ type: "error", error: { code: null, message: "m" }, error_type: errorType ?? null })
  }
]

/** The failure as a provider said it, which OpenRouter hands on behind a status. */
export const handedOn = (raw: Json): ReadonlyArray<Envelope> => {
  const metadata = { provider_name: "Acme", raw }
  const outer = (code: number | string) => ({ code, message: "Provider returned error", metadata })
  return [
    { name: "HTTP, raw", stream: false, reply: (f) => json({ error: outer(f.status), user_id: "u" }, f.status) },
    { name: "200 {error}, raw", stream: false, reply: (f) => json({ error: outer(f.status) }) },
    {
      name: "HTTP, a word as code and raw beside",
      stream: false,
      reply: (f) => json({ error: { code: "invalid_prompt", message: "Provider returned error" }, metadata }, f.status)
    },
    {
      name: "response.failed, raw",
      stream: true,
      reply: (f) => sse({ type: "response.failed", response: { status: "failed", output: [], error: outer(f.status) } })
    },
    { name: "error, raw", stream: true, reply: (f) => sse({ type: "error", error: outer(f.status) }) }
  ]
}

/** How a call ends that is answered so. */
export const endOf = ({ stream }: Envelope): Effect.Effect<
  OpenRouterError.OpenRouterError,
  unknown,
  OpenRouter.OpenRouter
> =>
  stream
    ? Effect.flip(Stream.runDrain(OpenRouter.stream({ model, input: "Hello" })))
    : Effect.flip(OpenRouter.respond({ model, input: "Hello" }))

/** All envelopes but the flat one, which has no place for a type. */
export const bare: ReadonlyArray<Envelope> = [...overHttp, ...inBand]

export type Tag = OpenRouterError.OpenRouterError["_tag"]

/** The tags of a failure in each of some envelopes. */
export const tagsOf = (failure: Failure, envelopes: ReadonlyArray<Envelope>) =>
  Effect.gen(function*() {
    const tags: Array<readonly [envelope: string, tag: Tag]> = []
    for (const envelope of envelopes) tags.push([envelope.name, (yield* endOf(envelope))._tag])
    return Object.fromEntries(tags)
  }).pipe(Effect.provide(final(scripted(envelopes.map(({ reply }) => reply(failure))))))

export const all = (envelopes: ReadonlyArray<Envelope>, tag: Tag) =>
  Object.fromEntries(envelopes.map(({ name }) => [name, tag]))

/** It is the same error in all envelopes. */
export const isEverywhere = (failure: Failure, tag: Tag, envelopes: ReadonlyArray<Envelope>) =>
  Effect.map(tagsOf(failure, envelopes), (tags) => assert.deepStrictEqual(tags, all(envelopes, tag)))

/** How a call ends that is answered with this. */
export const answeredWith = (reply: Reply, stream = false) =>
  Effect.provide(endOf({ name: "", stream, reply: () => reply }), final(scripted([reply])))
