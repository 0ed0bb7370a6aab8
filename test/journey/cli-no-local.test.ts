import { expect, test, vi } from "vitest"
import { startDynamo } from "../support/dynamodb.ts"
import { newRoot, start } from "./cli-run.ts"

/* What `imgmigrator serve --no-local` says where it can't start. That it serves: test/outside/image.test.ts. */
vi.setConfig({ testTimeout: 240_000 })
const root = newRoot()

test("with nothing set, all that is missing is named at once", async () => {
  const nowhere = { AWS_CONFIG_FILE: "/dev/null", AWS_SHARED_CREDENTIALS_FILE: "/dev/null", AWS_REGION: "" }
  const credentials = { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "", AWS_EC2_METADATA_DISABLED: "true" }
  const ended = await start(["serve", "--no-local"], root, undefined, { ...nowhere, ...credentials }).ended
  expect(ended).toMatchObject({ code: 2, stdout: "" })
  const named = ended.stderr
    .split("\n")
    .flatMap((line) => /^(?:imgmigrator:)? *(\S.*) (?:is|are) not configured\. /.exec(line)?.[1] ?? [])
  expect(named).toEqual([
    "TABLE_NAME",
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "QSTASH_TOKEN",
    "QSTASH_CURRENT_SIGNING_KEY",
    "Webhook URL",
  ])
})

test("without its table it says how to make one", async () => {
  const dynamo = await startDynamo()
  const ended = await start(["serve", "--no-local"], root, undefined, {
    TABLE_NAME: "photos",
    AWS_ENDPOINT_URL_DYNAMODB: dynamo.endpoint,
    AWS_ACCESS_KEY_ID: "id",
    AWS_SECRET_ACCESS_KEY: "secret",
    AWS_REGION: "eu-central-1",
    QSTASH_TOKEN: "t",
    QSTASH_CURRENT_SIGNING_KEY: "current",
    BASE_URL: "https://imgmigrator.example.com",
  }).ended
  await dynamo.close()
  expect(ended).toMatchObject({ code: 2, stdout: "" })
  expect(ended.stderr).toMatch(
    /^imgmigrator: The DynamoDB table photos does not answer \(ResourceNotFoundException: .+\)\. Make it with: .+ --create-table\n$/,
  )
})
