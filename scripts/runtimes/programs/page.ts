/**
 * The program in a page, where it waits to be run.
 *
 * Bundled in a project that has the packed package installed.
 */
import { Effect } from "effect"
import { type Places, type Result, runNamed } from "./program.ts"

const runChecks = (name: string, places: Places): Promise<ReadonlyArray<Result>> =>
  Effect.runPromise(runNamed(name, places))

Object.assign(globalThis, { runChecks })
