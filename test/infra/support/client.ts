import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { quickNode } from "../../support/node.ts"
import type { Deployment } from "./deployment.ts"
import type { Planned } from "./plan.ts"
import { shellEnvironment } from "./view.ts"

/** `npx sst shell -- npx imgmigrator …`: the links of the plan in the environment, and the engineer's own rights. */
export async function imgmigrator(
  plan: Planned,
  { dynamo }: Pick<Deployment, "dynamo">,
  ...args: readonly string[]
): Promise<string> {
  const cli = fileURLToPath(new URL("../../../packages/cli/bin/imgmigrator.js", import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [cli, ...args], {
    env: {
      PATH: process.env.PATH,
      ...quickNode(),
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "engineer",
      AWS_SECRET_ACCESS_KEY: "secret",
      AWS_ENDPOINT_URL_DYNAMODB: dynamo,
      ...shellEnvironment(plan),
    },
  })
  return stdout.trim()
}

export type Asked = { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> }

/** A request to the API, `GET /api/v1/…`; the answer's body parsed where it is JSON. */
export async function request({ api }: Pick<Deployment, "api">, route: string, { body, headers }: Asked) {
  const [method = "", path = ""] = route.split(" ")
  const answer = await fetch(api + path, {
    method,
    headers: { ...headers, "content-type": "application/json" },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  })
  const text = await answer.text()
  return { status: answer.status, body: text.startsWith("{") ? JSON.parse(text) : text }
}
