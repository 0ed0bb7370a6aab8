import { expect, test } from "vitest"
import * as z from "zod"
import { type Deployment, deploy } from "./support/deployment.ts"
import { patience, production } from "./support/stages.ts"

test("signing keys are rotated without a delivery refused, if both are set before the next rotation", {
  timeout: patience,
}, async () => {
  const deployment = await deploy(await production())
  try {
    await rotateThrice(deployment)
  } finally {
    await deployment.close()
  }
})

/** Believed, and looked for: there is no such migration. */
const read = "migration.missing"

async function rotateThrice({ lambda, qstash, setSecrets, webhook }: Deployment) {
  const secrets = (current: string, next: string) =>
    setSecrets("MigrationWorker", {
      QSTASH_CURRENT_SIGNING_KEY: current,
      QSTASH_NEXT_SIGNING_KEY: next,
    })
  const authorization = `Bearer ${qstash.token}`
  const deliver = async () => {
    const answer = await fetch(`${qstash.url}/v2/publish/${webhook}`, {
      method: "POST",
      headers: { authorization, "upstash-retries": "0", "content-type": "application/json" },
      body: JSON.stringify({ migration_id: "mig_of_nobody", user_id: "ana" }),
    })
    const { messageId } = z.object({ messageId: z.string() }).parse(await answer.json())
    await qstash.idle()
    const Line = z.object({ failure: z.object({ code: z.string() }), message_id: z.literal(messageId) })
    const lines = (await lambda("MigrationWorker")).lines()
    return lines.flatMap((line) => Line.safeParse(line).data?.failure.code ?? []).join()
  }
  const rotate = async () => {
    const answer = await fetch(`${qstash.url}/v2/keys/rotate`, { method: "POST", headers: { authorization } })
    return z.object({ current: z.string(), next: z.string() }).parse(await answer.json())
  }

  await secrets("sig_current", qstash.nextSigningKey)
  expect(await deliver()).toBe(read)
  const rotated = await rotate()
  expect(await deliver()).toBe(read)
  await secrets(rotated.current, rotated.next)
  expect(await deliver()).toBe(read)
  await rotate()
  expect(await deliver()).toBe(read)
  // The runbook's case: rotated once more, and nothing was deployed in between.
  await rotate()
  expect(await deliver()).toBe("delivery.signature")
}
