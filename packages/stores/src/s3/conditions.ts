import { Fault } from "@imgmigrator/core/fault"
import { quoted } from "@imgmigrator/core/outcome"
import type { Precondition } from "../store.ts"
import type { Client } from "./client.ts"
import { probeWrite } from "./probe.ts"
import { statObject } from "./read.ts"

/** What was found out about servers, for as long as this process lives. */
const found = new Map<string, Promise<boolean>>()

export type Conditions = ReturnType<typeof conditionsOf>

/**
 * Does the server look at preconditions? AWS does (Amazon S3 User Guide: Conditional writes); others are asked once.
 * Where one does not, a stat before the write takes their place, which leaves a moment between the two.
 */
export function conditionsOf(client: Client) {
  const place = `${client.endpoint.origin} ${client.ref.bucket}`
  let known = client.endpoint.isAws ? true : undefined

  async function learn(signal?: AbortSignal): Promise<boolean> {
    const asking = found.get(place) ?? probeWrite(client, signal ? { signal } : {})
    found.set(place, asking)
    try {
      known = await asking
      return known
    } catch (error) {
      found.delete(place)
      throw error
    }
  }

  return {
    /** Until it is known, the best is assumed. */
    get honoured() {
      return known ?? true
    },
    /** Ask now, whatever is known: for a probe. */
    async probe(signal?: AbortSignal) {
      found.delete(place)
      await learn(signal)
    },
    /** The headers for a write; or, without their help, Fault `conflict destination.changed` where it does not hold. */
    async headers(
      key: string,
      precondition: Precondition | undefined,
      signal?: AbortSignal,
    ): Promise<readonly string[]> {
      if (!precondition) return []
      if (known ?? (await learn(signal))) return conditionHeaders(precondition)
      const facts = await statObject(client, key, signal ? { signal } : {})
      const holds = "absent" in precondition ? !facts : facts?.etag === precondition.etag
      if (holds) return []
      throw new Fault(
        "conflict",
        "destination.changed",
        `${quoted(key)} is not as it was when this was planned.`,
      )
    },
  }
}

const conditionHeaders = (precondition: Precondition) =>
  "absent" in precondition ? ["if-none-match", "*"] : ["if-match", `"${precondition.etag}"`]
