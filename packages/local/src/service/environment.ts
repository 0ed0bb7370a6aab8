import type { Secrets } from "../state/secrets.ts"

export type LocalAddresses = {
  readonly dynamodb: string
  readonly gateway: string
  /** Absent where nothing is to be delivered. */
  readonly qstash?: string | undefined
}

/** How to reach the table. It leaves AWS_* credentials and regions alone: those are for the user's stores. */
export const tableEnvironment = (dynamodb: string): Record<string, string> => ({
  IMGMIGRATOR_DYNAMODB_DUMMY: "1",
  AWS_ENDPOINT_URL_DYNAMODB: dynamodb,
  TABLE_NAME: "imgmigrator",
})

/** What handlers and workers read from their environment in the local service. */
export function localEnvironment(
  secrets: Secrets,
  { dynamodb, gateway, qstash }: LocalAddresses,
  workers: number,
): Record<string, string> {
  return {
    IMGMIGRATOR_LOCAL: "1",
    ...tableEnvironment(dynamodb),
    BASE_URL: gateway,
    // Nobody listens on the discard port: a service that does not deliver publishes nowhere.
    QSTASH_URL: qstash ?? "http://127.0.0.1:9",
    QSTASH_TOKEN: secrets.qstash_token,
    QSTASH_CURRENT_SIGNING_KEY: secrets.current_signing_key,
    QSTASH_NEXT_SIGNING_KEY: secrets.next_signing_key,
    QSTASH_DEV: "",
    QSTASH_PLAN: "payg",
    // More deliveries at once than workers would only wait in line.
    WORKER_CONCURRENCY: String(workers),
  }
}

/** Set these in this process's environment. Returns how to put back what was there. */
export function enter(variables: Readonly<Record<string, string>>): () => void {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const)
  Object.assign(process.env, variables)
  return () => {
    for (const [name, value] of before)
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
  }
}
