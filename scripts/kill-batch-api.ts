/**
 * Kills a process that hands in batches with SIGKILL, at moments that a seed says: after so many of its requests have come, and a
 * little later, so between sending a batch and writing down that it was accepted as well. Run again to its end, all is answered,
 * nothing was paid for twice, and its ledger agrees with the emulator's books.
 *
 *     npm run kill:batch-api [-- <kills> <seed>]
 *
 * Ends with `N passed, N failed`; the exit code is 1 where a check fails.
 */
import { NodeHttpServer, NodeServices } from "@effect/platform-node"
import { Effect, FileSystem, Layer, Random, Schema } from "effect"
import { Usd } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"
import { HttpServer } from "effect/http"
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:http"
import { make as makeReport } from "./conformance/report.ts"

const [kills = 20, seed = 1] = process.argv.slice(2).map(Number)

const report = makeReport(console.log)

const Ended = Schema.Struct({ completed: Schema.Int, cost: Schema.String })

/** So many requests are handed in, in so many batches. */
const requests = 60

const emulator = Emulator.layerServer({ batchTime: "150 millis" }).pipe(
  Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" }))
)

const started = (file: string, url: string) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      fork(new URL("kill-batch/api-client.ts", import.meta.url), [file, url], {
        execArgv: ["--import", new URL("resolve-sources.ts", import.meta.url).href]
      })
    ),
    (child) => Effect.sync(() => void child.kill("SIGKILL"))
  )

const exited = (child: ChildProcess) =>
  Effect.promise(async () => {
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit")
  })

/** What a child says at its end; nothing if it is killed. */
const saying = (child: ChildProcess) =>
  Effect.promise(async (): Promise<unknown> => {
    const [said] = await Promise.race([once(child, "message"), once(child, "exit")])
    return said
  })

/** Kills a run once so many more requests have come; tells what they were, or that it had ended before. */
const killed = Effect.fnUntraced(function*(file: string, url: string, after: number, later: number) {
  const { requests } = yield* Emulator.Emulator
  const before = (yield* requests).length
  const child = yield* started(file, url)
  const come = Effect.gen(function*() {
    while ((yield* requests).length < before + after) yield* Effect.sleep(1)
    yield* Effect.sleep(later)
  })
  yield* Effect.raceFirst(come, exited(child))
  const isKilled = child.kill("SIGKILL") && child.exitCode === null
  yield* exited(child)
  const last = (yield* requests).at(-1)
  return isKilled ? `${last?.method} ${last?.path.replace("/api/v1", "")}` : undefined
}, Effect.scoped)

const story = Effect.fnUntraced(function*(name: string, times: number) {
  const fs = yield* FileSystem.FileSystem
  const { ledger, reset } = yield* Emulator.Emulator
  yield* reset
  const file = `${yield* fs.makeTempDirectoryScoped()}/jobs.batches`
  const url = `${yield* HttpServer.addressFormattedWith((address) => Effect.succeed(address))}/api/v1`
  const at: Array<string | undefined> = []
  for (let kill = 0; kill < times; kill++) {
    at.push(yield* killed(file, url, yield* Random.nextIntBetween(1, 8), yield* Random.nextIntBetween(0, 6)))
  }
  const ended = yield* Effect.scoped(Effect.flatMap(started(file, url), saying)).pipe(
    Effect.timeout("60 seconds"),
    Effect.flatMap(Schema.decodeUnknownEffect(Ended))
  )
  const { calls, total } = yield* ledger
  const charged = `${Usd.fromDecimal(total)}`
  report.note(`${name}: killed at ${at.join(", ")}`)
  report.check(`${name}: answers`, ended.completed === requests ? undefined : `${ended.completed} of ${requests}`)
  report.check(`${name}: paid once`, calls === requests ? undefined : `${calls} were paid for`)
  report.check(`${name}: the books`, ended.cost === charged ? undefined : `${ended.cost} of ${charged}`)
  return at.filter((moment) => moment !== undefined).length
}, Effect.scoped)

const program = Effect.gen(function*() {
  let done = 0
  for (let number = 1; done < kills && number <= kills; number++) done += yield* story(`story ${number}`, 3)
  report.check("kills", done >= kills ? undefined : `only ${done} runs were killed`)
})

await program.pipe(
  Random.withSeed(seed),
  Effect.provide(Layer.merge(emulator, NodeServices.layer)),
  Effect.runPromise
)
if (!report.finish()) process.exitCode = 1
