import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { CreateResponse, Input, OutputItem, Response } from "effect-openrouter"

const decode = Schema.decodeUnknownSync(OutputItem.OutputItem)
const encode = Schema.encodeUnknownSync(OutputItem.OutputItem)

const sent = (input: CreateResponse.CreateResponse["input"]): unknown => {
  const body = CreateResponse.toBody({ input }, { stream: false })
  if (Result.isFailure(body)) return assert.fail(body.failure.message)
  const json: { readonly input?: unknown } = JSON.parse(body.success)
  return json.input
}

describe("an output item", () => {
  it("of OpenRouter's tools has the names of the type, whatever the wire calls them", () => {
    const json = {
      type: "openrouter:bash",
      id: "b",
      status: "completed",
      command: "ls",
      exitCode: 1,
      stdout: "",
      call_id: "c"
    }
    const item = decode(json)
    if (item.type !== "openrouter:bash") return assert.fail(item.type)
    assert.strictEqual(item.exitCode, 1)
    assert.strictEqual(item.callId, "c")
    assert.deepStrictEqual(encode({ ...item, exitCode: 2 }), { ...json, exitCode: 2 })
  })

  it("needs little more than its type", () => {
    const types = [
      "reasoning",
      "web_search_call",
      "file_search_call",
      "image_generation_call",
      "code_interpreter_call",
      ...[
        "advisor",
        "apply_patch",
        "bash",
        "browser_use",
        "code_interpreter",
        "datetime",
        "experimental__search_models",
        "file_search",
        "files",
        "fusion",
        "image_generation",
        "mcp",
        "memory",
        "shell",
        "subagent",
        "text_editor",
        "tool_search",
        "web_fetch",
        "web_search"
      ].map((tool) => `openrouter:${tool}`)
    ]
    for (const type of types) assert.strictEqual<string>(decode({ type }).type, type)
    assert.strictEqual(decode({ type: "message", role: "assistant", content: [] }).type, "message")
  })

  it("of an unknown type is kept verbatim", () => {
    const json = { type: "openrouter:time_machine", to: { year: 1985, extra: null } }
    const item = decode(json)
    if (item.type !== "unknown") return assert.fail(item.type)
    assert.strictEqual(item.wireType, "openrouter:time_machine")
    assert.isUndefined(item.issue)
    assert.strictEqual(encode(item), json)
    assert.deepStrictEqual(sent([item]), [json])
  })

  it("without what its type needs is kept verbatim, and says why", () => {
    const json = { type: "function_call", call_id: 1, name: "f", arguments: "{}" }
    const item = decode(json)
    if (item.type !== "unknown") return assert.fail(item.type)
    assert.include(item.issue, "callId")
    assert.deepStrictEqual(sent([item]), [json])
  })

  it("keeps its text when something optional is malformed", () => {
    const json = {
      type: "message",
      id: 7,
      role: "assistant",
      status: "completed",
      content: [{
        type: "output_text",
        text: "hi",
        logprobs: "none",
        annotations: [{ type: "url_citation", url: "u" }, 1]
      }]
    }
    const item = decode(json)
    if (item.type !== "message") return assert.fail(item.type)
    const [part] = item.content
    if (part?.type !== "output_text") return assert.fail(part?.type)
    assert.strictEqual(part.text, "hi")
    assert.deepStrictEqual(part.annotations?.map((annotation) => annotation.type), ["url_citation", "unknown"])
    assert.isUndefined(item.id)
    assert.deepStrictEqual(encode(item), json)
  })

  it("that is a message without its role or content is still the assistant's", () => {
    const text = decode({ type: "message", content: [{ type: "output_text", text: "hi" }] })
    assert.include(text, { type: "message", role: "assistant" })
    const empty = { type: "message", id: "m", role: "assistant", content: null }
    assert.deepStrictEqual({ ...decode(empty) }, { ...empty, type: "message", content: [] })
    assert.deepStrictEqual(sent([decode(empty)]), [empty])
  })

  it("is history: it is sent back with the fields that nobody knows", () => {
    const output = [
      { type: "reasoning", id: "r", summary: [], encrypted_content: "x", format: "openai-responses-v1", future: 1 },
      { type: "web_search_call", id: "w", status: "completed", action: { type: "search", query: "q", future: [] } },
      {
        type: "mcp_call",
        id: "c",
        server_label: "s",
        name: "n",
        arguments: "{}",
        error: { type: "http_error" },
        output: null
      },
      { type: "openrouter:subagent", id: "s", status: "in_progress", call_id: "c", instance_name: "worker__1" },
      {
        type: "message",
        id: "m",
        role: "assistant",
        content: [{ type: "output_text", text: "hi", future: 1 }],
        phase: null
      }
    ]
    const response = Response.decode({ id: "gen-1", status: "completed", output })
    if (Result.isFailure(response)) return assert.fail(response.failure)
    assert.deepStrictEqual(response.success.output.map((item) => item.type), output.map((item) => item.type))
    assert.deepStrictEqual(sent([...response.success.output, Input.user("And?")]), [
      ...output,
      { role: "user", content: "And?" }
    ])
  })

  it("that was changed is sent as it was changed", () => {
    const item = decode({ type: "function_call", call_id: "c", name: "f", arguments: "{}", future: 1, id: null })
    if (item.type !== "function_call") return assert.fail(item.type)
    assert.deepStrictEqual(sent([{ ...item, arguments: "[]" }]), [
      { type: "function_call", call_id: "c", name: "f", arguments: "[]" }
    ])
  })
})

describe("an input item", () => {
  it.each([
    { type: "custom_tool_call_output", call_id: "c", output: [{ type: "input_text", text: "x" }] },
    { type: "apply_patch_call_output", call_id: "c", status: "failed", output: "no such file" },
    { type: "local_shell_call_output", id: "l", output: "x" },
    {
      type: "shell_call_output",
      call_id: "c",
      output: [{ stdout: "", stderr: "x", outcome: { type: "exit", exit_code: 1 } }]
    },
    { type: "mcp_approval_response", approval_request_id: "a", approve: false, reason: "no" },
    { type: "context_compaction", encrypted_content: "x" },
    { type: "item_reference", id: "i" },
    { type: "additional_tools", role: "developer", tools: [{ type: "openrouter:datetime" }] },
    { type: "agent_message", author: "/root", recipient: "/root/a", content: [{ type: "input_text", text: "x" }] },
    { type: "configuration_update", reasoning: { effort: "low" } }
  ])("$type is typed, and written from its fields", (json) => {
    const item = Schema.decodeUnknownSync(Input.InputItem)(json)
    assert.strictEqual<string>(item.type ?? "", json.type)
    assert.deepStrictEqual(sent([{ ...item }]), [json])
  })

  it("without a type is a message", () => {
    const item = Schema.decodeUnknownSync(Input.InputItem)({ role: "user", content: "hi" })
    assert.deepStrictEqual(item, Input.user("hi"))
  })
})
