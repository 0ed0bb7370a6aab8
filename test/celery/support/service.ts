import { join } from "node:path"
import { startQStash } from "qstash-local"
import { expect } from "vitest"
import * as z from "zod"
import { createApiKey } from "../../../packages/functions/src/db/api-keys.ts"
import { newRoot, type Running, start, within } from "../../journey/cli-run.ts"
import { freePort, startDynamo } from "../../support/dynamodb.ts"
import { signingKey } from "./worker.ts"

type Settings = Readonly<Record<string, string>>

/**
 * Places for services that come and go, `imgmigrator serve --no-local` each: one DynamoDB, one QStash, one address, one
 * user's key. Stores are folders, which only IMGMIGRATOR_LOCAL allows.
 */
export async function startPlace() {
  const root = newRoot()
  const dynamo = await startDynamo()
  const qstash = await startQStash({
    port: 0,
    token: "t",
    currentSigningKey: "current",
    nextSigningKey: "next",
  })
  const { key } = await createApiKey({ userId: "ana", name: "test", at: Date.now() })
  const port = String(await freePort())
  const url = `http://127.0.0.1:${port}`
  const common: Settings = {
    TABLE_NAME: dynamo.tableName,
    AWS_ENDPOINT_URL_DYNAMODB: dynamo.endpoint,
    IMGMIGRATOR_DYNAMODB_DUMMY: "1",
    IMGMIGRATOR_LOCAL: "1",
    BASE_URL: url,
    PORT: port,
  }
  let running: Running | undefined
  const ask = async (path: string, options: { method?: string; body?: unknown } = {}) => {
    const answer = await fetch(`${url}/api/v1${path}`, {
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      method: options.method ?? (options.body === undefined ? "GET" : "POST"),
      ...(options.body !== undefined && { body: JSON.stringify(options.body) }),
    })
    return { status: answer.status, body: z.record(z.string(), z.unknown()).parse(await answer.json()) }
  }
  return {
    url,
    ask,
    at: (name: string) => join(root, name),
    celery: (broker: string): Settings => ({ CELERY_BROKER_URL: broker, CELERY_SIGNING_KEY: signingKey }),
    qstash: {
      QSTASH_URL: qstash.url,
      QSTASH_TOKEN: "t",
      QSTASH_CURRENT_SIGNING_KEY: "current",
      QSTASH_NEXT_SIGNING_KEY: "next",
    } satisfies Settings,
    /** Start a service with these settings; resolves when it serves. */
    async serve(settings: Settings): Promise<Running> {
      running = start(["serve", "--no-local", "--host", "127.0.0.1", "--workers", "2"], root, undefined, {
        ...common,
        ...settings,
      })
      const { said } = running
      await within(() => expect(said()).toContain(`ImgMigrator serves ${url}/api/v1.`))
      return running
    },
    /** Resolves with the migration once it has this status. */
    until: (id: unknown, status: string) =>
      within(async () => {
        const { body } = await ask(`/migrations/${id}`)
        expect(body.status, JSON.stringify(body)).toBe(status)
        return body
      }, 200_000),
    async close() {
      running?.child.kill("SIGKILL")
      await running?.ended
      await qstash.close()
      await dynamo.close()
    },
  }
}
export type Place = Awaited<ReturnType<typeof startPlace>>

/** As an operator does it: SIGTERM, and wait until what is in flight is booked. */
export async function stop({ child, ended }: Running): Promise<void> {
  child.kill("SIGTERM")
  expect((await ended).code).toBe(0)
}
