/**
 * What each call of a soak does, what goes wrong with each of its requests, and how it therefore has to end.
 *
 * All of it is drawn from the seed and the place of a request: the number of the call, the item of its batch, the step of its
 * loop of tools, the attempt. Nothing depends on time or on the order of arrival, so that server and client come to the same
 * result each for itself.
 */
import * as Draw from "../../src/domain/emulator/Draw.ts"

/** The kinds of calls, with their shares. */
const kinds = {
  plain: 0.35,
  structured: 0.15,
  stream: 0.2,
  tools: 0.1,
  conversation: 0.1,
  batch: 0.05,
  budget: 0.05
}

export type Kind = keyof typeof kinds

/** Faults with their shares of the requests. Those of streams befall streams only. */
const faults = {
  "429": 0.05,
  "502": 0.015,
  "503": 0.015,
  "error in 200": 0.01,
  refusal: 0.01,
  truncation: 0.01,
  cut: 0.01,
  stall: 0.005,
  reset: 0.005,
  malformed: 0.005
}

export type FaultKind = keyof typeof faults

export interface Fault {
  readonly kind: FaultKind
  /** Whether it comes before the first event of a stream. */
  readonly isEarly: boolean
  /** Whether what gets lost is charged, where there is a choice. */
  readonly isBilled: boolean
  /** How long the door stays closed, where something says so. */
  readonly millis: number
}

/** The share of the calls whose caller is interrupted. */
const interrupts = 0.01

/** The share of the calls that go through the gate; the others learn each for itself what is refused. */
const gated = 0.95

/** Items of a batch. */
export const batchSize = 5

/** Retries after the first attempt: so many that dice and a rate limit together never use them up. */
export const retries = 12

/** Each model has a door of its own, which a 429 of its provider closes. */
export const models: ReadonlyArray<string> = Array.from({ length: 8 }, (_, n) => `soak/model-${n}`)

/** What a model costs, in USD per token; odd numbers, so that a wrong last digit shows. */
export const prices = Object.fromEntries(
  models.map((model, n) => [model, { prompt: `0.00000${123 + 7 * n}`, completion: `0.0000${1037 + 13 * n}` }])
)

/** Requests of the key that the server lets through in a second. */
export const requestsPerSecond = 200

/** How long the server needs for an answer at least. */
export const latencyMillis = 40

/** When the client gives up waiting for an answer, or for the next event of one. Far more than a busy machine needs. */
export const patience = "8 seconds"

/** When every call has to be over, all its attempts and waits included. */
export const deadlineMillis = 90_000

export interface Call {
  readonly n: number
  readonly kind: Kind
  readonly model: string
  readonly isStreamed: boolean
  /** Whether it goes through the gate of the client, or by a client that has none. */
  readonly isGated: boolean
  /** When its caller is interrupted, in milliseconds after the start. */
  readonly interruptedAfter: number | undefined
  /** A budget that leaves no room for the call. */
  readonly isTooDear: boolean
  /** The name of its conversation. */
  readonly talk: string
}

/** The place of a request: which call, which item of its batch, which step of its loop. */
export interface Place {
  readonly n: number
  readonly item: number
  readonly step: number
}

/** The entry of a table of shares that a number from 0 to 1 falls on. */
const fallsOn = <K extends string>(shares: ReadonlyArray<readonly [K, number]>, fraction: number): K | undefined => {
  let sum = 0
  return shares.find(([, share]) => (sum += share) > fraction)?.[0]
}

const entries = <K extends string>(shares: Readonly<Record<K, number>>): ReadonlyArray<readonly [K, number]> =>
  (Object.keys(shares) as Array<K>).map((name) => [name, shares[name]])

const [kindShares, faultShares] = [entries(kinds), entries(faults)]

export const callOf = (seed: number, n: number): Call => {
  const draw = Draw.make(seed, `call ${n}`)
  const fraction = (name: string) => Draw.fraction(Draw.child(draw, name))
  const kind = fallsOn(kindShares, fraction("kind")) ?? "plain"
  return {
    n,
    kind,
    model: Draw.pick(Draw.child(draw, "model"), models) ?? "",
    isStreamed: kind === "stream" || (kind === "conversation" && fraction("streamed") < 0.5),
    isGated: fraction("gated") < gated,
    interruptedAfter: fraction("interrupt") < interrupts ? Math.floor(120 * fraction("after")) : undefined,
    isTooDear: kind === "budget" && fraction("dear") < 0.5,
    talk: `talk:${Draw.integer(Draw.child(draw, "talk"), 0, 31)}`
  }
}

