/**
 * Half price for those who can wait: many requests over OpenRouter's Batch API.
 *
 * `submit` checks the requests, splits them by model and by size, and gives a handle, which is a value to keep; `await` waits for
 * the answers, in this process or in another one.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { BatchUncertain, BatchUnfinished } from "../domain/batch/BatchJobError.ts"
import * as BatchPlan from "../domain/batch/BatchPlan.ts"
import * as BatchResults from "../domain/batch/BatchResults.ts"
import * as BatchJob from "../domain/endpoint/BatchJob.ts"
import { InvalidRequest } from "../domain/error/OpenRouterError.ts"
import type { RequestError } from "../domain/error/OpenRouterError.ts"
import * as Usd from "../domain/money/Usd.ts"
import type { Outcome } from "../domain/outcome/Outcome.ts"
import type { Sendable } from "../domain/request/CreateResponse.ts"
import * as RequestBody from "../domain/request/RequestBody.ts"
import type { AppendLogError } from "./AppendLog.ts"
import * as BatchJobs from "./BatchJobs.ts"
import * as CostLedger from "./CostLedger.ts"
import { CurrentDefaults, filled } from "./Defaults.ts"
import * as ObjectCall from "./ObjectCall.ts"
import { OpenRouter } from "./OpenRouter.ts"
import type { ObjectAnswer, SendableObject, ValueError } from "./StructuredOutput.ts"

/**
 * Batches that were submitted. It is JSON by its schema, so it can be stored, and waited for in another process.
 *
 * @since 0.1.0
 */
export const Handle = Schema.Struct({
  /** How many requests there are. */
  requests: Schema.Int,
  parts: Schema.Array(Schema.Struct({
    /** The id of the batch. */
    batch: Schema.String,
    model: Schema.String,
    /** Its `custom_id`s are this, a dash, and a place in the batch. */
    hash: Schema.String,
    /** The places of its requests in the list that was submitted. */
    places: Schema.Array(Schema.Int)
  }))
})

/**
 * @since 0.1.0
 */
export interface Handle extends Schema.Schema.Type<typeof Handle> {}

/**
 * How {@link await} goes about it; each has a default.
 *
 * @since 0.1.0
 */
export interface AwaitOptions extends BatchJobs.SubmitOptions {
  /** The requests that were submitted, in their order: without them nothing can be sent again. */
  readonly requests?: Iterable<Sendable> | undefined
  /**
   * How many times what a batch that failed, expired or was cancelled has not answered is sent again. Default 1, and 0 without
   * `requests`. With `jobs` a program that is killed meanwhile does not send it for a third time.
   */
  readonly resubmit?: number | undefined
}

/**
 * What became of a request: how it ended, or the error that it would have had as a call of its own, or that its batch ended without
 * it.
 *
 * @since 0.1.0
 */
export type Answered = Result.Result<Outcome, RequestError | BatchUnfinished>

const entriesOf = Effect.fnUntraced(function*(
  requests: Iterable<Sendable>
): Effect.fn.Return<ReadonlyArray<BatchPlan.Entry>, InvalidRequest> {
  const defaults = yield* CurrentDefaults
  const entries: Array<BatchPlan.Entry> = []
  for (const request of requests) {
    const index = entries.length
    const entry = Result.flatMap(
      RequestBody.readable(request, () => BatchPlan.entryOf(String(index), filled(request, defaults))),
      (made) => made
    )
    if (Result.isFailure(entry)) return yield* Effect.fail(placed(index, entry.failure))
    entries.push(entry.success)
  }
  return entries
})

/** Which of many it is. */
const placed = (index: number, error: InvalidRequest): InvalidRequest => {
  const { _tag: _, field, isRetryable: __, ...known } = error
  return new InvalidRequest({
    ...known,
    field: `requests[${index}]${field === undefined ? "" : `.${field}`}`,
    message: `requests[${index}]: ${error.message}`
  })
}

