/**
 * Kills a batch of 2,000 lines three times with SIGKILL at random moments, runs it to its end, and checks its output against the
 * emulator's books: every line is there once, in order, and how often it was paid for. Once without OpenRouter's response cache,
 * where what was in flight at a kill is paid for twice, and once with it, where nothing is.
 *
 *     npm run kill:batch [-- <kills> <seed>]
 *
 * Ends with `N passed, N failed`; the exit code is 1 where a check fails.
 */
import { NodeFileSystem } from "@effect/platform-node"
import { Clock, Effect, FileSystem, Random, Schema } from "effect"
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { make as makeReport } from "./conformance/report.ts"
import * as Lines from "./kill-batch/lines.ts"

const [kills = 3, seed = 1] = process.argv.slice(2).map(Number)

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

const message = (child: ChildProcess) =>
  Effect.promise(async (): Promise<unknown> => {
    const [said] = await Promise.race([once(child, "message"), once(child, "exit")])
    return said
  }).pipe(Effect.timeout("60 seconds"))

const exited = (child: ChildProcess) =>
  Effect.promise(async () => {
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit")
  })

const OutputLine = Schema.fromJsonString(Schema.Struct({
  id: Schema.String,
  index: Schema.Int,
  value: Schema.optionalKey(Schema.String),
  error: Schema.optionalKey(Schema.Struct({ _tag: Schema.String }))
}))

const Ended = Schema.Struct({ outcomes: Schema.Record(Schema.String, Schema.Int) })

/** What is wrong with a line of the output. */
const problemOf = (line: string, n: number): string | undefined => {
  const { error, id, index, value } = Schema.decodeUnknownSync(OutputLine)(line)
  if (id !== `line-${n}` || index !== n) return `has ${id} at ${index}`
  return Lines.isRefused(n)
    ? error?._tag === "Refused" ? undefined : `is ${error?._tag ?? "a value"} and should be refused`
    : value === undefined || value === ""
    ? `has no value, but ${error?._tag}`
    : undefined
}

const isCaching = (url: string) =>
  Effect.promise(async () => {
    const ask = () =>
      fetch(`${url}/responses`, {
        method: "POST",
        headers: { authorization: "Bearer x", "content-type": "application/json", "x-openrouter-cache": "true" },
        body: JSON.stringify({ model: "openai/gpt-5", input: "Do you keep answers?" })
      })
    await (await ask()).text()
    return (await ask()).headers.get("x-openrouter-cache-status") === "HIT"
  })

const round = Effect.fnUntraced(function*(cache: "on" | "off") {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped()
  const [input, output] = [`${folder}/in.jsonl`, `${folder}/out.jsonl`]
  const items = Array.from({ length: Lines.count }, (_, n) => `${JSON.stringify(Lines.itemOf(n))}\n`)
  yield* fs.writeFileString(input, items.join(""))
  const server = yield* started("server", [])
  const url = `http://127.0.0.1:${String(yield* message(server))}/api/v1`
  if (cache === "on" && !(yield* isCaching(url))) {
    return report.note("cache on: skipped, this emulator keeps no answers")
  }

  const args = [input, output, url, cache]
  const at: Array<number> = []
  for (let kill = 1; kill <= kills; kill++) {
    const child = yield* started("client", [...args, String(yield* Random.nextIntBetween(1, 500))])
    const said = yield* message(child)
    yield* Effect.sleep(yield* Random.nextIntBetween(0, 50))
    child.kill("SIGKILL")
    yield* exited(child)
    const done = (yield* fs.readFileString(output)).split("\n").length - 1
    at.push(done)
    report.check(`cache ${cache}, kill ${kill}`, said === "begun" && done < Lines.count ? undefined : "came too late")
  }
  const before = yield* Clock.currentTimeMillis
  const last = yield* started("client", args)
  // Of the two messages only the last one is about its end.
  const first = yield* message(last)
  const { outcomes } = yield* Schema.decodeUnknownEffect(Ended)(first === "begun" ? yield* message(last) : first)
  const millis = (yield* Clock.currentTimeMillis) - before
  yield* exited(last)

  const lines = (yield* fs.readFileString(output)).split("\n").slice(0, -1)
  report.check(`cache ${cache}: the number of lines`, lines.length === Lines.count ? undefined : `${lines.length}`)
  for (const [n, line] of lines.entries()) report.check(`cache ${cache}, line ${n}`, problemOf(line, n))
  server.send("books")
  const books = yield* Schema.decodeUnknownEffect(Lines.Books)(yield* message(server))
  const probes = cache === "on" ? 1 : 0
  const twice = Object.entries(books.twice)
  const inFlight = kills * Lines.concurrency
  const allowed = cache === "on" ? 0 : inFlight
  report.check(
    `cache ${cache}: every line was paid for`,
    books.lines - probes === Lines.count ? undefined : `${books.lines}`
  )
  report.check(
    `cache ${cache}: paid twice`,
    books.paid - books.lines <= allowed
      ? undefined
      : `${books.paid - books.lines}: ${JSON.stringify(twice.slice(0, 5))}`
  )
  report.check(
    `cache ${cache}: the books`,
    books.booked === books.paid ? undefined : `${books.booked} of ${books.paid}`
  )
  report.note(
    `cache ${cache}: killed at ${at.join(", ")} lines; ${
      books.paid - books.lines
    } paid twice of ${inFlight} that may be in flight; ` +
      `the last run: ${JSON.stringify(outcomes)} in ${millis} ms; the server: ${JSON.stringify(books.statuses)}`
  )
}, Effect.scoped)

await round("off").pipe(
  Effect.andThen(round("on")),
  Random.withSeed(seed),
  Effect.provide(NodeFileSystem.layer),
  Effect.runPromise
)
if (!report.finish()) process.exitCode = 1
