import { assert, describe, it } from "@effect/vitest"
import { Effect, pipe, Schema } from "effect"
import { Conversation, Input, OutputItem, Prices } from "effect-openrouter"
import { OpenRouterTest } from "effect-openrouter/testing"

const decodeInput = Schema.decodeUnknownSync(Input.InputItem)
const decodeOutput = Schema.decodeUnknownSync(OutputItem.OutputItem)
const encode = Schema.encodeSync(Conversation.Conversation)
const decode = Schema.decodeUnknownSync(Conversation.Conversation)

type Json = { readonly [key: string]: unknown }

/** The items as they travel. */
const wire = (conversation: Conversation.Conversation): ReadonlyArray<Json> =>
  encode(conversation).items.map((item) => JSON.parse(JSON.stringify(item)))

const shown = (conversation: Conversation.Conversation): string =>
  wire(conversation).map((item) => {
    const type = String(item["type"] ?? item["role"])
    return `${type}${item["call_id"] === undefined ? "" : ` ${item["call_id"]}`}`
  }).join(", ")

const message = (id: string, more: Json = {}): Json => ({
  type: "message",
  id,
  role: "assistant",
  status: "completed",
  content: [{ type: "output_text", text: `I am ${id}`, annotations: [], novel: true }],
  ...more
})

const reasoning = (id: string): Json => ({
  type: "reasoning",
  id,
  summary: [],
  encrypted_content: "gAAAA",
  novel: { deep: [1] }
})

const call = (id: string, more: Json = {}): Json => ({
  type: "function_call",
  id: `fc_${id}`,
  call_id: id,
  name: "go",
  arguments: "{}",
  status: "completed",
  ...more
})

const output = (id: string): Json => ({ type: "function_call_output", call_id: id, output: "done" })

const answer = (...items: ReadonlyArray<Json>) => items.map((item) => decodeOutput(item))

const hello = Conversation.make("Hello")

