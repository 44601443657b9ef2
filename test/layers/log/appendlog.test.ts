import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, FileSystem, Option, type PlatformError, Stream } from "effect"
import { AppendLog } from "effect-openrouter"
import { TestClock } from "effect/testing"
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { inject } from "./support.ts"

const format = { name: "test/lines", version: 2 }

/** Runs a test with the path of a file that is not there yet. */
const inFolder = <A, E>(
  f: (path: string) => Effect.Effect<A, E, FileSystem.FileSystem>
): Effect.Effect<A, E | PlatformError.PlatformError> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    return yield* f(`${yield* fs.makeTempDirectoryScoped()}/log.jsonl`)
  }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))

/** Opens a log, does something with it, and closes it. */
const within = <A, E, R>(
  path: string,
  options: AppendLog.Options,
  f: (log: AppendLog.AppendLog) => Effect.Effect<A, E, R>
) => Effect.scoped(Effect.flatMap(AppendLog.open(path, options), f))

const write = (path: string, ...lines: ReadonlyArray<string>) =>
  within(path, { format }, (log) => Effect.forEach(lines, (line) => log.append(line)))

const linesOf = (path: string, options: AppendLog.Options = { format }) =>
  within(path, options, (log) => Stream.runCollect(log.lines))

const reasonOf = <A, E, R>(effect: Effect.Effect<A, E | AppendLog.AppendLogError, R>) =>
  Effect.map(Effect.flip(effect), (error) => error instanceof AppendLog.AppendLogError ? error.reason : String(error))

const a = `{"a":1}`
const b = `{"b":"ü"}`
const c = `{"c":3}`

