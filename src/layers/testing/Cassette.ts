/**
 * Cassettes: exchanges with OpenRouter, recorded once and replayed in every test, without a network and without a key.
 *
 * A cassette is a layer over a `Transport`, the seam below the client: checks, retries, admissions and decoding are those of
 * every other call. Streams come back chunk for chunk, with their failures and interruptions. An exchange is found by its
 * method, its path and its body, so the order of calls and of tests does not matter; several answers to one request come in
 * the order in which they were recorded, and the last one again and again.
 *
 * **The file** is JSON to be read and reviewed. It holds prompts and answers in clear. It does not hold the key, cookies or
 * headers of requests, what authorizes at the server of an MCP tool, nor ids of accounts; `scrub` cuts out more.
 *
 * **Example** (Recorded on a developer's machine, replayed everywhere else)
 *
 * ```ts
 * import { NodeFileSystem } from "@effect/platform-node"
 * import { Config, Effect, Layer, Option } from "effect"
 * import { OpenRouter, Transport } from "effect-openrouter"
 * import { Cassette } from "effect-openrouter/testing"
 *
 * const live = Layer.unwrap(Effect.map(
 *   Config.option(Config.Redacted("OPENROUTER_API_KEY")),
 *   (apiKey) => Transport.layerFetch({ apiKey: Option.getOrUndefined(apiKey) })
 * ))
 *
 * export const layer = OpenRouter.layerTransport.pipe(
 *   Layer.provideMerge(Cassette.layer("test/town.cassette.json", "auto")),
 *   Layer.provide([live, NodeFileSystem.layer])
 * )
 * ```
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as BodyText from "../../domain/cassette/BodyText.ts"
import type { Entry, KeptRequest } from "../../domain/cassette/CassetteFile.ts"
import * as File from "../../domain/cassette/CassetteFile.ts"
import * as Scrubbing from "../../domain/cassette/Scrubbing.ts"
import { Cassette } from "../../services/testing/Cassette.ts"
import { type Request, Transport } from "../../services/Transport.ts"
import * as Player from "./cassette/Player.ts"
import * as Recorder from "./cassette/Recorder.ts"
import { Tape } from "./cassette/Tape.ts"

export { withoutVolatile } from "../../domain/cassette/CassetteFile.ts"
export * from "../../services/testing/Cassette.ts"
export { CassetteEnded } from "./cassette/Player.ts"

/**
 * Whether calls are sent.
 *
 * - `record`: all are sent and recorded. The answers of the file to these requests are replaced; the others stay, so that
 *   several tests can share a file.
 * - `replay`: none is sent. A request without an answer is a defect, {@link CassetteMiss}.
 * - `auto`: what is recorded is replayed, what is not is sent and recorded. Where the variable `CI` is set (to anything but
 *   `false` or `0`) it is `replay`.
 *
 * @since 0.1.0
 */
export type Mode = "record" | "replay" | "auto"

/**
 * How a cassette is used.
 *
 * @since 0.1.0
 */
export interface Options {
  /**
   * What of a body counts when its request is looked for; all of its JSON may be changed. Default {@link withoutVolatile}:
   * everything but `metadata`, `trace` and `session_id`.
   */
  readonly normalize?: ((body: Schema.Json) => Schema.Json) | undefined
  /**
   * Cuts something out of what is kept, in addition to keys and ids of accounts. It is given whole bodies and headers, and
   * the lines of a stream one by one, of requests as well, also when they are replayed.
   */
  readonly scrub?: ((text: string) => string) | undefined
  /**
   * In the mode `auto`, outside of CI: a request with an older answer is recorded anew. An entry of the file may have a
   * `"maxAge"` of its own, such as `"30 days"`. Default: answers do not age.
   */
  readonly maxAge?: Duration.Input | undefined
  /** True: it is recorded when everything came, and replayed at that pace. Default: everything comes at once. */
  readonly delays?: boolean | undefined
  /**
   * What happens at the end with entries for which nobody has asked: `report` logs a warning, `fail` is a defect, `ignore`
   * suits files that several tests share. Default `report`.
   */
  readonly unused?: "report" | "fail" | "ignore" | undefined
}

/**
 * There is no answer to a request in the cassette. A defect, so nobody retries it; the message shows the nearest request
 * that was recorded, and where the two differ.
 *
 * @since 0.1.0
 */