describe("a conversation", () => {
  it("sends answers back as they came", () => {
    const items = [reasoning("rs_1"), message("msg_1", { phase: "commentary" }), message("msg_2", { novel: 1 })]
    const conversation = Conversation.append(hello, answer(...items))
    assert.deepStrictEqual(wire(conversation).slice(1), items)
    const stored = decode(JSON.parse(JSON.stringify(encode(conversation))))
    assert.deepStrictEqual(wire(stored), wire(conversation))
    assert.deepStrictEqual(wire(Conversation.append(stored, "And?")).slice(0, 4), wire(conversation))
  })

  it("is a field of any state", () => {
    const State = Schema.Struct({ name: Schema.String, talk: Conversation.Conversation })
    const file = Schema.fromJsonString(State)
    const state = { name: "Bob", talk: Conversation.append(hello, answer(reasoning("rs_1"), message("msg_1"))) }
    for (const codec of [file, Schema.fromJsonString(Schema.toCodecJson(State))]) {
      const back = Schema.decodeSync(codec)(Schema.encodeSync(codec)(state))
      assert.deepStrictEqual(wire(back.talk), wire(state.talk))
      assert.strictEqual(back.name, "Bob")
    }
  })

  it("leaves out what was cut off, and the reasoning that led to it", () => {
    const conversation = Conversation.append(
      hello,
      answer(
        reasoning("rs_1"),
        message("msg_1"),
        reasoning("rs_2"),
        call("a", { status: "incomplete" }),
        { type: "web_search_call", id: "ws_1", status: "searching" },
        { type: "novel_thing", id: "n_1", status: "in_progress" },
        message("msg_2", { status: "incomplete" })
      )
    )
    assert.deepStrictEqual(wire(conversation).slice(1).map((item) => item["id"]), ["rs_1", "msg_1", "msg_2"])
  })

  it("counts an item that came twice once, the longer one", () => {
    const longer = message("msg_1", { content: [{ type: "output_text", text: "longer than it was", annotations: [] }] })
    const short = message("msg_1", { content: [{ type: "output_text", text: "short", annotations: [] }] })
    assert.deepStrictEqual(wire(Conversation.append(hello, answer(short, message("m"), longer))).slice(1), [
      longer,
      message("m")
    ])
    // Two calls may have one item id by mistake.
    const twins = Conversation.append(hello, answer(call("a", { id: "fc" }), call("b", { id: "fc" })))
    assert.strictEqual(shown(twins), "user, function_call a, function_call b")
  })

  it("takes a message without an id back as text, because the API takes no other form of it", () => {
    const conversation = Conversation.append(
      hello,
      answer({
        type: "message",
        role: "assistant",
        phase: "final_answer",
        content: [{ type: "output_text", text: "Hi" }]
      })
    )
    assert.deepStrictEqual(wire(conversation)[1], { role: "assistant", content: "Hi", phase: "final_answer" })
  })

  it("has no output without its call, and no second one", () => {
    const conversation = Conversation.append(hello, [
      ...answer(call("a")),
      decodeInput(output("b")),
      decodeInput(output("a"))
    ])
    assert.strictEqual(shown(conversation), "user, function_call a, function_call_output a")
    assert.strictEqual(
      shown(Conversation.append(conversation, Input.functionCallOutput({ callId: "a" }, "again"))),
      shown(conversation)
    )
  })

  it("gives up calls that nobody answered before something else was said", () => {
    const asked = Conversation.append(hello, answer(message("m"), reasoning("rs"), call("a"), call("b")))
    assert.deepStrictEqual(
      Conversation.openCalls(asked).map((item) => item.type === "function_call" ? item.callId : item.type),
      ["a", "b"]
    )
    const half = Conversation.append(asked, [Input.functionCallOutput({ callId: "a" }, "done")])
    assert.strictEqual(
      shown(Conversation.append(half, "Never mind")),
      "user, message, reasoning, function_call a, function_call_output a, user"
    )
    assert.strictEqual(shown(Conversation.append(asked, "Never mind")), "user, message, user")
    // What is said between a call and its output, all at once, gives up nothing.
    const both = Conversation.append(asked, [
      Input.user("Wait"),
      Input.functionCallOutput({ callId: "a" }, "done"),
      Input.functionCallOutput({ callId: "b" }, "done")
    ])
    assert.strictEqual(Conversation.turns(both), 1)
    assert.deepStrictEqual(Conversation.openCalls(both), [])
  })

  it("knows calls and outputs of all kinds, also new ones", () => {
    const pairs: ReadonlyArray<readonly [Json, Json]> = [
      [call("x"), output("x")],
      [{ type: "custom_tool_call", call_id: "x", name: "t", input: "" }, {
        type: "custom_tool_call_output",
        call_id: "x",
        output: ""
      }],
      [{ type: "computer_call", call_id: "x", id: "c" }, { type: "computer_call_output", call_id: "x", output: {} }],
      [{ type: "local_shell_call", id: "l", call_id: "x", action: { type: "exec", command: [], env: {} } }, {
        type: "local_shell_call_output",
        id: "x",
        output: ""
      }],
      [{ type: "shell_call", call_id: "x", action: { commands: [] } }, {
        type: "shell_call_output",
        call_id: "x",
        output: []
      }],
      [{ type: "apply_patch_call", call_id: "x", operation: { type: "delete_file", path: "p" } }, {
        type: "apply_patch_call_output",
        call_id: "x",
        status: "completed"
      }],
      [{ type: "openrouter:apply_patch", call_id: "x", status: "completed" }, {
        type: "apply_patch_call_output",
        call_id: "x",
        status: "completed"
      }],
      [{ type: "mcp_approval_request", id: "x", server_label: "s", name: "n", arguments: "{}" }, {
        type: "mcp_approval_response",
        approval_request_id: "x",
        approve: true
      }],
      [{ type: "novel_call", call_id: "x" }, { type: "novel_call_output", call_id: "x" }]
    ]
    for (const [asks, answers] of pairs) {
      const both = Conversation.append(hello, [...answer(asks), Input.user("Meanwhile"), decodeInput(answers)])
      assert.deepStrictEqual(wire(both).slice(1), [asks, { role: "user", content: "Meanwhile" }, answers])
      assert.strictEqual(Conversation.turns(both), 1, String(asks["type"]))
      assert.deepStrictEqual(wire(Conversation.window(both, 1)), wire(both))
      assert.strictEqual(shown(Conversation.append(hello, [decodeInput(answers)])), "user")
    }
  })

  const long = pipe(
    Conversation.make([Input.system("You are Bob."), Input.developer("Be short.")]),
    Conversation.append("1"),
    Conversation.append(answer(message("m1"), call("a"))),
    Conversation.append([Input.functionCallOutput({ callId: "a" }, "done"), ...answer(message("m2"))]),
    Conversation.append([Input.user("2"), Input.user("2, I mean")]),
    Conversation.append(answer(message("m3"))),
    Conversation.append("3")
  )

  it("consists of turns, and keeps its instructions in every window", () => {
    assert.strictEqual(Conversation.turns(long), 3)
    assert.strictEqual(shown(Conversation.window(long, 1)), "system, developer, user")
    assert.strictEqual(shown(Conversation.window(long, 2)), "system, developer, user, user, message, user")
    assert.strictEqual(Conversation.window(long, 3), long)
    assert.strictEqual(Conversation.window(long, Infinity), long)
    assert.strictEqual(shown(Conversation.window(long, 0)), "system, developer")
    assert.strictEqual(shown(Conversation.window(long, -1)), "system, developer")
    assert.strictEqual(shown(Conversation.window(long, NaN)), "system, developer")
  })

  it("goes on from an earlier place in another way", () => {
    const other = Conversation.append(Conversation.fork(long, 1), "Or else?")
    assert.strictEqual(
      shown(other),
      "system, developer, user, message, function_call a, function_call_output a, message, user"
    )
    assert.strictEqual(Conversation.fork(long), long)
    assert.strictEqual(Conversation.turns(long), 3)
  })

  it.effect("counts tokens as prices do", () =>
    Effect.gen(function*() {
      const counted = Conversation.tokens(long)
      assert.isAbove(counted, 100)
      for (const max of [counted, counted - 1, counted / 2, 40, 10, 0]) {
        assert.isAtMost(Conversation.tokens(Conversation.tokensUpTo(long, max)), max)
      }
      assert.strictEqual(Conversation.tokensUpTo(long, counted), long)
      assert.isBelow(Conversation.turns(Conversation.tokensUpTo(long, counted - 1)), 3)
      const estimated = yield* Prices.estimate({ model: "m", input: long.items }, { outputTokens: 0 }).pipe(
        Prices.with({ m: { prompt: "1", completion: "0" } }),
        Effect.provide(OpenRouterTest.layer("never"))
      )
      assert.strictEqual(String(estimated), `$${counted}.00`)
      const perItem = {
        tokenizer: ({ input }: { readonly input?: unknown }) => Array.isArray(input) ? input.length : 0
      }
      assert.strictEqual(Conversation.turns(Conversation.tokensUpTo(long, 6, perItem)), 2)
    }))
})

