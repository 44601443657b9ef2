/** The time from a call to the first event of its stream, in microseconds: the median of many, one after the other. */
import { clientOf, type Figures, type Job, median, numberOf } from "./task.ts"

export const run = async (job: Job): Promise<Figures> => {
  const client = await clientOf(job)
  const times: Array<number> = []
  const one = async () => {
    const start = performance.now()
    let first: number | undefined
    await client.streams({ count: 1, concurrency: 1 }, () => first ??= performance.now() - start)
    if (first === undefined) throw new Error("a stream had no event")
    return first * 1000
  }
  for (let index = 0; index < numberOf(job, "warm"); index++) await one()
  for (let index = 0; index < numberOf(job, "count"); index++) times.push(await one())
  return { micros: median(times) }
}
