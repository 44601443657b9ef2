import { OpenRouter } from "@openrouter/sdk"

const client = new OpenRouter()
const answer = await client.beta.responses.send({
  responsesRequest: { model: "openai/gpt-5", input: "Describe the town square.", stream: false }
})
console.log(answer)
