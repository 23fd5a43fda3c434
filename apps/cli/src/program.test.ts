import assert from "node:assert/strict";
import { test } from "node:test";
import { withTempFolder } from "@tautline/testing";
import { PARTS } from "./program.ts";
import { runLine } from "./test-world.ts";

/** Every verb of this issue as CLI.md lists it. */
const VERBS: Readonly<Record<string, readonly string[]>> = {
  quickstart: [],
  central: ["run"],
  agent: ["join", "run", "status"],
  config: ["check", "example"],
  keygen: [],
  swarm: [],
  tokens: ["create", "list", "revoke"],
  agents: ["list", "show", "revoke"],
  links: ["list", "show"],
  listeners: ["list", "set"],
  namespaces: ["create", "list", "show"],
  keys: ["create", "list", "show", "rotate", "delete"],
  forwards: ["allow", "deny", "list", "show"],
  backends: ["add", "list", "show", "remove"],
  clients: ["create", "list", "rotate", "revoke"],
  policy: ["plan"],
  settings: ["list", "get", "set", "unset"],
  certs: ["list", "show", "authority"],
  audit: ["list", "verify", "export", "head", "forks", "acknowledge"],
  vault: ["status"],
  operators: ["create", "list", "disable"],
  login: [],
  contexts: ["list", "use", "remove"],
  status: [],
  doctor: [],
  "verify-chain": [],
  id: ["parse"],
  routes: [],
};

test("the first level is the list in CLI.md, in its order", () => {
  assert.deepEqual(
    PARTS.map(({ name }) => name),
    Object.keys(VERBS),
  );
});

test("every noun has its verbs, and every verb explains itself and takes --json", () =>
  withTempFolder(async (cwd) => {
    for (const [noun, verbs] of Object.entries(VERBS)) {
      const page = await runLine(`${noun} --help`, cwd);
      assert.equal(page.code, 0);
      assert.match(page.stdout, new RegExp(`^Usage: tautline ${noun} `));
      for (const verb of verbs) assert.match(page.stdout, new RegExp(`^  ${verb} `, "m"));
      for (const line of verbs.length === 0 ? [noun] : verbs.map((verb) => `${noun} ${verb}`)) {
        const help = await runLine(`${line} --help`, cwd);
        assert.equal(help.code, 0, line);
        assert.match(help.stdout, /--json/, line);
        assert.equal(help.stderr, "", line);
      }
    }
  }));

test("help can be asked for as a verb too", () =>
  withTempFolder(async (cwd) => {
    const { code, stdout } = await runLine("help tokens", cwd);
    assert.equal(code, 0);
    assert.match(stdout, /^Usage: tautline tokens .*\n[^]*\n {2}create /);
  }));

test("the version is one line", () =>
  withTempFolder(async (cwd) => {
    assert.deepEqual(await runLine("--version", cwd), {
      code: 0,
      stdout: "tautline 1.2.3\n",
      stderr: "",
    });
  }));

test("usage mistakes end with 2 and name the page that helps", () =>
  withTempFolder(async (cwd) => {
    const rows: readonly (readonly [line: string, says: RegExp])[] = [
      ["tokns", /Unknown command 'tokns' \(Did you mean tokens\?\)\.\n.*'tautline --help'/],
      ["tokens lst", /Unknown command 'lst'.*\n.*'tautline tokens --help'/],
      ["tokens list --dta x", /Unknown option '--dta'.*\n.*'tautline tokens list --help'/],
      ["tokens create --uses 0", /'0' is invalid\. Write a whole number from 1 to 1000000\.\n/],
      ["tokens revoke", /Missing required argument 'id'\.\n/],
      ["tokens list extra", /Too many arguments.*\n/],
      ["config example nothing", /Allowed choices are central, agent\.\n/],
      ["verify-chain", /Required option '--roots <file>' not specified\.\n/],
    ];
    for (const [line, says] of rows) {
      const { code, stdout, stderr } = await runLine(line, cwd);
      assert.equal(code, 2, line);
      assert.equal(stdout, "", line);
      assert.match(stderr, says, line);
      assert.match(stderr, /^tautline: cli\.usage: /, line);
    }
  }));

test("a noun without a verb shows its verbs on stderr and ends with 2", () =>
  withTempFolder(async (cwd) => {
    for (const line of ["", "tokens"]) {
      const { code, stdout, stderr } = await runLine(line, cwd);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, /^Usage: tautline /);
    }
  }));

test("with --json a usage mistake is a problem document and nothing else", () =>
  withTempFolder(async (cwd) => {
    for (const line of ["tokens --json", "nonsense --json", "tokens create --uses x --json"]) {
      const { code, stdout, stderr } = await runLine(line, cwd);
      assert.deepEqual([code, stdout], [2, ""], line);
      const problem: unknown = JSON.parse(stderr);
      assert.partialDeepStrictEqual(problem, { code: "cli.usage", status: 400 }, line);
    }
  }));

test("A27: what a caller typed cannot forge lines or colours in the answer", () =>
  withTempFolder(async (cwd) => {
    const { stderr } = await runLine("x\u001B[31m\u202Ey", cwd);
    assert.doesNotMatch(stderr, /(?!\n)\p{Cc}|\p{Cf}/u);
  }));

test("verbs that ask central end with 3 and say what to do while none runs", () =>
  withTempFolder(async (cwd) => {
    const lines = [
      "tokens create",
      "tokens list",
      "tokens revoke x --yes",
      "agents list",
      "agents show 0197d3b1-7c00-7abc-8def-0123456789ab",
      "agents revoke 0197d3b1-7c00-7abc-8def-0123456789ab --yes",
      "links list",
      "links show x",
      "namespaces create lab",
      "namespaces list",
      "namespaces show lab",
      "settings list",
      "settings get k",
      "settings set k v",
      "settings unset k",
      "certs list",
      "certs show 00",
      "certs authority",
      "audit list",
      "audit verify",
      "audit export",
      "audit head",
      "audit forks",
      "audit acknowledge 00 --yes",
      "vault status",
      "routes",
      "status",
    ];
    for (const line of lines) {
      const { code, stdout, stderr } = await runLine(`${line} --data ${cwd}`, cwd);
      assert.deepEqual([code, stdout], [3, ""], line);
      assert.match(stderr, /^tautline: cli\.central_not_running: .*\n {2}What to do: /, line);
    }
  }));
