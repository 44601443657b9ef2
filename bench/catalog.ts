/** What is measured: the variants, and the scenarios with the variants that take part in them. */
import type { Options } from "./variants/Client.ts"

/** A client under test. */
export interface Entry extends Options {
  readonly id: string
  readonly label: string
  readonly module: string
  /** How much slower than others it is with streams; it is given less to do, so that a run ends. */
  readonly slowness?: number | undefined
}

const ours = (transport: string, label: string): ReadonlyArray<Entry> =>
  [false, true].map((tracing) => ({
    id: `ours/${transport}${tracing ? "+tracing" : ""}`,
    label: `effect-openrouter, ${label}, tracing ${tracing ? "on" : "off"}`,
    module: "variants/ours.ts",
    transport,
    tracing
  }))

/** All variants. The first is the reference of every ratio. */
export const catalog: ReadonlyArray<Entry> = [
  { id: "undici", label: "raw: undici.request + JSON.parse", module: "variants/undici.ts" },
  { id: "fetch", label: "raw: fetch + JSON.parse", module: "variants/fetch.ts" },
  { id: "openai", label: "openai", module: "variants/openai.ts" },
  { id: "@openrouter/sdk", label: "@openrouter/sdk", module: "variants/openrouter-sdk.ts" },
  { id: "ai", label: "ai + @openrouter/ai-sdk-provider (chat)", module: "variants/ai-sdk.ts", slowness: 5 },
  {
    id: "@effect/ai-openrouter",
    label: "@effect/ai-openrouter, Effect 3 (chat), tracing off",
    module: "effect3/variant.ts",
    slowness: 15
  },
  ...ours("fetch", "fetch"),
  ...ours("undici", "NodeHttpClient.layerUndici"),
  ...ours("node", "/node")
]

export const reference = "undici"

export const entryOf = (id: string): Entry => {
  const entry = catalog.find((entry) => entry.id === id)
  if (entry === undefined) {
    throw new Error(`there is no variant ${id}; there are ${catalog.map(({ id }) => id).join(", ")}`)
  }
  return entry
}

/** What is enough to see whether a change made something slower. */
export const core: ReadonlyArray<string> = ["undici", "openai", "ours/undici", "ours/node", "ours/node+tracing"]

const all = catalog.map(({ id }) => id)

/** A scenario in which each variant is measured by a fresh process in every round. */
export interface Scenario {
  readonly id: string
  readonly title: string
  readonly unit: string
  readonly task: string
  /** The first part of the path, which tells the server what to answer. */
  readonly path: string
  readonly nodeFlags?: ReadonlyArray<string>
  readonly variants: ReadonlyArray<string>
  readonly rounds: number
  readonly numbers: Readonly<Record<string, number>>
  /** What differs in a quick run; a scenario without it takes no part in one. */
  readonly quick?: {
    readonly variants?: ReadonlyArray<string>
    readonly rounds?: number
    readonly numbers?: Readonly<Record<string, number>>
  }
  /** The figures of the table, by their names in what the task prints, with their titles. */
  readonly columns: Readonly<Record<string, string>>
}

const inFlight = { c1: "1 in flight", c32: "32 in flight", c256: "256 in flight" }

const quickNumbers = { warm: 1000, c32: 1500, c1: 0, c256: 0 }

/** A new space that holds all that is allocated while nothing is collected. */
const noCollection = ["--expose-gc", "--min-semi-space-size=512", "--max-semi-space-size=512"]

/** As many as fit into the new space. */
const allocationNumbers = { warm: 3000, count: 600 }

