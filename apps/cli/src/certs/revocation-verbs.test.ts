import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { decodePemBlock, encodePemBlock } from "@tautline/pki";
import { withTempFolder } from "@tautline/testing";
import {
  type Answers,
  type CommandResult,
  runLine,
  type SeenRequest,
  withFakeCentral,
} from "../test-world.ts";

const SERIAL = "0a0b0c";
const revoked = {
  serial: SERIAL,
  name: "spiffe://default.fleet.test/agent/0197d3b1-7c00-7abc-8def-0123456789ab",
  revokedAt: "2026-11-22T10:03:15Z",
  revokedReason: "superseded",
};
const pem = encodePemBlock("X509 CRL", Buffer.of(0x30, 0));
const list = {
  id: "aa",
  kind: "agents",
  namespace: "lab",
  number: 7,
  entries: 1,
  thisUpdate: "2026-11-22T10:00:00Z",
  nextUpdate: "2026-11-23T10:00:00Z",
  pem,
};
const authorities = [
  { id: "aa", kind: "agents", namespace: "lab", notAfter: "2031-11-22T10:00:00Z" },
  { id: "bb", kind: "root", namespace: "", notAfter: "2036-11-22T10:00:00Z", crl: null },
];

interface Asked extends CommandResult {
  readonly seen: readonly SeenRequest[];
  readonly file: () => Buffer;
}

function ask(line: string, answers: Answers, check: (asked: Asked) => void): Promise<void> {
  return withTempFolder((folder) =>
    withFakeCentral(folder, answers, async (seen) => {
      const result = await runLine(`${line} --data ${folder}`, folder);
      check({ ...result, seen, file: () => readFileSync(join(folder, "list.crl")) });
    }),
  );
}

test("certs revoke: one certificate, with the reason that the list will give", async () => {
  const answers = { [`POST /api/v1/certificates/${SERIAL}/revoke`]: { body: revoked } };
  await ask(
    `certs revoke ${SERIAL} --reason superseded --yes`,
    answers,
    ({ code, stdout, seen }) => {
      assert.equal(code, 0);
      assert.match(
        stdout,
        /^Certificate 0a0b0c \(spiffe:.*\) is revoked; the links it carried are closed\.$/m,
      );
      assert.deepEqual(seen[0]?.body, { reason: "superseded" });
    },
  );
  await ask(`certs revoke ${SERIAL} --yes --json`, answers, ({ stdout, seen }) => {
    assert.deepEqual(JSON.parse(stdout), revoked);
    assert.deepEqual(seen[0]?.body, { reason: "unspecified" });
  });
});

test("certs revoke: asks first, and takes no reason that a list has not", async () => {
  await ask(`certs revoke ${SERIAL}`, {}, ({ code, seen }) => {
    assert.notEqual(code, 0);
    assert.deepEqual(seen, []);
  });
  await ask(`certs revoke ${SERIAL} --reason boredom --yes`, {}, ({ code, stderr, seen }) => {
    assert.equal(code, 2);
    assert.match(stderr, /keyCompromise/);
    assert.deepEqual(seen, []);
  });
});

test("certs crl: the list of a namespace's agents, or of the authority that is named", async () => {
  const answers = {
    "GET /api/v1/authorities": { body: { items: authorities } },
    "GET /api/v1/authorities/aa/crl": { body: list },
  };
  await ask("certs crl --namespace lab", answers, ({ stdout }) => assert.equal(stdout, pem));
  await ask("certs crl aa", answers, ({ stdout, seen }) => {
    assert.equal(stdout, pem);
    assert.equal(seen.length, 1);
  });
  await ask("certs crl aa --json", answers, ({ stdout }) => {
    assert.deepEqual(JSON.parse(stdout), list);
  });
  await ask("certs crl --namespace nowhere", answers, ({ code, stderr }) => {
    assert.equal(code, 1);
    assert.match(stderr, /There is no namespace 'nowhere'/);
  });
});

test("certs crl: into a file, as PEM or DER", async () => {
  const answers = { "GET /api/v1/authorities/aa/crl": { body: list } };
  await ask("certs crl aa --out list.crl", answers, ({ stdout, file }) => {
    assert.equal(file().toString(), pem);
    assert.equal(stdout, "list.crl: list 7 with one entry, good until 2026-11-23T10:00:00Z.\n");
  });
  await ask("certs crl aa --out list.crl --form der", answers, ({ file }) =>
    assert.deepEqual(file(), decodePemBlock(pem)),
  );
  await ask("certs crl aa --form der", answers, ({ code, seen }) => {
    assert.equal(code, 2);
    assert.deepEqual(seen, []);
  });
});

test("certs authority: number, size and end of each list", async () => {
  const { pem: _pem, id: _id, kind: _kind, namespace: _namespace, ...crl } = list;
  const [agents, root] = authorities;
  const items = [{ ...agents, crl: { ...crl, bytes: 312 } }, root];
  await ask("certs authority", { "GET /api/v1/authorities": { body: { items } } }, ({ stdout }) => {
    assert.match(stdout, /^KIND +NAMESPACE +ENDS +CRL +ENTRIES +BYTES +NEXT UPDATE +ID$/m);
    assert.match(stdout, /^agents +lab +in .* +7 +1 +312 +in 23h +aa$/m);
    assert.match(stdout, /^root +all .* bb$/m);
  });
});
