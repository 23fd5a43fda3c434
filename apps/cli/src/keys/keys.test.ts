import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { withTempFolder } from "@tautline/testing";
import {
  type Answers,
  type CommandResult,
  runLine,
  type SeenRequest,
  withFakeCentral,
} from "../test-world.ts";

const AGENT = "0197d3b1-7c00-7abc-8def-0123456789ab";
const OTHER = "0197d3b1-7c00-7abc-8def-0123456789ac";

type Asked = CommandResult & { readonly seen: readonly SeenRequest[] };

function ask(line: string, answers: Answers, files: Record<string, string> = {}): Promise<Asked> {
  return withTempFolder((folder) =>
    withFakeCentral(folder, answers, async (seen) => {
      for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
      return { ...(await runLine(`${line} --data ${folder}`, folder)), seen: [...seen] };
    }),
  );
}

const made = { name: "site-3", id: "ab", version: 1, value: "A".repeat(43), weakness: null };
const version = {
  version: 2,
  state: "current",
  weakness: null,
  createdAt: "2026-11-22T09:03:15Z",
  createdBy: "operator:local",
  agents: 1,
};
const page = {
  name: "site-3",
  id: "ab",
  namespace: "lab",
  agent: null,
  weak: true,
  versions: [
    { ...version, version: 1, state: "previous", weakness: "it is short", agents: 2 },
    version,
  ],
  createdAt: "2026-11-21T10:03:15Z",
  createdBy: "central",
  lastUsedAt: "2026-11-22T10:03:03Z",
  uses: [
    {
      agent: AGENT,
      version: 1,
      level: "basic",
      remoteAddress: "192.0.2.7",
      at: "2026-11-22T10:03:03Z",
      depends: true,
    },
    {
      agent: OTHER,
      version: 2,
      level: "advanced",
      remoteAddress: "2001:db8::7",
      at: "2026-11-22T10:02:15Z",
      depends: false,
    },
  ],
};
const central = (route: string, body: unknown, status = 200): Answers => ({
  [route.replace(" ", " /api/v1/")]: { body, status },
});

describe("keys create", () => {
  it("prints a text that central made alone on stdout, and what to do with it on stderr", async () => {
    const line = `keys create site-3 --namespace lab --agent ${AGENT}`;
    const { code, stdout, stderr, seen } = await ask(line, central("POST keys", made, 201));
    assert.deepEqual([code, stdout], [0, `${"A".repeat(43)}\n`]);
    assert.match(stderr, /shown this once/);
    assert.deepEqual(seen[0]?.body, { name: "site-3", namespace: "lab", agent: AGENT });
  });

  it("OVP-6: reads a given text from a file, whatever stands in it, and prints it to no person", async () => {
    const answer = { ...made, value: null, weakness: "it is worth at most 9 bits" };
    const files = { secret: `it's "old"\n` };
    const line = "keys create site-3 --value-file secret";
    const { stdout, stderr, seen } = await ask(line, central("POST keys", answer, 201), files);
    assert.equal(stdout, "Version 1 of key site-3 is made.\n");
    assert.match(stderr, /^This text is weak: it is worth at most 9 bits\. /);
    assert.equal(stderr.includes("old"), false);
    assert.deepEqual(seen[0]?.body, { name: "site-3", namespace: "default", value: `it's "old"` });
  });

  it("answers scripts in one form, whoever gave the text", async () => {
    const answer = { ...made, value: null };
    const line = "keys create site-3 --value-file secret --json";
    const { stdout, stderr } = await ask(line, central("POST keys", answer, 201), {
      secret: "x\r\n",
    });
    assert.deepEqual(JSON.parse(stdout), { ...made, value: "x" });
    assert.equal(stderr, "");
  });

  const refused: [line: string, files: Record<string, string>, code: string][] = [
    ["keys create Site", {}, "value.key_name"],
    ["keys create s --agent web-1", {}, "value.agent_id"],
    ["keys create s --value-file none", {}, "cli.file_unreadable"],
    ["keys create s --value-file f", { f: "" }, "value.key_text"],
    ["keys create s --value-file f", { f: "secret\nsecret" }, "value.key_text"],
    ["keys create s --value-file f", { f: "s".repeat(1_027) }, "cli.file_unreadable"],
  ];
  for (const [line, files, code] of refused) {
    it(`'${line}' is refused by ${code} before central is asked, and repeats no secret`, async () => {
      const { stderr, seen } = await ask(line, {}, files);
      assert.ok(stderr.includes(code), stderr);
      assert.deepEqual([seen.length, stderr.includes("secret")], [0, false]);
    });
  }
});

