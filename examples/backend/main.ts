/**
 * A backend with a page: you ask, and the answer appears while the model writes it. From a checkout, without a build:
 *
 *     node examples/backend/main.ts                        against the emulator: no network, no key, no cost
 *     OPENROUTER_API_KEY=… node examples/backend/main.ts   against openrouter.ai
 *     node examples/backend/main.ts --port 8080 --per-user 0.10
 *
 * Ctrl-C ends it.
 */
// Lets `effect-openrouter` mean the sources of this checkout, for what is imported after it.
import "../../scripts/resolve-sources.ts"

await import("./program.ts")
