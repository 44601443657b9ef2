/** The time to import a module with all that it imports, in milliseconds. */
import type { Figures, Job } from "./task.ts"

export const run = async (job: Job): Promise<Figures> => {
  const start = performance.now()
  for (const specifier of job.specifiers ?? []) await import(specifier)
  return { millis: performance.now() - start }
}
