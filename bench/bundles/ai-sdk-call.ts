import { createOpenRouter } from "@openrouter/ai-sdk-provider"
import { generateText } from "ai"

const openrouter = createOpenRouter()
const { text } = await generateText({ model: openrouter("openai/gpt-5"), prompt: "Describe the town square." })
console.log(text)
