/** Heap and resident memory of a call in flight, in kilobytes: all are held at once, then all must be answered. */
import { clientOf, collect, control, type Figures, type Job, numberOf, untilHeld } from "./task.ts"

export const run = async (job: Job): Promise<Figures> => {
  const count = numberOf(job, "count")
  const warm = await clientOf(job, "2k")
  await warm.calls({ count: 500, concurrency: 50 })
  const client = await clientOf(job)
  await control(job, "stats")
  collect()
  const before = process.memoryUsage()
  const held = client.hold(count)
  await untilHeld(job, count)
  collect()
  const during = process.memoryUsage()
  await control(job, "release")
  const answered = await held.answered
  if (answered !== count) throw new Error(`${answered} of ${count} calls were answered`)
  return {
    heap: (during.heapUsed - before.heapUsed) / count / 1000,
    rss: (during.rss - before.rss) / count / 1000
  }
}