describe("keys list and show", () => {
  it("list shows versions with the number of agents that need them", async () => {
    const answers = central("GET keys?namespace=lab", { items: [page] });
    const { stdout } = await ask("keys list --namespace lab", answers);
    assert.match(
      stdout,
      /site-3 +lab +- +1 previous \(2\), 2 current \(1\) +yes +1d ago +12s ago\n$/,
    );
  });

  it("show says who used which version last, when, at which level and from where", async () => {
    const { stdout } = await ask("keys show site-3", central("GET keys/site-3", page));
    assert.match(stdout, /^version +1: was in use before, .*, 2 agents, weak: it is short$/m);
    assert.match(stdout, /^version +2: in use, answers to the bare name, .*, 1 agent$/m);
    assert.match(
      stdout,
      new RegExp(`^used by +${AGENT} version 1 at basic .* from 192.0.2.7$`, "m"),
    );
    assert.match(
      stdout,
      new RegExp(`^used by +${OTHER} version 2 at advanced .*needs it no more$`, "m"),
    );
  });

  it("show --psk-hex prints the bytes alone, and says that they are audited", async () => {
    const answer = { name: "site-3", version: 2, pskHex: "ab".repeat(32) };
    const answers = central("POST keys/site-3/export", answer);
    const { stdout, stderr } = await ask("keys show site-3 --psk-hex", answers);
    assert.equal(stdout, `${"ab".repeat(32)}\n`);
    assert.match(stderr, /The TLS-PSK identity is site-3\. This is audited\./);
  });
});

describe("keys rotate", () => {
  it("without an option makes the next version", async () => {
    const answers = central("POST keys/site-3/install", { ...made, version: 2 }, 201);
    const { stdout, stderr, seen } = await ask("keys rotate site-3", answers);
    assert.equal(stdout, `${"A".repeat(43)}\n`);
    assert.match(stderr, /It is version 2, beside the one in use/);
    assert.deepEqual(seen[0]?.body, {});
  });

  it("--remove goes on with agents that were named, and only after a yes", async () => {
    const line = `keys rotate site-3 --remove --allow-cut-off ${AGENT},${OTHER}`;
    const answers = central("POST keys/site-3/remove", { ...page, versions: [version] });
    const asked = await ask(line, answers);
    assert.deepEqual([asked.code, asked.seen.length], [2, 0]);
    const { stdout, seen } = await ask(`${line} --yes`, answers);
    assert.equal(stdout, "Key site-3: version 2 is in use.\n");
    assert.deepEqual(seen[0]?.body, { allowCutOff: [AGENT, OTHER] });
  });

  it("--allow-cut-off all is for a key that leaked", async () => {
    const answers = central("POST keys/site-3/undo", { ...page, versions: [version] });
    const { seen } = await ask("keys rotate site-3 --undo --allow-cut-off all --yes", answers);
    assert.deepEqual(seen[0]?.body, { allowCutOff: "all" });
  });

  for (const options of [
    "--use --undo",
    "--remove --undo",
    "--use --value-file f",
    "--allow-cut-off x --remove",
  ]) {
    it(`refuses '${options}'`, async () => {
      const { code, seen } = await ask(`keys rotate site-3 ${options}`, {});
      assert.deepEqual([code, seen.length], [2, 0]);
    });
  }
});

describe("keys delete", () => {
  it("says how many agents it cuts off, and does it after a yes", async () => {
    const answers = {
      ...central("GET keys/site-3", page),
      ...central("DELETE keys/site-3?force=true", "", 204),
    };
    const asked = await ask("keys delete site-3", answers);
    assert.match(
      asked.stderr,
      /Delete key site-3\? 3 agents are cut off by this\. It cannot be undone\./,
    );
    assert.equal(asked.seen.length, 1);
    const { stdout } = await ask("keys delete site-3 --yes --json", answers);
    assert.deepEqual(JSON.parse(stdout), { name: "site-3" });
  });
});
