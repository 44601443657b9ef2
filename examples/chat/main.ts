/**
 * A chat in the terminal: it remembers, it can call tools, and its prompt says what it has cost. From a checkout, without a
 * build:
 *
 *     node examples/chat/main.ts                        against the emulator: no network, no key, no cost
 *     OPENROUTER_API_KEY=… node examples/chat/main.ts   against openrouter.ai
 *     node examples/chat/main.ts --history bern.jsonl   another conversation
 *
 * Ask it for the time, for dice, or to write something down, which it may not do before you have agreed. An empty line or
 * Ctrl-D ends it.
 */
// Lets `effect-openrouter` mean the sources of this checkout, for what is imported after it.
import "../../scripts/resolve-sources.ts"

await import("./program.ts")
