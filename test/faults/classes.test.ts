import { readFileSync } from "node:fs"
import { Fault, failureClass } from "@imgmigrator/core/fault"
import { expect, test } from "vitest"
import { fileFault } from "../../packages/stores/src/file/faults.ts"
import { transportFault } from "../../packages/stores/src/http/faults.ts"
import { type About, s3Fault } from "../../packages/stores/src/s3/faults.ts"
import { ofItem, ofStore, wrongRegion } from "../../packages/stores/src/s3/meanings.ts"
import { statusFault } from "../../packages/stores/src/urls/fetch.ts"

/** The page's word on each code. */
const page = readFileSync(new URL("../../docs/problems.md", import.meta.url), "utf8")
const classes = new Map(
  [...page.matchAll(/^\| (`[^|]*`) \| ([^|]*) \|/gm)].flatMap(([, codes = "", word = ""]) =>
    [...codes.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => [code, word.split(", ")] as const),
  ),
)

const faults: readonly (readonly [how: string, fault: unknown])[] = [
  ...(["source", "destination", "store"] as const).flatMap((side) =>
    fromS3({ side, what: "it", store: "s3://b" }),
  ),
  ...(["source", "destination"] as const).flatMap(fromDisk),
  ...[400, 401, 403, 404, 408, 410, 412, 425, 429, 500, 503].map(
    (status) => [`HTTP ${status}`, statusFault({ status, headers: {} }, "https://host/")] as const,
  ),
  ...[
    "ENOTFOUND",
    "ECONNREFUSED",
    "UND_ERR_CONNECT_TIMEOUT",
    "ECONNRESET",
    "UND_ERR_BODY_TIMEOUT",
    "CERT_HAS_EXPIRED",
  ].flatMap((code) => [
    [`S3 ${code}`, transportFault(broken(code), "store.unreachable", "it", "store")] as const,
    [`HTTP ${code}`, transportFault(broken(code), "source.unreachable", "it")] as const,
  ]),
]

function fromS3(about: About) {
  const item = Object.keys(ofItem)
  const codes =
    about.side === "store"
      ? ["AccessDenied", "SlowDown", "InternalError"]
      : [...item, "NoSuchUpload", "PreconditionFailed"]
  const refused = [...codes, ...Object.keys(ofStore), ...wrongRegion].map((code) => ({ status: 400, code }))
  const bare = [301, 400, 401, 403, 429, 500, 503, 507].map((status) => ({ status, code: "" }))
  return [...refused, ...bare].map(
    (refusal) => [`${about.side} ${refusal.code || refusal.status}`, s3Fault(refusal, about)] as const,
  )
}

function fromDisk(side: "source" | "destination") {
  const codes =
    "ENOENT EACCES EPERM EROFS ENOSPC EDQUOT EFBIG EMFILE ENFILE ENOMEM EBUSY EAGAIN ESTALE EIO ENAMETOOLONG EILSEQ EINVAL ELOOP ENXIO ENOTDIR EISDIR"
  return codes.split(" ").map((code) => [`${side} ${code}`, fileFault(broken(code), side, "it")] as const)
}

function broken(code: string) {
  return Object.assign(new Error(code), { code })
}

test("whatever a store, a disk or a network answers is a Fault whose class is the one on the page of problems", () => {
  const wrong = faults.flatMap(([how, fault]) => {
    if (!(fault instanceof Fault)) return [`${how} is no Fault`]
    const word = classes.get(fault.code)
    return word?.includes(failureClass(fault))
      ? []
      : [`${how}: ${fault.code} is ${failureClass(fault)}, not ${word}`]
  })
  expect(wrong).toEqual([])
})

test("all five classes are among them, and what is no Fault is a bug", () => {
  const found = new Set(faults.map(([, fault]) => failureClass(fault)))
  expect([...found, failureClass(new Error("unforeseen"))].toSorted()).toEqual([
    "bug",
    "chunk-transient",
    "item-permanent",
    "item-transient",
    "migration-fatal",
  ])
})
