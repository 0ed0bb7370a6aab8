import { type QStash, startQStash } from "qstash-local"
import { type Dynamo, startDynamo } from "../../support/dynamodb.ts"

export type Service = { readonly dynamo: Dynamo; readonly qstash: QStash; close(): Promise<void> }

/**
 * What the functions need around them: a DynamoDB, a QStash, and the settings that lead there. Messages go to an address
 * where nobody listens: these tests end at the door.
 */
export async function startService(): Promise<Service> {
  const dynamo = await startDynamo()
  const qstash = await startQStash({ port: 0 })
  Object.assign(process.env, {
    QSTASH_URL: qstash.url,
    QSTASH_TOKEN: qstash.token,
    QSTASH_CURRENT_SIGNING_KEY: qstash.currentSigningKey,
    QSTASH_NEXT_SIGNING_KEY: qstash.nextSigningKey,
    BASE_URL: "http://127.0.0.1:9",
  })
  for (const name of [
    "QSTASH_DEV",
    "QSTASH_PLAN",
    "IMGMIGRATOR_LOCAL",
    "CELERY_BROKER_URL",
    "STORE_CREDENTIALS",
  ])
    delete process.env[name]
  return {
    dynamo,
    qstash,
    close: async () => {
      await qstash.close()
      await dynamo.close()
    },
  }
}
