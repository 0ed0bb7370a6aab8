import { refusal } from "../errors.ts"

/** Without versioning there is one version, and its id is `null`. */
export function refuseVersion(versionId: string | undefined) {
  if (versionId === undefined || versionId === "null") return
  throw refusal("InvalidArgument", "Invalid version id specified", {
    ArgumentName: "versionId",
    ArgumentValue: versionId,
  })
}
