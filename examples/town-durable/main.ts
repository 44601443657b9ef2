/**
 * The town as a workflow, on two runner processes: over PostgreSQL where `DATABASE_URL` names one, else over an SQLite file that
 * they share. In the middle of the story the runner that tells it is killed, and the other one goes on. Run from a checkout:
 *
 *     npm run town:durable
 *     DATABASE_URL=postgres://… npm run town:durable
 */
// Lets `effect-openrouter` mean the sources of this checkout, for what is imported after it.
import "../../scripts/resolve-sources.ts"

await import("./program.ts")
