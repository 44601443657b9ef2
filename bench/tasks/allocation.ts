/**
 * Heap that is allocated for a call or a stream, in kilobytes; almost without noise, because no collection takes place.
 *
 * Needs `--expose-gc` and a new space into which all of it fits. Rounds with a collection (buffers outside the heap may
 * bring one on) do not count.
 */
import { PerformanceObserver } from "node:perf_hooks"
import { setTimeout as sleep } from "node:timers/promises"
import { clientOf, collect, type Figures, type Job, median, numberOf } from "./task.ts"

const wantedRounds = 3

export const run = async (job: Job): Promise<Figures> => {
  const count = numberOf(job, "count")
  const client = await clientOf(job)
  const isStream = job.scenario === "burst"
  const work = (count: number) =>
    isStream ? client.streams({ count, concurrency: 1 }, () => {}) : client.calls({ count, concurrency: 1 })
  await work(numberOf(job, "warm"))
  let collections = 0
  const observer = new PerformanceObserver((list) => collections += list.getEntries().length)
  const figures: Array<number> = []
  for (let tries = 0; figures.length < wantedRounds; tries++) {
    if (tries > wantedRounds * 3) {
      throw new Error("garbage collections disturbed too many rounds; let the job count less")
    }
    collect()
    await sleep(50)
    collections = 0
    observer.observe({ entryTypes: ["gc"] })
    const before = process.memoryUsage().heapUsed
    await work(count)
    const allocated = process.memoryUsage().heapUsed - before
    await sleep(50)
    const disturbances = collections + observer.takeRecords().length
    observer.disconnect()
    if (disturbances === 0) figures.push(allocated / count / 1000)
  }
  return { kilobytes: median(figures) }
}
