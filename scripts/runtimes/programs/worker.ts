/**
 * The program in a Worker, which answers with its results: `POST /?<client>` with its places.
 *
 * Bundled in a project that has the packed package installed.
 */
import { Effect } from "effect"
import { type Places, runNamed } from "./program.ts"

export default {
  fetch: async (request: Request): Promise<Response> => {
    const places: Places = JSON.parse(await request.text())
    const name = new URL(request.url).searchParams.get("client") ?? ""
    return Response.json(await Effect.runPromise(runNamed(name, places)))
  }
}