const Id = Schema.Literals(["a", "b", "c"])

const Piece = Schema.Struct({
  kind: Schema.Literals(
    [
      ..."user system assistant message reasoning call output customCall customOutput novelCall novelOutput".split(" "),
      "searching"
    ] as const
  ),
  id: Id,
  status: Schema.Literals(["completed", "completed", "completed", "in_progress", "incomplete"] as const),
  size: Schema.Literals([1, 10, 100])
})

const Step = Schema.Union([
  Schema.Struct({ step: Schema.Literal("append"), pieces: Schema.Array(Piece).check(Schema.isMaxLength(6)) }),
  Schema.Struct({ step: Schema.Literals(["window", "fork"]), count: Schema.Literals([0, 1, 2, 3, 7]) }),
  Schema.Struct({ step: Schema.Literal("tokensUpTo"), count: Schema.Literals([0, 20, 60, 200, 1_000]) }),
  Schema.Struct({ step: Schema.Literal("store") })
])

/** What a piece is on the wire. Calls and messages of different times may share an id, as with providers that number anew. */
const jsonOf = ({ id, kind, size, status }: typeof Piece.Type): Json => {
  const text = "x".repeat(size)
  switch (kind) {
    case "user":
    case "system":
      return { role: kind, content: text }
    case "assistant":
      return { role: "assistant", content: text }
    case "message":
      return message(id, { status, text })
    case "reasoning":
      return reasoning(id)
    case "call":
      return call(id, { status, arguments: text })
    case "output":
      return output(id)
    case "customCall":
      return { type: "custom_tool_call", call_id: id, name: "t", input: text }
    case "customOutput":
      return { type: "custom_tool_call_output", call_id: id, output: text }
    case "novelCall":
      return { type: "novel_call", call_id: id, text }
    case "novelOutput":
      return { type: "novel_call_output", call_id: id, text }
    default:
      return { type: "web_search_call", id, status: "searching" }
  }
}

