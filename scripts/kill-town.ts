/**
 * Kills the town with `kill -9` at moments all over its story, runs it again with its journal, and checks that the story is the
 * one that an unbroken run tells, byte for byte, and that no more was paid for it: what was in flight is answered from
 * OpenRouter's response cache. One call in twenty fails for good.
 *
 *     npm run kill:town [-- <kills> <seed>]
 *
 * Ends with `N passed, N failed`; the exit code is 1 where a check fails.
 */
import { NodeHttpServer, NodeServices } from "@effect/platform-node"
import { BigDecimal, Effect, FileSystem, Layer, Random } from "effect"
import { Emulator } from "effect-openrouter/testing"
import { HttpServer } from "effect/http"
import { fork } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:http"
import { make as makeReport } from "./conformance/report.ts"

const [kills = 20, seed = 1] = process.argv.slice(2).map(Number)

const characters = 60

const report = makeReport(console.log)

/** True for one text in twenty, always the same ones. */
const isUnlucky = (text: string): boolean => {
  let sum = 0
  for (let index = 0; index < text.length; index++) sum = (sum * 31 + text.charCodeAt(index)) % 1_000_003
  return sum % 20 === 0
}

const emulator = Emulator.layerServer({
  seed,
  latency: "30 millis",
  rules: [{
    when: ({ text }) => isUnlucky(text),
    reply: Emulator.Reply.failure(403, { errorType: "refusal", message: "No." })
  }]
}).pipe(Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" })))

/** How the process of a town ended, and what it printed. */
interface Ended {
  readonly isKilled: boolean
  readonly code: number | null
  readonly story: string
}

/** Runs the town in a process; `until` is asked every few milliseconds whether it is to be killed now. */
const town = (url: string, journal: string, until: () => Promise<boolean>) =>
  Effect.promise(async (): Promise<Ended> => {
    const child = fork(
      new URL("../examples/town/main.ts", import.meta.url),
      ["--live", "--json", "--journal", journal, "--characters", String(characters), "--seed", String(seed)],
      { env: { ...process.env, OPENROUTER_API_KEY: "sk-or-v1-town", OPENROUTER_API_URL: url }, silent: true }
    )
    let printed = ""
    child.stdout?.setEncoding("utf8").on("data", (text: string) => printed += text)
    child.stderr?.setEncoding("utf8").on("data", (text: string) => process.stderr.write(text))
    const ended = once(child, "exit")
    while (child.exitCode === null && child.signalCode === null && !child.killed) {
      if (await until()) child.kill("SIGKILL")
      else await new Promise((resolve) => setTimeout(resolve, 3))
    }
    await ended
    return { isKilled: child.signalCode === "SIGKILL", code: child.exitCode, story: storyIn(printed) }
  })

/** What was told, without what it cost. */
const storyIn = (printed: string): string => {
  const told: unknown = printed === "" ? undefined : JSON.parse(printed)
  return typeof told === "object" && told !== null && "ticks" in told ? JSON.stringify(told.ticks) : ""
}

const main = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped()
  const server = yield* HttpServer.HttpServer
  const port = "port" in server.address ? server.address.port : 0
  const url = `http://127.0.0.1:${port}/api/v1`
  const { ledger, reset } = yield* Emulator.Emulator
  const received = Effect.map(ledger, ({ statuses }) => Object.values(statuses).reduce((sum, count) => sum + count, 0))
  const paid = Effect.map(ledger, ({ total }) => BigDecimal.format(total))
  const never = () => Promise.resolve(false)

  const whole = yield* town(url, `${folder}/whole.jsonl`, never)
  const calls = yield* received
  const cost = yield* paid
  report.check("an unbroken story is told", whole.code === 0 && whole.story !== "" ? undefined : `code ${whole.code}`)
  report.note(`${calls} requests, ${cost} USD`)

  for (let kill = 1; kill <= kills; kill++) {
    yield* reset
    const journal = `${folder}/${kill}.jsonl`
    // In every part of the story, and not at the same places each time.
    const at = Math.max(1, Math.floor(calls * (kill - 1 + (yield* Random.next)) / kills))
    const broken = yield* town(url, journal, () => Effect.runPromise(Effect.map(received, (count) => count >= at)))
    const before = yield* received
    const again = yield* town(url, journal, never)
    const [total, all] = [yield* paid, yield* received]
    report.check(
      `killed at request ${at} of ${calls}`,
      !broken.isKilled
        ? `it was not killed, and ended with ${broken.code}`
        : again.story !== whole.story
        ? "the story is another one"
        : total !== cost
        ? `${total} USD were paid, and ${cost} by the unbroken run (${before} requests, then ${all - before})`
        : undefined
    )
  }
  if (!report.finish()) process.exitCode = 1
}).pipe(
  Effect.scoped,
  Random.withSeed(`town ${seed}`),
  Effect.provide([emulator, NodeServices.layer])
)

await Effect.runPromise(main)
