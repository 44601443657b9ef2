/**
 * Two thousand prompts from a file, and their answers into another one. Run from a checkout, without a build:
 *
 *     node examples/batch/main.ts                               against the emulator: no network, no key, no cost
 *     node examples/batch/main.ts                               again: everything is there, nothing is asked
 *     node examples/batch/main.ts 2>progress.txt                plain lines where there is no terminal
 *     node examples/batch/main.ts --credits 0.05                runs out of money; the next run asks for the rest
 *     node examples/batch/main.ts --input my.jsonl --output answers.jsonl --live --budget 5
 *
 * Lines of the input are JSON objects with a `prompt`, and an `id` if they like. Kill it when you want: the next run goes on.
 */
// Lets `effect-openrouter` mean the sources of this checkout, for what is imported after it.
import "../../scripts/resolve-sources.ts"

await import("./program.ts")
