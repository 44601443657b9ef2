/**
 * `/batches`: what is handed in is checked as a whole and answered later, line by line, each as `POST /responses` would have
 * answered it, for half the price and without rate limits.
 *
 * What happens to a batch its model may say:
 *
 * | model | batch |
 * |---|---|
 * | `emulator/batch-rejected` | fails when it is checked: no line is answered |
 * | `emulator/batch-failed`, `-expired`, `-cancelled` | ends so after half of its lines |
 * | `emulator/batch-partly` | completes, and every third line is an error |
 * | `emulator/batch-shuffled`, `-double`, `-missing`, `-malformed` | its lines are out of order, there twice, or every third is not there or broken |
 * | `emulator/batch-costless` | no line tells what it cost, only the batch does |
 * | `emulator/batch-lost` | is accepted, and the connection breaks before the answer |
 * | `emulator/batch-unlisted` | the same, and it is not in the list |
 *
 * With `-once` at its end the first batch of the model alone.
 *
 * @since 0.1.0
 */
import * as BigDecimal from "effect/BigDecimal"
import * as Predicate from "effect/Predicate"
import * as Answering from "./Answering.ts"
import * as Draw from "./Draw.ts"
import { type Context, type Decision, send, sendFault, type State, type Step } from "./Exchange.ts"
import type * as Ledger from "./Ledger.ts"
import { type End, type Entry, type Job, toDocument } from "./OfflineJob.ts"
import type { Config } from "./Options.ts"
import type { PriceTable } from "./Price.ts"
import type { JsonObject } from "./Prompt.ts"
import * as Recent from "./Recent.ts"
import * as Reply from "./Reply.ts"

const root = "/batches"

const maxEntries = 5000

/**
 * Serves a request about batches; `undefined` for all others.
 *
 * @since 0.1.0
 */
export const serve = (context: Context, state: State): Step | undefined => {
  const { arrival, key, path } = context
  if (path === root) {
    if (arrival.method === "POST") return accept(context, state)
    return arrival.method === "GET" ? [send(context, list(context, state), {}), state] : undefined
  }
  if (!path.startsWith(`${root}/`)) return undefined
  const [id = "", action, ...more] = path.slice(root.length + 1).split("/")
  const job = state.jobs.find((job) => job.id === id && job.key === key)
  const isKnown = more.length === 0 &&
    (arrival.method === "GET" && action === undefined || arrival.method === "POST" && action === "cancel")
  if (!isKnown) return undefined
  if (job === undefined) return [sendFault(context, Reply.failure(404, { message: `There is no batch ${id}.` })), state]
  if (action === undefined || job.end !== undefined) {
    return [send(context, toDocument(job, context.now, { results: true }), {}), state]
  }
  const cancelled = { ...job, isCancelled: true, dueAt: context.now }
  return [
    send(context, toDocument(cancelled, context.now, { results: true }), {}),
    { ...state, jobs: state.jobs.map((other) => other === job ? cancelled : other) }
  ]
}

const list = ({ key, now }: Context, { jobs }: State): JsonObject => ({
  object: "list",
  data: jobs.filter((job) => job.key === key && job.fault !== "unlisted")
    .map((job) => toDocument(job, now, { results: false }))
    .toReversed(),
  has_more: false
})

const accept = (context: Context, state: State): Step => {
  const { arrival, config, json, key, now } = context
  if (arrival.body === undefined) {
    return [sendFault(context, Reply.failure(413, { message: "The batch is too large." })), state]
  }
  const problem = problemOf(json)
  if (problem !== undefined || !Predicate.isObject(json)) {
    return [sendFault(context, Reply.failure(400, { message: problem ?? "", errorType: "invalid_request" })), state]
  }
  const model = String(json["model"])
  const entries = (Array.isArray(json["requests"]) ? json["requests"] : []).map(entryOf)
  const named = /^emulator\/batch-([a-z]+)(-once)?(?::batch)?$/.exec(model)
  const isHit = named?.[2] === undefined || !state.jobs.some((job) => job.model === model)
  const job: Job = {
    id: `batch_${Draw.identifier(Draw.make(config.seed, `batch ${state.jobs.length}`), 20)}`,
    key,
    endpoint: String(json["endpoint"]),
    model,
    fault: isHit ? named?.[1] ?? "" : "",
    createdAt: now,
    dueAt: now + config.batchTime,
    isCancelled: false,
    entries,
    end: undefined
  }
  const accepted: Decision = job.fault === "lost" || job.fault === "unlisted"
    ? { _tag: "Disconnect", delay: 0 }
    : { ...sent(send(context, toDocument(job, now, { results: true }), {})) }
  return [accepted, { ...state, jobs: [...state.jobs, job] }]
}

