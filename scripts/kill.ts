/**
 * Kills a process with `kill -9` while it continues conversations in a file, 20 times, and checks what is in the file each time:
 * it opens at once, every conversation is whole, no answer is missing that the process had, and nothing is there that it had not asked.
 *
 *     npm run kill [-- <kills> <seed>]
 *
 * Ends with `N passed, N failed`; the exit code is 1 where a check fails.
 */
import { NodeFileSystem } from "@effect/platform-node"
import { Clock, Effect, FileSystem, Random } from "effect"
import { Conversations } from "effect-openrouter"
import { fork } from "node:child_process"
import { once } from "node:events"
import { make as makeReport } from "./conformance/report.ts"
import { depth, keys, numberOf, saidIn } from "./kill/talk.ts"

const [kills = 20, seed = 1] = process.argv.slice(2).map(Number)

const report = makeReport(console.log)

/** Runs the writer, and kills it so many milliseconds after it has begun. */
const killed = (millis: number, ...args: ReadonlyArray<string>) =>
  Effect.promise(async () => {
    const execArgv = ["--import", new URL("resolve-sources.ts", import.meta.url).href]
    const child = fork(new URL("kill/writer.ts", import.meta.url), [...args], { execArgv })
    const ended = once(child, "exit")
    const ready = await Promise.race([once(child, "message").then(() => true), ended.then(() => false)])
    if (!ready) return false
    await new Promise((resolve) => setTimeout(resolve, millis))
    child.kill("SIGKILL")
    await ended
    return true
  })

/** What is wrong with a conversation whose process had the answer to question `had`. */
const problemOf = (said: ReadonlyArray<string>, last: number, had: number): string | undefined => {
  if (last < had) return `question ${had} was answered and is not there: the last is ${last}`
  if (last > had + 1) return `question ${last} is there, and ${had} was the last one answered`
  if (said.length !== 2 * Math.min(last, depth)) return `has ${said.length} items after question ${last}`
  const first = last - said.length / 2 + 1
  const isWhole = said.every((text, index) =>
    index % 2 === 0 ? text === String(first + index / 2) : text.includes("answer to ")
  )
  return isWhole ? undefined : `is not whole: ${said.join(" | ")}`
}

const main = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped()
  const [file, notes] = [`${folder}/talks.jsonl`, `${folder}/notes.txt`]
  /** The last answer of each conversation that somebody is known to have had, or that was found. */
  const had = new Map<string, number>()
  let slowest = 0
  for (let kill = 1; kill <= kills; kill++) {
    const millis = yield* Random.nextIntBetween(1, 500)
    report.check(`the process begins for kill ${kill}`, (yield* killed(millis, file, notes)) ? undefined : "it ended")
    for (const line of (yield* fs.readFileString(notes)).trim().split("\n")) {
      const [key = "", n] = line.split(" ")
      had.set(key, Math.max(had.get(key) ?? 0, Number(n)))
    }
    const before = yield* Clock.currentTimeMillis
    yield* Effect.gen(function*() {
      slowest = Math.max(slowest, (yield* Clock.currentTimeMillis) - before)
      for (const key of keys) {
        const conversation = yield* Conversations.get(key)
        const last = numberOf(conversation)
        const problem = problemOf(saidIn(conversation), last, had.get(key) ?? 0)
        report.check(`${key} after kill ${kill}`, problem)
        had.set(key, last)
      }
    }).pipe(Effect.provide(Conversations.layerFile(file, { depth }), { local: true }))
  }
  const { size } = yield* fs.stat(file)
  const answers = (yield* fs.readFileString(notes)).trim().split("\n").length
  report.note(`${kills} kills, ${answers} answers, ${size} bytes left, opened in ${slowest} ms at most`)
  if (!report.finish()) process.exitCode = 1
}).pipe(Effect.scoped, Random.withSeed(seed), Effect.provide(NodeFileSystem.layer))

await Effect.runPromise(main)
