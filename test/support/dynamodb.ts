import { spawn } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { scanTable, takeLeaks } from "./secrets.ts"

const binary = fileURLToPath(new URL("../../node_modules/@dynoxide/linux-x64/dynoxide", import.meta.url))

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  await once(server, "close")
  if (address === null || typeof address === "string") throw new Error("no port")
  return address.port
}

export type Dynamo = { readonly endpoint: string; readonly tableName: string; close(): Promise<void> }

/** `before` puts something between our code and the server, and gives its address. */
export type DynamoOptions = {
  readonly dbPath?: string
  readonly before?: (server: string) => Promise<string>
}

/**
 * A DynamoDB of one test file's own, in memory unless `dbPath` is given, with the environment that leads our code to it; makes the table.
 * Import code that reads the environment only afterwards, or at the top: clients are built at their first call's import.
 */
export async function startDynamo({ dbPath, before }: DynamoOptions = {}): Promise<Dynamo> {
  const port = await freePort()
  const place = dbPath === undefined ? [] : ["--db-path", dbPath]
  const child = spawn(binary, ["serve", "--port", String(port), "--host", "127.0.0.1", ...place], {
    stdio: "ignore",
  })
  const server = `http://127.0.0.1:${port}`
  const endpoint = (await before?.(server)) ?? server
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_DYNAMODB: endpoint,
    AWS_REGION: "us-east-1",
    IMGMIGRATOR_DYNAMODB_DUMMY: "1",
    TABLE_NAME: "imgmigrator-test",
  })
  while (
    !(await fetch(server).then(
      () => true,
      () => false,
    ))
  ) {
    if (child.exitCode !== null) throw new Error(`dynoxide ended with ${child.exitCode}`)
    await sleep(5)
  }
  const { createTable } = await import("../../packages/functions/src/db/table.ts")
  await createTable()
  return {
    endpoint,
    tableName: "imgmigrator-test",
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      await scanTable(endpoint, "imgmigrator-test")
      child.kill("SIGKILL")
      await once(child, "exit")
      const leaks = takeLeaks()
      if (leaks.length > 0) throw new Error(leaks.join("\n"))
    },
  }
}
