import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseClientToken } from "@tautline/protocol";
import { refusalOf } from "../fixture-checks.test.ts";
import { actionsOf } from "../fixture-core.test.ts";
import type { BackendOrder } from "./backend-order.ts";
import { MOST_TARGETS } from "./backend-order.ts";
import { withStores } from "./fixture-stores.test.ts";

const ACTOR = "operator:ana";
const HOUR_MS = 3_600_000;
const order: BackendOrder = {
  name: "oap",
  targets: ["oap.example:11800"],
  protocol: "grpc",
  routes: [],
  tls: "off",
  trust: "",
  levels: ["mtls", "tls"],
  requireToken: false,
  anonymous: false,
  alsoLocal: false,
  claims: "off",
  actor: ACTOR,
};

describe("BackendStore", () => {
  it("keeps what was asked for, in memory at once, and writes who did it", () =>
    withStores(async ({ backends, book, core }) => {
      const added = await backends.add({ ...order, routes: ["/a.*"], namespace: "default" });
      const { name, targets, protocol, tls, trust, requireToken, anonymous, alsoLocal, claims } =
        order;
      assert.deepEqual(added, {
        name,
        targets,
        protocol,
        tls,
        trust,
        requireToken,
        anonymous,
        alsoLocal,
        claims,
        routes: ["/a.*"],
        levels: ["tls", "mtls"],
        namespace: "default",
        createdAt: new Date(core.clock.now()).toISOString(),
        createdBy: ACTOR,
      });
      assert.deepEqual(await backends.list(), [added]);
      assert.deepEqual(await backends.get("oap"), added);
      assert.deepEqual(book.backends(), [added]);
      await backends.remove("oap", ACTOR);
      assert.deepEqual(book.backends(), []);
      assert.deepEqual((await actionsOf(core)).slice(-2), ["backend.added", "backend.removed"]);
    }));

  const refused: readonly [string, Partial<BackendOrder>, string][] = [
    ["a name of more than a label", { name: "a.b" }, "value.receiver_name"],
    ["no place", { targets: [] }, "value.backend_target"],
    ["the same place twice", { targets: ["a:1", "a:1"] }, "value.backend_target"],
    ["a place without a port", { targets: ["a"] }, "value.backend_target"],
    ["an address that is none", { targets: ["0.0.0.0:1"] }, "receiver.backend_forbidden"],
    ["A12: a metadata service", { targets: ["169.254.169.254:80"] }, "receiver.backend_forbidden"],
    ["a route without a slash", { routes: ["a"] }, "value.backend_route"],
    ["authorities without a certificate", { tls: "ca", trust: "x" }, "api.invalid"],
    ["a pin that is none", { tls: "pin", trust: "x" }, "api.invalid"],
    ["a trust that nothing asks for", { trust: "x" }, "api.invalid"],
    ["a namespace that is not", { namespace: "nowhere" }, "api.not_found"],
    [
      "a place more than the limit",
      { targets: Array.from({ length: MOST_TARGETS + 1 }, (_, at) => `h${at}:1`) },
      "value.backend_target",
    ],
  ];
  for (const [what, change, code] of refused) {
    it(`refuses ${what}, and keeps nothing`, () =>
      withStores(async ({ backends }) => {
        const refusal = await refusalOf(() => backends.add({ ...order, ...change }));
        assert.equal(refusal.code, code);
        assert.deepEqual(await backends.list(), []);
      }));
  }

  it("takes a pin in hexadecimal and in base64, and keeps both alike", () =>
    withStores(async ({ backends }) => {
      const bytes = Buffer.alloc(32, 9);
      const trust = [bytes.toString("hex"), bytes.toString("base64")].join(",");
      const { trust: kept } = await backends.add({ ...order, tls: "pin", trust });
      assert.equal(kept, [1, 2].map(() => bytes.toString("base64url")).join(","));
    }));

  it("gives one route to one backend of a protocol", () =>
    withStores(async ({ backends }) => {
      await backends.add({ ...order, routes: ["/a.*"] });
      const again = { ...order, name: "two", routes: ["/b.*", "/a.*"] };
      const refusal = await refusalOf(() => backends.add(again));
      assert.match(refusal.message, /Backend 'oap' takes \/a\.\* over grpc already/);
      await backends.add({ ...again, protocol: "http" });
      await backends.add({ ...order, name: "rest" });
      const rest = await refusalOf(() => backends.add({ ...order, name: "rest-too" }));
      assert.match(rest.message, /takes what no other backend takes/);
      const gone = await refusalOf(() => backends.remove("nothing", ACTOR));
      assert.equal(gone.code, "api.not_found");
    }));
});

