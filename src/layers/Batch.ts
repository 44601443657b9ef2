/**
 * Many calls, from memory, from a stream or from a file; see `services/Batch`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { BatchFileError } from "../domain/batch/BatchFileError.ts"
import type { BatchUncertain } from "../domain/batch/BatchJobError.ts"
import type { NotStarted } from "../domain/batch/NotStarted.ts"
import type { Progress } from "../domain/batch/Progress.ts"
import * as ResultLine from "../domain/batch/ResultLine.ts"
import { WorkQueue } from "../domain/batch/WorkQueue.ts"
import * as Wire from "../domain/wire/Wire.ts"
import type { AppendLogError } from "../services/AppendLog.ts"
import { concurrencyOf, launch, type Options, stopWatch } from "../services/Batch.ts"
import * as BatchProgress from "../services/BatchProgress.ts"
import { withMiddleware } from "../services/Middleware.ts"
import * as InputLines from "./batch/InputLines.ts"
import { jobs as openJobs } from "./batch/JobLog.ts"
import * as ResultLog from "./batch/ResultLog.ts"
import * as BatchApi from "./BatchApi.ts"

export { BatchFileError } from "../domain/batch/BatchFileError.ts"
export { BatchUncertain, BatchUnfinished } from "../domain/batch/BatchJobError.ts"
export {
  type Ended,
  type Item,
  type Key,
  NotStarted,
  type Options,
  type Outcomes,
  type Progress,
  type Reader,
  run,
  type StopRule,
  type StopRules,
  stream,
  type StreamOptions,
  type TagOf,
  toBar,
  toLine,
  type TooMany,
  toTable
} from "../services/Batch.ts"
export { type Estimate, estimate, type EstimateOptions, type Invalid, type Range } from "../services/BatchEstimate.ts"
export type { Jobs, SubmitError, SubmitOptions } from "../services/BatchJobs.ts"
export {
  type Answered,
  await,
  awaitObjects,
  type AwaitOptions,
  cancel,
  Handle,
  type ObjectOptions,
  submit,
  submitObjects
} from "../services/BatchSubmission.ts"
export { jobs } from "./batch/JobLog.ts"

/**
 * A line of the input as its function sees it.
 *
 * @since 0.1.0
 */
export interface Line {
  /** Its own, by which its result is found again. */
  readonly id: string
  /** Its place among the lines that are not blank, from 0. */
  readonly index: number
}

/**
 * How {@link jsonl} goes about its lines; each has a default.
 *
 * @since 0.1.0
 */
export interface JsonlOptions<I, A, E, R = never> extends Options<I, E, R> {
  /** What the lines of the input are. Default: JSON objects. */
  readonly input?: Schema.Codec<I, unknown> | undefined
  /** How a value is written. Default: as `JSON.stringify` does. */
  readonly output?: Schema.Codec<A, unknown> | undefined
  /** The id of an item, which no other one may have. Default: the member `id` of its line, or else its index. */
  readonly id?: ((item: I, index: number) => string) | undefined
  /**
   * What becomes of errors that are in the output already: `"keep"`: they are results; `"retry"`: these items run again. Default
   * `"keep"`. Errors that stopped a batch are never written.
   */
  readonly errors?: "keep" | "retry" | undefined
  /**
   * What becomes of errors that are in the output already: `"transient"`: items whose error may pass (`isRetryable`) run again;
   * `"all"` and `"none"` are `errors: "retry"` and `"keep"`. It comes before `errors`.
   */
  readonly retry?: "transient" | "all" | "none" | undefined
  /**
   * `"batch-api"`: the calls of all lines go over OpenRouter's Batch API, for about half the price, within 24 hours. The batches are
   * remembered in a file beside the output, `<output>.batches`, until all lines have ended: a run that was killed picks them up
   * again. As many lines run at once as their calls are to be collected, so `concurrency` is 20,000 by default.
   *
   * Where nobody can tell whether a batch was accepted the run fails with `BatchUncertain`; see `batch.uncertain`.
   */
  readonly via?: "batch-api" | undefined
  /** How batches are made and waited for, with `via`. `size` is 5,000 by default, and `wait` 2 seconds. */
  readonly batch?: Omit<BatchApi.Options, "jobs"> | undefined
  /** Whether each line is forced to the disk, to survive a power cut and not only the death of the process. Default false. */
  readonly fsync?: boolean | undefined
}

/**
 * What became of a batch: the last of its progress, and why it ended early, if it did.
 *
 * @since 0.1.0
 */
export interface Summary extends Progress {
  readonly stopped?: NotStarted
}

/**
 * Why {@link jsonl} cannot go on over the Batch API.
 *
 * @since 0.1.0
 */
export type JsonlError = BatchFileError | AppendLogError | BatchUncertain

