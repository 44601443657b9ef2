export * as HttpError from "./layers/http/HttpError.ts"
