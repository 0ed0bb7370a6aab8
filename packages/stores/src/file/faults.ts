import { Fault, type Kind, type Scope } from "@imgmigrator/core/fault"

/** Read or written, which decides how a fault is called. */
export type Side = "source" | "destination"

type Meaning = readonly [kind: Kind, code: string, text: string, scope?: Scope]

const meanings: Readonly<Record<string, Meaning>> = {
  ENOENT: ["missing", "missing", "is not there"],
  EACCES: ["denied", "denied", "may not be used: permission denied"],
  EPERM: ["denied", "denied", "may not be used: operation not permitted"],
  EROFS: ["denied", "read_only", "lies on a read-only file system", "store"],
  ENOSPC: [
    "conflict",
    "full",
    "can't be written: no space is left on the disk; free some and resume",
    "store",
  ],
  EDQUOT: ["conflict", "full", "can't be written: the disk quota is used up; free some and resume", "store"],
  EFBIG: ["too_large", "too_large", "is larger than this file system allows"],
  EMFILE: ["unavailable", "busy", "can't be opened: too many open files", "store"],
  ENFILE: ["unavailable", "busy", "can't be opened: too many open files", "store"],
  ENOMEM: ["unavailable", "busy", "can't be used: out of memory", "store"],
  EBUSY: ["unavailable", "busy", "is busy"],
  EAGAIN: ["unavailable", "busy", "is busy"],
  ESTALE: ["unavailable", "busy", "went away on its file server"],
  EIO: ["unavailable", "unreadable", "can't be read or written: input/output error of the disk"],
  ENAMETOOLONG: ["invalid", "name", "has a name longer than this file system allows"],
  EILSEQ: ["invalid", "name", "has a name that this file system does not allow"],
  EINVAL: ["invalid", "name", "has a name that this file system does not allow"],
  ELOOP: ["invalid", "type", "is a symbolic link"],
  ENXIO: ["invalid", "type", "is no regular file"],
  ENOTDIR: ["conflict", "collision", "needs a folder where there is a file"],
  EISDIR: ["conflict", "collision", "needs a file where there is a folder"],
}

/** What the operating system says, as a Fault; what it does not know stays as it is. */
export function fileFault(error: unknown, side: Side, what: string, scope?: Scope): unknown {
  const meaning = meanings[errno(error)]
  if (!meaning) return error
  const [kind, code, text, own] = meaning
  return new Fault(kind, `${side}.${code}`, `${what} ${text}.`, {
    cause: error,
    scope: scope ?? own ?? "item",
  })
}

export const errno = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : ""
