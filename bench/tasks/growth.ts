/**
 * What a call costs late in the life of a process against early, and among many models and scopes against one.
 *
 * Early is after warming up: the first calls of a process are slow because nothing is compiled yet.
 */
import { clientOf, collect, cpuOf, type Figures, type Job, median, numberOf } from "./task.ts"

const windowSize = 1000

export const run = async (job: Job): Promise<Figures> => {
  const total = numberOf(job, "total")
  const client = await clientOf(job)
  const heap = () => {
    collect()
    return process.memoryUsage().heapUsed / 1000
  }
  await client.calls({ count: 100, concurrency: 32 })
  const heapAfter100 = heap()
  await client.calls({ count: total / 10 - 100, concurrency: 32 })
  const heapEarly = heap()
  const windows: Array<number> = []
  for (let made = total / 10; made < total; made += windowSize) {
    windows.push(await cpuOf(() => client.calls({ count: windowSize, concurrency: 32 })) / windowSize)
  }
  const heapLate = heap()
  const third = Math.max(3, Math.floor(windows.length / 3))
  const one: Array<number> = []
  const many: Array<number> = []
  for (let round = 0; round < numberOf(job, "rounds"); round++) {
    one.push(await cpuOf(() => client.calls({ count: windowSize, concurrency: 32, distinct: 1 })))
    many.push(await cpuOf(() => client.calls({ count: windowSize, concurrency: 32, distinct: 1000 })))
  }
  return {
    cpuEarly: median(windows.slice(0, third)),
    cpuLate: median(windows.slice(-third)),
    heapAfter100,
    heapEarly,
    heapLate,
    oneModel: median(one) / windowSize,
    manyModels: median(many) / windowSize,
    heapManyModels: heap()
  }
}
