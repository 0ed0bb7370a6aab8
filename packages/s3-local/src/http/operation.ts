import type { IncomingHttpHeaders } from "node:http"
import { refusal } from "../errors.ts"
import type { Target } from "./target.ts"

export const operations = [
  "ListBuckets",
  "CreateBucket",
  "HeadBucket",
  "DeleteBucket",
  "GetBucketLocation",
  "GetBucketVersioning",
  "ListObjects",
  "ListObjectsV2",
  "DeleteObjects",
  "ListMultipartUploads",
  "PutObject",
  "CopyObject",
  "GetObject",
  "HeadObject",
  "DeleteObject",
  "GetObjectAttributes",
  "GetObjectTagging",
  "PutObjectTagging",
  "DeleteObjectTagging",
  "CreateMultipartUpload",
  "UploadPart",
  "UploadPartCopy",
  "CompleteMultipartUpload",
  "AbortMultipartUpload",
  "ListParts",
] as const

export type Operation = (typeof operations)[number]

/** Query names that select something else than the plain operation (Amazon S3 API Reference, one page each). */
const subresources = [
  ...["accelerate", "acl", "analytics", "attributes", "cors", "delete", "encryption", "intelligent-tiering"],
  ...["inventory", "legal-hold", "lifecycle", "location", "logging", "metadataTable", "metrics"],
  ...["notification", "object-lock", "ownershipControls", "policy", "policyStatus", "publicAccessBlock"],
  ...["replication", "requestPayment", "restore", "retention", "select", "session", "tagging", "torrent"],
  ...["uploads", "versioning", "versions", "website"],
]

type Table = Readonly<Record<string, Operation>>

const onService: Table = { GET: "ListBuckets" }
const onBucket: Table = {
  GET: "ListObjects",
  HEAD: "HeadBucket",
  PUT: "CreateBucket",
  DELETE: "DeleteBucket",
  "GET location": "GetBucketLocation",
  "GET versioning": "GetBucketVersioning",
  "GET uploads": "ListMultipartUploads",
  "POST delete": "DeleteObjects",
}
const onObject: Table = {
  GET: "GetObject",
  HEAD: "HeadObject",
  PUT: "PutObject",
  DELETE: "DeleteObject",
  "GET attributes": "GetObjectAttributes",
  "GET tagging": "GetObjectTagging",
  "PUT tagging": "PutObjectTagging",
  "DELETE tagging": "DeleteObjectTagging",
  "POST uploads": "CreateMultipartUpload",
  "GET uploadId": "ListParts",
  "PUT uploadId": "UploadPart",
  "POST uploadId": "CompleteMultipartUpload",
  "DELETE uploadId": "AbortMultipartUpload",
}

/** What a request asks for; throws MethodNotAllowed or NotImplemented for what is none of the above. */
export function operationOf(method: string, target: Target, headers: IncomingHttpHeaders): Operation {
  const subresource = subresourceOf(target)
  const table = target.key !== undefined ? onObject : target.bucket !== undefined ? onBucket : onService
  const line = subresource === undefined ? method : `${method} ${subresource}`
  const operation = Object.hasOwn(table, line) ? table[line] : undefined
  if (operation) return refine(operation, target, headers)
  if (subresource === undefined || subresource === "uploadId") throw refusal("MethodNotAllowed")
  throw refusal("NotImplemented", "This subresource or method is not implemented.")
}

function subresourceOf({ query, key }: Target): string | undefined {
  if (query.size === 0) return undefined
  if (key !== undefined && query.has("uploadId")) return "uploadId"
  return subresources.find((name) => query.has(name))
}

function refine(operation: Operation, { query }: Target, headers: IncomingHttpHeaders): Operation {
  const copies = headers["x-amz-copy-source"] !== undefined
  if (operation === "ListObjects" && query.get("list-type") === "2") return "ListObjectsV2"
  if (operation === "PutObject" && copies) return "CopyObject"
  if (operation === "UploadPart" && copies) return "UploadPartCopy"
  return operation
}
