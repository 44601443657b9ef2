/**
 * What the programs of all neighbours have in common. Each runs its checks against an emulator and prints a line of JSON for
 * each, and at the end how many tokens its client says that it has used.
 */

const { EMULATOR_URL = "", OPENROUTER_API_KEY = "" } = process.env

export const apiUrl = `${EMULATOR_URL}/api/v1`

export const apiKey = OPENROUTER_API_KEY

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)

let outputTokens = 0

/** Takes note of the tokens that the client says it has used. */
export const used = (tokens) => {
  outputTokens += tokens
}

/** Runs one check; one that throws has failed. */
export const check = async (name, run) => {
  try {
    await run()
    say({ name })
  } catch (error) {
    say({ name, problem: error instanceof Error ? `${error.message} ${error.stack ?? ""}` : String(error) })
  }
}

export const done = () => say({ outputTokens })
