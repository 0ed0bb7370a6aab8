import { isRefusal, type Refusal, refusal } from "../errors.ts"
import { errorDocument, leaf } from "../xml.ts"
import type { Reply } from "./reply.ts"

export type Asked = { readonly method: string; readonly path: string; readonly requestId: string }

/** S3's answer to a failure: its XML. HEAD has no body, only the status. */
export function errorReply(error: unknown, asked: Asked): Reply {
  const known = isRefusal(error) ? error : refusal("InternalError")
  const headers = known.detail.Region === undefined ? {} : { "x-amz-bucket-region": known.detail.Region }
  if (asked.method === "HEAD") return { status: known.status, headers }
  return { status: known.status, headers, body: errorXml(known, asked) }
}

export function errorXml({ code, message, detail }: Refusal, { path, requestId }: Asked): string {
  const details = Object.entries(detail).map(([name, value]) => leaf(name, value))
  return errorDocument(
    leaf("Code", code),
    leaf("Message", message),
    ...details,
    leaf("Resource", path),
    leaf("RequestId", requestId),
    leaf("HostId", requestId),
  )
}
