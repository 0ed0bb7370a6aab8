import { execFileSync } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { onTestFinished } from "vitest"

/** A certificate for localhost that nobody vouches for, and its key; gone when the test ends. */
export async function selfSigned() {
  const folder = await mkdtemp(join(tmpdir(), "imgmigrator-tls-"))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const certificate = join(folder, "certificate.pem")
  const key = join(folder, "key.pem")
  execFileSync(
    "openssl",
    [
      ...[
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
      ],
      ...[
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-keyout",
        key,
        "-out",
        certificate,
      ],
    ],
    { stdio: "ignore" },
  )
  return { certificate, key }
}
