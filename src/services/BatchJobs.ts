/**
 * Batches of OpenRouter's Batch API, one by one: submitting each once, finding it again after a crash, and waiting for its end.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import { BatchUncertain } from "../domain/batch/BatchJobError.ts"
import type { Limits, Part } from "../domain/batch/BatchPlan.ts"
import * as BatchResults from "../domain/batch/BatchResults.ts"
import { type Intent, JobBook, type Line } from "../domain/batch/JobBook.ts"
import * as BatchJob from "../domain/endpoint/BatchJob.ts"
import { ModelUnavailable } from "../domain/error/OpenRouterError.ts"
import type { OpenRouterError, RequestError } from "../domain/error/OpenRouterError.ts"
import * as Sha256 from "../domain/wire/Sha256.ts"
import type { AppendLogError } from "./AppendLog.ts"
import { OpenRouter } from "./OpenRouter.ts"
import * as RetryPolicy from "./RetryPolicy.ts"

/**
 * Where a program remembers its batches. With one in a file (`Batch.jobs`) a program that was killed finds its batches again.
 *
 * @since 0.1.0
 */
export interface Jobs {
  readonly book: JobBook
  /** Takes a line, and succeeds once it is kept. */
  readonly write: (line: Line) => Effect.Effect<void, AppendLogError>
}

/**
 * A memory that ends with the program.
 *
 * @since 0.1.0
 */
export const memory = (): Jobs => {
  const book = new JobBook()
  return { book, write: (line) => Effect.sync(() => book.note(line)) }
}

/**
 * The same, made when it is run.
 *
 * @since 0.1.0
 */
export const inMemory: Effect.Effect<Jobs> = /* @__PURE__ */ Effect.sync(memory)

/**
 * How batches are submitted; each has a default.
 *
 * @since 0.1.0
 */
export interface SubmitOptions extends Limits {
  /** Where batches are remembered. Default: nowhere, so what becomes of a program that dies while it submits nobody knows. */
  readonly jobs?: Jobs | undefined
  /** Which providers may answer; OpenRouter takes less here than for a single request. */
  readonly provider?: BatchJob.BatchProvider | undefined
  /** An HTTPS address that OpenRouter tells when a batch has ended. */
  readonly callbackUrl?: string | undefined
  /** Where batches are, below the API's URL. Default `/batches`. */
  readonly path?: string | undefined
  /** How long after it was sent a batch that was accepted is sure to be in OpenRouter's list. Default 1 minute. */
  readonly settle?: Duration.Input | undefined
  /**
   * What becomes of a batch of which nobody can tell whether it was accepted: `"fail"` with `BatchUncertain`; `"send"` it again,
   * which may be paid for twice; or the ids of batches by the `intent` of the error. Default `"fail"`.
   */
  readonly uncertain?: "fail" | "send" | { readonly [intent: string]: string } | undefined
  /** How long to wait before a batch is looked at again. Default 30 seconds; OpenRouter asks for 30 to 60. */
  readonly every?: Duration.Input | undefined
}

/**
 * A batch that the server has.
 *
 * @since 0.1.0
 */
export interface Submitted {
  readonly hash: string
  readonly id: string
}

/**
 * Why a batch was not submitted.
 *
 * @since 0.1.0
 */
export type SubmitError = RequestError | BatchUncertain | AppendLogError

/** Statuses of a server that may have done what it was asked. */
const isRefusal = (error: OpenRouterError): boolean => {
  if (error._tag === "ConnectionFailed") return error.phase === "connecting"
  if (error._tag === "InvalidRequest" || error._tag === "InvalidApiKey" || error._tag === "BudgetExceeded") return true
  const { status } = error
  return status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 499
}

/** Nothing is sent twice that may have been accepted. */
const careful = /* @__PURE__ */ RetryPolicy.make({ while: (error) => isRefusal(error) && RetryPolicy.isRetried(error) })

/**
 * Submits a batch, unless it was submitted already: then it is that one.
 *
 * @since 0.1.0
 */
export const submit = Effect.fnUntraced(function*(
  part: Part,
  jobs: Jobs,
  options: SubmitOptions
): Effect.fn.Return<Submitted, SubmitError, OpenRouter> {
  const known = jobs.book.of(part.digest)
  if (known?.id !== undefined) return { hash: known.intent.hash, id: known.id }
  if (known !== undefined) {
    const found = yield* lookFor(known.intent, jobs, options)
    if (found !== undefined) return found
  }
  const at = yield* Clock.currentTimeMillis
  const nonce = yield* Effect.map(Random.next, String)
  const intent: Intent = {
    _tag: "Intent",
    hash: Sha256.hex(`${part.digest} ${at} ${nonce}`).slice(0, 16),
    digest: part.digest,
    model: part.model,
    at,
    names: part.entries.map(({ name }) => name)
  }
  return yield* send(part, intent, jobs, options)
})

