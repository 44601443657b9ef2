/**
 * The program in a process: `process.ts <fetch|node> <places as JSON>`. Prints its results as JSON.
 *
 * Copied into a project that has the packed package installed.
 */
import { Effect } from "effect"
import { OpenRouter } from "effect-openrouter"
import Process from "node:process"
import { type Places, run } from "./program.ts"

const [name = "", text = ""] = Process.argv.slice(2)
const places: Places = JSON.parse(text)

const client = name === "node"
  ? (await import("effect-openrouter/node")).OpenRouterNode.layerUndici
  : OpenRouter.layerFetch

console.log(JSON.stringify(await Effect.runPromise(run(client, places))))
