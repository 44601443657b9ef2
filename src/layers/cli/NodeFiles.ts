/**
 * The files of the machine by Node alone, as far as the commands need them: what a batch, a journal and a report read and write.
 * With it `npx effect-openrouter` needs no package of a platform.
 *
 * @since 0.1.0
 */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PlatformError from "effect/PlatformError"
import * as Stream from "effect/Stream"
import { createReadStream, type Stats } from "node:fs"
import * as Node from "node:fs/promises"

const tags: ReadonlyMap<string, PlatformError.SystemErrorTag> = new Map([
  ["ENOENT", "NotFound"],
  ["EEXIST", "AlreadyExists"],
  ["EACCES", "PermissionDenied"],
  ["EPERM", "PermissionDenied"],
  ["EISDIR", "BadResource"],
  ["ENOTDIR", "BadResource"],
  ["ELOOP", "BadResource"],
  ["EBUSY", "Busy"]
])

const codeOf = (cause: unknown): string | undefined =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined

const failed = (method: string, path: string) => (cause: unknown): PlatformError.PlatformError =>
  PlatformError.systemError({
    _tag: tags.get(codeOf(cause) ?? "") ?? "Unknown",
    module: "FileSystem",
    method,
    pathOrDescriptor: path,
    cause
  })

const attempt = <A>(
  method: string,
  path: string,
  promise: () => Promise<A>
): Effect.Effect<A, PlatformError.PlatformError> => Effect.tryPromise({ try: promise, catch: failed(method, path) })

const typeOf = (stats: Stats): FileSystem.File.Type => {
  if (stats.isFile()) return "File"
  if (stats.isDirectory()) return "Directory"
  if (stats.isFIFO()) return "FIFO"
  if (stats.isSocket()) return "Socket"
  if (stats.isCharacterDevice()) return "CharacterDevice"
  return stats.isBlockDevice() ? "BlockDevice" : "Unknown"
}

const infoOf = (stats: Stats): FileSystem.File.Info => ({
  type: typeOf(stats),
  mtime: Option.some(stats.mtime),
  atime: Option.some(stats.atime),
  birthtime: Option.some(stats.birthtime),
  dev: BigInt(stats.dev),
  ino: Option.some(BigInt(stats.ino)),
  mode: stats.mode,
  nlink: Option.some(BigInt(stats.nlink)),
  uid: Option.some(stats.uid),
  gid: Option.some(stats.gid),
  rdev: Option.some(BigInt(stats.rdev)),
  size: ByteSize.bytes(stats.size),
  blksize: Option.none(),
  blocks: Option.none()
})

const fileOf = (path: string, handle: Node.FileHandle): FileSystem.File => {
  const on = <A>(method: string, promise: () => Promise<A>) => attempt(method, path, promise)
  const writeAll = (bytes: Uint8Array): Effect.Effect<void, PlatformError.PlatformError> =>
    on("writeAll", async () => {
      for (let written = 0; written < bytes.length;) {
        written += (await handle.write(bytes, written, bytes.length - written, null)).bytesWritten
      }
    })
  return {
    [FileSystem.FileTypeId]: FileSystem.FileTypeId,
    stat: on("stat", async () => infoOf(await handle.stat())),
    seek: () => Effect.die("no command seeks in a file"),
    sync: on("sync", () => handle.sync()),
    read: (buffer, options) =>
      on("read", async () => {
        const position = options?.position === undefined ? null : Number(options.position)
        return (await handle.read(buffer, 0, buffer.length, position)).bytesRead
      }),
    readAlloc: () => Effect.die("no command reads a file so"),
    truncate: (length) => on("truncate", () => handle.truncate(length ?? 0)),
    write: (bytes) => Effect.as(writeAll(bytes), bytes.length),
    writeAll
  }
}

const open: FileSystem.FileSystem["open"] = (path, options) =>
  Effect.map(
    Effect.acquireRelease(
      attempt("open", path, () => Node.open(path, options?.flag ?? "r", options?.mode)),
      (handle) => Effect.ignore(Effect.tryPromise(() => handle.close()))
    ),
    (handle) => fileOf(path, handle)
  )

/**
 * These files.
 *
 * @since 0.1.0
 */
export const layer: Layer.Layer<FileSystem.FileSystem> = FileSystem.layerNoop({
  open,
  access: (path) => attempt("access", path, () => Node.access(path)),
  exists: (path) => Effect.isSuccess(attempt("access", path, () => Node.access(path))),
  link: (from, to) => attempt("link", to, () => Node.link(from, to)),
  readFile: (path) => attempt("readFile", path, () => Node.readFile(path)),
  readFileString: (path) => attempt("readFileString", path, () => Node.readFile(path, "utf8")),
  readLink: (path) => attempt("readLink", path, () => Node.readlink(path)),
  remove: (path, options) =>
    attempt(
      "remove",
      path,
      () => Node.rm(path, { recursive: options?.recursive ?? false, force: options?.force ?? false })
    ),
  rename: (from, to) => attempt("rename", from, () => Node.rename(from, to)),
  stat: (path) => attempt("stat", path, async () => infoOf(await Node.stat(path))),
  stream: (path) =>
    Stream.suspend(() => {
      const chunks: AsyncIterable<Uint8Array> = createReadStream(path)
      return Stream.fromAsyncIterable(chunks, failed("stream", path))
    }),
  truncate: (path, length) => attempt("truncate", path, () => Node.truncate(path, Number(length ?? 0))),
  utimes: (path, atime, mtime) => attempt("utimes", path, () => Node.utimes(path, atime, mtime)),
  writeFile: (path, bytes, options) =>
    attempt("writeFile", path, () => Node.writeFile(path, bytes, { flag: options?.flag ?? "w" })),
  writeFileString: (path, text, options) =>
    attempt("writeFileString", path, () => Node.writeFile(path, text, { flag: options?.flag ?? "w" }))
})
