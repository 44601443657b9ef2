import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { OpenRouter } from "effect-openrouter"
import { below, mutateStream, pick, type Random } from "./mutate.ts"
import { type Fed, fed, fuzz, recorded, streams, type Tally, tally, unsendable, wrong } from "./support.ts"

const request = { model: "openai/gpt-5", input: "Hello" }

const contentTypes = ["text/event-stream", "text/event-stream; charset=utf-8", "text/event-stream", "application/json"]

/** The bytes in pieces of a random size; sometimes the connection breaks. */
const pieces = (bytes: Uint8Array, random: Random) => {
  const size = pick(random, [1000, 100_000, 10_000_000], 1000) + below(random, 100)
  const breaksAt = random() < 0.1 ? below(random, bytes.length) : Infinity
  let at = 0
  return new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (at >= breaksAt) controller.error(new Error("broken"))
      else if (at >= bytes.length) controller.close()
      else controller.enqueue(bytes.subarray(at, at += size))
    }
  })
}

describe("a stream that was changed at random", () => {
  it.live("ends with an outcome or a typed error", () =>
    Effect.gen(function*() {
      const server: Fed = { next: () => new Response() }
      const seen: Tally = new Map()
      const encoder = new TextEncoder()
      const corpus = [...yield* streams, ...recorded("streams").map((text) => text.replaceAll("\r\n", "\n"))]
      yield* fuzz({
        name: "streams",
        cases: 6500,
        corpus,
        mutate: mutateStream,
        run: ({ text }, random) => {
          const bytes = encoder.encode(text)
          if (random() < 0.2) bytes[below(random, bytes.length)] = below(random, 256)
          server.next = () =>
            new Response(pieces(bytes, random), {
              headers: { "content-type": pick(random, contentTypes, ""), "x-generation-id": "gen-1" }
            })
          return Effect.map(
            Effect.exit(OpenRouter.streamOutcome(request, () => Effect.void)),
            (exit) => {
              tally(seen, exit)
              return wrong(exit) ?? unsendable(exit)
            }
          )
        }
      }).pipe(Effect.provide(fed(server)))
      assert.isAtLeast(seen.size, 10, Array.from(seen.keys()).join(", "))
    }), 60_000)
})
