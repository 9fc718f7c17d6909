import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { tempDir } from "../temp-dir.ts";

/** An nginx before a server: on one port with HTTP/2, and on another one with HTTP/1.1. */
export interface Nginx {
  http1: string;
  http2: string;
}

/** Starts an nginx that is as impatient as `location` says, which is gone after the test. */
export async function startNginx(upstream: string, location: string): Promise<Nginx> {
  const prefix = tempDir();
  mkdirSync(join(prefix, "logs"));
  const [http1, http2] = [await freePort(), await freePort()];
  const address = upstream.replace("http://", "");
  const places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const file = join(prefix, "nginx.conf");
  writeFileSync(
    file,
    `daemon off; pid ${join(prefix, "pid")}; events {}
    http {
      access_log off;
      ${places.map((place) => `${place}_temp_path ${join(prefix, place)};`).join("\n")}
      upstream one { server ${address}; keepalive 8; }
      upstream two { server ${address}; keepalive 8; }
      map $http_content_type $is_grpc { default 0; "~^application/grpc($|[+;])" 1; }
      server {
        listen 127.0.0.1:${http1};
        listen 127.0.0.1:${http2} http2;
        location / {
          if ($is_grpc) { grpc_pass grpc://two; }
          proxy_pass http://one;
          proxy_http_version 1.1;
          proxy_set_header Connection "";
          proxy_set_header Host $host;
          ${location}
        }
      }
    }`,
  );
  const nginx = spawn("nginx", ["-p", prefix, "-c", file, "-e", join(prefix, "error.log")], {
    stdio: "ignore",
  });
  const ended = once(nginx, "exit");
  onTestFinished(async () => {
    nginx.kill("SIGTERM");
    await ended;
  });
  const urls = { http1: `http://127.0.0.1:${http1}`, http2: `http://127.0.0.1:${http2}` };
  while (!(await answers(`${urls.http1}/healthz`))) {
    if (nginx.exitCode !== null) throw new Error(`nginx ended with ${nginx.exitCode}`);
  }
  return urls;
}

function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
