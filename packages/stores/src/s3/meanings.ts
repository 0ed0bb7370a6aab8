import type { Kind } from "@imgmigrator/core/fault"

export type Meaning = readonly [kind: Kind, code: string, text: string]

/** Of the whole store (Amazon S3 API Reference: Error Responses). What follows a name stands behind "what" in the message. */
export const ofStore: Readonly<Record<string, Meaning>> = {
  ...each(
    [
      "InvalidAccessKeyId",
      "SignatureDoesNotMatch",
      "InvalidSecurity",
      "AuthFailure",
      "Unauthorized",
      "MissingSecurityHeader",
    ],
    ["denied", "credentials", "refuses the credentials: the access key or its secret is wrong"],
  ),
  ...each(
    ["ExpiredToken", "TokenRefreshRequired", "InvalidToken", "RequestExpired"],
    [
      "denied",
      "credentials",
      "refuses the credentials: the session has expired or its token is wrong; renew it and resume",
    ],
  ),
  ...each(
    ["AccountProblem", "AllAccessDisabled", "NotSignedUp", "AccountSuspended"],
    ["denied", "credentials", "refuses the account: it is closed or suspended"],
  ),
  RequestTimeTooSkewed: [
    "unavailable",
    "clock",
    "refuses the time of the request: a clock is wrong by more than 15 minutes",
  ],
  NoSuchBucket: ["missing", "missing", "is not there: there is no such bucket"],
  InvalidBucketName: ["invalid", "missing", "is not there: the bucket's name is not valid"],
  ...each(
    [
      "QuotaExceeded",
      "StorageFull",
      "XMinioStorageFull",
      "XMinioAdminBucketQuotaExceeded",
      "InsufficientStorage",
    ],
    ["conflict", "full", "is full or its quota is used up; make room and resume"],
  ),
  ...each(
    [
      "KMS.DisabledException",
      "KMS.InvalidStateException",
      "KMS.NotFoundException",
      "KMS.AccessDeniedException",
    ],
    ["denied", "encryption", "can't use its KMS key; enable it or allow its use and resume"],
  ),
  NotImplemented: ["invalid", "unsupported", "can't do what was asked of it"],
}

export const ofItem: Readonly<Record<string, Meaning>> = {
  NoSuchKey: ["missing", "missing", "is not there"],
  NoSuchVersion: ["missing", "missing", "is not there"],
  AccessDenied: ["denied", "denied", "may not be used: access denied"],
  InvalidObjectState: ["denied", "archived", "is archived; restore it first"],
  KeyTooLongError: ["invalid", "name", "has a key of more than 1,024 bytes"],
  MetadataTooLarge: ["invalid", "metadata", "has more than 2 KB of metadata"],
  EntityTooLarge: ["too_large", "too_large", "is larger than the store allows"],
  ...each(
    [
      "BadDigest",
      "XAmzContentSHA256Mismatch",
      "XAmzContentChecksumMismatch",
      "InvalidDigest",
      "IncompleteBody",
    ],
    ["corrupt", "corrupt", "was damaged on its way: the checksum that arrived is another"],
  ),
  ...each(
    [
      "SlowDown",
      "ServiceUnavailable",
      "InternalError",
      "RequestTimeout",
      "OperationAborted",
      "ConditionalRequestConflict",
      "TooManyRequests",
      "BandwidthLimitExceeded",
      "TemporaryRedirect",
      "503",
      "Busy",
    ],
    ["unavailable", "busy", "can't be used just now"],
  ),
}

export const wrongRegion = [
  "PermanentRedirect",
  "AuthorizationHeaderMalformed",
  "IllegalLocationConstraintException",
  "InvalidRegionName",
]

function each(codes: readonly string[], meaning: Meaning): Record<string, Meaning> {
  return Object.fromEntries(codes.map((code) => [code, meaning]))
}
