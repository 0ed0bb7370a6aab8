import { Fault } from "@imgmigrator/core/fault"
import { parseStoreRef } from "@imgmigrator/core/store-ref"
import { problemReply } from "@imgmigrator/functions/middleware/problem"
import * as z from "zod"
import type { Invocation } from "../gateway/invoke.ts"
import { refuseStateInside } from "../state/place.ts"

const Creation = z.object({ body: z.string(), isBase64Encoded: z.boolean() })
const Body = z.object({ source: z.unknown() })

/**
 * The answer to a request for a migration whose source holds the service's own state folder. `undefined` for any
 * other, also for one that is not understood: the handler has the better words for that.
 */
export function refusalOf(event: unknown, stateDir: string): Invocation | undefined {
  try {
    const { body, isBase64Encoded } = Creation.parse(event)
    const text = Buffer.from(body, isBase64Encoded ? "base64" : "utf8").toString()
    const source = parseStoreRef(Body.parse(JSON.parse(text)).source)
    if (source.type === "file") refuseStateInside(source.path, stateDir)
    return undefined
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "state.in_source") return undefined
    return { result: problemReply(error) }
  }
}
