/** Answers every request with the same response, as fast as it can. */
import { createServer } from "node:http"

const body = JSON.stringify({
  id: "resp_1",
  object: "response",
  status: "completed",
  model: "openai/gpt-5",
  output: [{
    type: "message",
    role: "assistant",
    content: [{ type: "output_text", text: "A word. ".repeat(180), annotations: [] }]
  }],
  usage: { input_tokens: 30, output_tokens: 360, total_tokens: 390, cost: 0.0036 }
})

const server = createServer((request, response) => {
  request.resume().on("end", () => response.setHeader("content-type", "application/json").end(body))
})

// Nobody is left to stop it.
process.on("disconnect", () => process.exit())

server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  process.send?.(typeof address === "object" && address !== null ? address.port : 0)
})
