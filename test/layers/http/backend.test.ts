/** The backend of `examples`, asked as its page asks it. The page itself is for `npm run pages`. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Usd } from "effect-openrouter"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { Event } from "../../../examples/backend/Api.ts"
import { type Backend, make } from "../../../scripts/pages/backend.ts"

const user = (digit: number) => `${digit}`.repeat(8) + "-1111-1111-1111-111111111111"

const ask = (
  { url }: Pick<Backend, "url">,
  endpoint: "answer" | "stream",
  question: string,
  options: { readonly user?: string; readonly signal?: AbortSignal } = {}
) =>
  Effect.promise(() =>
    fetch(`${url}/api/${endpoint}`, {
      method: "POST",
      headers: { "content-type": "application/json", cookie: `user=${options.user ?? user(1)}` },
      body: JSON.stringify({ question }),
      signal: options.signal ?? null
    })
  )

const json = (response: Response): Effect.Effect<unknown> => Effect.promise(() => response.json())

const events = (response: Response) =>
  Effect.map(
    Effect.promise(() => response.text()),
    (text) =>
      text.trim().split("\n\n").map((block) =>
        Schema.decodeSync(Schema.fromJsonString(Schema.toCodecJson(Event)))(block.replace(/^data: ?/, ""))
      )
  )

const tagOf = (body: unknown) => Schema.decodeUnknownSync(Schema.Struct({ _tag: Schema.String }))(body)._tag

/** Waits until OpenRouter has as many open calls. */
const untilOpen = ({ emulator }: Backend, count: number) =>
  emulator.openRequests.pipe(
    Effect.tap(() => Effect.sleep("10 millis")),
    Effect.repeat({ until: (open) => open === count }),
    Effect.timeout("1500 millis"),
    Effect.orDie
  )

describe("the backend of the examples", { timeout: 60_000 }, () => {
  it.live("answers as JSON, and says what is spent", () =>
    Effect.gen(function*() {
      const backend = yield* make()
      const response = yield* ask(backend, "answer", "Hello")
      assert.strictEqual(response.status, 200)
      const body = yield* json(response)
      const { limit, spent, text } = Schema.decodeUnknownSync(
        Schema.Struct({ text: Schema.String, spent: Schema.String, limit: Schema.String })
      )(body)
      assert.include(text, "emulator")
      assert.strictEqual(limit, "0.02")
      const { total } = yield* backend.emulator.ledger
      assert.strictEqual(`${Usd.fromDecimal(total)}`, `$${spent}`)
    }))

  it.live("streams the same text, and ends with what is spent", () =>
    Effect.gen(function*() {
      const backend = yield* make()
      const whole = yield* Effect.flatMap(ask(backend, "answer", "Hello"), json)
      const response = yield* ask(backend, "stream", "Hello")
      assert.strictEqual(response.headers.get("cache-control"), "no-store")
      assert.strictEqual(response.headers.get("x-accel-buffering"), "no")
      const streamed = yield* events(response)
      const text = streamed.map((event) => event._tag === "Text" ? event.delta : "").join("")
      assert.strictEqual(text, Schema.decodeUnknownSync(Schema.Struct({ text: Schema.String }))(whole).text)
      assert.strictEqual(streamed.at(-1)?._tag, "Done")
    }))

  it.live("stops the call when its caller leaves, before and while it is answered", () =>
    Effect.gen(function*() {
      const backend = yield* make()
      const early = new AbortController()
      const waiting = ask(backend, "answer", "Hello", { signal: early.signal })
      yield* Effect.forkChild(Effect.exit(Effect.sandbox(waiting)))
      yield* untilOpen(backend, 1)
      early.abort()
      yield* untilOpen(backend, 0)

      const late = new AbortController()
      const response = yield* ask(backend, "stream", "Hello", { signal: late.signal })
      const reader = response.body?.getReader()
      yield* Effect.promise(async () => reader?.read())
      assert.strictEqual(yield* backend.emulator.openRequests, 1)
      late.abort()
      yield* untilOpen(backend, 0)
    }))

  it.live("tells what failed before the first piece by the status, streamed or not", () =>
    Effect.gen(function*() {
      for (
        const [question, status, tag] of [
          ["/refuse", 422, "RequestRefused"],
          ["/long", 413, "InputTooLarge"],
          ["/key", 500, "UpstreamMisconfigured"],
          ["/busy", 503, "UpstreamUnavailable"]
        ] as const
      ) {
        const backend = yield* make()
        for (const endpoint of ["answer", "stream"] as const) {
          const response = yield* ask(backend, endpoint, question)
          const body = yield* json(response)
          assert.deepStrictEqual([response.status, tagOf(body)], [status, tag], `${endpoint} ${question}`)
          assert.notInclude(JSON.stringify(body), question)
        }
      }
    }))

  it.live("tells what failed later by the last event", () =>
    Effect.gen(function*() {
      const backend = yield* make()
      const streamed = yield* Effect.flatMap(ask(backend, "stream", "/cut"), events)
      assert.strictEqual(streamed[0]?._tag, "Text")
      const last = streamed.at(-1)
      assert.ok(last?._tag === "Failed")
      assert.strictEqual(last.error._tag, "UpstreamFailed")
    }))

  it.live("lets a user spend no more than the budget, and all together no more than theirs", () =>
    Effect.gen(function*() {
      const backend = yield* make({ perUser: "0.0018", together: "0.0021" })
      const spend = (name: string) =>
        ask(backend, "answer", "Hello", { user: name }).pipe(
          Effect.map(({ status }) => status),
          Effect.repeat({ until: (status) => status !== 200, times: 10 })
        )
      assert.strictEqual(yield* spend(user(1)), 429)
      const asked = (yield* backend.emulator.requests).length
      assert.strictEqual((yield* ask(backend, "stream", "Hello")).status, 429)
      assert.strictEqual((yield* backend.emulator.requests).length, asked)
      assert.strictEqual((yield* ask(backend, "answer", "Hello", { user: user(2) })).status, 200)
      assert.strictEqual(yield* spend(user(3)), 429)
    }))

  it.live("knows the browsers that loaded its page, and takes questions only", () =>
    Effect.gen(function*() {
      const backend = yield* make()
      const page = yield* Effect.promise(() => fetch(backend.url))
      const [cookie = ""] = page.headers.getSetCookie()
      assert.match(cookie, /^user=[\da-f-]{36}; .*HttpOnly; SameSite=Strict/)
      assert.include(page.headers.get("content-security-policy") ?? "", "script-src 'self'")
      assert.include(yield* Effect.promise(() => page.text()), "<title>Ask</title>")

      assert.strictEqual((yield* ask(backend, "stream", "Hello", { user: "me" })).status, 401)
      assert.strictEqual((yield* ask(backend, "stream", "")).status, 400)
      assert.strictEqual((yield* ask(backend, "stream", "x".repeat(10_001))).status, 400)
      assert.lengthOf(yield* backend.emulator.requests, 0)
    }))

  it("is one command", () =>
    new Promise<void>((resolve, reject) => {
      const main = fileURLToPath(new URL("../../../examples/backend/main.ts", import.meta.url))
      const { OPENROUTER_API_KEY: _, ...env } = process.env
      const child = spawn(process.execPath, [main, "--port", "0"], { env })
      let said = ""
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        said += text
        const [url] = /http:\/\/\S+/.exec(said) ?? []
        if (url === undefined) return
        fetch(url).then(({ status }) => assert.strictEqual(status, 200)).then(() => child.kill("SIGINT"), reject)
      })
      child.on("close", () => resolve())
    }))
})
