import OpenAI from "openai"

const client = new OpenAI({ baseURL: "https://openrouter.ai/api/v1" })
const answer = await client.responses.create({ model: "openai/gpt-5", input: "Describe the town square." })
console.log(answer.output_text)