const send = (
  { entries, model }: Part,
  intent: Intent,
  jobs: Jobs,
  options: SubmitOptions
): Effect.Effect<Submitted, SubmitError, OpenRouter> => {
  const { hash } = intent
  const body = BatchJob.toBody(
    { model, provider: options.provider, callbackUrl: options.callbackUrl },
    entries.map(({ body }, place) => ({ customId: BatchResults.customId(hash, place), body }))
  )
  const asked = OpenRouter.use((service) => service.call(BatchJob.submit(model, Result.succeed(body), options.path)))
    .pipe(
      RetryPolicy.with(careful),
      Effect.catchTag("ModelUnavailable", (error) => Effect.fail(explained(error, options.path)))
    )
  // What was accepted is written down, whoever is in a hurry.
  return Effect.uninterruptibleMask(Effect.fnUntraced(function*(restore) {
    yield* jobs.write(intent)
    const exit = yield* Effect.exit(restore(asked))
    if (Exit.isSuccess(exit)) {
      yield* jobs.write({ _tag: "Batch", hash, id: exit.value.id })
      return { hash, id: exit.value.id }
    }
    const error = Exit.findErrorOption(exit)
    // Whoever was interrupted, or died, leaves the intent to the next one.
    if (error._tag === "None") return yield* Effect.failCause(exit.cause)
    if (isRefusal(error.value)) {
      yield* jobs.write({ _tag: "Dropped", hash })
      return yield* Effect.fail(error.value)
    }
    const found = yield* restore(lookFor(intent, jobs, options))
    return found ?? (yield* Effect.fail(error.value))
  }))
}

const explained = (error: ModelUnavailable, path = BatchJob.defaultPath): ModelUnavailable => {
  const { _tag: _, isRetryable: __, ...known } = error
  return new ModelUnavailable({
    ...known,
    message:
      `${error.message} (the model is not offered in batches, or this API has none at ${path}: see the option path)`
  })
}

/** How far the clocks of a server may differ from ours. */
const clockSlack = 5 * 60_000

const base = (model: string): string => model.replace(/:batch$/, "")

/**
 * Looks for a batch that may have been accepted. It is one of OpenRouter's list, and its results tell whose it is. `undefined`: it
 * was never accepted.
 *
 * @since 0.1.0
 */
export const lookFor = Effect.fnUntraced(function*(
  intent: Intent,
  jobs: Jobs,
  options: SubmitOptions
): Effect.fn.Return<Submitted | undefined, SubmitError, OpenRouter> {
  const { at, hash, model, names } = intent
  const { uncertain = "fail" } = options
  const found = (id: string) => Effect.as(jobs.write({ _tag: "Batch", hash, id }), { hash, id })
  const none = Effect.as(jobs.write({ _tag: "Dropped", hash }), undefined)
  const given = typeof uncertain === "object" ? uncertain[hash] : undefined
  if (given !== undefined) return yield* found(given)
  const settled = at + Duration.toMillis(Duration.fromInputUnsafe(options.settle ?? "1 minute"))
  yield* Effect.sleep(Math.max(0, settled - (yield* Clock.currentTimeMillis)))
  const listed = yield* Effect.result(OpenRouter.use((service) => service.call(BatchJob.list(options.path))))
  const open: Array<string> = []
  if (Result.isSuccess(listed)) {
    const { data, hasMore } = listed.success
    const others = new Set(jobs.book.known.map(({ id }) => id))
    const created = data.flatMap((job) => BatchJob.createdAt(job) ?? [])
    const candidates = data.filter((job) => {
      const time = BatchJob.createdAt(job)
      const total = job.requestCounts?.total
      return !others.has(job.id) &&
        (job.model === undefined || base(job.model) === base(model)) &&
        (total === undefined || total === 0 || total === names.length) &&
        (time === undefined || time >= at - clockSlack)
    })
    for (const { id } of candidates) {
      // The list has no results, and nothing else tells whose a batch is.
      const ended = yield* waitFor(id, options)
      const isOurs = BatchResults.isOf(hash, ended.results ?? [])
      if (isOurs === true) return yield* found(id)
      if (isOurs === undefined) open.push(id)
    }
    const isWhole = hasMore !== true || created.some((time) => time < at - clockSlack)
    if (open.length === 0 && isWhole) return yield* none
  }
  if (uncertain === "send") return yield* none
  const why = Result.isFailure(listed) ? `: the list of batches cannot be had: ${listed.failure.message}` : ""
  return yield* new BatchUncertain({
    message: `nobody can tell whether a batch of ${names.length} requests for ${model} was accepted${why}`,
    intent: hash,
    model,
    requests: names.length,
    candidates: open
  })
})

/**
 * Waits until a batch has ended. It asks again for as long as that takes, also where OpenRouter fails for a time; to interrupt it
 * takes nothing away from the batch.
 *
 * @since 0.1.0
 */
export const waitFor = Effect.fnUntraced(function*(
  id: string,
  options: Pick<SubmitOptions, "every" | "path">
): Effect.fn.Return<BatchJob.BatchJob, RequestError, OpenRouter> {
  const every = options.every ?? "30 seconds"
  for (;;) {
    const asked = yield* Effect.result(OpenRouter.use((service) => service.call(BatchJob.get(id, options.path))))
    if (Result.isSuccess(asked)) {
      if (BatchJob.isEnded(asked.success)) return asked.success
    } else if (!asked.failure.isRetryable) {
      return yield* Effect.fail(asked.failure)
    }
    yield* Effect.sleep(every)
  }
})
