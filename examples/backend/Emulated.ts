/** The other side of the backend without a network: OpenRouter's emulator, whose answers and failures a question chooses. */
import { Layer, Redacted } from "effect"
import { OpenRouter } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"

const { Reply } = Emulator

const says = (textIncludes: string) => ({ textIncludes })

/** What to ask to see what goes wrong. */
const failures: ReadonlyArray<Emulator.Rule> = [
  { when: says("/busy"), reply: Reply.failure(503, { retryAfter: "8 seconds" }) },
  { when: says("/slow"), reply: Reply.failure(504) },
  { when: says("/cut"), reply: Reply.answer({ stream: { ending: { _tag: "Cut", after: { deltas: 5 } } } }) },
  { when: says("/refuse"), reply: Reply.refusal() },
  {
    when: says("/long"),
    reply: Reply.failure(400, { errorType: "context_length_exceeded", message: "maximum context length exceeded" })
  },
  { when: says("/key"), reply: Reply.failure(401) }
]

const text =
  "This is OpenRouter's emulator: it has no model, so it says this whatever you ask. The text comes word by word, "
  + "as that of a model does. Each word is an event of a stream from OpenRouter to the backend, and one from the backend to "
  + "this page. If you press Stop, or close the page, both streams end at once, and nothing more is written that nobody "
  + "reads. What you have spent today is below, and when it is all gone the backend says no before it asks."

export const layer = OpenRouter.layer({ apiKey: Redacted.make("backend") }).pipe(
  Layer.provideMerge(Emulator.layerHttpClient({
    seed: 1,
    latency: "200 millis",
    stream: { eventDelay: "30 millis" },
    rules: [...failures, { reply: Reply.text(text) }]
  }))
)
