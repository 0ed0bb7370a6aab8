import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as z from "zod"

/** Who owns a state folder, and how to reach it. `url`, `api_key` and `dynamodb` are there once it answers. */
export const Owner = z.object({
  pid: z.int(),
  /** What it was started as: `serve` or `migrate`. */
  command: z.string(),
  /** Does it move migrations, or only answer for a moment (`imgmigrator list`)? */
  works: z.boolean(),
  started_at: z.iso.datetime(),
  url: z.url().optional(),
  api_key: z.string().optional(),
  /** The DynamoDB endpoint that it started, if it started one. */
  dynamodb: z.url().optional(),
})
export type Owner = z.infer<typeof Owner>

const path = (folder: string) => join(folder, "owner.json")

/** Only the holder of the lock writes it. It holds an API key: for this user's eyes only. */
export function writeOwner(folder: string, owner: Owner): void {
  writeFileSync(`${path(folder)}.new`, `${JSON.stringify(owner)}\n`, { mode: 0o600 })
  renameSync(`${path(folder)}.new`, path(folder))
}

/** A killed owner leaves its file behind: believe it only while somebody holds the lock. */
export function readOwner(folder: string): Owner | undefined {
  try {
    return Owner.parse(JSON.parse(readFileSync(path(folder), "utf8")))
  } catch {
    return undefined
  }
}

export const removeOwner = (folder: string): void => rmSync(path(folder), { force: true })
