/**
 * Kills either side under load. The emulator with SIGKILL, to start it again on the same port: every call completes all the
 * same. The client with SIGINT: it stops within a second, all connections are closed, its journal is whole, and what it
 * begins anew is paid for once.
 *
 *     npm run kill:load [-- <seed>]
 *
 * Ends with `N passed, N failed`; the exit code is 1 where a check fails.
 */
import { NodeFileSystem } from "@effect/platform-node"
import { Clock, Effect, Exit, FileSystem, Layer, Random, Redacted, Schema, Scope } from "effect"
import { Journal, OpenRouter } from "effect-openrouter"
import { DispatchHttpClient } from "effect-openrouter/node"
import { make as makeReport } from "./conformance/report.ts"
import * as Child from "./soak/child.ts"
import * as Plan from "./soak/plan.ts"

const [seed = 1] = process.argv.slice(2).map(Number)

const concurrency = 64

const report = makeReport((line) => process.stdout.write(`${line}\n`))

const client = (apiUrl: string) =>
  OpenRouter.layer({ apiKey: Redacted.make("sk-or-soak"), apiUrl }).pipe(Layer.provide(DispatchHttpClient.layer))

const ask = (n: number) =>
  OpenRouter.respond({ model: Plan.models[n % Plan.models.length] ?? "", input: Plan.questionOf(n) }).pipe(
    Effect.map(({ text }) => text === Plan.answerOf(0, { n, item: 0, step: 0 }) ? undefined : `answered with ${text}`)
  )

const serverKills = 2

/** The emulator is killed while calls are under way, is away for half a second, and comes again. */
const killsServer = Effect.gen(function*() {
  const first = yield* Scope.make()
  let server = yield* Scope.provide(Child.startServer("calm"), first)
  const { port, url } = server
  let scope: Scope.Closeable = first
  const load = { isOver: false }
  let next = 0
  let ended = 0
  const caller = Effect.gen(function*() {
    while (!load.isOver) {
      const n = next++
      const exit = yield* Effect.exit(ask(n))
      report.check(
        `call ${n} beside a server that is killed`,
        Exit.isSuccess(exit) ? exit.value : String(exit.cause)
      )
      ended++
    }
  })
  const killer = Effect.gen(function*() {
    for (let kill = 1; kill <= serverKills; kill++) {
      yield* Effect.sleep(yield* Random.nextIntBetween(800, 1500))
      yield* Scope.close(scope, Exit.void)
      yield* Child.exited(server.child)
      yield* Effect.sleep(500)
      scope = yield* Scope.make()
      server = yield* Scope.provide(Child.startServer("calm", port), scope)
    }
    yield* Effect.sleep(1000)
    load.isOver = true
  })
  yield* Effect.all([killer, ...Array.from({ length: concurrency }, () => caller)], {
    concurrency: "unbounded",
    discard: true
  }).pipe(Effect.provide(client(url)), Effect.ensuring(Effect.suspend(() => Scope.close(scope, Exit.void))))
  report.note(`${ended} calls beside a server that was killed ${serverKills} times`)
})

const Told = Schema.Struct({
  ended: Schema.optionalKey(Schema.Int),
  done: Schema.optionalKey(Schema.Boolean)
})

const calls = 1000
const interrupts = 3

/** The client is interrupted, and begun anew until it is done. */
const interruptsClient = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped()
  const file = `${folder}/journal.jsonl`
  const server = yield* Child.startServer("calm")
  const args = [file, server.url, String(calls)]
  let slowest = 0
  let least = 0
  for (let round = 1; round <= interrupts; round++) {
    const child = yield* Child.start("./journaled.ts", args)
    let had = 0
    child.on("message", (message) => {
      had = Schema.decodeUnknownSync(Told)(message).ended ?? had
    })
    yield* Child.heard(child, Told)
    yield* Effect.sleep(yield* Random.nextIntBetween(50, 300))
    const before = yield* Clock.currentTimeMillis
    child.kill("SIGINT")
    yield* Child.exited(child)
    const took = (yield* Clock.currentTimeMillis) - before
    slowest = Math.max(slowest, took)
    report.check(`interrupt ${round}: stops within a second`, took < 1000 ? undefined : `took ${took} ms`)
    report.check(`interrupt ${round}: by the interrupt`, had < calls ? undefined : "it was done before")
    yield* Effect.sleep(100)
    const { openConnections, openRequests } = yield* server.books
    report.check(
      `interrupt ${round}: connections are closed`,
      openConnections + openRequests === 0 ? undefined : `${openConnections} connections, ${openRequests} requests`
    )
    const journaled = yield* Effect.gen(function*() {
      return yield* Journal.summary("soak")
    }).pipe(Effect.provide(Journal.layerFile(file), { local: true }))
    // What was answered from the journal was told again.
    report.check(
      `interrupt ${round}: the journal has what was answered`,
      journaled.calls >= Math.max(had, least) ? undefined : `${journaled.calls} of ${Math.max(had, least)}`
    )
    report.note(`interrupt ${round}: ${journaled.calls} of ${calls} calls are in the journal, stopped after ${took} ms`)
    least = journaled.calls
  }
  const last = yield* Child.start("./journaled.ts", args)
  let isDone = false
  last.on("message", (message) => {
    isDone ||= Schema.decodeUnknownSync(Told)(message).done === true
  })
  yield* Child.exited(last)
  report.check("what was interrupted is done in the end", isDone ? undefined : "it is not")
  const books = yield* server.books
  // What was under way is found again in OpenRouter's response cache, which journaled calls ask for.
  report.check("calls are paid for once", books.calls === calls ? undefined : `${books.calls} generations of ${calls}`)
  report.note(`${interrupts} interrupts, the slowest took ${slowest} ms; ${books.calls} generations for ${calls} calls`)
})

await killsServer.pipe(
  Effect.andThen(interruptsClient),
  Effect.scoped,
  Random.withSeed(seed),
  Effect.provide(NodeFileSystem.layer),
  Effect.runPromise
)
if (!report.finish()) process.exitCode = 1
