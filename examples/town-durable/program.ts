/** Two runners, the emulator, and who wants to hear the story; `main.ts` runs it. */
import { NodeHttpServer, NodeRuntime, NodeServices } from "@effect/platform-node"
import { Config, Console, Effect, FileSystem, Layer, Option } from "effect"
import { Usd } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"
import { HttpServer } from "effect/http"
import { fork } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:http"
import * as Story from "./Story.ts"

const emulator = Emulator.layerServer({ latency: "100 millis" }).pipe(
  Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" }))
)

const freePort = Effect.promise(async () => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  return typeof address === "object" && address !== null ? address.port : 0
})

const main = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const { address } = yield* HttpServer.HttpServer
  const api = `http://127.0.0.1:${"port" in address ? address.port : 0}/api/v1`
  const url = yield* Config.option(Config.String("DATABASE_URL"))
  const database = Option.getOrElse(url, () => "") || `${yield* fs.makeTempDirectoryScoped()}/town.db`
  yield* Console.log(`Two runners over ${Option.isSome(url) ? "PostgreSQL" : "one SQLite file"}`)

  let teller: string | undefined
  const ready = new Set<string>()
  const runner = (name: string) =>
    Effect.flatMap(freePort, (port) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const child = fork(new URL("runner.ts", import.meta.url), [database, `${port}`, api], {
            execArgv: ["--import", new URL("../../scripts/resolve-sources.ts", import.meta.url).href],
            stdio: ["ignore", "ignore", "inherit", "ipc"]
          })
          child.on("message", (line) => {
            if (line === "ready") return void ready.add(name)
            teller = name
            console.log(String(line).replace(/^(\n*)/, `$1${name}: `))
          })
          return child
        }),
        (child) =>
          Effect.promise(async () => {
            if (child.exitCode !== null || child.signalCode !== null) return
            child.kill("SIGTERM")
            await once(child, "exit")
          })
      ))
  const runners = { A: yield* runner("A"), B: yield* runner("B") }

  // They share the work out once both are there.
  while (ready.size < 2) yield* Effect.sleep("50 millis")
  yield* Effect.sleep("3 seconds")

  const received = Emulator.Emulator.use(({ ledger }) =>
    Effect.map(ledger, ({ statuses }) => Object.values(statuses).reduce((sum, count) => sum + count, 0))
  )
  const payload = { id: "story 1", ticks: 3, model: "openai/gpt-5" }
  const scenes = yield* Effect.gen(function*() {
    yield* Effect.forkScoped(Effect.gen(function*() {
      while ((yield* received) < 40) yield* Effect.sleep("10 millis")
      const victim = teller === "B" ? runners.B : runners.A
      victim.kill("SIGKILL")
      yield* Console.log(`\n*** ${teller === "B" ? "B" : "A"} is killed\n`)
    }))
    yield* Story.Story.execute(payload, { discard: true })
    return yield* Story.Story.execute(payload)
  }).pipe(Effect.scoped, Effect.provide(Story.client({ database })))

  yield* Console.log("\nIn the end:")
  yield* Effect.forEach(scenes, ({ narration, place }) => Console.log(`    ${place}: ${narration}`))
  const { calls, total } = yield* Emulator.Emulator.use(({ ledger }) => ledger)
  yield* Console.log(`\n${yield* received} requests, ${calls} paid: ${Usd.format(Usd.fromDecimal(total))}`)
}).pipe(Effect.scoped, Effect.provide([emulator, NodeServices.layer]))

NodeRuntime.runMain(main)
