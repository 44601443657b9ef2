/** Interrupting calls in flight, in milliseconds: until the client returns, and until the server saw the last socket close. */
import { setTimeout as sleep } from "node:timers/promises"
import { clientOf, control, type Figures, type Job, numberOf, untilHeld } from "./task.ts"

export const run = async (job: Job): Promise<Figures> => {
  const count = numberOf(job, "count")
  const warm = await clientOf(job, "2k")
  await warm.calls({ count: 500, concurrency: 50 })
  const client = await clientOf(job)
  const held = client.hold(count)
  await untilHeld(job, count)
  const start = process.hrtime.bigint()
  await held.interrupt()
  const returned = process.hrtime.bigint()
  for (let tries = 0; (await control(job, "stats")).held > 0; tries++) {
    if (tries > 400) throw new Error("not all sockets were closed within 10 seconds")
    await sleep(25)
  }
  const { lastClosedAt } = await control(job, "stats")
  return { returns: Number(returned - start) / 1e6, closed: Number(lastClosedAt - start) / 1e6 }
}
