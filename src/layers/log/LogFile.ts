/**
 * The file of a log: writing in groups, and its replacement by a smaller one.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { AppendLogError } from "../../services/AppendLog.ts"
import type { AppendLog, LinePlace } from "../../services/AppendLog.ts"
import { LineReader, textOf } from "./LineReader.ts"
import * as LogFailure from "./LogFailure.ts"
import * as LogHeader from "./LogHeader.ts"
import type { Owner } from "./Owner.ts"
import type { Found, Options } from "./Recovery.ts"

const encoder = /* @__PURE__ */ new TextEncoder()

const newline = /* @__PURE__ */ encoder.encode("\n")

/** A line that waits to be written, and what came of it. */
interface Waiting {
  readonly bytes: Uint8Array
  readonly onWritten: ((place: LinePlace) => void) | undefined
  exit: Exit.Exit<LinePlace, AppendLogError> | undefined
}

/** The bytes of a group of lines, one after another. */
const joined = (pieces: ReadonlyArray<Uint8Array>): Uint8Array => {
  const [first] = pieces
  if (first !== undefined && pieces.length === 1) return first
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0))
  let offset = 0
  for (const piece of pieces) {
    whole.set(piece, offset)
    offset += piece.length
  }
  return whole
}

const groupBytes = 262_144

/**
 * A log over a file whose lines end at `found.length`.
 *
 * @since 0.1.0
 */
export class LogFile implements AppendLog {
  readonly path: string
  readonly #fs: FileSystem.FileSystem
  readonly #options: Options
  readonly #owner: Owner | undefined
  readonly #turn = Semaphore.makeUnsafe(1)
  #file: FileSystem.File
  #scope: Scope.Closeable
  #length: number
  /** What the next write begins with: the header of a new file, or a line break that is missing. */
  #lead: Uint8Array
  /** Whether there may be a part of a line behind `#length`. */
  #isTorn = false
  #waiting: Array<Waiting> = []

  private constructor(
    fs: FileSystem.FileSystem,
    path: string,
    options: Options,
    owner: Owner | undefined,
    found: Found,
    opened: Opened
  ) {
    this.path = path
    this.#fs = fs
    this.#options = options
    this.#owner = owner
    this.#file = opened.file
    this.#scope = opened.scope
    this.#length = found.length
    this.#lead = found.lacksEnd ? newline : found.length === 0 ? headerOf(options) : new Uint8Array(0)
  }

  /** Opens the file for writing; it is closed with the scope. */
  static readonly open = Effect.fnUntraced(
    function*(
      fs: FileSystem.FileSystem,
      path: string,
      options: Options,
      owner: Owner | undefined,
      found: Found
    ): Effect.fn.Return<LogFile, PlatformError, Scope.Scope> {
      return yield* Effect.acquireRelease(
        // What is no file is written to alone: to open a pipe for reading as well would be another thing.
        Effect.map(
          openTo(fs, path, owner === undefined ? "a" : "a+"),
          (opened) => new LogFile(fs, path, options, owner, found, opened)
        ),
        (log) => log.#turn.withPermit(Effect.suspend(() => Scope.close(log.#scope, Exit.void)))
      )
    }
  )

