/**
 * OpenRouter as a provider of `effect/ai`: language models, embedding models, and the tools that run on the server.
 *
 * @since 0.1.0
 */

export * as OpenRouterAiError from "./layers/ai/OpenRouterAiError.ts"
export * as OpenRouterEmbeddingModel from "./layers/ai/OpenRouterEmbeddingModel.ts"
export * as OpenRouterLanguageModel from "./layers/ai/OpenRouterLanguageModel.ts"
export * as OpenRouterServerTool from "./layers/ai/OpenRouterServerTool.ts"
