export * from "./fault.ts"
