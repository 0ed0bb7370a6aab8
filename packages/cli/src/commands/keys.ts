import { misused, readArguments } from "../arguments.ts"
import { stateDirOf } from "../connect.ts"
import { plain } from "../show/format.ts"
import { out } from "../terminal.ts"
import type { Command } from "./command.ts"

const options = {
  user: { type: "string" },
  name: { type: "string" },
  prefix: { type: "string", multiple: true },
  state: { type: "string" },
  "no-local": { type: "boolean" },
} as const

export const keys: Command = {
  usage: "keys create|list|revoke --user USER [options]",
  summary: "make, list and revoke API keys",
  help: `  keys create --user USER [--name NAME] [--prefix URI]…   the key is printed once, and stored as a hash
  keys list   --user USER
  keys revoke --user USER <key id>

  --prefix URI       the key may name only stores under this one (may be repeated)
  --state DIR        the local service's folder (default .imgmigrator)
  --no-local         the table in AWS that the settings name (TABLE_NAME, AWS_*); under \`sst shell\` it is the
                     stage's table anyway`,
  async run(args) {
    const [action = "", ...rest] = args
    const run = actions[action]
    if (!run)
      throw misused(action ? `There is no keys ${plain(action)}.` : "<create|list|revoke> is missing.")
    const { values, positionals } = readArguments(rest, options, action === "revoke" ? ["key id"] : [])
    if (!values.user) throw misused("--user is missing.")
    if (values["no-local"] && values.state !== undefined) throw misused("--state is for the local service.")
    const { openTable } = await import("@imgmigrator/local/service/open-table")
    const close = isElsewhere(values) ? async () => {} : await openTable(stateDirOf(values))
    try {
      await run({ ...values, user: values.user, keyId: positionals[0] ?? "" })
      return 0
    } finally {
      await close()
    }
  },
}

/** Under `sst shell` a key is for the stage that it was opened for, not for a folder that lies about. */
const isElsewhere = (values: { readonly "no-local"?: boolean; readonly state?: string }) =>
  values["no-local"] || (values.state === undefined && Boolean(process.env.SST_RESOURCE_Table))

const db = () => import("@imgmigrator/functions/db/api-keys")

type Asked = {
  readonly user: string
  readonly name?: string | undefined
  readonly prefix?: readonly string[] | undefined
  readonly keyId: string
}

const actions: Readonly<Record<string, (asked: Asked) => Promise<void>>> = {
  async create({ user, name, prefix }) {
    const { createApiKey } = await db()
    const { key } = await createApiKey({
      userId: user,
      at: Date.now(),
      ...(name !== undefined && { name }),
      ...(prefix !== undefined && { prefixes: prefix }),
    })
    out(key)
  },
  async list({ user }) {
    const { listApiKeys } = await db()
    for (const { key_id, name = "", created_at, prefixes = [] } of await listApiKeys(user))
      out([key_id, created_at, plain(name), ...prefixes.map(plain)].join("  ").trimEnd())
  },
  async revoke({ user, keyId }) {
    const { revokeApiKey } = await db()
    await revokeApiKey(user, keyId)
    out(`${keyId} is revoked.`)
  },
}
