/** What the commands say where they are not given what they need: one line on stderr, and the exit code. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, PlatformError } from "effect"
import * as Cause from "effect/Cause"
import { readFileSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import * as ExitCode from "../../../src/layers/cli/ExitCode.ts"
import { inFolder, run } from "./support.ts"

/** A port of this machine where nobody listens. */
const unusedPort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

describe("the commands", { timeout: 120_000 }, () => {
  it("say what they lack", () =>
    inFolder(async (path) => {
      const input = path("in.jsonl")
      const prompt = `{"id":"1","prompt":"Who are you?"}\n`
      writeFileSync(input, prompt)
      const away = { OPENROUTER_API_KEY: "any", OPENROUTER_API_URL: `http://127.0.0.1:${await unusedPort()}/api/v1` }
      const wrongUrl = { OPENROUTER_API_KEY: "any", OPENROUTER_API_URL: "openrouter" }
      const [alone, keyless, unreachable, url, over, nowhere, extra] = await Promise.all([
        run([]),
        run(["batch", input, path("out.jsonl")]),
        run(["ask", "Hi"], { env: away, onOutput: () => {} }),
        run(["key"], { env: wrongUrl }),
        run(["batch", input, input, "--emulator"]),
        run(["batch", input, path("none/out.jsonl"), "--emulator"]),
        run(["key", "extra", "--emulator"])
      ])
      // Alone it tells what it can do.
      assert.deepStrictEqual([alone.code, alone.stderr], [0, ""])
      assert.include(alone.stdout, "report")
      const ends = [
        [keyless, 3, /^effect-openrouter: there is no API key: set OPENROUTER_API_KEY \(--emulator [^\n]+\)\n$/],
        [unreachable, 5, /^effect-openrouter: ConnectionFailed: [^\n]+\n$/],
        [url, 3, /^effect-openrouter: OPENROUTER_API_URL: is no http\(s\) URL[^\n]+\n$/],
        [over, 1, /^effect-openrouter: line 1 of [^\n]+ cannot be read: it is no result of a batch[^\n]*\n$/],
        [nowhere, 1, /^effect-openrouter: [^\n]+none\/out\.jsonl: there is no such file or folder\n$/],
        [extra, 2, /^effect-openrouter key: Unexpected positional argument: "extra" \(see --help\)\n$/]
      ] as const
      for (const [{ code, stderr, stdout }, expected, says] of ends) {
        assert.match(stderr, says)
        assert.deepStrictEqual([code, stdout], [expected, ""])
      }
      assert.strictEqual(readFileSync(input, "utf8"), prompt)
    }))

  it.effect("tell of files in the words of a shell", () =>
    Effect.sync(() => {
      const said = (_tag: PlatformError.SystemErrorTag, path: string) =>
        ExitCode.ofCause(Cause.fail(
          PlatformError.systemError({ _tag, module: "FileSystem", method: "open", pathOrDescriptor: path })
        ))
      assert.deepStrictEqual(said("NotFound", "a/b.lock"), ["a/b: there is no such file or folder", 1])
      assert.deepStrictEqual(said("PermissionDenied", "/etc/x"), ["/etc/x: permission denied", 1])
      assert.deepStrictEqual(said("BadResource", "src"), ["src: it is no file", 1])
      assert.include(said("Unknown", "disk")[0], "disk")
    }))
})
