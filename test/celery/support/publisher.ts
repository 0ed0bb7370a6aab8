import { createHash } from "node:crypto"
import { Fault } from "@imgmigrator/core/fault"
import { celeryDispatcher } from "../../../packages/functions/src/dispatch/celery.ts"
import { parseBroker } from "../../../packages/functions/src/dispatch/celery-broker.ts"
import { taskOf } from "../../../packages/functions/src/dispatch/celery-message.ts"
import { withSink } from "../../../packages/functions/src/dispatch/celery-sink.ts"

export const queue = "imgmigrator"
export const idOf = (text: string) => createHash("sha256").update(text).digest("hex")

/** Publish as the service does: to this broker, a message for lane 0 of this migration. Returns the task's id. */
export async function publish(
  url: string,
  migration: string,
  options: { delaySeconds?: number; id?: string } = {},
) {
  const { id = migration, ...delay } = options
  const { messageId } = await celeryDispatcher({ broker: parseBroker(url), queue }).publish(
    { migration_id: migration, user_id: "ana", lane: 0 },
    { deduplicationId: idOf(id), ...delay },
  )
  return messageId
}

/** The same as if it had been published at another time. */
export async function publishAt(url: string, migration: string, at: number) {
  const message = { migration_id: migration, user_id: "ana", lane: 0 }
  const task = taskOf({ message, deduplicationId: idOf(migration), at })
  await withSink(parseBroker(url), 5_000, (sink) => sink.send(queue, task))
  return task.id
}

export async function faultOf(run: Promise<unknown>): Promise<Fault> {
  const error = await run.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof Fault) return error
  throw new Error(`no Fault: ${error}`)
}
