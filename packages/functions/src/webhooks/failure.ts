import { accept } from "@imgmigrator/core/fault"
import * as z from "zod"
import { log } from "../log.ts"
import { count } from "../metrics.ts"
import { parseJson } from "../middleware/request.ts"
import { publicRoute } from "../middleware/route.ts"
import { failurePath } from "./address.ts"
import { signedBytes } from "./signed.ts"

/** The parts that are looked at (Upstash docs: QStash > Callbacks). The bodies in it are not: they may be long. */
const Failure = z.object({
  status: z.int().optional(),
  retried: z.int().optional(),
  sourceMessageId: z.string().max(200).optional(),
  dlqId: z.string().max(200).optional(),
  sourceBody: z.base64().optional(),
})

/** The failed answer and the message ride along, base64: up to the plan's message size each. */
const bodyLimit = 5 * 1024 * 1024

/**
 * `POST /api/v1/webhooks/qstash/failure`: QStash, or Celery, gave a message up. Logged and counted, nothing else: the sweeper sees
 * from the state that a lane has work and nobody at it, and a second dispatcher would double every path.
 */
export const handler = publicRoute(async (event) => {
  const failure = accept(Failure, parseJson(signedBytes(event, failurePath, bodyLimit)), "delivery.failure")
  count("FailureCallbacks")
  log.error("message given up", {
    message_id: failure.sourceMessageId,
    dlq_id: failure.dlqId,
    status: failure.status,
    retried: failure.retried,
    ...idsIn(failure.sourceBody),
  })
  return { status: 200, body: { outcome: "done" } }
})

const Ids = z.object({
  migration_id: z.union([z.string().max(64), z.int()]),
  lane: z.int().optional(),
})

function idsIn(body = ""): Partial<z.infer<typeof Ids>> {
  try {
    return Ids.parse(JSON.parse(Buffer.from(body, "base64").toString()))
  } catch {
    return {}
  }
}