  readonly size: Effect.Effect<number> = Effect.sync(() => this.#length)

  append(line: string, onWritten?: (place: LinePlace) => void): Effect.Effect<LinePlace, AppendLogError> {
    return Effect.uninterruptible(Effect.suspend(() => {
      if (line.includes("\n")) return Effect.die(new RangeError("a line of a log has no line break in it"))
      const waiting: Waiting = { bytes: encoder.encode(`${line}\n`), onWritten, exit: undefined }
      this.#waiting.push(waiting)
      // Whoever comes first writes for all who came meanwhile.
      const written = Effect.suspend(() => waiting.exit === undefined ? this.#writeAll : Effect.void)
      return Effect.flatMap(
        this.#turn.withPermit(written),
        () => waiting.exit ?? Effect.die("the line was not written")
      )
    }))
  }

  read(place: LinePlace): Effect.Effect<string, AppendLogError> {
    return Effect.suspend(() => {
      const buffer = new Uint8Array(place.length)
      return readFully(this.#file, buffer, place.offset).pipe(
        Effect.mapError(LogFailure.ofPlatform(this.path)),
        Effect.map(() => textOf(buffer))
      )
    })
  }

  readonly lines: Stream.Stream<string, AppendLogError> = Stream.suspend(() => {
    const reader = new LineReader(this.#file, 0, this.#length)
    let isFirst = this.#options.format !== undefined
    return Stream.paginate(
      undefined,
      () =>
        Effect.map(reader.next, (lines): readonly [ReadonlyArray<string>, Option.Option<undefined>] => {
          // A whole line whose end is missing is a line too.
          const rest = lines === undefined ? reader.takeRest() : undefined
          const texts = lines?.map(({ text }) => text) ??
            (rest === undefined || rest.length === 0 ? [] : [textOf(rest)])
          if (isFirst && texts.length > 0) {
            isFirst = false
            texts.shift()
          }
          return [texts, lines === undefined ? Option.none() : Option.some(undefined)]
        })
    )
  }).pipe(Stream.mapError((error) => LogFailure.ofPlatform(this.path)(error)))

  compact<E, R>(
    lines: Stream.Stream<string, E, R>,
    onLine?: (line: string, place: LinePlace) => void
  ): Effect.Effect<void, AppendLogError | E, R> {
    const draft = draftOf(this.path)
    const swap = Effect.fnUntraced({ self: this }, function*(length: number): Effect.fn.Return<void, PlatformError> {
      // Nothing can fail between the new name and the new file: lines that went to the old one would be lost.
      const opened = yield* openTo(this.#fs, draft, "a+")
      yield* Effect.onError(this.#fs.rename(draft, this.path), () => Scope.close(opened.scope, Exit.void))
      yield* Scope.close(this.#scope, Exit.void)
      this.#file = opened.file
      this.#scope = opened.scope
      this.#length = length
      this.#lead = new Uint8Array(0)
      this.#isTorn = false
      yield* this.#syncFolder
    })
    return this.#turn.withPermit(Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => this.#lost()).pipe(
        Effect.andThen(restore(this.#draft(draft, lines, onLine))),
        Effect.flatMap((length) => Effect.mapError(swap(length), LogFailure.ofPlatform(this.path))),
        Effect.onError(() => Effect.ignore(this.#fs.remove(draft)))
      )
    ))
  }

  /** Writes a whole new file beside the old one; gives its length. */
  #draft<E, R>(
    draft: string,
    lines: Stream.Stream<string, E, R>,
    onLine?: (line: string, place: LinePlace) => void
  ): Effect.Effect<number, AppendLogError | E, R> {
    const failing = Effect.mapError(LogFailure.ofPlatform(this.path))
    return Effect.scoped(Effect.gen({ self: this }, function*() {
      const file = yield* failing(this.#fs.open(draft, { flag: "w" }))
      const header = headerOf(this.#options)
      let group: Array<Uint8Array> = [header]
      let offset = header.length
      let held = header.length
      const written = Effect.suspend(() => {
        const bytes = joined(group)
        group = []
        held = 0
        return failing(file.writeAll(bytes))
      })
      yield* Stream.runForEachArray(lines, (lines) => {
        for (const line of lines) {
          const bytes = encoder.encode(`${line}\n`)
          onLine?.(line, { offset, length: bytes.length - 1 })
          group.push(bytes)
          offset += bytes.length
          held += bytes.length
        }
        return held < groupBytes ? Effect.void : written
      })
      yield* written
      // The new name must not reach the disk before the content does.
      yield* failing(file.sync)
      return offset
    }))
  }

  #lost(): Effect.Effect<void, AppendLogError> {
    return this.#owner?.isLost() === true
      ? Effect.fail(
        new AppendLogError({
          path: this.path,
          reason: "lost",
          message: `${this.path} was taken over by another owner, because this one stood still for too long`
        })
      )
      : Effect.void
  }

  /** Writes all lines that wait, in one piece. */
  readonly #writeAll: Effect.Effect<void> = Effect.suspend(() => {
    const group = this.#waiting
    this.#waiting = []
    const lead = this.#lead
    const bytes = joined([lead, ...group.map(({ bytes }) => bytes)])
    return Effect.map(Effect.exit(Effect.andThen(this.#lost(), this.#write(bytes))), (exit) => {
      if (Exit.isFailure(exit)) {
        for (const waiting of group) waiting.exit = Exit.failCause(exit.cause)
        return
      }
      let offset = this.#length + lead.length
      this.#length += bytes.length
      this.#lead = new Uint8Array(0)
      for (const waiting of group) {
        const place = { offset, length: waiting.bytes.length - 1 }
        waiting.exit = Exit.succeed(place)
        waiting.onWritten?.(place)
        offset += waiting.bytes.length
      }
    })
  })

  #write(bytes: Uint8Array): Effect.Effect<void, AppendLogError> {
    const whole = Effect.suspend(() => this.#isTorn ? this.#file.truncate(this.#length) : Effect.void)
    const written = Effect.suspend(() => {
      this.#isTorn = true
      return Effect.andThen(this.#file.writeAll(bytes), this.#options.fsync === true ? this.#file.sync : Effect.void)
    })
    const settled = Effect.sync(() => {
      this.#isTorn = false
    })
    return whole.pipe(
      Effect.andThen(written),
      Effect.andThen(settled),
      // Of a disk that is full a part of the line may be there.
      Effect.onError(() => Effect.ignore(Effect.andThen(whole, settled))),
      Effect.mapError(LogFailure.ofPlatform(this.path))
    )
  }

  /** A name is on the disk once its folder is. Not all systems can do that, and without a power cut it makes no difference. */
  get #syncFolder(): Effect.Effect<void> {
    if (this.#options.fsync !== true) return Effect.void
    const folder = this.path.replace(/[^/\\]*$/, "")
    return Effect.ignore(
      Effect.scoped(Effect.flatMap(this.#fs.open(folder === "" ? "." : folder, { flag: "r" }), (file) => file.sync))
    )
  }
}

/**
 * The name of a file that is to take the place of a log.
 *
 * @since 0.1.0
 */
export const draftOf = (path: string): string => `${path}.compact`

const headerOf = ({ format }: Options): Uint8Array =>
  format === undefined ? new Uint8Array(0) : encoder.encode(`${LogHeader.line(format)}\n`)

interface Opened {
  readonly file: FileSystem.File
  readonly scope: Scope.Closeable
}

/** A file that lives until its own scope is closed. */
const openTo = (
  fs: FileSystem.FileSystem,
  path: string,
  flag: FileSystem.OpenFlag
): Effect.Effect<Opened, PlatformError> =>
  Effect.flatMap(
    Scope.make(),
    (scope) => Effect.map(Scope.provide(fs.open(path, { flag }), scope), (file) => ({ file, scope }))
  )

const readFully = (file: FileSystem.File, buffer: Uint8Array, offset: number): Effect.Effect<void, PlatformError> =>
  buffer.length === 0 ? Effect.void : Effect.flatMap(
    file.read(buffer, { position: BigInt(offset) }),
    (read) =>
      read === 0 || read === buffer.length
        ? Effect.void
        : readFully(file, buffer.subarray(read), offset + read)
  )
