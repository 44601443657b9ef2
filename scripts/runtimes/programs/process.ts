/**
 * The program in a process: `process.ts <client> <places as JSON>`. Prints its results as JSON.
 *
 * Copied into a project that has the packed package installed.
 */
import { Effect } from "effect"
import Process from "node:process"
import { type Places, run, runNamed } from "./program.ts"

const [name = "", text = ""] = Process.argv.slice(2)
const places: Places = JSON.parse(text)

const results = name === "/node"
  ? run((await import("effect-openrouter/node")).OpenRouterNode.layerUndici, places)
  : runNamed(name, places)

console.log(JSON.stringify(await Effect.runPromise(results)))
