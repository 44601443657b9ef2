/** What the measuring processes share. */
import { get } from "node:http"
import { setTimeout as sleep } from "node:timers/promises"
import type { Client, Options, Target, Variant } from "../variants/Client.ts"

/** What a process is told to measure. */
export interface Job extends Options {
  readonly task: string
  /** The module of the variant, relative to `bench/`. */
  readonly module?: string | undefined
  /** The address of the server. */
  readonly server?: string | undefined
  readonly scenario?: string | undefined
  /** Numbers that the task knows by name. */
  readonly numbers?: Readonly<Record<string, number>> | undefined
  readonly specifiers?: ReadonlyArray<string> | undefined
}

/** What a process found, by name. */
export type Figures = Readonly<Record<string, number>>

/** The client that a job names, for its scenario or another one. */
export const clientOf = async (job: Job, scenario = job.scenario): Promise<Client> => {
  const variant: Variant = await import(`../${job.module}`)
  const target: Target = {
    apiUrl: `${job.server}/${scenario}/api/v1`,
    expects: scenario === "429" ? "rateLimit" : "answer"
  }
  return variant.make(target, job)
}

/** A number that the job must say. */
export const numberOf = (job: Job, name: string): number => {
  const value = job.numbers?.[name]
  if (value === undefined) throw new Error(`the job says no ${name}`)
  return value
}

/** CPU time of this process so far, all threads, user and system, in microseconds. */
export const cpuMicros = (): number => {
  const { system, user } = process.cpuUsage()
  return user + system
}

/** The CPU time of some work, in microseconds. */
export const cpuOf = async (work: () => Promise<unknown>): Promise<number> => {
  const before = cpuMicros()
  await work()
  return cpuMicros() - before
}

export const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const [low = NaN, high = NaN] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]]
  return (low + high) / 2
}

/** Collects garbage; needs `--expose-gc`. */
export const collect = (): void => {
  if (globalThis.gc === undefined) throw new Error("run this task with --expose-gc")
  for (let round = 0; round < 3; round++) globalThis.gc()
}

/** The state of the server. */
export interface ServerState {
  readonly held: number
  readonly connections: number
  /** Monotonic nanoseconds, comparable between the processes of a machine. */
  readonly lastClosedAt: bigint
}

/** Gives the server a command over a connection of its own. */
export const control = (job: Job, command: "stats" | "release"): Promise<ServerState> =>
  new Promise((resolve, reject) => {
    get(`${job.server}/control/${command}`, { agent: false }, (response) => {
      let text = ""
      response.setEncoding("utf8").on("data", (part: string) => text += part).on("end", () => {
        const { connections, held, lastClosedAt } = JSON.parse(text)
        resolve({ connections: Number(connections), held: Number(held), lastClosedAt: BigInt(lastClosedAt) })
      })
    }).on("error", reject)
  })

/** Asks the server until it holds so many calls. */
export const untilHeld = async (job: Job, count: number, withinMillis = 30_000): Promise<ServerState> => {
  const deadline = performance.now() + withinMillis
  for (;;) {
    const state = await control(job, "stats")
    if (state.held === count) return state
    if (performance.now() > deadline) throw new Error(`the server holds ${state.held} calls instead of ${count}`)
    await sleep(25)
  }
}