/** Accepted, and not looked at yet. */
const sent = (decision: Decision): Decision => decision._tag === "Send" ? { ...decision, status: 202 } : decision

const entryOf = (request: unknown): Entry => {
  const body = Predicate.isObject(request) && Predicate.isObject(request["body"]) ? request["body"] : {}
  return { customId: Predicate.isObject(request) ? String(request["custom_id"]) : "", body: { ...body } }
}

/** What is wrong with a batch as a whole; what is wrong with one of its bodies its line will say. */
const problemOf = (json: unknown): string | undefined => {
  if (!Predicate.isObject(json)) return "The batch is not a JSON object."
  // The server reads the text as it comes.
  const names = Object.keys(json)
  const late = names.slice(names.indexOf("requests") + 1).find((name) =>
    name === "endpoint" || name === "model" || name === "callback_url"
  )
  if (names.includes("requests") && late !== undefined) return `'${late}' must come before 'requests'.`
  if (json["endpoint"] !== "/v1/responses") return "Invalid 'endpoint': expected /v1/responses."
  if (typeof json["model"] !== "string" || json["model"] === "") return "The required parameter 'model' is missing."
  if ((json["completion_window"] ?? "24h") !== "24h") return "Invalid 'completion_window': expected 24h."
  const provider = json["provider"]
  if (Predicate.isObject(provider)) {
    const other = Object.keys(provider).find((name) => name !== "only" && name !== "allow_fallbacks")
    if (other !== undefined) return `Invalid 'provider': '${other}' is not supported for batches.`
  }
  const { requests } = json
  if (!Array.isArray(requests) || requests.length === 0) return "Invalid 'requests': expected at least one."
  if (requests.length > maxEntries) return `Invalid 'requests': at most ${maxEntries}.`
  const ids = new Set<unknown>()
  for (const request of requests) {
    if (!Predicate.isObject(request) || !Predicate.isObject(request["body"])) return "A request has no 'body'."
    const id = request["custom_id"]
    if (typeof id !== "string" || id === "") return "A request has no 'custom_id'."
    if (ids.has(id)) return `The custom_id '${id}' is there twice.`
    ids.add(id)
    const model = request["body"]["model"]
    if (model !== undefined && model !== json["model"]) return "All requests of a batch have its model."
    if (request["body"]["stream"] === true) return "A batch has no streams."
  }
  return undefined
}

/**
 * Answers the batches whose time has come.
 *
 * @since 0.1.0
 */
export const settle = (config: Config, state: State, now: number): State => {
  if (state.jobs.every(({ dueAt, end }) => end !== undefined || dueAt > now)) return state
  const half = { ...config, prices: halved(config.prices) }
  let current: State = state
  for (const job of state.jobs) {
    if (job.end !== undefined || job.dueAt > now) continue
    const [end, after] = worked(half, current, job)
    current = { ...after, jobs: current.jobs.map((other) => other === job ? { ...job, end } : other) }
  }
  return current
}

const halved = (prices: PriceTable): PriceTable =>
  Object.fromEntries(
    Object.entries({ ...prices, [unknownModel]: { prompt: "0.000001", completion: "0.000002" } }).map((
      [model, price]
    ) => [
      model,
      { prompt: half(price.prompt), completion: half(price.completion) }
    ])
  )

/** What stands for the models without a price of their own. */
const unknownModel = ""

const half = (price: string): string =>
  BigDecimal.format(BigDecimal.multiply(BigDecimal.fromStringUnsafe(price), BigDecimal.fromStringUnsafe("0.5")))

const everyThird = (index: number): boolean => index % 3 === 2

