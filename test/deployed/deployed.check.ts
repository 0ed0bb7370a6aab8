/// <reference path="../../sst-env.d.ts" />
import { randomUUID } from "node:crypto"
import { setTimeout as sleep } from "node:timers/promises"
import { DeleteObjectsCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3"
import { Resource } from "sst"
import { afterAll, beforeAll, expect, test } from "vitest"
import * as z from "zod"
import { createApiKey, revokeApiKey } from "../../packages/functions/src/db/api-keys.ts"
import { webhookPath } from "../../packages/functions/src/webhooks/address.ts"
import { libraryFiles } from "./images.ts"

// For an engineer to run against a stage that was just deployed. `npm test` does not run it, and nobody has run it here,
// where no AWS account is at hand:
//
//     npx sst shell --stage production -- npx vitest run --config test/deployed/vitest.config.ts
//
// It works in the first bucket of IMAGE_BUCKETS, under `imgmigrator-check/`, and cleans up after itself.
const userId = `check-${randomUUID().slice(0, 8)}`
const folder = `imgmigrator-check/${userId}`
const bucket = (process.env.IMAGE_BUCKETS ?? "").split(/[\s,]+/)[0] ?? ""
const s3 = new S3Client({})

let key: { readonly key: string; readonly keyId: string }
beforeAll(async () => {
  key = await createApiKey({ userId, name: "deployed check", at: Date.now() })
})
afterAll(async () => {
  await revokeApiKey(userId, key.keyId)
  if (bucket) await empty()
})

async function empty() {
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: `${folder}/` }))
  const Objects = Contents.flatMap(({ Key }) => (Key ? [{ Key }] : []))
  if (Objects.length > 0) await s3.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects } }))
}

const Migration = z.looseObject({
  id: z.string(),
  status: z.string(),
  totals: z.record(z.string(), z.number()),
})

async function ask(method: string, path: string, body?: unknown, authorization = `Bearer ${key.key}`) {
  const answer = await fetch(new URL(`/api/v1${path}`, Resource.Api.url), {
    method,
    headers: { ...(authorization && { authorization }), "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const answered: unknown = await answer.json()
  return { status: answer.status, body: answered }
}

test("health: QStash delivers, and no setting is missing", async () => {
  expect(await ask("GET", "/health")).toMatchObject({
    status: 200,
    body: { status: "ok", dispatcher: { kind: "qstash" }, misconfigured: [] },
  })
})

test("without a key nobody gets in, and a wrong one is refused", async () => {
  expect(await ask("GET", "/migrations", undefined, "")).toMatchObject({ status: 401 })
  expect(await ask("GET", "/migrations", undefined, "Bearer img_wrong")).toMatchObject({ status: 403 })
})

test("both doors for deliveries refuse what QStash did not sign", async () => {
  for (const base of [Resource.Worker.url, Resource.Api.url]) {
    const answer = await fetch(new URL(webhookPath, base), { method: "POST", body: "{}" })
    expect([base, answer.status]).toEqual([base, 401])
  }
})

test("a small library arrives, through QStash, as the worker's role", async () => {
  expect(bucket, "set IMAGE_BUCKETS as for the deployment").not.toBe("")
  for (const [name, Body] of libraryFiles)
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: `${folder}/source/${name}`, Body }))

  const created = await ask("POST", "/migrations", {
    source: `s3://${bucket}/${folder}/source`,
    destination: `s3://${bucket}/${folder}/destination`,
  })
  expect(created.status).toBe(201)
  let migration = Migration.parse(created.body)
  while (["pending", "running"].includes(migration.status)) {
    await sleep(1_000)
    migration = Migration.parse((await ask("GET", `/migrations/${migration.id}`)).body)
  }
  expect(migration).toMatchObject({ status: "completed", totals: { discovered: 3, migrated: 3, failed: 0 } })
  expect(await ask("GET", `/migrations/${migration.id}/report`)).toMatchObject({ status: 200 })
})
