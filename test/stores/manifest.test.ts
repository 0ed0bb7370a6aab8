import { randomBytes } from "node:crypto"
import type { Fault } from "@imgmigrator/core/fault"
import { validateManifest } from "@imgmigrator/stores"
import { readCells } from "@imgmigrator/stores/urls/cells"
import { seenBefore } from "@imgmigrator/stores/urls/seen"
import { parse } from "csv-parse/sync"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type Host, openList, openUrls, startHost } from "./http-support.ts"

let host: Host
beforeAll(async () => {
  host = await startHost()
})
afterAll(() => host.close())

async function validate(text: string) {
  host.file("/l", Buffer.from(text))
  const store = await openList(`${host.url}/l`, "csv")
  try {
    return await validateManifest(store)
  } catch (error) {
    return error as Fault
  } finally {
    await store.close()
  }
}

test("a good list is counted", async () => {
  expect(await validate("url,name\nhttps://h.example/a,x\nhttps://h.example/b,y\n")).toEqual({ items: 2 })
})

test("trap 10: two lines for one destination are named, both", async () => {
  const lines = Array.from(
    { length: 3000 },
    (_, index) => `https://h.example/${index},photos/${index === 2500 ? 7 : index}.jpg`,
  )
  const fault = await validate(`url,name\n${lines.join("\n")}\n`)
  expect(fault).toMatchObject({ kind: "invalid", code: "manifest.duplicate", scope: "store" })
  expect(fault).toMatchObject({ message: expect.stringContaining("Lines 9 and 2502 of the list") })
})

test("a bad line anywhere is found before anything is handed out, and an empty list is no list", async () => {
  const lines = Array.from({ length: 5000 }, (_, index) =>
    index === 4321 ? "nowhere" : `https://h.example/${index}`,
  )
  expect(await validate(lines.join("\n"))).toMatchObject({
    code: "manifest.line",
    message: expect.stringContaining("Line 4322 "),
  })
  expect(await validate("url,name\n")).toMatchObject({
    kind: "invalid",
    code: "manifest.empty",
    scope: "store",
  })
  expect(await validate("\n")).toMatchObject({ code: "manifest.empty" })
})

test("inline addresses are held to the same", async () => {
  const store = await openUrls([
    { url: "https://h.example/a", name: "x" },
    { url: "https://h.example/b", name: "x" },
  ])
  await expect(validateManifest(store)).rejects.toMatchObject({ code: "manifest.duplicate" })
  await store.close()
})

test("a name that fails anyway is no duplicate", async () => {
  expect(await validate("url,name\nhttps://h.example/a,../x\nhttps://h.example/b,../x\n")).toEqual({
    items: 2,
  })
})

test("a set of a hundred thousand names forgets none and takes none for another", () => {
  const seen = seenBefore()
  const keys = Array.from({ length: 100_000 }, (_, index) => `photos/2024/IMG_${index}.jpg`)
  expect(keys.filter((key) => seen(key))).toEqual([])
  expect(keys.every((key) => seen(key))).toBe(true)
})

test("cells are read as csv-parse reads them", () => {
  const pieces = ["a", "é", "", " ", "x y", '"', '""', "'", ",", "\n", ";", "\t"]
  for (let run = 0; run < 600; run++) {
    const cells = Array.from({ length: 1 + (run % 4) }, () =>
      [...randomBytes(3)].map((byte) => pieces[byte % pieces.length]).join(""),
    )
    const quoted = cells.map((cell) =>
      /[",\n]/.test(cell) || run % 3 === 0 ? `"${cell.replaceAll('"', '""')}"` : cell,
    )
    const line = quoted.join(",")
    if (line === "") continue
    expect(readCells(line, ",")).toEqual(parse(line, { record_delimiter: "\r\r" })[0])
  }
})
