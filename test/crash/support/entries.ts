/* Who can be killed. */
export { handler as create } from "../../../packages/functions/src/api/create-migration.ts"
export { handler as sweeper } from "../../../packages/functions/src/sweeper.ts"
export { handler as worker } from "../../../packages/functions/src/worker.ts"
