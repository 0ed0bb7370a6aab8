import { brotliDecompressSync } from "node:zlib"

/** Settings whose values nobody may ever see. */
const secretNames = [
  "QSTASH_TOKEN",
  "QSTASH_CURRENT_SIGNING_KEY",
  "QSTASH_NEXT_SIGNING_KEY",
  "CELERY_SIGNING_KEY",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
]
/** Shorter ones would be found in innocent words. */
const least = 8

const known = new Set<string>()
const leaks: string[] = []

/** From now on this value must not stand in a log line, an answer of the API, or a row of the table. */
export function plant(secret: string): string {
  if (secret.length >= least) known.add(secret)
  return secret
}

/** What another file planted is that one's own. */
export function forget(): void {
  known.clear()
}

/** The secrets among the settings as they are now. */
export function plantSettings(): void {
  for (const name of secretNames) plant(process.env[name] ?? "")
  for (const [, value = ""] of (process.env.STORE_CREDENTIALS ?? "").matchAll(
    /"(?:secret_access_key|session_token)"\s*:\s*"([^"]+)"/g,
  ))
    plant(value)
  const [, password = ""] = /^\w+:\/\/[^:@/]*:([^@/]+)@/.exec(process.env.CELERY_BROKER_URL ?? "") ?? []
  plant(password)
}

/** Look for secrets in what can be seen. What is found fails the test (see secrets-setup.ts). */
export function scan(where: string, text: string): void {
  plantSettings()
  for (const secret of known)
    if (text.includes(secret)) leaks.push(`${where} has the secret ${secret}: ${text.slice(0, 500)}`)
}

/** What was found since the last time. */
export const takeLeaks = (): readonly string[] => leaks.splice(0)

type Attribute = { readonly S?: string; readonly B?: string; readonly M?: unknown; readonly L?: unknown }

/** Every row of a table, with what is packed in it. */
export async function scanTable(endpoint: string, TableName: string): Promise<void> {
  for (let start: unknown, more = true; more; ) {
    const answer = await fetch(endpoint, {
      method: "POST",
      headers: {
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": "DynamoDB_20120810.Scan",
        "x-amz-date": "20260101T000000Z",
        authorization:
          "AWS4-HMAC-SHA256 Credential=local/20260101/local/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
      },
      body: JSON.stringify({ TableName, ...(start !== undefined && { ExclusiveStartKey: start }) }),
    })
    const page = (await answer.json()) as { Items?: Record<string, Attribute>[]; LastEvaluatedKey?: unknown }
    if (!page.Items) throw new Error(`The table can't be read: ${answer.status} ${JSON.stringify(page)}`)
    for (const row of page.Items) {
      scan(`the row ${row.pk?.S} ${row.sk?.S}`, JSON.stringify(row))
      for (const { B } of Object.values(row))
        if (B) scan(`the blob of ${row.pk?.S} ${row.sk?.S}`, unpacked(B))
    }
    start = page.LastEvaluatedKey
    more = start !== undefined
  }
}

/** The text of a blob (packages/functions/src/db/pack.ts); nothing of one that has none. */
function unpacked(base64: string): string {
  const bytes = Buffer.from(base64, "base64")
  try {
    return brotliDecompressSync(bytes.subarray(4, 4 + bytes.readUInt32BE())).toString()
  } catch {
    return ""
  }
}