const secretOf = (text: string) => {
  const token = parseClientToken(text);
  assert.ok(token !== undefined);
  return token;
};

describe("ClientStore and ReceiverBook", () => {
  const made = { name: "shop", namespace: "default", lifeMs: HOUR_MS, actor: ACTOR };

  it("prove a token by its secret alone, until its end", () =>
    withStores(async ({ clients, book, core }) => {
      const { token, id, expiresAt } = await clients.create(made);
      const shown = secretOf(token);
      const expiresAtMs = Date.parse(expiresAt);
      assert.deepEqual(book.prove(shown), {
        kind: "proven",
        client: { name: "shop", namespace: "default", tokenId: id, expiresAtMs },
      });
      const wrong = book.prove({ ...shown, secret: new Uint8Array(32) });
      assert.ok(wrong.kind === "refused" && wrong.error.code === "receiver.token_unknown");
      const unknown = book.prove({ ...shown, id: "0".repeat(16) });
      assert.ok(unknown.kind === "refused" && unknown.error.code === "receiver.token_unknown");
      core.clock.advance(HOUR_MS);
      const late = book.prove(shown);
      assert.ok(late.kind === "refused" && late.error.code === "receiver.token_ended");
      assert.equal(book.judgeAgain({ name: "shop", tokenId: id })?.code, "receiver.token_ended");
    }));

  it("keep two live at once, and end the oldest with the third", () =>
    withStores(async ({ clients, book, core }) => {
      const first = await clients.create(made);
      core.clock.advance(1);
      const second = await clients.rotate(made);
      assert.equal(book.prove(secretOf(first.token)).kind, "proven");
      core.clock.advance(1);
      const third = await clients.rotate(made);
      assert.equal(book.prove(secretOf(first.token)).kind, "refused");
      assert.equal(book.prove(secretOf(second.token)).kind, "proven");
      assert.equal(book.prove(secretOf(third.token)).kind, "proven");
      const [view] = await clients.list();
      assert.deepEqual(
        view?.tokens.map(({ state }) => state),
        ["good", "good", "revoked"],
      );
    }));

  it("end one token, or the client with all of them, whose name is free again", () =>
    withStores(async ({ clients, book, core }) => {
      const first = await clients.create(made);
      const second = await clients.rotate(made);
      await clients.revoke({ name: "shop", id: first.id, actor: ACTOR, why: "lost" });
      await clients.revoke({ name: "shop", id: first.id, actor: ACTOR, why: "twice is once" });
      assert.equal(
        book.judgeAgain({ name: "shop", tokenId: first.id })?.code,
        "receiver.token_ended",
      );
      assert.equal(book.judgeAgain({ name: "shop", tokenId: second.id }), undefined);
      await clients.revoke({ name: "shop", actor: ACTOR, why: "gone" });
      assert.equal(
        book.judgeAgain({ name: "shop", tokenId: second.id })?.code,
        "receiver.token_ended",
      );
      assert.deepEqual(await clients.list(), []);
      await clients.create(made);
      assert.deepEqual((await actionsOf(core)).slice(-5), [
        "client.created",
        "client.rotated",
        "client.token-revoked",
        "client.revoked",
        "client.created",
      ]);
    }));

  it("refuse what is not, and what is already", () =>
    withStores(async ({ clients }) => {
      await clients.create(made);
      const codes = [
        await refusalOf(() => clients.create(made)),
        await refusalOf(() => clients.create({ ...made, name: "A" })),
        await refusalOf(() => clients.create({ ...made, name: "b", namespace: "nowhere" })),
        await refusalOf(() => clients.rotate({ ...made, name: "c" })),
        await refusalOf(() => clients.revoke({ name: "c", actor: ACTOR, why: "" })),
        await refusalOf(() => clients.revoke({ name: "shop", id: "x", actor: ACTOR, why: "" })),
        await refusalOf(() => clients.get("c")),
      ].map(({ code }) => code);
      assert.deepEqual(codes, [
        "api.conflict",
        "value.receiver_name",
        ...Array.from({ length: 5 }, () => "api.not_found"),
      ]);
    }));

  it("keep no secret: of a token only a sealed hash is on the disk", () =>
    withStores(async ({ clients, core }) => {
      const { token } = await clients.create(made);
      const rows = await core.store.read((db) =>
        db.selectFrom("receiver_tokens").selectAll().execute(),
      );
      const secret = Buffer.from(secretOf(token).secret);
      for (const { sealed_secret_hash: sealed } of rows) {
        assert.equal(Buffer.from(sealed).indexOf(secret), -1);
      }
      assert.ok(!JSON.stringify(await core.audit.list({ limit: 10 })).includes(token));
    }));
});