export const scenarios: ReadonlyArray<Scenario> = [
  {
    id: "call-2k",
    title: "One call, 2 kB answer: CPU time",
    unit: "µs",
    task: "calls",
    path: "2k",
    variants: all,
    rounds: 5,
    numbers: { warm: 3000, c32: 4000, c1: 2000, c256: 4000 },
    quick: {
      variants: [...core, "@openrouter/sdk", "ours/undici+tracing", "ours/fetch"],
      rounds: 3,
      numbers: quickNumbers
    },
    columns: inFlight
  },
  {
    id: "call-50k",
    title: "One call, 50 kB answer: CPU time",
    unit: "µs",
    task: "calls",
    path: "50k",
    variants: all,
    rounds: 5,
    numbers: { warm: 1000, c32: 1500, c1: 700, c256: 1500 },
    quick: {
      variants: ["undici", "openai", "ours/node"],
      rounds: 3,
      numbers: { ...quickNumbers, warm: 500, c32: 600 }
    },
    columns: inFlight
  },
  {
    id: "rate-limit",
    title: "429 with its reset in the body, to the typed error, no retry: CPU time",
    unit: "µs",
    task: "calls",
    path: "429",
    variants: all,
    rounds: 5,
    numbers: { warm: 3000, c32: 4000, c1: 0, c256: 0 },
    quick: { variants: ["undici", "openai", "ours/node"], rounds: 3, numbers: quickNumbers },
    columns: { c32: inFlight.c32 }
  },
  {
    id: "stream-burst",
    title: "A stream of 1,000 deltas, an HTTP chunk for each: CPU time of an event",
    unit: "µs",
    task: "streams",
    path: "burst",
    variants: all,
    rounds: 5,
    numbers: { warm: 40, count: 150, concurrency: 1 },
    quick: { variants: ["undici", "openai", "ours/node"], rounds: 3, numbers: { warm: 25, count: 60, concurrency: 1 } },
    columns: { perEvent: "an event" }
  },
  {
    id: "stream-blocks",
    title: "The same stream in HTTP chunks of 16 KB: CPU time of an event",
    unit: "µs",
    task: "streams",
    path: "blocks",
    variants: all,
    rounds: 5,
    numbers: { warm: 40, count: 150, concurrency: 1 },
    columns: { perEvent: "an event" }
  },
  {
    id: "stream-paced",
    title: "32 streams at 200 events a second each: CPU time of an event",
    unit: "µs",
    task: "streams",
    path: "paced",
    variants: all,
    rounds: 5,
    numbers: { warm: 30, count: 32, concurrency: 32 },
    columns: { perEvent: "an event" }
  },
  {
    id: "first-event",
    title: "From the call to the first event of its stream",
    unit: "µs",
    task: "first",
    path: "first",
    variants: all,
    rounds: 5,
    numbers: { warm: 150, count: 200 },
    quick: { variants: ["undici", "openai", "ours/node"], rounds: 3, numbers: { warm: 100, count: 100 } },
    columns: { micros: "time" }
  },
  {
    id: "memory",
    title: "10,000 calls in flight: memory of one",
    unit: "kB",
    task: "memory",
    path: "hold",
    nodeFlags: ["--expose-gc"],
    variants: all,
    rounds: 3,
    numbers: { count: 10_000 },
    quick: { variants: ["undici", "openai", "ours/node"], rounds: 1 },
    columns: { heap: "heap", rss: "RSS" }
  },
  {
    id: "interruption",
    title: "Interrupting 1,000 calls in flight",
    unit: "ms",
    task: "interruption",
    path: "hold",
    variants: ["undici", "openai", "ours/fetch", "ours/undici", "ours/node", "ours/node+tracing"],
    rounds: 5,
    numbers: { count: 1000 },
    quick: { variants: ["undici", "ours/node"], rounds: 2 },
    columns: { returns: "the client returned", closed: "the last socket closed" }
  },
  {
    id: "growth",
    title: "From 100 to 100,000 calls in one process, and 1,000 models and scopes against one",
    unit: "µs",
    task: "growth",
    path: "2k",
    nodeFlags: ["--expose-gc"],
    variants: ["ours/node", "ours/node+tracing"],
    rounds: 1,
    numbers: { total: 100_000, rounds: 15 },
    columns: {
      cpuEarly: "call 10,000 to 40,000",
      cpuLate: "call 70,000 to 100,000",
      heapAfter100: "heap after 100, kB",
      heapEarly: "heap after 10,000, kB",
      heapLate: "heap after 100,000, kB",
      oneModel: "1 model",
      manyModels: "1,000 models"
    }
  },
  {
    id: "allocation-2k",
    title: "One call, 2 kB answer: heap allocated",
    unit: "kB",
    task: "allocation",
    path: "2k",
    nodeFlags: noCollection,
    variants: all,
    rounds: 1,
    numbers: allocationNumbers,
    quick: { variants: ["undici", "openai", "ours/undici", "ours/node"] },
    columns: { kilobytes: "a call" }
  },
  {
    id: "allocation-50k",
    title: "One call, 50 kB answer: heap allocated",
    unit: "kB",
    task: "allocation",
    path: "50k",
    nodeFlags: noCollection,
    variants: ["undici", "openai", "ours/undici", "ours/node"],
    rounds: 1,
    numbers: { warm: 1000, count: 40 },
    columns: { kilobytes: "a call" }
  },
  {
    id: "survival-50k",
    title: "One call, 50 kB answer: heap that outlives the collections of the young generation",
    unit: "kB",
    task: "survival",
    path: "50k",
    variants: ["undici", "openai", "ours/fetch", "ours/undici", "ours/node"],
    rounds: 1,
    numbers: { warm: 500, count: 1500 },
    quick: { variants: ["undici", "ours/node"] },
    columns: { kilobytes: "a call" }
  },
  {
    id: "allocation-stream",
    title: "A stream of 1,000 deltas: heap allocated",
    unit: "kB",
    task: "allocation",
    path: "burst",
    nodeFlags: noCollection,
    variants: ["undici", "openai", "ours/undici", "ours/node"],
    rounds: 1,
    numbers: { warm: 40, count: 8 },
    columns: { kilobytes: "a stream" }
  }
]
