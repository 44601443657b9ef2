/**
 * Other clients of OpenRouter against the emulator, unchanged: the AI SDK with its provider, and `@effect/ai-openrouter`. They
 * know the chat endpoint only, and live in projects of their own, because the one is large and the other needs Effect 3. The
 * clients that live beside this package are in its test suite.
 *
 *     npm run neighbours
 *
 * Ends with `N passed, N failed`; the exit code is 1 where a check fails.
 */
import { NodeHttpServer, NodeServices } from "@effect/platform-node"
import { Effect, FileSystem, Layer, Schema } from "effect"
import { Emulator } from "effect-openrouter/testing"
import { HttpServer } from "effect/http"
import { execFile } from "node:child_process"
import { createServer } from "node:http"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { make as makeReport } from "./conformance/report.ts"

interface Neighbour {
  readonly name: string
  readonly program: string
  readonly packages: ReadonlyArray<string>
}

const neighbours: ReadonlyArray<Neighbour> = [
  {
    name: "ai and @openrouter/ai-sdk-provider",
    program: "ai-sdk.mjs",
    packages: ["ai@7.0.173", "@openrouter/ai-sdk-provider@3.1.0", "zod@4.6.7"]
  },
  {
    name: "@effect/ai-openrouter",
    program: "effect-ai.mjs",
    packages: [
      "@effect/ai@0.35.0",
      "@effect/ai-openrouter@0.10.1",
      "@effect/experimental@0.60.0",
      "@effect/platform@0.96.3",
      "effect@3.22.4"
    ]
  }
]

const { Reply } = Emulator

const emulator = Emulator.layerServer({
  rules: [
    { when: { textIncludes: "sunny" }, reply: Reply.text("It is sunny.") },
    { when: { textIncludes: "How is the weather?" }, reply: Reply.toolCall("weather", { city: "Bern" }) }
  ]
}).pipe(Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" })))

const Line = Schema.fromJsonString(Schema.Struct({
  name: Schema.optionalKey(Schema.String),
  problem: Schema.optionalKey(Schema.String),
  outputTokens: Schema.optionalKey(Schema.Int)
}))

const report = makeReport(console.log)

class CommandFailed extends Schema.TaggedError<CommandFailed>()("CommandFailed", { cause: Schema.Defect() }) {}

const run = (cwd: string, env: Readonly<Record<string, string>>, file: string, args: ReadonlyArray<string>) =>
  Effect.map(
    Effect.tryPromise({
      try: (signal) =>
        promisify(execFile)(file, args, { cwd, env: { ...process.env, ...env }, signal, timeout: 240_000 }),
      catch: (cause) => new CommandFailed({ cause })
    }),
    ({ stdout }) => stdout
  )

/** Makes the project of a neighbour in a folder. */
const installed = Effect.fnUntraced(function*({ packages, program }: Neighbour) {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "effect-openrouter-neighbour-" })
  yield* fs.writeFileString(`${folder}/package.json`, "{\"private\":true,\"type\":\"module\"}")
  const here = fileURLToPath(new URL("neighbours", import.meta.url))
  for (const file of ["checks.mjs", program]) yield* fs.copyFile(`${here}/${file}`, `${folder}/${file}`)
  const flags = ["--no-audit", "--no-fund", "--loglevel=error", "--legacy-peer-deps", "--save-exact"]
  yield* run(folder, {}, "npm", ["install", ...flags, ...packages])
  return folder
})

const visit = Effect.fnUntraced(function*(neighbour: Neighbour, url: string) {
  const { name, program } = neighbour
  // As short as this the books show it as it is.
  const key = program.replace(".mjs", "")
  const folder = yield* installed(neighbour)
  const output = yield* run(folder, { EMULATOR_URL: url, OPENROUTER_API_KEY: key }, process.execPath, [program])
  const lines = yield* Effect.forEach(output.trim().split("\n"), (line) => Schema.decodeEffect(Line)(line))
  for (const line of lines) {
    if (line.name !== undefined) report.check(`${name}: ${line.name}`, line.problem)
  }
  const { accounts } = yield* Emulator.Emulator.use((emulator) => emulator.ledger)
  const booked = accounts.filter((account) => account.key === key).reduce(
    (sum, { outputTokens }) => sum + outputTokens,
    0
  )
  const seen = lines.at(-1)?.outputTokens
  report.check(`${name}: books`, booked === seen ? undefined : `${booked} tokens are booked, the client saw ${seen}`)
  report.note(`${name}: ${lines.length} checks`)
}, Effect.scoped)

const program = Effect.gen(function*() {
  const url = yield* HttpServer.addressFormattedWith((address) => Effect.succeed(address))
  for (const neighbour of neighbours) {
    yield* visit(neighbour, url).pipe(
      Effect.catch((error) => Effect.sync(() => report.check(neighbour.name, String(error))))
    )
  }
})

await program.pipe(Effect.provide(Layer.merge(emulator, NodeServices.layer)), Effect.runPromise)
process.exitCode = report.finish() ? 0 : 1
