import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { certificatesSetting, fileNamesOf } from "./certificate-settings.ts";

const WEB = { folder: "/etc/web/tls", names: ["web.example.org", "10.0.0.5"] };

function complaintOf(all: unknown): string {
  const { error } = certificatesSetting.safeParse(all);
  const [issue] = error?.issues ?? [];
  return issue === undefined ? "" : `${issue.path.join(".")}: ${issue.message}`;
}

const BAD: readonly [what: string, all: unknown, complaint: RegExp][] = [
  ["a name that is no label", { "We b": WEB }, /^We b: /],
  [
    "a folder that hangs on where the agent was started",
    { web: { ...WEB, folder: "tls" } },
    /^web\.folder: .*absolute/,
  ],
  ["no names", { web: { ...WEB, names: [] } }, /^web\.names/],
  ["a name twice", { web: { ...WEB, names: ["a", "a"] } }, /twice/],
  ["a SPIFFE ID for a name", { web: { ...WEB, names: ["spiffe://a/central"] } }, /DNS name/],
  ["another use", { web: { ...WEB, use: "authority" } }, /^web\.use/],
  [
    "A14: a file's name that leads elsewhere",
    { web: { ...WEB, files: { key: "../key" } } },
    /plain name/,
  ],
  ["one name for two files", { web: { ...WEB, files: { key: "server.crt" } } }, /one file twice/],
  ["A14: a key that everybody may read", { web: { ...WEB, keyMode: "0644" } }, /^web\.keyMode/],
  ["an owner that is no user", { web: { ...WEB, owner: "-u root" } }, /user's name/],
  [
    "a program without its path",
    { web: { ...WEB, reload: ["nginx", "-s", "reload"] } },
    /absolute path/,
  ],
  ["a line for a shell", { web: { ...WEB, reload: "/usr/sbin/nginx -s reload" } }, /^web\.reload/],
  ["an unknown key", { web: { ...WEB, folders: "/a" } }, /folders/],
  ["two that write one file", { web: WEB, other: WEB }, /and so does the certificate 'web'/],
  [
    "33 certificates",
    Object.fromEntries(
      Array.from({ length: 33 }, (_, at) => [`c${at}`, { ...WEB, folder: `/f${at}` }]),
    ),
    /more than 32/,
  ],
];

describe("the setting `certificates`", () => {
  it("is empty unless told, and a certificate is a server's with a closed key", () => {
    assert.deepEqual(certificatesSetting.parse(undefined), {});
    const { web } = certificatesSetting.parse({ web: WEB });
    assert.deepEqual(web, { ...WEB, use: "server", files: {}, keyMode: "0600" });
  });

  it("takes all that it knows, and two certificates in one folder under other names", () => {
    const all = {
      web: { ...WEB, owner: "www-data", reload: ["/usr/sbin/nginx", "-s", "reload"] },
      out: { ...WEB, use: "client", owner: "33:33", keyMode: "0640" },
    };
    assert.equal(complaintOf(all), "");
  });

  for (const [what, all, complaint] of BAD) {
    it(`SWP-1: refuses ${what}`, () => assert.match(complaintOf(all), complaint));
  }

  it("SW-2: names files by the use, unless told", () => {
    const [server, client, both] = (["server", "client", "both"] as const).map((use) =>
      fileNamesOf({ use, files: {} }),
    );
    assert.deepEqual(server, { cert: "server.crt", key: "server.pem", ca: "ca.crt" });
    assert.deepEqual(client, { cert: "client.crt", key: "client.pem", ca: "ca.crt" });
    assert.deepEqual(both, server);
    assert.equal(fileNamesOf({ use: "server", files: { key: "tls.key" } }).key, "tls.key");
  });
});
