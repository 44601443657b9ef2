/** CPU time of a text delta of a stream, in microseconds. */
import * as Fixtures from "../fixtures.ts"
import { clientOf, cpuOf, type Figures, type Job, numberOf } from "./task.ts"

export const run = async (job: Job): Promise<Figures> => {
  const count = numberOf(job, "count")
  const concurrency = numberOf(job, "concurrency")
  const warm = await clientOf(job, "burst")
  await warm.streams({ count: numberOf(job, "warm"), concurrency: 4 }, () => {})
  const client = await clientOf(job)
  let characters = 0
  const cpu = await cpuOf(async () => {
    characters = await client.streams({ count, concurrency }, () => {})
  })
  const expected = count * Fixtures.streamTextLength(Fixtures.deltaCount)
  if (characters !== expected) throw new Error(`${characters} characters of text arrived instead of ${expected}`)
  return { perEvent: cpu / count / Fixtures.deltaCount }
}