/** How a batch ends, and the state that has billed it. */
const worked = (config: Config, before: State, job: Job): readonly [End, State] => {
  const { entries, fault } = job
  const isCut = fault === "failed" || fault === "expired" || fault === "cancelled"
  const count = job.isCancelled || fault === "rejected" ? 0 : isCut ? Math.floor(entries.length / 2) : entries.length
  // Limits of requests are no matter of batches.
  let state: State = { ...before, quotas: [] }
  const lines: Array<JsonObject> = []
  for (const [index, entry] of entries.slice(0, count).entries()) {
    if (fault === "partly" && everyThird(index)) {
      lines.push(line(job, index, { error: { code: "server_error", message: "The provider failed." } }))
      continue
    }
    const [response, after] = answered(config, state, job, entry)
    state = after
    lines.push(line(job, index, response))
  }
  const status = job.isCancelled
    ? "cancelled"
    : fault === "rejected"
    ? "failed"
    : fault === "failed" || fault === "expired" || fault === "cancelled"
    ? fault
    : "completed"
  const failed = lines.filter((line) => isFailed(line)).length
  const spent = spentSince(before, state, lines)
  return [{
    status,
    finalizedAt: job.dueAt,
    results: delivered(fault, lines),
    completed: lines.length - failed,
    failed,
    ...spent,
    error: status === "failed" ? { code: "batch_failed", message: "The batch failed." } : undefined
  }, { ...state, quotas: before.quotas }]
}

const line = (job: Job, index: number, result: JsonObject): JsonObject => ({
  id: `${job.id}_${index}`,
  custom_id: job.entries[index]?.customId ?? "",
  ...result
})

const isFailed = ({ error, response }: JsonObject): boolean =>
  error !== undefined || Predicate.isObject(response) && Number(response["status_code"]) >= 400

/** One line, answered as a request of its own. */
const answered = (
  config: Config,
  state: State,
  { createdAt, dueAt, fault, key, model }: Job,
  { body }: Entry
): readonly [JsonObject, State] => {
  const json = { ...body, model, stream: false }
  // The price of a model that has none is half of the usual one as well.
  const price = config.prices[model] ?? config.prices[model.replace(/:[a-z]+$/, "")] ?? config.prices[unknownModel]
  const prices = price === undefined ? config.prices : { ...config.prices, [model]: price }
  const [decision, after] = Answering.respond(Answering.responses)({
    config: Object.hasOwn(config.prices, model) ? config : { ...config, prices },
    arrival: { method: "POST", url: `/api/v1${root}`, headers: {}, body: JSON.stringify(json) },
    now: Math.max(createdAt, dueAt),
    path: root,
    query: new URLSearchParams(),
    key,
    json,
    latency: 0
  }, state)
  if (decision._tag !== "Send") {
    return [{ error: { code: "server_error", message: "The provider did not answer." } }, after]
  }
  return [{
    response: {
      status_code: decision.status,
      request_id: decision.headers["X-Generation-Id"] ?? "",
      body: fault === "costless" ? withoutCost(bodyOf(decision.body)) : bodyOf(decision.body)
    }
  }, after]
}

const bodyOf = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const withoutCost = (body: unknown): unknown => {
  if (!Predicate.isObject(body) || !Predicate.isObject(body["usage"])) return body
  const { cost: _, cost_details: __, ...usage } = body["usage"]
  return { ...body, usage }
}

/** What the lines have used, by the books. */
const spentSince = (before: State, after: State, lines: ReadonlyArray<JsonObject>) => {
  let inputTokens = 0
  let outputTokens = 0
  for (const { response } of lines) {
    const body = Predicate.isObject(response) ? response["body"] : undefined
    const id = Predicate.isObject(body) ? String(body["id"]) : ""
    const entry: Ledger.Entry | undefined = Recent.get(after.books.generations, id)
    inputTokens += entry?.inputTokens ?? 0
    outputTokens += entry?.outputTokens ?? 0
  }
  return { inputTokens, outputTokens, cost: BigDecimal.subtract(after.books.total, before.books.total) }
}

const delivered = (fault: string, lines: ReadonlyArray<JsonObject>): ReadonlyArray<unknown> => {
  switch (fault) {
    case "shuffled":
      return [
        ...lines.filter((_, index) => index % 2 === 1).toReversed(),
        ...lines.filter((_, index) => index % 2 === 0)
      ]
    case "double":
      return lines.flatMap((line) => [line, line])
    case "missing":
      return lines.filter((_, index) => !everyThird(index))
    case "malformed":
      return lines.map((line, index): unknown =>
        !everyThird(index) ? line : index % 2 === 0 ? "torn" : { custom_id: line["custom_id"], response: "torn" }
      )
    default:
      return lines
  }
}
