/** A registry that has the packed package, and knows who has the others: `npm install effect-openrouter` works as written. */
import { createHash } from "node:crypto"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { createServer } from "node:http"
import { basename } from "node:path"

/** A registry that is being served. */
export interface Registry {
  readonly url: string
  readonly close: () => void
}

/** What package.json has and installers read. */
interface Published {
  readonly name: string
  readonly version: string
}

/** Serves a tarball under the name and version that it has; all else is asked of another registry. */
export const serve = async (tarball: string, manifest: Published, others: string): Promise<Registry> => {
  const bytes = readFileSync(tarball)
  const integrity = `sha512-${createHash("sha512").update(bytes).digest("base64")}`
  const server = createServer((request, response) => {
    const path = request.url ?? "/"
    if (path === `/${manifest.name}`) {
      const dist = { tarball: `http://${request.headers.host}/-/${basename(tarball)}`, integrity }
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({
        name: manifest.name,
        "dist-tags": { latest: manifest.version },
        versions: { [manifest.version]: { ...manifest, dist } }
      }))
    } else if (path === `/-/${basename(tarball)}`) response.writeHead(200).end(bytes)
    else response.writeHead(302, { location: new URL(path.slice(1), others).href }).end()
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("a port was expected")
  return {
    url: `http://127.0.0.1:${address.port}/`,
    close: () => {
      server.close()
      server.closeAllConnections()
    }
  }
}