export class CassetteMiss
  extends Data.TaggedError("CassetteMiss")<{ readonly path: string; readonly message: string }>
{}

/**
 * A file cannot be used as a cassette: it cannot be read, is no cassette, or was written by a newer version.
 *
 * @since 0.1.0
 */
export class CassetteUnusable extends Data.TaggedError("CassetteUnusable")<
  { readonly path: string; readonly message: string; readonly cause?: unknown }
> {}

/**
 * Entries of a cassette were not used, and the option `unused` says that this is a defect.
 *
 * @since 0.1.0
 */
export class CassetteUnused
  extends Data.TaggedError("CassetteUnused")<{ readonly path: string; readonly message: string }>
{}

type Provided = Transport | Cassette

/**
 * The transport of a cassette. It is over the `Transport` of the environment, which `replay` does not need.
 *
 * Each layer is a session of its own: it begins with the first answer to each request, and what it has recorded is in the
 * file when it is closed, and most of it before. The `FileSystem` is that of a platform, such as `NodeFileSystem.layer`.
 *
 * @since 0.1.0
 */
export const layer: {
  (
    path: string,
    mode: "replay",
    options?: Options
  ): Layer.Layer<Provided, CassetteUnusable, FileSystem.FileSystem>
  (
    path: string,
    mode: Mode,
    options?: Options
  ): Layer.Layer<Provided, CassetteUnusable, FileSystem.FileSystem | Transport>
} = (path: string, mode: Mode, options: Options = {}): Layer.Layer<Provided, CassetteUnusable, FileSystem.FileSystem> =>
  Layer.fresh(Layer.effectContext(Effect.gen(function*() {
    const live = mode === "replay" || (mode === "auto" && (yield* isContinuousIntegration))
      ? undefined
      : yield* Effect.contextWith((context: Context.Context<never>) =>
        Effect.succeed(Context.getOrUndefined(context, Transport))
      )
    const tape = yield* open(path, options)
    const transport = live === undefined
      ? yield* replaying(path, tape, options)
      : yield* recording(path, tape, mode, live, options)
    yield* Effect.addFinalizer(() => mode === "record" ? Effect.void : onUnused(path, tape, options))
    return Context.make(Transport, transport).pipe(Context.add(
      Cassette,
      {
        path,
        replayed: Effect.sync(() => tape.replayed),
        recorded: Effect.sync(() => tape.recorded),
        unused: Effect.sync(() =>
          tape.unused.map(({ recordedAt, request: { json, method, path, text } }) => ({
            method,
            path,
            body: json ?? text,
            recordedAt
          }))
        )
      }
    ))
  })))

const isContinuousIntegration: Effect.Effect<boolean> = Effect.flatMap(
  ConfigProvider.ConfigProvider,
  (provider) => provider.load(["CI"])
).pipe(
  Effect.map((node) => {
    const value = node?.value?.trim().toLowerCase() ?? ""
    return value !== "" && value !== "false" && value !== "0"
  }),
  // Who cannot be asked is not at the keyboard.
  Effect.orElseSucceed(() => true)
)

const normalizeOf = ({ normalize = File.withoutVolatile }: Options): File.Normalize => normalize

/** The entries of a file; none if there is no file. */
const read = (path: string): Effect.Effect<ReadonlyArray<Entry>, CassetteUnusable, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    const text = yield* files.readFileString(path).pipe(
      Effect.catchIf((error) => error.reason._tag === "NotFound", () => Effect.succeed(undefined)),
      Effect.mapError((cause) =>
        new CassetteUnusable({ path, message: `The cassette ${path} cannot be read: ${cause.message}`, cause })
      )
    )
    if (text === undefined) return []
    const format = File.formatOf(text)
    if (format !== undefined && format > File.format) {
      return yield* new CassetteUnusable({
        path,
        message: `The cassette ${path} has the format ${format} of a newer version; this one knows ${File.format}.`
      })
    }
    const { entries } = yield* Effect.mapError(
      File.decode(text),
      (cause) => new CassetteUnusable({ path, message: `The file ${path} is no cassette: ${cause.message}`, cause })
    )
    return entries
  })

const open = (path: string, options: Options): Effect.Effect<Tape, CassetteUnusable, FileSystem.FileSystem> =>
  Effect.map(read(path), (entries) => new Tape(entries, normalizeOf(options)))

