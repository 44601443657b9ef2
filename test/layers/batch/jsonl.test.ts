import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, FileSystem, Schema, type Scope } from "effect"
import { Batch, Budget, OpenRouter, OpenRouterError } from "effect-openrouter"
import { OpenRouterTest } from "effect-openrouter/testing"

const Item = Schema.Struct({ id: Schema.String, prompt: Schema.String })

const readJson = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Unknown))

const model = "openai/gpt-5"

class Bad extends Schema.TaggedError<Bad>()("Bad", { message: Schema.String }) {}

/** The files of one test, in a folder of its own. */
const files = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped()
  const input = `${folder}/in.jsonl`
  const output = `${folder}/out.jsonl`
  return {
    input,
    output,
    write: (lines: ReadonlyArray<unknown>) =>
      fs.writeFileString(
        input,
        lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join("")
      ),
    append: (text: string) => fs.writeFileString(output, text, { flag: "a" }),
    text: fs.readFileString(output),
    lines: Effect.map(fs.readFileString(output), (text) => text.split("\n").slice(0, -1).map((line) => readJson(line)))
  }
})

const items = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ id: `item-${index}`, prompt: `prompt ${index}` }))

/** Answers with the prompt, later ones first. */
const echo = ({ prompt }: typeof Item.Type) =>
  Effect.as(Effect.repeat(Effect.yieldNow, { times: 20 - Number(prompt.split(" ")[1]) % 20 }), prompt.toUpperCase())

const expected = (count: number) =>
  items(count).map(({ id, prompt }, index) => ({ id, index, value: prompt.toUpperCase() }))

/** A test over real files. */
const provided = <A, E>(self: Effect.Effect<A, E, FileSystem.FileSystem | Scope.Scope>) =>
  self.pipe(Effect.scoped, Effect.provide(NodeServices.layer))

