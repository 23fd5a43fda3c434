import { request } from "node:http";
import { join } from "node:path";
import type { BenchCentral } from "./central.ts";

/**
 * Calls central's admin API.
 *
 * @param central whose socket
 * @param method of HTTP
 * @param path below the root
 * @param body sent as JSON
 */
export function callAdmin<Result>(
  { dataDir }: Pick<BenchCentral, "dataDir">,
  method: "GET" | "POST" | "PUT",
  path: string,
  body: unknown = {},
): Promise<Result> {
  const text = method === "GET" ? undefined : JSON.stringify(body);
  const headers =
    text === undefined ? {} : { "content-type": "application/json", "content-length": text.length };
  const socketPath = join(dataDir, "admin.sock");
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, method, path, headers, agent: false }, (answer) => {
      let received = "";
      answer.setEncoding("utf8").on("data", (more: string) => (received += more));
      answer.on("end", () => {
        if ((answer.statusCode ?? 500) >= 300) reject(new Error(`${method} ${path}: ${received}`));
        else resolve((received === "" ? undefined : JSON.parse(received)) as Result);
      });
    });
    call.on("error", reject);
    call.end(text);
  });
}
