import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { basicAuthorization } from "@tautline/link";
import { isTautlineError } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import { agentConfigSchema, type AgentConfig } from "../config.ts";
import { chooseProxy } from "./proxy-choice.ts";

const CENTRAL = { host: "central.example", port: 9150 };
const HERE = { host: "127.0.0.1", port: 9150 };

type Variables = Readonly<Record<string, string>>;

function choose(
  central: Partial<AgentConfig["central"]>,
  variables: Variables = {},
): ReturnType<typeof chooseProxy> {
  const config = agentConfigSchema.parse({});
  return chooseProxy({ ...config.central, ...central }, (name) => variables[name]);
}

test("without a word of it central is dialled directly", () => {
  const { proxyFor, shown } = choose({});
  assert.deepEqual([proxyFor(CENTRAL), shown], [undefined, null]);
});

test("the environment decides where the file says nothing; small letters first, empty is unset, exceptions hold", () => {
  const variables = {
    https_proxy: "",
    HTTPS_PROXY: "http://user:secret@proxy.example:3128",
    no_proxy: "other.example,  10.0.0.0/8",
    NO_PROXY: "*",
  };
  const { proxyFor, shown } = choose({}, variables);
  assert.equal(shown, "proxy.example:3128");
  assert.equal(proxyFor(CENTRAL)?.authorization, basicAuthorization("user", "secret"));
  for (const host of ["other.example", "a.other.example", "10.1.2.3"]) {
    assert.equal(proxyFor({ host, port: 9150 }), undefined, host);
  }
  assert.equal(choose({}, { https_proxy: "a:1", HTTPS_PROXY: "b:1" }).shown, "a:1");
});

test("this host's own addresses are dialled directly if only the environment names a proxy", () => {
  const variables = { HTTPS_PROXY: "http://proxy.example:3128" };
  for (const host of [
    "127.0.0.1",
    "127.9.9.9",
    "::1",
    "localhost",
    "a.localhost",
    "fe80::1%eth0",
  ]) {
    assert.equal(choose({}, variables).proxyFor({ host, port: 1 }), undefined, host);
  }
  assert.equal(choose({ proxy: "http://p:1" }).proxyFor(HERE)?.host, "p");
});

test("the file stands above the environment, and its `none` above all", () => {
  const variables = { HTTPS_PROXY: "http://outer.example:1" };
  assert.equal(choose({ proxy: "http://inner.example:2" }, variables).shown, "inner.example:2");
  assert.equal(choose({ proxy: "none" }, variables).proxyFor(CENTRAL), undefined);
  const own = choose({ proxy: "http://inner.example:2", noProxy: [".example:9150"] }, variables);
  assert.equal(own.proxyFor(CENTRAL), undefined);
  assert.equal(own.proxyFor({ ...CENTRAL, port: 1 })?.port, 2);
});

test("a proxy of the environment that cannot be used stops the agent, by the variable's name", () => {
  assert.throws(
    () => choose({}, { HTTPS_PROXY: "https://user:secret@p:1" }),
    (error) =>
      isTautlineError(error) &&
      error.code === "link.proxy_setting" &&
      error.message.includes("HTTPS_PROXY") &&
      !error.message.includes("secret"),
  );
});

function fails(code: string): (error: unknown) => boolean {
  return (error) =>
    isTautlineError(error) && error.code === code && !error.message.includes("secret");
}

test("a login is read from its file at each dial; A14: a file that others may read is refused", async () => {
  await withTempFolder((folder) => {
    const file = join(folder, "login");
    const { proxyFor, shown } = choose({ proxy: "http://p:1", proxyCredentialsFile: file });
    assert.throws(() => proxyFor(CENTRAL), fails("link.proxy_setting"));
    for (const password of ["secret", "se:cret"]) {
      writeFileSync(file, `user:${password}\n`, { mode: 0o600 });
      assert.equal(proxyFor(CENTRAL)?.authorization, basicAuthorization("user", password));
    }
    assert.equal(shown, "p:1");
    writeFileSync(file, "secret");
    assert.throws(() => proxyFor(CENTRAL), fails("link.proxy_setting"));
    chmodSync(file, 0o644);
    assert.throws(() => proxyFor(CENTRAL), fails("vault.file_unsafe"));
  });
});
