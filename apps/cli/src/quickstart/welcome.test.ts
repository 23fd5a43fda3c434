import assert from "node:assert/strict";
import { test } from "node:test";
import { renderWelcome, type Welcome } from "./welcome.ts";

const plain = (_style: string, text: string): string => text;

const WELCOME: Welcome = {
  agents: "wss://127.0.0.1:9150",
  console: "https://127.0.0.1:8443",
  agent: { id: "0197", level: "mtls", group: "X25519MLKEM768" },
  next: { token: "tautline1.abc", expiresAt: "2026-11-22T11:03:15.123Z" },
  folder: "/srv/data",
  shownFolder: "./data",
  tautline: "./bin/tautline",
};

test("the join line stands alone on its line, ready to be pasted", () => {
  const lines = renderWelcome(WELCOME, plain).split("\n");
  assert.ok(lines.includes("  ./bin/tautline agent join tautline1.abc --run"));
});

test("it says where things are, how the agent is connected and how to look around", () => {
  const text = renderWelcome(WELCOME, plain);
  for (const part of [
    "https://127.0.0.1:8443",
    "wss://127.0.0.1:9150",
    "0197, connected: mtls, X25519MLKEM768",
    "until 2026-11-22T11:03:15Z",
    "./bin/tautline links list --data ./data",
    "Ctrl-C",
  ]) {
    assert.ok(text.includes(part), part);
  }
});

test("a group that is not known is not guessed", () => {
  const unknown = { ...WELCOME, agent: { id: "0197", level: "mtls", group: "" } };
  assert.match(renderWelcome(unknown, plain), /0197, connected: mtls, group not known/);
});
