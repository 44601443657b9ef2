/**
 * The server that all clients are measured against: HTTP/1.1 by hand over `node:net`, in a process of its own.
 *
 * `node:http` would be the limit, and noise. Replies are made once; answering is one `write` of one buffer. The first part
 * of the path names the scenario, so that every client can choose it by its base URL:
 *
 * | scenario | answer |
 * |---|---|
 * | `2k`, `50k` | a response of that size |
 * | `429` | a rate limit with its reset in the body |
 * | `hold` | the 2 kB response, once `/control/release` is asked for |
 * | `burst`, `blocks` | a stream of 1,000 deltas: an HTTP chunk for each event; HTTP chunks of 16 KB |
 * | `paced` | the same, 200 events a second, a socket write for each |
 * | `first` | the stages and the first piece of the answer at once, 20 deltas after 5 ms |
 *
 * `/control/stats` says how many calls are held, how many sockets are open, and when the last one of a held call closed.
 */
import { createServer, type Socket } from "node:net"
import * as Fixtures from "./fixtures.ts"

const common = [
  "Date: Thu, 01 Oct 2026 12:00:00 GMT",
  "Connection: keep-alive",
  "CF-RAY: 98ade6a09c9fe15f-FRA",
  "Access-Control-Allow-Origin: *",
  "Permissions-Policy: payment=(self \"https://checkout.stripe.com\" \"https://js.stripe.com\")",
  "Referrer-Policy: no-referrer, strict-origin-when-cross-origin",
  "Vary: Accept-Encoding",
  "X-Content-Type-Options: nosniff",
  "X-Generation-Id: gen-1790000000-benchbenchbenchbench",
  "Server: cloudflare"
]

const head = (status: string, headers: ReadonlyArray<string>): string =>
  `${[`HTTP/1.1 ${status}`, ...headers, ...common].join("\r\n")}\r\n\r\n`

const jsonReply = (status: string, body: object): Buffer => {
  const text = JSON.stringify(body)
  const headers = ["Content-Type: application/json", `Content-Length: ${Buffer.byteLength(text)}`]
  return Buffer.from(head(status, headers) + text)
}

const streamHead = head("200 OK", [
  "Content-Type: text/event-stream",
  "Cache-Control: no-cache",
  "Transfer-Encoding: chunked"
])

const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`

const lastChunk = "0\r\n\r\n"

const blockSize = 16_384

/** Each scenario once for the Responses API and once for the chat endpoint. */
const bothWays = <A>(make: (isChat: boolean) => A): readonly [responses: A, chat: A] => [make(false), make(true)]

const framesOf = (isChat: boolean, deltas: number): ReadonlyArray<string> => [
  ...(isChat ? Fixtures.chatStreamEvents(deltas) : Fixtures.streamEvents(deltas)).map(Fixtures.frame),
  "data: [DONE]\n\n"
]

const bodyOf = (response: object) =>
  bothWays((isChat) => jsonReply("200 OK", isChat ? Fixtures.chatTwin(response) : response))

const blocksOf = (text: string): string => {
  let blocks = ""
  for (let at = 0; at < text.length; at += blockSize) blocks += chunk(text.slice(at, at + blockSize))
  return blocks
}

const replies = new Map<string, readonly [responses: Buffer, chat: Buffer]>([
  ["2k", bodyOf(Fixtures.smallResponse)],
  ["50k", bodyOf(Fixtures.largeResponse)],
  ["429", bothWays(() => jsonReply("429 Too Many Requests", Fixtures.rateLimited))],
  [
    "burst",
    bothWays((isChat) =>
      Buffer.from(streamHead + framesOf(isChat, Fixtures.deltaCount).map(chunk).join("") + lastChunk)
    )
  ],
  [
    "blocks",
    bothWays((isChat) => Buffer.from(streamHead + blocksOf(framesOf(isChat, Fixtures.deltaCount).join("")) + lastChunk))
  ]
])

/** What is written one after the other. */
const timed = new Map([
  ["paced", { every: 5, frames: bothWays((isChat) => framesOf(isChat, Fixtures.deltaCount)) }],
  ["first", {
    every: 5,
    frames: bothWays((isChat) => {
      const frames = framesOf(isChat, 20)
      const begun = 1 + frames.findIndex((frame) => !/"type":"response\.(created|queued|in_progress)"/.test(frame))
      return [frames.slice(0, begun).join(""), frames.slice(begun).join("")]
    })
  }]
])

const held = new Map<Socket, Buffer>()
let connections = 0
let lastClosedAt = 0n

const control = (socket: Socket, command: string): void => {
  if (command === "release") {
    for (const [waiting, reply] of held) waiting.write(reply)
    held.clear()
  }
  socket.write(jsonReply("200 OK", { held: held.size, connections, lastClosedAt: String(lastClosedAt) }))
}

/** Writes a stream bit by bit; ends with the socket. */
const drip = (socket: Socket, frames: ReadonlyArray<string>, every: number): void => {
  socket.write(streamHead + chunk(frames[0] ?? ""))
  let index = 1
  const timer = setInterval(() => {
    socket.write(chunk(frames[index++] ?? "") + (index >= frames.length ? lastChunk : ""))
    if (index >= frames.length || socket.destroyed) clearInterval(timer)
  }, every)
}

const answer = (socket: Socket, path: string): void => {
  const [, scenario = "", command = ""] = path.split("/")
  const way = path.endsWith("/chat/completions") ? 1 : 0
  const reply = replies.get(scenario)
  const slowly = timed.get(scenario)
  if (reply !== undefined) socket.write(reply[way])
  else if (slowly !== undefined) drip(socket, slowly.frames[way], slowly.every)
  else if (scenario === "hold") held.set(socket, replies.get("2k")?.[way] ?? Buffer.alloc(0))
  else if (scenario === "control") control(socket, command)
  else socket.write(jsonReply("404 Not Found", { error: { code: 404, message: `no scenario ${scenario}` } }))
}

const server = createServer({ noDelay: true }, (socket) => {
  connections++
  let received = Buffer.alloc(0)
  socket.on("data", (data) => {
    received = received.length === 0 ? data : Buffer.concat([received, data])
    for (let end = received.indexOf("\r\n\r\n"); end >= 0; end = received.indexOf("\r\n\r\n")) {
      const header = received.toString("latin1", 0, end)
      const length = end + 4 + Number(/\r\ncontent-length: *(\d+)/i.exec(header)?.[1] ?? 0)
      if (received.length < length) return
      received = received.subarray(length)
      answer(socket, header.slice(header.indexOf(" ") + 1, header.indexOf(" HTTP/")))
    }
  })
  socket.on("error", () => socket.destroy())
  socket.on("close", () => {
    connections--
    if (held.delete(socket)) lastClosedAt = process.hrtime.bigint()
  })
})

server.listen({ port: Number(process.argv[2] ?? 0), host: "127.0.0.1", backlog: 8192 }, () => {
  const address = server.address()
  console.log(JSON.stringify({ port: typeof address === "object" ? address?.port : undefined }))
})

process.stdin.on("end", () => process.exit(0)).resume()
