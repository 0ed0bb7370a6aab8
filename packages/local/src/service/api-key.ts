import { createApiKey, findApiKey } from "@imgmigrator/functions/db/api-keys"
import { type Secrets, saveSecrets } from "../state/secrets.ts"

/** Whose migrations those of the command line are, in the local service. */
export const localUser = "local"

/** The key that the command line of this state folder uses; made again where the table does not know it. */
export async function localApiKey(folder: string, secrets: Secrets): Promise<string> {
  if (secrets.api_key && (await findApiKey(secrets.api_key))) return secrets.api_key
  const { key } = await createApiKey({ userId: localUser, name: "command line", at: Date.now() })
  saveSecrets(folder, { ...secrets, api_key: key })
  return key
}
