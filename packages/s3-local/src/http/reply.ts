import type { Auth } from "../auth/authenticate.ts"
import type { PageFault } from "../faults/effects.ts"
import type { Blob } from "../store/records.ts"
import { element } from "../xml.ts"
import type { Incoming } from "./incoming.ts"
import type { Operation } from "./operation.ts"

export type Headers = Readonly<Record<string, string | number | undefined>>

/** Bytes of an object, from `start` to before `end`. The reply holds a reference to the blobs until it was sent. */
export type Content = { readonly blobs: readonly Blob[]; readonly start: number; readonly end: number }

export type Reply = {
  readonly status: number
  readonly headers?: Headers
  /** An XML document. */
  readonly body?: string
  readonly content?: Content
}

/** One request on its way through an operation, signed and well-formed. */
export type Call = {
  readonly operation: Operation
  readonly incoming: Incoming
  readonly auth: Auth
  readonly bucket: string
  readonly key: string
  /** A fault to be done to a page of a listing. */
  readonly page?: PageFault
}

export const ok = (body: string, headers?: Headers): Reply => ({
  status: 200,
  body,
  ...(headers && { headers }),
})
export const noContent: Reply = { status: 204 }

/** Whoever owns everything here. */
export const ownerId = "0".repeat(64)
export const ownerAccount = "000000000000"
export const ownerXml = (name: "Owner" | "Initiator" = "Owner") =>
  element(name, element("ID", ownerId), element("DisplayName", "local"))
