import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { keyOf } from "../data.ts"
import { startLister } from "./lister.ts"
import type { StoreServer } from "./server.ts"

/**
 * A neutral S3: Debian's nginx serves and takes the bytes (DAV), a small lister answers listings. It checks no
 * signature and no checksum and keeps no metadata, the same for everyone: what it leaves as the bottleneck is the client.
 */
export async function startNginx(folder: string, port: number): Promise<StoreServer> {
  const root = join(folder, "data")
  for (const name of ["data", "tmp"]) mkdirSync(join(folder, name), { recursive: true })
  const lister = await startLister(root)
  const config = join(folder, "nginx.conf")
  writeFileSync(config, configuration(folder, root, port, lister.port))
  const nginx = spawn(
    "nginx",
    ["-c", config, "-p", folder, "-e", join(folder, "error.log"), "-g", "daemon off;"],
    { stdio: "ignore" },
  )
  const url = `http://127.0.0.1:${port}`
  for (
    let tries = 0;
    !(await fetch(url).then(
      () => true,
      () => false,
    ));
    tries++
  ) {
    if (nginx.exitCode !== null || tries > 500)
      throw new Error("nginx does not start: apt-get install nginx-extras")
    await sleep(10)
  }
  return {
    name: "nginx",
    url,
    // It keeps no checksum and its ETag is no MD5: there is nothing that it could confirm.
    query: "&verify=sent",
    pids: [nginx.pid ?? 0],
    make: async (bucket) => void mkdirSync(join(root, bucket), { recursive: true }),
    fill: async (bucket, files) => symlinkSync(files, join(root, bucket)),
    index: async (bucket) => {
      for (const encoding of ["", "&encoding-type=url"])
        await (await fetch(`${url}/${bucket}?list-type=2&max-keys=1${encoding}`)).text()
    },
    remove: async (bucket) => rmSync(join(root, bucket), { recursive: true, force: true }),
    list: (bucket, { count }) => {
      mkdirSync(join(root, "lists"), { recursive: true })
      const lines = Array.from({ length: count }, (_, i) => `${url}/${bucket}/${keyOf(i)}`)
      writeFileSync(join(root, "lists", `${bucket}.txt`), lines.join("\n"))
      return { list: `${url}/lists/${bucket}.txt`, index: `${url}/auto/${bucket}/` }
    },
    // The third number of the line below its heading (nginx: ngx_http_stub_status_module).
    requests: async () =>
      Number(/\n (?:\d+ ){2}(\d+)/.exec(await (await fetch(`${url}/__status`)).text())?.[1]),
    close: async () => {
      await lister.close()
      nginx.kill("SIGQUIT")
      await once(nginx, "exit")
    },
  }
}

const configuration = (folder: string, root: string, port: number, lister: number) => `
user root;
worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 1024; }
http {
  access_log off;
  client_max_body_size 0;
  client_body_buffer_size 16k;
  client_body_temp_path ${folder}/tmp;
  sendfile on; tcp_nodelay on;
  keepalive_requests 1000000; keepalive_timeout 600s;
  types { image/jpeg jpg; }
  upstream lister { server 127.0.0.1:${lister}; keepalive 32; }
  server {
    listen 127.0.0.1:${port} backlog=1024;
    root ${root};
    location / {
      if ($args ~ "(list-type=|prefix=|max-keys=|location|delimiter=)") { rewrite ^ /__list last; }
      if ($request_method = HEAD) { rewrite ^/([^/]+)/?$ /__head last; }
      # Writes under a condition, as S3 has them: If-None-Match: * where something is, If-Match where nothing is.
      set $condition "";
      if ($http_if_none_match = "*") { set $condition "absent"; }
      if ($http_if_match) { set $condition "present"; }
      if ($request_method != PUT) { set $condition ""; }
      if (-f $request_filename) { set $condition "$condition-there"; }
      if ($condition = "absent-there") { return 412; }
      if ($condition = "present") { return 412; }
      dav_methods PUT DELETE;
      create_full_put_path on;
    }
    location = /__status { stub_status; }
    location /auto/ { alias ${root}/; autoindex on; }
    location = /__list { internal; proxy_pass http://lister$request_uri; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }
    location = /__head { internal; return 200; }
  }
}
`
