/**
 * Heap of a call that outlives the collections of the young generation, in kilobytes: an answer that nobody keeps should
 * not. What does is copied twice, and waits for a full collection.
 *
 * V8 places some closures among the old objects when it makes them, such as those that are assigned to a property; whatever
 * these reach survives with them.
 */
import { Session } from "node:inspector/promises"
import { clientOf, type Figures, type Job, numberOf } from "./task.ts"

interface Node {
  readonly selfSize: number
  readonly children: ReadonlyArray<Node>
}

const sizeOf = ({ children, selfSize }: Node): number => children.reduce((sum, child) => sum + sizeOf(child), selfSize)

export const run = async (job: Job): Promise<Figures> => {
  const count = numberOf(job, "count")
  const client = await clientOf(job)
  await client.calls({ count: numberOf(job, "warm"), concurrency: 1 })
  const session = new Session()
  session.connect()
  await session.post("HeapProfiler.startSampling", {
    samplingInterval: 4096,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: false
  })
  await client.calls({ count, concurrency: 1 })
  const { profile } = await session.post("HeapProfiler.stopSampling")
  return { kilobytes: sizeOf(profile.head) / count / 1000 }
}