/** What goes wrong with a request; attempts count from 1. */
export const faultOf = (seed: number, place: Place, isStreamed: boolean, attempt: number): Fault | undefined => {
  const draw = Draw.make(seed, `request ${toText(place)}, attempt ${attempt}`)
  const kind = fallsOn(faultShares, Draw.fraction(Draw.child(draw, "kind")))
  if (kind === undefined || (kind === "cut" && !isStreamed)) return undefined
  return {
    kind,
    isEarly: Draw.fraction(Draw.child(draw, "early")) < 0.5,
    isBilled: Draw.fraction(Draw.child(draw, "billed")) < 0.5,
    millis: Draw.integer(Draw.child(draw, "millis"), 50, 200)
  }
}

const toText = ({ item, n, step }: Place): string => `${n}.${item}.${step}`

/** What a caller says; it names the place of the request in the plan. */
export const questionOf = (n: number, item = 0): string => `Soak ${n}.${item}: what comes next?`

/** The place of a request by what the model reads; what was said last counts. */
export const placeOf = (text: string, step: number): Place | undefined => {
  const [, n, item] = Array.from(text.matchAll(/Soak (\d+)\.(\d+):/g)).at(-1) ?? []
  return n === undefined || item === undefined ? undefined : { n: Number(n), item: Number(item), step }
}

/** What the server answers, 20 to 80 words. */
export const answerOf = (seed: number, place: Place): string => {
  const draw = Draw.make(seed, `answer ${toText(place)}`)
  const words = Array.from({ length: Draw.integer(draw, 20, 80) }, (_, n) => Draw.identifier(Draw.child(draw, n), 5))
  return `After ${toText(place)} comes ${words.join(" ")}.`
}

/** How a request ends by a fault: in another attempt, in one of these errors, or (`undefined`) in an answer after all. */
const endOf = (fault: Fault, isStreamed: boolean): "again" | ReadonlyArray<string> => {
  switch (fault.kind) {
    case "429":
    case "502":
    case "503":
    case "error in 200":
      return "again"
    case "refusal":
      return ["Refused"]
    case "truncation":
      return ["Incomplete"]
    case "cut":
      return fault.isEarly ? "again" : ["StreamInterrupted"]
    case "stall":
      return ["TimedOut"]
    case "reset":
      return isStreamed && !fault.isEarly ? ["StreamInterrupted", "ConnectionFailed"] : "again"
    case "malformed":
      return isStreamed ? [completedWithAGap] : ["MalformedResponse"]
  }
}

/** A request, with the faults of its attempts and the tags in which it may end. */
export interface Course {
  readonly met: ReadonlyArray<string>
  readonly ends: ReadonlyArray<string>
}

const courseOf = (seed: number, place: Place, isStreamed: boolean): Course => {
  const met: Array<string> = []
  for (let attempt = 1; attempt <= retries + 1; attempt++) {
    const fault = faultOf(seed, place, isStreamed, attempt)
    if (fault === undefined) return { met, ends: [completed] }
    met.push(markOf(place, attempt, fault))
    const end = endOf(fault, isStreamed)
    if (end !== "again") return { met, ends: end }
  }
  throw new Error(`the dice never let ${toText(place)} through`)
}

/** A fault that befell a request, in words that client and server have in common. */
export const markOf = (place: Place, attempt: number, { kind }: Fault): string => `${toText(place)}#${attempt} ${kind}`

export const completed = "Completed"

/** A stream went on after an event that nobody could read: a piece of its text was not shown, and the answer is whole. */
export const completedWithAGap = "Completed with a gap"

/** The requests of a call: one, those of its items, or those of its steps as far as it gets. */
export const coursesOf = (seed: number, { isStreamed, isTooDear, kind, n }: Call): ReadonlyArray<Course> => {
  if (isTooDear) return [{ met: [], ends: ["BudgetExceeded"] }]
  if (kind === "batch") {
    return Array.from({ length: batchSize }, (_, item) => courseOf(seed, { n, item, step: 0 }, isStreamed))
  }
  const first = courseOf(seed, { n, item: 0, step: 0 }, isStreamed)
  if (kind !== "tools" || first.ends[0] !== completed) return [first]
  const second = courseOf(seed, { n, item: 0, step: 1 }, isStreamed)
  return [{ met: [...first.met, ...second.met], ends: second.ends }]
}

/** Sums up which faults there were, in whatever order; both sides have the same sum if the same faults befell the same requests. */
export class Faults {
  #sum = 0
  readonly counts: Record<string, number> = {}

  add(mark: string): void {
    const kind = mark.slice(mark.indexOf(" ") + 1)
    this.counts[kind] = (this.counts[kind] ?? 0) + 1
    // Exact up to 2^53: some millions of faults.
    this.#sum += Draw.make(0, mark).high
  }

  get digest(): string {
    return this.#sum.toString(36)
  }
}
