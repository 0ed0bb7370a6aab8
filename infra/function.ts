import { settings } from "./settings.ts"
import { service } from "./stage.ts"

type Args = Pick<
  sst.aws.FunctionArgs,
  "handler" | "memory" | "timeout" | "link" | "environment" | "url" | "concurrency" | "description"
> & { readonly permissions: NonNullable<sst.aws.FunctionArgs["permissions"]> }

/** Celery is for services outside AWS: here QSTASH_TOKEN must be set, so what these import is never loaded. */
const brokers = ["celery-redis.ts", "celery-rabbitmq.ts"].map(
  (file) => `${$cli.paths.root}/packages/functions/src/dispatch/${file}`,
)

export type Lambda = { readonly fn: sst.aws.Function; readonly log: aws.cloudwatch.LogGroup }

/** A Lambda function as all of ours are: what it may do is what is written beside it, and writing its own log. */
export function lambda(name: string, { permissions, environment, ...args }: Args): Lambda {
  // Named by us, so that the role can be limited to it.
  const log = new aws.cloudwatch.LogGroup(`${name}Log`, {
    name: `/aws/lambda/${service}-${name}`,
    retentionInDays: 30,
  })
  const fn = new sst.aws.Function(name, {
    ...args,
    runtime: "nodejs24.x",
    architecture: "arm64",
    nodejs: {
      minify: true,
      esbuild: { external: brokers },
    },
    logging: { format: "json", logGroup: log.name },
    environment: {
      POWERTOOLS_SERVICE_NAME: service,
      ...(settings.LOG_LEVEL && { POWERTOOLS_LOG_LEVEL: settings.LOG_LEVEL }),
      ...environment,
    },
    permissions: $resolve([permissions]).apply(([given]) => [
      ...given,
      {
        actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
        resources: [$interpolate`${log.arn}:*`],
      },
      // X-Ray knows no resources (AWS: Actions defined by AWS X-Ray).
      ...(settings.TRACING
        ? [{ actions: ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], resources: ["*"] }]
        : []),
    ]),
    transform: {
      role: (role) => {
        // Instead of AWSLambdaBasicExecutionRole: all logs of the account.
        role.managedPolicyArns = []
        // SST 4.17.1 lets the whole account assume the role; `sst dev` needs that.
        if (!$dev)
          role.assumeRolePolicy = aws.iam.assumeRolePolicyForPrincipal({ Service: "lambda.amazonaws.com" })
        return undefined
      },
      function: (fn) => {
        fn.tracingConfig = { mode: settings.TRACING ? "Active" : "PassThrough" }
        return undefined
      },
    },
  })
  return { fn, log }
}
