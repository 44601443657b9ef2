/** Herds over real sockets, in real time, against an emulator in another process. */
import { Clock, Effect, Fiber, Layer, Schema } from "effect"
import { DispatchHttpClient } from "effect-openrouter/node"
import { FetchHttpClient } from "effect/http"
import { type ChildProcess, fork } from "node:child_process"
import type { Client } from "./clients.ts"
import { run } from "./run.ts"
import { optionsOf, type Scenario } from "./scenarios.ts"

/** How the client reaches the server. */
export const ways = { "/node": DispatchHttpClient.layer, fetch: FetchHttpClient.layer }

export type Way = keyof typeof ways

/** Longer than any scenario that runs in real time should take. */
const patience = "3 minutes"

const Port = Schema.Struct({ port: Schema.Int })

const Books = Schema.Struct({
  statuses: Schema.Record(Schema.String, Schema.Int),
  traffic: Schema.Array(Schema.Struct({
    limit: Schema.String,
    group: Schema.String,
    startsAt: Schema.Finite,
    endsAt: Schema.Finite,
    accepted: Schema.Int,
    refused: Schema.Int,
    tokens: Schema.Finite
  }))
})

class ServerEnded extends Schema.TaggedError<ServerEnded>()("ServerEnded", { message: Schema.String }) {}

const start = (scenario: Scenario) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      fork(new URL("./server.ts", import.meta.url), [JSON.stringify(optionsOf(scenario))], {
        execArgv: ["--import", new URL("../resolve-sources.ts", import.meta.url).href]
      })
    ),
    (child) => Effect.sync(() => child.kill())
  )

/** The next message of a child. */
const heard = <S extends Schema.ConstraintDecoder<unknown>>(child: ChildProcess, schema: S) =>
  Effect.callback<unknown, ServerEnded>((resume) => {
    const onMessage = (message: unknown) => resume(Effect.succeed(message))
    const onExit = (code: number | null) =>
      resume(Effect.fail(new ServerEnded({ message: `the server ended with ${code}` })))
    child.once("message", onMessage).once("exit", onExit)
    return Effect.sync(() => child.off("message", onMessage).off("exit", onExit))
  }).pipe(Effect.timeout("30 seconds"), Effect.flatMap(Schema.decodeUnknownEffect(schema)))

/** Waits for a full second: windows begin in the middle of one. */
const aligned = Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.sleep(1000 - now % 1000))

/** Runs a scenario with a client that has a server process of its own. */
export const runOverSockets = (scenario: Scenario, client: Client, way: Way) =>
  Effect.gen(function*() {
    const child = yield* start(scenario)
    const { port } = yield* heard(child, Port)
    const books = Effect.suspend(() => {
      const answer = heard(child, Books)
      return Effect.andThen(Effect.sync(() => child.send("books")), answer)
    })
    const layer = client.layer(scenario, `http://127.0.0.1:${port}/api/v1`).pipe(Layer.provide(ways[way]))
    yield* aligned
    return yield* Effect.provide(
      run(scenario, (fiber) => Effect.ignore(Effect.timeout(Fiber.await(fiber), patience)), books),
      layer
    )
  }).pipe(Effect.scoped)