/** The rules of a history, told by its JSON alone. */
const check = (items: ReadonlyArray<Json>): void => {
  items.forEach((item, index) => {
    const type = String(item["type"] ?? "message")
    assert.notInclude(["in_progress", "searching"], item["status"])
    if (type.endsWith("_output")) {
      const earlier = items.slice(0, index)
      assert.isTrue(
        earlier.some((other) => String(other["type"]).endsWith("_call") && other["call_id"] === item["call_id"]),
        `an orphan among ${JSON.stringify(items)}`
      )
    }
    if (type === "function_call" || type === "custom_tool_call") {
      const later = items.slice(index + 1)
      const isAnswered = items.some((other) =>
        String(other["type"]).endsWith("_output") && other["call_id"] === item["call_id"]
      )
      assert.isTrue(
        isAnswered || !later.some(({ role }) => role === "user" || role === "system"),
        `a call without output among ${JSON.stringify(items)}`
      )
    }
  })
}

describe("a conversation under random steps", () => {
  it.prop(
    "keeps its rules",
    { steps: Schema.Array(Step).check(Schema.isMaxLength(12)) },
    ({ steps }) => {
      let conversation = Conversation.empty
      const said: Array<string> = []
      for (const step of steps) {
        const before = wire(conversation)
        switch (step.step) {
          case "append": {
            const json = step.pieces.map(jsonOf)
            said.push(...json.map((item) => JSON.stringify(item)))
            conversation = Conversation.append(conversation, json.map((item) => decodeInput(item)))
            break
          }
          case "window":
            conversation = Conversation.window(conversation, step.count)
            assert.isAtMost(Conversation.turns(conversation), step.count)
            break
          case "fork":
            conversation = Conversation.fork(conversation, step.count)
            assert.isAtMost(Conversation.turns(conversation), step.count)
            break
          case "tokensUpTo": {
            conversation = Conversation.tokensUpTo(conversation, step.count)
            const bytes = conversation.items.length === 0 ? 0 : JSON.stringify(conversation.items).length
            assert.isAtMost(bytes / 2, step.count)
            break
          }
          case "store": {
            const stored = decode(JSON.parse(JSON.stringify(encode(conversation))))
            assert.deepStrictEqual(wire(stored), before)
            conversation = stored
            break
          }
        }
        const after = wire(conversation)
        check(after)
        // What is there was said just so, and what is dropped changes nothing about the order of the rest.
        for (const item of after) assert.include(said, JSON.stringify(item))
        if (step.step !== "append") assert.isTrue(isWithin(after, before))
      }
    },
    { arbitrary: { runs: 1_000, seed: 14 } }
  )
})

/** True if the items are among others in the same order. */
const isWithin = (items: ReadonlyArray<Json>, others: ReadonlyArray<Json>): boolean => {
  let at = 0
  for (const item of items.map((item) => JSON.stringify(item))) {
    const found = others.findIndex((other, index) => index >= at && JSON.stringify(other) === item)
    if (found === -1) return false
    at = found + 1
  }
  return true
}
