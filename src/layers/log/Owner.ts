/**
 * Who has a log open: at most one owner at a time, told by a file beside the log (`<path>.lock`).
 *
 * The file says which process the owner is. A process that is gone owns nothing, so whoever was killed leaves no lock behind:
 * where the system tells (Linux), the next one takes over at once. Elsewhere, and for owners on another machine or in another
 * container, only the file itself tells: its owner touches it twice a second, and one that stands still for five seconds is taken
 * over. The owner whose log was taken over notices when it touches the file the next time.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { AppendLogError } from "../../services/AppendLog.ts"
import * as LogFailure from "./LogFailure.ts"

const touchedEvery = 500

/** How often a file that may be touched is looked at, each time after {@link touchedEvery}, until it counts as left behind. */
const looks = 10

const tries = 20

/** What a lock file says: a random token, and on Linux which process of which machine and container its owner is. */
const Lock = Schema.fromJsonString(Schema.Struct({
  token: Schema.String,
  place: Schema.optionalKey(Schema.String),
  pid: Schema.optionalKey(Schema.String),
  started: Schema.optionalKey(Schema.String)
}))

type Lock = typeof Lock.Type

const decodeLock = Schema.decodeUnknownResult(Lock)

const encodeLock = Schema.encodeSync(Lock)

const optionally = <A>(effect: Effect.Effect<A, PlatformError>): Effect.Effect<A | undefined> =>
  Effect.map(Effect.option(effect), Option.getOrUndefined)

/** When a process started, in ticks since its machine did; `undefined` if there is no such process, or a dead one. */
const startOf = (fs: FileSystem.FileSystem, pid: string): Effect.Effect<string | undefined> =>
  Effect.map(optionally(fs.readFileString(`/proc/${pid}/stat`)), (stat) => {
    // The name of the program, in parentheses, may hold anything.
    const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ")
    const state = fields?.[0]
    return state === "Z" || state === "X" ? undefined : fields?.[19]
  })

/** The machine since its start, and the container; `undefined` where the system does not tell. */
const placeOf = (fs: FileSystem.FileSystem): Effect.Effect<string | undefined> =>
  Effect.map(
    Effect.all([
      optionally(fs.readFileString("/proc/sys/kernel/random/boot_id")),
      optionally(fs.readLink("/proc/self/ns/pid"))
    ]),
    ([boot, namespace]) => boot === undefined || namespace === undefined ? undefined : `${boot.trim()} ${namespace}`
  )

const makeLock = Effect.fnUntraced(function*(fs: FileSystem.FileSystem): Effect.fn.Return<Lock> {
  const token = [yield* Random.nextInt, yield* Random.nextInt].map((part) => part.toString(36)).join("")
  const place = yield* placeOf(fs)
  const pid = yield* optionally(fs.readLink("/proc/self"))
  const started = pid === undefined ? undefined : yield* startOf(fs, pid)
  return place === undefined || pid === undefined || started === undefined
    ? { token }
    : { token, place, pid, started }
})

/**
 * An owner.
 *
 * @since 0.1.0
 */
export interface Owner {
  /** True once somebody else owns the log. */
  readonly isLost: () => boolean
}

/**
 * Makes the caller the owner of a log for its scope; fails with `inUse` where another one is alive.
 *
 * @since 0.1.0
 */
export const acquire = Effect.fnUntraced(
  function*(fs: FileSystem.FileSystem, path: string): Effect.fn.Return<Owner, AppendLogError, Scope.Scope> {
    const file = `${path}.lock`
    const mine = yield* makeLock(fs)
    const text = encodeLock(mine)
    const failing = Effect.mapError(LogFailure.ofPlatform(path))
    yield* Effect.acquireRelease(
      taken(fs, path, file, mine, text),
      () => Effect.ignore(Effect.when(fs.remove(file), Effect.map(fs.readFileString(file), (found) => found === text)))
    )
    let isLost = false
    const touch = Effect.gen(function*() {
      const found = yield* failing(fs.readFileString(file))
      if (found !== text) isLost = true
      else {
        const seconds = (yield* Clock.currentTimeMillis) / 1000
        yield* failing(fs.utimes(file, seconds, seconds))
      }
    })
    yield* Effect.sleep(touchedEvery).pipe(
      Effect.andThen(Effect.ignore(touch)),
      Effect.repeat({ until: () => isLost }),
      Effect.forkScoped
    )
    return { isLost: () => isLost }
  }
)

/** Makes the lock file, in the place of one that was left behind. */
const taken = Effect.fnUntraced(function*(
  fs: FileSystem.FileSystem,
  path: string,
  file: string,
  mine: Lock,
  text: string
): Effect.fn.Return<void, AppendLogError> {
  const failing = Effect.mapError(LogFailure.ofPlatform(path))
  for (let attempt = 0; attempt < tries; attempt++) {
    if (yield* failing(created(fs, file, mine, text))) return
    const found = yield* optionally(fs.readFileString(file))
    if (found === undefined) continue
    if (yield* isAlive(fs, file, found, mine)) return yield* inUse(path)
    yield* removed(fs, file, found, mine)
  }
  return yield* inUse(path)
})

const inUse = (path: string) =>
  new AppendLogError({
    path,
    reason: "inUse",
    message: `${path} is in use: another owner has it open (if there is none, remove ${path}.lock)`
  })

/** Makes the file with its content at once; false if it is there already. */
const created = (fs: FileSystem.FileSystem, file: string, mine: Lock, text: string) => {
  const draft = `${file}.${mine.token}`
  const linked = Effect.as(fs.link(draft, file), true)
  // There are file systems without links.
  const written = Effect.as(fs.writeFileString(file, text, { flag: "wx" }), true)
  return fs.writeFileString(draft, text).pipe(
    Effect.andThen(linked),
    Effect.catchIf((error) => !LogFailure.is("AlreadyExists")(error), () => written),
    Effect.catchIf(LogFailure.is("AlreadyExists"), () => Effect.succeed(false)),
    Effect.ensuring(Effect.ignore(fs.remove(draft)))
  )
}

/** Whether the owner of a lock lives. */
const isAlive = Effect.fnUntraced(
  function*(fs: FileSystem.FileSystem, file: string, text: string, mine: Lock): Effect.fn.Return<boolean> {
    const lock = Result.getOrUndefined(decodeLock(text))
    if (lock?.place !== undefined && lock.pid !== undefined && lock.place === mine.place) {
      return (yield* startOf(fs, lock.pid)) === lock.started
    }
    const state = Effect.map(
      Effect.all([optionally(fs.readFileString(file)), optionally(fs.stat(file))]),
      ([found, info]) => `${found} ${Option.getOrUndefined(info?.mtime ?? Option.none())?.getTime()}`
    )
    const before = yield* state
    for (let look = 0; look < looks; look++) {
      yield* Effect.sleep(touchedEvery)
      if ((yield* state) !== before) return true
    }
    return false
  }
)

/** Removes a lock that was left behind; one that another process has put there meanwhile is put back. */
const removed = Effect.fnUntraced(
  function*(fs: FileSystem.FileSystem, file: string, text: string, mine: Lock): Effect.fn.Return<void> {
    const aside = `${file}.${mine.token}.old`
    yield* Effect.gen(function*() {
      yield* fs.rename(file, aside)
      if ((yield* fs.readFileString(aside)) !== text) yield* fs.link(aside, file)
    }).pipe(
      Effect.ensuring(Effect.ignore(fs.remove(aside))),
      Effect.ignore
    )
  }
)
