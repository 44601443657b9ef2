/** Node, Bun and Deno: the program, what is kept on disk, test runners, and where `/node` cannot be used. */
import { Effect } from "effect"
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { run } from "./command.ts"
import * as Documents from "./documents.ts"
import { type Places, type Result, timed } from "./programs/program.ts"

type Words = ReadonlyArray<string>

/** Runs a program that prints its results; what it does not print fails as `name`. */
const results = (
  project: string,
  name: string,
  command: Words
): Effect.Effect<ReadonlyArray<Result>> =>
  Effect.map(run(project, command), ({ output, stdout }) => {
    try {
      return JSON.parse(stdout)
    } catch {
      return [{ name, millis: 0, problem: output }]
    }
  })

/** The program with one client. */
export const program = (project: string, runtime: Words, client: string, places: Places) =>
  results(project, "runs", [...runtime, "process.ts", client, JSON.stringify(places)])

/** Journals. */
export const files = (project: string, runtime: Words, places: Places) =>
  results(project, "keeps files", [...runtime, "files.ts", JSON.stringify(places)])

/** Passes where the command ends well. */
const passes = (project: string, name: string, command: Words) =>
  timed(
    name,
    Effect.flatMap(run(project, command), ({ isFine, output }) => isFine ? Effect.void : Effect.die(new Error(output)))
  )

const mistake = "expected the error Refused, but it failed with ServerError"

/** The tests of a user over `node:test`, and tests with mistakes, which have to fail with what is wrong. */
export const kit = (project: string, runner: Words) =>
  Effect.all([
    passes(project, "tests pass in node:test", [...runner, "./node.test.ts"]),
    timed(
      "tests with mistakes fail and say why",
      Effect.flatMap(
        run(project, [...runner, "./mistakes.ts"]),
        ({ isFine, output }) => !isFine && output.includes(mistake) ? Effect.void : Effect.die(new Error(output))
      )
    )
  ])

/** The recipe of the documentation for `node:test`. */
export const nodeRecipe = (project: string, runner: Words) => {
  const file = join(project, "recipe.test.ts")
  // Another runtime may be reading it.
  if (!existsSync(file)) writeFileSync(file, Documents.example("docs/testing.md", "from \"node:test\""))
  return passes(project, "the recipe for node:test", [...runner, "./recipe.test.ts"])
}

/** The recipe of the documentation for `bun test`; a setup file, which other runners have, does no harm there. */
export const bunRecipe = (project: string, runner: Words) => {
  writeFileSync(join(project, "recipe-bun.test.ts"), Documents.example("docs/testing.md", "from \"bun:test\""))
  const setup = Documents.example("docs/testing.md", "OpenRouterTest.extendExpect(expect)")
  writeFileSync(join(project, "setup.ts"), setup.replace("\"vitest\"", "\"bun:test\""))
  writeFileSync(join(project, "bunfig.toml"), "[test]\npreload = [\"./setup.ts\"]\n")
  return passes(project, "the recipe for bun test", [...runner, "./recipe-bun.test.ts"])
}

/** Where `/node` cannot be used, each of these layers dies when it is built, and says which runtime that is and what to do. */
export const unusable = (project: string, runtime: Words, layers: Words, words: Words) =>
  timed(
    `${layers.join(" and ")}: says what is wrong, and what to do`,
    Effect.flatMap(run(project, [...runtime, "unusable.js"]), ({ output, stdout }) => {
      const said: Readonly<Record<string, string>> = stdout.startsWith("{") ? JSON.parse(stdout) : {}
      const isSaid = layers.every((layer) => words.every((word) => said[layer]?.includes(word)))
      return isSaid ? Effect.void : Effect.die(new Error(output))
    })
  )
