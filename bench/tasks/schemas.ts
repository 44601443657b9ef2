/**
 * What the schemas cost before the first answer, in milliseconds: to build them while our modules are evaluated, and to
 * decode with them for the first time.
 *
 * `specifiers` are a script that evaluates our modules (bundled, without effect), and the effect modules which it needs.
 * Those are imported before, so that what is measured is ours.
 */
import type * as Library from "effect-openrouter"
import { readFileSync } from "node:fs"
import { Script } from "node:vm"
import * as Fixtures from "../fixtures.ts"
import type { Figures, Job } from "./task.ts"

export const run = async (job: Job): Promise<Figures> => {
  const [file = "", ...specifiers] = job.specifiers ?? []
  const modules = new Map<string, unknown>()
  for (const specifier of specifiers) modules.set(specifier, await import(specifier))
  const script = new Script(readFileSync(file, "utf8"), { filename: file })
  const module: { exports: Partial<typeof Library> } = { exports: {} }
  const evaluate: (module: object, require: (specifier: string) => unknown) => void = script.runInThisContext()
  const body = JSON.parse(JSON.stringify(Fixtures.smallResponse))
  const events: ReadonlyArray<unknown> = JSON.parse(JSON.stringify(Fixtures.streamEvents(1)))
  const start = performance.now()
  evaluate(module, (specifier) => modules.get(specifier))
  const built = performance.now()
  const { Response, StreamEvent } = module.exports
  if (Response === undefined || StreamEvent === undefined) throw new Error("the bundle has no Response or StreamEvent")
  const began = performance.now()
  const response = Response.decode(body)
  const decoded = performance.now()
  for (const event of events) StreamEvent.decode(event)
  const streamed = performance.now()
  if (response._tag === "Failure") throw new Error("the response did not decode")
  return { construction: built - start, firstResponse: decoded - began, firstEvents: streamed - decoded }
}
