/**
 * What is told of calls to tracers and meters: more than the default, or less.
 *
 * Every call has a span and metrics by OpenTelemetry's conventions for generative AI, `chat {model}` and its siblings, in
 * whatever tracer and registry the program has; nothing has to be switched on. This reference says what is told besides,
 * and what somebody else tells already. It is read when a call begins.
 *
 * In the way of a call the span stands inside the middlewares and outside the retry loop, so it has all attempts of a call.
 *
 * **Example** (Letting the trace go on at the server)
 *
 * ```ts
 * import { OpenRouter, Telemetry } from "effect-openrouter"
 *
 * const program = OpenRouter.respond({ model: "openai/gpt-5", input: "Hello" }).pipe(
 *   Telemetry.with({ propagation: true })
 * )
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import { dual } from "effect/Function"
import * as Program from "./Program.ts"

/**
 * What is told of calls.
 *
 * @since 0.1.0
 */
export interface Settings {
  /** Whether requests carry the trace context of their span (`traceparent`), also to OpenRouter. Default false. */
  readonly propagation: boolean
  /**
   * Whether spans have the texts: `gen_ai.system_instructions`, `gen_ai.input.messages` and `gen_ai.output.messages`, as
   * JSON text, without images, files and sounds. Default false. They are as long as the prompt.
   */
  readonly content: boolean
  /** Whether metrics are recorded. Default true. Spans are switched off with Effect's own `References.TracerEnabled`. */
  readonly metrics: boolean
  /**
   * What an instrumentation around the calls tells by the same conventions, so that nothing is counted twice:
   *
   * - `"none"`: nothing; the default.
   * - `"span"`: its span has the tokens of the call, so ours has none. Metrics are recorded.
   * - `"metrics"`: its span has them and it records metrics as well, so we record none whose name begins with `gen_ai.`.
   */
  readonly outer: "none" | "span" | "metrics"
}

const defaults: Settings = { propagation: false, content: false, metrics: true, outer: "none" }

/**
 * What is told of the calls of the running program.
 *
 * @since 0.1.0
 */
export const CurrentTelemetry: Context.Reference<Settings> = /* @__PURE__ */ Context.Reference<Settings>(
  "effect-openrouter/Telemetry",
  { defaultValue: () => defaults }
)

/**
 * Settings with some of them changed.
 *
 * @since 0.1.0
 */
export const changed = (outer: Settings, settings: Partial<Settings>): Settings => ({
  propagation: settings.propagation ?? outer.propagation,
  content: settings.content ?? outer.content,
  metrics: settings.metrics ?? outer.metrics,
  outer: settings.outer ?? outer.outer
})

const withSettings: {
  (settings: Partial<Settings>): <P extends Program.Program>(self: P) => Program.Within<P>
  <P extends Program.Program>(self: P, settings: Partial<Settings>): Program.Within<P>
} = /* @__PURE__ */ dual(
  2,
  <P extends Program.Program>(self: P, settings: Partial<Settings>): Program.Within<P> =>
    Program.update(self, CurrentTelemetry, (outer) => changed(outer, settings))
)

export {
  /**
   * Says what is told of all calls of an effect or a stream; what is left out is as outside.
   *
   * @since 0.1.0
   */
  withSettings as with
}
