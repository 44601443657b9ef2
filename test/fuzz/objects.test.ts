import { describe, it } from "@effect/vitest"
import { Effect, Exit, Option, Schema, Stream } from "effect"
import { OpenRouter } from "effect-openrouter"
import { completed, created, data, delta, done } from "../layers/stream/support.ts"
import { mutate } from "./mutate.ts"
import { type Fed, fed, fuzz } from "./support.ts"

interface Tree {
  readonly name: string
  readonly children: ReadonlyArray<Tree>
}

const Tree = Schema.Struct({
  name: Schema.String,
  children: Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree))
})

const Story = Schema.Struct({
  title: Schema.String,
  pages: Schema.Int,
  mood: Schema.optionalKey(Schema.Literals(["gay", "sad"])),
  chapters: Schema.Array(Schema.Struct({ name: Schema.String, length: Schema.Finite })),
  tree: Tree
})

const isStory = Schema.is(Story)

const request = { model: "openai/gpt-5", input: "Hello", schema: Story }

const stories = Array.from({ length: 12 }, (_, n) =>
  JSON.stringify({
    title: `The ${n}th tówn 🏰 "of" \\ many`,
    pages: n,
    mood: n % 3 === 0 ? null : "sad",
    chapters: Array.from({ length: n }, (_, index) => ({ name: `Chapter ${index}`, length: index / 3 })),
    tree: { name: "root", children: [{ name: "leaf", children: [] }] }
  }))

const pieces = (text: string): ReadonlyArray<string> => text.length > 20_000 ? [text] : text.match(/[^]{1,40}/g) ?? []

describe("an object that was changed at random", () => {
  it.live("is a value of its schema or InvalidOutput, streamed or not", () =>
    Effect.gen(function*() {
      const server: Fed = { next: () => new Response() }
      yield* fuzz({
        name: "objects",
        cases: 2000,
        corpus: stories,
        mutate,
        run: ({ text }) =>
          Effect.gen(function*() {
            const whole = completed(text)
            const json = JSON.stringify(JSON.parse(whole.slice(6)).response)
            server.next = () => new Response(json, { headers: { "content-type": "application/json" } })
            const once = yield* Effect.exit(OpenRouter.respondObject(request))
            const body = [created, ...pieces(text).map(delta), data({ type: "keepalive" }), whole, done].join("")
            server.next = () => new Response(body, { headers: { "content-type": "text/event-stream" } })
            const streamed = yield* Effect.exit(Stream.runLast(OpenRouter.streamObject(request)))
            if (Exit.isSuccess(once)) {
              const last = Exit.isSuccess(streamed) ? Option.getOrUndefined(streamed.value) : undefined
              if (!isStory(once.value.value)) return "no value of the schema"
              if (last?._tag !== "Complete") return "a value, but not as a stream"
              return JSON.stringify(last.answer.value) === JSON.stringify(once.value.value)
                ? undefined
                : "another value"
            }
            const error = Option.getOrUndefined(Exit.findErrorOption(once))
            const other = Exit.isFailure(streamed) ? Option.getOrUndefined(Exit.findErrorOption(streamed)) : undefined
            if (error?._tag !== "InvalidOutput" && error?._tag !== "EmptyCompletion") return `ended with ${error?._tag}`
            return other?._tag === error._tag ? undefined : `ended with ${error._tag}, as a stream with ${other?._tag}`
          })
      }).pipe(Effect.provide(fed(server)))
    }), 60_000)
})
