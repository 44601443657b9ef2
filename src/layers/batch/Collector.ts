/**
 * Calls that are collected, sent as batches, and handed back: a transport whose exchanges may take a day.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { BatchUncertain } from "../../domain/batch/BatchJobError.ts"
import * as BatchPlan from "../../domain/batch/BatchPlan.ts"
import * as BatchResults from "../../domain/batch/BatchResults.ts"
import type { Known } from "../../domain/batch/JobBook.ts"
import * as BatchJob from "../../domain/endpoint/BatchJob.ts"
import {
  ConnectionFailed,
  InvalidRequest,
  MalformedResponse,
  ProviderTimeout,
  ServerError
} from "../../domain/error/OpenRouterError.ts"
import type { RequestError } from "../../domain/error/OpenRouterError.ts"
import * as Sha256 from "../../domain/wire/Sha256.ts"
import type { AppendLogError } from "../../services/AppendLog.ts"
import * as BatchJobs from "../../services/BatchJobs.ts"
import { OpenRouter } from "../../services/OpenRouter.ts"
import * as Transport from "../../services/Transport.ts"

/**
 * How calls are collected; each has a default.
 *
 * @since 0.1.0
 */
export interface Options extends Omit<BatchJobs.SubmitOptions, "maxRequests"> {
  /** How many calls a batch has at most: with so many it is sent at once. Default 1,000; OpenRouter takes 5,000. */
  readonly size?: number | undefined
  /** How long calls wait for others: a batch is sent once none has come for so long. Default 10 seconds. */
  readonly wait?: Duration.Input | undefined
  /** How many times what a batch that failed, expired or was cancelled has not answered is sent again. Default 1. */
  readonly resubmit?: number | undefined
}

/**
 * What is the matter with batches, beside the errors of calls.
 *
 * @since 0.1.0
 */
export type Trouble = BatchUncertain | AppendLogError

interface Waiting {
  readonly entry: BatchPlan.Entry
  readonly answer: Deferred.Deferred<Transport.Answer, RequestError>
  /** What it waits in. */
  place: Group | Running | undefined
}

/** Calls that may share a batch and wait for others. */
interface Group {
  readonly name: string
  readonly waiting: Map<string, Waiting>
  /** How many have come. */
  joined: number
}

/** A batch that was sent, or is being sent. */
interface Running {
  readonly waiting: Map<string, Waiting>
  /** Of one that others may join, the hash of its intent. */
  readonly hash: string | undefined
  id: string | undefined
  isAbandoned: boolean
}

/**
 * Collects the calls of one client.
 *
 * @since 0.1.0
 */
export class Collector {
  readonly #service: OpenRouter["Service"]
  readonly #scope: Scope.Scope
  readonly #jobs: BatchJobs.Jobs
  readonly #options: Options
  readonly #limits: BatchPlan.Limits
  /** What becomes of calls whose batch nobody can tell of. */
  readonly #troubled: (trouble: Trouble) => Effect.Effect<never, RequestError>
  readonly #groups = new Map<string, Group>()
  readonly #running = new Map<string, Running>()
  readonly #counts = new Map<string, number>()
  #unnamed = 0

  constructor(
    service: OpenRouter["Service"],
    scope: Scope.Scope,
    jobs: BatchJobs.Jobs,
    options: Options,
    troubled: (trouble: Trouble) => Effect.Effect<never, RequestError> = unsure
  ) {
    this.#service = service
    this.#scope = scope
    this.#jobs = jobs
    this.#options = options
    this.#limits = { maxBytes: options.maxBytes, maxRequests: options.size ?? 1000 }
    this.#troubled = troubled
  }

  /** The transport over which a client sends its calls into batches. */
  get transport(): Transport.Transport["Service"] {
    return {
      account: this.#service.target?.account ?? "batch",
      address: this.#service.target?.address,
      scrub: (text) => text,
      // No deadline of an exchange holds for a batch: what was sent is told when it is answered, or left.
      announcesSending: true,
      send: ({ body, path }, onSent) =>
        path === "/responses" && body !== undefined
          ? this.#ask(body, onSent)
          : Effect.fail(new InvalidRequest({ origin: "local", message: `${path} is nothing for a batch` }))
    }
  }