/**
 * Submits requests as batches, and gives the handle by which their answers are had.
 *
 * All of them are checked before the first is sent; what a batch cannot carry (media by data, web searches, several models, prompts
 * that OpenRouter stores) is `InvalidRequest` with its place. Batches are made by model and by size. With `jobs` each is written down
 * before it is sent: the same call in another process goes on where this one was, and submits nothing twice. Nothing is reserved in
 * budgets; `await` books what it cost.
 *
 * **Example** (Tonight's questions)
 *
 * ```ts
 * import { Console, Effect, Result } from "effect"
 * import { Batch } from "effect-openrouter"
 *
 * const requests = ["Ann", "Bob"].map((name) => ({ model: "openai/gpt-5", input: `What did ${name} do today?` }))
 *
 * const program = Effect.gen(function*() {
 *   const handle = yield* Batch.submit(requests)
 *   for (const answer of yield* Batch.await(handle)) {
 *     yield* Console.log(Result.isSuccess(answer) ? answer.success._tag : answer.failure.message)
 *   }
 * })
 * ```
 *
 * @since 0.1.0
 */
export const submit = Effect.fn("Batch.submit")(function*(
  requests: Iterable<Sendable>,
  options: BatchJobs.SubmitOptions = {}
): Effect.fn.Return<Handle, BatchJobs.SubmitError, OpenRouter> {
  const entries = yield* entriesOf(requests)
  const jobs = options.jobs ?? (yield* BatchJobs.inMemory)
  const parts = yield* Effect.forEach(BatchPlan.split(entries, options), (part) => handed(part, jobs, options))
  return { requests: entries.length, parts }
})

const handed = (part: BatchPlan.Part, jobs: BatchJobs.Jobs, options: BatchJobs.SubmitOptions) =>
  Effect.map(BatchJobs.submit(part, jobs, options), ({ hash, id }): Handle["parts"][number] => ({
    batch: id,
    model: part.model,
    hash,
    places: part.entries.map(({ name }) => Number(name))
  }))

/** Waits for one batch, and for what is sent again of it. */
const settled = Effect.fnUntraced(function*(
  part: Handle["parts"][number],
  entries: ReadonlyArray<BatchPlan.Entry>,
  resubmit: number,
  options: AwaitOptions & { readonly jobs: BatchJobs.Jobs },
  put: (place: number, answered: Answered) => void
): Effect.fn.Return<void, BatchJobs.SubmitError, OpenRouter> {
  const found = yield* Effect.result(BatchJobs.waitFor(part.batch, options))
  if (Result.isFailure(found)) {
    // A batch that is gone, as after 30 days, takes nothing away from the others.
    if (found.failure._tag !== "ModelUnavailable") return yield* Effect.fail(found.failure)
    for (const place of part.places) put(place, Result.fail(found.failure))
    return
  }
  const job = found.success
  const now = yield* Clock.currentTimeMillis
  const lines = BatchResults.linesOf(part.hash, job.results ?? [])
  const ended = part.places.map((_, place) => BatchResults.endOf(job, lines.get(place), now))
  const costs = BatchResults.costsOf(job, ended)
  if (costs.calls > 0 || !Usd.isZero(costs.cost)) yield* CostLedger.record(costs)
  const rest: Array<BatchPlan.Entry> = []
  for (const [index, end] of ended.entries()) {
    const place = part.places[index]
    if (place === undefined) continue
    const entry = resubmit > 0 && isUnfinished(end) ? entries[place] : undefined
    if (entry === undefined) put(place, end)
    else rest.push(entry)
  }
  if (rest.length === 0) return
  const time = (options.resubmit ?? 1) - resubmit + 1
  for (const again of BatchPlan.split(rest, options, time)) {
    yield* settled(yield* handed(again, options.jobs, options), entries, resubmit - 1, options, put)
  }
})

const isUnfinished = (end: Answered): boolean =>
  Result.isFailure(end) && end.failure._tag === "BatchUnfinished" && end.failure.reason !== "missing"

