import { randomBytes } from "node:crypto"
import { Crc64Nvme } from "@aws-sdk/crc64-nvme"
import { combine, crc64, crc64Of } from "@imgmigrator/stores/crc64nvme"
import { expect, test } from "vitest"

async function oracle(bytes: Uint8Array): Promise<string> {
  const crc = new Crc64Nvme()
  crc.update(bytes)
  return Buffer.from(await crc.digest()).toString("base64")
}

test("the check value of the standard", () => {
  expect(Buffer.from(crc64Of(Buffer.from("123456789")), "base64").toString("hex")).toBe("ae8b14860a799888")
})

test.for([0, 1, 7, 8, 15, 16, 17, 31, 100, 65_535, 65_536, 262_143, 262_144, 262_145, 1_000_003])(
  "%i bytes have the CRC that AWS's own code computes",
  async (length) => {
    const bytes = randomBytes(length)
    expect(crc64Of(bytes)).toBe(await oracle(bytes))
  },
)

test("pieces of any length give the CRC of the whole, updated or combined", async () => {
  const whole = randomBytes(300_000)
  for (let run = 0; run < 50; run++) {
    const cuts = [...randomBytes(9)]
      .map((byte) => Math.floor((byte / 256) * whole.length))
      .sort((a, b) => a - b)
    const pieces = [0, ...cuts].map((from, index) => whole.subarray(from, cuts[index] ?? whole.length))
    const running = crc64()
    for (const piece of pieces) running.update(piece)
    expect(running.digest()).toBe(crc64Of(whole))
    expect(combine(pieces.map((piece) => ({ crc: crc64Of(piece), size: piece.length })))).toBe(crc64Of(whole))
  }
})

test("a part of more than 4 GiB is combined without overflow", () => {
  const [a, b] = [crc64Of(Buffer.from("a")), crc64Of(Buffer.from("b"))]
  const size = 5 * 1024 ** 3
  const once = combine([
    { crc: a, size: 1 },
    { crc: b, size },
  ])
  const zeros = crc64Of(Buffer.alloc(0))
  const half = combine([
    { crc: a, size: 1 },
    { crc: zeros, size: size / 2 },
  ])
  expect(
    combine([
      { crc: half, size: 1 },
      { crc: b, size: size / 2 },
    ]),
  ).toBe(once)
})