const decoder = <I>(schema: Schema.Codec<I, unknown>): InputLines.Reading<I>["decode"] => {
  const decode = Schema.decodeUnknownResult(Schema.toCodecJson(schema))
  return (json) => Result.mapError(decode(json), ({ message }) => message)
}

const encoder = <A>(schema: Schema.Codec<A, unknown> | undefined): (value: A) => Result.Result<unknown, string> => {
  if (schema === undefined) return Result.succeed
  const encode = Schema.encodeResult(Schema.toCodecJson(schema))
  return (value) => Result.mapError(encode(value), ({ message }) => message)
}

/**
 * The same over OpenRouter's Batch API. Its batches are remembered until no line is left that could ask for them.
 */
const jsonlVia = Effect.fnUntraced(function*<I, A, E, R, RP>(
  input: string,
  output: string,
  f: (item: I, line: Line) => Effect.Effect<A, E, R>,
  decode: InputLines.Reading<I>["decode"],
  options: JsonlOptions<I, A, E, RP>
): Effect.fn.Return<Summary, JsonlError, FileSystem.FileSystem | R | RP> {
  const fs = yield* FileSystem.FileSystem
  const path = `${output}.batches`
  let trouble: BatchUncertain | AppendLogError | undefined
  const summary = yield* Effect.scoped(Effect.gen(function*() {
    const jobs = yield* openJobs(path, { fsync: options.fsync })
    const batched = yield* BatchApi.make({ size: 5000, wait: "2 seconds", ...options.batch, jobs }, (found) => {
      trouble ??= found
      return Effect.die(found)
    })
    const exit = yield* Effect.exit(
      jsonlOf(input, output, (item, line) => withMiddleware(f(item, line), batched), decode, {
        ...options,
        concurrency: options.concurrency ?? 20_000
      })
    )
    return trouble === undefined ? yield* exit : yield* trouble
  }))
  if (summary.stopped === undefined) yield* Effect.ignore(fs.remove(path))
  return summary
})

const jsonlOf = <I, A, E, R, RP>(
  input: string,
  output: string,
  f: (item: I, line: Line) => Effect.Effect<A, E, R>,
  decode: InputLines.Reading<I>["decode"],
  options: JsonlOptions<I, A, E, RP>
): Effect.Effect<Summary, BatchFileError | AppendLogError, FileSystem.FileSystem | R | RP> =>
  Effect.scoped(Effect.gen(function*() {
    const reading = { decode, id: options.id }
    const ids = yield* InputLines.check(input, reading)
    const results = yield* ResultLog.open(output, { fsync: options.fsync })
    const retry = options.retry ?? (options.errors === "retry" ? "all" : "none")
    const concurrency = concurrencyOf(options)
    const stop = yield* stopWatch(options.stopOn)
    const encode = encoder(options.output)
    const observer = yield* BatchProgress.observe(options.onProgress, {
      total: ids.size,
      every: options.progressEvery ?? "1 second"
    })
    /** Why results cannot be written any more. */
    let broken: BatchFileError | AppendLogError | undefined
    const written = (line: string, head: ResultLine.Head): Effect.Effect<void> =>
      Effect.catch(results.append(line, head), (error) => {
        broken ??= error
        return Effect.die(error)
      })
    const writtenError = (id: string, index: number, error: E): Effect.Effect<void> =>
      written(ResultLine.ofError(id, index, error), {
        id,
        index,
        isError: true,
        isTransient: ResultLine.isTransient(error)
      })
    const ended = ({ id, index }: Line, exit: Exit.Exit<A, E>): Effect.Effect<void, E> => {
      if (Exit.isSuccess(exit)) {
        const line = Result.flatMap(encode(exit.value), (value) => ResultLine.ofValue(id, index, value))
        if (Result.isSuccess(line)) return written(line.success, { id, index, isError: false, isTransient: false })
        const message = `the value of item ${id} cannot be written: ${line.failure}`
        broken ??= new BatchFileError({ path: output, reason: "unwritable", message })
        return Effect.die(broken)
      }
      const result = Exit.findErrorOption(exit)
      return result._tag === "Some" && !stop.isEnd(result.value)
        ? Effect.andThen(writtenError(id, index, result.value), exit)
        : Effect.asVoid(exit)
    }
    const { key } = options
    const queue = new WorkQueue<InputLines.InputLine<I>>(
      concurrency * 16,
      key === undefined ? undefined : ({ index, item }) => key(item, index)
    )
    const batch = yield* launch({
      queue,
      source: yield* InputLines.read(input, reading).pipe(
        Stream.filter(({ id }) => {
          const isThere = results.has(id, retry)
          if (isThere) observer.book.skipped()
          return !isThere
        }),
        Stream.toPull
      ),
      // What was paid for is written, whoever is in a hurry.
      f: ({ id, index, item }) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.flatMap(
            Effect.exit(restore(Effect.suspend(() => f(item, { id, index })))),
            (exit) => ended({ id, index }, exit)
          )
        ),
      put: () => queue.givenOut(1),
      concurrency,
      stop,
      warm: options.warm,
      observer
    })
    while (!batch.isOver()) yield* batch.changed
    yield* results.sort(ids)
    yield* observer.end
    if (broken !== undefined) return yield* broken
    const failure = batch.failure()
    if (failure !== undefined) return yield* Effect.failCause(failure)
    return { ...(yield* observer.now), ...Wire.compact({ stopped: batch.stopped() }) }
  }))

