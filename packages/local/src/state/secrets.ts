import { randomBytes } from "node:crypto"
import { readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as z from "zod"

/** What the service of one state folder keeps to itself. Random, made once, readable by this user only. */
export const Secrets = z.object({
  qstash_token: z.string().min(1),
  current_signing_key: z.string().min(1),
  next_signing_key: z.string().min(1),
  api_key: z.string().optional(),
})
export type Secrets = z.infer<typeof Secrets>

/** The folder's secrets; made if it has none. A damaged file is made anew: nothing stored depends on it. */
export function secretsOf(folder: string): Secrets {
  const stored = read(folder)
  if (stored) return stored
  const made: Secrets = {
    qstash_token: random(),
    current_signing_key: `sig_${random()}`,
    next_signing_key: `sig_${random()}`,
  }
  saveSecrets(folder, made)
  return made
}

export function saveSecrets(folder: string, secrets: Secrets): void {
  const path = join(folder, "secrets.json")
  writeFileSync(`${path}.new`, `${JSON.stringify(secrets)}\n`, { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

function read(folder: string): Secrets | undefined {
  try {
    return Secrets.parse(JSON.parse(readFileSync(join(folder, "secrets.json"), "utf8")))
  } catch {
    return undefined
  }
}

const random = () => randomBytes(24).toString("base64url")