  #ask(body: string, onSent: Effect.Effect<void>): Effect.Effect<Transport.Answer, RequestError> {
    return Effect.suspend(() => {
      const made = BatchPlan.ofBody(this.#nameOf(body), body)
      if (Result.isFailure(made)) return Effect.fail(made.failure)
      const waiting: Waiting = { entry: made.success, answer: Deferred.makeUnsafe(), place: undefined }
      return Effect.andThen(this.#join(waiting), Deferred.await(waiting.answer)).pipe(
        Effect.tap(onSent),
        Effect.onInterrupt(() => Effect.suspend(() => this.#leave(waiting, onSent)))
      )
    })
  }

  /** What tells a call apart: with a memory that outlives the program its request, and the number among equal ones. */
  #nameOf(body: string): string {
    if (this.#options.jobs === undefined) return String(this.#unnamed++)
    const digest = Sha256.hex(body).slice(0, 24)
    let count = this.#counts.get(digest) ?? 0
    // What got no answer was asked again as the next one.
    while (this.#jobs.book.isReleased(`${digest}-${count}`)) count++
    this.#counts.set(digest, count + 1)
    return `${digest}-${count}`
  }

  /** Puts a call into a batch that there is already, or among those that wait for others. */
  #join(waiting: Waiting): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { entry } = waiting
      const known = this.#jobs.book.having(entry.name)
      if (known !== undefined) return this.#rejoin(waiting, known)
      const { group } = entry
      let found = this.#groups.get(group)
      const isNew = found === undefined
      found ??= { name: group, waiting: new Map(), joined: 0 }
      this.#groups.set(group, found)
      found.waiting.set(entry.name, waiting)
      waiting.place = found
      found.joined++
      if (found.waiting.size >= (this.#limits.maxRequests ?? 1000)) return this.#flush(found)
      const own = found
      return isNew
        ? this.#fork(this.#flushedLater(own))
        : Effect.void
    })
  }

  /** A batch of an earlier process. */
  #rejoin(waiting: Waiting, { id, intent }: Known): Effect.Effect<void> {
    const { hash, names } = intent
    let running = this.#running.get(hash)
    const isNew = running === undefined
    running ??= { waiting: new Map(), hash, id, isAbandoned: false }
    this.#running.set(hash, running)
    running.waiting.set(waiting.entry.name, waiting)
    waiting.place = running
    const own = running
    if (!isNew) return Effect.void
    const submitted = id === undefined ? this.#lookFor(intent, own) : Effect.succeed({ hash, id })
    // All calls of the batch are there by then.
    const wait = this.#options.wait ?? "10 seconds"
    return this.#fork(this.#followed(own, Effect.delay(submitted, wait), names, this.#options.resubmit ?? 1))
  }

  /** Looks for a batch; if it was never accepted, its calls go into new ones. */
  #lookFor(
    intent: Known["intent"],
    running: Running
  ): Effect.Effect<BatchJobs.Submitted | undefined, BatchJobs.SubmitError> {
    return Effect.tap(
      Effect.provideService(BatchJobs.lookFor(intent, this.#jobs, this.#options), OpenRouter, this.#service),
      (found) =>
        found !== undefined ? Effect.void : Effect.suspend(() => {
          const calls = Array.from(running.waiting.values())
          running.waiting.clear()
          this.#close(running)
          return Effect.forEach(calls, (call) => this.#join(call), { discard: true })
        })
    )
  }

  /** Its end is about to be told: whoever comes now would not hear of it, and looks for the batch anew. */
  #close({ hash }: Running): void {
    if (hash !== undefined) this.#running.delete(hash)
  }

  #fork(effect: Effect.Effect<void>): Effect.Effect<void> {
    return Effect.asVoid(Effect.forkIn(effect, this.#scope))
  }

  #leave(waiting: Waiting, onSent: Effect.Effect<void>): Effect.Effect<void> {
    const { place } = waiting
    place?.waiting.delete(waiting.entry.name)
    if (place === undefined || "name" in place) return Effect.void
    // What is remembered is waited for by the next process.
    if (place.waiting.size > 0 || this.#options.jobs !== undefined) return onSent
    place.isAbandoned = true
    return Effect.andThen(onSent, this.#cancelled(place))
  }

  #cancelled({ id }: Running): Effect.Effect<void> {
    return id === undefined
      ? Effect.void
      : this.#fork(Effect.ignore(this.#service.call(BatchJob.cancel(id, this.#options.path))))
  }

  /**
   * Sends them when no other one comes any more. It looks twice: where the program was busy for the whole time, such as with reading
   * the answers of another batch, those that are about to come get another half of it.
   */
  #flushedLater(group: Group, quiet = 0): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { joined } = group
      const half = Duration.divideUnsafe(Duration.fromInputUnsafe(this.#options.wait ?? "10 seconds"), 2)
      return Effect.flatMap(Effect.sleep(half), () => {
        if (this.#groups.get(group.name) !== group) return Effect.void
        if (group.joined !== joined) return this.#flushedLater(group)
        return quiet === 1 ? this.#flush(group) : this.#flushedLater(group, 1)
      })
    })
  }

  /** Sends those that wait. */
  #flush(group: Group): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.#groups.get(group.name) === group) this.#groups.delete(group.name)
      const calls = Array.from(group.waiting.values())
      group.waiting.clear()
      return this.#sent(calls, this.#options.resubmit ?? 1)
    })
  }

