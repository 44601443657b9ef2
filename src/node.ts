export * as DispatchHttpClient from "./layers/DispatchHttpClient.ts"
export * as OpenRouterNode from "./layers/OpenRouterNode.ts"
