/**
 * What a batch costs beside a bare `Effect.forEach` of the same calls: CPU time and heap, over `/node` and real sockets.
 *
 *     npm run batch-cpu [-- <items> <rounds>]
 *
 * Each measurement is a process of its own against a server in another one, in turns. It prints the least of each, since
 * other load only adds to it, and fails where the batch takes more than 1.15 times the CPU, or the heap grows with the items.
 */
import { fork } from "node:child_process"
import { once } from "node:events"

const [items = 20_000, rounds = 5] = process.argv.slice(2).map(Number)

const execArgv = ["--expose-gc", "--import", new URL("resolve-sources.ts", import.meta.url).href]

interface Figures {
  readonly cpu: number
  readonly heap: ReadonlyArray<number>
}

const server = fork(new URL("batch-cpu/server.ts", import.meta.url), [], { execArgv })
const [port]: ReadonlyArray<unknown> = await once(server, "message")

const measured = async (way: string, count: number): Promise<Figures> => {
  const child = fork(new URL("batch-cpu/worker.ts", import.meta.url), [way, String(count), String(port)], { execArgv })
  const [figures] = await once(child, "message")
  await once(child, "exit")
  return figures
}

const least = (numbers: ReadonlyArray<number> = []): number => Math.min(...numbers)

try {
  const ways = ["forEach", "run", "stream", "stream+progress"]
  const cpu = new Map<string, Array<number>>(ways.map((way) => [way, []]))
  for (let round = 0; round < rounds; round++) {
    for (const way of ways) cpu.get(way)?.push((await measured(way, items)).cpu / items)
  }
  const base = least(cpu.get("forEach"))
  for (const [way, all] of cpu) {
    const own = least(all)
    console.log(`${way.padEnd(16)} ${own.toFixed(1)} us CPU per item, ${(own / base).toFixed(3)} x forEach`)
    if (own / base > 1.15) process.exitCode = 1
  }
  const { heap } = await measured("stream", 100_000)
  console.log(
    `heap in MB after each tenth of 100,000 items: ${heap.map((bytes) => (bytes / 1e6).toFixed(1)).join(" ")}`
  )
  const [first = 0] = heap.slice(1)
  if ((heap.at(-1) ?? 0) > first + 5e6) process.exitCode = 1
} finally {
  server.kill()
}
