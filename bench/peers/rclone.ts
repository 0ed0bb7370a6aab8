import { type Run, timed } from "../measure.ts"

/** Debian's rclone, as its documentation sets it up for an S3-compatible server. */
const environment = {
  ...process.env,
  RCLONE_CONFIG: "/dev/null",
  AWS_CA_BUNDLE: undefined,
  AWS_ACCESS_KEY_ID: undefined,
  AWS_SECRET_ACCESS_KEY: undefined,
}

export type RcloneOptions = {
  readonly transfers: number
  /** rclone's own verification: default (hashes where the server has them), or off. */
  readonly checks: "default" | "off"
  /** How an unchanged re-run compares. */
  readonly compare?: readonly string[]
}

/** An rclone remote for a server, without a config file. A second name for the same server makes rclone stream. */
export const remote = (url: string, bucket: string): string =>
  `:s3,provider=Other,access_key_id=bench,secret_access_key=bench-secret,endpoint='${url}',list_version=2,no_check_bucket=true:${bucket}`

export const httpRemote = (url: string): string => `:http,url='${url}':`

export function rclone(
  source: string,
  destination: string,
  o: RcloneOptions,
  servers: readonly number[],
): Promise<Run> {
  const command = [
    "rclone",
    "copy",
    source,
    destination,
    `--transfers=${o.transfers}`,
    `--checkers=${o.transfers}`,
    "--fast-list",
    ...(o.checks === "off" ? ["--ignore-checksum", "--s3-disable-checksum", "--s3-no-head"] : []),
    ...(o.compare ?? []),
  ]
  return timed(command, servers, environment)
}
