/**
 * An OpenRouter server on your own machine, for clients in any language: the command `effect-openrouter emulator`, run from a
 * checkout, without a build:
 *
 *     node examples/emulator.ts --port 8787 --seed 7 --credits 5 --rate-limit 20 --rate-window "10 seconds"
 *     curl http://127.0.0.1:8787/api/v1/responses -H "Authorization: Bearer any" \
 *       -H "Content-Type: application/json" -d '{"model":"openai/gpt-5","input":"Hello"}'
 *
 * The name of a model can provoke any failure, for example `emulator/status-503` or `emulator/stream-reset`; the module
 * `Emulator` lists them all.
 */
process.argv.splice(2, 0, "emulator")

await import("../src/layers/cli/bin.ts")
