import { claimState } from "../state/claim.ts"
import { enter, tableEnvironment } from "./environment.ts"
import { startService } from "./service.ts"

/**
 * Make the state folder's table the one that this process reads and writes: through the DynamoDB of its running service,
 * or one started for the purpose. Returns how to let go of it.
 */
export async function openTable(stateDir: string): Promise<() => Promise<void>> {
  const claim = await claimState(stateDir, { works: false })
  if ("lock" in claim) {
    const service = await startService({ stateDir, lock: claim.lock, command: "keys", works: false })
    return () => service.close()
  }
  const { dynamodb } = claim.owner
  if (!dynamodb) throw new Error(`The owner of ${stateDir} does not say where its DynamoDB is.`)
  const leave = enter(tableEnvironment(dynamodb))
  return async () => leave()
}
