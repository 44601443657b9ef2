/**
 * The program in a Worker, which answers with its results.
 *
 * Bundled in a project that has the packed package installed.
 */
import { Effect } from "effect"
import { OpenRouter } from "effect-openrouter"
import { type Places, run } from "./program.ts"

export default {
  fetch: async (request: Request): Promise<Response> => {
    const places: Places = JSON.parse(await request.text())
    return Response.json(await Effect.runPromise(run(OpenRouter.layerFetch, places)))
  }
}
