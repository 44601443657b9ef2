/**
 * Kills a process with SIGKILL at 20 moments while it submits batches to the Batch API and waits for them, and runs it to its end:
 * the emulator, in a process of its own, must have accepted each batch once and been paid for each request once. At a quarter
 * of the kills at least there is a batch that was accepted and whose id is not stored.
 *
 *     npm run kill:batch-api [-- <kills> <seed>]
 *
 * Ends with `N passed, N failed`; the exit code is 1 where a check fails.
 */
import { NodeFileSystem } from "@effect/platform-node"
import { Clock, Effect, FileSystem, Random, Schema } from "effect"
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { make as makeReport } from "./conformance/report.ts"
import * as Api from "./kill-batch/api.ts"

const [kills = 20, seed = 1] = process.argv.slice(2).map(Number)

const report = makeReport(console.log)

const started = (module: string, args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      fork(new URL(`kill-batch/${module}.ts`, import.meta.url), [...args], {
        execArgv: ["--import", new URL("resolve-sources.ts", import.meta.url).href]
      })
    ),
    (child) => Effect.sync(() => void child.kill("SIGKILL"))
  )

/** What a process says next; `undefined` if it ends instead. */
const message = (child: ChildProcess) =>
  Effect.promise(async (): Promise<unknown> => {
    const [said] = await Promise.race([once(child, "message"), once(child, "exit")])
    return said
  }).pipe(Effect.timeout("60 seconds"))

const killed = (child: ChildProcess) =>
  Effect.promise(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill("SIGKILL")
    await once(child, "exit")
  })

const Line = Schema.fromJsonString(Schema.Struct({ _tag: Schema.String }))

/** How many batches are stored in the file, which a kill may have torn. */
const storedIn = (text: string) =>
  text.split("\n").filter((line) => {
    const read = Schema.decodeUnknownOption(Line)(line)
    return read._tag === "Some" && read.value._tag === "Batch"
  }).length

const Ended = Schema.Struct({ answered: Schema.Int })

const main = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const file = `${yield* fs.makeTempDirectoryScoped()}/killed.batches`
  const server = yield* started("api-server", [])
  const args = [file, `http://127.0.0.1:${String(yield* message(server))}/api/v1`]
  let accepted = 0
  server.on("message", (said) => {
    if (typeof said === "object" && said !== null && !("paid" in said)) accepted++
  })
  const stored = Effect.map(Effect.orElseSucceed(fs.readFileString(file), () => ""), storedIn)

  let between = 0
  for (let kill = 1; kill <= kills; kill++) {
    const child = yield* started("api-client", args)
    yield* message(child)
    if (yield* Random.nextBoolean) {
      // When it has just sent a batch of which it does not know yet that it was accepted, or soon after.
      const before = accepted
      yield* Effect.sleep("1 millis").pipe(
        Effect.repeat({ while: () => accepted === before && child.exitCode === null }),
        Effect.timeout("20 seconds")
      )
      yield* Effect.sleep(yield* Random.nextIntBetween(0, Api.heldBack * 1.5))
    } else {
      // While it looks for what it does not know of, sends the next, or has stored it.
      yield* Effect.sleep(yield* Random.nextIntBetween(0, 200))
    }
    const ended = child.exitCode !== null
    yield* killed(child)
    if (accepted > (yield* stored)) between++
    report.check(`kill ${kill}`, ended ? "came too late" : undefined)
  }

  const before = yield* Clock.currentTimeMillis
  const last = yield* started("api-client", args)
  yield* message(last)
  const { answered } = yield* Schema.decodeUnknownEffect(Ended)(yield* message(last))
  const millis = (yield* Clock.currentTimeMillis) - before
  server.send("books")
  const books = yield* Schema.decodeUnknownEffect(Api.Books)(yield* message(server))
  const total = Api.requests.length
  report.note(
    `${kills} kills, ${between} of them while the id of an accepted batch was not stored; ${books.accepted} batches, ${books.paid} requests paid, ` +
      `${answered} answered; the last run took ${millis} ms`
  )
  report.check("every request is answered", answered === total ? undefined : `${answered} of ${total}`)
  report.check("no batch is sent twice", books.accepted === Api.batches ? undefined : `${books.accepted}`)
  report.check("nothing is paid for twice", books.paid === total ? undefined : `${books.paid} of ${total}`)
  report.check("some kills fell between accepting and storing", between >= kills / 4 ? undefined : `${between}`)
}).pipe(Effect.scoped)

await main.pipe(Random.withSeed(seed), Effect.provide(NodeFileSystem.layer), Effect.runPromise)
if (!report.finish()) process.exitCode = 1
