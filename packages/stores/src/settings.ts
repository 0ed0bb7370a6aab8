/** Keys of an S3 account, bound to where they may be used: an operator's set never leaves its endpoint and buckets. */
export type Credentials = {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
  readonly region?: string
  /** Absent: AWS. */
  readonly endpoint?: string
  /** `*` stands for any. Absent: any of the endpoint's, which is meant for the role's own credentials. */
  readonly buckets?: readonly string[]
}

export type Timeouts = { readonly connectMs?: number; readonly headersMs?: number; readonly bodyMs?: number }

/** What the operator allows; nothing of it can be said in a request. */
export type StoreSettings = {
  /** The named set, or without a name the role's or the environment's; `undefined` where there is none. */
  credentials(name: string | undefined): Promise<Credentials | undefined>
  /** Only the local service: endpoints and addresses of this machine. Private networks and metadata stay refused. */
  readonly allowLoopback: boolean
  /** Only the local service: `file:` stores. */
  readonly allowFile: boolean
  /** Folders that `file:` stores must lie in. Absent: anywhere. */
  readonly fileRoots?: readonly string[]
  /** Of the function; a store's own comes first. */
  readonly region?: string
  /** Requests a second to one host of a list of addresses. Absent: no limit. */
  readonly hostRate?: number
  /** Connections of one store to one host, 64 if absent. */
  readonly connections?: number
  readonly timeouts?: Timeouts
}
