import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration, Effect, Layer, Schema, Stream } from "effect"
import { OpenRouterError, type OpenRouterError as Errors, Usd } from "effect-openrouter"
import { HttpError } from "effect-openrouter/http"
import { HttpRouter, HttpServer, HttpServerRespondable, HttpServerResponse } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, HttpApiTest } from "effect/http-api"
import { readFileSync } from "node:fs"
import { errors } from "../../domain/error/every.ts"

const statuses: { readonly [Tag in Errors.OpenRouterError["_tag"]]: number } = {
  InvalidRequest: 500,
  ContextLengthExceeded: 413,
  PayloadTooLarge: 413,
  InvalidApiKey: 500,
  PaymentRequired: 503,
  AccessDenied: 500,
  ModelUnavailable: 500,
  RateLimited: 503,
  ProviderTimeout: 504,
  ProviderUnavailable: 503,
  ProviderOverloaded: 503,
  ServerError: 502,
  UnexpectedStatus: 502,
  Refused: 422,
  ConnectionFailed: 503,
  TimedOut: 504,
  MalformedResponse: 502,
  BudgetExceeded: 429,
  Incomplete: 502,
  GenerationFailed: 502,
  EmptyCompletion: 502,
  InvalidOutput: 502,
  StreamInterrupted: 502
}

const Ask = HttpApiEndpoint.get("ask", "/ask/:error", {
  params: { error: Schema.FiniteFromString },
  success: Schema.String,
  error: HttpError.all
})

class Api extends HttpApi.make("backend").add(HttpApiGroup.make("model").add(Ask)) {}

const failing = (index: number): Effect.Effect<string, Errors.OpenRouterError> => {
  const error = errors[index]
  return error === undefined ? Effect.succeed("fine") : Effect.fail(error)
}

const Handlers = HttpApiBuilder.group(
  Api,
  "model",
  (handlers) => handlers.handle("ask", ({ params }) => HttpError.mapErrors(failing(params.error)))
)

const app = Layer.mergeAll(
  HttpApiBuilder.layer(Api).pipe(Layer.provide(Handlers)),
  HttpRouter.add(
    "GET",
    "/plain/:error",
    Effect.gen(function*() {
      const { error = "" } = yield* HttpRouter.params
      return HttpServerResponse.text(yield* HttpError.mapErrors(failing(Number(error))))
    })
  )
).pipe(Layer.provide(HttpServer.layerServices))

const served = <A>(f: (get: (path: string) => Effect.Effect<Response>) => Effect.Effect<A>): Effect.Effect<A> =>
  Effect.acquireUseRelease(
    Effect.sync(() => HttpRouter.toWebHandler(app, { disableLogger: true })),
    ({ handler }) => f((path) => Effect.promise(() => handler(new Request(`http://backend${path}`)))),
    ({ dispose }) => Effect.promise(dispose)
  )