const keptOf = ({ body, method, path }: Request, scrub: Scrubbing.Scrub): KeptRequest => ({
  method,
  path: scrub(path),
  ...(body !== undefined && BodyText.ofText(scrub(body)))
})

const scrubOf =
  ({ scrub: own = identity }: Options, withoutKey: Scrubbing.Scrub = identity): Scrubbing.Scrub => (text) =>
    own(Scrubbing.standard(withoutKey(text)))

const miss = (path: string, tape: Tape, request: KeptRequest, options: Options): Effect.Effect<never> =>
  Effect.suspend(() =>
    Effect.die(
      new CassetteMiss({ path, message: File.missing(path, tape.entries, request, normalizeOf(options)) })
    )
  )

const replaying = (path: string, tape: Tape, options: Options): Effect.Effect<Transport["Service"]> =>
  Effect.sync(() => {
    const scrub = scrubOf(options)
    return {
      account: "cassette",
      scrub: identity,
      send: (sent) =>
        Effect.suspend(() => {
          const request = keptOf(sent, scrub)
          const entry = tape.next(request, () => false)
          return entry === undefined
            ? miss(path, tape, request, options)
            : Player.play(entry, { path, delays: options.delays === true })
        })
    }
  })

const recording = (
  path: string,
  tape: Tape,
  mode: Mode,
  live: Transport["Service"],
  options: Options
): Effect.Effect<Transport["Service"], never, FileSystem.FileSystem | Scope.Scope> =>
  Effect.gen(function*() {
    const scrub = scrubOf(options, live.scrub)
    const onEnd = yield* saving(path, tape)
    const delays = options.delays === true
    return {
      ...live,
      announcesSending: true,
      send: (sent, onSent) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          const request = keptOf(sent, scrub)
          const entry = mode === "record" ? undefined : tape.next(request, isStale(now, options))
          if (entry !== undefined) return Effect.andThen(onSent, Player.play(entry, { path, delays }))
          const send = live.send(sent, onSent)
          return Recorder.record(live.announcesSending === true ? send : Effect.andThen(onSent, send), {
            request,
            slot: tape.reserve(request),
            scrub,
            delays,
            onEnd
          })
        })
    }
  })

const isStale = (now: number, { maxAge: general }: Options) => ({ maxAge: own, recordedAt }: Entry): boolean => {
  const maxAge = own ?? general
  return maxAge !== undefined && now - DateTime.toEpochMillis(recordedAt) > Duration.toMillis(maxAge)
}

/**
 * Writes the file after each entry, beside the program, and at the end. Files are replaced as a whole, and what others have
 * written into it in the meantime stays.
 */
const saving = (
  path: string,
  tape: Tape
): Effect.Effect<Effect.Effect<void>, never, FileSystem.FileSystem | Scope.Scope> =>
  Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    const directory = /^(.*)[/\\][^/\\]*$/.exec(path)?.[1] ?? "."
    const save = Effect.gen(function*() {
      const entries = tape.merged(yield* read(path))
      const text = File.render(yield* File.encode(entries))
      if (directory !== "") yield* files.makeDirectory(directory, { recursive: true })
      const temporary = yield* files.makeTempDirectoryScoped({ directory: directory || "/", prefix: ".cassette-" })
      yield* files.writeFileString(`${temporary}/draft`, text)
      yield* files.rename(`${temporary}/draft`, path)
    }).pipe(Effect.scoped, Effect.provideService(FileSystem.FileSystem, files), Effect.uninterruptible)
    yield* Effect.addFinalizer(() => tape.recorded === 0 ? Effect.void : Effect.orDie(save))
    const wanted = yield* Queue.sliding<void>(1)
    // What fails here is tried again, and told, at the end.
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Queue.take(wanted), Effect.ignore(save))))
    return Effect.asVoid(Queue.offer(wanted, undefined))
  })

const onUnused = (path: string, tape: Tape, { unused = "report" }: Options): Effect.Effect<void> =>
  Effect.suspend(() => {
    const left = tape.unused
    if (unused === "ignore" || left.length === 0) return Effect.void
    const message = `${left.length} of ${tape.entries.length} entries of the cassette ${path} were not used:\n` +
      left.slice(0, 10).map(({ request }) => `  ${File.describe(request)}`).join("\n") +
      (left.length > 10 ? `\n  and ${left.length - 10} more` : "")
    return unused === "fail" ? Effect.die(new CassetteUnused({ path, message })) : Effect.logWarning(message)
  })
