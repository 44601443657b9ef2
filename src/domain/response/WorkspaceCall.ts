/**
 * Changes of files and commands for shells that the model asks for, and the outputs which answer them.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Wire from "../wire/Wire.ts"
import { ItemStatus } from "./OpenAiToolCall.ts"

const optional = Schema.optionalKey

const patchOperations = {
  create_file: Wire.LazyStruct(() => ({
    type: Schema.tag("create_file"),
    path: Schema.String,
    diff: Schema.String
  })),
  update_file: Wire.LazyStruct(() => ({
    type: Schema.tag("update_file"),
    path: Schema.String,
    diff: Schema.String
  })),
  delete_file: Wire.LazyStruct(() => ({ type: Schema.tag("delete_file"), path: Schema.String }))
}

/**
 * What a patch does to a file. `diff` is in the V4A format.
 *
 * @since 0.1.0
 */
export const PatchOperation: Wire.OpenUnion<typeof patchOperations> = Wire.OpenUnion(patchOperations, {
  identifier: "PatchOperation"
})

/**
 * @since 0.1.0
 */
export type PatchOperation = typeof PatchOperation.Type

/**
 * The model wants a file changed. Do it and answer with an `apply_patch_call_output` of the same `callId`.
 *
 * @since 0.1.0
 */
export const ApplyPatchCall = Wire.LazyStruct(() => ({
  type: Schema.tag("apply_patch_call"),
  id: optional(Schema.String),
  callId: Schema.String,
  status: optional(Wire.OpenLiterals(["in_progress", "completed"])),
  operation: PatchOperation
}))

/**
 * @since 0.1.0
 */
export interface ApplyPatchCall extends Schema.Schema.Type<typeof ApplyPatchCall> {}

/**
 * Commands for a shell.
 *
 * @since 0.1.0
 */
export const ShellAction = Wire.LazyStruct(() => ({
  commands: Schema.Array(Schema.String),
  /** Characters. */
  maxOutputLength: optional(Schema.Int),
  /** Milliseconds. */
  timeoutMs: optional(Schema.Int)
}))

/**
 * @since 0.1.0
 */
export interface ShellAction extends Schema.Schema.Type<typeof ShellAction> {}

/**
 * The model wants commands run in a shell: by the provider, or by you with a `shell_call_output` of the same `callId`.
 *
 * @since 0.1.0
 */
export const ShellCall = Wire.LazyStruct(() => ({
  type: Schema.tag("shell_call"),
  id: optional(Schema.String),
  callId: Schema.String,
  status: optional(ItemStatus),
  action: optional(ShellAction),
  /** What the model wrote, as JSON text; keeping it keeps the provider's prompt cache. */
  arguments: optional(Wire.JsonText),
  environment: optional(Schema.Unknown)
}))

/**
 * @since 0.1.0
 */
export interface ShellCall extends Schema.Schema.Type<typeof ShellCall> {}

const outcomes = {
  exit: Wire.LazyStruct(() => ({ type: Schema.tag("exit"), exitCode: Schema.Int })),
  timeout: Wire.LazyStruct(() => ({ type: Schema.tag("timeout") }))
}

/**
 * What one command of a shell printed, and how it ended.
 *
 * @since 0.1.0
 */
export const ShellOutput = Wire.LazyStruct(() => ({
  stdout: Schema.String,
  stderr: Schema.String,
  outcome: Wire.OpenUnion(outcomes, { identifier: "ShellOutcome" })
}))

/**
 * @since 0.1.0
 */
export interface ShellOutput extends Schema.Schema.Type<typeof ShellOutput> {}

/**
 * What the commands of a `shell_call` printed.
 *
 * @since 0.1.0
 */
export const ShellCallOutput = Wire.LazyStruct(() => ({
  type: Schema.tag("shell_call_output"),
  id: optional(Schema.String),
  callId: Schema.String,
  status: optional(ItemStatus),
  output: Schema.Array(ShellOutput),
  /** Characters. */
  maxOutputLength: optional(Schema.Int)
}))

/**
 * @since 0.1.0
 */
export interface ShellCallOutput extends Schema.Schema.Type<typeof ShellCallOutput> {}

/**
 * What became of the patch of an `apply_patch_call`. `output` is a log for the model.
 *
 * @since 0.1.0
 */
export const ApplyPatchCallOutput = Wire.LazyStruct(() => ({
  type: Schema.tag("apply_patch_call_output"),
  id: Schema.optional(Schema.String),
  callId: Schema.String,
  status: Wire.OpenLiterals(["completed", "failed"]),
  output: Schema.optional(Schema.String)
}))

/**
 * @since 0.1.0
 */
export interface ApplyPatchCallOutput extends Schema.Schema.Type<typeof ApplyPatchCallOutput> {}

/**
 * A command for a local shell: the program and its arguments.
 *
 * @since 0.1.0
 */
export const LocalShellAction = Wire.LazyStruct(() => ({
  type: Schema.tag("exec"),
  command: Schema.Array(Schema.String),
  /** Variables besides those of the environment. A request needs it. */
  env: optional(Schema.Record(Schema.String, Schema.String)),
  /** Milliseconds. */
  timeoutMs: optional(Schema.Int),
  user: optional(Schema.String),
  workingDirectory: optional(Schema.String)
}))

/**
 * @since 0.1.0
 */
export interface LocalShellAction extends Schema.Schema.Type<typeof LocalShellAction> {}

/**
 * The model wants one command run on your machine. Answer with a `local_shell_call_output`.
 *
 * @since 0.1.0
 */
export const LocalShellCall = Wire.LazyStruct(() => ({
  type: Schema.tag("local_shell_call"),
  id: optional(Schema.String),
  callId: Schema.String,
  status: optional(ItemStatus),
  action: LocalShellAction
}))

/**
 * @since 0.1.0
 */
export interface LocalShellCall extends Schema.Schema.Type<typeof LocalShellCall> {}

/**
 * What the command of a `local_shell_call` printed; `id` is the call's.
 *
 * @since 0.1.0
 */
export const LocalShellCallOutput = Wire.LazyStruct(() => ({
  type: Schema.tag("local_shell_call_output"),
  id: Schema.String,
  status: Schema.optional(ItemStatus),
  output: Schema.String
}))

/**
 * @since 0.1.0
 */
export interface LocalShellCallOutput extends Schema.Schema.Type<typeof LocalShellCallOutput> {}