describe("an append-only log", () => {
  it.effect("keeps its lines, and says what it is in the first one", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        yield* write(path, a, b)
        yield* write(path, c)
        assert.deepStrictEqual(yield* linesOf(path), [a, b, c])
        assert.strictEqual(
          readFileSync(path, "utf8"),
          `{"format":"test/lines","version":2,"library":"effect-openrouter"}\n${a}\n${b}\n${c}\n`
        )
        assert.isFalse(existsSync(`${path}.lock`))
      })
    ))

  it.effect("is told each line when it is opened, and finds it again by its place", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        yield* write(path, a, b)
        const found: Array<AppendLog.LinePlace> = []
        const onLine = (_: string, place: AppendLog.LinePlace) => {
          found.push(place)
          return undefined
        }
        yield* within(path, { format, onLine }, (log) =>
          Effect.gen(function*() {
            found.push(yield* log.append(c))
            assert.deepStrictEqual(yield* Effect.forEach(found, (place) => log.read(place)), [a, b, c])
          }))
      })
    ))

  it.effect("drops what a killed writer left of its last line, wherever it was cut", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        yield* write(path, a, b)
        const whole = readFileSync(path)
        const keeps = whole.length - Buffer.byteLength(`${b}\n`)
        for (let length = 0; length < whole.length; length++) {
          writeFileSync(path, whole.subarray(0, length))
          yield* write(path, c)
          // Without its end a whole object is a line all the same.
          const expected = length < keeps - 1 ? [c] : length < whole.length - 1 ? [a, c] : [a, b, c]
          assert.deepStrictEqual(yield* linesOf(path), expected, `cut at ${length}`)
        }
      })
    ))

  it.effect("keeps a whole last line whose end is missing, also where it is read and rewritten", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        const header = `{"format":"test/lines","version":2,"library":"effect-openrouter"}`
        writeFileSync(path, `${header}\n${a}\n${b}`)
        assert.deepStrictEqual(yield* linesOf(path), [a, b])
        yield* within(path, { format }, (log) => log.compact(log.lines))
        assert.strictEqual(readFileSync(path, "utf8"), `${header}\n${a}\n${b}\n`)
        writeFileSync(path, header)
        assert.deepStrictEqual(yield* linesOf(path), [])
      })
    ))

  it.effect("reads lines that are longer than a piece, and many of them", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        const lines = Array.from({ length: 50 }, (_, n) => JSON.stringify({ n, text: "ü".repeat(n * 2_000) }))
        yield* write(path, ...lines)
        assert.deepStrictEqual(yield* linesOf(path), lines)
      })
    ))

  it.effect("leaves a file alone that is something else, or newer", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        for (
          const [content, reason] of [
            ["Dear diary", "foreign"],
            ["{\"name\":\"package\"}", "foreign"],
            ["first\nsecond", "foreign"],
            ["{\"format\":\"test/other\",\"version\":1}\n{}\n", "foreign"],
            ["{\"format\":\"test/lines\",\"version\":3}\n{}\n", "newer"]
          ] as const
        ) {
          writeFileSync(path, content)
          assert.strictEqual(yield* reasonOf(write(path, a)), reason)
          assert.strictEqual(readFileSync(path, "utf8"), content)
        }
        writeFileSync(path, `{"format":"test/lines","version":1}\n${a}\n`)
        assert.deepStrictEqual(yield* linesOf(path), [a])
      })
    ))

  it.effect("may have no header, as the output of a batch", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        writeFileSync(path, `${a}\n${b}\n{"torn`)
        yield* within(path, {}, (log) => log.append(c))
        assert.deepStrictEqual(yield* linesOf(path, {}), [a, b, c])
      })
    ))

  it.effect("names the line that its reader cannot read", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        yield* write(path, a, b)
        const onLine = (line: string) => line === b ? "it has a b" : undefined
        const error = yield* Effect.flip(within(path, { format, onLine }, () => Effect.void))
        assert.strictEqual(
          `${error.reason} ${error.line} ${error.message}`,
          `unreadable 3 line 3 of ${path} cannot be read: it has a b`
        )
      })
    ))

  it.effect("has one owner at a time", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        yield* within(path, { format }, () =>
          Effect.gen(function*() {
            assert.strictEqual(yield* reasonOf(write(path, a)), "inUse")
          }))
        yield* write(path, a)
      })
    ))

  it.effect("takes over from an owner that is gone, at once where the system tells", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        const lock = yield* within(path, { format }, () => Effect.sync(() => readFileSync(`${path}.lock`, "utf8")))
        const { place, ...left } = JSON.parse(lock)
        if (place === undefined) return
        for (const dead of [{ pid: "999999999" }, { started: "1" }]) {
          writeFileSync(`${path}.lock`, JSON.stringify({ ...left, place, ...dead }))
          yield* write(path, a)
        }
        // Of another machine nothing is known, but that nobody touches its lock.
        for (const elsewhere of [JSON.stringify({ ...left, place: "elsewhere" }), "", "junk"]) {
          writeFileSync(`${path}.lock`, elsewhere)
          const fiber = yield* Effect.forkChild(write(path, b))
          yield* TestClock.adjust("4 seconds")
          yield* Effect.yieldNow
          assert.isUndefined(fiber.pollUnsafe())
          yield* advanceUntilDone(fiber)
        }
        assert.deepStrictEqual(yield* linesOf(path), [a, a, b, b, b])
      })
    ))

  it.live("leaves the lock to an owner on another machine that is alive", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        writeFileSync(`${path}.lock`, JSON.stringify({ token: "x", place: "elsewhere", pid: "1", started: "1" }))
        let touched = 1
        const touching = Effect.suspend(() => fs.utimes(`${path}.lock`, touched, touched++)).pipe(
          Effect.andThen(Effect.sleep(50)),
          Effect.forever
        )
        assert.strictEqual(yield* reasonOf(Effect.raceFirst(write(path, a), touching)), "inUse")
      })
    ))

  it.live("notices that it was taken over", () =>
    inFolder((path) =>
      within(path, { format }, (log) =>
        Effect.gen(function*() {
          yield* log.append(a)
          writeFileSync(`${path}.lock`, "another")
          yield* Effect.sleep(1_200)
          assert.strictEqual(yield* reasonOf(log.append(b)), "lost")
          assert.strictEqual(yield* reasonOf(log.compact(Stream.empty)), "lost")
        }))
    ))

  it.effect("replaces its content at once, and goes on", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        yield* within(path, { format, fsync: true }, (log) =>
          Effect.gen(function*() {
            yield* Effect.forEach([a, b, c], (line) => log.append(line))
            const places: Array<AppendLog.LinePlace> = []
            yield* log.compact(Stream.filter(log.lines, (line) => line !== b), (_, place) => places.push(place))
            places.push(yield* log.append(b))
            assert.deepStrictEqual(yield* Effect.forEach(places, (place) => log.read(place)), [a, c, b])
            assert.strictEqual(yield* log.size, statSync(path).size)
          }))
        assert.deepStrictEqual(yield* linesOf(path), [a, c, b])
        // Whoever was killed before the new file was whole left the old one.
        writeFileSync(`${path}.compact`, "half of")
        assert.deepStrictEqual(yield* linesOf(path), [a, c, b])
        assert.isFalse(existsSync(`${path}.compact`))
      })
    ))

  it.effect("keeps the old content where the new one cannot be made", () =>
    inFolder((path) =>
      within(path, { format }, (log) =>
        Effect.gen(function*() {
          yield* log.append(a)
          const exit = yield* Effect.exit(log.compact(Stream.concat(Stream.make(b), Stream.fail("no more"))))
          assert.deepStrictEqual(Option.getOrUndefined(Exit.findErrorOption(exit)), "no more")
          yield* log.append(c)
          assert.deepStrictEqual(yield* Stream.runCollect(log.lines), [a, c])
          assert.isFalse(existsSync(`${path}.compact`))
        }))
    ))

  it.effect("writes lines of many fibers, each whole, while it is compacted", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        const lines = Array.from({ length: 300 }, (_, n) => JSON.stringify({ n, text: "x".repeat(n) }))
        yield* within(path, { format }, (log) =>
          Effect.all([
            Effect.forEach(lines, (line) => log.append(line), { concurrency: "unbounded", discard: true }),
            Effect.andThen(Effect.yieldNow, log.compact(log.lines))
          ], { concurrency: "unbounded", discard: true }))
        assert.deepStrictEqual((yield* linesOf(path)).toSorted(), lines.toSorted())
      })
    ))

  it.effect("fails typed on a full disk, leaves no part of a line, and goes on once there is room", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        const room = { bytes: Infinity }
        yield* Effect.gen(function*() {
          yield* write(path, a)
          yield* within(path, { format }, (log) =>
            Effect.gen(function*() {
              room.bytes = 4
              const exits = yield* Effect.forEach([b, c], (line) => Effect.exit(log.append(line)), {
                concurrency: "unbounded"
              })
              assert.deepStrictEqual(
                exits.map((exit) => Option.getOrUndefined(Exit.findErrorOption(exit))?.reason),
                ["full", "full"]
              )
              assert.strictEqual(yield* log.size, statSync(path).size)
              assert.strictEqual(yield* reasonOf(log.compact(log.lines)), "full")
              room.bytes = Infinity
              yield* log.append(c)
            }))
          assert.deepStrictEqual(yield* linesOf(path), [a, c])
        }).pipe(Effect.updateService(FileSystem.FileSystem, (fs) => inject(fs, room)))
      })
    ))

  it.effect.skipIf(!existsSync("/dev/full"))(
    "says so of /dev/full, and makes no lock there",
    () =>
      within(
        "/dev/full",
        {},
        (log) => Effect.map(reasonOf(log.append(a)), (reason) => assert.strictEqual(reason, "full"))
      )
        .pipe(
          Effect.andThen(Effect.sync(() => assert.isFalse(existsSync("/dev/full.lock")))),
          Effect.provide(NodeFileSystem.layer)
        )
  )

  it.effect("says typed that there is no such folder", () =>
    Effect.map(
      reasonOf(Effect.scoped(AppendLog.open("/nowhere/log.jsonl"))),
      (reason) => assert.strictEqual(reason, "storage")
    ).pipe(Effect.provide(NodeFileSystem.layer)))

  it.effect("writes a line that was begun, although its writer is interrupted", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        yield* within(path, { format }, (log) =>
          Effect.gen(function*() {
            yield* Fiber.interrupt(yield* Effect.forkChild(log.append(a), { startImmediately: true }))
          }))
        assert.deepStrictEqual(yield* linesOf(path), [a])
      })
    ))
})

const advanceUntilDone = <A, E>(fiber: Fiber.Fiber<A, E>) =>
  Effect.gen(function*() {
    while (fiber.pollUnsafe() === undefined) {
      yield* TestClock.adjust("500 millis")
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
    }
    return yield* Fiber.join(fiber)
  })