  #sent(calls: ReadonlyArray<Waiting>, resubmit: number): Effect.Effect<void> {
    const byName = new Map(calls.map((call) => [call.entry.name, call]))
    const parts = BatchPlan.split(calls.map(({ entry }) => entry), this.#limits, this.#jobs.book.intents + 1)
    return Effect.forEach(parts, (part) => {
      const running: Running = { waiting: new Map(), hash: undefined, id: undefined, isAbandoned: false }
      for (const { name } of part.entries) {
        const call = byName.get(name)
        if (call === undefined) continue
        call.place = running
        running.waiting.set(name, call)
      }
      const submitted = Effect.provideService(
        BatchJobs.submit(part, this.#jobs, this.#options),
        OpenRouter,
        this.#service
      )
      return this.#fork(this.#followed(running, submitted, part.entries.map(({ name }) => name), resubmit))
    }, { discard: true })
  }

  /** Waits for a batch, and hands its lines to those who wait for them. */
  #followed(
    running: Running,
    submitted: Effect.Effect<BatchJobs.Submitted | undefined, BatchJobs.SubmitError>,
    names: ReadonlyArray<string>,
    resubmit: number
  ): Effect.Effect<void> {
    const service = this.#service
    const options = this.#options
    return Effect.gen({ self: this }, function*() {
      const sent = yield* submitted
      if (sent === undefined) return
      const { hash, id } = sent
      running.id = id
      if (running.isAbandoned) yield* this.#cancelled(running)
      const job = yield* Effect.provideService(BatchJobs.waitFor(id, options), OpenRouter, service)
      const lines = BatchResults.priced(job, BatchResults.linesOf(hash, job.results ?? []))
      // What has no answer may be asked again, by this process or the next one.
      const released = names.filter((_, place) => isBlank(lines.get(place)))
      if (released.length > 0) yield* this.#jobs.write({ _tag: "Released", hash, names: released })
      this.#close(running)
      const again: Array<Waiting> = []
      for (const [place, name] of names.entries()) {
        const call = running.waiting.get(name)
        if (call === undefined) continue
        const line = lines.get(place)
        if (line !== undefined) yield* Deferred.done(call.answer, answerOf(job, line))
        else if (resubmit > 0 && job.status !== "completed" && !running.isAbandoned) again.push(call)
        else yield* Deferred.fail(call.answer, errorOf(job))
      }
      running.waiting.clear()
      // Nobody will ask for it again.
      if (options.jobs === undefined) yield* this.#jobs.write({ _tag: "Dropped", hash })
      yield* this.#sent(again, resubmit - 1)
    }).pipe(
      Effect.catch((error) => {
        const failure = error._tag === "BatchUncertain" || error._tag === "AppendLogError"
          ? this.#troubled(error)
          : Effect.fail(error)
        return Effect.flatMap(
          Effect.exit(failure),
          (exit) => {
            this.#close(running)
            return Effect.forEach(running.waiting.values(), ({ answer }) => Deferred.done(answer, exit), {
              discard: true
            })
          }
        )
      })
    )
  }
}

const unsure = (trouble: Trouble): Effect.Effect<never, RequestError> =>
  Effect.fail(new ConnectionFailed({ phase: "receiving", reason: trouble._tag, message: trouble.message }))

const isBlank = (line: BatchResults.Line | undefined): boolean =>
  line?.answer === undefined || line.answer.status >= 300 || line.answer.text.startsWith(`{"error"`)

const answerOf = (job: BatchJob.BatchJob, { answer }: BatchResults.Line): Exit.Exit<Transport.Answer, RequestError> =>
  answer === undefined
    ? Exit.fail(new MalformedResponse({ message: `a line of batch ${job.id} cannot be read` }))
    : Exit.succeed(Transport.answer({ status: answer.status, headers: answer.headers, body: answer.text }))

/** The error that a call has by itself where a batch ended without it. */
const errorOf = (job: BatchJob.BatchJob): RequestError => {
  const { message, reason } = BatchResults.unfinished(job)
  switch (reason) {
    case "expired":
      return new ProviderTimeout({ message })
    case "missing":
      return new MalformedResponse({ message })
    default:
      return new ServerError({ message })
  }
}
