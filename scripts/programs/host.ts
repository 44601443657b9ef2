/**
 * A process that runs one program after another, each as if it had the process to itself: its own arguments,
 * output and exit code. What programs have in common (Node, Effect, the package) is loaded once.
 *
 * A program has ended when nothing keeps the event loop alive, as in a process of its own. One that ends the process
 * (`process.exit`, an error nobody catches) ends this one; `programs.ts` starts another for the next.
 */
import { pathToFileURL } from "node:url"
import { format } from "node:util"
import type { Job, Report } from "../programs.ts"

interface Running {
  stdout: string
  stderr: string
  isLoaded: boolean
  readonly globals: ReadonlyMap<PropertyKey, unknown>
}

/** What is global, apart from what Node makes when it is asked for. */
const globals = (): ReadonlyMap<PropertyKey, unknown> =>
  new Map(
    Object.entries(Object.getOwnPropertyDescriptors(globalThis)).flatMap(([name, property]) =>
      "value" in property ? [[name, property.value]] : []
    )
  )

/** True if a program leaves something behind that others would meet. */
const hasLeft = (before: ReadonlyMap<PropertyKey, unknown>): boolean => {
  const after = globals()
  return [...before].some(([name, value]) => !Object.is(after.get(name), value))
}

let running: Running | undefined
let count = 0

const end = process.exit.bind(process)

/** Tells how the program ended; whatever it still writes is lost, as it is after the end of a process. */
const report = (code: number, isLast: boolean): void => {
  if (running === undefined) return
  const { stderr, stdout } = running
  running = undefined
  const report: Report = { code, stdout, stderr, isLast }
  process.send?.(report, () => {
    if (isLast) end(code)
  })
}

const crash = (error: unknown): void => {
  if (running === undefined) return
  running.stderr += `${format(error)}\n`
  report(1, true)
}

const captured = (stream: "stdout" | "stderr"): NodeJS.WriteStream["write"] =>
(
  chunk: string | Uint8Array,
  encoding?: BufferEncoding | ((error?: Error | null) => void),
  callback?: (error?: Error | null) => void
) => {
  if (running !== undefined) running[stream] += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8")
  const done = typeof encoding === "function" ? encoding : callback
  if (done !== undefined) process.nextTick(done)
  return true
}

process.stdout.write = captured("stdout")
process.stderr.write = captured("stderr")

process.exit = (code) => {
  report(Number(code ?? process.exitCode ?? 0), true)
  // It never returns, and the process is gone in a moment.
  throw new Error("the program has ended the process")
}

process.on("uncaughtException", crash)
process.on("unhandledRejection", crash)
process.on("disconnect", () => end(0))

const home = process.cwd()

process.on("message", ({ args, cwd = home, file }: Job) => {
  process.chdir(cwd)
  process.argv = [process.execPath, file, ...args]
  process.exitCode = undefined
  const program: Running = { stdout: "", stderr: "", isLoaded: false, globals: globals() }
  running = program
  // The program alone shall keep the event loop alive.
  process.channel?.unref()
  count += 1
  // Each run evaluates the file anew.
  import(`${pathToFileURL(file).href}?run=${count}`).then(() => {
    program.isLoaded = true
  }, crash)
})

process.on("beforeExit", () => {
  if (running === undefined) return
  for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners("error")
  process.channel?.ref()
  // As Node ends what awaits something at its top that never comes.
  report(running.isLoaded ? Number(process.exitCode ?? 0) : 13, hasLeft(running.globals))
  process.exitCode = undefined
})
