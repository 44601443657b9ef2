/** How fast and small we want to be, as data. A run fails where a bar is missed. */
import type { Measures } from "./measures.ts"

/** A bound that a measure must not exceed. */
export interface Bar {
  readonly title: string
  /** `scenario/variant/figure` */
  readonly measure: string
  readonly atMost: number
  /** The measure that it is compared with; without one the bound is absolute. */
  readonly against?: string | undefined
  /** How it is compared. Default: as a ratio. */
  readonly as?: "ratio" | "difference" | undefined
}

/** One measure in one scenario, against the same of others. */
const against = (
  title: string,
  [scenario, variant, figure]: readonly [scenario: string, variant: string, figure: string],
  bounds: Readonly<Record<string, number>>
): ReadonlyArray<Bar> =>
  Object.entries(bounds).map(([other, atMost]) => ({
    title,
    measure: `${scenario}/${variant}/${figure}`,
    against: `${scenario}/${other}/${figure}`,
    atMost
  }))

const atMost = (title: string, measure: string, atMost: number): Bar => ({ title, measure, atMost })

/** The bars, in the order of the tables. `undici` is raw `undici.request` and `JSON.parse`. */
export const bars: ReadonlyArray<Bar> = [
  ...against("CPU of a call, 2 kB, /node", ["call-2k", "ours/node", "c32"], {
    undici: 1.9,
    openai: 0.45,
    "@openrouter/sdk": 0.3
  }),
  ...against("… with tracing", ["call-2k", "ours/node+tracing", "c32"], { undici: 2.2 }),
  ...against("… over NodeHttpClient.layerUndici", ["call-2k", "ours/undici", "c32"], { undici: 2.3 }),
  ...against("… with tracing", ["call-2k", "ours/undici+tracing", "c32"], { undici: 2.5 }),
  ...against("… over fetch", ["call-2k", "ours/fetch", "c32"], { openai: 1 }),
  ...against("CPU of a call, 50 kB, /node", ["call-50k", "ours/node", "c32"], { undici: 2.5, openai: 1 }),
  ...against("… over fetch", ["call-50k", "ours/fetch", "c32"], { openai: 1 }),
  ...against("CPU of a typed 429, /node", ["rate-limit", "ours/node", "c32"], { undici: 2.6, openai: 0.5 }),
  ...against("CPU of a stream event, /node", ["stream-burst", "ours/node", "perEvent"], { undici: 2.2, openai: 0.55 }),
  ...against("… of 32 streams as they really arrive", ["stream-paced", "ours/node", "perEvent"], {
    undici: 1.45,
    openai: 0.95
  }),
  ...against("… over fetch", ["stream-paced", "ours/fetch", "perEvent"], { openai: 1.1 }),
  ...against("Time to the first event, /node", ["first-event", "ours/node", "micros"], { undici: 1.7, openai: 0.75 }),
  atMost("Heap of a call in flight, kB", "memory/ours/node/heap", 18),
  atMost("RSS of a call in flight, kB", "memory/ours/node/rss", 28),
  ...against("Heap of a call in flight, against peers", ["memory", "ours/node", "heap"], {
    openai: 1,
    "@openrouter/sdk": 1,
    ai: 1,
    "@effect/ai-openrouter": 1
  }),
  atMost("Interrupting 1,000 calls: returns after, ms", "interruption/ours/node/returns", 100),
  atMost("Interrupting 1,000 calls: sockets closed after, ms", "interruption/ours/node/closed", 250),
  {
    title: "CPU of a call late in the life of a process",
    measure: "growth/ours/node/cpuLate",
    against: "growth/ours/node/cpuEarly",
    atMost: 1.15
  },
  {
    title: "Heap after 100,000 calls, against 10,000",
    measure: "growth/ours/node/heapLate",
    against: "growth/ours/node/heapEarly",
    atMost: 1.15
  },
  {
    title: "CPU of a call among 1,000 models and scopes, against one",
    measure: "growth/ours/node/manyModels",
    against: "growth/ours/node/oneModel",
    atMost: 1.15
  },
  ...against("Heap allocated for a call, 2 kB, /node", ["allocation-2k", "ours/node", "kilobytes"], { openai: 0.5 }),
  ...against("Import", ["import", "ours", "millis"], { "@openrouter/sdk": 0.45 }),
  {
    title: "Import beyond the effect modules that it needs, ms",
    measure: "import/ours/millis",
    against: "import/effect/millis",
    as: "difference",
    atMost: 20
  },
  atMost("Schemas built at import, ms", "schemas/ours/construction", 6),
  atMost("First response decoded, ms", "schemas/ours/firstResponse", 9),
  atMost("First events decoded, ms", "schemas/ours/firstEvents", 9),
  atMost("Bundle of one call, min+gz, kB", "bundle/ours/call/gzipped", 80),
  atMost("Bundle of a stream, min+gz, kB", "bundle/ours/stream/gzipped", 82)
]

/** A bar and what was measured. */
export interface Verdict extends Bar {
  readonly found: number
  readonly isMet: boolean
}

/** How the measured bars came out; a quick run leaves some out. */
export const verdicts = (measures: Measures): ReadonlyArray<Verdict> =>
  bars.flatMap((bar) => {
    const found = bar.against === undefined
      ? measures.value(bar.measure)
      : bar.as === "difference"
      ? measures.difference(bar.measure, bar.against)
      : measures.ratio(bar.measure, bar.against)
    return found === undefined ? [] : [{ ...bar, found, isMet: found <= bar.atMost }]
  })
