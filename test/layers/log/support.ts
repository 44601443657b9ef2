import { Effect, type FileSystem, PlatformError } from "effect"

const noSpace = PlatformError.systemError({
  _tag: "Unknown",
  module: "FileSystem",
  method: "writeAll",
  cause: Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" })
})

/** A file system with room for so many bytes more: a write that does not fit leaves a part. */
export const inject = (fs: FileSystem.FileSystem, room: { bytes: number }): FileSystem.FileSystem => ({
  ...fs,
  open: (path, options) =>
    Effect.map(fs.open(path, options), (file) =>
      new Proxy(file, {
        get: (target, key) => {
          if (key !== "writeAll") {
            const value: unknown = Reflect.get(target, key)
            return typeof value === "function" ? value.bind(target) : value
          }
          return (bytes: Uint8Array) => {
            const fits = Math.min(room.bytes, bytes.length)
            room.bytes -= fits
            const written = target.writeAll(bytes.subarray(0, fits))
            return fits === bytes.length ? written : Effect.andThen(written, Effect.fail(noSpace))
          }
        }
      }))
})
