import { execFileSync } from "node:child_process"
import { join } from "node:path"

/** A certificate for localhost that nobody vouches for, and its key, as files in this folder. */
export function selfSigned(folder: string) {
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
