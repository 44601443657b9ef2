/**
 * A small town lives for a few hours, each character with a model of its own. Run from a checkout, without a build:
 *
 *     node examples/town/main.ts                      against the emulator: no network, no key, no cost
 *     node examples/town/main.ts --seed 7 --json      the same seed gives the same bytes
 *     node examples/town/main.ts --characters 300     waits at the rate gate: 1,824 calls at 60 a second
 *     node examples/town/main.ts --credits 0.01       runs out of money
 *     node examples/town/main.ts --budget 0.005       has so much for each tick; who would cost more idles
 *     node examples/town/main.ts --journal town.jsonl  killed and run again, it goes on where it was, and pays for nothing twice
 *     node examples/town/main.ts --report town.html   a page of its calls, to be opened in a browser
 *     node examples/town/main.ts --live --ticks 1     against openrouter.ai, with OPENROUTER_API_KEY
 *
 * Ctrl-C ends the story with the table of what it has cost so far.
 */
// Lets `effect-openrouter` mean the sources of this checkout, for what is imported after it.
import "../../scripts/resolve-sources.ts"

await import("./program.ts")
