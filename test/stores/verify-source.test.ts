import { createHash } from "node:crypto"
import { verifySource } from "@imgmigrator/stores"
import { crc64Of } from "@imgmigrator/stores/crc64nvme"
import { expect, test } from "vitest"
import { startBench } from "./s3-support.ts"
import { bytesOf, put, sha256 } from "./store-contract.ts"

const bytes = Buffer.from("the bytes")
const md5 = createHash("md5").update(bytes).digest("base64")

test.for([
  ["sha256", sha256(bytes).toString("base64")],
  ["md5", md5],
  ["crc64nvme", crc64Of(bytes)],
] as const)("bytes are held to the source's %s", ([algorithm, value]) => {
  const promised = { algorithm, value, by: "source" } as const
  verifySource("a.jpg", promised, bytes, sha256(bytes))
  const other = Buffer.from("the bytez")
  expect(() => verifySource("a.jpg", promised, other, sha256(other))).toThrow("other bytes")
})

test.for([
  ["list", "source.checksum"],
  ["source", "source.corrupt"],
] as const)("whose promise was broken tells what is to be repaired: the %s's is %s", ([by, code]) => {
  const promised = { algorithm: "md5", value: md5, by } as const
  const other = Buffer.from("the bytez")
  expect(() => verifySource("a.jpg", promised, other, sha256(other))).toThrow(
    expect.objectContaining({ code }),
  )
})

test("without a checksum there is nothing to hold them to", () => {
  verifySource("a.jpg", undefined, bytes, sha256(bytes))
})

test("a bit that flips on the way from S3 is found", async () => {
  const bench = await startBench()
  const store = await bench.open("p/")
  await put(store, "a.jpg", bytes)
  bench.s3.faults.inject({ effect: { kind: "flip" }, when: ({ operation }) => operation === "GetObject" })
  const { facts, body } = await store.open({ key: "a.jpg" })
  body.destroy()
  bench.s3.faults.inject({ effect: { kind: "flip" }, when: ({ operation }) => operation === "GetObject" })
  const damaged = await bytesOf(store, { key: "a.jpg" })
  const promised = facts.checksum && ({ ...facts.checksum, by: "source" } as const)
  expect(() => verifySource("a.jpg", promised, damaged, sha256(damaged))).toThrow("other bytes")
  await bench.close()
})
