/** One measuring process: does the job that it is given as JSON and prints what it found as JSON. */
import type { Figures, Job } from "./tasks/task.ts"

const job: Job = JSON.parse(process.argv[2] ?? "{}")
const task: { readonly run: (job: Job) => Promise<Figures> } = await import(`./tasks/${job.task}.ts`)
const figures = await task.run(job)
process.stdout.write(`\n${JSON.stringify({ figures })}\n`, () => process.exit(0))