const object = (json: unknown): Result.Result<Wire.JsonObject, string> =>
  Wire.isJsonObject(json) ? Result.succeed(json) : Result.fail("it is not a JSON object")

/**
 * Runs an effect for each line of a file, and writes what became of it to another file, which is its own journal.
 *
 * Each result is appended when its item has ended, as `{"id":…,"index":…,"value":…}`, or with `error` in the place of `value`; at
 * the end the lines are put into the order of the input. A run that was killed is repeated with the same call: a torn last line is
 * dropped, ids that are there are skipped, and at most what was in flight is asked again. Not written is what stopped the batch and
 * what was not started, so the next run asks for it.
 *
 * The whole input is read and checked before anything is sent. The output belongs to one run at a time (`AppendLogError` with
 * `inUse`). It needs a `FileSystem`, such as that of `@effect/platform-node`; of each line its id and place are in memory,
 * and with `via` a name of about 30 characters for each call.
 *
 * **Example** (A file of prompts)
 *
 * ```ts
 * import { NodeServices } from "@effect/platform-node"
 * import { Console, Effect, Schema } from "effect"
 * import { Batch, OpenRouter } from "effect-openrouter"
 *
 * const Prompt = Schema.Struct({ id: Schema.String, prompt: Schema.String })
 *
 * const program = Batch.jsonl(
 *   "prompts.jsonl",
 *   "answers.jsonl",
 *   ({ prompt }) => Effect.map(OpenRouter.respond({ model: "openai/gpt-5", input: prompt }), ({ text }) => text),
 *   { input: Prompt }
 * ).pipe(
 *   Effect.tap((summary) => Console.log(Batch.toTable(summary))),
 *   Effect.provide([OpenRouter.layerFetch, NodeServices.layer])
 * )
 * ```
 *
 * @since 0.1.0
 */
export function jsonl<I, A, E, R, RP = never>(
  input: string,
  output: string,
  f: (item: I, line: Line) => Effect.Effect<A, E, R>,
  options: JsonlOptions<I, A, NoInfer<E>, RP> & {
    readonly input: Schema.Codec<I, unknown>
    readonly via: "batch-api"
  }
): Effect.Effect<Summary, JsonlError, FileSystem.FileSystem | R | RP>
export function jsonl<A, E, R, RP = never>(
  input: string,
  output: string,
  f: (item: Wire.JsonObject, line: Line) => Effect.Effect<A, E, R>,
  options: Omit<JsonlOptions<Wire.JsonObject, A, NoInfer<E>, RP>, "input"> & { readonly via: "batch-api" }
): Effect.Effect<Summary, JsonlError, FileSystem.FileSystem | R | RP>
export function jsonl<I, A, E, R, RP = never>(
  input: string,
  output: string,
  f: (item: I, line: Line) => Effect.Effect<A, E, R>,
  options: JsonlOptions<I, A, NoInfer<E>, RP> & {
    readonly input: Schema.Codec<I, unknown>
    readonly via?: undefined
  }
): Effect.Effect<Summary, BatchFileError | AppendLogError, FileSystem.FileSystem | R | RP>
export function jsonl<A, E, R, RP = never>(
  input: string,
  output: string,
  f: (item: Wire.JsonObject, line: Line) => Effect.Effect<A, E, R>,
  options?: Omit<JsonlOptions<Wire.JsonObject, A, NoInfer<E>, RP>, "input"> & { readonly via?: undefined }
): Effect.Effect<Summary, BatchFileError | AppendLogError, FileSystem.FileSystem | R | RP>
export function jsonl<A, E, R, RP>(
  input: string,
  output: string,
  f: (item: Wire.JsonObject, line: Line) => Effect.Effect<A, E, R>,
  options: JsonlOptions<Wire.JsonObject, A, E, RP> = {}
): Effect.Effect<Summary, JsonlError, FileSystem.FileSystem | R | RP> {
  const decode = options.input === undefined ? object : decoder(options.input)
  return options.via === undefined
    ? jsonlOf(input, output, f, decode, options)
    : jsonlVia(input, output, f, decode, options)
}