const awaitAll = Effect.fn("Batch.await")(function*(
  handle: Handle,
  options: AwaitOptions = {}
): Effect.fn.Return<ReadonlyArray<Answered>, BatchJobs.SubmitError, OpenRouter> {
  const entries = options.requests === undefined ? [] : yield* entriesOf(options.requests)
  const jobs = options.jobs ?? (yield* BatchJobs.inMemory)
  const answers = new Map<number, Answered>()
  yield* Effect.forEach(
    handle.parts,
    (part) =>
      settled(part, entries, options.resubmit ?? 1, { ...options, jobs }, (place, answered) => {
        answers.set(place, answered)
      }),
    { concurrency: 8, discard: true }
  )
  return Array.from({ length: handle.requests }, (_, place): Answered => answers.get(place) ?? Result.fail(unknown))
})

const unknown = new InvalidRequest({
  origin: "local",
  message: "the handle has no batch for this request",
  field: "handle"
})

export {
  /**
   * Waits for the answers of batches, in the order of the requests that were submitted.
   *
   * A batch that takes long is looked at every 30 seconds (`every`), however often OpenRouter fails meanwhile; to interrupt it takes
   * nothing away, and it may be waited for again. A line that is broken, double or missing concerns its own request alone. What the
   * batches cost is booked in the ledgers of the running program, by those who wait, each time.
   *
   * @since 0.1.0
   */
  awaitAll as await
}

/**
 * The same for requests that ask for values of a schema; {@link awaitObjects} reads them.
 *
 * @since 0.1.0
 */
export const submitObjects = <A, E>(
  requests: Iterable<SendableObject<A, E>>,
  options: BatchJobs.SubmitOptions = {}
): Effect.Effect<Handle, BatchJobs.SubmitError, OpenRouter> =>
  Effect.flatMap(
    Effect.forEach(requests, (request) => Effect.map(ObjectCall.prepared(request), ({ asked }) => asked)),
    (asked) => submit(asked, options)
  )

/**
 * How the answers of {@link submitObjects} are read.
 *
 * @since 0.1.0
 */
export interface ObjectOptions<A, E> extends Omit<AwaitOptions, "requests"> {
  /** The schema that was asked for. */
  readonly schema: Schema.Codec<A, E>
  /** As it was asked for. Default true. */
  readonly strict?: boolean | undefined
  /** Whether what is nearly JSON is read. Default true. */
  readonly repair?: boolean | undefined
  readonly requests?: Iterable<SendableObject<A, E>> | undefined
}

/**
 * Waits for the values that {@link submitObjects} has asked for.
 *
 * @since 0.1.0
 */
export const awaitObjects = Effect.fnUntraced(function*<A, E>(
  handle: Handle,
  options: ObjectOptions<A, E>
): Effect.fn.Return<
  ReadonlyArray<Result.Result<ObjectAnswer<A>, RequestError | BatchUnfinished | ValueError>>,
  RequestError | BatchUncertain | AppendLogError,
  OpenRouter
> {
  const { repair = true, requests, schema, strict = true, ...others } = options
  const made = ObjectCall.formatOf(schema, strict, yield* ObjectCall.CurrentObjectFormats)
  if (Result.isFailure(made)) return yield* Effect.fail(ObjectCall.invalidSchema(made.failure))
  const asked = requests === undefined
    ? undefined
    : yield* Effect.forEach(requests, (request) => Effect.map(ObjectCall.prepared(request), ({ asked }) => asked))
  const answers = yield* awaitAll(handle, { ...others, requests: asked })
  return answers.map((answer) =>
    Result.isFailure(answer)
      ? Result.fail(answer.failure)
      : ObjectCall.read(answer.success, made.success, schema, repair)
  )
})

/**
 * Asks OpenRouter to cancel batches. What they have answered by then is kept and charged; {@link await} tells.
 *
 * @since 0.1.0
 */
export const cancel = (
  handle: Handle,
  options: { readonly path?: string | undefined } = {}
): Effect.Effect<void, RequestError, OpenRouter> =>
  Effect.forEach(
    handle.parts,
    ({ batch }) => OpenRouter.use((service) => service.call(BatchJob.cancel(batch, options.path))),
    { discard: true }
  )
