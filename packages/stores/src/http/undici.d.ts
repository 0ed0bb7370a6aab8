// The parts of undici that move bytes, without the rest of its index (fetch, caches, mocks, WebSockets): 280 kB that
// every cold start would pay for. Held by test/infra/bundles.test.ts.
declare module "undici/lib/dispatcher/agent.js" {
  import { Agent } from "undici"
  export = Agent
}
declare module "undici/lib/core/connect.js" {
  import { buildConnector } from "undici"
  export = buildConnector
}
