import { createHash } from "node:crypto"

export const account = "123456789012"
export const region = "us-east-1"

type Values = Record<string, unknown>
type NewResource = {
  readonly type: string
  readonly name: string
  readonly inputs: Values
  readonly id?: string
}

/** What AWS would have said of a resource: its inputs, an id, an arn, and what only AWS knows. */
export function newResource({ type, name, inputs, id }: NewResource): { id: string; state: Values } {
  const named = typeof inputs.name === "string" ? inputs.name : name
  return { id: id || `${name}-id`, state: { ...inputs, name: named, ...answered(type, name, named) } }
}

function answered(type: string, logical: string, name: string): Values {
  switch (type) {
    case "aws:lambda/function:Function": {
      const arn = `arn:aws:lambda:${region}:${account}:function:${name}`
      const invokeArn = `arn:aws:apigateway:${region}:lambda:path/2015-03-31/functions/${arn}/invocations`
      return { arn, invokeArn, qualifiedArn: `${arn}:1`, version: "1", lastModified: "2026-11-01T00:00:00Z" }
    }
    case "aws:lambda/functionUrl:FunctionUrl":
      return { functionUrl: `https://${logical.toLowerCase()}.lambda-url.${region}.on.aws/` }
    case "aws:apigatewayv2/api:Api":
      return {
        apiEndpoint: `https://${logical.toLowerCase()}.execute-api.${region}.amazonaws.com`,
        executionArn: `arn:aws:execute-api:${region}:${account}:${logical.toLowerCase()}`,
      }
    case "aws:dynamodb/table:Table":
      return { arn: `arn:aws:dynamodb:${region}:${account}:table/${name}` }
    case "aws:cloudwatch/logGroup:LogGroup":
      return { arn: `arn:aws:logs:${region}:${account}:log-group:${name}` }
    case "aws:iam/role:Role":
      return { arn: `arn:aws:iam::${account}:role/${name}` }
    case "aws:sns/topic:Topic":
      return { arn: `arn:aws:sns:${region}:${account}:${name}` }
    case "random:index/randomBytes:RandomBytes": {
      const bytes = createHash("sha256").update(logical).digest()
      return { base64: bytes.toString("base64"), hex: bytes.toString("hex") }
    }
    default:
      return { arn: `arn:aws:${type.split(":")[1]?.split("/")[0]}:${region}:${account}:${name}` }
  }
}

type Call = { readonly token: string; readonly inputs: Values }

/** The provider functions that the program asks; another one is a failure to be seen, not a guess. */
export function call({ token, inputs }: Call): Values {
  switch (token) {
    case "aws:index/getRegion:getRegion":
      return { region, name: region, id: region }
    case "aws:index/getPartition:getPartition":
      return { partition: "aws", dnsSuffix: "amazonaws.com", id: "aws" }
    case "aws:index/getCallerIdentity:getCallerIdentity":
      return { accountId: account, arn: `arn:aws:iam::${account}:user/engineer`, id: account }
    case "aws:iam/getPolicyDocument:getPolicyDocument":
      return { ...inputs, json: JSON.stringify(policy(inputs)), id: "policy" }
    default:
      throw new Error(`the program asked AWS something new: ${token}`)
  }
}

/** IAM's JSON of a document (AWS: IAM JSON policy elements), as the provider writes it. */
function policy({ statements }: Values) {
  return {
    Version: "2012-10-17",
    Statement: list(statements).map((statement) => ({
      Effect: statement.effect ?? "Allow",
      Action: statement.actions,
      Resource: statement.resources,
      ...(statement.principals !== undefined && { Principal: principals(statement.principals) }),
      ...(list(statement.conditions).length > 0 && { Condition: conditions(statement.conditions) }),
    })),
  }
}

const list = (value: unknown): Values[] => (Array.isArray(value) ? value : [])

const principals = (value: unknown) =>
  Object.fromEntries(list(value).map(({ type, identifiers }) => [String(type), identifiers]))

function conditions(value: unknown) {
  const tests = Map.groupBy(list(value), ({ test }) => String(test))
  return Object.fromEntries(
    [...tests].map(([test, each]) => [
      test,
      Object.fromEntries(each.map(({ variable, values }) => [String(variable), values])),
    ]),
  )
}
