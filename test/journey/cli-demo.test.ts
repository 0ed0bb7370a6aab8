import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { expect, test, vi } from "vitest"
import { libraryFiles } from "../support/library.ts"
import { newRoot } from "./cli-run.ts"

vi.setConfig({ testTimeout: 240_000 })
const folder = newRoot()

async function demo() {
  const child = spawn(process.execPath, [join(import.meta.dirname, "../demo/main.ts"), folder], {
    stdio: ["ignore", "pipe", "pipe"],
  })
  let said = ""
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text
    })
  const [code] = await once(child, "close")
  return { code, said }
}

test("the demo moves the library into a bucket and verifies it; a second one finds everything there", async () => {
  const first = await demo()
  expect(first.code, first.said).toBe(0)
  expect(first.said).toContain(`${libraryFiles.length} images moved and verified.`)
  expect(first.said.match(/^migrated .* sha256 \S+… by store /gm)).toHaveLength(libraryFiles.length)
  expect(first.said).toContain(
    `all ${libraryFiles.length} objects have the SHA-256, type and date of their files`,
  )

  const second = await demo()
  expect(second.code, second.said).toBe(0)
  expect(second.said).toContain(
    `Everything was already there: ${libraryFiles.length} images, nothing to copy.`,
  )
})