describe("errors in a backend", () => {
  it.each(["/ask", "/plain"])(
    "have their status at %s, and nothing of what happened",
    (path) =>
      Effect.runPromise(served((get) =>
        Effect.gen(function*() {
          for (const [index, error] of errors.entries()) {
            const response = yield* get(`${path}/${index}`)
            assert.strictEqual(response.status, statuses[error._tag], error._tag)
            const text = yield* Effect.promise(() => response.text())
            assert.notMatch(text, /secret/i)
            assert.notInclude(text, `"${error._tag}"`)
            const body: unknown = JSON.parse(text)
            assert.isTrue(Schema.is(HttpError.HttpError)(Schema.decodeUnknownSync(HttpError.HttpError)(body)))
          }
          assert.strictEqual((yield* get(`${path}/99`)).status, 200)
        })
      ))
  )

  it.effect("reach the client of an HttpApi typed", () =>
    Effect.gen(function*() {
      const client = yield* HttpApiTest.groups(Api, ["model"])
      const index = errors.findIndex(({ _tag }) => _tag === "Refused")
      const tag = yield* client.model.ask({ params: { error: index } }).pipe(
        Effect.catchTags({
          RequestRefused: (error) => Effect.succeed(error.message),
          UpstreamUnavailable: (error) => Effect.succeed(`again in ${error.retryAfter} seconds`)
        })
      )
      assert.strictEqual(tag, "The language model does not answer this.")
    }).pipe(Effect.scoped, Effect.provide([Handlers, HttpServer.layerServices])))

  it.effect("take the place of the errors of a stream, after what came before", () =>
    Effect.gen(function*() {
      const error = new OpenRouterError.RateLimited({ message: "slow down" })
      const streams = [error, "mine" as const].map((end) => Stream.concat(Stream.make("a", "b"), Stream.fail(end)))
      const ends = yield* Effect.forEach(streams, (stream) =>
        stream.pipe(
          HttpError.mapErrors,
          Stream.map((text): unknown => text),
          Stream.catch((error) => Stream.succeed<unknown>(error === "mine" ? error : error._tag)),
          Stream.runCollect
        ))
      assert.deepStrictEqual(ends, [["a", "b", "UpstreamUnavailable"], ["a", "b", "mine"]])
    }))

  it("say when to come back, in whole seconds", () => {
    const now = 1_790_000_000_000
    const wait = (error: Errors.OpenRouterError) => {
      const said = HttpError.fromError(error, now)
      return "retryAfter" in said ? said.retryAfter : undefined
    }
    const limited = (retryAfter: Duration.Duration) => new OpenRouterError.RateLimited({ message: "", retryAfter })
    assert.strictEqual(wait(limited(Duration.millis(1_500))), 2)
    assert.strictEqual(wait(limited(Duration.zero)), undefined)
    const spent = (at: number) =>
      new OpenRouterError.BudgetExceeded({
        message: "",
        scope: "",
        limit: Usd.zero,
        spent: Usd.zero,
        unknown: Usd.zero,
        reserved: Usd.zero,
        resetsAt: DateTime.makeUnsafe(at)
      })
    assert.strictEqual(wait(spent(now + 60_000)), 60)
    assert.strictEqual(wait(spent(now - 60_000)), undefined)
  })

  it("say it in a header as well", () =>
    Effect.runPromise(Effect.gen(function*() {
      const error = new HttpError.UpstreamUnavailable({ message: "later", retryAfter: 7 })
      const response = yield* HttpServerRespondable.toResponse(error)
      assert.strictEqual(response.headers["retry-after"], "7")
    })))

  it("refuse what a guardrail refuses", () => {
    const error = new OpenRouterError.AccessDenied({ message: "", patterns: ["secret"] })
    assert.strictEqual(HttpError.fromError(error, 0)._tag, "RequestRefused")
  })
})

describe("the tables of the docs", () => {
  const rows = (file: string, heading: string): ReadonlyArray<ReadonlyArray<string>> => {
    const text = readFileSync(new URL(`../../../docs/${file}`, import.meta.url), "utf8")
    const [, section = ""] = text.split(`## ${heading}\n`)
    const [table = ""] = section.split("\n## ")
    return table.split("\n").filter((line) => line.startsWith("| `")).map((line) =>
      line.split("|").map((_) => _.trim())
    )
  }
  const tags = Object.entries(statuses)

  it("say what a caller of the backend is told of each error", () => {
    const told = rows("errors-in-a-backend.md", "What callers are told")
    for (const [tag, status] of tags) {
      const found = told.filter(([, , , what = ""]) => what.includes(`\`${tag}\``)).map(([, , status]) =>
        Number(status)
      )
      assert.include(found, status, tag)
    }
  })

  it("have the group of each error", () => {
    const groups = rows("errors-in-a-backend.md", "Four groups")
    for (const error of errors) {
      const found = groups.filter(([, , , tags = ""]) => tags.includes(`\`${error._tag}\``)).map(([, group]) => group)
      assert.deepStrictEqual(found, [`\`${OpenRouterError.groupOf(error)}\``], error._tag)
    }
  })

  it("have every error", () => {
    const listed = rows("errors.md", "All errors").map(([, tags = ""]) => tags).join()
    assert.deepStrictEqual(tags.filter(([tag]) => !listed.includes(`\`${tag}\``)), [])
  })
})