describe("Batch.jsonl", () => {
  it.live("writes a line for each line, in the order of the input", () =>
    Effect.gen(function*() {
      const { input, lines, output, write } = yield* files
      yield* write(items(100))
      const summary = yield* Batch.jsonl(input, output, echo, { input: Item })
      assert.deepStrictEqual(yield* lines, expected(100))
      assert.deepStrictEqual([summary.total, summary.ended, summary.outcomes], [100, 100, { Success: 100 }])
      assert.isUndefined(summary.stopped)
    }).pipe(provided))

  it.live("skips ids that are there, whatever their place, and drops a torn last line", () =>
    Effect.gen(function*() {
      const { append, input, lines, output, write } = yield* files
      const asked: Array<string> = []
      const f = (item: typeof Item.Type) => Effect.andThen(Effect.sync(() => asked.push(item.id)), echo(item))
      const all = items(30)
      yield* write(all.slice(10))
      yield* Batch.jsonl(input, output, f, { input: Item })
      assert.strictEqual(asked.length, 20)
      yield* append(`{"id":"item-3","index":3,"val`)
      yield* write(all)
      const summary = yield* Batch.jsonl(input, output, f, { input: Item })
      assert.deepStrictEqual(yield* lines, expected(30))
      assert.deepStrictEqual(asked.slice(20).toSorted(), all.slice(0, 10).map(({ id }) => id).toSorted())
      assert.deepStrictEqual(summary.outcomes, { Skipped: 20, Success: 10 })
    }).pipe(provided))

  it.live("keeps results whose items are gone, at the end", () =>
    Effect.gen(function*() {
      const { input, lines, output, write } = yield* files
      yield* write(items(4))
      yield* Batch.jsonl(input, output, echo, { input: Item })
      yield* write(items(4).slice(2))
      yield* Batch.jsonl(input, output, echo, { input: Item })
      assert.deepStrictEqual(
        (yield* lines).map((line) =>
          Schema.decodeUnknownSync(Schema.Struct({ id: Schema.String, index: Schema.Int }))(line)
        ),
        [
          { id: "item-2", index: 0 },
          { id: "item-3", index: 1 },
          { id: "item-0", index: 0 },
          { id: "item-1", index: 1 }
        ]
      )
    }).pipe(provided))

  it.live("writes errors as results, and tries them again when asked to", () =>
    Effect.gen(function*() {
      const { input, lines, output, write } = yield* files
      const secret = "the prompt"
      yield* write(items(3))
      let isUp = false
      const f = ({ id, prompt }: typeof Item.Type): Effect.Effect<string, Bad | OpenRouterError.Refused> => {
        if (id === "item-0") return Effect.succeed(prompt)
        if (isUp) return Effect.succeed("at last")
        return id === "item-1"
          ? Effect.fail(new Bad({ message: "no" }))
          : Effect.fail(new OpenRouterError.Refused({ message: "refused", refusal: "I won't.", source: "model" }))
      }
      const summary = yield* Batch.jsonl(input, output, f, { input: Item })
      assert.deepStrictEqual(summary.outcomes, { Success: 1, Bad: 1, Refused: 1 })
      const [first, second, third] = yield* lines
      assert.deepStrictEqual(first, { id: "item-0", index: 0, value: "prompt 0" })
      assert.deepStrictEqual(second, { id: "item-1", index: 1, error: { _tag: "Bad", message: "no" } })
      assert.deepInclude(third, { id: "item-2", index: 2 })
      const error =
        Schema.decodeUnknownSync(Schema.Struct({ error: Schema.toCodecJson(OpenRouterError.OpenRouterError) }))(third)
          .error
      assert.deepInclude(error, { _tag: "Refused", refusal: "I won't." })
      assert.notInclude(JSON.stringify(third), secret)
      isUp = true
      assert.deepStrictEqual((yield* Batch.jsonl(input, output, f, { input: Item })).outcomes, { Skipped: 3 })
      const again = yield* Batch.jsonl(input, output, f, { input: Item, errors: "retry" })
      assert.deepStrictEqual(again.outcomes, { Skipped: 1, Success: 2 })
      assert.deepStrictEqual((yield* lines).slice(1), [
        { id: "item-1", index: 1, value: "at last" },
        { id: "item-2", index: 2, value: "at last" }
      ])
    }).pipe(provided))

  it.live("leaves out what stopped it and what was not started", () =>
    Effect.gen(function*() {
      const { input, lines, output, write } = yield* files
      yield* write(items(50))
      const f = (credits: number) => ({ prompt }: typeof Item.Type) =>
        Number(prompt.split(" ")[1]) < credits
          ? Effect.succeed(prompt.toUpperCase())
          : Effect.fail(new OpenRouterError.PaymentRequired({ message: "no credits", isTransient: false }))
      const summary = yield* Batch.jsonl(input, output, f(7), { input: Item, concurrency: 2 })
      assert.strictEqual(summary.stopped?.stoppedBy, "PaymentRequired")
      assert.strictEqual(summary.outcomes["Success"], 7)
      assert.strictEqual(summary.ended, 50)
      assert.deepStrictEqual(yield* lines, expected(7))
      yield* Batch.jsonl(input, output, f(50), { input: Item, concurrency: 2 })
      assert.deepStrictEqual(yield* lines, expected(50))
    }).pipe(provided))

  it.live("leaves out items that an enclosing budget refused", () =>
    Effect.gen(function*() {
      const { input, lines, output, write } = yield* files
      yield* write(items(5))
      const ask = ({ prompt }: typeof Item.Type) =>
        Effect.map(OpenRouter.respond({ model, input: prompt }), ({ text }) => text)
      const summary = yield* Batch.jsonl(input, output, ask, { input: Item, concurrency: 1 }).pipe(Budget.limit("0"))
      assert.strictEqual(summary.outcomes["NotStarted"], 4)
      assert.deepStrictEqual(yield* lines, [])
    }).pipe(Effect.provide(OpenRouterTest.layer(() => "yes")), provided))

  it.live("needs no schema, and takes ids from where it is told", () =>
    Effect.gen(function*() {
      const { input, lines, output, write } = yield* files
      yield* write([{ name: "ann" }, "", { name: "bob", id: 7 }])
      yield* Batch.jsonl(input, output, ({ name }, { id, index }) => Effect.succeed({ name, id, index }))
      assert.deepStrictEqual(yield* lines, [
        { id: "0", index: 0, value: { name: "ann", id: "0", index: 0 } },
        { id: "7", index: 1, value: { name: "bob", id: "7", index: 1 } }
      ])
      yield* Batch.jsonl(input, `${output}.2`, () => Effect.void, { id: ({ name }) => String(name) })
      assert.strictEqual(
        yield* FileSystem.FileSystem.use((fs) => fs.readFileString(`${output}.2`)),
        `{"id":"ann","index":0,"value":null}\n{"id":"bob","index":1,"value":null}\n`
      )
    }).pipe(provided))

  it.live("writes values by their schema", () =>
    Effect.gen(function*() {
      const { input, lines, output, write } = yield* files
      yield* write(items(1))
      yield* Batch.jsonl(input, output, () => Effect.succeed(new Map([["a", 1n]])), {
        input: Item,
        output: Schema.ReadonlyMap(Schema.String, Schema.BigInt)
      })
      assert.deepStrictEqual(yield* lines, [{ id: "item-0", index: 0, value: [["a", "1"]] }])
    }).pipe(provided))

  it.live("says what is wrong with the input before anything is sent", () =>
    Effect.gen(function*() {
      const { input, output, write } = yield* files
      let sent = 0
      const problem = (lines: ReadonlyArray<unknown>) =>
        write(lines).pipe(
          Effect.andThen(Batch.jsonl(input, output, () => Effect.sync(() => sent++), { input: Item })),
          Effect.flip,
          Effect.map((error) =>
            error._tag === "BatchFileError" ? [error.reason, error.line] : [error._tag, error.reason]
          )
        )
      assert.deepStrictEqual(yield* problem([...items(2), "{\"id\":"]), ["unreadable", 3])
      assert.deepStrictEqual(yield* problem([...items(2), { id: "x" }]), ["unreadable", 3])
      assert.deepStrictEqual(yield* problem([...items(2), "", ...items(1)]), ["duplicateId", 4])
      const pipe = yield* Effect.flip(Batch.jsonl("/dev/null", output, () => Effect.void))
      assert.deepInclude(pipe, { _tag: "BatchFileError", reason: "unreadable" })
      const missing = yield* Effect.flip(Batch.jsonl(`${input}.none`, output, () => Effect.void))
      assert.deepInclude(missing, { _tag: "BatchFileError", reason: "unreadable", path: `${input}.none` })
      assert.strictEqual(sent, 0)
    }).pipe(provided))

  it.live("leaves a file alone that is no output of a batch, such as its own input", () =>
    Effect.gen(function*() {
      const { input, write } = yield* files
      yield* write(items(2))
      const error = yield* Effect.flip(Batch.jsonl(input, input, echo, { input: Item }))
      assert.deepInclude(error, { _tag: "AppendLogError", reason: "unreadable" })
    }).pipe(provided))

  it.live("ends with an error where a value cannot be written, and keeps the others", () =>
    Effect.gen(function*() {
      const { input, lines, output, write } = yield* files
      yield* write(items(3))
      const f = ({ id }: typeof Item.Type) => Effect.succeed<unknown>(id === "item-1" ? 1n : id)
      const error = yield* Effect.flip(Batch.jsonl(input, output, f, { input: Item, concurrency: 1 }))
      assert.deepInclude(error, { _tag: "BatchFileError", reason: "unwritable" })
      assert.deepStrictEqual(yield* lines, [{ id: "item-0", index: 0, value: "item-0" }])
    }).pipe(provided))

  it.live("ends with an error on a full disk", () =>
    Effect.gen(function*() {
      const { input, write } = yield* files
      yield* write(items(3))
      const error = yield* Effect.flip(Batch.jsonl(input, "/dev/full", echo, { input: Item, concurrency: 1 }))
      assert.deepInclude(error, { _tag: "AppendLogError", reason: "full" })
    }).pipe(provided))

  it.live("belongs to one run at a time", () =>
    Effect.gen(function*() {
      const { input, output, write } = yield* files
      yield* write(items(1))
      const begun = yield* Deferred.make<void>()
      const first = yield* Batch.jsonl(
        input,
        output,
        () => Effect.andThen(Deferred.succeed(begun, undefined), Effect.never),
        { input: Item }
      ).pipe(Effect.forkChild)
      yield* Deferred.await(begun)
      const error = yield* Effect.flip(Batch.jsonl(input, output, echo, { input: Item }))
      assert.deepInclude(error, { _tag: "AppendLogError", reason: "inUse" })
      yield* Fiber.interrupt(first)
      yield* Batch.jsonl(input, output, echo, { input: Item })
    }).pipe(provided))

  it.live("keeps what has ended when it is interrupted or a function throws", () =>
    Effect.gen(function*() {
      const { input, lines, output, write } = yield* files
      yield* write(items(5))
      const exit = yield* Effect.exit(Batch.jsonl(
        input,
        output,
        (item) => item.id === "item-3" ? Effect.die("broken") : echo(item),
        { input: Item, concurrency: 1 }
      ))
      assert.isTrue(Exit.hasDies(exit))
      assert.deepStrictEqual(yield* lines, expected(3))
      const begun = yield* Deferred.make<void>()
      const fiber = yield* Batch.jsonl(
        input,
        output,
        (item) => item.id === "item-4" ? Effect.andThen(Deferred.succeed(begun, undefined), Effect.never) : echo(item),
        { input: Item, concurrency: 1 }
      ).pipe(Effect.forkChild)
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* lines, expected(4))
    }).pipe(provided))

  it.live("writes to what is no file without looking back", () =>
    Effect.gen(function*() {
      const { input, write } = yield* files
      yield* write(items(5))
      const summary = yield* Batch.jsonl(input, "/dev/null", echo, { input: Item })
      assert.deepStrictEqual(summary.outcomes, { Success: 5 })
    }).pipe(provided))
})
