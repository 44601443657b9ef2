/** What a run may leave behind: bytes of the heap, and sockets. */
import { memoryUsage } from "node:process"

/** The heap after a collection; `undefined` without `node --expose-gc`. */
export const heapBytes = (): number | undefined => {
  if (globalThis.gc === undefined) return undefined
  globalThis.gc()
  globalThis.gc()
  return memoryUsage().heapUsed
}

/** The sockets of this process. */
export const openSockets = (): number =>
  process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length
