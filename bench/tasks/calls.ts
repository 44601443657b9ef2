/** CPU time of a call, in microseconds, at several numbers of calls in flight; also calls a second. */
import { clientOf, cpuOf, type Figures, type Job, numberOf } from "./task.ts"

export const run = async (job: Job): Promise<Figures> => {
  const client = await clientOf(job)
  await client.calls({ count: numberOf(job, "warm"), concurrency: 32 })
  const figures: Record<string, number> = {}
  for (const concurrency of [32, 1, 256]) {
    const count = job.numbers?.[`c${concurrency}`] ?? 0
    if (count === 0) continue
    const start = performance.now()
    const cpu = await cpuOf(() => client.calls({ count, concurrency }))
    figures[`c${concurrency}`] = cpu / count
    figures[`perSecond${concurrency}`] = count / (performance.now() - start) * 1000
  }
  return figures
}
